//! The processes of a trace, and the bytes of their facts.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::bytes::{DecodeError, Reader, put_text, put_varint, put_zigzag};
use crate::process::{LONGEST_HOST, MOST_PROCESSES, MOST_WITH_LONG_TEXTS, ProcessFacts, ProcessKey};

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
///
/// In memory, facts are encoded too: a process takes about 50 bytes that way, and 500 otherwise.
#[derive(Clone, Default)]
pub struct Processes {
    /// The hosts of the processes, sorted.
    hosts: Vec<Box<str>>,
    /// The processes, sorted.
    entries: Vec<Entry>,
    /// The facts of all processes, in order.
    facts: Vec<u8>,
    /// Whether facts of some processes were dropped.
    more: bool,
    /// Whether there may be long texts. That is so until they are dropped.
    long: bool,
}

/// A process and its place in [`Processes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    pid: i64,
    /// The place of its host.
    host: u32,
    /// Where its facts end, and those of the next process start. Facts have at most a few hundred bytes on average,
    /// because long texts are dropped where there are many processes.
    end: u32,
}

impl PartialEq for Processes {
    fn eq(&self, other: &Self) -> bool {
        let Self { hosts, entries, facts, more, long: _ } = self;
        (hosts, entries, facts, more) == (&other.hosts, &other.entries, &other.facts, &other.more)
    }
}

impl Eq for Processes {}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Processes").field("more", &self.more).field("all", &Vec::from_iter(self.iter())).finish()
    }
}

impl Processes {
    /// Adds the facts of another part of the file. Of more than [`MOST_PROCESSES`] processes, those with the lowest
    /// keys are kept; of more than [`MOST_WITH_LONG_TEXTS`], no text is kept that is longer than
    /// [`SHORT_TEXT`](crate::SHORT_TEXT). The order in which parts are added does not matter.
    pub fn merge(&mut self, other: Self) {
        if self.is_empty() || other.is_empty() {
            let more = self.more || other.more;
            if self.is_empty() {
                *self = other;
            }
            self.more = more;
            return;
        }
        let mut merged = Self { more: self.more || other.more, long: self.long || other.long, ..Self::default() };
        let (mut mine, mut theirs) = (self.encoded().peekable(), other.encoded().peekable());
        loop {
            let order = match (mine.peek(), theirs.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => (a.host, a.pid).cmp(&(b.host, b.pid)),
            };
            let (first, second) = match order {
                Ordering::Less => (mine.next(), None),
                Ordering::Greater => (theirs.next(), None),
                Ordering::Equal => (mine.next(), theirs.next()),
            };
            let Some(EncodedProcess { host, pid, facts }) = first else { break };
            if merged.is_full() {
                break;
            }
            match second {
                None => merged.push_encoded(host, pid, facts),
                Some(second) => {
                    let mut whole = decoded(facts);
                    whole.merge(decoded(second.facts));
                    merged.push(host, pid, &whole);
                }
            }
        }
        drop((mine, theirs));
        merged.drop_long_texts();
        *self = merged;
    }

    /// Returns the processes, by host and number.
    pub fn iter(&self) -> impl Iterator<Item = (ProcessKey, ProcessFacts)> {
        self.encoded()
            .map(|EncodedProcess { host, pid, facts }| (ProcessKey { host_hash: host.to_owned(), pid }, decoded(facts)))
    }

    /// Returns the number of processes whose facts are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Tells whether there are no processes.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Tells whether facts of some processes were dropped.
    pub fn has_more(&self) -> bool {
        self.more
    }

    /// Returns the numbers of the processes that have records, sorted and unique.
    pub fn pids(&self) -> Vec<i64> {
        let with_records = self.encoded().filter(|process| decoded(process.facts).records > 0);
        let mut pids: Vec<i64> = with_records.map(|process| process.pid).collect();
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Returns the processes, after joining facts from metadata with those from records.
    ///
    /// Some tracers name the host in their metadata but not in their records (2.x without `DFTRACER_INC_METADATA`),
    /// some the other way round (1.0.5). So the facts from metadata move to the process with the same number that has
    /// records, if there is only one and one of the two names no host.
    pub fn joined(self) -> impl Iterator<Item = (ProcessKey, ProcessFacts)> {
        let mut with_records: BTreeMap<i64, Option<&str>> = BTreeMap::new();
        let mut without = Vec::new();
        for EncodedProcess { host, pid, facts } in self.encoded() {
            if decoded(facts).records == 0 {
                without.push((host, pid, facts));
                continue;
            }
            // None if there are several.
            with_records.entry(pid).and_modify(|host| *host = None).or_insert(Some(host));
        }
        let mut moves: BTreeMap<ProcessKey, ProcessFacts> = BTreeMap::new();
        let mut moved: Vec<ProcessKey> = Vec::new();
        for (from, pid, facts) in without {
            if let Some(Some(host)) = with_records.get(&pid)
                && (host.is_empty() || from.is_empty())
            {
                moved.push(ProcessKey { host_hash: from.to_owned(), pid });
                moves.entry(ProcessKey { host_hash: (*host).to_owned(), pid }).or_default().merge(decoded(facts));
            }
        }
        drop(with_records);
        (0..self.len()).filter_map(move |at| {
            let EncodedProcess { host, pid, facts } = self.at(at);
            let key = ProcessKey { host_hash: host.to_owned(), pid };
            if moved.binary_search(&key).is_ok() {
                return None;
            }
            let mut facts = decoded(facts);
            if let Some(more) = moves.remove(&key) {
                facts.merge(more);
            }
            Some((key, facts))
        })
    }

    fn encoded(&self) -> impl Iterator<Item = EncodedProcess<'_>> {
        (0..self.len()).map(|at| self.at(at))
    }

