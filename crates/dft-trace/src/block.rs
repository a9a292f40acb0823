//! Parses a block of whole lines into records, in order.

use std::fmt;

use crate::glued;
use crate::layout::{LOOKAHEAD, Layouts};
use crate::library::{self, Arena, NotAnObject};
use crate::line::payload;
use crate::record::{Phase, Record};
use crate::scan;
use dft_codec::Clock;

/// Why a line is malformed, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedReason(pub String);

impl fmt::Display for MalformedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a block ends, and so where the next one starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnd {
    /// The number of the next line in the file, from 1.
    pub line: u64,
    /// The clock at that line.
    pub clock: Clock,
}

/// The content of a line of a block.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "like `Result`: a line is a record, or it is not")]
pub enum Line<'r, 'a> {
    /// A record, of any phase. `ts` and `dur` are unchecked, in the trace's unit.
    Record {
        /// The record.
        record: &'r Record<'a>,
        /// The clock of its times.
        clock: Clock,
        /// The line's number in the file, from 1.
        line: u64,
    },
    /// Not a JSON object. If the line ends in a whole record, that record follows, with the same line number.
    Malformed {
        /// The line's number in the file, from 1.
        line: u64,
        /// What is wrong with it.
        reason: MalformedReason,
    },
}

/// Parses lines into records, and learns their layouts.
///
/// A parser is for one thread. The layouts it has learnt affect its speed only.
#[derive(Debug, Default)]
pub struct Parser {
    layouts: Layouts,
    arena: Arena,
}

impl Parser {
    /// Creates a parser that knows no layouts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes every non-empty line of `text` to `sink`, in order.
    ///
    /// `first_line` is the number of the first line in its file, and `clock` is the clock at that line.
    /// Returns both for the line after the text.
    pub fn parse(
        &mut self,
        text: &[u8],
        first_line: u64,
        mut clock: Clock,
        mut sink: impl FnMut(Line<'_, '_>),
    ) -> BlockEnd {
        self.arena.clear();
        let Self { layouts, arena } = self;
        let mut record = Record::default();
        let mut start = 0;
        let mut line = first_line;
        let unended = !matches!(text.last(), None | Some(b'\n'));
        // Whether lines end in the usual way. If not, do not try `read_line`, which would only fail.
        let mut usual = true;
        while let Some(rest) = text.get(start..)
            && !rest.is_empty()
        {
            let next = if usual { layouts.read_line(rest, &mut record) } else { None };
            let parsed = match next {
                Some(next) => {
                    start += next;
                    Some(Ok(()))
                }
                None => {
                    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                    start += end + 1;
                    let content = payload(&rest[..end]);
                    (!content.is_empty()).then(|| {
                        let before = content.as_ptr().addr() - rest.as_ptr().addr();
                        let parsed = parse_line(content, &rest[before..], layouts, arena, &mut record);
                        usual &= parsed.is_err() || record.layout.is_none();
                        parsed.map_err(|error| {
                            let reason = MalformedReason(error.after(before).to_string());
                            Broken { content, reason }
                        })
                    })
                }
            };
            match parsed {
                Some(Ok(())) => {
                    set_clock(&mut clock, &record);
                    sink(Line::Record { record: &record, clock, line });
                }
                Some(Err(Broken { content, reason })) => {
                    sink(Line::Malformed { line, reason });
                    if glued::read(content, arena, &mut record) {
                        set_clock(&mut clock, &record);
                        sink(Line::Record { record: &record, clock, line });
                    }
                }
                None => {}
            }
            line += 1;
        }
        BlockEnd { line: line - u64::from(unended), clock }
    }
}

/// Updates the clock, if a record declares anything about the times after it.
#[inline(always)]
fn set_clock(clock: &mut Clock, record: &Record<'_>) {
    match record.phase {
        Phase::Metadata => clock.unit = record.time_unit().unwrap_or(clock.unit),
        Phase::Complete if !clock.counter_starts => clock.counter_starts = record.declares_counter_starts(),
        _ => {}
    }
}

/// A line that is not a record.
struct Broken<'a> {
    content: &'a [u8],
    reason: MalformedReason,
}

/// Reads the [payload] of one line into `record`: by a known layout, or else by the scanner, or else by the library.
/// `ahead` starts with the payload.
#[inline]
fn parse_line<'a>(
    content: &'a [u8],
    ahead: &'a [u8],
    layouts: &mut Layouts,
    arena: &'a Arena,
    record: &mut Record<'a>,
) -> Result<(), NotAnObject> {
    if layouts.read(ahead, content.len(), record) {
        return Ok(());
    }
    match scan::scan(content, record) {
        Ok(()) => {
            // With too little text after it, a line is not read even if its layout is known.
            if ahead.len() >= content.len() + LOOKAHEAD {
                layouts.learn(content);
            }
            Ok(())
        }
        Err(scan::Unusual) => library::parse(content, arena, record),
    }
}

