//! Odd aggregated calls and host statistics, with phases as letters and as integers.

use super::Expect::Record;
use super::Oddity;
use super::loose::{Loose, Scene};
use crate::dialect::Generation;

pub(super) const TABLE: &[Oddity] = &[
    Oddity { name: "aggregated calls", expect: Record, lines: aggregated },
    Oddity { name: "aggregated calls in letters", expect: Record, lines: lettered },
    Oddity { name: "aggregated calls, extrema only", expect: Record, lines: extrema_only },
    Oddity { name: "aggregated calls, total only", expect: Record, lines: total_only },
    Oddity { name: "aggregated calls, one value for all", expect: Record, lines: plain_value },
    Oddity { name: "aggregated calls, counted by count", expect: Record, lines: count_only },
    Oddity { name: "aggregated calls, no count", expect: Record, lines: no_count },
    Oddity { name: "aggregated calls, a sum of fewer than are counted", expect: Record, lines: inconsistent },
    Oddity { name: "aggregated transfers, some failed", expect: Record, lines: some_failed },
    Oddity { name: "aggregated items of a size", expect: Record, lines: items },
    Oddity { name: "aggregated calls, count as text or fraction", expect: Record, lines: odd_count },
    Oddity { name: "aggregated calls, offset 0 and negative", expect: Record, lines: offsets },
    Oddity { name: "aggregated calls that move no data", expect: Record, lines: no_transfer },
    Oddity { name: "end of period on a boundary", expect: Record, lines: boundary },
    Oddity { name: "end of period at the beginning of time", expect: Record, lines: beginning },
    Oddity { name: "aggregated custom metrics", expect: Record, lines: custom },
    Oddity { name: "aggregated system counters", expect: Record, lines: system },
    Oddity { name: "lettered system counters", expect: Record, lines: lettered_system },
];

/// The phases that mean aggregated, as JSON.
const AGGREGATED: [&str; 3] = ["3", "\"A\"", "\"C\""];

fn transfer(s: &mut Scene<'_>, ph: &str) -> Loose {
    let (cat, name) = s.rng.pick(&[("POSIX", "read"), ("posix", "write"), ("STDIO", "fread"), ("POSIX", "sendmsg")]);
    let mut r = s.counter(ph, cat, name, s.now_us);
    if s.rng.one_in(2) {
        let hash = s.file_hash();
        r.arg(s.process.dialect.file_key(), hash);
    }
    r
}

fn statistics(s: &mut Scene<'_>, r: &mut Loose, base: &str, count: u64, low: u64, high: u64) {
    let (a, b) = (s.rng.within(low, high), s.rng.within(low, high));
    let (min, max) = (a.min(b), a.max(b));
    let sum = if count == 1 { min } else { min + max + (count - 2) * s.rng.within(min, max) };
    let max = if count == 1 { min } else { max };
    r.arg(&format!("{base}_max"), max.to_string());
    r.arg(&format!("{base}_sum"), sum.to_string());
    r.arg(&format!("{base}_min"), min.to_string());
}

fn full(s: &mut Scene<'_>, ph: &str) -> Vec<String> {
    let mut r = transfer(s, ph);
    let count = s.rng.within(1, 9);
    statistics(s, &mut r, "dur", count, 0, 5000);
    statistics(s, &mut r, "ret", count, 0, 1 << 20);
    statistics(s, &mut r, "offset", count, 0, 1 << 30);
    statistics(s, &mut r, "count", count, 1, 1 << 20);
    r.arg("dft_cnt", count.to_string());
    s.rng.shuffle(&mut r.args);
    r.line()
}

fn aggregated(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&["3", "\"A\""]);
    full(s, ph)
}

fn lettered(s: &mut Scene<'_>) -> Vec<String> {
    full(s, "\"C\"")
}

fn extrema_only(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    for (base, suffix, value) in
        [("dur", "_min", "3"), ("dur", "_max", "9000"), ("ret", "_min", "0"), ("ret", "_max", "77777")]
    {
        if s.rng.below(4) > 0 {
            r.arg(&format!("{base}{suffix}"), value);
        }
    }
    // A record of phase `C` needs such an arg to be an aggregated call.
    r.arg("dur_max", "9001");
    if s.rng.one_in(2) {
        r.arg("dft_cnt", s.rng.within(2, 20).to_string());
    }
    r.line()
}

fn total_only(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    r.arg("dur_sum", s.rng.within(10, 10_000).to_string());
    r.arg("ret_sum", s.rng.within(0, 1 << 30).to_string());
    r.arg("offset_sum", "4096");
    r.arg("dft_cnt", s.rng.within(2, 20).to_string());
    r.line()
}

fn plain_value(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    r.arg("dur", s.rng.within(0, 900).to_string());
    r.arg("ret", s.rng.within(0, 4096).to_string());
    r.arg("offset", s.rng.within(0, 4096).to_string());
    r.arg("dft_cnt", s.rng.pick(&["1", "1", "5"]));
    // A statistic may occur in addition to the plain value.
    if s.rng.one_in(3) {
        r.arg("dur_max", "950");
    }
    r.line()
}

fn count_only(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    r.arg("count", s.rng.within(2, 30).to_string());
    if s.rng.one_in(2) {
        statistics(s, &mut r, "dur", 5, 0, 100);
    }
    r.line()
}

fn no_count(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    r.arg("dur", "12");
    if s.rng.one_in(2) {
        r.arg("ret", "0");
    }
    r.line()
}

