//! The processes of a trace, and the bytes of their facts.

use std::collections::BTreeMap;

use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::process::{Fact, LONGEST_HOST, MOST_PROCESSES, ProcessFacts, ProcessKey, StartFacts, StartText};

/// The processes of a trace file, by host and number.
///
/// ```text
/// facts were dropped: 0, 1 │ varint n, n × host
///   host        text hash │ varint n, n × process
///   process     pid: zigzag, then varint difference to the previous pid │ flags │ varint records │ varint complete
///               │ [varint aggregated, varint calls] [span] [span of periods]
///               │ [varint starts, varint ends, varint uncounted ends, varint 0 or num_events + 1]
///               │ [start] [zigzag rank] [text name]
///   flags       1 aggregated · 2 span · 4 span of periods · 8 starts or ends · 16 start · 32 rank · 64 several
///               ranks · 128 name · 256 several names    (varint)
///   span        zigzag first │ varint last − first
///   start       zigzag ts │ command │ executable │ working directory │ version
///   each        0 none, 1 hash or version + text, 2 plain + text
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    facts: BTreeMap<ProcessKey, ProcessFacts>,
    more: bool,
}

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

impl Processes {
    /// Adds facts about a process. Of more than [`MOST_PROCESSES`] processes, those with the lowest keys are kept,
    /// whatever the order in which they are added.
    pub fn add(&mut self, key: ProcessKey, facts: ProcessFacts) {
        if key.host_hash.len() > LONGEST_HOST {
            self.more = true;
            return;
        }
        self.facts.entry(key).or_default().merge(facts);
        if self.facts.len() > MOST_PROCESSES {
            self.facts.pop_last();
            self.more = true;
        }
    }

    /// Adds the facts of another part of the file.
    pub fn merge(&mut self, other: Self) {
        self.more |= other.more;
        for (key, facts) in other.facts {
            self.add(key, facts);
        }
    }

    /// Returns the processes, by host and number.
    pub fn iter(&self) -> impl Iterator<Item = (&ProcessKey, &ProcessFacts)> {
        self.facts.iter()
    }

    /// Returns the number of processes whose facts are kept.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Tells whether there are no processes.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }

