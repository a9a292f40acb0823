//! The table of processes.

use std::collections::{BTreeMap, btree_map};
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use dft_codec::{NameKind, ProcessFacts, ProcessKey, StartFacts, StartText};
use dft_store::{Index, NameTable};

use crate::batches::Batches;
use crate::columns::{dictionary_type, optional, required};
use crate::error::ExportError;
use crate::numbers::int64;
use crate::table::Table;
use crate::view::View;

/// What the traces of an index state about a process. A value that no trace states is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The host's hash.
    pub host_hash: String,
    /// The host's name.
    pub host_name: Option<String>,
    /// The process's number on its host.
    pub pid: i64,
    /// Its rank.
    pub rank: Option<i64>,
    /// Its name.
    pub process_name: Option<String>,
    /// The command line.
    pub command: Option<String>,
    /// The executable.
    pub executable: Option<String>,
    /// The working directory.
    pub working_directory: Option<String>,
    /// The version of the tracer, as it writes it.
    pub tracer_version: Option<String>,
    /// When it started and ended, in µs of the tracer's clock.
    pub span_us: Option<(i64, i64)>,
    /// The number of its records, without metadata and readings of its host.
    pub records: u64,
    /// The number of calls in its records.
    pub calls: u128,
    /// The number of records that the tracer says it wrote.
    pub num_events: Option<u128>,
    /// The number of traces that mention it.
    pub traces: u64,
}

/// What the traces of an index state about a process, with hashes.
struct KnownProcess {
    facts: ProcessFacts,
    /// The number of traces that mention it.
    traces: u64,
}

/// Returns the processes of an index, by host and process number.
fn all(index: &Index) -> Result<BTreeMap<ProcessKey, KnownProcess>, ExportError> {
    let mut all: BTreeMap<ProcessKey, KnownProcess> = BTreeMap::new();
    for (_, file) in index.files()? {
        for (key, facts) in file.processes.joined() {
            match all.entry(key) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(KnownProcess { facts, traces: 1 });
                }
                btree_map::Entry::Occupied(mut entry) => {
                    let process = entry.get_mut();
                    process.facts.merge(facts);
                    process.traces += 1;
                }
            }
        }
    }
    Ok(all)
}

impl View<'_> {
    /// Passes the processes that pass the filter to `visit`, by host hash and number.
    ///
    /// # Errors
    ///
    /// The first error of `visit`. Also fails if the index cannot be read.
    pub fn each_process(&self, mut visit: impl FnMut(Process) -> Result<(), ExportError>) -> Result<(), ExportError> {
        let strings = self.index().names(NameKind::String)?;
        passing(self)?.into_iter().try_for_each(|(key, known)| visit(Process::of(self, &strings, key, known)?))
    }
}

impl Process {
    fn of(view: &View<'_>, strings: &NameTable, key: ProcessKey, known: KnownProcess) -> Result<Self, ExportError> {
        let KnownProcess { facts, traces } = known;
        let start = facts.start.as_ref().map(|start| StartTexts::of(view, strings, &key, start)).transpose()?;
        let StartTexts { command, executable, working_directory, tracer_version } = start.unwrap_or_default();
        let ProcessKey { host_hash, pid } = key;
        Ok(Self {
            host_name: Some(view.host_name(&host_hash, Some(pid))).filter(|name| !name.is_empty()).map(String::from),
            host_hash,
            pid,
            rank: facts.rank.known().copied(),
            process_name: facts.name.known().cloned(),
            command,
            executable,
            working_directory,
            tracer_version,
            span_us: facts.started_and_ended(),
            records: facts.records,
            calls: facts.calls,
            num_events: facts.num_events,
            traces,
        })
    }
}

/// One row per process. A value that no trace states is null.
pub(crate) struct ProcessTable {
    /// All rows: batches are slices of them and share dictionaries.
    rows: RecordBatch,
    next: usize,
    batch_rows: usize,
}

impl ProcessTable {
    /// Creates the table of the processes that pass the filter.
    pub(crate) fn new(view: &View<'_>) -> Result<Self, ExportError> {
        let mut columns = ProcessColumns::default();
        view.each_process(|process| columns.push(&process))?;
        let rows = columns.finish()?;
        let batch_rows = view.batch_rows(rows.num_columns());
        Ok(Self { rows, next: 0, batch_rows })
    }
}

/// Returns whether any process passes the filter.
pub(crate) fn any_passes(view: &View<'_>) -> Result<bool, ExportError> {
    Ok(!passing(view)?.is_empty())
}

