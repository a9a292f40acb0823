//! Lines that are not records: malformed lines, unknown phases, and empty lines.

use super::Expect::{Malformed, Nothing, Skipped};
use super::Oddity;
use super::loose::{Loose, Scene};

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "a line cut off", expect: Malformed, lines: cut },
    Oddity { name: "JSON that is no object", expect: Malformed, lines: no_object },
    Oddity { name: "no JSON at all", expect: Malformed, lines: no_json },
    Oddity { name: "wrong punctuation", expect: Malformed, lines: punctuation },
    Oddity { name: "numbers that JSON does not know", expect: Malformed, lines: numbers },
    Oddity { name: "strings that JSON does not know", expect: Malformed, lines: strings },
    Oddity { name: "two records on a line", expect: Malformed, lines: two },
    Oddity { name: "a whole record behind a broken one", expect: Malformed, lines: glued },
    Oddity { name: "no ts", expect: Malformed, lines: no_ts },
    Oddity { name: "ts that is no whole number from 0", expect: Malformed, lines: wrong_ts },
    Oddity { name: "negative duration", expect: Malformed, lines: negative_duration },
    Oddity { name: "counter without ts", expect: Malformed, lines: counter_no_ts },
    Oddity { name: "unknown phase", expect: Skipped, lines: unknown_phase },
    Oddity { name: "no phase", expect: Skipped, lines: no_phase },
    Oddity { name: "blank line", expect: Nothing, lines: blank },
    Oddity { name: "lone bracket", expect: Nothing, lines: bracket },
    Oddity { name: "brackets between traces", expect: Nothing, lines: brackets },
    Oddity { name: "zeros", expect: Nothing, lines: zeros },
];

fn cut(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("comment", "\"cut é here\"");
    let text = r.text();
    let mut end = 1 + s.rng.below(text.len() as u64 - 1) as usize;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    vec![text[..end].to_owned()]
}

fn no_object(s: &mut Scene<'_>) -> Vec<String> {
    vec![s.rng.pick(&["42", "-1.5", "\"text\"", "null", "true", "[1,2,3]", "[[5]]", "\"{}\""]).to_owned()]
}

fn no_json(s: &mut Scene<'_>) -> Vec<String> {
    vec![
        s.rng
            .pick(&["# comment", "Traceback (most recent call last):", "{", "}", "{]", "\"", "<xml/>", "ü"])
            .to_owned(),
    ]
}

fn punctuation(s: &mut Scene<'_>) -> Vec<String> {
    let text = s.call().text();
    vec![match s.rng.below(8) {
        0 => text.replacen("}}", "},}", 1),
        1 => text.replacen("}}", ",}}", 1),
        2 => text.replacen(',', ",,", 1),
        3 => text.replacen(':', "=", 1),
        4 => text.replacen("\":", "\"", 1),
        5 => text.replace('"', "'"),
        6 => format!("{text}}}"),
        _ => text.replacen("\"id\"", "id", 1),
    }]
}

fn numbers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let odd = s.rng.pick(&[
        "+5",
        "05",
        "-",
        ".5",
        "5.",
        "1e",
        "0x10",
        "1_000",
        "--1",
        "-01",
        "1e+",
        "1.e3",
        "True",
        "nul",
        "undefined",
        "5 5",
    ]);
    match s.rng.below(4) {
        0 => r.set("ts", odd),
        1 => r.set("dur", odd),
        2 => r.arg("ret", odd),
        _ => r.arg("epoch", odd),
    }
    r.line()
}

fn strings(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let odd = s.rng.pick(&[
        "\"a\\qb\"",
        "\"\\u12g4\"",
        "\"\\u12\"",
        "\"tab\there\"",
        "\"bell\u{7}\"",
        "\"\\x41\"",
        "\"open",
        "'a'",
        "\"a\"b\"",
        "\"\\U0041\"",
    ]);
    match s.rng.below(3) {
        0 => r.set("name", odd),
        1 => r.arg("fhash", odd),
        _ => r.arg("comment", odd),
    }
    r.line()
}

fn two(s: &mut Scene<'_>) -> Vec<String> {
    let (one, two) = (s.call().text(), s.call().text());
    let between = s.rng.pick(&["", ",", " "]);
    vec![format!("{one}{between}{two}")]
}

/// A crash cuts a record off, and the next record follows on the same line.
fn glued(s: &mut Scene<'_>) -> Vec<String> {
    let mut broken = cut(s);
    let whole = s.call().text();
    vec![broken.remove(0) + &whole]
}

fn no_ts(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    if s.rng.one_in(2) {
        r.drop("ts");
    } else {
        r.rename("ts", "TS");
    }
    r.line()
}

const NO_TIME: [&str; 12] = [
    "-1",
    "-1795452212000000",
    "1.5",
    "\"soon\"",
    "\"\"",
    "null",
    "true",
    "false",
    "[5]",
    "{\"ts\":5}",
    "\"-5\"",
    "\"1.5\"",
];

fn wrong_ts(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("ts", s.rng.pick(&NO_TIME));
    r.line()
}

fn negative_duration(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("dur", s.rng.pick(&["-1", "-9223372036854775808", "\"-1\"", "-2.0"]));
    r.line()
}

fn counter_no_ts(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&["2", "3", "\"A\"", "\"C\""]);
    let mut r: Loose = s.counter(ph, "POSIX", "read", s.now_us);
    r.arg("dft_cnt", "3");
    r.arg("dur", "5");
    if s.rng.one_in(2) {
        r.drop("ts");
    } else {
        r.set("ts", s.rng.pick(&NO_TIME));
    }
    r.line()
}

fn unknown_phase(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set(
        "ph",
        s.rng.pick(&[
            "\"B\"",
            "\"E\"",
            "7",
            "0",
            "-1",
            "\"x\"",
            "\"1\"",
            "\"\"",
            "\"XX\"",
            "\"\\u0042\"",
            "99999999999999999999",
        ]),
    );
    r.line()
}

fn no_phase(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    if s.rng.one_in(2) {
        r.drop("ph");
    } else {
        r.set("ph", "null");
    }
    r.line()
}

fn blank(s: &mut Scene<'_>) -> Vec<String> {
    vec![s.rng.pick(&["", " ", "\t", "\r", "  \t "]).to_owned()]
}

fn brackets(s: &mut Scene<'_>) -> Vec<String> {
    vec![s.rng.pick(&["][", "] [", "]\t[ [", "[]", "],"]).to_owned()]
}

fn zeros(s: &mut Scene<'_>) -> Vec<String> {
    vec!["\0".repeat(s.rng.within(1, 40) as usize)]
}

fn bracket(s: &mut Scene<'_>) -> Vec<String> {
    vec![s.rng.pick(&["[", "]", " [", "] ", "[\r", "]\r"]).to_owned()]
}
