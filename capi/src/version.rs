//! The version of the library.

use crate::arguments::{dft_text, give, growing};
use crate::boundary::boundary;
use crate::status::dft_status;

/// The version of the ABI that this header describes. It changes only if programs that were built against an older
/// version would no longer work.
pub const DFT_ABI_VERSION: u32 = 3;

/// The features of the library.
const FEATURES: &str = "live sink build stage ingest verify scan group arrow-stream parquet arrow csv percentiles";

/// The version of the library.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_version {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The ABI version of the loaded library: the DFT_ABI_VERSION of its header.
    pub abi: u32,
    /// The version of the index format that the library reads and writes.
    pub index_format: u32,
    /// The release, such as 0.1.0. Valid while the library is loaded.
    pub release: dft_text,
    /// The features, as words separated by spaces. Valid while the library is loaded. The meaning of a word never
    /// changes.
    pub features: dft_text,
}

growing!(dft_version);

/// Ends the idle threads that the library keeps, as dlclose() does. Later calls start new threads.
///
/// The caller must ensure that no handle is open and no other call is running. Returns DFT_SYSTEM if the threads cannot
/// be accessed.
#[unsafe(no_mangle)]
pub extern "C" fn dft_library_end_threads() -> dft_status {
    boundary("dft_library_end_threads", || Ok(dft_store::end_background_threads()?))
}

/// Describes the loaded library, for programs that were built against another version.
///
/// `version`: receives the description; its `size` must be set; not NULL. Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn dft_library_version(version: *mut dft_version) -> dft_status {
    boundary("dft_library_version", || {
        let release = dft_text::of(env!("CARGO_PKG_VERSION"));
        let features = dft_text::of(FEATURES);
        let index_format = dft_codec::FORMAT_VERSION;
        let loaded = dft_version { size: 0, abi: DFT_ABI_VERSION, index_format, release, features };
        give("version", version, &loaded)
    })
}
