//! `dft watch`: a running job on one screen.

mod lines;
mod look;
mod screen;

use std::io::{IsTerminal, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use dft_index::{BuildError, BuildReport, Progress, build, index_location};
use dft_store::Index;
use dft_trace::DiscoverError;

use crate::Outcome;
use crate::args::WatchArgs;
use crate::input::{faults, notes, outcome};
use crate::output::{say_titled, tell};
use crate::summary;
use lines::Lines;
use look::Look;
use screen::Screen;

/// How many functions and files the summary at the end shows.
const TOP: usize = 5;

/// How often a reader that waits for the next look checks whether to end.
const TICK: Duration = Duration::from_millis(100);

/// Where looks are shown.
trait Display {
    /// Shows a look and the one before it; `None` before there is any trace.
    fn show(&mut self, look: Option<&Look>, before: Option<&Look>) -> Result<()>;

    /// Waits, and returns whether the reader wants to end.
    fn wait(&mut self, time: Duration) -> Result<bool>;
}

pub(crate) fn run(args: &WatchArgs) -> Result<Outcome> {
    let config = args.config.config();
    config.check().map_err(BuildError::from)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let register = signal_hook::flag::register(signal_hook::consts::SIGINT, interrupted.clone());
    register.map_err(|error| anyhow!("the signal of Ctrl-C cannot be caught: {error}"))?;
    let result = {
        let mut display: Box<dyn Display> =
            if stdout().is_terminal() { Box::new(Screen::open()?) } else { Box::new(Lines::default()) };
        follow(args, display.as_mut(), &interrupted)
        // The terminal is as it was when the display is dropped.
    };
    let Some(report) = result? else {
        tell("no trace was found\n");
        return Ok(Outcome::Done);
    };
    tell(&(faults(&report.input) + &notes(&report)));
    say_titled(&summary::of(&Index::open(&report.index)?, TOP)?, &summary::TITLES)?;
    Ok(outcome(&report.input))
}

/// Looks again and again, and returns the report of the last build.
fn follow(args: &WatchArgs, display: &mut dyn Display, interrupted: &AtomicBool) -> Result<Option<BuildReport>> {
    let config = args.config.config();
    let options = args.reading.options(false);
    let every = Duration::from_micros(args.every);
    let (mut last, mut before): (Option<BuildReport>, Option<Look>) = (None, None);
    let mut grown = Instant::now();
    loop {
        let started = Instant::now();
        // Traces that are to be written may not be there yet, nor their directory.
        let index = args.index.clone().map_or_else(|| index_location(&args.traces), Ok).map_err(BuildError::from);
        let built = index.and_then(|index| build(&args.traces, &index, &config, &options, &Progress::default()));
        match built {
            Ok(report) => {
                if !report.input.files.is_empty() {
                    grown = started;
                }
                let look = Look::at(&Index::open(&report.index)?, started)?;
                display.show(Some(&look), before.as_ref())?;
                before = Some(look);
                last = Some(report);
            }
            Err(error) if is_too_early(&error) => display.show(None, None)?,
            Err(error) => return Err(error.into()),
        }
        let is_idle = |idle: u64| grown.elapsed() >= Duration::from_micros(idle);
        while started.elapsed() < every {
            let ends = display.wait(TICK.min(every.saturating_sub(started.elapsed())))?;
            if ends || interrupted.load(Ordering::Relaxed) || args.idle.is_some_and(is_idle) {
                return Ok(last);
            }
        }
        if interrupted.load(Ordering::Relaxed) || args.idle.is_some_and(is_idle) {
            return Ok(last);
        }
    }
}

/// Whether traces may still come.
fn is_too_early(error: &BuildError) -> bool {
    matches!(
        error,
        BuildError::NoTraces(_)
            | BuildError::NoRecords(_)
            | BuildError::NoneReadable { .. }
            | BuildError::Discover(DiscoverError::NotFound(_))
    )
}