    /// Tells whether facts of some processes were dropped.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Returns the numbers of the processes that have records, sorted and unique.
    pub fn pids(&self) -> Vec<i64> {
        let with_records = self.facts.iter().filter(|(_, facts)| facts.records > 0);
        let mut pids: Vec<i64> = with_records.map(|(key, _)| key.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Returns the processes, after joining facts from metadata with those from records.
    ///
    /// Some tracers name the host in their metadata but not in their records (2.x without `DFTRACER_INC_METADATA`),
    /// some the other way round (1.0.5). So the facts from metadata move to the process with the same number that has
    /// records, if there is only one and one of the two names no host.
    pub fn joined(mut self) -> impl Iterator<Item = (ProcessKey, ProcessFacts)> {
        let mut with_records: BTreeMap<i64, Option<String>> = BTreeMap::new();
        for (key, _) in self.facts.iter().filter(|(_, facts)| facts.records > 0) {
            // None if there are several.
            with_records.entry(key.pid).and_modify(|host| *host = None).or_insert_with(|| Some(key.host_hash.clone()));
        }
        let mut moves = Vec::new();
        for (key, _) in self.facts.iter().filter(|(_, facts)| facts.records == 0) {
            if let Some(Some(host)) = with_records.get(&key.pid)
                && (host.is_empty() || key.host_hash.is_empty())
            {
                moves.push((key.clone(), ProcessKey { host_hash: host.clone(), pid: key.pid }));
            }
        }
        for (from, to) in moves {
            if let Some(facts) = self.facts.remove(&from) {
                self.add(to, facts);
            }
        }
        self.facts.into_iter()
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(self.more.into());
        let all: Vec<_> = self.facts.iter().collect();
        let hosts = all.chunk_by(|a, b| a.0.host_hash == b.0.host_hash);
        put_varint(out, hosts.clone().count() as u128);
        for processes in hosts {
            put_text(out, &processes[0].0.host_hash);
            put_varint(out, processes.len() as u128);
            let mut before: Option<i64> = None;
            for (key, facts) in processes {
                match before {
                    None => put_zigzag(out, key.pid.into()),
                    // Never negative, because processes are in order.
                    Some(before) => put_varint(out, (i128::from(key.pid) - i128::from(before)) as u128),
                }
                before = Some(key.pid);
                facts.encode_into(out);
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let more = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Invalid("the flag of dropped processes is neither 0 nor 1")),
        };
        let mut facts = BTreeMap::new();
        let mut host_before: Option<&str> = None;
        // A host takes at least two bytes, a process at least four.
        for _ in 0..reader.count_of(2)? {
            let host = reader.text()?;
            if host_before.is_some_and(|before| before >= host) {
                return Err(DecodeError::Invalid("hosts are out of order"));
            }
            host_before = Some(host);
            let number = reader.count_of(4)?;
            if number == 0 {
                return Err(DecodeError::Invalid("a host has no process"));
            }
            let mut before: Option<i64> = None;
            for _ in 0..number {
                let pid = match before {
                    None => reader.zigzag_i64()?,
                    Some(before) => match before.checked_add_unsigned(reader.varint_u64()?) {
                        Some(pid) if pid != before => pid,
                        _ => return Err(DecodeError::Invalid("processes are out of order")),
                    },
                };
                before = Some(pid);
                facts.insert(ProcessKey { host_hash: host.to_owned(), pid }, ProcessFacts::read(reader)?);
            }
        }
        Ok(Self { facts, more })
    }
}

impl FromIterator<(ProcessKey, ProcessFacts)> for Processes {
    fn from_iter<I: IntoIterator<Item = (ProcessKey, ProcessFacts)>>(all: I) -> Self {
        let mut processes = Self::default();
        all.into_iter().for_each(|(key, facts)| processes.add(key, facts));
        processes
    }
}

impl ProcessFacts {
    fn encode_into(&self, out: &mut Vec<u8>) {
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

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: &str, pid: i64) -> ProcessKey {
        ProcessKey { host_hash: host.to_owned(), pid }
    }

    fn ended(complete: u64, num_events: u128) -> ProcessFacts {
        ProcessFacts {
            records: complete,
            complete,
            calls: complete.into(),
            starts: 1,
            ends: 1,
            num_events: Some(num_events),
            ..ProcessFacts::default()
        }
    }

    fn merged(parts: &[ProcessFacts]) -> ProcessFacts {
        let mut whole = ProcessFacts::default();
        parts.iter().cloned().for_each(|part| whole.merge(part));
        whole
    }

    #[test]
    fn records_that_an_end_record_counts_but_were_not_read_are_lost() {
        let ended_twice = |first, second| merged(&[ended(10, 9), ended(first, second)]);
        for (facts, lost) in [
            // The records before the `end` record, and that record.
            (ended(10, 9), 0),
            (ended(7, 9), 3),
            // More records than were counted: none are lost.
            (ended(12, 9), 0),
            // Ran twice, each time with `start` and `end`: the counts of both are expected.
            (ended_twice(5, 4), 0),
            (ended_twice(4, 4), 1),
            // Runs again: it is not known how many records it has written.
            (ProcessFacts { starts: 2, ..ended(7, 9) }, 0),
            // The `end` records of a process and of a child with its number do not match one `start`.
            (ProcessFacts { starts: 1, ..ended_twice(1, 4) }, 0),
            // No `start`, because the first records were lost.
            (ProcessFacts { starts: 0, ..ended(7, 9) }, 3),
            // An older tracer; still running; aggregated.
            (ProcessFacts { uncounted_ends: 1, ..ended(7, 9) }, 0),
            (ProcessFacts { ends: 0, num_events: None, ..ended(7, 9) }, 0),
            (ProcessFacts { aggregated: 1, ..ended(7, 9) }, 0),
            (ProcessFacts { num_events: Some(u128::MAX), ..ended(1, 0) }, u128::MAX - 1),
        ] {
            assert_eq!(facts.lost(), lost, "{facts:?}");
        }
    }

    #[test]
    fn facts_merge_in_any_order() {
        let start = |ts| StartFacts { ts, version: Some(ts.to_string()), ..StartFacts::default() };
        let parts = [
            ProcessFacts { span: Some((5, 9)), start: Some(start(5)), rank: Fact::Known(3), ..ended(2, 7) },
            ProcessFacts { span: Some((1, 6)), start: Some(start(1)), name: Fact::Known("x".into()), ..ended(3, 1) },
            ProcessFacts { period_span: Some((0, 0)), rank: Fact::Known(3), num_events: None, ..ended(0, 0) },
            ProcessFacts { rank: Fact::Known(4), name: Fact::Known("y".into()), ..ProcessFacts::default() },
        ];
        let whole = merged(&parts);
        assert_eq!((whole.span, whole.period_span), (Some((1, 9)), Some((0, 0))));
        assert_eq!((whole.num_events, whole.complete, whole.starts), (Some(8), 5, 3));
        assert_eq!(whole.start, Some(start(1)), "the facts of the first start record are kept");
        assert_eq!((&whole.rank, &whole.name), (&Fact::Conflicting, &Fact::Conflicting));
        for [a, b, c, d] in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            assert_eq!(merged(&[a, b, c, d].map(|at: usize| parts[at].clone())), whole);
        }
        let mut left = merged(&parts[..2]);
        left.merge(merged(&parts[2..]));
        assert_eq!(left, whole);
    }

    #[test]
    fn the_same_processes_are_dropped_in_whatever_order_they_are_added() {
        let one = || ProcessFacts { records: 1, ..ProcessFacts::default() };
        let most = MOST_PROCESSES as i64;
        let up: Processes = (0..most + 100).map(|pid| (key("h", pid), one())).collect();
        let mut down: Processes = (most / 2..most + 100).rev().map(|pid| (key("h", pid), one())).collect();
        assert!(!down.has_more());
        down.merge((0..most / 2).map(|pid| (key("h", pid), one())).collect());
        assert_eq!(up, down);
        assert!(up.has_more() && up.len() == MOST_PROCESSES);
        assert_eq!(up.pids().last(), Some(&(most - 1)));
        let named: Processes = [(key(&"h".repeat(LONGEST_HOST + 1), 1), one())].into_iter().collect();
        assert!(named.is_empty() && named.has_more());
    }

    #[test]
    fn metadata_joins_the_only_process_with_its_number_if_one_names_no_host() {
        let rank = |rank| ProcessFacts { rank: Fact::Known(rank), ..ProcessFacts::default() };
        let records = || ProcessFacts { records: 2, ..ProcessFacts::default() };
        let processes: Processes = [
            (key("", 1), records()),
            (key("h", 1), rank(10)),
            (key("", 2), rank(20)),
            (key("h", 2), records()),
            // Another host; two candidates; no records.
            (key("g", 3), rank(30)),
            (key("h", 3), records()),
            (key("", 4), rank(40)),
            (key("g", 4), records()),
            (key("h", 4), records()),
            (key("h", 5), rank(50)),
        ]
        .into_iter()
        .collect();
        let ranks: Vec<_> = processes.joined().map(|(key, facts)| (key, facts.rank.known().copied())).collect();
        let wanted = [
            (key("", 1), Some(10)),
            (key("", 4), Some(40)),
            (key("g", 3), Some(30)),
            (key("g", 4), None),
            (key("h", 2), Some(20)),
            (key("h", 3), None),
            (key("h", 4), None),
            (key("h", 5), Some(50)),
        ];
        assert_eq!(ranks, wanted);
    }
}
