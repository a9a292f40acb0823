//! Collects facts about processes from the records of a trace.

use std::collections::HashMap;

use dft_codec::{FileCounts, LONGEST_TEXT, ProcessFacts, ProcessKey, Processes, StartFacts, StartText};
use dft_trace::{ArgKey, Integer, Phase, Record, TimeUnit, Value};

/// The fault of a file some of whose facts of processes are dropped.
pub const MORE_PROCESSES: &str = "it has more than 65,536 processes, or long texts of more than 1,024: all records are \
     counted, but in the processes table, and among lost records, some processes or texts are missing";

/// The maximum number of processes that are collected before they are encoded.
const MOST_COLLECTED: usize = 1 << 14;

/// The maximum size of the texts that are collected before they are encoded, in bytes.
const MOST_TEXT: usize = 4 << 20;

/// Counts from before a record was aggregated. The difference to the counts after it gives how many calls the record
/// is, which may be none or several.
#[derive(Clone, Copy)]
pub(crate) struct CountsBefore {
    telemetry: u64,
    calls: u64,
}

impl CountsBefore {
    #[inline]
    pub(crate) fn of(counts: &FileCounts) -> Self {
        Self { telemetry: counts.telemetry, calls: counts.profile_calls.wrapping_add(counts.system_calls) }
    }
}

/// Collects facts of processes, record by record.
#[derive(Debug, Default)]
pub(crate) struct ProcessCollector {
    /// The place of each host hash in `hosts`.
    host_numbers: HashMap<String, u32>,
    hosts: Vec<String>,
    places: HashMap<(u32, i64), usize>,
    /// Facts by host and process. Their `records` and `calls` exclude complete records until collection is finished.
    facts: Vec<(u32, i64, ProcessFacts)>,
    /// The size of the texts of `hosts` and `facts`, in bytes, or more.
    text_bytes: usize,
    /// The process of the last record. Most traces have only one.
    last: Option<LastProcess>,
    /// Facts that were collected elsewhere or earlier, which take a tenth of the memory.
    rest: Processes,
}

/// The process of the last record, as the record has it, and its place among the facts.
#[derive(Debug)]
struct LastProcess {
    host: RawHost,
    pid: i64,
    place: usize,
}

/// A host hash as a record has it.
#[derive(Debug)]
enum RawHost {
    Nothing,
    Integer(i64),
    Text(Vec<u8>),
}

impl RawHost {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Integer(number) => Self::Integer(*number),
            Value::Text(text) | Value::Number(text) => Self::Text(text.to_vec()),
            _ => Self::Nothing,
        }
    }

    #[inline]
    fn is(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Integer(mine), Value::Integer(theirs)) => mine == theirs,
            (Self::Text(mine), Value::Text(theirs) | Value::Number(theirs)) => mine == theirs,
            (Self::Nothing, Value::Null | Value::Bool(_) | Value::Nested(_)) => true,
            _ => false,
        }
    }
}

impl ProcessCollector {
    /// Adds a record that was aggregated, with the counts `before` and `after` it.
    #[inline]
    pub(crate) fn add(&mut self, record: &Record<'_>, unit: TimeUnit, before: CountsBefore, after: &FileCounts) {
        match record.phase {
            Phase::Unknown => {}
            Phase::Metadata => self.metadata(record),
            Phase::Complete => self.complete(record, unit),
            Phase::Counter | Phase::CounterOrAggregated | Phase::Aggregated => {
                if after.telemetry == before.telemetry {
                    let calls = CountsBefore::of(after).calls.wrapping_sub(before.calls);
                    self.period(record, unit, 1, calls);
                } else if !is_of_a_host(record) {
                    self.period(record, unit, 0, 0);
                }
            }
        }
    }

    #[inline]
    fn complete(&mut self, record: &Record<'_>, unit: TimeUnit) {
        let Some(facts) = self.facts_of(record) else { return };
        facts.complete += 1;
        if let Some((ts, te)) = times(record, unit) {
            widen(&mut facts.span, ts, te);
        }
        if let Value::Text(b"dftracer") = record.cat
            && let Value::Text(b"start" | b"end" | b"mpi") = record.name
        {
            of_the_tracer(facts, record, unit);
            self.text_bytes += MOST_START_TEXT;
        }
    }