/// Returns the processes that pass the filter and are in its shard. The shards in order are all processes.
fn passing(view: &View<'_>) -> Result<Vec<(ProcessKey, KnownProcess)>, ExportError> {
    let filter = view.filter();
    let passes = |(ProcessKey { host_hash, pid }, process): &(ProcessKey, KnownProcess)| {
        filter.passes_process(
            view.host_name(host_hash, Some(*pid)),
            host_hash,
            *pid,
            process.facts.rank.known().copied(),
        )
    };
    let mut passing: Vec<_> = all(view.index())?.into_iter().filter(passes).collect();
    if let Some(shard) = filter.shard {
        let rows = shard.rows(passing.len());
        passing.truncate(rows.end);
        passing = passing.split_off(rows.start);
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

/// The texts of a process's `start` record, with hashes resolved.
#[derive(Default)]
struct StartTexts {
    command: Option<String>,
    executable: Option<String>,
    working_directory: Option<String>,
    tracer_version: Option<String>,
}

impl StartTexts {
    // Not inlined: when merged with the case without such a record, the compiler moves its loads before the check
    // whether there is one, which valgrind reports as a use of uninitialised memory.
    #[inline(never)]
    fn of(view: &View<'_>, strings: &NameTable, key: &ProcessKey, start: &StartFacts) -> Result<Self, ExportError> {
        let ProcessKey { host_hash, pid } = key;
        let text = |text: &Option<StartText>| {
            let text = text.as_ref()?.resolved(|hash| strings.of_process(hash, host_hash, *pid))?;
            Some(text.to_owned())
        };
        let directory = start.working_directory.as_ref();
        let directory = directory.map(|hash| view.index().file_name(hash, host_hash, *pid)).transpose()?;
        Ok(Self {
            command: text(&start.command),
            executable: text(&start.executable),
            working_directory: directory.filter(|name| !name.is_empty()),
            tracer_version: start.version.clone(),
        })
    }
}

/// Builds the columns of the table.
#[derive(Default)]
struct ProcessColumns {
    host_hash: StringDictionaryBuilder<Int32Type>,
    host_name: StringDictionaryBuilder<Int32Type>,
    pid: Int64Builder,
    rank: Int64Builder,
    process_name: StringDictionaryBuilder<Int32Type>,
    command: StringDictionaryBuilder<Int32Type>,
    executable: StringDictionaryBuilder<Int32Type>,
    working_directory: StringDictionaryBuilder<Int32Type>,
    tracer_version: StringDictionaryBuilder<Int32Type>,
    started: Int64Builder,
    ended: Int64Builder,
    records: Int64Builder,
    calls: Int64Builder,
    num_events: Int64Builder,
    traces: Int64Builder,
}

fn push_text(column: &mut StringDictionaryBuilder<Int32Type>, text: Option<&str>) -> Result<(), ExportError> {
    match text {
        Some(text) => drop(column.append(text)?),
        None => column.append_null(),
    }
    Ok(())
}

impl ProcessColumns {
    fn push(&mut self, process: &Process) -> Result<(), ExportError> {
        push_text(&mut self.host_hash, Some(&process.host_hash))?;
        push_text(&mut self.host_name, process.host_name.as_deref())?;
        push_text(&mut self.process_name, process.process_name.as_deref())?;
        push_text(&mut self.command, process.command.as_deref())?;
        push_text(&mut self.executable, process.executable.as_deref())?;
        push_text(&mut self.working_directory, process.working_directory.as_deref())?;
        push_text(&mut self.tracer_version, process.tracer_version.as_deref())?;
        let row = || format!("process {} of host {}", process.pid, process.host_hash);
        let table = Table::Processes.name();
        self.pid.append_value(process.pid);
        self.rank.append_option(process.rank);
        self.started.append_option(process.span_us.map(|(started, _)| started));
        self.ended.append_option(process.span_us.map(|(_, ended)| ended));
        self.records.append_value(int64(process.records, table, "records", row)?);
        self.calls.append_value(int64(process.calls, table, "calls", row)?);
        let num_events = process.num_events.map(|events| int64(events, table, "num_events", row)).transpose()?;
        self.num_events.append_option(num_events);
        self.traces.append_value(int64(process.traces, table, "traces", row)?);
        Ok(())
    }

    fn finish(mut self) -> Result<RecordBatch, ExportError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.host_hash.finish()),
            Arc::new(self.host_name.finish()),
            Arc::new(self.pid.finish()),
            Arc::new(self.rank.finish()),
            Arc::new(self.process_name.finish()),
            Arc::new(self.command.finish()),
            Arc::new(self.executable.finish()),
            Arc::new(self.working_directory.finish()),
            Arc::new(self.tracer_version.finish()),
            Arc::new(self.started.finish()),
            Arc::new(self.ended.finish()),
            Arc::new(self.records.finish()),
            Arc::new(self.calls.finish()),
            Arc::new(self.num_events.finish()),
            Arc::new(self.traces.finish()),
        ];
        Ok(RecordBatch::try_new(schema(), columns)?)
    }
}
