//! Odd records that the specification has a rule for. Each oddity is an entry of a table, with the result that an
//! engine must give; the reference program and the specification agree on all of them.
//!
//! Not included, because the two do not agree or the reference fails: invalid UTF-8, lone surrogates, non-ASCII
//! upper-case categories, a corrupt gzip member, values beyond 64 bits in integer columns, telemetry args with the name
//! of a column of the table.

mod counters;
mod faults;
pub(super) mod files;
mod identities;
mod loose;
mod spelling;
mod telemetry;
mod values;

use super::process::Process;
use super::rng::Rng;
use loose::Scene;

/// How an engine must classify the last line of an oddity. Lines before it are metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Record,
    Metadata,
    Malformed,
    Skipped,
    Nothing,
}

/// An entry of the table.
pub(super) struct Oddity {
    pub(super) name: &'static str,
    expect: Expect,
    lines: fn(&mut Scene<'_>) -> Vec<String>,
}

pub(super) const TABLES: [&[Oddity]; 6] =
    [spelling::TABLE, values::TABLE, identities::TABLE, counters::TABLE, telemetry::TABLE, faults::TABLE];

/// Lists every entry, one per line.
pub(super) fn list() -> String {
    let lines: Vec<String> = TABLES
        .iter()
        .flat_map(|table| table.iter())
        .map(|o| format!("{:9} {}", format!("{:?}", o.expect), o.name))
        .collect();
    lines.join("\n")
}

/// Mixes oddities into one file.
pub(super) struct Oddities {
    /// Entries that are left before the tables are shuffled again: every entry occurs equally often.
    deck: Vec<&'static Oddity>,
    long_left: u32,
    crlf: bool,
}

impl Oddities {
    pub(super) fn new(file: u64) -> Self {
        Self { deck: Vec::new(), long_left: 3, crlf: file % 4 == 2 }
    }

    /// Writes an ordinary record or an oddity, with any of the line ends that traces may have.
    pub(super) fn record(&mut self, process: &mut Process, rng: &mut Rng, out: &mut Vec<u8>) {
        if rng.one_in(2) {
            process.record(rng, out);
            self.end(rng, out);
            return;
        }
        if self.deck.is_empty() {
            self.deck = TABLES.iter().flat_map(|table| table.iter()).collect();
            rng.shuffle(&mut self.deck);
        }
        let Some(oddity) = self.deck.pop() else { return };
        let now_us = process.now_us();
        let lines = (oddity.lines)(&mut Scene { process, rng, now_us, long_left: &mut self.long_left });
        for line in lines {
            let whole = matches!(oddity.expect, Expect::Record | Expect::Metadata | Expect::Skipped);
            if whole && rng.one_in(8) {
                out.extend_from_slice(rng.pick(&["[", " ", "\t", "[ ", "  ", "][", "] [", "\0\0\0"]).as_bytes());
            }
            out.extend_from_slice(line.as_bytes());
            if whole {
                self.end(rng, out);
            } else {
                out.push(b'\n');
            }
        }
    }

    fn end(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        let end = rng.pick(&["", "", "", ",", " ,", ", ", " ", ",\t", "]", " ],"]);
        out.extend_from_slice(end.as_bytes());
        if self.crlf || rng.one_in(16) {
            out.push(b'\r');
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests;
