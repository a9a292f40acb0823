//! The writer of an index, and how it builds the next generation.

pub(crate) mod batch;
mod clone;
mod file_system;
pub(crate) mod generation;
pub(crate) mod index_writer;
mod name_entries;
mod row_entries;
pub(crate) mod sorter;
mod sst;
