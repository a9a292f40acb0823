//! Looks on the terminal.

use std::time::Duration;

use anyhow::Result;
use dft_io::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Row, Sparkline, Table};
use ratatui::{DefaultTerminal, Frame};

use super::Display;
use super::look::{Look, Rates};
use crate::output::shortened;
use crate::terminal::has_unicode;
use dft_io::units::{bytes, count, duration, plural, rate};

/// How many processes the screen shows.
const PROCESSES: usize = 6;

/// The width of names.
const NAME: usize = 32;

/// One screen of the terminal. It is restored when this is dropped.
pub(super) struct Screen(DefaultTerminal);

impl Screen {
    pub(super) fn open() -> Result<Self> {
        Ok(Self(ratatui::try_init()?))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nothing can be done for a terminal that is gone.
        let _ = ratatui::try_restore();
    }
}

impl Display for Screen {
    fn show(&mut self, look: Option<&Look>, before: Option<&Look>) -> Result<()> {
        self.0.draw(|frame| draw(frame, look, before))?;
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> Result<bool> {
        if !event::poll(time)? {
            return Ok(false);
        }
        let Event::Key(key) = event::read()? else { return Ok(false) };
        let is_interrupt = key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
        let ends = is_interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc);
        Ok(ends && key.kind == KeyEventKind::Press)
    }
}

fn draw(frame: &mut Frame<'_>, look: Option<&Look>, before: Option<&Look>) {
    let Some(look) = look else {
        frame.render_widget(Line::from("Waiting for a trace. q: end"), frame.area());
        return;
    };
    let layers = look.layers.len() as u16 + 1;
    let bars = if has_unicode() && look.bytes_over_time.iter().any(|&bytes| bytes > 0) { 4 } else { 0 };
    let [head, table, chart, processes, foot] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Max(layers + 1),
        Constraint::Length(bars),
        Constraint::Max(PROCESSES as u16 + 2),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let text = format!(
        "{}, {} records, span {}, {}, {}",
        plural(look.traces as u64, "trace file"),
        count(look.records),
        duration(look.span_us as f64),
        plural(look.hosts as u64, "host"),
        if look.processes.len() == 1 {
            "1 process".to_owned()
        } else {
            format!("{} processes", count(look.processes.len() as u64))
        }
    );
    frame.render_widget(Line::from(text), head);
    frame.render_widget(layer_table(look, before), table);
    if let (Some(first), true) = (look.layers.first(), bars > 0) {
        let [title, chart] = Layout::vertical([Constraint::Length(1), Constraint::Min(1)]).areas(chart);
        let text = format!("bytes of {} over time, {} a mark", first.name.shown(), duration(look.part_us as f64));
        frame.render_widget(Line::from(text).style(bold()), title);
        frame.render_widget(Sparkline::default().data(&look.bytes_over_time), chart);
    }
    frame.render_widget(process_table(look), processes);
    frame.render_widget(Line::from("q: end with a summary"), foot);
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn layer_table(look: &Look, before: Option<&Look>) -> Table<'static> {
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let rows = look.layers.iter().map(|layer| {
        let rates = Rates::of(&layer.name, look, before);
        let calls = count(i128::try_from(layer.totals.calls).unwrap_or(i128::MAX));
        let per_second = rates.and_then(|rates| rates.bytes);
        Row::new([
            shortened(&layer.name, NAME),
            right(calls),
            right(duration(layer.totals.time_us as f64)),
            right(or_nothing(layer.totals.bytes.map(|moved| bytes(moved as f64)))),
            right(or_nothing(rates.map(|rates| rate(rates.calls)))),
            right(or_nothing(per_second.map(|moved| format!("{}/s", bytes(moved))))),
        ])
    });
    let titles = ["layer, kind of I/O", "calls", "time", "bytes", "calls now", "bytes now"];
    let header = titles.iter().enumerate().map(|(at, title)| if at == 0 { (*title).to_owned() } else { right(*title) });
    let widths = [Constraint::Min(NAME as u16)].into_iter().chain([Constraint::Length(CELL as u16); 5]);
    Table::new(rows.collect::<Vec<_>>(), widths.collect::<Vec<_>>())
        .header(Row::new(header.collect::<Vec<_>>()).style(bold()))
}

fn process_table(look: &Look) -> Table<'static> {
    let rows = look.behind().take(PROCESSES).map(|(behind, process)| {
        let behind = if behind == 0 { "-".to_owned() } else { duration(behind as f64) };
        Row::new([shortened(&process.name, NAME), right(count(process.calls)), right(behind)])
    });
    let header = Row::new(["processes that fall behind".to_owned(), right("calls"), right("behind")]).style(bold());
    let widths = [Constraint::Min(NAME as u16), Constraint::Length(CELL as u16), Constraint::Length(CELL as u16)];
    Table::new(rows.collect::<Vec<_>>(), widths).header(header)
}

/// The width of a number.
const CELL: usize = 12;

fn right(text: impl AsRef<str>) -> String {
    format!("{:>CELL$}", text.as_ref())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use dft_export::Totals;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::look::{LayerLook, ProcessLook};
    use super::*;

    fn look(at: Instant, calls: u128) -> Look {
        let totals = Totals { calls, time_us: 5_000_000, bytes: Some(calls as i128 * 1024) };
        let process = |name: &str, last_us| ProcessLook { name: name.to_owned(), calls: 7, last_us };
        Look {
            at,
            traces: 2,
            records: 1_234_567,
            span_us: 90_000_000,
            hosts: 1,
            layers: vec![LayerLook { name: "posix".to_owned(), totals }],
            bytes_over_time: Vec::new(),
            part_us: 1_000_000,
            processes: vec![process("rank 3", 10_000_000), process("rank 0", 90_000_000)],
        }
    }

    #[test]
    fn the_screen_has_rates_and_the_processes_that_fall_behind() {
        let start = Instant::now();
        let (before, now) = (look(start, 1000), look(start + Duration::from_secs(2), 3000));
        let mut terminal = Terminal::new(TestBackend::new(100, 20)).expect("a terminal");
        terminal.draw(|frame| draw(frame, Some(&now), Some(&before))).expect("drawn");
        let text = terminal.backend().to_string();
        for words in ["1,234,567 records, span 90 s", "3,000", "1 k/s", "0.98 MiB/s", "rank 3", "80 s", "q: end"] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        terminal.draw(|frame| draw(frame, None, None)).expect("drawn");
        assert!(terminal.backend().to_string().contains("Waiting for a trace"));
    }
}
