//! A counter of phase `C` covers a period. Tracers that name their version in their `start` record write the period's
//! start; a trace without a version is assumed to give its end.

use dft_tests::OneTrace;

use crate::common::DFT;

const START: &str = r#"{"id":1,"name":"start","cat":"dftracer","pid":1,"tid":1,"ts":1000000,"dur":0,"ph":"X","args":{"hhash":"h","version":"v2.1.0"}}"#;

/// A counter of five calls whose `ts` is the boundary between the second and the third interval of 1 s.
const COUNTER: &str = r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":3000000,"ph":"C","args":{"hhash":"h","dft_cnt":5,"dur_sum":10,"dur_min":1,"dur_max":3}}"#;

/// Returns the cell of the counter, counted from the origin.
fn cell(lines: &[&str], options: &[&str]) -> String {
    let profiles = OneTrace::indexed(DFT, lines, options).rows("profiles");
    assert_eq!((profiles.len(), &*profiles[0]["count"]), (1, "5"));
    profiles[0]["time_range"].clone()
}

/// A call in the first interval, which is the origin of times.
const CALL: &str =
    r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":1000000,"dur":1,"ph":"X","args":{"hhash":"h"}}"#;

#[test]
fn a_trace_with_a_version_writes_starts() {
    assert_eq!(cell(&[START, COUNTER], &[]), "2");
}

#[test]
fn a_trace_without_a_version_writes_ends() {
    assert_eq!(cell(&[CALL, COUNTER], &[]), "1");
    // A version after the counter does not apply to it.
    assert_eq!(cell(&[CALL, COUNTER, START], &[]), "1");
}

#[test]
fn the_option_overrides_both() {
    assert_eq!(cell(&[START, COUNTER], &["--counter-period", "end"]), "1");
    assert_eq!(cell(&[CALL, COUNTER], &["--counter-period", "start"]), "2");
}
