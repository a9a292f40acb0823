//! The aggregated index in RocksDB: how it lies on disk, how it is written exactly once, how it is
//! read.
//!
//! An index is a directory:
//!
//! ```text
//! index/
//!   CURRENT          the name of the generation in force, one line
//!   LOCK             held by the one writer
//!   gen-000007/      a RocksDB of six column families; never changed once CURRENT names it
//!   build-…/         what a writer needs for a while
//! ```
//!
//! # Exactly once, by publishing
//!
//! A writer never touches the generation in force. It makes the next one beside it (SST files are
//! hard-linked, for RocksDB never changes one in place; the few others are copied), ingests its
//! sorted files there, writes which traces they came from, flushes, syncs, and then replaces
//! `CURRENT` by an atomic rename. Whatever is ingested and what is known of it become visible
//! together or not at all, across all column families:
//!
//! | the writer dies | what a reader sees | what the next writer does |
//! | --- | --- | --- |
//! | before the rename | the old generation, whole | removes the unnamed one, does the work again |
//! | after the rename | the new generation, whole | removes the old one |
//!
//! There is no third state, so there is nothing to recover. The alternative not taken is an intent
//! record and markers inside the sorted files, replayed on open: RocksDB ingests one column family
//! at a time, so readers would see half of an ingest, and every death would have a path of its own.
//!
//! Readers open the generation in force read-only. They need no lock, see it unchanged for as long
//! as they have it open (its files stay readable after they are unlinked), and see the next one when
//! they open again.
//!
//! # Limits
//!
//! One writer at a time; a second one gets [`StoreError::Locked`] at once. Keys may be as long as
//! RocksDB takes them (4 GB).

mod current;
mod error;
mod families;
mod index;
mod publish;
mod scan;
mod sst;
mod writer;

pub use error::StoreError;
pub use index::{Index, IndexSize, NameTable};
pub use publish::{Batch, PublishStats};
pub use scan::{RowQuery, RowScan, SeriesScan, TelemetryQuery, TelemetryScan};
pub use writer::IndexWriter;
