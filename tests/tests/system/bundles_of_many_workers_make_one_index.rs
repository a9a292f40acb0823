//! Eight processes stage parts of a set of traces, and one ingests. The tables are those of one build, whichever process
//! is killed, in any order, and however often parts are staged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use dft_tests::{Ran, dft, exported, gzip, run, trace, write};

use crate::common::DFT;

const PARTS: usize = 8;

struct Cluster {
    folder: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        let cluster = Self { folder: tempfile::tempdir().expect("a folder") };
        for pid in 0..20 {
            let text = trace(pid, 400 * (pid % 7 + 1));
            let name = if pid % 3 == 0 { format!("{pid}.pfw") } else { format!("deep/{pid}.pfw.gz") };
            let bytes = if pid % 3 == 0 { text.into_bytes() } else { gzip(text.as_bytes()) };
            write(&cluster.path("traces").join(name), bytes);
        }
        cluster
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn stage_arguments(&self, part: usize, local: &str) -> Vec<String> {
        let text = |name: &str| self.path(name).display().to_string();
        let part = format!("{part}/{PARTS}");
        let shared = text("shared");
        ["stage", &text("traces"), "--staging", &text(local), "--shared-staging", &shared, "--part", &part]
            .map(str::to_owned)
            .to_vec()
    }

    fn start(&self, part: usize, local: &str) -> Child {
        let mut command = dft(DFT, self.stage_arguments(part, local));
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs")
    }

    fn ingest(&self, more: &[&str]) -> Ran {
        let index = self.path("index");
        let shared = self.path("shared");
        let words = ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()];
        run(DFT, words.into_iter().chain(more.iter().map(AsRef::as_ref)))
    }

    fn tables(&self, index: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
        exported(DFT, &self.path(index), self.folder.path()).expect("an index")
    }

    /// Returns the tables of one build of all traces.
    fn wanted(&self) -> std::collections::BTreeMap<String, Vec<u8>> {
        let (traces, whole) = (self.path("traces"), self.path("whole"));
        run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), whole.as_os_str()]).exits(0);
        self.tables("whole")
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        entries.map(|entry| entry.expect("listed").file_name().into_string().expect("UTF-8")).collect()
    }
}

fn is_bundle(name: &str) -> bool {
    name.starts_with("bundle-")
}

