//! Findings fire on traces that were made to have each fault, and are silent on a sound one.

use std::fmt::Write as _;
use std::fs;

use dft_aggregate::Config;
use dft_analyze::{Analysis, AnalyzeOptions, analyze};
use dft_index::{BuildOptions, Progress, build};
use dft_store::Index;

const MIB: u64 = 1 << 20;

/// A call, written as the first tracers did: with host and file by name.
struct Call<'a> {
    name: &'a str,
    cat: &'a str,
    host: &'a str,
    pid: u64,
    file: String,
    ts: u64,
    dur: u64,
    args: String,
}

fn line(call: &Call<'_>) -> String {
    let Call { name, cat, host, pid, file, ts, dur, args } = call;
    format!(
        r#"{{"name":"{name}","cat":"{cat}","pid":{pid},"tid":{pid},"ts":{ts},"dur":{dur},"ph":"X","args":{{"hostname":"{host}","fname":"{file}"{args}}}}}"#
    ) + "\n"
}

/// What a process of a job does. The default is sound: it computes all the time, and reads large records concurrently,
/// each once.
#[derive(Clone)]
struct Process {
    pid: u64,
    host: &'static str,
    /// When it starts, in µs.
    start: u64,
    steps: u64,
    /// The functions of a step: name, bytes moved, duration in µs.
    io: Vec<(&'static str, i64, u64)>,
    io_category: &'static str,
    /// How many steps read a file before the next one is opened.
    steps_of_file: u64,
    /// Whether each read has an offset; with it, whether all of a file's are the same.
    offset: Option<bool>,
    /// The time of a step, and how much of it is compute and communication, in µs.
    step: u64,
    compute: u64,
    comm: u64,
    /// Records that its last one claims and that are not there.
    lost: Option<u64>,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            pid: 1,
            host: "node1",
            start: 1_000_000,
            steps: 200,
            io: vec![("pread", 4 * MIB as i64, 4_000)],
            io_category: "POSIX",
            steps_of_file: 20,
            offset: Some(false),
            step: 20_000,
            compute: 19_000,
            comm: 0,
            lost: None,
        }
    }
}

