//! Workers stage pieces of one large trace, in any order and whichever of them die. An ingest adds the trace when all
//! pieces are staged, and the index equals one that is built from the whole trace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use dft_aggregate::Config;
use dft_index::{
    BuildError, BuildOptions, Piece, PieceSize, Progress, StageReport, StageTo, build, ingest, plan_pieces, stage,
    stage_pieces,
};
use dft_store::{Index, IngestReport, verify};
use dft_tests::{dft, exported, gzip, run, trace, write};

use crate::common::DFT;

/// A directory with a trace, such as `traces/big.pfw.gz`, its bundles and its index.
struct Case {
    folder: tempfile::TempDir,
    trace: PathBuf,
}

impl Case {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        let trace = root.join("traces").join(name);
        write(&trace, bytes);
        Self { folder, trace }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.trace).expect("there").len()
    }

    fn plan(&self, pieces: u64) -> Vec<Piece> {
        plan_pieces(std::slice::from_ref(&self.trace), PieceSize::Count(pieces)).expect("planned")
    }

    /// Returns pieces between places, even where the trace cannot be cut.
    fn cut_at(&self, cuts: &[u64]) -> Vec<Piece> {
        let file_size = self.size();
        let ends = cuts.iter().copied().chain([file_size]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        starts.zip(ends).map(|(start, end)| Piece { path: self.trace.clone(), start, end, file_size }).collect()
    }

    fn to(&self) -> StageTo {
        StageTo { staging: self.path("local"), shared: self.path("shared") }
    }

    fn stage(&self, pieces: &[Piece]) -> Result<StageReport, BuildError> {
        stage_pieces(pieces, &self.to(), &Config::default(), &options(), &Progress::default())
    }

    fn stage_whole(&self) {
        let traces = std::slice::from_ref(&self.trace);
        let part = dft_index::Part::WHOLE;
        stage(traces, &self.to(), part, &Config::default(), &options(), &Progress::default()).expect("staged");
    }

    fn ingest(&self) -> IngestReport {
        ingest(&self.path("index"), &self.path("shared"), false).expect("ingested")
    }

    fn build(&self, index: &str) {
        let traces = std::slice::from_ref(&self.trace);
        build(traces, &self.path(index), &Config::default(), &options(), &Progress::default()).expect("built");
    }

    fn bundles(&self) -> usize {
        fs::read_dir(self.path("shared")).map_or(0, Iterator::count)
    }

    fn tables(&self, index: &str) -> BTreeMap<String, Vec<u8>> {
        exported(DFT, &self.path(index), self.folder.path()).expect("an index")
    }

    /// Checks that the tables and the file entry of the trace are those of a build of the whole trace.
    fn is_as_built(&self) {
        let _ = fs::remove_dir_all(self.path("whole"));
        self.build("whole");
        assert!(self.tables("index") == self.tables("whole"), "the tables differ");
        let entries = |name: &str| Index::open(&self.path(name)).expect("opened").files().expect("read");
        assert_eq!(entries("index"), entries("whole"));
        assert!(verify(&self.path("index")).expect("read").is_sound());
    }

    /// Checks that nothing of the trace is indexed.
    fn has_nothing(&self) {
        let index = Index::open(&self.path("index"));
        assert!(index.is_err() || index.is_ok_and(|index| index.files().expect("read").is_empty()));
    }
}

fn options() -> BuildOptions {
    BuildOptions { threads: 2, ..BuildOptions::default() }
}

/// Returns a file with a gzip member for every `lines` lines, and the offsets of the members.
fn members(text: &str, lines: usize) -> (Vec<u8>, Vec<u64>) {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let mut bytes = Vec::new();
    let mut starts = Vec::new();
    for lines in all.chunks(lines) {
        starts.push(bytes.len() as u64);
        bytes.extend(gzip(lines.concat().as_bytes()));
    }
    (bytes, starts)
}

fn time_unit(unit: &str) -> String {
    format!("{{\"name\":\"CM\",\"ph\":4,\"args\":{{\"name\":\"time_metric\",\"value\":\"{unit}\"}}}}\n")
}