    /// Adds a record of a period, or a counter.
    fn period(&mut self, record: &Record<'_>, unit: TimeUnit, aggregated: u64, calls: u64) {
        let Some(facts) = self.facts_of(record) else { return };
        facts.records += 1;
        facts.aggregated += aggregated;
        facts.calls += u128::from(calls);
        if let Some((ts, _)) = times(record, unit) {
            widen(&mut facts.period_span, ts, ts);
        }
    }

    fn metadata(&mut self, record: &Record<'_>) {
        let name = record.arg(ArgKey::Name);
        match record.name {
            Value::Text(b"PR") if matches!(name, Value::Text(b"rank")) => {
                if let Integer::Some(rank) = record.arg(ArgKey::Value).integer()
                    && let Some(facts) = self.facts_of(record)
                {
                    facts.rank.say(rank);
                }
            }
            Value::Text(b"process_name") if name.has_text() => {
                let name = text(name);
                self.text_bytes += name.len();
                if let Some(facts) = self.facts_of(record) {
                    facts.name.say(name);
                }
            }
            _ => {}
        }
    }

    /// Returns the facts of a record's process.
    #[inline]
    fn facts_of(&mut self, record: &Record<'_>) -> Option<&mut ProcessFacts> {
        let pid = match record.pid.integer() {
            Integer::Some(pid) => pid,
            Integer::None => 0,
            // Only a record without a row of its process may have such a number.
            Integer::OutOfRange => return None,
        };
        let host = host_of(record);
        let place = match &self.last {
            Some(last) if last.pid == pid && last.host.is(host) => last.place,
            _ => self.place_of(host, pid),
        };
        Some(&mut self.facts[place].2)
    }

    fn place_of(&mut self, host: &Value<'_>, pid: i64) -> usize {
        if self.facts.len() >= MOST_COLLECTED || self.text_bytes > MOST_TEXT {
            self.encode();
        }
        let hash = String::from_utf8_lossy(&host.text()).into_owned();
        let number = match self.host_numbers.get(&hash) {
            Some(&number) => number,
            None => {
                // There are fewer hosts than processes.
                let number = self.hosts.len() as u32;
                self.text_bytes += 2 * hash.len();
                self.hosts.push(hash.clone());
                self.host_numbers.insert(hash, number);
                number
            }
        };
        let place = *self.places.entry((number, pid)).or_insert_with(|| {
            self.facts.push((number, pid, ProcessFacts::default()));
            self.facts.len() - 1
        });
        self.last = Some(LastProcess { host: RawHost::of(host), pid, place });
        place
    }

    /// Adds what another thread collected from the same trace.
    pub(crate) fn merge(&mut self, other: Self) {
        self.rest.merge(other.finish());
    }

    /// Encodes what was collected, because it takes less memory then.
    pub(crate) fn encode(&mut self) {
        self.rest = std::mem::take(self).finish();
    }

    /// Returns all that was collected.
    pub(crate) fn finish(self) -> Processes {
        let Self { hosts, facts, mut rest, .. } = self;
        let facts = facts.into_iter().map(|(host, pid, mut facts)| {
            facts.records += facts.complete;
            facts.calls += u128::from(facts.complete);
            (ProcessKey { host_hash: hosts[host as usize].clone(), pid }, facts)
        });
        rest.merge(facts.collect());
        rest
    }
}

impl From<Processes> for ProcessCollector {
    fn from(rest: Processes) -> Self {
        Self { rest, ..Self::default() }
    }
}

/// How much text a `start` record is taken to have, in bytes. Only traces of thousands of processes reach the limit.
const MOST_START_TEXT: usize = 4 * LONGEST_TEXT;

