//! The table of processes, and their ranks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringDictionaryBuilder};
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use dft_codec::{Fact, NameKind, ProcessFacts, ProcessKey, StartFacts, StartText};
use dft_store::{Index, NameTable};

use crate::columns::{dictionary_type, int64, optional, required};
use crate::error::ExportError;
use crate::export::Batches;
use crate::view::View;

const TABLE: &str = "processes";

/// What all traces of an index say of a process.
struct Process {
    facts: ProcessFacts,
    /// How many traces it is in.
    traces: u64,
}

/// The processes of an index, by host and number.
fn all(index: &Index) -> Result<BTreeMap<ProcessKey, Process>, ExportError> {
    let mut all: BTreeMap<ProcessKey, Process> = BTreeMap::new();
    for (_, entry) in index.files()? {
        for (key, facts) in entry.processes.joined() {
            match all.entry(key) {
                std::collections::btree_map::Entry::Vacant(place) => {
                    place.insert(Process { facts, traces: 1 });
                }
                std::collections::btree_map::Entry::Occupied(mut place) => {
                    let process = place.get_mut();
                    process.facts.merge(facts);
                    process.traces += 1;
                }
            }
        }
    }
    Ok(all)
}

/// The ranks of processes, by host and number. A process of which traces say several has none.
#[derive(Debug, Default)]
pub(crate) struct Ranks(HashMap<String, HashMap<i64, i64, RandomState>, RandomState>);

impl Ranks {
    pub(crate) fn of(index: &Index) -> Result<Self, ExportError> {
        // Of what is known of processes only this is kept: there may be millions.
        let mut said: BTreeMap<ProcessKey, Fact<i64>> = BTreeMap::new();
        for (_, entry) in index.files()? {
            for (key, facts) in entry.processes.joined().filter(|(_, facts)| facts.rank != Fact::Unknown) {
                said.entry(key).or_default().merge(facts.rank);
            }
        }
        let mut ranks = Self::default();
        for (key, said) in said {
            if let Some(&rank) = said.known() {
                ranks.0.entry(key.host_hash).or_default().insert(key.pid, rank);
            }
        }
        Ok(ranks)
    }

    pub(crate) fn get(&self, host_hash: &str, pid: i64) -> Option<i64> {
        self.0.get(host_hash)?.get(&pid).copied()
    }
}

/// A row a process. What no trace says is null.
pub(crate) struct ProcessTable {
    /// All rows, so that batches share their dictionaries.
    rows: RecordBatch,
    next: usize,
    batch_rows: usize,
}

impl ProcessTable {
    /// The processes that pass the filter's processes, ranks and hosts: the table has no column for the rest.
    pub(crate) fn new(view: &View<'_>) -> Result<Self, ExportError> {
        let rows = Columns::of(view, &passing(view)?)?;
        let batch_rows = view.batch_rows(rows.num_columns());
        Ok(Self { rows, next: 0, batch_rows })
    }
}

/// Whether any process passes.
pub(crate) fn any_passes(view: &View<'_>) -> Result<bool, ExportError> {
    Ok(!passing(view)?.is_empty())
}

/// The processes that pass, of the share that is asked for: the shares, one after another, are all of them.
fn passing(view: &View<'_>) -> Result<Vec<(ProcessKey, Process)>, ExportError> {
    let filter = view.filter();
    let passes = |(ProcessKey { host_hash, pid }, process): &(ProcessKey, Process)| {
        filter.passes_process(
            view.host_name(host_hash, Some(*pid)),
            host_hash,
            *pid,
            process.facts.rank.known().copied(),
        )
    };
    let mut passing: Vec<_> = all(view.index())?.into_iter().filter(passes).collect();
    if let Some(share) = filter.shard {
        let (start, end) = share.range(passing.len());
        passing.truncate(end);
        passing = passing.split_off(start);
    }
    Ok(passing)
}

