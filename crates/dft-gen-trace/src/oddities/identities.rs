//! Odd names, hashes, processes and units, which tell what a record belongs to and when.

use super::Expect::{Metadata, Record};
use super::Oddity;
use super::loose::Scene;
use crate::dialect::{Generation, Unit};
use crate::json::quoted;

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "no pid, no tid", expect: Record, lines: no_process },
    Oddity { name: "no name, no category", expect: Record, lines: no_name },
    Oddity { name: "no arguments", expect: Record, lines: no_arguments },
    Oddity { name: "arguments that are no object", expect: Record, lines: arguments_no_object },
    Oddity { name: "hashes of the other kind", expect: Record, lines: other_hashes },
    Oddity { name: "two names for one hash", expect: Record, lines: collision },
    Oddity { name: "two names for one host", expect: Record, lines: host_collision },
    Oddity { name: "one hash, another name in each process", expect: Record, lines: own_name },
    Oddity { name: "a tracer that names its version", expect: Record, lines: start },
    Oddity { name: "hashes that nothing names", expect: Record, lines: unresolved },
    Oddity { name: "empty and absent hashes", expect: Record, lines: empty_hashes },
    Oddity { name: "hosts and files by name", expect: Record, lines: by_name },
    Oddity { name: "time unit changes", expect: Metadata, lines: unit },
    Oddity { name: "time unit changes, then a call", expect: Record, lines: unit_and_call },
    Oddity { name: "CM that is no time unit", expect: Metadata, lines: other_setting },
    Oddity { name: "metadata of unknown kinds", expect: Metadata, lines: other_metadata },
    Oddity { name: "metadata with fields missing", expect: Metadata, lines: lame_metadata },
];

fn no_process(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    for key in ["pid", "tid"] {
        match s.rng.below(4) {
            0 => r.drop(key),
            1 => r.set(key, "null"),
            2 => r.set(key, "\"none\""),
            _ => {}
        }
    }
    r.line()
}

fn no_name(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let key = s.rng.pick(&["name", "cat"]);
    match s.rng.below(3) {
        0 => r.drop(key),
        1 => r.set(key, "\"\""),
        _ => r.set(key, "null"),
    }
    r.line()
}

fn no_arguments(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    if s.rng.one_in(2) {
        r.drop("args");
    } else {
        r.args_as = Some("{}".to_owned());
    }
    r.line()
}

fn arguments_no_object(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let odd = ["null", "[]", "[{\"ret\":5}]", "\"ret\"", "7", "true", "\"{\\\"ret\\\":5}\""];
    r.args_as = Some(s.rng.pick(&odd).to_owned());
    r.line()
}

fn other_hashes(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let integers = ["0", "7", "65535", "9223372036854775808", "18446744073709551615", "17868160079272185648"];
    let texts = ["\"6882804a826580cd\"", "\"7\"", "\"00ff\"", "\"FF\"", "\"not hex\"", "\"ü\""];
    let (host, file) = if s.rng.one_in(2) {
        (s.rng.pick(&integers), s.rng.pick(&integers))
    } else {
        (s.rng.pick(&texts), s.rng.pick(&texts))
    };
    r.arg("hhash", host);
    r.arg("fhash", file);
    let name = quoted(&format!("/p/of {}", file.trim_matches('"')));
    vec![s.metadata("FH", &name, file).text(), s.metadata("HH", "\"other\"", host).text(), r.text()]
}

/// Returns a hash that only the collisions use, as the trace spells it.
fn shared_hash(s: &mut Scene<'_>, what: &str) -> String {
    match s.generation() {
        Generation::G0 | Generation::G1 => format!("5{}", what.len()),
        _ => quoted(&format!("5eed{}", what.len())),
    }
}

fn collision(s: &mut Scene<'_>) -> Vec<String> {
    let hash = shared_hash(s, "file");
    let mut r = s.call();
    r.arg("fhash", hash.clone());
    let one = quoted(s.rng.pick(&["/p/b", "/p/a", "/p/B", "/p/é", "/p/😀", "/p/\u{fffd}", "/p/ab"]));
    let two = quoted(s.rng.pick(&["/p/c", "/p/a/b", "/p/ä"]));
    vec![s.metadata("FH", &one, &hash).text(), s.metadata("FH", &two, &hash).text(), r.text()]
}

