//! Looks as lines, where the output is no terminal.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::Display;
use super::look::{Look, Rates};
use crate::output::say;
use dft_io::units::{bytes, count, duration, plural, rate};

/// Shows each look as a line.
#[derive(Default)]
pub(super) struct Lines {
    /// Whether the last line says that there is no trace yet. A log needs that once.
    waits: bool,
}

impl Display for Lines {
    fn show(&mut self, look: Option<&Look>, before: Option<&Look>) -> Result<()> {
        let Some(look) = look else {
            let is_said = std::mem::replace(&mut self.waits, true);
            return if is_said { Ok(()) } else { say("waiting for a trace\n") };
        };
        self.waits = false;
        let mut line = format!(
            "{}, {} records, span {}",
            plural(look.traces as u64, "trace file"),
            count(look.records),
            duration(look.span_us as f64)
        );
        if let Some(first) = look.layers.first() {
            line +=
                &format!("; {}: {} calls", first.name, count(i128::try_from(first.totals.calls).unwrap_or(i128::MAX)));
            if let Some(moved) = first.totals.bytes {
                line += &format!(", {}", bytes(moved as f64));
            }
            if let Some(Rates { calls, bytes: moved }) = Rates::of(&first.name, look, before) {
                line += &format!("; since the last look {}", rate(calls));
                line += &moved.map_or(String::new(), |moved| format!(", {}/s", bytes(moved)));
            }
        }
        if let Some((behind, process)) = look.behind().next().filter(|(behind, _)| *behind > 0) {
            line += &format!("; {} is {} behind", process.name, duration(behind as f64));
        }
        say(&(line + "\n"))
    }

    fn wait(&mut self, time: Duration) -> Result<bool> {
        thread::sleep(time);
        Ok(false)
    }
}
