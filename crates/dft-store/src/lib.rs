//! The aggregated index in RocksDB: its layout on disk, its exactly-once writer, and its readers.
//!
//! - [`IndexWriter`] opens an index for writing. It publishes a [`Batch`], or ingests bundles and returns an
//!   [`IngestReport`].
//! - [`Index`] opens an index for reading. [`RowScan`], [`ScopeScan`] and [`TelemetryScan`] walk its contents.
//!   [`RowPrefetch`] walks rows that another thread reads. [`SeriesCursor`] identifies the series of rows.
//!   [`FileNames`] and [`NameTable`] resolve hashes.
//! - [`Stager`] creates bundles on a machine without the index.
//! - [`verify()`] checks a whole index and returns a [`Verification`].
//! - [`StoreError`] is the error of all of these. Its message says what to do.
//!
//! To build an index from trace files, use `dft-index`; to read tables, use `dft-export`. The bytes of keys and values
//! are those of [`dft_codec`], whose [`FORMAT_VERSION`](dft_codec::FORMAT_VERSION) an index records.
//!
//! # Example
//!
//! ```
//! use dft_aggregate::{Aggregator, Config};
//! use dft_codec::{FileCounts, RowValue, SeriesKind};
//! use dft_store::{Batch, Index, IndexWriter, RowQuery};
//! use dft_trace::{Clock, Line, Parser};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("index");
//! let config = Config::default();
//!
//! // Aggregate a trace of one record.
//! let trace = br#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"dur":2,"ph":"X","args":{"ret":512}}"#;
//! let mut aggregator = Aggregator::new(&config);
//! let mut counts = FileCounts::default();
//! Parser::new().parse(trace, 1, Clock::default(), |line| {
//!     if let Line::Record { record, clock, .. } = line {
//!         aggregator.record(record, clock, &mut counts).expect("a valid record");
//!     }
//! });
//! let bounds = aggregator.bounds();
//! let batch = Batch { runs: vec![aggregator.into_run()], bounds, ..Batch::default() };
//!
//! // Publish it: all of it, or nothing.
//! let mut writer = IndexWriter::open(&path, &config, false)?;
//! writer.publish(&batch, 1)?;
//!
//! // Read it back.
//! let index = Index::open(&path)?;
//! let mut rows = index.rows(RowQuery::kind(SeriesKind::Call))?;
//! let mut calls = 0;
//! while let Some((key, value)) = rows.next()? {
//!     calls += RowValue::decode(value, key.bucket)?.core.count;
//! }
//! assert_eq!(calls, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Layout
//!
//! An index is a directory:
//!
//! ```text
//! index/
//!   DFT_INDEX                 the marker; only a directory with a marker is an index
//!   LOCK                      locked by the one writer, if the file system has locks
//!   gen-000007/               the current generation: a RocksDB of six column families, and SEAL, which has the
//!                             size and the hash of each of its files; never changed
//!   build-0123456789abcdef/   the work directory of a writer, and OWNER, which identifies its process
//! ```
//!
//! # Publishing exactly once
//!
//! A writer never changes the current generation. It builds the next one in its work directory and then renames it.
//! The generation with the highest number is the current one:
//!
//! ```text
//!  gen-7 ───────────────────────── readers, which need no lock ────────────────▶ removed
//!    │ 1 link its SST files, copy the rest                                         ▲
//!    ▼                                                                             │
//!  build-…/next-1   2 ingest SST files, family by family                           │
//!                   3 write the indexed traces, bounds and configuration;          │
//!                     flush                                                        │
//!                   4 close, seal: size and hash of each file, all durable         │
//!                     │                                                            │
//!                     └───────── 5 rename ─────────▶ gen-8 ────── 6 sync ──────────┘
//! ```
//!
//! A build begins step 1 while it reads its traces, and runs steps 2 and 3 concurrently. SST files are hard-linked,
//! because RocksDB never changes one in place. The few other files are copied, as are all files if the file system has
//! no hard links. Ingested entries and their description become visible together or not at all, across all column
//! families:
//!
//! | the writer dies | a reader sees | the next writer |
//! | --- | --- | --- |
//! | in 1 to 4, also between two families or in a flush | gen-7, complete | removes `build-…`, repeats the work |
//! | after 5 | gen-8, complete | removes gen-7 and `build-…` |
//! | while gen-7 is removed | gen-8, complete | removes the rest, which is in `build-…` |
//!
//! There is no third state, so there is nothing to recover. The alternative would be an intent record and markers
//! inside the SST files, replayed on open. But RocksDB ingests one column family at a time, so readers would see half
//! of an ingest, and each kind of death would need its own recovery.
//!
//! Readers open the current generation read-only and need no lock. They see it unchanged for as long as they have it
//! open, because its files stay readable after they are unlinked. They see the next generation when they open the
//! index again.
//!
//! # Writers without a common lock
//!
//! The lock only saves a second writer its work. Correctness does not depend on it: some file systems have no locks,
//! some grant every lock, and people remove files called `LOCK`. A rename to the name of an existing generation fails,
//! so of two writers that build gen-8, one commits and the other gets [`StoreError::Changed`]. A writer that was
//! suspended while gen-8 came and went finds gen-9, and withdraws its own gen-8, which was never current. A work
//! directory is removed when its process has ended, according to the kernel.
//!
//! # Staged builds
//!
//! On many machines, each worker creates a bundle ([`Stager`]): the SST files of its traces, and a manifest of the
//! traces, the configuration, and the size and hash of each file. One process ingests the bundles into the index
//! ([`IndexWriter::ingest`]).
//!
//! ```text
//!  worker   .stage-x/bundle ──1 describe, durable──2 rename, or copy and sync──▶ shared/.incoming-id-x
//!                                                                                     │ 3 rename
//!  ingest   index ◀──5 publish, as above── 4 read, link ── shared/bundle-id ◀──────────┘
//!                                              │ 6 rename, remove
//! ```
//!
//! | dies | what is left | what happens to it |
//! | --- | --- | --- |
//! | the worker, before 3 | `.stage-…`, `.incoming-…` | no ingest reads it; staging again removes it |
//! | the worker, after 3 | the complete bundle | it is ingested; staging the same again finds it there |
//! | the ingest, before the index is published | index and bundles, unchanged | the next ingest reads the bundles |
//! | the ingest, after that | bundles that are indexed | the index knows their ids, and the next ingest removes them |
//!
//! The next staging in the same directory removes `.stage-…`, and staging the same traces removes `.incoming-…`, which
//! an ingest reports until then.
//!
//! A bundle holds whole traces, or one piece of a trace. Pieces wait until all pieces of a trace are there. They are
//! ingested together if they chain: each ends where a line and a gzip member end, the next one starts there with the
//! time unit that applies, and all come from the same state of the file. The result is the same as from reading the
//! whole trace. Pieces that will never chain are refused. Once the trace was staged whole and is indexed, they are
//! removed as known.
//!
//! The name of a bundle is a hash of its contents, so two workers that stage the same traces create one bundle. A
//! bundle is refused, and stays, if only some of its traces are already indexed, or if one is indexed with different
//! contents. The same holds if its contents contradict its manifest: its SST files are ingested into a separate
//! database and read completely before anything is changed in the index.
//!
//! # Damage
//!
//! Every byte of a generation is sealed. Opening one checks small files completely, and the sizes of SST files, whose
//! blocks have checksums that every read checks. [`verify()`] reads everything. Damage is reported as
//! [`StoreError::Damaged`] or [`StoreError::Entry`]. Files that the seal does not list are not read.
//!
//! # Forks
//!
//! RocksDB's threads do not survive `fork()`, so they are ended before a fork ([`watch_forks`]) and started again when
//! parent or child opens an index. A child that is forked while another thread opens or writes an index cannot open
//! any: it gets [`StoreError::Forked`]. A [`ForkHold`] makes forks wait for a short write. What was opened before a
//! fork belongs to the parent.
//!
//! # Limits
//!
//! There is one writer at a time. A second one gets [`StoreError::Locked`] at once if the file system has locks, and
//! otherwise [`StoreError::Changed`] when it publishes. Keys may be as long as RocksDB allows (4 GB). A reader has
//! every SST file open: one for each 256 MiB of a family, and a few more. Over a network file system that does not
//! keep unlinked files for other machines, a reader may fail when a writer on another machine replaces its generation;
//! it must open the index again. The work directory of a process that died on another machine is removed after a week
//! without a change.