impl Batches for ProcessTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn next_batch(&mut self) -> Result<Option<RecordBatch>, ExportError> {
        let rows = self.batch_rows.min(self.rows.num_rows() - self.next);
        if rows == 0 {
            return Ok(None);
        }
        let batch = self.rows.slice(self.next, rows);
        self.next += rows;
        Ok(Some(batch))
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("host_hash", dictionary_type()),
        optional("host_name", dictionary_type()),
        required("pid", DataType::Int64),
        optional("rank", DataType::Int64),
        optional("process_name", dictionary_type()),
        optional("command", dictionary_type()),
        optional("executable", dictionary_type()),
        optional("working_directory", dictionary_type()),
        optional("tracer_version", dictionary_type()),
        optional("started", DataType::Int64),
        optional("ended", DataType::Int64),
        required("records", DataType::Int64),
        required("calls", DataType::Int64),
        optional("num_events", DataType::Int64),
        required("traces", DataType::Int64),
    ]))
}

/// The columns in the making.
#[derive(Default)]
struct Columns {
    texts: [StringDictionaryBuilder<Int32Type>; 7],
    ints: [Int64Builder; 8],
}

/// What a process's `start` record says, its hashes resolved.
#[derive(Default)]
struct Started {
    command: Option<String>,
    executable: Option<String>,
    directory: Option<String>,
    version: Option<String>,
}

impl Started {
    // Not inlined: merged with the case that there is no such record, its loads come before it is known that there
    // is one, which valgrind takes for a use of what is not initialised.
    #[inline(never)]
    fn of(view: &View<'_>, strings: &NameTable, key: &ProcessKey, start: &StartFacts) -> Self {
        let ProcessKey { host_hash, pid } = key;
        let text = |text: &Option<StartText>| match text {
            None => None,
            Some(StartText::Hash(hash)) => strings.of_process(hash, host_hash, *pid).map(str::to_owned),
            Some(StartText::Plain(plain)) => Some(plain.clone()),
        };
        let directory = start.working_directory.as_ref().map(|hash| view.file_of_process(hash, host_hash, *pid));
        Self {
            command: text(&start.command),
            executable: text(&start.executable),
            directory: directory.filter(|name| !name.is_empty()).map(str::to_owned),
            version: start.version.clone(),
        }
    }
}

impl Columns {
    fn of(view: &View<'_>, processes: &[(ProcessKey, Process)]) -> Result<RecordBatch, ExportError> {
        let strings = view.index().names(NameKind::String)?;
        let mut columns = Self::default();
        for (key, process) in processes {
            columns.push(view, &strings, key, process)?;
        }
        let [host_hash, host_name, process_name, command, executable, working_directory, version] =
            columns.texts.map(|mut column| Arc::new(column.finish()) as ArrayRef);
        let [pid, rank, started, ended, records, calls, num_events, traces] =
            columns.ints.map(|mut column| Arc::new(column.finish()) as ArrayRef);
        let columns = vec![
            host_hash,
            host_name,
            pid,
            rank,
            process_name,
            command,
            executable,
            working_directory,
            version,
            started,
            ended,
            records,
            calls,
            num_events,
            traces,
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }

    fn push(
        &mut self,
        view: &View<'_>,
        strings: &NameTable,
        key: &ProcessKey,
        process: &Process,
    ) -> Result<(), ExportError> {
        let ProcessKey { host_hash, pid } = key;
        let Process { facts, traces } = process;
        let host_name = Some(view.host_name(host_hash, Some(*pid))).filter(|name| !name.is_empty());
        let started =
            facts.start.as_ref().map_or_else(Started::default, |start| Started::of(view, strings, key, start));
        let texts = [
            Some(host_hash.as_str()),
            host_name,
            facts.name.known().map(String::as_str),
            started.command.as_deref(),
            started.executable.as_deref(),
            started.directory.as_deref(),
            started.version.as_deref(),
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            match text {
                Some(text) => drop(column.append(text)?),
                None => column.append_null(),
            }
        }
        let row = || format!("process {pid} of host {host_hash}");
        let span = facts.started_and_ended();
        let ints = [
            Some(*pid),
            facts.rank.known().copied(),
            span.map(|(started, _)| started),
            span.map(|(_, ended)| ended),
            Some(int64(facts.records, TABLE, "records", row)?),
            Some(int64(facts.calls, TABLE, "calls", row)?),
            facts.num_events.map(|events| int64(events, TABLE, "num_events", row)).transpose()?,
            Some(int64(*traces, TABLE, "traces", row)?),
        ];
        for (column, value) in self.ints.iter_mut().zip(ints) {
            column.append_option(value);
        }
        Ok(())
    }
}
