//! Builds of traces that are hard to tell apart, through the crate's public functions.

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use dft_aggregate::Config;
use dft_index::{BuildOptions, BuildReport, Progress, build};
use dft_store::{Index, verify};

fn line(name: &str, at: usize) -> String {
    format!("{{\"name\":\"{name}-{at}\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{at},\"dur\":1,\"ph\":\"X\"}}\n")
}

fn lines(name: &str, count: usize) -> String {
    (0..count).map(|at| line(name, at)).collect()
}

fn built(traces: &Path, index: &Path) -> BuildReport {
    let options = BuildOptions { threads: 1, memory: 1, ..BuildOptions::default() };
    let traces = [traces.to_owned()];
    build(&traces, index, &Config::default(), &options, &Progress::default()).expect("built")
}

fn names(index: &Path) -> Vec<PathBuf> {
    let files = Index::open(index).expect("opened").files().expect("read");
    let name = |(name, _): (Vec<u8>, _)| PathBuf::from(String::from_utf8(name).expect("a name in UTF-8"));
    files.into_iter().map(name).collect()
}

/// The second trace is read in a second round, after its text was compared with the first one's.
#[test]
fn traces_with_the_same_start_can_each_exceed_the_memory_budget() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, index) = (folder.path().join("traces"), folder.path().join("index"));
    fs::create_dir(&traces).expect("created");
    let start = lines("same", 500);
    for name in ["a", "b"] {
        fs::write(traces.join(format!("{name}.pfw")), start.clone() + &lines(name, 10_000)).expect("written");
    }
    let report = built(&traces, &index);
    assert!(report.input.spilled_tables >= 2, "{} tables", report.input.spilled_tables);
    assert_eq!(report.input.counts().events, 21_000);
    assert!(verify(&index).expect("read").is_sound());
}

/// One build finds both that the short trace has another date and that the long one continues it.
#[test]
fn a_cut_short_trace_with_a_new_date_is_replaced_by_its_continuation() {
    let folder = tempfile::tempdir().expect("a folder");
    let (traces, index) = (folder.path().join("traces"), folder.path().join("index"));
    fs::create_dir(&traces).expect("created");
    let (short, long) = (traces.join("short.pfw.gz"), traces.join("long.pfw"));
    let text = lines("f", 2_000);
    // The gzip file ends within its member, after these lines.
    fs::write(&short, cut_short_gzip(&lines("f", 1_000))).expect("written");
    assert_eq!(built(&traces, &index).input.counts().events, 1_000);

    let later = SystemTime::now() + Duration::from_secs(60);
    File::options()
        .write(true)
        .open(&short)
        .and_then(|file| file.set_times(FileTimes::new().set_modified(later)))
        .expect("dated");
    fs::write(&long, &text).expect("written");
    let report = built(&traces, &index);
    assert_eq!(report.input.counts().events, 1_000, "the long trace is resumed where the short one ended");
    let names = names(&index);
    assert!(names.len() == 1 && names[0].ends_with("long.pfw"), "{names:?}");
    assert_eq!(report.input.duplicates.len(), 1);
    assert!(verify(&index).expect("read").is_sound());
    let again = built(&traces, &index);
    assert_eq!((again.input.files.len(), again.input.duplicates.len()), (0, 1));
}

/// A gzip file that holds `text` in a stored block and has no trailer.
fn cut_short_gzip(text: &str) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for chunk in text.as_bytes().chunks(60_000) {
        let length = u16::try_from(chunk.len()).expect("a chunk of a stored block");
        // Stored blocks, none of them the last one.
        bytes.push(0);
        bytes.extend(length.to_le_bytes());
        bytes.extend((!length).to_le_bytes());
        bytes.extend(chunk);
    }
    bytes
}