#![warn(missing_debug_implementations)]

#[cfg(test)]
extern crate self as dft_store;

mod column_families;
mod current;
mod directory;
mod error;
mod hashed;
mod layout;
mod limits;
mod lock;
mod pools;
mod read;
mod seal;
mod staging;
mod threads;
mod trace_names;
mod write;

pub use error::StoreError;
pub use lock::LockUnavailable;
pub use pools::{ForkHold, end_background_threads, end_idle_threads, watch_forks};
pub use read::file_names::FileNames;
pub use read::index::Index;
pub use read::names::NameTable;
pub use read::prefetch::RowPrefetch;
pub use read::row_query::RowQuery;
pub use read::same_traces::{DuplicateTrace, SharedProcesses, is_gone};
pub use read::scan::RowScan;
pub use read::series::{ScopeScan, SeriesCursor};
pub use read::telemetry_scan::{TelemetryQuery, TelemetryScan};
pub use read::verify::report::Verification;
pub use read::verify::verify;
pub use seal::IndexSize;
pub use staging::ingest::bundle_config;
pub use staging::ingest_report::{BundleFailure, IngestReport, IngestedBundle, UnchainedTrace, WaitingTrace};
pub use staging::stager::{BundledPiece, Staged, StagedBefore, Stager};
pub use trace_names::TraceNames;
pub use write::batch::{Batch, NameChanges};
pub use write::index_writer::IndexWriter;
pub use write::sorter::Written;