#[test]
fn eight_workers_and_one_ingest_make_the_index_of_one_build() {
    let cluster = Cluster::new();
    let wanted = cluster.wanted();
    let workers: Vec<Child> = (0..PARTS).map(|part| cluster.start(part, "local")).collect();
    for mut worker in workers {
        assert!(worker.wait().expect("a child").success());
    }
    assert_eq!(cluster.names("shared").len(), PARTS);
    assert_eq!(cluster.names("local"), Vec::<String>::new(), "nothing is left");
    let ran = cluster.ingest(&[]).exits(0);
    assert!(ran.out.starts_with("ingested 8 bundles, 20 traces"), "{}", ran.out);
    assert_eq!(cluster.names("shared"), Vec::<String>::new(), "ingested bundles are removed");
    assert!(cluster.tables("index") == wanted);
    run(DFT, ["verify".as_ref(), cluster.path("index").as_os_str()]).exits(0);
    // The index knows the traces as if a build had read them.
    let (traces, index) = (cluster.path("traces"), cluster.path("index"));
    let again = run(DFT, ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
}

#[test]
fn a_killed_worker_is_run_again() {
    let cluster = Cluster::new();
    let wanted = cluster.wanted();
    for victim in 0..PARTS {
        let workers: Vec<Child> = (0..PARTS).map(|part| cluster.start(part, "local")).collect();
        for (part, mut worker) in workers.into_iter().enumerate() {
            if part == victim {
                worker.kill().expect("killed, or ended");
            }
            let ended = worker.wait().expect("a child");
            assert!(ended.success() || part == victim);
        }
        run(DFT, cluster.stage_arguments(victim, "local")).exits(0);
        assert_eq!(cluster.names("shared").iter().filter(|name| is_bundle(name)).count(), PARTS);
        assert_eq!(cluster.names("local"), Vec::<String>::new(), "files of the killed worker are removed");
        cluster.ingest(&[]).exits(0);
        assert!(cluster.tables("index") == wanted, "{victim} was killed");
        fs::remove_dir_all(cluster.path("index")).expect("removed");
        fs::remove_dir_all(cluster.path("shared")).expect("removed");
    }
}

#[test]
fn bundles_are_ingested_in_any_order_and_each_once() {
    let cluster = Cluster::new();
    let wanted = cluster.wanted();
    for part in [5, 2, 7, 0] {
        run(DFT, cluster.stage_arguments(part, "shared")).exits(0);
    }
    cluster.ingest(&["--keep"]).exits(0);
    assert_eq!(
        cluster.names("shared").len(),
        4,
        "bundles are kept, and nothing else is left, though it is one directory"
    );
    for part in [3, 1, 6, 4] {
        run(DFT, cluster.stage_arguments(part, "local")).exits(0);
        let ran = cluster.ingest(&["--keep"]).exits(0);
        assert!(ran.out.starts_with("ingested 1 bundle"), "{}", ran.out);
    }
    assert!(cluster.tables("index") == wanted);
    let ran = cluster.ingest(&["--keep"]).exits(0);
    assert!(
        ran.out.starts_with("nothing to do") && ran.out.contains("8 bundles, 20 traces, already in the index"),
        "{}",
        ran.out
    );
    // Another worker stages the same part, and a third one does without seeing any bundle.
    let ran = run(DFT, cluster.stage_arguments(2, "local")).exits(0);
    assert!(ran.out.starts_with("nothing to do"), "{}", ran.out);
    cluster.ingest(&[]).exits(0);
    assert_eq!(cluster.names("shared"), Vec::<String>::new());
    run(DFT, cluster.stage_arguments(2, "local")).exits(0);
    let ran = cluster.ingest(&[]).exits(0);
    assert!(ran.out.starts_with("nothing to do") && ran.out.contains("1 bundle"), "{}", ran.out);
    assert_eq!(cluster.names("shared"), Vec::<String>::new());
    assert!(cluster.tables("index") == wanted);
}

#[test]
fn an_ingested_bundle_is_known_though_its_trace_has_grown_since() {
    let cluster = Cluster::new();
    let (one, index) = (cluster.path("one"), cluster.path("index"));
    write(&one.join("x.pfw"), trace(1, 500));
    let (local, shared) = (cluster.path("local"), cluster.path("shared"));
    let stage = ["stage".as_ref(), one.as_os_str(), "--staging".as_ref(), local.as_os_str()];
    run(DFT, stage.into_iter().chain(["--shared-staging".as_ref(), shared.as_os_str()])).exits(0);
    cluster.ingest(&["--keep"]).exits(0);
    write(&one.join("x.pfw"), trace(1, 500) + &trace(2, 500));
    let build = || run(DFT, ["index".as_ref(), one.as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    assert!(build().out.contains("1 file resumed where reading ended before"));
    assert!(cluster.ingest(&[]).exits(0).out.starts_with("nothing to do"));
    assert_eq!(cluster.names("shared"), Vec::<String>::new());
    let whole = cluster.path("whole");
    run(DFT, ["index".as_ref(), one.as_os_str(), "--index".as_ref(), whole.as_os_str()]).exits(0);
    assert!(cluster.tables("index") == cluster.tables("whole"));
}

#[test]
fn bundles_that_cannot_be_ingested_are_left_in_place_and_reported() {
    let cluster = Cluster::new();
    let index = cluster.path("index");
    let stage = |traces: &Path, more: &[&str]| {
        let (local, shared) = (cluster.path("local"), cluster.path("shared"));
        let words = ["stage".as_ref(), traces.as_os_str(), "--staging".as_ref(), local.as_os_str()];
        let words = words.into_iter().chain(["--shared-staging".as_ref(), shared.as_os_str()]);
        run(DFT, words.chain(more.iter().map(AsRef::as_ref)))
    };
    let refused = |says: &[&str]| {
        let before = exported(DFT, &index, cluster.folder.path());
        let ran = cluster.ingest(&[]).exits(3);
        assert!(says.iter().all(|says| ran.err.contains(says)), "{says:?}: {}", ran.err);
        assert!(exported(DFT, &index, cluster.folder.path()) == before);
        assert_eq!(cluster.names("shared").len(), 1, "the bundle is left in place");
        fs::remove_dir_all(cluster.path("shared")).expect("removed");
    };
    let none = cluster.path("nothing");
    fs::create_dir(&none).expect("made");
    let ran = run(DFT, ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), none.as_os_str()]).exits(1);
    assert!(ran.err.contains("dft stage"), "{}", ran.err);

    let traces = cluster.path("traces");
    run(DFT, ["index".as_ref(), traces.join("0.pfw").as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    stage(&traces.join("3.pfw"), &["--interval", "2s"]).exits(0);
    refused(&["another configuration", "1000000 µs", "2000000 µs"]);

    // One trace is indexed, another is not.
    let both = cluster.path("both");
    for (name, pid) in [("0.pfw", 70), ("3.pfw", 73)] {
        write(&both.join(name), trace(pid, 50));
    }
    run(DFT, ["index".as_ref(), both.join("0.pfw").as_os_str(), "--index".as_ref(), index.as_os_str()]).exits(0);
    stage(&both, &[]).exits(0);
    refused(&["both/0.pfw is already indexed", "both/3.pfw is not", "dft index", "remove the bundle"]);

    // It has changed since it was ingested.
    write(&both.join("0.pfw"), trace(99, 50));
    stage(&both.join("0.pfw"), &[]).exits(0);
    refused(&["both/0.pfw is already indexed with different contents"]);

    // Its bytes have changed.
    stage(&both.join("3.pfw"), &[]).exits(0);
    let bundle = cluster.path("shared").join(&cluster.names("shared")[0]);
    for entry in fs::read_dir(&bundle).expect("listed") {
        let path = entry.expect("listed").path();
        let sound = fs::read(&path).expect("read");
        for at in (0..sound.len()).step_by((sound.len() / 20).max(1)) {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).expect("written");
            let before = exported(DFT, &index, cluster.folder.path());
            let ran = cluster.ingest(&[]).exits(3);
            assert!(ran.err.contains("the bundle") && ran.err.contains("stage its traces again"), "{}", ran.err);
            assert!(exported(DFT, &index, cluster.folder.path()) == before);
        }
        fs::write(&path, &sound).expect("written");
    }
    // An incomplete bundle is refused, too.
    let manifest = fs::read(bundle.join("BUNDLE")).expect("read");
    fs::remove_file(bundle.join("BUNDLE")).expect("removed");
    assert!(cluster.ingest(&[]).exits(3).err.contains("no manifest"));
    fs::write(bundle.join("BUNDLE"), manifest).expect("written");
    cluster.ingest(&[]).exits(0);

    // A trace is staged twice and changes in between.
    write(&both.join("5.pfw"), trace(5, 50));
    stage(&both.join("5.pfw"), &[]).exits(0);
    write(&both.join("5.pfw"), trace(5, 50) + &trace(6, 50));
    let ran = stage(&both.join("5.pfw"), &[]).exits(1);
    assert!(
        ran.err.contains("5.pfw changed since staged") && ran.err.contains("ingest the staged bundles first"),
        "{}",
        ran.err
    );
}

#[test]
fn a_part_may_have_no_files_and_strict_refuses_faults() {
    let cluster = Cluster::new();
    let one = cluster.path("one");
    write(&one.join("x.pfw"), "oops\n");
    let stage = |more: &[&str]| {
        let (local, shared) = (cluster.path("local"), cluster.path("shared"));
        let words = ["stage".as_ref(), one.as_os_str(), "--staging".as_ref(), local.as_os_str()];
        let words = words.into_iter().chain(["--shared-staging".as_ref(), shared.as_os_str()]);
        run(DFT, words.chain(more.iter().map(AsRef::as_ref)))
    };
    assert!(stage(&["--part", "1/2"]).exits(0).out.contains("this part has no files"));
    assert!(stage(&["--strict"]).exits(1).err.contains("x.pfw"));
    assert_eq!(cluster.names("shared"), Vec::<String>::new());
    let ran = stage(&[]).exits(3);
    assert!(ran.err.contains("x.pfw: 1 malformed line") && ran.out.contains("bundle-"), "{}{}", ran.out, ran.err);
    assert!(stage(&["--part", "2/2"]).exits(2).err.contains("is not a part"));
}
