//! The bytes of a process's facts, which [`Processes`](crate::Processes) draws.

use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::process::{Fact, ProcessFacts, StartFacts, StartText};

mod flag {
    pub(super) const AGGREGATED: u64 = 1;
    pub(super) const SPAN: u64 = 2;
    pub(super) const PERIOD_SPAN: u64 = 4;
    pub(super) const STARTS_OR_ENDS: u64 = 8;
    pub(super) const START: u64 = 16;
    pub(super) const RANK: u64 = 32;
    pub(super) const RANKS: u64 = 64;
    pub(super) const NAME: u64 = 128;
    pub(super) const NAMES: u64 = 256;
    pub(super) const ALL: u64 = 511;
}

impl ProcessFacts {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        let has_calls = self.aggregated > 0 || self.calls != u128::from(self.complete);
        let has_ends = (self.starts, self.ends, self.uncounted_ends, self.num_events) != (0, 0, 0, None);
        let set = |is: bool, flag: u64| if is { flag } else { 0 };
        let flags = set(has_calls, flag::AGGREGATED)
            | set(self.span.is_some(), flag::SPAN)
            | set(self.period_span.is_some(), flag::PERIOD_SPAN)
            | set(has_ends, flag::STARTS_OR_ENDS)
            | set(self.start.is_some(), flag::START)
            | set(self.rank.known().is_some(), flag::RANK)
            | set(self.rank == Fact::Conflicting, flag::RANKS)
            | set(self.name.known().is_some(), flag::NAME)
            | set(self.name == Fact::Conflicting, flag::NAMES);
        put_varint(out, flags.into());
        put_varint(out, self.records.into());
        put_varint(out, self.complete.into());
        if has_calls {
            put_varint(out, self.aggregated.into());
            put_varint(out, self.calls);
        }
        for (first, last) in [self.span, self.period_span].into_iter().flatten() {
            put_zigzag(out, first.into());
            put_varint(out, (i128::from(last) - i128::from(first)) as u128);
        }
        if has_ends {
            for number in [self.starts, self.ends, self.uncounted_ends] {
                put_varint(out, number.into());
            }
            put_varint(out, self.num_events.map_or(0, |events| events.saturating_add(1)));
        }
        if let Some(StartFacts { ts, command, executable, working_directory, version }) = &self.start {
            put_zigzag(out, (*ts).into());
            for text in [command, executable] {
                match text {
                    None => out.push(0),
                    Some(StartText::Hash(hash)) => put_marked(out, 1, hash),
                    Some(StartText::Plain(plain)) => put_marked(out, 2, plain),
                }
            }
            for text in [working_directory, version] {
                match text {
                    None => out.push(0),
                    Some(text) => put_marked(out, 1, text),
                }
            }
        }
        if let Some(rank) = self.rank.known() {
            put_zigzag(out, (*rank).into());
        }
        if let Some(name) = self.name.known() {
            put_text(out, name);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.varint_u64()?;
        let has = |flag| flags & flag != 0;
        if flags > flag::ALL || (has(flag::RANK) && has(flag::RANKS)) || (has(flag::NAME) && has(flag::NAMES)) {
            return Err(DecodeError::Invalid("flags of process facts are unknown or contradictory"));
        }
        let (records, complete) = (reader.varint_u64()?, reader.varint_u64()?);
        let mut facts = Self { records, complete, calls: complete.into(), ..Self::default() };
        if has(flag::AGGREGATED) {
            (facts.aggregated, facts.calls) = (reader.varint_u64()?, reader.varint()?);
        }
        for (flag, span) in [(flag::SPAN, &mut facts.span), (flag::PERIOD_SPAN, &mut facts.period_span)] {
            if has(flag) {
                let first = reader.zigzag_i64()?;
                let last = first.checked_add_unsigned(reader.varint_u64()?);
                *span = Some((first, last.ok_or(DecodeError::Invalid("a span exceeds 64 bits"))?));
            }
        }
        if has(flag::STARTS_OR_ENDS) {
            for number in [&mut facts.starts, &mut facts.ends, &mut facts.uncounted_ends] {
                *number = reader.varint_u64()?;
            }
            facts.num_events = reader.varint()?.checked_sub(1);
        }
        if has(flag::START) {
            let mut start = StartFacts { ts: reader.zigzag_i64()?, ..StartFacts::default() };
            for text in [&mut start.command, &mut start.executable] {
                *text = match read_marked(reader)? {
                    None => None,
                    Some((1, hash)) => Some(StartText::Hash(hash)),
                    Some((_, plain)) => Some(StartText::Plain(plain)),
                };
            }
            for text in [&mut start.working_directory, &mut start.version] {
                *text = match read_marked(reader)? {
                    None => None,
                    Some((1, text)) => Some(text),
                    Some(_) => return Err(DecodeError::Invalid("unknown kind of text in a start record")),
                };
            }
            facts.start = Some(start);
        }
        facts.rank = match (has(flag::RANK), has(flag::RANKS)) {
            (true, _) => Fact::Known(reader.zigzag_i64()?),
            (_, true) => Fact::Conflicting,
            _ => Fact::Unknown,
        };
        facts.name = match (has(flag::NAME), has(flag::NAMES)) {
            (true, _) => Fact::Known(reader.text()?.to_owned()),
            (_, true) => Fact::Conflicting,
            _ => Fact::Unknown,
        };
        Ok(facts)
    }
}

fn put_marked(out: &mut Vec<u8>, mark: u8, text: &str) {
    out.push(mark);
    put_text(out, text);
}

fn read_marked(reader: &mut Reader<'_>) -> Result<Option<(u8, String)>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        mark @ 1..=2 => Ok(Some((mark, reader.text()?.to_owned()))),
        _ => Err(DecodeError::Invalid("unknown kind of text in a start record")),
    }
}
