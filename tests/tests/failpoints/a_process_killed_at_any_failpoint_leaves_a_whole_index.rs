//! If the process dies, or the system refuses, at any failpoint, the index is whole, and running the command again gives
//! the same tables, to the byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use dft_tests::{contents, dft, exported, gzip, has_index, run, trace, write};

use crate::common::DFT;

/// Builds of every kind, one after another, in a directory.
struct Builds {
    folder: PathBuf,
    /// On another file system than `folder` if possible, so that bundles are copied.
    local: tempfile::TempDir,
}

/// A sequence of builds.
#[derive(Clone, Copy)]
enum Scenario {
    EveryKind,
    Many,
}

impl Scenario {
    /// Returns the scenario that passes a failpoint.
    fn that_passes(point: &str) -> Self {
        if point == "publish:before a family is compacted" { Self::Many } else { Self::EveryKind }
    }
}

/// The tables after each step, and how often each failpoint is passed by the step that passes it most often.
struct Undisturbed {
    states: Vec<Option<BTreeMap<String, Vec<u8>>>>,
    points: BTreeMap<String, u64>,
}

type Step = (&'static str, Box<dyn Fn(&Builds)>, Vec<String>);

impl Builds {
    fn new(folder: &Path) -> Self {
        let memory = Path::new("/dev/shm");
        let local = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self { folder: folder.to_owned(), local: local.expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn index(&self) -> PathBuf {
        self.path("index")
    }

    /// Returns the commands, each with what happens before it.
    fn steps(&self, scenario: Scenario) -> Vec<Step> {
        match scenario {
            Scenario::EveryKind => self.builds_of_every_kind(),
            Scenario::Many => self.many_builds(),
        }
    }

    fn index_command(&self, traces: &str) -> Vec<String> {
        let text = |name: &str| self.path(name).display().to_string();
        let options = ["--threads", "2", "--memory", "64K", "--index"].map(str::to_owned);
        [vec!["index".to_owned(), text(traces)], options.to_vec(), vec![text("index")]].concat()
    }

    fn builds_of_every_kind(&self) -> Vec<Step> {
        let text = |name: &str| self.path(name).display().to_string();
        let local = self.local.path().display().to_string();
        let stage = |part: &str, staging: String| {
            let options = ["--part", part, "--piece-size", "40K", "--shared-staging"].map(str::to_owned).to_vec();
            let from = ["stage".to_owned(), text("staged"), "--staging".to_owned(), staging].to_vec();
            [from, options, vec![text("shared")]].concat()
        };
        let ingest = vec!["ingest".to_owned(), text("index"), "--shared-staging".to_owned(), text("shared")];
        let nothing = || Box::new(|_: &Builds| {});
        vec![
            (
                "a first build",
                Box::new(|builds| {
                    write(&builds.path("traces/a.pfw.gz"), gzip(trace(1, 4_000).as_bytes()));
                    write(&builds.path("traces/b.pfw"), trace(2, 3_000));
                }),
                self.index_command("traces"),
            ),
            (
                "a build of what is new and what has grown",
                Box::new(|builds| {
                    write(&builds.path("traces/c.pfw.gz"), gzip(trace(3, 4_000).as_bytes()));
                    write(&builds.path("traces/b.pfw"), trace(2, 3_000) + &trace(4, 2_000));
                }),
                self.index_command("traces"),
            ),
            (
                "a build of traces that were compressed, renamed, and have more",
                Box::new(|builds| {
                    let text = trace(2, 3_000) + &trace(4, 2_000) + &trace(5, 1_000);
                    write(&builds.path("traces/b.pfw.gz"), gzip(text.as_bytes()));
                    let _ = fs::remove_file(builds.path("traces/b.pfw"));
                    let _ = fs::rename(builds.path("traces/c.pfw.gz"), builds.path("traces/renamed.pfw.gz"));
                }),
                self.index_command("traces"),
            ),
            (
                "a build of nothing but new names",
                Box::new(|builds| {
                    let _ = fs::rename(builds.path("traces/renamed.pfw.gz"), builds.path("traces/again.pfw.gz"));
                }),
                self.index_command("traces"),
            ),
            (
                "a stage",
                Box::new(|builds| {
                    for pid in 10..14 {
                        write(&builds.path(&format!("staged/{pid}.pfw.gz")), gzip(trace(pid, 1_500).as_bytes()));
                    }
                    let members = (14..24).flat_map(|pid| gzip(trace(pid, 500).as_bytes()));
                    write(&builds.path("staged/large.pfw.gz"), members.collect::<Vec<u8>>());
                }),
                stage("0/2", local),
            ),
            ("another stage", nothing(), stage("1/2", text("shared"))),
            ("an ingest", nothing(), ingest),
        ]
    }

    /// Returns enough builds for column families to be compacted.
    fn many_builds(&self) -> Vec<Step> {
        let step = |pid: u64| -> Step {
            let name = format!("more/{pid}.pfw");
            let command = self.index_command(&name);
            ("a small build", Box::new(move |builds| write(&builds.path(&name), trace(pid, 300))), command)
        };
        (20..30).map(step).collect()
    }
}

fn run_step(arguments: &[String], points: Option<&str>, log: Option<&Path>) -> Output {
    let mut command = dft(DFT, arguments);
    command.env_remove("DFT_FAILPOINTS").env_remove("DFT_FAILPOINTS_LOG");
    if let Some(points) = points {
        command.env("DFT_FAILPOINTS", points);
    }
    if let Some(log) = log {
        command.env("DFT_FAILPOINTS_LOG", log);
    }
    command.output().expect("the program runs")
}

fn tables(builds: &Builds) -> BTreeMap<String, Vec<u8>> {
    exported(DFT, &builds.index(), &builds.path("work")).expect("an index")
}

/// Runs the builds undisturbed, once per scenario.
fn undisturbed(scenario: Scenario) -> &'static Undisturbed {
    static ONCE: [OnceLock<Undisturbed>; 2] = [const { OnceLock::new() }; 2];
    ONCE[scenario as usize].get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let builds = Builds::new(folder.path());
        let mut states = vec![None];
        let mut points: BTreeMap<String, u64> = BTreeMap::new();
        for (step, prepare, arguments) in builds.steps(scenario) {
            prepare(&builds);
            let log = builds.path("points");
            let ran = run_step(&arguments, None, Some(&log));
            assert_eq!(ran.status.code(), Some(0), "{step}: {}", String::from_utf8_lossy(&ran.stderr));
            let mut times: BTreeMap<String, u64> = BTreeMap::new();
            for point in fs::read_to_string(&log).unwrap_or_default().lines() {
                *times.entry(point.to_owned()).or_default() += 1;
            }
            for (point, times) in times {
                let most = points.entry(point).or_default();
                *most = times.max(*most);
            }
            let _ = fs::remove_file(log);
            states.push(exported(DFT, &builds.index(), folder.path()));
        }
        Undisturbed { states, points }
    })
}