#[test]
fn any_number_of_pieces_in_any_order_makes_the_same_index() {
    let text = trace(1, 6_000);
    for (name, bytes) in [("big.pfw.gz", members(&text, 40).0), ("big.pfw", text.clone().into_bytes())] {
        for pieces in [1, 3, 8] {
            let case = Case::new(name, &bytes);
            let mut plan = case.plan(pieces);
            assert_eq!(plan.len() as u64, pieces, "{name}");
            // Every third piece in three rounds, and the last piece first.
            plan.rotate_right(1);
            let (now, later): (Vec<_>, Vec<_>) = plan.iter().enumerate().partition(|(at, _)| at % 3 != 1);
            for (_, piece) in now.into_iter().chain(later) {
                case.has_nothing();
                if case.bundles() > 0 {
                    let report = case.ingest();
                    assert!(report.taken.is_empty() && report.refused.is_empty() && report.unchained.is_empty());
                    assert_eq!(report.waiting.len(), 1);
                }
                let report = case.stage(std::slice::from_ref(piece)).expect("staged");
                assert_eq!((report.bundles.len(), report.input.files.len()), (1, 1));
                assert!(report.unchained.is_empty());
            }
            let report = case.ingest();
            assert_eq!((report.taken.len() as u64, report.waiting.len()), (pieces, 0));
            assert_eq!(case.bundles(), 0, "ingested bundles are removed");
            case.is_as_built();
        }
    }
}

#[test]
fn parts_have_pieces_and_a_killed_one_is_run_again() {
    let case = Case::new("big.pfw.gz", members(&trace(1, 60_000), 200).0);
    write(&case.path("traces/small.pfw"), trace(2, 300));
    let text = |name: &str| case.path(name).display().to_string();
    let size = (case.size() / 6).to_string();
    let arguments = |part: usize| {
        let to = ["--staging".to_owned(), text("local"), "--shared-staging".to_owned(), text("shared")];
        let part = ["--piece-size".to_owned(), size.clone(), "--part".to_owned(), format!("{part}/3")];
        [vec!["stage".to_owned(), text("traces")], to.to_vec(), part.to_vec()].concat()
    };
    for victim in 0..3 {
        let start = |part| {
            let mut command = dft(DFT, arguments(part));
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs")
        };
        let workers: Vec<_> = (0..3).map(start).collect();
        for (part, mut worker) in workers.into_iter().enumerate() {
            if part == victim {
                worker.kill().expect("killed, or ended");
            }
            assert!(worker.wait().expect("a child").success() || part == victim);
        }
        run(DFT, arguments(victim)).exits(0);
        assert!(run(DFT, arguments(victim)).exits(0).out.contains("of this part already in bundles"));
        let index = text("index");
        let ran = run(DFT, ["ingest", &index, "--shared-staging", &text("shared")]).exits(0);
        assert!(ran.out.contains("bundles, 2 traces"), "{}", ran.out);
        run(DFT, ["verify", &index]).exits(0);
        run(DFT, ["index", &text("traces"), "--index", &text("whole")]).exits(0);
        assert!(case.tables("index") == case.tables("whole"), "{victim} was killed");
        let again = run(DFT, ["index", &text("traces"), "--index", &index]).exits(0);
        assert!(again.out.starts_with("nothing to do"), "{}", again.out);
        fs::remove_dir_all(case.path("index")).expect("removed");
    }
}

#[test]
fn a_missing_piece_is_named_and_a_piece_twice_is_one() {
    let case = Case::new("big.pfw.gz", members(&trace(1, 3_000), 40).0);
    let plan = case.plan(4);
    for piece in [0, 1, 3, 1, 0] {
        case.stage(&plan[piece..=piece]).expect("staged");
    }
    assert_eq!(case.bundles(), 3);
    let again = case.stage(&plan[..2]).expect("staged");
    assert_eq!((again.input.known.len(), again.bundles.len()), (2, 0));
    let (index, shared) = (case.path("index"), case.path("shared"));
    let words = ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()];
    let ran = run(DFT, words).exits(3);
    let missing =
        format!("waiting: {}: pieces wait for bytes {} to {}", case.trace.display(), plan[2].start, plan[2].end);
    assert!(ran.err.contains(&missing) && ran.out.contains("3 bundles, left in place"), "{}{}", ran.err, ran.out);
    case.stage(&plan[2..3]).expect("staged");
    assert_eq!(case.ingest().taken.len(), 4);
    case.is_as_built();
    // A worker that seemed dead finishes late, and so does one with another plan.
    case.stage(&plan[1..2]).expect("staged");
    case.stage(&case.plan(3)[1..2]).expect("staged");
    let late = case.ingest();
    assert_eq!((late.known.len(), late.taken.len(), case.bundles()), (2, 0, 0));
    case.is_as_built();
}

