//! A tracer compresses its log when it ends: a trace that was indexed as `a.pfw` and is now `a.pfw.gz` counts once. The
//! same holds for a trace that is inflated, compressed differently, or has more text in its new file.

use std::fs;

use dft_tests::{gzip, trace};

use crate::common::Case;

/// Returns the first `lines` lines of a text and half of the next one.
fn start_of(text: &str, lines: usize) -> &str {
    let end = text.match_indices('\n').nth(lines - 1).expect("so many lines").0;
    &text[..end + 20]
}

#[test]
fn a_trace_that_was_compressed_is_known_and_no_fault() {
    let case = Case::new();
    case.write("a.pfw", trace(1, 1_000));
    case.write("b.pfw", trace(2, 500));
    case.index().exits(0);
    let before = case.exported();
    fs::remove_file(case.path("a.pfw")).expect("removed");
    case.write("a.pfw.gz", gzip(trace(1, 1_000).as_bytes()));
    let ran = case.index().exits(0);
    assert!(ran.out.starts_with("nothing to do"), "{}", ran.out);
    assert!(ran.err.contains("a.pfw.gz: moved from") && !ran.err.contains("warning"), "{}", ran.err);
    assert!(case.exported() == before);
    assert_eq!(case.names(), ["t/a.pfw.gz", "t/b.pfw"]);
    case.verify();
    // Later runs know it by its new name and do not read it.
    let again = case.index().exits(0);
    assert!(again.out.starts_with("nothing to do") && again.err.is_empty(), "{}", again.err);
}

#[test]
fn a_trace_is_resumed_in_its_new_file_where_reading_ended() {
    let text = trace(1, 1_000);
    // One member, several members, and the reverse: a compressed trace that was inflated.
    let several = [gzip(&text.as_bytes()[..9_000]), gzip(b""), gzip(&text.as_bytes()[9_000..])].concat();
    let cases = [
        ("a.pfw", "a.pfw.gz", gzip(text.as_bytes())),
        ("a.pfw", "renamed.pfw.gz", several),
        ("a.pfw.gz", "a.pfw", text.as_bytes().to_vec()),
    ];
    for (old, new, bytes) in cases {
        for lines in [2, 25, 300, 1_020] {
            let case = Case::new();
            let start = start_of(&text, lines);
            case.write(old, if old.ends_with("gz") { gzip(start.as_bytes()) } else { start.into() });
            case.index().exits(3);
            fs::remove_file(case.path(old)).expect("removed");
            case.write(new, &bytes);
            case.index().exits(0);
            assert!(case.exported() == case.exported_after_rebuild(), "{old} to {new} at {lines}");
            assert_eq!(case.names(), [format!("t/{new}")]);
            assert!(case.index().exits(0).out.starts_with("nothing to do"));
            // It continues to grow.
            let more = trace(9, 50);
            let grown = if new.ends_with("gz") { gzip(more.as_bytes()) } else { more.into_bytes() };
            case.write(new, [bytes.clone(), grown].concat());
            case.index().exits(0);
            assert!(case.exported() == case.exported_after_rebuild());
            case.verify();
        }
    }
}

#[test]
fn a_trace_that_is_compressed_differently_under_its_name_is_known() {
    let case = Case::new();
    let text = trace(1, 1_000);
    case.write("a.pfw.gz", gzip(text.as_bytes()));
    case.index().exits(0);
    let before = case.exported();
    let (one, two) = text.as_bytes().split_at(10_000);
    case.write("a.pfw.gz", [gzip(one), gzip(two)].concat());
    assert!(case.index().exits(0).out.starts_with("nothing to do"));
    assert!(case.exported() == before);
    // Another text is still refused.
    case.write("a.pfw.gz", gzip(text.replace("read", "READ").as_bytes()));
    let refused = case.index().exits(1);
    assert!(refused.err.contains("a.pfw.gz") && refused.err.contains("--rebuild"), "{}", refused.err);
    assert!(case.exported() == before);
}

#[test]
fn a_trace_that_is_being_compressed_is_not_counted_twice() {
    let text = trace(1, 3_000);
    let whole = gzip(text.as_bytes());
    // Before and after the trace is indexed.
    for indexed in [false, true] {
        let case = Case::new();
        case.write("a.pfw", &text);
        if indexed {
            case.index().exits(0);
        }
        case.write("a.pfw.gz", &whole[..whole.len() / 2]);
        for _ in 0..2 {
            let ran = case.index().exits(3);
            assert!(ran.err.contains("a.pfw.gz: a truncated copy of"), "{}", ran.err);
            assert_eq!(case.records(), 3_021);
        }
        case.write("a.pfw.gz", &whole);
        fs::remove_file(case.path("a.pfw")).expect("removed");
        case.index().exits(0);
        assert_eq!(case.names(), ["t/a.pfw.gz"]);
        assert!(case.exported() == case.exported_after_rebuild());
    }
    // The reverse: the truncated copy is indexed alone, and then the whole trace appears next to it.
    let case = Case::new();
    case.write("a.pfw.gz", &whole[..whole.len() / 2]);
    case.index().exits(3);
    case.write("b.pfw", &text);
    let ran = case.index().exits(3);
    assert!(ran.err.contains("a.pfw.gz: a truncated copy of"), "{}", ran.err);
    assert_eq!(case.records(), 3_021);
    fs::remove_file(case.path("a.pfw.gz")).expect("removed");
    assert!(case.exported() == case.exported_after_rebuild());
    case.verify();
}
