//! Odd telemetry, with phases as letters and as integers.

use super::Expect::Record;
use super::Oddity;
use super::loose::{Loose, Scene};

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "letter C without statistics", expect: Record, lines: lettered_telemetry },
    Oddity { name: "telemetry", expect: Record, lines: telemetry },
    Oddity { name: "telemetry with a duration", expect: Record, lines: lasting_telemetry },
    Oddity { name: "telemetry of odd numbers", expect: Record, lines: odd_telemetry },
    Oddity { name: "telemetry without a number", expect: Record, lines: mute_telemetry },
    Oddity { name: "telemetry that looks aggregated", expect: Record, lines: counted_telemetry },
    Oddity { name: "telemetry of processes and devices", expect: Record, lines: scoped_telemetry },
    Oddity { name: "telemetry that is not finite", expect: Record, lines: endless_telemetry },
    Oddity { name: "late telemetry", expect: Record, lines: late_telemetry },
    Oddity { name: "telemetry shuffled and spaced", expect: Record, lines: shuffled_telemetry },
];

fn lettered_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let (cat, name) =
        s.rng.pick(&[("sys", "cpu"), ("io", "vda"), ("net", "net-    lo"), ("POSIX", "read"), ("SYS", "memory")]);
    let mut r = s.counter("\"C\"", cat, name, s.now_us);
    r.arg("bytes", s.rng.below(1000).to_string());
    match s.rng.below(3) {
        0 => r.arg("ret_min", "5"),
        1 => r.arg("dft_cnt", "\"7\""),
        _ => {}
    }
    r.line()
}

fn telemetry(s: &mut Scene<'_>) -> Vec<String> {
    reading(s, s.now_us).line()
}

fn reading(s: &mut Scene<'_>, us: u64) -> Loose {
    let (cat, name) = s.rng.pick(&[
        ("sys", "cpu"),
        ("sys", "memory"),
        ("io", "vda"),
        ("net", "net-  eth0"),
        ("custom", "temperature"),
    ]);
    let mut r = s.counter("2", cat, name, us);
    r.arg("user_pct", format!("{}.{}", s.rng.below(100), s.rng.below(10_000)));
    r.arg("idle_pct", s.rng.below(100).to_string());
    if s.rng.one_in(3) {
        r.arg("far_from_zero", format!("{}.25", 1_000_000_000 + s.rng.below(2)));
    }
    r
}

fn lasting_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = reading(s, s.now_us);
    let us = s.rng.pick(&[0, 1, 150_000, 3_000_000, 60_000_000]);
    r.set("dur", s.number(s.exactly(us)));
    r.line()
}

fn odd_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = reading(s, s.now_us);
    let (key, values): (&str, &[&str]) = s.rng.pick(&[
        ("huge", &["340282366920938463463374607431768211456", "18446744073709551616", "1"] as &[&str]),
        ("large", &["1e100", "2.5E99", "3"]),
        ("small", &["1e-300", "5e-324", "0", "0.0"]),
        ("below zero", &["-1", "-1.5", "-1e3"]),
        ("naïve \\u00fc \\\"key\\\"", &["1", "2.5"]),
        ("a.b/c d", &["0.30000000000000004", "123456789.123456789"]),
        ("whole", &["4096.0", "4.096e3", "9007199254740993"]),
        ("ret", &["5", "-1"]),
        ("offset", &["5", "0"]),
    ]);
    r.arg(key, s.rng.pick(values));
    r.line()
}

fn mute_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let name = s.rng.pick(&["mute", "mute2"]);
    let mut r = s.counter("2", "sys", name, s.now_us);
    for (key, value) in
        [("state", "\"up\""), ("speed", "\"1000\""), ("on", "true"), ("list", "[1,2]"), ("none", "null")]
    {
        if s.rng.one_in(2) {
            r.arg(key, value);
        }
    }
    r.line()
}

fn counted_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = reading(s, s.now_us);
    r.arg("dft_cnt", s.rng.within(1, 9).to_string());
    r.arg("bytes_sum", "55");
    r.line()
}

fn scoped_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let (cat, name) = s.rng.pick(&[
        ("cpu", "power"),
        ("gpu", "power"),
        ("GPU", "power"),
        ("memory", "power"),
        ("papi", "PAPI_L2_TCM"),
        ("sys", "power"),
        ("", "power"),
    ]);
    let mut r = s.counter("2", cat, name, s.now_us);
    match s.rng.below(4) {
        0 => r.set("pid", "-5"),
        1 => r.set("pid", "17400"),
        2 => r.drop("pid"),
        _ => {}
    }
    r.arg("watts", s.rng.below(400).to_string());
    r.line()
}

fn endless_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = reading(s, s.now_us);
    r.arg("idle_pct", s.rng.pick(&["nan", "-nan", "inf", "-inf"]));
    r.line()
}

fn late_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let us = s.now_us - s.rng.within(1_000_000, 30_000_000);
    reading(s, us).line()
}

fn shuffled_telemetry(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = reading(s, s.now_us);
    s.rng.shuffle(&mut r.top);
    s.rng.shuffle(&mut r.args);
    r.space = s.rng.pick(&["", " "]);
    r.drop(s.rng.pick(&["pid", "tid", "none"]));
    r.line()
}