#[test]
fn pieces_of_two_plans_replace_a_damaged_bundle() {
    let (bytes, starts) = members(&trace(1, 3_000), 40);
    let mut refused = 0;
    // Two pieces continue the first one; the ingest must not fail if it tries the damaged one first.
    for victim in [starts[20], starts[40]] {
        let case = Case::new("big.pfw.gz", &bytes);
        case.stage(&case.cut_at(&[starts[5], starts[20], starts[40]])).expect("staged");
        case.stage(&case.cut_at(&[starts[5], starts[40], starts[60]])[1..]).expect("staged");
        let range = [varint(starts[5]), varint(victim)].concat();
        let bundles = fs::read_dir(case.path("shared")).expect("listed").map(|entry| entry.expect("listed").path());
        let is_victim = |bundle: &PathBuf| {
            let manifest = fs::read(bundle.join("BUNDLE")).expect("read");
            manifest.windows(range.len()).any(|window| window == range)
        };
        let victims: Vec<PathBuf> = bundles.filter(is_victim).collect();
        assert_eq!(victims.len(), 1);
        let file = victims[0].join("series.0000.sst");
        let mut damaged = fs::read(&file).expect("read");
        damaged[9] ^= 1;
        fs::write(&file, damaged).expect("written");
        let report = case.ingest();
        assert_eq!(report.taken.len() + report.known.len() + report.refused.len(), 7);
        assert_eq!(report.waiting.len() + report.unchained.len(), 0);
        refused += report.refused.len();
        case.is_as_built();
    }
    assert_eq!(refused, 1);
}

/// Encodes a number as manifests do.
fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

#[test]
fn false_starts_of_members_are_detected() {
    // A member of stored data, which contain whole members of other records.
    let decoy = gzip(trace(9, 40).trim_start_matches("[\n").as_bytes());
    let mut text = trace(1, 400).into_bytes();
    let mut decoys = Vec::new();
    for _ in 0..8 {
        decoys.push(text.len());
        text.extend_from_slice(&decoy);
        text.extend_from_slice(b"\n");
        text.extend_from_slice(trace(2, 200).as_bytes());
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    std::io::Write::write_all(&mut encoder, &text).expect("in memory");
    let stored = encoder.finish().expect("in memory");
    let bytes = [gzip(trace(3, 400).as_bytes()), stored, gzip(trace(4, 400).as_bytes())].concat();
    let case = Case::new("big.pfw.gz", bytes);
    let plan = case.plan(6);
    assert!(plan.len() > 1, "the plan cuts at false starts");
    let staged = case.stage(&plan).expect("staged");
    assert!(!staged.unchained.is_empty(), "staging detects false starts");
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.waiting.len(), report.unchained.len()), (0, 0, 1));
    assert_eq!(report.unchained[0].trace, case.trace);
    let message = report.unchained[0].to_string();
    assert!(message.contains("within a gzip member") && message.contains("stage it whole"), "{message}");
    case.has_nothing();
    case.stage_whole();
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.known.len(), case.bundles()), (1, plan.len(), 0));
    case.is_as_built();
}

/// Checks that pieces cut at a wrong place are refused with a reason, and that the trace, staged whole, is ingested and
/// its pieces are removed.
fn is_refused(case: &Case, pieces: &[Piece], byte: u64, why: &str) {
    case.stage(pieces).expect("staged");
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.unchained.len(), case.bundles()), (0, 1, pieces.len()));
    let refused = &report.unchained[0];
    assert_eq!((&refused.trace, refused.unchained.byte), (&case.trace, byte));
    assert!(refused.to_string().contains(why), "{refused}");
    case.has_nothing();
    case.stage_whole();
    assert_eq!(case.ingest().taken.len(), 1);
    assert_eq!(case.bundles(), 0);
    case.is_as_built();
}

#[test]
fn a_time_unit_of_the_first_lines_holds_in_every_piece() {
    let (bytes, _) = members(&(time_unit("NS") + &trace(1, 3_000)), 40);
    let case = Case::new("big.pfw.gz", bytes);
    case.stage(&case.plan(5)).expect("staged");
    assert_eq!(case.ingest().taken.len(), 5);
    case.is_as_built();
}

