//! A block of whole lines to records, in order.

use std::fmt;

use crate::glued;
use crate::layout::{LOOKAHEAD, Layouts};
use crate::library::{self, Arena, NotAnObject};
use crate::line::payload;
use crate::record::{Phase, Record};
use crate::scan;
use dft_codec::Clock;

/// Why a line is malformed, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedReason(pub String);

impl fmt::Display for MalformedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a block ends: what the block behind it starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEnd {
    /// The number of the next line in the file, from 1.
    pub line: u64,
    /// How times are meant there.
    pub clock: Clock,
}

/// What a line of a block holds.
#[derive(Debug)]
pub enum Line<'r, 'a> {
    /// A record, of any phase. `ts` and `dur` are unchecked, in the trace's unit.
    Record {
        /// The record.
        record: &'r Record<'a>,
        /// How its times are meant.
        clock: Clock,
        /// The line's number in the file, from 1.
        line: u64,
    },
    /// Not a JSON object. Where it ends in a whole record, that follows, as one of the same line.
    Malformed {
        /// The line's number in the file, from 1.
        line: u64,
        /// What is wrong with it.
        reason: MalformedReason,
    },
}

/// Turns lines into records, and learns the layouts that they have.
///
/// A parser is for one thread. What it has learnt makes it faster and changes nothing else.
#[derive(Debug, Default)]
pub struct Parser {
    layouts: Layouts,
    arena: Arena,
}

impl Parser {
    /// A parser that has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands every line of `text` that holds anything to `sink`, in order.
    ///
    /// `first_line` is the number of the text's first line in its file, `clock` how times are meant there.
    /// Returns the same of the line after the text.
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
        // Whether lines end as they mostly do, so that none is read in vain.
        let mut usual = true;
        while let Some(rest) = text.get(start..)
            && !rest.is_empty()
        {
            let behind = if usual { layouts.read_line(rest, &mut record) } else { None };
            let parsed = match behind {
                Some(behind) => {
                    start += behind;
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
                            let reason = MalformedReason(error.behind(before).to_string());
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

/// Sets how times are meant from a record on, if it says anything of that.
#[inline(always)]
fn set_clock(clock: &mut Clock, record: &Record<'_>) {
    match record.phase {
        Phase::Metadata => clock.unit = record.time_unit().unwrap_or(clock.unit),
        Phase::Complete if !clock.counter_starts => clock.counter_starts = record.declares_counter_starts(),
        _ => {}
    }
}

/// A line that is no record.
struct Broken<'a> {
    content: &'a [u8],
    reason: MalformedReason,
}

/// Reads one line's [payload], with which `ahead` starts, into `record`: by a layout that is known, else
/// by the scanner, else by the library.
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
            // Without enough text behind it, a line is not read even by a layout that is known.
            if ahead.len() >= content.len() + LOOKAHEAD {
                layouts.learn(content);
            }
            Ok(())
        }
        Err(scan::Unusual) => library::parse(content, arena, record),
    }
}

/// How times are meant after `text`, without reading more of it than may change that.
pub(crate) fn clock_after(text: &[u8], mut clock: Clock) -> Clock {
    // Each word may hide in escapes, so a line with any is looked at.
    let finders = [&b"time_metric"[..], b"\\u", b"\"version\""].map(memchr::memmem::Finder::new);
    // Once counters are known to tell starts, nothing takes that back.
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
    fn units_switch_in_the_middle_and_the_shortcut_agrees() {
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
    fn lines_are_the_same_however_they_end() {
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
                // Alone, a line has too little behind it to be read by a layout.
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
    fn lines_keep_their_numbers() {
        let mut numbers = Vec::new();
        Parser::new().parse(b"[\n\n{\"ts\":1}\nx\n]", 10, Clock::default(), |line| match line {
            Line::Record { line, .. } | Line::Malformed { line, .. } => numbers.push(line),
        });
        assert_eq!(numbers, [12, 13]);
    }
}
