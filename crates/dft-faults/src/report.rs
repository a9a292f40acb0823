//! Reports what the campaign tried and found.
// Printing is the purpose of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The results, by kind of fault.
pub(crate) struct Report {
    seed: u64,
    start: Instant,
    kinds: Mutex<Vec<Kind>>,
}

struct Kind {
    name: &'static str,
    cases: u64,
    faults: u64,
    start: Instant,
    time: Duration,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, start: Instant::now(), kinds: Mutex::default() }
    }

    /// Begins the cases of a kind.
    pub(crate) fn begin(&self, name: &'static str) {
        println!("\n── {name}");
        self.kinds(|kinds| {
            kinds.push(Kind {
                name,
                cases: 0,
                faults: 0,
                start: Instant::now(),
                time: Duration::ZERO,
                notes: Vec::new(),
            });
        });
    }

    /// Records that a case was tried, and its fault, if any.
    pub(crate) fn case(&self, case: &str, fault: Option<&str>) {
        if let Some(fault) = fault {
            println!("FAULT {case}: {fault}\n      to repeat: cargo xtask faults --seed {} --case '{case}'", self.seed);
        }
        self.kind(|kind| {
            kind.cases += 1;
            kind.faults += u64::from(fault.is_some());
            kind.time = kind.start.elapsed();
        });
    }

    /// Adds a note on the current kind, which is printed at the end.
    pub(crate) fn note(&self, note: String) {
        self.kind(|kind| kind.notes.push(note));
    }

    /// Prints the results. Returns whether cases were tried and no fault was found.
    pub(crate) fn end(&self) -> bool {
        self.kinds(|kinds| {
            println!("\n{:<12}{:>10}{:>10}{:>10}", "kind", "cases", "seconds", "faults");
            for kind in &*kinds {
                println!("{:<12}{:>10}{:>10.1}{:>10}", kind.name, kind.cases, kind.time.as_secs_f64(), kind.faults);
            }
            for (kind, note) in kinds.iter().flat_map(|kind| kind.notes.iter().map(move |note| (kind.name, note))) {
                println!("{kind}: {note}");
            }
            let (cases, faults) =
                kinds.iter().fold((0, 0), |(cases, faults), kind| (cases + kind.cases, faults + kind.faults));
            let seconds = self.start.elapsed().as_secs_f64();
            println!("\nseed {}, {cases} cases in {seconds:.1} s", self.seed);
            println!("{} passed, {faults} failed", cases - faults);
            faults == 0 && cases > 0
        })
    }

    fn kinds<T>(&self, use_it: impl FnOnce(&mut Vec<Kind>) -> T) -> T {
        use_it(&mut self.kinds.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn kind(&self, use_it: impl FnOnce(&mut Kind)) {
        self.kinds(|kinds| kinds.last_mut().map(use_it));
    }
}