/// Adds what a record of the tracer itself states about its process.
#[cold]
fn of_the_tracer(facts: &mut ProcessFacts, record: &Record<'_>, unit: TimeUnit) {
    let arg = |name: &[u8]| record.args.iter().find(|arg| arg.name == name).map(|arg| &arg.value);
    match record.name {
        Value::Text(b"start") => {
            facts.starts += 1;
            let text_arg = |name| arg(name).filter(|value| value.has_text()).map(text);
            let by_hash = |hash, plain| text_arg(hash).map(StartText::Hash).or(text_arg(plain).map(StartText::Plain));
            let start = StartFacts {
                ts: times(record, unit).map_or(0, |(ts, _)| ts),
                command: by_hash(b"cmd_hash", b"cmd"),
                executable: by_hash(b"exec_hash", b"exec"),
                working_directory: text_arg(b"cwd"),
                version: text_arg(b"version"),
            };
            facts.merge(ProcessFacts { start: Some(start), ..ProcessFacts::default() });
        }
        Value::Text(b"end") => {
            facts.ends += 1;
            let num_events = match arg(b"num_events").map(Value::integer) {
                Some(Integer::Some(events)) => u128::try_from(events).ok(),
                _ => None,
            };
            // Tracers up to 2.0.2 write the depth of calls, and count the ids that they assigned. Tracers that
            // aggregate calls may write their sums after this record.
            let of_ids = arg(b"level").is_some() || arg(b"p_idx").is_some();
            let in_sums = matches!(arg(b"cfg"), Some(Value::Nested(cfg)) if aggregates(cfg));
            if num_events.is_none() || of_ids || in_sums {
                facts.uncounted_ends += 1;
            }
            facts.merge(ProcessFacts { num_events, ..ProcessFacts::default() });
        }
        // Tracer 1.0.5 writes the rank in an `mpi` record.
        _ => {
            if let Some(Integer::Some(rank)) = arg(b"rank").map(Value::integer) {
                facts.rank.say(rank);
            }
        }
    }
}

/// Whether a tracer's settings, as JSON text, enable the aggregation of calls.
fn aggregates(settings: &[u8]) -> bool {
    const ENABLED: &[u8] = b"\"aggregation_enable\":1";
    settings.windows(ENABLED.len()).any(|text| text == ENABLED)
}

/// Whether a counter belongs to a host, not to one of its processes.
fn is_of_a_host(record: &Record<'_>) -> bool {
    let pid = matches!(record.pid.integer(), Integer::Some(0) | Integer::None);
    pid || record.cat.text().eq_ignore_ascii_case(b"sys")
}

/// Returns the host of a record: its hash, or the name that the first tracers wrote.
#[inline]
fn host_of<'r, 'a>(record: &'r Record<'a>) -> &'r Value<'a> {
    match record.arg(ArgKey::Hhash) {
        hash if hash.has_text() => hash,
        _ => match record.arg(ArgKey::Hostname) {
            name @ Value::Text(_) => name,
            _ => &Value::Null,
        },
    }
}

/// `ts` and `ts + dur`, in µs.
#[inline(always)]
fn times(record: &Record<'_>, unit: TimeUnit) -> Option<(i64, i64)> {
    // Most traces need no conversion.
    if let (Value::Integer(ts), Value::Integer(dur), TimeUnit::Us) = (&record.ts, &record.dur, unit) {
        return Some((*ts, ts.saturating_add(*dur)));
    }
    times_of_any(record, unit)
}

fn times_of_any(record: &Record<'_>, unit: TimeUnit) -> Option<(i64, i64)> {
    let in_us = |value: &Value<'_>| match value.integer() {
        Integer::Some(time) => unit.to_us(time),
        _ => None,
    };
    let ts = in_us(&record.ts)?;
    Some((ts, ts.saturating_add(in_us(&record.dur).unwrap_or(0))))
}

#[inline]
fn widen(span: &mut Option<(i64, i64)>, from: i64, to: i64) {
    *span = Some(span.map_or((from, to), |(first, last)| (first.min(from), last.max(to))));
}

/// Returns a text, cut to the longest that is stored.
fn text(value: &Value<'_>) -> String {
    let mut text = String::from_utf8_lossy(&value.text()).into_owned();
    if text.len() > LONGEST_TEXT {
        let end = (0..=LONGEST_TEXT).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
    }
    text
}

#[cfg(test)]
mod tests {
    use dft_codec::{MOST_PROCESSES, MOST_WITH_LONG_TEXTS};
    use dft_trace::Arg;

    use super::*;

