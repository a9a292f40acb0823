//! Shows the progress of a build: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use dft_index::{BuildPhase, Progress, ProgressState};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use dft_io::units::{bytes, count, duration, plural, rate};

/// Runs `work` and shows the progress that it reports on standard error.
pub(crate) fn watched<T>(work: impl FnOnce(&Progress) -> T) -> T {
    let progress = Progress::default();
    let (done, watch) = channel::<()>();
    thread::scope(|scope| {
        let progress = &progress;
        // If no thread can be started, no progress is shown. The build reports a lack of threads itself.
        let _ = thread::Builder::new().spawn_scoped(scope, move || {
            let watch = watch;
            let mut view = ProgressView::new();
            while watch.recv_timeout(view.pause()) == Err(RecvTimeoutError::Timeout) {
                view.show(progress.state());
            }
            view.end();
        });
        let result = work(progress);
        // The watcher ends when its channel closes.
        drop(done);
        result
    })
}

enum ProgressView {
    Bar(ProgressBar, Instant),
    Lines(Instant),
}

impl ProgressView {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Instant::now());
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style());
        Self::Bar(bar, Instant::now())
    }

    fn pause(&self) -> Duration {
        match self {
            Self::Bar(..) => Duration::from_millis(100),
            Self::Lines(_) => Duration::from_secs(5),
        }
    }

    fn show(&mut self, state: ProgressState) {
        let (Self::Bar(_, start) | Self::Lines(start)) = &*self;
        let elapsed = start.elapsed().as_secs_f64();
        let speed = rate(state.records as f64 / elapsed.max(1e-3));
        match (&*self, state.phase) {
            (_, BuildPhase::Listing) => {}
            (Self::Bar(bar, _), BuildPhase::Reading) => {
                bar.set_length(state.bytes);
                bar.set_position(state.bytes_read);
                bar.set_message(format!("{} records, {speed}", count(state.records)));
            }
            (Self::Bar(bar, _), BuildPhase::Writing) => {
                bar.set_position(state.bytes);
                bar.set_message(format!("{} records, writing", count(state.records)));
            }
            (Self::Lines(_), BuildPhase::Reading) => {
                let left = match state.bytes_read {
                    0 => String::new(),
                    read => {
                        let more = state.bytes.saturating_sub(read) as f64 / read as f64 * elapsed;
                        format!(", {} left", duration(more * 1e6))
                    }
                };
                eprintln!(
                    "reading: {} of {}, {} of {}, {} records, {speed}{left}",
                    state.files_read,
                    plural(state.files, "file"),
                    bytes(state.bytes_read as f64),
                    bytes(state.bytes as f64),
                    count(state.records),
                );
            }
            (Self::Lines(_), BuildPhase::Writing) => eprintln!("writing: {} records", count(state.records)),
            // A phase of a later version has nothing to show.
            _ => {}
        }
    }

    fn end(self) {
        if let Self::Bar(bar, _) = self {
            bar.finish_and_clear();
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {percent:>3}%  {binary_bytes} of {binary_total_bytes}  {msg}  {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_parses() {
        assert!(ProgressStyle::with_template("{bar:30} {percent:>3}%  {binary_bytes} of {binary_total_bytes}").is_ok());
        let bar = ProgressBar::hidden();
        bar.set_style(style());
        bar.set_message("x");
        bar.finish();
    }
}