/// Runs builds and disturbs each one that passes a failpoint: with `first` when a process passes it the first time, and,
/// in other builds, with `last` the last time.
fn disturb(point: &str, first: &str, last: &str) {
    let scenario = Scenario::that_passes(point);
    let Undisturbed { states, points } = undisturbed(scenario);
    let most = *points.get(point).unwrap_or_else(|| panic!("nothing passes {point:?}; {points:?}"));
    for (time, what) in [(1, first), (most, last)] {
        let folder = tempfile::tempdir().expect("a folder");
        let builds = Builds::new(folder.path());
        let points = format!("{point}#{time}={what}");
        let mut disturbed = 0;
        for (at, (step, prepare, arguments)) in builds.steps(scenario).into_iter().enumerate() {
            prepare(&builds);
            let ran = run_step(&arguments, Some(&points), None);
            let message = String::from_utf8_lossy(&ran.stderr);
            if ran.status.success() {
                continue;
            }
            disturbed += 1;
            match what {
                "abort" => assert_eq!(ran.status.signal(), Some(6), "{step}, {points}: {message}"),
                _ if point == "build:before a trace is opened" => {
                    assert_eq!(ran.status.code(), Some(3), "{step}, {points}: {message}");
                    assert!(message.contains("cannot be read, left out"), "{step}, {points}: {message}");
                }
                _ => {
                    let advice = if what == "full" { "make room" } else { "allow access" };
                    assert!(message.contains(advice), "{step}, {points}: {message}");
                    if point.ends_with("a bundle is removed") {
                        // The bundle is ingested, so this is a warning.
                        assert_eq!(ran.status.code(), Some(3), "{step}, {points}: {message}");
                        assert!(message.contains("ingested, but not removed"), "{message}");
                    } else {
                        assert_eq!(ran.status.code(), Some(1), "{step}, {points}: {message}");
                        assert_eq!(message.matches("dft: ").count(), 1, "one error: {message}");
                    }
                }
            }
            if has_index(&builds.index()) {
                let verified = run_step(&["verify".to_owned(), builds.index().display().to_string()], None, None);
                assert!(verified.status.success(), "{step}, {points}: {}", String::from_utf8_lossy(&verified.stderr));
            }
            let now = exported(DFT, &builds.index(), folder.path());
            let is_either = now == states[at] || now == states[at + 1] || point == "build:before a trace is opened";
            assert!(is_either, "{step}, {points}: the index is neither that before nor that after the step");
            let again = run_step(&arguments, None, None);
            assert!(again.status.success(), "{step}, {points}: {}", String::from_utf8_lossy(&again.stderr));
        }
        assert!(disturbed > 0, "{points} disturbs nothing");
        assert!(
            Some(tables(&builds)) == states[states.len() - 1],
            "{points}: the tables are not those of undisturbed builds"
        );
        let left: Vec<_> =
            fs::read_dir(builds.index()).expect("listed").map(|entry| entry.expect("listed").file_name()).collect();
        assert_eq!(left.len(), 3, "the marker, LOCK and one generation: {left:?}");
        if let Ok(left) = fs::read_dir(builds.path("shared")) {
            assert_eq!(left.count(), 0, "nothing is left of bundles");
        }
    }
}

