//! Sinks: the records of many threads of a program that runs, handed over to an index.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::dft_index::{Sink, SinkOptions};

use crate::arguments::{dft_text, given, growing, out};
use crate::boundary::boundary;
use crate::config::{config, dft_config};
use crate::handles::{self, Object};
use crate::record::{RecordReader, dft_record};
use crate::status::{Failure, dft_status};

/// Aggregates the records of many threads, and hands them over to an index. Any number of threads may use it at once. A
/// child of fork() may use it, too: it begins empty there, and what the parent added stays the parent's. Created by
/// dft_sink_new(), freed by dft_sink_free().
#[derive(Debug)]
pub struct dft_sink {
    _private: [u8; 0],
}

/// What a sink does with records. Set `size`, `index` and `source`; zeros elsewhere are the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_sink_request {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The directory of the index, which is created if it does not exist; not empty.
    pub index: dft_text,
    /// Where the records come from, such as a host and a rank, in UTF-8. Several processes may have the same.
    pub source: dft_text,
    /// How to aggregate; NULL for the default.
    pub config: *const dft_config,
    /// An existing directory for tables that exceed the memory budget; empty for the system's directory for temporary
    /// files. What is created there is removed with the sink.
    pub scratch: dft_text,
    /// The memory budget of the table of each thread, and of what waits to be published, in bytes; 0 for 16 MiB.
    pub memory: u64,
    /// How often a thread of the sink hands over everything to the index, in ms; 0 for never.
    pub interval_ms: u64,
    /// How long dft_sink_publish() waits for an index that another writer holds, in ms; 0 for 10 s.
    pub patience_ms: u64,
    /// The number of threads that publish, limited to 1,024; 0 for 1.
    pub threads: u32,
    /// If not 0, the sink publishes when the process ends by exit() or by returning from main(), after the handlers of
    /// atexit(), and when the library is unloaded. A process that ends by _exit(), exec() or a signal publishes nothing
    /// then.
    pub at_exit: u32,
}

growing!(dft_sink_request);

struct OpenSink(Arc<Sink>);

impl Object for OpenSink {
    const KIND: u8 = 7;
    const NAME: &'static str = "dft_sink";
    const SHARED: bool = true;
    const SURVIVES_FORK: bool = true;
}

thread_local! {
    /// The sink that this thread added to last, by its handle, so that a record counts no use: all threads would write
    /// to the same count.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last {
    handle: usize,
    sink: Arc<Sink>,
    reader: RecordReader,
}

/// The sinks that publish when the process ends.
static AT_EXIT: Mutex<Vec<Arc<Sink>>> = Mutex::new(Vec::new());

/// Publishes the sinks that asked for it. Runs once, when the process ends or the library is unloaded.
pub(crate) fn publish_at_exit() {
    // A child that was forked while another thread held the lock cannot take it.
    let Ok(sinks) = AT_EXIT.try_lock().map(|mut sinks| std::mem::take(&mut *sinks)) else { return };
    for sink in sinks {
        if let Err(error) = sink.publish() {
            crate::log::log(crate::log::DFT_LOG_ERROR, &Failure::from(error).message);
        }
    }
}

/// Creates a sink.
///
/// `request`: what to do; its `size` must be set; not NULL. `sink`: receives the handle, which dft_sink_free() frees;
/// not NULL. Returns DFT_CONFIG if `config` is invalid, DFT_INVALID_ARGUMENT if `source` is not UTF-8, and
/// DFT_TOO_LARGE if 65,536 handles are open. Nothing is written yet. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_sink_new(request: *const dft_sink_request, sink: *mut *mut dft_sink) -> dft_status {
    boundary("dft_sink_new", || {
        let place = out("sink", sink)?;
        let asked = given("request", request)?;
        let milliseconds = |given: u64| Duration::from_millis(given.min(u64::from(u32::MAX)));
        let options = SinkOptions {
            index: asked.index.path("request.index")?.to_owned(),
            source: asked.source.utf8("request.source")?.to_owned(),
            scratch: match asked.scratch.length {
                0 => std::env::temp_dir(),
                _ => asked.scratch.path("request.scratch")?.to_owned(),
            },
            memory: if asked.memory == 0 { 16 << 20 } else { asked.memory },
            interval: (asked.interval_ms > 0).then(|| milliseconds(asked.interval_ms)),
            threads: if asked.threads == 0 { 1 } else { crate::build::threads(asked.threads) },
            patience: milliseconds(if asked.patience_ms == 0 { 10_000 } else { asked.patience_ms }),
        };
        let sink = Arc::new(Sink::new(&config(asked.config)?, options)?);
        *place = handles::put(OpenSink(sink.clone()))?;
        if asked.at_exit != 0 {
            AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner).push(sink);
        }
        Ok(())
    })
}