/// Returns the clock after `text`. Parses only lines that may change it.
pub(crate) fn clock_after(text: &[u8], mut clock: Clock) -> Clock {
    // Each word may be written with escapes, so parse lines with any escape, too.
    let finders = [&b"time_metric"[..], b"\\u", b"\"version\""].map(memchr::memmem::Finder::new);
    // Once counters give the starts of their periods, no record changes that.
    let finders = &finders[..if clock.counter_starts { 2 } else { 3 }];
    if finders.iter().all(|finder| finder.find(text).is_none()) {
        return clock;
    }
    let mut parser = Parser::new();
    for line in text.split(|&byte| byte == b'\n') {
        if finders.iter().any(|finder| finder.find(line).is_some()) {
            clock = parser.parse(line, 1, clock, |_| {}).clock;
        }
    }
    clock
}

#[cfg(test)]
mod tests {
    use super::*;
    use dft_codec::TimeUnit;

    #[test]
    fn the_time_unit_can_change_within_a_block_and_clock_after_agrees() {
        let cm = |unit: &str| format!(r#"{{"name":"CM","ph":4,"args":{{"name":"time_metric","value":"{unit}"}}}}"#);
        let escaped = r#"{"name":"C\u004d","ph":"M","args":{"name":"time\u005fmetric","value":"MS"}}"#;
        let event = r#"{"name":"x","ph":1,"ts":1}"#;
        let text = [event, &cm("NS"), event, escaped, event, &cm("SEC"), event].join("\n");
        let mut units = Vec::new();
        let end = Parser::new().parse(text.as_bytes(), 1, Clock::default(), |line| {
            if let Line::Record { record, clock, .. } = line
                && record.phase == Phase::Complete
            {
                units.push(clock.unit);
            }
        });
        assert_eq!(units, [TimeUnit::Us, TimeUnit::Ns, TimeUnit::Ms, TimeUnit::Sec]);
        assert_eq!(end, BlockEnd { line: 7, clock: TimeUnit::Sec.into() });
        assert_eq!(clock_after(text.as_bytes(), Clock::default()), end.clock);
        let cut = text.rfind("{\"name\":\"CM\"").unwrap_or(0);
        assert_eq!(clock_after(&text.as_bytes()[..cut], Clock::default()), TimeUnit::Ms.into());
    }

    #[test]
    fn a_line_gives_the_same_result_alone_and_in_a_block_however_lines_end() {
        let line = |at: usize| format!(r#"{{"name":"x{}","ph":"X","ts":{at},"args":{{"a":{}}}}}"#, at % 3, at * 7);
        let ends = [
            "", ",", "\r", " ,", ",,", ",\r", "]", "\n", ",\n\n", "}", ", \n[", "x", ",x", "\0", ",]\r", "\n][",
            "\n\0\0",
        ];
        for unusual in ends {
            for last in ["\n", ""] {
                let ends = (0..60).map(|at| if at % 20 == 7 { unusual } else { ["", ","][at / 30] });
                let lines: Vec<String> = ends.enumerate().map(|(at, end)| line(at) + end).collect();
                let text = lines.join("\n") + last;
                let read = |text: &[u8], first: u64| {
                    let mut read = Vec::new();
                    let mut parser = Parser::new();
                    let end = parser.parse(text, first, Clock::default(), |line| {
                        read.push(match line {
                            Line::Record { record, line, .. } => {
                                (line, Ok((record.ts.integer(), record.name.text().into_owned(), record.args.len())))
                            }
                            Line::Malformed { line, reason } => (line, Err(reason)),
                        });
                    });
                    (read, end.line)
                };
                let whole = read(text.as_bytes(), 1);
                // Alone, a line has too little text after it to be read by a layout.
                let mut alone = (Vec::new(), 1);
                for line in text.split_inclusive('\n') {
                    let (read, end) = read(line.as_bytes(), alone.1);
                    alone.0.extend(read);
                    alone.1 = end;
                }
                assert_eq!(whole, alone, "{unusual:?} {last:?}");
            }
        }
    }

    #[test]
    fn blank_lines_count_in_line_numbers() {
        let mut numbers = Vec::new();
        Parser::new().parse(b"[\n\n{\"ts\":1}\nx\n]", 10, Clock::default(), |line| match line {
            Line::Record { line, .. } | Line::Malformed { line, .. } => numbers.push(line),
        });
        assert_eq!(numbers, [12, 13]);
    }
}
