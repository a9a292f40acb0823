//! Totals that dfanalyzer 0.0.9 gets wrong, and what they are.

use std::fs;
use std::path::Path;

use dft_aggregate::Config;
use dft_analyze::{Analysis, AnalyzeOptions, By, Preset, analyze};
use dft_index::{BuildOptions, Progress, build};
use dft_store::Index;

fn data(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)
}

/// Analyzes traces by a built-in preset.
fn analysis(traces: &[(&str, String)], preset: &str, by: Option<By>, interval_us: u64) -> Analysis {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = folder.path().join("traces");
    fs::create_dir(&directory).expect("made");
    for (name, text) in traces {
        fs::write(directory.join(name), text).expect("written");
    }
    let index = folder.path().join("index");
    let config = Config { interval_us, ..Config::default() };
    build(&[directory], &index, &config, &BuildOptions::default(), &Progress::default()).expect("built");
    let preset = Preset::built_in(preset, &Default::default()).expect("a preset");
    let options = AnalyzeOptions { preset: preset.into(), by, ..AnalyzeOptions::default() };
    analyze(&Index::open(&index).expect("an index"), &options).expect("an analysis")
}

fn call(host: &str, (pid, tid): (u32, u32), cat: &str, name: &str, ts: u64, dur: u64, args: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"cat\":\"{cat}\",\"pid\":{pid},\"tid\":{tid},\"ts\":{ts},\"dur\":{dur},\"ph\":1,\"args\":{{\"hhash\":\"{host}\"{args}}}}}\n"
    )
}

#[test]
fn overlap_is_the_intersection_of_intervals() {
    // A reader and compute of one process take turns, 100 ms each: dfanalyzer reports an overlap of 100 % at 1 s.
    let mut text = String::new();
    for step in 0..20 {
        text += &call("h", (1, 1), "compute", "forward", step * 200_000, 100_000, "");
        text += &call("h", (1, 2), "reader", "sample", step * 200_000 + 100_000, 100_000, "");
    }
    let alternating = analysis(&[("a.pfw", text)], "dlio", None, 1_000_000);
    let reader = alternating.layers.iter().find(|layer| layer.name == "reader").expect("a layer");
    let hidden = reader.busy.as_ref().and_then(|busy| busy.hidden.as_ref()).expect("it is compared");
    assert_eq!((hidden.same_process_us, hidden.any_process_us, hidden.exposed_us), (0, 0, 2_000_000));
    // The same reader under the compute of another process.
    let mut text = String::new();
    for step in 0..20 {
        text += &call("h", (2, 1), "compute", "forward", step * 200_000 + 50_000, 100_000, "");
        text += &call("h", (1, 2), "reader", "sample", step * 200_000 + 100_000, 100_000, "");
    }
    let other = analysis(&[("a.pfw", text)], "dlio", None, 1_000_000);
    let reader = other.layers.iter().find(|layer| layer.name == "reader").expect("a layer");
    let hidden = reader.busy.as_ref().and_then(|busy| busy.hidden.as_ref()).expect("it is compared");
    assert_eq!((hidden.same_process_us, hidden.any_process_us), (0, 20 * 50_000));
}

#[test]
fn busy_time_does_not_depend_on_the_length_of_a_cell() {
    let mut text = String::new();
    for step in 0_u64..50 {
        // Nested and parallel calls that span many cells of 10 ms.
        text += &call("h", (1, 1), "posix", "read", step * 90_000, 70_000, "");
        text += &call("h", (1, 1), "posix", "lseek", step * 90_000 + 10_000, 1_000, "");
        text += &call("h", (1, 2), "posix", "read", step * 90_000 + 40_000, 40_000, "");
    }
    let busy = |interval: u64| {
        let found = analysis(&[("a.pfw", text.clone())], "posix", None, interval);
        let layer = &found.layers[0];
        (layer.busy.clone().expect("times are known"), found.job.time_us)
    };
    let (second, job) = busy(1_000_000);
    assert_eq!((second.any_us, job), (50 * 80_000, 49 * 90_000 + 80_000));
    for interval in [10_000, 100_000, 5_000_000] {
        assert_eq!(busy(interval).0, second, "{interval} µs");
    }
}

#[test]
fn the_same_process_number_on_two_hosts_is_two_processes() {
    let of = |host: &str| call(host, (7, 7), "posix", "read", 5, 10, ",\"ret\":100");
    let two = analysis(&[("a.pfw", of("one")), ("b.pfw", of("two"))], "posix", Some(By::Host), 1_000_000);
    assert_eq!((two.job.processes, two.job.hosts, two.job.calls, two.job.bytes), (2, 2, 2, Some(200)));
    let busy = two.layers[0].busy.as_ref().expect("times are known");
    assert_eq!((busy.any_us, busy.sum_us, busy.peak_processes_busy), (10, 20, 2));
    assert_eq!(two.groups.expect("groups").groups.len(), 2);
}

