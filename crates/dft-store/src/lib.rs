//! The aggregated index in RocksDB: how it lies on disk, how it is written exactly once, how it is
//! read.
//!
//! An index is a directory:
//!
//! ```text
//! index/
//!   DFT_INDEX                 the marker: by it a directory is an index, and by nothing else
//!   LOCK                      locked by the one writer, where the file system has locks
//!   gen-000007/               the current generation: a RocksDB of six column families, and SEAL, which has the
//!                             size and the hash of every file of it; never changed
//!   build-0123456789abcdef/   the work directory of a writer, and OWNER, which says of which process
//! ```
//!
//! # Exactly once, by publishing
//!
//! A writer never touches the current generation. It makes the next one in its work directory, and then renames it.
//! The generation with the highest number is the current one:
//!
//! ```text
//!  gen-7 ───────────────────────── readers, who need no lock ──────────────────▶ removed
//!    │ 1 link its SST files, copy the rest                                         ▲
//!    ▼                                                                             │
//!  build-…/next-1   2 ingest SST files, family by family                           │
//!                   3 write which traces they came from, bounds, configuration;    │
//!                     flush                                                        │
//!                   4 close, seal: size and hash of each file, all durable         │
//!                     │                                                            │
//!                     └───────── 5 rename ─────────▶ gen-8 ────── 6 sync ──────────┘
//! ```
//!
//! A build begins 1 while it reads its traces, and does 3 at the same time as 2. SST files are linked, for RocksDB never
//! changes one in place; the few others are copied, and so are all where the file system has no hard links. What is
//! ingested and what is known of it become visible together or not at all, across all column families:
//!
//! | the writer dies | a reader sees | the next writer |
//! | --- | --- | --- |
//! | in 1 to 4, in its tables, between two families, in a flush | gen-7, whole | removes `build-…`, does the work again |
//! | after 5 | gen-8, whole | removes gen-7 and `build-…` |
//! | while gen-7 is removed | gen-8, whole | removes the rest |
//!
//! There is no third state, so there is nothing to recover. The alternative not taken is an intent
//! record and markers inside the SST files, replayed on open: RocksDB ingests one column family
//! at a time, so readers would see half of an ingest, and every death would have a path of its own.
//!
//! Readers open the current generation read-only. They need no lock, see it unchanged for as long
//! as they have it open (its files stay readable after they are unlinked), and see the next one when
//! they open again.
//!
//! # Writers that do not see each other
//!
//! The lock saves a second writer its work; nothing else depends on it, as some file systems have no locks, some
//! grant every lock, and people remove files called `LOCK`. A rename to the name of a generation that is there
//! fails, so of two writers that make gen-8, one does, and the other gets [`StoreError::Changed`]. A writer that was
//! stopped while gen-8 came and went again finds gen-9, and takes its own gen-8 back, which nobody took for the
//! current one. A work directory is removed when its process has ended, which the kernel is asked for.
//!
//! # Staged builds
//!
//! On many machines each worker makes a bundle ([`Stager`]): the sorted files of its traces, and a
//! manifest that says which traces, with which configuration, and what every file's bytes are. One
//! process takes the bundles into the index ([`IndexWriter::ingest`]).
//!
//! ```text
//!  worker   .stage-x/bundle ──1 describe, durable──2 rename, or copy and sync──▶ shared/.incoming-id-x
//!                                                                                     │ 3 rename
//!  ingest   index ◀──5 publish, as above── 4 read, link ── shared/bundle-id ◀──────────┘
//!                                              │ 6 rename, remove
//! ```
//!
//! | dies | what is left | what happens with it |
//! | --- | --- | --- |
//! | the worker, before 3 | `.stage-…`, `.incoming-…` | no ingest takes it; staging there again removes the first, staging the same again the second, and an ingest names it |
//! | the worker, after 3 | the bundle, whole | it is ingested; staging the same again finds it there |
//! | the ingest, before the index is published | index and bundles as they were | the next ingest takes them |
//! | the ingest, after that | bundles that are in | the index knows their ids, and the next ingest removes them |
//!
//! A bundle holds whole traces, or one piece of one. Pieces wait until all of a trace are there, and are
//! taken in together if they chain: each ends where a line and a gzip member do, the next one starts there
//! with the time unit that is in force, and all are of one state of the file. Then what is known of the
//! trace is what reading the whole had shown. Those that never will chain are refused; when the trace has
//! been staged whole and is in, they are removed as known.
//!
//! The name of a bundle is a hash of what it holds, so two workers that stage the same traces make one
//! bundle. A bundle of which some traces are in already, or with other contents, is refused and stays. So is one that
//! does not hold what it says: its sorted files are brought into a database of their own and read whole, before
//! anything is made of the index.
//!
//! # What is damaged
//!
//! Every byte of a generation is sealed. Opening one checks the small files whole and the sizes of the
//! sorted ones, whose blocks have checksums that every read checks; [`verify()`] reads everything. Whoever meets damage gets
//! [`StoreError::Damaged`] or [`StoreError::Entry`]. What lies among the files and is none of them is not read.
//!
//! # Limits
//!
//! One writer at a time; a second one gets [`StoreError::Locked`] at once where the file system has locks, and
//! [`StoreError::Changed`] when it publishes where it has none. Keys may be as long as
//! RocksDB takes them (4 GB). A reader has every sorted file open, one for each 256 MiB of a family and
//! a few more. Over a network file system that does not keep unlinked files for other machines, a reader
//! there may fail when a writer elsewhere replaces the generation that it reads; it opens the index
//! again. The work directory of a process that died on another machine is removed after a week without a change.

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
pub use pools::{end_background_threads, end_idle_threads};
pub use read::index::Index;
pub use read::names::NameTable;
pub use read::prefetch::RowPrefetch;
pub use read::same_traces::{DuplicateTrace, SharedProcesses, is_gone};
pub use read::scan::{RowQuery, RowScan, SeriesScan, TelemetryQuery, TelemetryScan};
pub use read::verify::report::Verification;
pub use read::verify::verify;
pub use seal::IndexSize;
pub use staging::ingest::bundle_config;
pub use staging::ingest_report::{IngestReport, IngestedBundle, UnchainedTrace, WaitingTrace};
pub use staging::stager::{Staged, StagedBefore, Stager};
pub use trace_names::TraceNames;
pub use write::batch::{Batch, NameChanges};
pub use write::index_writer::IndexWriter;
pub use write::sorter::Written;
