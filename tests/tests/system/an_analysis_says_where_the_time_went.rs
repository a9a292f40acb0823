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