/// Adds a record. It is copied as far as needed. Several threads may add at once: none waits for another.
///
/// `record`: the record; its `size` must be set; not NULL.
///
/// Returns DFT_MALFORMED if the record is malformed; it is counted as malformed and is in no row. Returns DFT_SYSTEM if
/// the table of the thread exceeds its budget and cannot be written to the scratch directory; the record is not added.
#[unsafe(no_mangle)]
pub extern "C" fn dft_sink_add(sink: *mut dft_sink, record: *const dft_record) -> dft_status {
    boundary("dft_sink_add", || {
        let record = given("record", record)?;
        handles::check::<OpenSink, _>(sink)?;
        let added = LAST.try_with(|last| {
            let mut last = last.borrow_mut();
            let last = match &mut *last {
                Some(last) if last.handle == sink.addr() => last,
                last => {
                    let reader = last.take().map(|last| last.reader).unwrap_or_default();
                    last.insert(Last { handle: sink.addr(), sink: shared(sink)?, reader })
                }
            };
            let Last { sink, reader, .. } = last;
            reader.read(&record, |record| Ok(sink.record(record)?))
        });
        // The data of a thread that is ending is already destroyed.
        added.unwrap_or_else(|_| {
            let sink = shared(sink)?;
            RecordReader::default().read(&record, |record| Ok(sink.record(record)?))
        })
    })
}

fn shared(sink: *const dft_sink) -> Result<Arc<Sink>, Failure> {
    handles::with(sink, |sink: &OpenSink| Ok(sink.0.clone()))
}

/// Hands over what threads have held for at least some time to the index: completely or not at all, and once.
///
/// `older_than_ms`: the time in ms; 0 for everything. Returns DFT_LOCKED if another writer is changing the index, and
/// the other statuses of dft_aggregator_publish(), but never DFT_CHANGED. Nothing is lost: what was not published is
/// published by the next call. After DFT_COMMITTED, it is in the index. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_sink_flush(sink: *mut dft_sink, older_than_ms: u64) -> dft_status {
    boundary("dft_sink_flush", || Ok(shared(sink)?.flush(Duration::from_millis(older_than_ms))?))
}

/// Hands over everything to the index, and waits for other writers up to the patience of the sink. Statuses: as for
/// dft_sink_flush(). It may be called by a handler of atexit(), also by one that was registered before the sink was
/// created. Any number of threads.
#[unsafe(no_mangle)]
pub extern "C" fn dft_sink_publish(sink: *mut dft_sink) -> dft_status {
    boundary("dft_sink_publish", || Ok(shared(sink)?.publish()?))
}

/// Frees a sink. What was not published is dropped; call dft_sink_publish() first. A sink that publishes at exit does
/// so now, before it is freed. NULL does nothing.
///
/// The caller must ensure that no other thread is adding to it. Returns DFT_BUSY if the sink is in use,
/// DFT_INVALID_HANDLE if it was freed before, and the statuses of dft_sink_publish() for a sink that publishes at exit;
/// it is freed nevertheless. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_sink_free(sink: *mut dft_sink) -> dft_status {
    boundary("dft_sink_free", || {
        if sink.is_null() {
            return Ok(());
        }
        let OpenSink(sink) = handles::take(sink)?;
        let mut at_exit = AT_EXIT.lock().unwrap_or_else(PoisonError::into_inner);
        let before = at_exit.len();
        at_exit.retain(|other| !Arc::ptr_eq(other, &sink));
        let publishes = at_exit.len() < before;
        drop(at_exit);
        let published = if publishes { sink.publish() } else { Ok(()) };
        sink.end();
        Ok(published?)
    })
}
