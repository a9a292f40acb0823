//! Odd and missing numbers.

use super::Expect::Record;
use super::Oddity;
use super::loose::Scene;

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "integers spelled as fractions", expect: Record, lines: integral_fractions },
    Oddity { name: "integers spelled with exponents", expect: Record, lines: exponents },
    Oddity { name: "numbers as text", expect: Record, lines: text_numbers },
    Oddity { name: "numbers as numbers", expect: Record, lines: plain_numbers },
    Oddity { name: "no duration", expect: Record, lines: no_duration },
    Oddity { name: "duration 0", expect: Record, lines: duration_zero },
    Oddity { name: "duration of many seconds", expect: Record, lines: long_duration },
    Oddity { name: "offset 0, negative or absent", expect: Record, lines: offsets },
    Oddity { name: "size 0, absent or of a failed call", expect: Record, lines: sizes },
    Oddity { name: "items of a size", expect: Record, lines: items },
    Oddity { name: "values that are not finite", expect: Record, lines: endless },
    Oddity { name: "values that are not integers", expect: Record, lines: not_integers },
    Oddity { name: "ret of a call that moves no data", expect: Record, lines: no_transfer },
    Oddity { name: "network transfers", expect: Record, lines: network },
    Oddity { name: "transfer names in other categories", expect: Record, lines: other_category },
    Oddity { name: "custom integers past 64 bits", expect: Record, lines: huge_integers },
    Oddity { name: "custom fractions", expect: Record, lines: fractions },
    Oddity { name: "values that are no numbers", expect: Record, lines: no_numbers },
    Oddity { name: "late records", expect: Record, lines: late },
    Oddity { name: "early records", expect: Record, lines: early },
    Oddity { name: "exactly on a boundary", expect: Record, lines: boundary },
    Oddity { name: "around a boundary", expect: Record, lines: around_boundary },
];

fn items(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("cat", "\"STDIO\"");
    r.set("name", s.rng.pick(&["\"fread\"", "\"fwrite\""]));
    r.arg("ret", s.rng.pick(&["0", "1", "266", "-1"]));
    r.arg("size", s.rng.pick(&["4096", "1", "0", "-8", "\"8\"", "8.0"]));
    r.line()
}

fn endless(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("loss", s.rng.pick(&["nan", "-nan", "inf", "-inf"]));
    r.line()
}

fn integral_fractions(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("ret", s.rng.pick(&["4096.0", "0.0", "-1.0", "65536.00"]));
    r.arg("offset", s.rng.pick(&["512.0", "-512.0", "0.0", "-0.0"]));
    r.set("dur", s.rng.pick(&["12.0", "0.0", "3000000.0"]));
    r.set("pid", "17000.0");
    r.line()
}

fn exponents(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("ret", s.rng.pick(&["4.096e3", "1E6", "2e+3", "5000e-1"]));
    r.arg("offset", s.rng.pick(&["-1e3", "1.5E1", "1e9"]));
    r.arg("loss", s.rng.pick(&["1e-300", "2.5E+7", "-1e-5"]));
    r.line()
}

fn text_numbers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let ts = s.time(s.now_us);
    r.set("id", "\"12\"");
    r.set("pid", "\"17001\"");
    r.set("tid", "\"17002\"");
    r.set("ts", format!("\"{ts}\""));
    r.set("dur", s.rng.pick(&["\"7\"", "\"0\"", "\"2500000\""]));
    r.arg("ret", s.rng.pick(&["\"512\"", "\"0\"", "\"-1\""]));
    r.arg("offset", s.rng.pick(&["\"512\"", "\"0\"", "\"-100\""]));
    r.line()
}

fn plain_numbers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let ts = s.time(s.now_us);
    r.set("id", "12");
    r.set("pid", "17001");
    r.set("tid", "4294967296");
    r.set("ts", ts.to_string());
    r.set("dur", "9");
    r.arg("ret", "1099511627776");
    r.arg("offset", "1152921504606846976");
    r.line()
}

fn no_duration(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    if s.rng.one_in(2) {
        r.drop("dur");
    } else {
        r.set("dur", "null");
    }
    r.line()
}