#[test]
fn a_trace_cannot_be_cut_after_a_change_of_its_time_unit() {
    let text = trace(1, 4_000) + &time_unit("MS") + &trace(2, 4_000);
    let (bytes, starts) = members(&text, 20);
    let case = Case::new("big.pfw.gz", bytes);
    let cut = starts[350];
    is_refused(&case, &case.cut_at(&[starts[100], cut]), cut, "time unit");
    // It can be cut before the change.
    let case = Case::new("big.pfw.gz", members(&text, 20).0);
    case.stage(&case.cut_at(&[starts[50], starts[100]])).expect("staged");
    assert_eq!(case.ingest().taken.len(), 3);
    case.is_as_built();
}

#[test]
fn a_trace_cannot_be_cut_in_a_line_across_members() {
    let text = trace(1, 2_000);
    let at = text.len() / 2;
    let first = gzip(&text.as_bytes()[..at]);
    let case = Case::new("big.pfw.gz", [&first[..], &gzip(&text.as_bytes()[at..])].concat());
    let cut = first.len() as u64;
    assert_eq!(case.plan(2).len(), 1, "no cut is planned");
    is_refused(&case, &case.cut_at(&[cut]), cut, "within a line");
    let case = Case::new("big.pfw", &text);
    assert!(!text[..at].ends_with('\n'));
    is_refused(&case, &case.cut_at(&[at as u64]), at as u64, "within a line");
}

#[test]
fn damage_in_the_middle_is_reported_as_by_a_build_of_the_whole() {
    let (mut bytes, starts) = members(&trace(1, 3_000), 40);
    bytes[starts[30] as usize - 6] ^= 0x10;
    let case = Case::new("big.pfw.gz", bytes);
    let pieces = case.cut_at(&[starts[20], starts[40]]);
    let staged = case.stage(&pieces).expect("staged");
    assert!(staged.input.has_faults() && staged.unchained.len() == 1);
    is_refused(&case, &pieces, starts[40], "damaged before it");
}

#[test]
fn faults_of_the_end_and_of_lines_are_those_of_a_build_of_the_whole() {
    let text = trace(1, 2_000).replace("\"id\":1500,", "oops\"id\":1500,");
    let (whole, starts) = members(&text, 40);
    let checksum_off = |mut bytes: Vec<u8>| {
        let at = bytes.len() - 6;
        bytes[at] ^= 0x10;
        bytes
    };
    let cases = [
        ("big.pfw.gz", whole.clone()),
        ("big.pfw.gz", whole[..whole.len() - 9].to_vec()),
        ("big.pfw.gz", checksum_off(whole.clone())),
        ("big.pfw.gz", [&whole[..], &gzip(b"{\"name\":\"x")].concat()),
        ("big.pfw.gz", [&whole[..], &[0; 700]].concat()),
        ("big.pfw.gz", [&whole[..], b"garbage"].concat()),
        ("big.pfw", text.clone().into_bytes()),
        ("big.pfw", (text.clone() + "{\"name\":\"x").into_bytes()),
        ("big.pfw", (text.clone() + "{\"name\":\"x\",\"ph\":\"X\",\"ts\":1700000000000000}").into_bytes()),
    ];
    for (name, bytes) in cases {
        let case = Case::new(name, bytes);
        let pieces = if name == "big.pfw" { case.plan(3) } else { case.cut_at(&[starts[15], starts[30]]) };
        let staged = case.stage(&pieces).expect("staged");
        assert!(staged.unchained.is_empty());
        let malformed: Vec<_> = staged.input.files.iter().filter(|file| !file.malformed.is_empty()).collect();
        assert_eq!(malformed.len(), 1);
        let place = malformed[0].place_of(malformed[0].malformed[0].line);
        let from = malformed[0].piece.as_ref().expect("a piece").start;
        let (line, byte) = place.split_once(" after ").expect("two places");
        assert_eq!(byte, format!("byte {from}"));
        // The number of the line counts from that byte.
        let number: usize = line.strip_prefix("line ").and_then(|number| number.parse().ok()).expect("a number");
        let before = if name == "big.pfw" {
            text.as_bytes()[..from as usize].iter().filter(|&&byte| byte == b'\n').count()
        } else {
            starts.iter().position(|start| *start == from).expect("a member") * 40
        };
        assert!(text.lines().nth(before + number - 1).expect("a line").contains("oops"), "{place}");
        assert_eq!(case.ingest().taken.len(), 3);
        case.is_as_built();
    }
}

