//! `libdft_utils`: a C ABI for the crates of this project. It has no logic of its own.
//!
//! `cargo xtask header` generates `include/dft_utils.h` from this crate. The rules for callers are in the header's
//! preamble, `capi/preamble.h`. Programs that use it are in `capi/examples`. The modules:
//!
//! | to | modules |
//! | --- | --- |
//! | add traces to an index | [`build`], [`staging`], [`ingest`], [`config`], [`traces`], [`notes`] |
//! | add records of a program | [`record`], [`aggregator`], [`sink`] |
//! | open an index | [`index`], [`files`], [`observed`], [`mod@verify`] |
//! | read tables, groups and reports | [`view`], [`export`], [`group`], [`analyze`], [`report`] |
//! | read rows and readings | [`rows`], [`readings`], [`keys`], [`values`], [`stats`] |
//! | handle errors | [`status`], [`errors`], [`log`], [`version`] |
//!
//! # Rules for this crate
//!
//!
//! - Every exported function returns a [`dft_status`](status::dft_status) and runs inside
//!   [`boundary`](mod@boundary), which turns errors and panics into a status and records the thread's last error.
//!   [`dft_last_error`](errors::dft_last_error) only catches panics, so that it does not change that error.
//! - Every argument is checked before it is used: NULL, alignment, length, UTF-8, range. What cannot be checked, such
//!   as what a pointer points to, the caller must ensure.
//! - A handle is the number of a slot, not an address. The crate looks it up and never dereferences it, so a handle
//!   that was freed, has another type, or never was a handle is an error.
//! - A handle that a parent process opened is refused in a forked child, except that freeing it succeeds.
//! - A struct that starts with `size` may grow at its end. The crate reads and writes at most `size` bytes.
//! - Functions keep no pointer of the caller after they return, except the log callback and its context.
//! - A call with more than five arguments takes a request: a struct that starts with `size`, whose zeros are defaults.
//! - A callback receives a context and a pointer to a struct, and returns 0 to go on.
//! - Texts that the crate returns belong to the crate. Each function documents how long they are valid.
//! - Names and numbers of the ABI never change their meaning. New ones are added.

// Types have the names that the header gives them.
#![allow(non_camel_case_types, reason = "the names are those of the header")]
#![deny(missing_docs)]
#![allow(clippy::not_unsafe_ptr_arg_deref, reason = "the header's preamble states what the caller must ensure")]

pub mod aggregator;
pub mod analyze;
pub mod arguments;
pub mod boundary;
pub mod build;
mod callback;
pub mod config;
pub mod errors;
mod exit;
pub mod export;
pub mod files;
pub mod group;
mod handles;
pub mod index;
pub mod ingest;
pub mod keys;
pub mod log;
pub mod notes;
pub mod observed;
pub mod readings;
pub mod record;
pub mod report;
pub mod rows;
pub mod sink;
pub mod staging;
pub mod stats;
pub mod status;
pub mod traces;
pub mod values;
pub mod verify;
pub mod version;
pub mod view;
