//! The facts that traces give about their processes.

/// The maximum number of processes per trace file whose facts are kept: those with the lowest keys. No job has as many
/// in one file, and a hostile trace cannot exhaust memory with them.
pub const MOST_PROCESSES: usize = 1 << 16;

/// The maximum number of processes of a trace file that may have texts longer than [`SHORT_TEXT`]. With more processes,
/// such texts are dropped.
pub const MOST_WITH_LONG_TEXTS: usize = 1 << 10;

/// The length of a text that every process may have, in bytes. Hashes and versions are shorter.
pub const SHORT_TEXT: usize = 64;

/// The maximum length of a process's text, in bytes. Longer texts are cut. Hashes and versions are far shorter.
pub const LONGEST_TEXT: usize = 1 << 10;

/// The maximum length of a host hash, in bytes. As part of the key it is never cut; facts of processes with a longer
/// one are dropped.
pub(crate) const LONGEST_HOST: usize = 256;

/// The key of a process: its number is unique only on its host.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessKey {
    /// The host's hash, as in the rows of the process; empty if its records name no host.
    pub host_hash: String,
    /// The process's number.
    pub pid: i64,
}

/// A fact with at most one true value. If a trace contradicts itself, such as after the system reused a process
/// number, the true value is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact<T> {
    /// No record states the fact.
    #[default]
    Unknown,
    /// All records that state the fact agree on this value.
    Known(T),
    /// Records state different values.
    Conflicting,
}

impl<T: PartialEq> Fact<T> {
    /// Adds a statement of the fact.
    pub fn say(&mut self, fact: T) {
        match self {
            Self::Unknown => *self = Self::Known(fact),
            Self::Known(before) if *before != fact => *self = Self::Conflicting,
            _ => {}
        }
    }

    /// Adds the statements of another fact.
    pub fn merge(&mut self, other: Self) {
        match other {
            Self::Unknown => {}
            Self::Known(fact) => self.say(fact),
            Self::Conflicting => *self = Self::Conflicting,
        }
    }

    /// Returns the value, if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            _ => None,
        }
    }
}

/// A text of a `start` record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StartText {
    /// The hash of the text, which the trace's names resolve.
    Hash(String),
    /// The text itself, as the first tracers wrote it.
    Plain(String),
}

impl StartText {
    fn as_str(&self) -> &str {
        match self {
            Self::Hash(text) | Self::Plain(text) => text,
        }
    }

    /// Returns the text itself. `name` resolves a hash.
    pub fn resolved<'a>(&'a self, name: impl FnOnce(&str) -> Option<&'a str>) -> Option<&'a str> {
        match self {
            Self::Hash(hash) => name(hash),
            Self::Plain(text) => Some(text),
        }
    }
}

/// The facts of a `start` record.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StartFacts {
    /// The record's time, in µs.
    pub ts: i64,
    /// The command line.
    pub command: Option<StartText>,
    /// The executable.
    pub executable: Option<StartText>,
    /// The file hash of the working directory.
    pub working_directory: Option<String>,
    /// The tracer's version, as the tracer writes it.
    pub version: Option<String>,
}

impl StartFacts {
    fn texts(&self) -> [Option<&str>; 4] {
        let Self { command, executable, working_directory, version, .. } = self;
        let [command, executable] = [command, executable].map(|text| text.as_ref().map(StartText::as_str));
        [command, executable, working_directory.as_deref(), version.as_deref()]
    }
}

/// The facts about a process. Facts from parts of a trace and from several traces [merge](Self::merge) in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// The number of its records, without metadata and readings of its host.
    pub records: u64,
    /// The number of complete records among them, including the tracer's own.
    pub complete: u64,
    /// The number of records among them that the tracer aggregated.
    pub aggregated: u64,
    /// The number of calls in its complete and aggregated records.
    pub calls: u128,
    /// The minimum `ts` and the maximum `ts + dur` of its complete records, in µs.
    pub span: Option<(i64, i64)>,
    /// The same of its other records. The time of an aggregated record is that of its period.
    pub period_span: Option<(i64, i64)>,
    /// The number of its `start` records.
    pub starts: u64,
    /// The number of its `end` records.
    pub ends: u64,
    /// The number of `end` records that do not count the records written: see [`ProcessFacts::lost`].
    pub uncounted_ends: u64,
    /// The sum of `num_events` of its `end` records; `None` if none has it.
    pub num_events: Option<u128>,
    /// The facts of the first of its `start` records.
    pub start: Option<StartFacts>,
    /// Its rank.
    pub rank: Fact<i64>,
    /// Its name.
    pub name: Fact<String>,
}