#[test]
fn a_trace_that_grows_after_staging_is_resumed() {
    let text = trace(1, 3_000);
    for half_a_line in ["", "{\"name\":\"x\",\"ph\":\"X\",\"ts\":1700000000"] {
        let grown =
            format!("{half_a_line}{}", if half_a_line.is_empty() { "" } else { "000000}\n" }) + &trace(2, 1_000);
        let first = text.clone() + half_a_line;
        let rest = &grown[half_a_line.len()..];
        for gzipped in [false, true] {
            let (name, head, tail) = if gzipped {
                ("big.pfw.gz", members(&first, 50).0, gzip(rest.as_bytes()))
            } else {
                ("big.pfw", first.clone().into_bytes(), rest.as_bytes().to_vec())
            };
            let case = Case::new(name, &head);
            case.stage(&case.plan(4)).expect("staged");
            assert_eq!(case.ingest().taken.len(), 4);
            case.is_as_built();
            write(&case.trace, [head, tail].concat());
            case.build("index");
            let _ = fs::remove_dir_all(case.path("whole"));
            case.build("whole");
            assert!(case.tables("index") == case.tables("whole"), "{name} {half_a_line:?}");
            assert!(verify(&case.path("index")).expect("read").is_sound());
        }
    }
}

#[test]
fn a_trace_that_changes_between_its_pieces_is_not_mixed() {
    let (bytes, _) = members(&trace(1, 3_000), 40);
    let case = Case::new("big.pfw.gz", &bytes);
    let plan = case.plan(2);
    case.stage(&plan[..1]).expect("staged");
    // It has grown, so the planned pieces no longer belong to it.
    write(&case.trace, [&bytes[..], &gzip(trace(2, 100).as_bytes())].concat());
    assert!(
        matches!(case.stage(&plan[1..]), Err(BuildError::ChangedSincePlanned(paths)) if paths == [case.trace.clone()])
    );
    // It is another trace of the same size.
    let mut other = bytes;
    let at = other.len() - 40;
    other[at] ^= 1;
    write(&case.trace, &other);
    touch(&case.trace, 5);
    case.stage(&plan[1..]).expect("staged");
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.waiting.len()), (0, 2));
    case.has_nothing();
    // Staged whole, it is ingested; the remaining pieces of the other trace are refused.
    case.stage_whole();
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.known.len(), report.refused.len()), (1, 1, 1));
    assert!(report.refused[0].error.to_string().contains("with different contents"));
    case.is_as_built();
}

/// Sets the date of a file.
fn touch(path: &Path, seconds: u64) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("dated");
}

#[test]
fn a_piece_that_waits_does_not_delay_other_traces() {
    let case = Case::new("big.pfw.gz", members(&trace(1, 3_000), 40).0);
    write(&case.path("traces/small.pfw"), trace(2, 300));
    let pieces = plan_pieces(&[case.path("traces")], PieceSize::Bytes(case.size() / 3)).expect("planned");
    let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| piece.start == 0).collect();
    assert_eq!(pieces.len(), 2);
    case.stage(&pieces).expect("staged");
    let report = case.ingest();
    assert_eq!((report.taken.len(), report.waiting.len()), (1, 1), "the small trace is ingested");
}

#[test]
fn pieces_that_cannot_be_staged_are_reported() {
    let case = Case::new("big.pfw", trace(1, 100));
    let file_size = case.size();
    for (start, end) in [(5, 5), (9, 4), (5, file_size + 1)] {
        let piece = Piece { path: case.trace.clone(), start, end, file_size };
        assert!(matches!(case.stage(&[piece]), Err(BuildError::NoPiece { .. })));
    }
    let gone = Piece { path: case.path("traces/gone.pfw"), start: 5, end: 9, file_size: 20 };
    let report = case.stage(&[gone, Piece::whole(case.path("traces/not.pfw"))]).expect("reported");
    assert_eq!((report.input.unreadable.len(), report.bundles.len()), (2, 0));
    let strict = BuildOptions { strict: true, ..options() };
    let gone = Piece { path: case.path("traces/gone.pfw"), start: 5, end: 9, file_size: 20 };
    let ran = stage_pieces(&[gone], &case.to(), &Config::default(), &strict, &Progress::default());
    assert!(matches!(ran, Err(BuildError::Strict { .. })));
}
