//! An independent JSON parser classifies every entry of the tables as the entry states.

use serde_json::Value;

use super::*;
use crate::dialect::{Generation, Unit};
use crate::process::{Load, Process};

const GENERATIONS: [Generation; 4] = [Generation::G0, Generation::G1, Generation::G2, Generation::G3];

fn process(generation: Generation) -> Process {
    let load = Load {
        series: 40,
        new_files: false,
        call_gap_ns: 1_000_000,
        period_us: 100_000,
        counters: 6,
        drifting: false,
        reading_us: 200_000,
        calls: true,
        aggregates: generation >= Generation::G2,
        telemetry: generation >= Generation::G2,
    };
    Process::new(3, generation, Unit::Us, load)
}

fn integer(value: Option<&Value>) -> Option<i128> {
    match value? {
        Value::Number(n) => n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from)).or_else(|| {
            let float = n.as_f64()?;
            (float.fract() == 0.0).then_some(float as i128)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// Classifies a line by the first section of the specification.
fn judge(line: &str) -> Expect {
    let mut line = line.trim_matches([' ', '\t', '\r', '\n', '\0']).trim_start_matches(['[', ']', ' ', '\t']);
    line = line.trim_end_matches([',', ' ', '\t']);
    if line.is_empty() {
        return Expect::Nothing;
    }
    // What C++ prints for values that are not finite counts as a number.
    let line = [":nan", ":-nan", ":inf", ":-inf"].iter().fold(line.to_owned(), |line, word| {
        [",", "}"].iter().fold(line, |line, end| line.replace(&format!("{word}{end}"), &format!(":0{end}")))
    });
    let Ok(Value::Object(record)) = serde_json::from_str(&line) else { return Expect::Malformed };
    match record.get("ph") {
        Some(Value::String(ph)) if ph == "M" => Expect::Metadata,
        Some(Value::Number(ph)) if ph.as_i64() == Some(4) => Expect::Metadata,
        Some(Value::String(ph)) if !["X", "C", "A"].contains(&ph.as_str()) => Expect::Skipped,
        Some(Value::Number(ph)) if !(1..=3).contains(&ph.as_i64().unwrap_or(0)) => Expect::Skipped,
        Some(Value::String(_) | Value::Number(_)) => {
            let ts = integer(record.get("ts"));
            let dur = integer(record.get("dur"));
            if ts.is_none_or(|ts| ts < 0) || dur.is_some_and(|dur| dur < 0) {
                Expect::Malformed
            } else {
                Expect::Record
            }
        }
        _ => Expect::Skipped,
    }
}

#[test]
fn every_oddity_is_classified_as_its_entry_states() {
    for generation in GENERATIONS {
        let mut process = process(generation);
        let mut rng = Rng::new(7, 7);
        for oddity in TABLES.iter().flat_map(|table| table.iter()) {
            for _ in 0..60 {
                process.record(&mut rng, &mut Vec::new());
                let now_us = process.now_us();
                let mut scene = Scene { process: &mut process, rng: &mut rng, now_us, long_left: &mut 0 };
                let mut lines = (oddity.lines)(&mut scene);
                let last = lines.pop().expect("an oddity is one line at least");
                // Nested deeper than this parser allows.
                if oddity.name == "deeply nested argument" {
                    continue;
                }
                assert_eq!(judge(&last), oddity.expect, "{}: {last}", oddity.name);
                for line in lines {
                    assert_eq!(judge(&line), Expect::Metadata, "{}: {line}", oddity.name);
                }
            }
        }
    }
}

#[test]
fn every_oddity_occurs_if_there_are_enough_records() {
    let entries: usize = TABLES.iter().map(|table| table.len()).sum();
    let mut process = process(Generation::G2);
    let mut rng = Rng::new(1, 1);
    let mut odd = Oddities::new(0);
    let mut out = Vec::new();
    let mut dealt = 0;
    for _ in 0..entries * 3 {
        let before = odd.deck.len();
        odd.record(&mut process, &mut rng, &mut out);
        dealt += usize::from(odd.deck.len() != before);
    }
    assert!(dealt >= entries, "{dealt} of {entries}");
}

#[test]
fn the_names_of_entries_are_unique() {
    let mut names: Vec<&str> = TABLES.iter().flat_map(|table| table.iter()).map(|o| o.name).collect();
    let entries = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), entries);
}