#[test]
fn telemetry_of_two_hosts_does_not_multiply_calls() {
    let of = |host: &str| {
        let reading = format!(
            "{{\"name\":\"cpu\",\"cat\":\"sys\",\"pid\":7,\"tid\":7,\"ts\":1,\"ph\":2,\"args\":{{\"hhash\":\"{host}\",\"user_pct\":5.5}}}}\n"
        );
        call(host, (7, 7), "posix", "read", 5, 10, ",\"ret\":100") + &reading.repeat(3)
    };
    let two = analysis(&[("a.pfw", of("one")), ("b.pfw", of("two"))], "posix", None, 1_000_000);
    assert_eq!((two.layers[0].calls, two.layers[0].bytes, two.job.time_us), (2, Some(200), 10));
    // Telemetry alone is no job.
    let text = of("one").lines().skip(1).map(|line| format!("{line}\n")).collect();
    let none = analysis(&[("a.pfw", text)], "posix", None, 1_000_000);
    assert_eq!((none.job.calls, none.job.time_us, none.layers.len()), (0, 0, 0));
}

#[test]
fn calls_that_the_tracer_summed_up_are_counted_beside_others_of_the_same_function() {
    let summed = |ts: u64| {
        format!(
            "{{\"name\":\"forward\",\"cat\":\"compute\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"ph\":3,\"args\":{{\"hhash\":\"h\",\"dft_cnt\":60,\"dur_sum\":600,\"dur_min\":10,\"dur_max\":10}}}}\n"
        )
    };
    let text = call("h", (1, 1), "compute", "forward", 5, 10, "").repeat(120) + &summed(0) + &summed(1_000_000);
    let hybrid = analysis(&[("a.pfw", text)], "generic", None, 1_000_000);
    let layer = hybrid.layers.iter().find(|layer| layer.name == "compute").expect("a layer");
    assert_eq!((layer.calls, layer.unknown_calls, layer.time_us), (240, 120, 2_400));
    assert_eq!(hybrid.job.aggregated_calls, 120);
    assert!(hybrid.job.unknown_because.as_ref().is_some_and(|why| why.contains("120 of 240")), "{:?}", hybrid.job);
    let busy = layer.busy.as_ref().expect("times of some calls are known");
    // What is known only of some calls is no mean and no bandwidth.
    assert_eq!((busy.any_us, busy.calls_in_progress, busy.bandwidth_bytes_per_s), (10, None, None));
    assert_eq!((busy.peak_calls_in_progress, busy.peak_is_exact), (None, false));
}

#[test]
fn an_aggregated_trace_has_layers_and_times_of_calls_but_no_busy_times() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = folder.path().join("index");
    let traces = [data("tracer-3-aggregated")];
    build(&traces, &index, &Config::default(), &BuildOptions::default(), &Progress::default()).expect("built");
    let index = Index::open(&index).expect("an index");
    let found =
        analyze(&index, &AnalyzeOptions { by: Some(By::Function), ..AnalyzeOptions::default() }).expect("found");
    assert_eq!(found.preset.name, "generic");
    let calls: Vec<(&str, u128)> = found.layers.iter().map(|layer| (layer.name.as_str(), layer.calls)).collect();
    assert_eq!(calls, [("app", 14_514), ("ai_framework", 480), ("data_loader", 480), ("posix", 13_554)]);
    assert!(found.layers.iter().all(|layer| layer.busy.is_none() && layer.unknown_calls == layer.calls));
    assert_eq!((found.job.busy_us, found.job.processes, found.job.bytes), (None, 4, Some(14_170_628)));
    assert!(found.groups.expect("groups").groups.iter().all(|group| group.all.busy_us.is_none()));
}

#[test]
fn epochs_are_windows_of_each_process() {
    let mut text = String::new();
    for epoch in 0_u64..3 {
        let start = epoch * 1_000_000;
        text += &call("h", (1, 1), "pipeline", "epoch.block", start, 900_000, "");
        text += &call("h", (1, 1), "compute", "forward", start + 100_000, 500_000 + epoch * 100_000, "");
        // A reader process without epochs.
        text += &call("h", (2, 2), "reader", "sample", start + 850_000, 100_000, "");
    }
    let found = analysis(&[("a.pfw", text)], "dlio", Some(By::Epoch), 1_000_000);
    let epochs: Vec<(usize, u64, usize)> =
        found.epochs.iter().map(|epoch| (epoch.number, epoch.max_us, epoch.processes)).collect();
    assert_eq!(epochs, [(0, 900_000, 1), (1, 900_000, 1), (2, 900_000, 1)]);
    let busy = |epoch: usize, layer: &str| {
        found.epochs[epoch].layers.iter().find(|of| of.layer == layer).map(|of| of.busy_sum_us)
    };
    assert_eq!(
        (busy(0, "compute"), busy(2, "compute"), busy(1, "reader")),
        (Some(500_000), Some(700_000), Some(50_000))
    );
    let groups = found.groups.expect("groups").groups;
    assert_eq!(groups.len(), 3);
    // Rows do not say in which epoch their calls were.
    assert_eq!((groups[1].all.calls, groups[1].all.busy_us), (None, Some(900_000)));
}
