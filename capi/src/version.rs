//! Which library this is.

use crate::arguments::{Growing, dft_text, give};
use crate::boundary::boundary;
use crate::status::dft_status;

/// The version of the ABI that this header describes. It changes only where a program that was built
/// against an older one would no longer work.
pub const DFT_ABI_VERSION: u32 = 2;

/// What the library can do.
const FEATURES: &str = "live build stage ingest verify scan arrow-stream parquet arrow csv percentiles";

/// Which library this is.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct dft_version {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The ABI of the library that is loaded: DFT_ABI_VERSION of its own header.
    pub abi: u32,
    /// The format of indexes that it reads and writes.
    pub index_format: u32,
    /// Its release, such as 0.1.0; valid for ever.
    pub release: dft_text,
    /// What it can do, as words with spaces between them; valid for ever. A word is never given another
    /// meaning.
    pub features: dft_text,
}

// SAFETY: the type is `repr(C)`, starts with its size, and consists of numbers and pointers.
unsafe impl Growing for dft_version {}

/// Ends the threads that the library keeps for its next work; dlclose() does that, too. The next work makes new ones.
/// No handle may be open, and no other call under way.
#[unsafe(no_mangle)]
pub extern "C" fn dft_library_end_threads() -> dft_status {
    boundary("dft_library_end_threads", || Ok(dft_store::end_background_threads()?))
}

/// Says which library is loaded, for programs that were built against another one.
#[unsafe(no_mangle)]
pub extern "C" fn dft_library_version(version: *mut dft_version) -> dft_status {
    boundary("dft_library_version", || {
        let release = dft_text::of(env!("CARGO_PKG_VERSION"));
        let features = dft_text::of(FEATURES);
        let index_format = dft_codec::FORMAT_VERSION;
        let known = dft_version { size: 0, abi: DFT_ABI_VERSION, index_format, release, features };
        give("version", version, &known)
    })
}