    fn record<'a>(phase: Phase, name: &'a str, pid: i64, args: &[(&'a str, Value<'a>)]) -> Record<'a> {
        let arg = |&(name, value): &(&'a str, Value<'a>)| {
            let name = name.as_bytes();
            Arg { key: ArgKey::of(name), name, value }
        };
        Record {
            phase,
            name: Value::Text(name.as_bytes()),
            cat: Value::Text(b"dftracer"),
            pid: Value::Integer(pid),
            ts: Value::Integer(5),
            args: args.iter().map(arg).collect(),
            ..Record::default()
        }
    }

    fn add(collector: &mut ProcessCollector, record: &Record<'_>) {
        let counts = FileCounts::default();
        collector.add(record, TimeUnit::Us, CountsBefore::of(&counts), &counts);
    }

    #[test]
    fn facts_stay_correct_when_there_are_more_processes_than_are_kept() {
        let mut collector = ProcessCollector::default();
        let most = MOST_PROCESSES as i64;
        for round in 0..2 {
            // In both rounds, the processes that are kept come after some that are dropped. One pid is of another host.
            for pid in (0..most + 10).rev() {
                let host = if pid == 3 { Value::Text(b"b") } else { Value::Text(b"a") };
                add(&mut collector, &record(Phase::Complete, "read", pid, &[("hhash", host)]));
                assert!(collector.facts.len() <= MOST_COLLECTED, "{round}");
            }
        }
        let processes = collector.finish();
        assert!(processes.has_more() && processes.len() == MOST_PROCESSES);
        assert!(processes.iter().all(|(key, facts)| key.host_hash == "a" && facts.records == 2));
        assert!(processes.iter().map(|(key, _)| key.pid).eq((0..=most).filter(|pid| *pid != 3)));
    }

    #[test]
    fn long_texts_of_very_many_processes_are_dropped_and_short_ones_stay() {
        let long = "x".repeat(LONGEST_TEXT);
        let collected = |processes: usize| {
            let mut collector = ProcessCollector::default();
            for pid in 0..processes as i64 {
                let command = if pid % 2 == 0 { long.as_str() } else { "0123456789abcdef" };
                let args = [("cmd_hash", Value::Text(command.as_bytes())), ("hhash", Value::Text(b"h"))];
                add(&mut collector, &record(Phase::Complete, "start", pid, &args));
                assert!(collector.text_bytes <= MOST_TEXT + 2 * MOST_START_TEXT);
            }
            collector.finish()
        };
        let commands = |processes: &Processes| {
            let commands = processes.iter().filter_map(|(_, facts)| facts.start?.command);
            let hash = |text| match text {
                StartText::Hash(hash) => hash.len(),
                other => panic!("{other:?} is no hash"),
            };
            commands.map(hash).collect()
        };
        let few: Vec<usize> = commands(&collected(MOST_WITH_LONG_TEXTS));
        assert_eq!(few, [LONGEST_TEXT, 16].repeat(MOST_WITH_LONG_TEXTS / 2));
        let processes = collected(MOST_COLLECTED);
        let many: Vec<usize> = commands(&processes);
        assert_eq!(many, vec![16; MOST_COLLECTED / 2]);
        assert!(processes.has_more() && processes.len() == MOST_COLLECTED);
    }

    #[test]
    fn a_host_is_the_same_in_every_spelling() {
        let mut collector = ProcessCollector::default();
        let spellings = [
            ("hhash", Value::Integer(7)),
            ("hhash", Value::Text(b"7")),
            ("hostname", Value::Text(b"7")),
            ("hhash", Value::Number(b"9509357668201227806")),
            ("hhash", Value::Text(b"9509357668201227806")),
            // None of these is a hash or a name.
            ("hhash", Value::Text(b"")),
            ("hostname", Value::Integer(7)),
            ("hhash", Value::Bool(true)),
        ];
        for (name, value) in spellings {
            add(&mut collector, &record(Phase::Complete, "read", 1, &[(name, value)]));
        }
        let of: Vec<_> = collector.finish().iter().map(|(key, facts)| (key.host_hash.clone(), facts.records)).collect();
        assert_eq!(of, [(String::new(), 3), ("7".to_owned(), 3), ("9509357668201227806".to_owned(), 2)]);
    }

    #[test]
    fn a_long_text_is_cut() {
        let mut collector = ProcessCollector::default();
        let long = "é".repeat(LONGEST_TEXT);
        let args = [("name", Value::Text(long.as_bytes())), ("value", Value::Text(b"process_name"))];
        add(&mut collector, &record(Phase::Metadata, "process_name", 1, &args));
        let processes = collector.finish();
        let (_, facts) = processes.iter().next().expect("a process");
        assert_eq!(facts.name.known().map(String::as_str), Some(&long[..LONGEST_TEXT]));
        assert_eq!(facts.records, 0, "metadata does not count as a record");
    }
}
