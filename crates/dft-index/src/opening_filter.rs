//! A filter for files that may have the trace of another one, so that all other files are read at once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use dft_codec::FileEntry;
use dft_trace::Opening;

use crate::known::is_counted;

/// The openings of known traces and of traces that are being read.
pub(crate) struct OpeningFilter {
    known: HashSet<Opening>,
    reading: Mutex<Openings>,
}

#[derive(Default)]
struct Openings {
    /// The longest opening of each text.
    longest: HashSet<Opening>,
    /// Every opening of each text.
    all: HashSet<Opening>,
}

impl OpeningFilter {
    /// Returns a filter for files that are read next to known traces.
    pub(crate) fn new<'a>(known: impl Iterator<Item = &'a FileEntry>) -> Self {
        let openings = known.filter(|entry| is_counted(entry)).map(|entry| entry.identity.opening);
        Self { known: openings.filter(|opening| !opening.is_none()).collect(), reading: Mutex::default() }
    }

    /// Whether a text with these first bytes can be read at once: no trace that is known or being read is the start
    /// of it or starts with it. An admitted text counts as being read from then on.
    pub(crate) fn admits(&self, first: &[u8]) -> bool {
        let all: Vec<Opening> = Opening::all(first).collect();
        // A text without an opening is too short to hold a record.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_starts_another_or_starts_with_it_is_not_admitted() {
        let text: Vec<u8> = (0..9_000_u64).map(|at| (at * at % 251) as u8).collect();
        for (first, second) in [(9_000, 9_000), (9_000, 4_500), (600, 9_000), (9_000, 600), (100, 70), (70, 100)] {
            let opening_filter = OpeningFilter::new([].into_iter());
            assert!(opening_filter.admits(&text[..first.min(Opening::BYTES)]));
            assert!(!opening_filter.admits(&text[..second.min(Opening::BYTES)]), "{first} {second}");
            assert!(opening_filter.admits(&text[1..first.min(Opening::BYTES)]));
        }
        let opening_filter = OpeningFilter::new([].into_iter());
        assert!(
            opening_filter.admits(b"[\n]\n") && opening_filter.admits(b"[\n]\n"),
            "neither has a record that could count twice"
        );
    }
}