impl Process {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut records = 0;
        let call = |name: &str, cat: &str, file: String, ts: u64, dur: u64, args: String| {
            line(&Call { name, cat, host: self.host, pid: self.pid, file, ts, dur, args })
        };
        for step in 0..self.steps {
            let ts = self.start + step * self.step;
            if self.compute > 0 {
                text += &call("forward", "compute", String::new(), ts, self.compute, String::new());
                records += 1;
            }
            if self.comm > 0 {
                text += &call("allreduce", "comm", String::new(), ts + self.compute, self.comm, String::new());
                records += 1;
            }
            let mut at = ts;
            for (name, bytes, dur) in &self.io {
                let file = format!("/p/set/{}-{}.bin", self.pid, step / self.steps_of_file);
                let mut args = String::new();
                if *bytes != 0 {
                    let _ = write!(args, r#","ret":{bytes}"#);
                }
                if let (Some(same), "pread") = (self.offset, *name) {
                    let offset = if same { 0 } else { (step % self.steps_of_file) as i64 * bytes };
                    let _ = write!(args, r#","offset":{offset}"#);
                }
                text += &call(name, self.io_category, file, at, *dur, args);
                at += dur;
                records += 1;
            }
        }
        if let Some(lost) = self.lost {
            let end = self.start + self.steps * self.step;
            let (pid, number) = (self.pid, records + lost);
            let _ = writeln!(
                text,
                r#"{{"name":"end","cat":"dftracer","pid":{pid},"tid":{pid},"ts":{end},"dur":0,"ph":1,"args":{{"hostname":"{}","num_events":{number}}}}}"#,
                self.host
            );
        }
        text
    }
}

fn analysis(processes: &[Process]) -> Analysis {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    fs::create_dir(&traces).expect("made");
    for process in processes {
        fs::write(traces.join(format!("{}.pfw", process.pid)), process.text()).expect("written");
    }
    let index = folder.path().join("index");
    build(&[traces], &index, &Config::default(), &BuildOptions::default(), &Progress::default()).expect("built");
    analyze(&Index::open(&index).expect("an index"), &AnalyzeOptions::default()).expect("an analysis")
}

fn four(process: &Process) -> Vec<Process> {
    (1..=4).map(|pid| Process { pid, ..process.clone() }).collect()
}

fn found(processes: &[Process]) -> Vec<String> {
    analysis(processes).findings.found.into_iter().map(|finding| finding.id).collect()
}

#[test]
fn a_sound_job_has_no_findings() {
    let found = analysis(&four(&Process::default()));
    assert_eq!(found.preset.name, "dlio");
    assert_eq!(found.findings.found, [], "{:?}", found.findings);
    assert_eq!(found.findings.unknown, []);
}

#[test]
fn each_fault_is_found_alone() {
    let sound = Process::default();
    let with_io = |io: &[(&'static str, i64, u64)]| Process { io: io.to_vec(), ..sound.clone() };
    let small = [("read", 4_096, 50); 4].to_vec();
    let (mebibytes, kibibytes) = (4 * MIB as i64, 4_096);
    let faults: Vec<(&str, Vec<Process>)> = vec![
        ("small-reads", four(&Process { io: small, ..sound.clone() })),
        ("small-writes", four(&with_io(&[("write", kibibytes, 50), ("write", kibibytes, 50)]))),
        ("metadata-heavy", four(&with_io(&[("stat", 0, 6_000), ("pread", mebibytes, 4_000)]))),
        ("many-opens", {
            let io = [("open", 0, 20), ("open", 0, 20), ("close", 0, 20), ("pread", 1_900_000, 4_000)];
            four(&with_io(&io))
        }),
        ("small-files", {
            // Two writes of half a small request for each file: neither many nor one alone.
            let io = vec![("write", 500_000, 1_000)];
            four(&Process { io, steps_of_file: 1, steps: 300, ..sound.clone() })
        }),
        ("read-again", four(&Process { offset: Some(true), ..sound.clone() })),
        ("one-rank", {
            let mut processes = four(&with_io(&[("open", 0, 4_000)]));
            processes[0] = sound.clone();
            processes
        }),
        ("out-of-balance", {
            let mut processes = four(&sound);
            processes[2].io = vec![("pread", mebibytes, 15_000)];
            processes
        }),
        ("exposed-io", four(&Process { compute: 1_000, io: vec![("pread", mebibytes, 12_000)], ..sound.clone() })),
        ("communication", four(&Process { compute: 11_000, comm: 8_000, ..sound.clone() })),
        ("failing-calls", four(&with_io(&[("pread", mebibytes, 4_000), ("write", -1, 10)]))),
        ("sync-after-write", four(&with_io(&[("write", mebibytes, 4_000), ("fsync", 0, 1_000)]))),
        (
            "stdio",
            four(&Process {
                io_category: "STDIO",
                io: vec![("fgets", 0, 10), ("fread", mebibytes, 4_000)],
                ..sound.clone()
            }),
        ),
        ("lost-events", four(&Process { lost: Some(7), ..sound.clone() })),
        ("clocks", {
            let mut processes = four(&sound);
            processes.iter_mut().skip(2).for_each(|process| (process.host, process.start) = ("node2", 60_000_000));
            processes
        }),
    ];
    for (id, processes) in &faults {
        let found = found(processes);
        assert!(found.iter().any(|found| found == id), "{id} is not found: {found:?}");
        // What belongs together may be found together.
        let allowed = |other: &str| {
            other == *id
                || matches!(
                    (*id, other),
                    ("small-reads" | "small-writes", "many-opens" | "small-files")
                        | ("small-files", "small-writes")
                        | ("metadata-heavy", "many-opens")
                        | ("one-rank", "metadata-heavy" | "many-opens")
                        | ("read-again", "small-files")
                )
        };
        assert!(found.iter().all(|other| allowed(other)), "{id}: {found:?}");
    }
}

#[test]
fn one_slow_call_is_found_with_its_place() {
    let mut processes = four(&Process::default());
    processes[1].steps = 201;
    processes[1].io = vec![("pread", 4 * MIB as i64, 4_000)];
    let mut text = processes[1].text();
    // A read of 3 s, under compute.
    for (name, cat, dur, args) in
        [("forward", "compute", 3_100_000, ""), ("pread", "POSIX", 3_000_000, r#","ret":4194304"#)]
    {
        let (file, args) = ("/p/set/slow.bin".to_owned(), args.to_owned());
        text += &line(&Call { name, cat, host: "node1", pid: 2, file, ts: 2_000_000, dur, args });
    }
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    fs::create_dir(&traces).expect("made");
    for process in &processes {
        let text = if process.pid == 2 { text.clone() } else { process.text() };
        fs::write(traces.join(format!("{}.pfw", process.pid)), text).expect("written");
    }
    let index = folder.path().join("index");
    build(&[traces], &index, &Config::default(), &BuildOptions::default(), &Progress::default()).expect("built");
    let found = analyze(&Index::open(&index).expect("an index"), &AnalyzeOptions::default()).expect("an analysis");
    let slow = found.findings.found.iter().find(|finding| finding.id == "slow-calls").expect("a finding");
    assert!(slow.text.contains("3 s") && slow.number >= 100.0, "{slow:?}");
    assert!(slow.place.as_ref().is_some_and(|place| place.contains("pread in process 2")), "{slow:?}");
    assert!(slow.evidence.iter().any(|fact| fact.name == "slowest" && fact.value == 3_000_000.0), "{slow:?}");
}

#[test]
fn what_cannot_be_judged_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    fs::create_dir(&traces).expect("made");
    for process in four(&Process { offset: None, ..Process::default() }) {
        fs::write(traces.join(format!("{}.pfw", process.pid)), process.text()).expect("written");
    }
    let index = folder.path().join("index");
    let config = Config { occupancy: false, ..Config::default() };
    build(&[traces], &index, &config, &BuildOptions::default(), &Progress::default()).expect("built");
    let found = analyze(&Index::open(&index).expect("an index"), &AnalyzeOptions::default()).expect("an analysis");
    assert!(found.layers.iter().all(|layer| layer.busy.is_none() && layer.calls > 0));
    assert_eq!(found.job.busy_us, None);
    let reason = |id: &str| {
        let unknown = found.findings.unknown.iter().find(|unknown| unknown.id == id);
        unknown.unwrap_or_else(|| panic!("{id} was judged: {:?}", found.findings)).reason.clone()
    };
    assert!(reason("read-again").contains("offsets"));
    assert!(reason("exposed-io").contains("--no-occupancy") && reason("out-of-balance").contains("--no-occupancy"));
    assert!(found.job.unknown_because.is_some_and(|reason| reason.contains("--no-occupancy")));
}