macro_rules! points {
    (can fail { $($test:ident = $point:literal,)* } cannot fail { $($last_test:ident = $last:literal,)* }) => {
        /// Every failpoint that has tests.
        const POINTS: &[&str] = &[$($point,)* $($last,)*];

        mod death {
            $(#[test] fn $test() { super::disturb($point, "abort", "abort"); })*
            $(#[test] fn $last_test() { super::disturb($last, "abort", "abort"); })*
        }

        mod refusal {
            $(#[test] fn $test() { super::disturb($point, "full", "denied"); })*
        }
    };
}

points! {
    can fail {
        before_a_table_is_written_out = "build:before a table is written out",
        before_a_trace_is_opened = "build:before a trace is opened",
        before_a_family_is_written = "sort:before a family is written",
        before_the_generation_is_made = "publish:before the generation is made",
        before_a_file_is_copied = "publish:before a file is copied",
        the_old_generation_is_linked = "publish:the old generation is linked",
        before_a_family_is_ingested = "publish:before a family is ingested",
        before_the_description_is_written = "publish:before the description is written",
        before_the_description_is_flushed = "publish:before the description is flushed",
        before_a_family_is_compacted = "publish:before a family is compacted",
        before_the_generation_is_sealed = "publish:before the generation is sealed",
        before_the_generation_is_committed = "publish:before the generation is committed",
        before_the_manifest_is_written = "stage:before the manifest is written",
        before_the_bundle_is_moved = "stage:before the bundle is moved",
        before_a_bundles_file_is_copied = "stage:before a file is copied",
        before_the_bundle_has_its_name = "stage:before the bundle has its name",
        before_a_bundles_file_is_linked = "ingest:before a file is linked",
        before_a_bundle_is_removed = "ingest:before a bundle is removed",
        while_a_bundle_is_removed = "ingest:while a bundle is removed",
    }
    // Nothing that could fail is left to do at these.
    cannot fail {
        the_generation_is_committed = "publish:the generation is committed",
        while_an_old_generation_is_removed = "publish:an old generation is set aside",
        the_bundle_has_its_name = "stage:the bundle has its name",
    }
}

#[test]
fn every_failpoint_that_the_builds_pass_has_tests() {
    let scenarios = [Scenario::EveryKind, Scenario::Many].map(|scenario| undisturbed(scenario).points.keys());
    let passed: BTreeSet<&str> = scenarios.into_iter().flatten().map(String::as_str).collect();
    assert_eq!(passed, POINTS.iter().copied().collect());
}

#[test]
fn an_export_leaves_whole_tables_and_the_next_one_removes_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    write(&path("a.pfw"), trace(1, 2_000));
    let text = |name: &str| path(name).display().to_string();
    run(DFT, ["index", &text("a.pfw"), "--index", &text("index")]).exits(0);
    run(DFT, ["export", &text("index"), "--out", &text("whole")]).exits(0);
    let whole = contents(&path("whole"));
    let arguments = ["export", &text("index"), "--out", &text("tables")].map(str::to_owned);
    for point in ["export:before a table is written", "export:before a table has its name"] {
        for time in 1..=3 {
            let _ = fs::remove_dir_all(path("tables"));
            let ran = run_step(&arguments, Some(&format!("{point}#{time}=abort")), None);
            assert_eq!(ran.status.signal(), Some(6), "{point}");
            for (name, bytes) in contents(&path("tables")) {
                assert!(name.starts_with('.') || whole[&name] == bytes, "{name} is not whole");
            }
            let ran = run_step(&arguments, Some(&format!("{point}#{time}=full")), None);
            assert_eq!(ran.status.code(), Some(1), "{point}");
            assert!(String::from_utf8_lossy(&ran.stderr).contains("make room"));
            assert!(run_step(&arguments, None, None).status.success());
            assert!(contents(&path("tables")) == whole, "{point}: the same tables and nothing else");
        }
    }
}