impl ProcessFacts {
    /// Adds other facts about the same process.
    pub fn merge(&mut self, other: Self) {
        self.records = self.records.saturating_add(other.records);
        self.complete = self.complete.saturating_add(other.complete);
        self.aggregated = self.aggregated.saturating_add(other.aggregated);
        self.calls = self.calls.saturating_add(other.calls);
        self.span = union(self.span, other.span);
        self.period_span = union(self.period_span, other.period_span);
        self.starts = self.starts.saturating_add(other.starts);
        self.ends = self.ends.saturating_add(other.ends);
        self.uncounted_ends = self.uncounted_ends.saturating_add(other.uncounted_ends);
        self.num_events = match (self.num_events, other.num_events) {
            (Some(mine), Some(theirs)) => Some(mine.saturating_add(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.start = match (self.start.take(), other.start) {
            (Some(mine), Some(theirs)) => Some(mine.min(theirs)),
            (mine, theirs) => mine.or(theirs),
        };
        self.rank.merge(other.rank);
        self.name.merge(other.name);
    }

    /// Tells whether there is a text that is longer than [`SHORT_TEXT`].
    pub(crate) fn has_long_text(&self) -> bool {
        let is_long = |text: &str| text.len() > SHORT_TEXT;
        self.name.known().is_some_and(|name| is_long(name))
            || self.start.as_ref().is_some_and(|start| start.texts().into_iter().flatten().any(is_long))
    }

    /// Drops texts that are longer than [`SHORT_TEXT`]. Returns whether there were any.
    ///
    /// A `start` record loses all its texts, and a name becomes [`Fact::Conflicting`], so that what is left does not
    /// depend on which facts are merged before and which after.
    pub(crate) fn drop_long_texts(&mut self) -> bool {
        let has_long = self.has_long_text();
        if self.name.known().is_some_and(|name| name.len() > SHORT_TEXT) {
            self.name = Fact::Conflicting;
        }
        if let Some(start) = &mut self.start
            && start.texts().into_iter().flatten().any(|text| text.len() > SHORT_TEXT)
        {
            *start = StartFacts { ts: start.ts, ..StartFacts::default() };
        }
        has_long
    }

    /// Returns when the process started and ended, in µs: by its complete records, which include `start` and `end`, or
    /// by its other records if it has no complete ones.
    pub fn started_and_ended(&self) -> Option<(i64, i64)> {
        self.span.or(self.period_span)
    }

    /// Returns how many complete records were written, according to the `end` records, but were not read.
    ///
    /// From version 2.0.3 on, tracers count the complete records that they write; `num_events` of an `end` record
    /// is their number before that record. The result is 0 if that number does not tell how many records to expect:
    ///
    /// - no `end` record has it (the process still runs, or was killed);
    /// - the tracer is older: the number is the last id that was assigned, and ids also go to metadata and to calls
    ///   that never returned, and continue those of the process that this one was forked from;
    /// - the tracer aggregated calls: it counts them, but writes fewer records;
    /// - `start` and `end` records do not match: a process that runs again (or another one with its number) has not
    ///   written its `end` record yet.
    pub fn lost(&self) -> u128 {
        let whole = self.ends == 1 && self.starts <= 1 || self.ends == self.starts;
        if self.ends == 0 || self.uncounted_ends > 0 || self.aggregated > 0 || !whole {
            return 0;
        }
        let written = self.num_events.unwrap_or(0).saturating_add(self.ends.into());
        written.saturating_sub(self.complete.into())
    }
}

fn union(mine: Option<(i64, i64)>, theirs: Option<(i64, i64)>) -> Option<(i64, i64)> {
    match (mine, theirs) {
        (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
        (mine, theirs) => mine.or(theirs),
    }
}
