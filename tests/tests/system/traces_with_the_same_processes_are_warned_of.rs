//! Different traces with records of the same process at the same time, such as a trace and the pieces that it was split
//! into, are all counted, and a warning states that these processes are likely counted twice.

use dft_tests::{gzip, run, trace};

use crate::common::{Case, DFT};

#[test]
fn a_trace_and_its_split_pieces_are_warned_of() {
    let case = Case::new();
    let text = trace(7, 4_000);
    case.write("a.pfw", &text);
    case.index().exits(0);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (at, part) in lines.chunks(500).enumerate() {
        let part = part.concat();
        let name = format!("split/{at}.pfw");
        if at % 2 == 0 {
            case.write(&name, part);
        } else {
            case.write(&(name + ".gz"), gzip(part.as_bytes()));
        }
    }
    let ran = case.index().exits(0);
    let says = "it shares records of process 7 with";
    assert!(ran.err.contains(says) && ran.err.contains("t/a.pfw: both are counted"), "{}", ran.err);
    assert!(ran.err.contains("split/"), "{}", ran.err);
    assert_eq!(case.records(), 2 * 4_021);
    // Each run repeats the warning.
    assert!(case.index().exits(0).err.contains(says));
}

#[test]
fn traces_with_one_pid_on_two_hosts_or_at_different_times_are_not_warned_of() {
    let case = Case::new();
    let text = trace(7, 500);
    case.write("a.pfw", &text);
    case.write("b.pfw", text.replace("h1", "h2"));
    case.write("c.pfw", text.replace("\"ts\":17", "\"ts\":18"));
    let ran = case.index().exits(0);
    assert!(ran.err.is_empty(), "{}", ran.err);
}

#[test]
fn bundles_with_the_same_processes_are_warned_of() {
    let case = Case::new();
    let text = trace(7, 2_000);
    case.write("a.pfw", &text);
    case.index().exits(0);
    case.write("split/0.pfw", &text[..text.len() / 2]);
    let (shared, traces, index) = (case.root().join("shared"), case.path("split"), case.index_path());
    let to = ["--staging".as_ref(), shared.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()];
    run(DFT, ["stage".as_ref(), traces.as_os_str()].into_iter().chain(to)).exits(3);
    let ran =
        run(DFT, ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()]).exits(0);
    assert!(ran.err.contains("likely counted twice"), "{}", ran.err);
}