fn host_collision(s: &mut Scene<'_>) -> Vec<String> {
    let hash = shared_hash(s, "a host");
    let mut r = s.call();
    r.arg("hhash", hash.clone());
    let name = quoted(s.rng.pick(&["node2", "node10", "node1", "Node9"]));
    vec![s.metadata("HH", &name, &hash).text(), r.text()]
}

/// Hashes of 16 bits collide, so a hash means the file that the same process named. Generation 0 has no hashes.
fn own_name(s: &mut Scene<'_>) -> Vec<String> {
    if s.generation() == Generation::G0 {
        return s.call().line();
    }
    let hash = s.rng.pick(&["40321", "\"9d81\""]);
    let mut r = s.call();
    r.arg("fhash", hash);
    // Also of a few other processes, which give no names.
    if s.rng.one_in(4) {
        r.set("pid", "17499");
        return r.line();
    }
    let name = quoted(&format!("/p/of process {}", s.process.pid));
    vec![s.metadata("FH", &name, hash).text(), r.text()]
}

/// Counters of phase `C` after it give the start of their period.
fn start(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("name", "\"start\"");
    r.set("cat", s.rng.pick(&["\"dftracer\"", "\"DFTRACER\"", "\"other\""]));
    match s.rng.below(4) {
        0 => {}
        1 => r.arg("version", "100008"),
        _ => r.arg("version", "\"v2.1.0\""),
    }
    r.line()
}

fn unresolved(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let hash = s.rng.pick(&["\"deadbeefdeadbeef\"", "424242"]);
    r.arg("fhash", hash);
    if s.rng.one_in(2) {
        r.arg("hhash", hash);
    }
    r.line()
}

fn empty_hashes(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    for key in [s.process.dialect.host_key(), s.process.dialect.file_key()] {
        match s.rng.below(4) {
            0 => r.drop_arg(key),
            1 => r.arg(key, "null"),
            2 => r.arg(key, "\"\""),
            _ => {}
        }
    }
    r.line()
}

fn by_name(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.drop_arg("hhash");
    r.drop_arg("fhash");
    r.arg("hostname", s.rng.pick(&["\"corona170\"", "\"h\\u00f4te\"", "\"\"", "\"a b#c\""]));
    r.arg("fname", s.rng.pick(&["\"/p/old file\"", "\"/p/\\ud83d\\ude00\"", "\"\"", "\"rel\""]));
    r.line()
}

fn unit(s: &mut Scene<'_>) -> Vec<String> {
    // Coarse units are rare, since they make most times equal.
    let unit = s.rng.pick(&[Unit::Ns, Unit::Us, Unit::Us, Unit::Ns, Unit::Us, Unit::Ms, Unit::Ns, Unit::Sec]);
    s.process.unit = unit;
    s.metadata("CM", "\"time_metric\"", &quoted(unit.name())).line()
}

fn unit_and_call(s: &mut Scene<'_>) -> Vec<String> {
    let mut lines = unit(s);
    lines.push(s.call().text());
    lines
}

fn other_setting(s: &mut Scene<'_>) -> Vec<String> {
    s.metadata("CM", "\"write_buffer\"", "\"SEC\"").line()
}

fn other_metadata(s: &mut Scene<'_>) -> Vec<String> {
    let kind = s.rng.pick(&["PR", "thread_name", "process_name", "fh", "XX", ""]);
    s.metadata(kind, "\"time_metric\"", "\"SEC\"").line()
}

fn lame_metadata(s: &mut Scene<'_>) -> Vec<String> {
    let kind = s.rng.pick(&["FH", "HH", "SH", "CM"]);
    let mut r = s.metadata(kind, "\"/p/never\"", "\"abcdef\"");
    match s.rng.below(4) {
        0 => r.drop_arg("name"),
        1 => r.drop_arg("value"),
        2 => r.drop("args"),
        _ => r.args_as = Some("null".to_owned()),
    }
    r.line()
}
