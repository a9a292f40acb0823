//! `dft analyze` on the terminal, as JSON and as CSV, with presets by name and from files, and without occupancy.

use dft_tests::{data, run, write};

use crate::common::DFT;

#[test]
fn a_screen_shows_layers_balance_and_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index").display().to_string();
    run(DFT, ["index", &data("tracer-3-events").display().to_string(), "--index", &index]).exits(0);
    let analyze = |options: &[&str]| run(DFT, ["analyze", &index].iter().chain(options));
    let text = analyze(&[]).exits(0).out;
    assert!(text.contains("preset generic") && text.contains("because no other preset fits"), "{text}");
    assert!(text.contains("POSIX - All") && text.contains("balance of processes"), "{text}");
    assert!(text.contains("! Small reads:") && text.contains("advice  read more at once"), "{text}");

    let json: serde_json::Value = serde_json::from_str(&analyze(&["--json"]).exits(0).out).expect("JSON");
    assert_eq!(json["format"], "dft-analysis/1");
    let posix = json["layers"].as_array().and_then(|all| all.iter().find(|layer| layer["name"] == "posix"));
    let posix = posix.expect("a layer");
    assert_eq!(posix["calls"], 7_066);
    let (busy, time) = (posix["busy"]["sum_us"].as_u64(), posix["time_us"].as_u64());
    // One thread a process, and no call within another.
    assert!(busy.is_some() && busy == time, "{posix}");

    let csv = analyze(&["--by", "function", "--csv"]).exits(0).out;
    assert!(
        csv.starts_with(
            "function,start_us,layer,calls,time_us,bytes,busy_us,busy_sum_us,calls_in_progress,peak_calls_in_progress\n"
        ),
        "{csv}"
    );
    let text = analyze(&["--by", "time", "--top", "1"]).exits(0).out;
    assert!(text.contains("0 into it") && text.contains("--top N shows more"), "{text}");
    let text = analyze(&["--as", "dfanalyzer", "--preset", "posix"]).exits(0).out;
    assert!(text.contains("Time Period Summary") && text.contains("no intersection"), "{text}");

    // Presets.
    let preset = folder.path().join("mine.toml");
    write(
        &preset,
        "name = \"mine\"\ntitle = \"Mine\"\n[paths]\nsamples = \"/x\"\n[[layer]]\nname = \"samples\"\nwhere = 'file_name contains {samples}'\n",
    );
    let mine = preset.display().to_string();
    let json = analyze(&["--preset", &mine, "--path", "samples=data", "--json"]).exits(0).out;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["layers"].as_array().map(Vec::len), Some(1), "{}", json["layers"]);
    write(&preset, "name = \"mine\"\n");
    let wrong = analyze(&["--preset", &mine]).exits(2);
    assert!(wrong.err.contains("mine.toml") && wrong.err.contains("title"), "{}", wrong.err);
    let wrong = analyze(&["--preset", "dlo"]).exits(2);
    assert!(wrong.err.contains("dlio-prev") && wrong.err.contains("auto"), "{}", wrong.err);
    let wrong = analyze(&["--by", "colour"]).exits(2);
    assert!(wrong.err.contains("colour") && wrong.err.contains("directory"), "{}", wrong.err);
    let wrong = analyze(&["--by", "time", "--granularity", "1ms"]).exits(2);
    assert!(wrong.err.contains("multiple"), "{}", wrong.err);
}

#[test]
fn an_index_without_occupancy_says_that_busy_times_are_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let traces = data("tracer-3-events").display().to_string();
    run(DFT, ["index", &traces, "--index", &path("without"), "--no-occupancy"]).exits(0);
    run(DFT, ["verify", &path("without")]).exits(0);
    let text = run(DFT, ["analyze", &path("without")]).exits(0).out;
    assert!(text.contains("built without occupancy") && text.contains("POSIX - All"), "{text}");
    assert!(text.contains("not judged:"), "{text}");
    // It is part of the configuration.
    let other = run(DFT, ["index", &traces, "--index", &path("without")]).exits(1);
    assert!(other.err.contains("occupancy off") && other.err.contains("--rebuild"), "{}", other.err);
}

/// A call counts in the cell of its middle. Layers without such a call in the time to analyze once had no busy time there,
/// although a call that reached into it was in progress.
#[test]
fn busy_times_of_windows_add_up_to_those_of_the_job() {
    let folder = tempfile::tempdir().expect("a folder");
    let call = |name: &str, cat: &str, ts: u64, dur: u64| {
        format!(
            "{{\"name\":\"{name}\",\"cat\":\"{cat}\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":{dur},\"ph\":1,\"args\":{{\"hhash\":\"h\"}}}}\n"
        )
    };
    let mut text = call("train", "compute", 500_000, 9_000_000);
    (0..10).for_each(|second| text += &call("read", "POSIX", second * 1_000_000 + 100_000, 600_000));
    let (trace, index) = (folder.path().join("x.pfw"), folder.path().join("index").display().to_string());
    write(&trace, text);
    run(DFT, ["index", &trace.display().to_string(), "--index", &index]).exits(0);
    let analyze = |options: &[&str]| {
        let words = ["analyze", &index, "--preset", "generic", "--json"];
        let out = run(DFT, words.iter().chain(options)).exits(0).out;
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON")
    };
    let names = ["compute", "posix"];
    let busy = |analysis: &serde_json::Value| {
        names.map(|name| {
            let layer = analysis["layers"].as_array().and_then(|all| all.iter().find(|layer| layer["name"] == name));
            layer.map_or(Some(0), |layer| layer["busy"]["any_us"].as_u64()).expect("a busy time")
        })
    };
    assert_eq!(busy(&analyze(&[])), [9_000_000, 6_000_000]);
    let windows: Vec<[u64; 2]> =
        (0..10).map(|second| busy(&analyze(&["--time", &format!("{second}s..{}s", second + 1)]))).collect();
    assert_eq!(windows[2], [1_000_000, 600_000]);
    assert_eq!(windows[5], [1_000_000, 600_000]);
    let window = analyze(&["--time", "4s..6s"]);
    assert_eq!((&window["job"]["time_us"], &window["job"]["busy_us"]), (&2_000_000.into(), &2_000_000.into()));
    let compute = window["layers"].as_array().and_then(|all| all.iter().find(|layer| layer["name"] == "compute"));
    assert_eq!(compute.expect("a layer")["busy"]["share_of_job"], 1.0);
    let sums = windows.iter().fold([0; 2], |sums, window| [sums[0] + window[0], sums[1] + window[1]]);
    assert_eq!(sums, [9_000_000, 6_000_000]);
}