/// The released tracer takes the count of calls from the field that it wrote last.
fn inconsistent(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    let (low, high) = (s.rng.within(1, 50), s.rng.within(50, 90));
    for base in ["dur", "ret", "offset"] {
        if s.rng.one_in(2) {
            let sum = s.rng.pick(&[low, 9 * high, 2 * high + 1, 3 * low]);
            r.arg(&format!("{base}_sum"), sum.to_string());
            r.arg(&format!("{base}_min"), low.to_string());
            r.arg(&format!("{base}_max"), high.to_string());
        }
    }
    r.arg("dft_cnt", s.rng.pick(&["1", "2", "3", "7"]));
    r.line()
}

fn some_failed(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    let (sum, min, max, count) = s.rng.pick(&[
        ("8191", "-1", "4096", "3"),
        ("-3", "-1", "-1", "3"),
        ("-1", "-1", "-1", "1"),
        ("4095", "-1", "4096", "2"),
        ("0", "0", "0", "2"),
    ]);
    r.arg("ret_sum", sum);
    r.arg("ret_min", min);
    if s.rng.below(4) > 0 {
        r.arg("ret_max", max);
    }
    r.arg("dft_cnt", count);
    r.line()
}

fn items(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let name = s.rng.pick(&["fread", "fwrite"]);
    let mut r = s.counter(ph, "STDIO", name, s.now_us);
    let count = s.rng.within(1, 5);
    statistics(s, &mut r, "ret", count, 0, 300);
    match s.rng.below(5) {
        0 => r.arg("size", "8"),
        1 => {
            r.arg("size_sum", (8 * count).to_string());
            r.arg("size_min", "8");
            r.arg("size_max", "8");
        }
        2 => {
            r.arg("size_min", "4");
            r.arg("size_max", "12");
        }
        3 => r.arg("size_min", "8"),
        _ => {}
    }
    r.arg("dft_cnt", count.to_string());
    r.line()
}

fn odd_count(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    statistics(s, &mut r, "dur", 6, 0, 100);
    statistics(s, &mut r, "ret", 6, 0, 100);
    match s.rng.below(4) {
        0 => r.arg("dft_cnt", "\"6\""),
        1 => r.arg("dft_cnt", "6.0"),
        2 => {
            r.arg("dft_cnt", "null");
            r.arg("count", "6");
        }
        _ => {
            r.arg("dft_cnt", "6");
            r.arg("count", "8192");
        }
    }
    r.line()
}

fn offsets(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = s.counter(ph, "POSIX", "lseek64", s.now_us);
    r.arg("dur_sum", "30");
    r.arg("dur_min", "0");
    r.arg("dur_max", "9");
    r.arg("offset_min", s.rng.pick(&["-100", "0", "-1"]));
    r.arg("offset_max", s.rng.pick(&["0", "16567"]));
    r.arg("dft_cnt", "58");
    r.line()
}

fn no_transfer(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let (cat, name) =
        s.rng.pick(&[("POSIX", "close"), ("compute", "read"), ("posix", "open64"), ("ai_framework", "train")]);
    let mut r = s.counter(ph, cat, name, s.now_us);
    statistics(s, &mut r, "dur", 3, 0, 100);
    statistics(s, &mut r, "ret", 3, 0, 9);
    r.arg("dft_cnt", "3");
    r.line()
}

fn boundary(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let step = s.rng.pick(&[1_000_000, 100_000]);
    let us = s.now_us / step * step + s.rng.pick(&[0, 0, 0, 1, step - 1]);
    let (cat, name) = s.rng.pick(&[("POSIX", "read"), ("sys", "cpu"), ("compute", "step")]);
    let mut r = s.counter(ph, cat, name, us);
    statistics(s, &mut r, "dur", 4, 0, 100);
    r.arg("dft_cnt", "4");
    r.line()
}

/// Only in the generation of phase `C`: a record at 0 moves the origin of the whole trace.
fn beginning(s: &mut Scene<'_>) -> Vec<String> {
    if s.generation() != Generation::G2 {
        return boundary(s);
    }
    let mut r = transfer(s, "\"C\"");
    r.set("ts", s.rng.pick(&["0", "1"]));
    r.arg("dft_cnt", "2");
    r.arg("dur_sum", "5");
    r.line()
}

fn custom(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&AGGREGATED);
    let mut r = transfer(s, ph);
    statistics(s, &mut r, "whence", 3, 0, 2);
    statistics(s, &mut r, "flags", 3, 0, 524_865);
    r.arg("loss_sum", "0.75");
    r.arg("loss_min", "0.125");
    r.arg("loss_max", "0.5");
    r.arg("mode", "438");
    r.arg("seed_sum", "18446744073709551616");
    r.arg("dft_cnt", "3");
    r.line()
}

fn system(s: &mut Scene<'_>) -> Vec<String> {
    let ph = s.rng.pick(&["3", "\"A\""]);
    let cat = s.rng.pick(&["sys", "SYS", "Sys"]);
    let mut r = s.counter(ph, cat, "cpu", s.now_us);
    r.arg("user_pct_sum", "412.5");
    r.arg("user_pct_min", "3.25");
    r.arg("user_pct_max", "99");
    if s.rng.one_in(2) {
        r.arg("dft_cnt", "10");
    }
    r.line()
}

fn lettered_system(s: &mut Scene<'_>) -> Vec<String> {
    let cat = s.rng.pick(&["sys", "SYS"]);
    let us = if s.rng.one_in(2) { s.now_us / 1_000_000 * 1_000_000 } else { s.now_us };
    let mut r = s.counter("\"C\"", cat, "cpu", us);
    r.arg("user_pct_sum", "41.5");
    let key = s.rng.pick(&["dft_cnt", "count"]);
    r.arg(key, "7");
    r.line()
}
