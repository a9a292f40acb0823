//! `libdft_utils`: the crates of this project behind a C ABI, and no logic of its own.
//!
//! The rules that hold for every function stand in the header's preamble (`capi/preamble.h`), which
//! `cargo xtask header` puts before what it generates of this crate: `include/dft_utils.h`.
//!
//! Handles are not addresses. They are numbers of slots (`handles.rs`), so one that was freed, or is of
//! another type, or is no handle at all, is told from a good one without looking at what it might point
//! to. Every export goes through one [`boundary`], which turns errors and panics into a status.

// C has one case for types, and no modules.
#![allow(non_camel_case_types, reason = "the names are those of the header")]
#![deny(missing_docs)]
#![allow(clippy::not_unsafe_ptr_arg_deref, reason = "the header's preamble says what is the caller's word")]

pub mod aggregator;
pub mod arguments;
pub mod boundary;
pub mod build;
pub mod config;
pub mod errors;
mod exit;
pub mod export;
pub mod files;
mod handles;
pub mod index;
pub mod ingest;
pub mod log;
pub mod scan;
pub mod staging;
pub mod status;
pub mod traces;
pub mod values;
pub mod verify;
pub mod version;
