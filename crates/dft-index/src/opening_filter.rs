//! Which files may have the trace of another one: a opening_filter, so that the others are read at once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use dft_codec::FileEntry;
use dft_trace::Opening;

/// The openings of the traces that are known, and of those that are being read.
pub(crate) struct OpeningFilter {
    known: HashSet<Opening>,
    reading: Mutex<Openings>,
}

#[derive(Default)]
struct Openings {
    /// The longest opening of each.
    longest: HashSet<Opening>,
    /// Every opening of each.
    all: HashSet<Opening>,
}

impl OpeningFilter {
    /// For files beside known traces.
    pub(crate) fn beside<'a>(known: impl Iterator<Item = &'a FileEntry>) -> Self {
        let openings = known.filter(|entry| is_counted(entry)).map(|entry| entry.identity.opening);
        Self { known: openings.filter(|opening| !opening.is_none()).collect(), reading: Mutex::default() }
    }

    /// Whether a text with these first bytes is to be read at once: it starts with no trace that is known or being
    /// read, and none of those starts with it. From then on it is one that is being read.
    pub(crate) fn takes(&self, first: &[u8]) -> bool {
        let all: Vec<Opening> = Opening::all(first).collect();
        // A shorter one has no record.
        let Some(longest) = all.last() else { return true };
        if all.iter().any(|opening| self.known.contains(opening)) {
            return false;
        }
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if reading.all.contains(longest) || all.iter().any(|opening| reading.longest.contains(opening)) {
            return false;
        }
        reading.longest.insert(*longest);
        reading.all.extend(all);
        true
    }
}

/// Whether anything of a trace is counted, so that it could be counted twice.
pub(crate) fn is_counted(entry: &FileEntry) -> bool {
    entry.counts.records() + entry.counts.malformed > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_the_start_of_another_or_start_with_it_is_put_off() {
        let text: Vec<u8> = (0..9_000_u64).map(|at| (at * at % 251) as u8).collect();
        for (first, second) in [(9_000, 9_000), (9_000, 4_500), (600, 9_000), (9_000, 600), (100, 70), (70, 100)] {
            let opening_filter = OpeningFilter::beside([].into_iter());
            assert!(opening_filter.takes(&text[..first.min(Opening::BYTES)]));
            assert!(!opening_filter.takes(&text[..second.min(Opening::BYTES)]), "{first} {second}");
            assert!(opening_filter.takes(&text[1..first.min(Opening::BYTES)]));
        }
        let opening_filter = OpeningFilter::beside([].into_iter());
        assert!(
            opening_filter.takes(b"[\n]\n") && opening_filter.takes(b"[\n]\n"),
            "nothing in them could count twice"
        );
    }
}