fn duration_zero(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.set("dur", s.rng.pick(&["0", "\"0\"", "-0"]));
    r.line()
}

fn long_duration(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let us = s.rng.within(1_000_000, 400_000_000);
    let dur = s.time(us);
    r.set("dur", s.number(dur));
    r.line()
}

fn offsets(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    match s.rng.pick(&["0", "-1", "-100", "-4611686018427387904", "null", ""]) {
        "" => r.drop_arg("offset"),
        offset => r.arg("offset", offset),
    }
    r.line()
}

fn sizes(s: &mut Scene<'_>) -> Vec<String> {
    let name = s.rng.pick(&["read", "pwrite64", "preadv2", "readv"]);
    let mut r = s.call_of("POSIX", name);
    match s.rng.pick(&["0", "-1", "-9", "null", "\"0\"", "\"-1\"", ""]) {
        "" => r.drop_arg("ret"),
        ret => r.arg("ret", ret),
    }
    r.line()
}

fn not_integers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let odd = ["1.5", "true", "false", "\"abc\"", "\"\"", "\"1.5\"", "[]", "{}", "-0.25"];
    r.arg("ret", s.rng.pick(&odd));
    r.arg("offset", s.rng.pick(&odd));
    r.line()
}

fn no_transfer(s: &mut Scene<'_>) -> Vec<String> {
    let name = s.rng.pick(&["open64", "close", "fsync", "fork", "mkdir", "stat", "msgget", "exit", "ioctl"]);
    let mut r = s.call_of("POSIX", name);
    r.arg("ret", s.rng.pick(&["0", "-1", "17", "1029637"]));
    r.line()
}

fn network(s: &mut Scene<'_>) -> Vec<String> {
    let name = s.rng.pick(&[
        "recv",
        "recvfrom",
        "recvmsg",
        "send",
        "sendto",
        "sendmsg",
        "splice",
        "sendfile",
        "copy_file_range",
    ]);
    s.call_of("POSIX", name).line()
}

fn other_category(s: &mut Scene<'_>) -> Vec<String> {
    let cat = s.rng.pick(&["reader", "sys", "posixx", "MPI-IO", ""]);
    s.call_of(cat, "read").line()
}

fn huge_integers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg(
        "epoch",
        s.rng.pick(&["9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616"]),
    );
    r.arg("seed", s.rng.pick(&["340282366920938463463374607431768211456", "-123456789012345678901234567890"]));
    r.line()
}

fn fractions(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("loss", s.rng.pick(&["0.1", "-0.0", "1e100", "123456789.123456789", "5e-324", "0.30000000000000004"]));
    r.arg("epoch", s.rng.pick(&["1", "1.0", "2.5"]));
    r.line()
}

fn no_numbers(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    r.arg("epoch", s.rng.pick(&["\"5\"", "\"train\"", "null", "true", "false"]));
    r.arg("step", s.rng.pick(&["\"-1\"", "null"]));
    r.line()
}

fn at(s: &mut Scene<'_>, us: u64) -> Vec<String> {
    let mut r = s.call();
    let ts = s.time(us);
    r.set("ts", s.number(ts));
    r.line()
}

fn late(s: &mut Scene<'_>) -> Vec<String> {
    let us = s.now_us - s.rng.within(1_000_000, 60_000_000);
    at(s, us)
}

fn early(s: &mut Scene<'_>) -> Vec<String> {
    let us = s.now_us + s.rng.within(1_000_000, 20_000_000);
    at(s, us)
}

fn boundary(s: &mut Scene<'_>) -> Vec<String> {
    let mut r = s.call();
    let step = s.rng.pick(&[1_000_000, 100_000]);
    let ts = s.exactly(s.now_us / step * step);
    r.set("ts", s.number(ts));
    let us = s.rng.pick(&[0, 1, 2, 199_999, 200_000]);
    r.set("dur", s.number(s.exactly(us)));
    r.line()
}

fn around_boundary(s: &mut Scene<'_>) -> Vec<String> {
    let us = s.now_us / 1_000_000 * 1_000_000 + s.rng.within(0, 2) - 1;
    at(s, us)
}