    fn at(&self, at: usize) -> EncodedProcess<'_> {
        let Entry { pid, host, end } = self.entries[at];
        let start = at.checked_sub(1).map_or(0, |before| self.entries[before].end);
        EncodedProcess { host: &self.hosts[host as usize], pid, facts: &self.facts[start as usize..end as usize] }
    }

    /// Whether there is no place for another process; notes that there are more.
    fn is_full(&mut self) -> bool {
        let is_full = self.len() >= MOST_PROCESSES;
        self.more |= is_full;
        is_full
    }

    /// Adds a process after all others.
    fn push(&mut self, host: &str, pid: i64, facts: &ProcessFacts) {
        let start = self.facts.len();
        self.long |= facts.has_long_text();
        facts.encode_into(&mut self.facts);
        self.push_entry(host, pid);
        debug_assert_eq!(decoded(&self.facts[start..]), *facts, "facts are decoded as they were encoded");
    }

    fn push_encoded(&mut self, host: &str, pid: i64, facts: &[u8]) {
        self.facts.extend_from_slice(facts);
        self.push_entry(host, pid);
    }

    fn push_entry(&mut self, host: &str, pid: i64) {
        if self.hosts.last().is_none_or(|last| **last != *host) {
            self.hosts.push(host.into());
        }
        // At most 65,536 processes, and few have texts of several KB.
        self.entries.push(Entry { pid, host: self.hosts.len() as u32 - 1, end: self.facts.len() as u32 });
    }

    /// Drops long texts if there are too many processes.
    fn drop_long_texts(&mut self) {
        if !self.long || self.len() <= MOST_WITH_LONG_TEXTS {
            return;
        }
        let mut short = Self { more: self.more, ..Self::default() };
        for (ProcessKey { host_hash, pid }, mut facts) in self.iter() {
            short.more |= facts.drop_long_texts();
            short.push(&host_hash, pid, &facts);
        }
        *self = short;
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(self.more.into());
        let hosts = self.entries.chunk_by(|a, b| a.host == b.host);
        put_varint(out, hosts.clone().count() as u128);
        let mut start = 0;
        for processes in hosts {
            put_text(out, &self.hosts[processes[0].host as usize]);
            put_varint(out, processes.len() as u128);
            let mut before: Option<i64> = None;
            for &Entry { pid, end, .. } in processes {
                match before {
                    None => put_zigzag(out, pid.into()),
                    // Never negative, because processes are in order.
                    Some(before) => put_varint(out, (i128::from(pid) - i128::from(before)) as u128),
                }
                before = Some(pid);
                out.extend_from_slice(&self.facts[start..end as usize]);
                start = end as usize;
            }
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let more = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Invalid("the flag of dropped processes is neither 0 nor 1")),
        };
        let mut all = Self { more, ..Self::default() };
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
                let facts = ProcessFacts::read(reader)?;
                if !all.is_full() {
                    all.push(host, pid, &facts);
                }
            }
        }
        all.drop_long_texts();
        Ok(all)
    }
}

/// A process of [`Processes`].
#[derive(Clone, Copy)]
struct EncodedProcess<'a> {
    host: &'a str,
    pid: i64,
    facts: &'a [u8],
}

fn decoded(facts: &[u8]) -> ProcessFacts {
    ProcessFacts::read(&mut Reader::new(facts)).unwrap_or_else(|_| unreachable!("encoded by this type"))
}

impl FromIterator<(ProcessKey, ProcessFacts)> for Processes {
    fn from_iter<I: IntoIterator<Item = (ProcessKey, ProcessFacts)>>(all: I) -> Self {
        let mut processes = Self::default();
        let mut sorted: BTreeMap<ProcessKey, ProcessFacts> = BTreeMap::new();
        for (key, facts) in all {
            if key.host_hash.len() > LONGEST_HOST {
                processes.more = true;
                continue;
            }
            sorted.entry(key).or_default().merge(facts);
            if sorted.len() > MOST_PROCESSES {
                sorted.pop_last();
                processes.more = true;
            }
        }
        for (ProcessKey { host_hash, pid }, facts) in sorted {
            processes.push(&host_hash, pid, &facts);
        }
        processes.drop_long_texts();
        processes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Fact, StartFacts};

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
