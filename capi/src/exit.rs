//! The end of the process: RocksDB's static objects are never destroyed.
//!
//! C++ destroys what it made last first, and RocksDB makes its objects when they are first used. So a handler that a
//! program gave to `atexit()` before that runs when they are gone, and one that publishes would crash. They hold
//! memory only, so they stay until the system takes it. What registers their destruction is this library's own
//! `__cxa_atexit`: the shared library is linked with `--wrap` for it (`build.rs`), in the static one `cargo xtask
//! install` links with it, too.
//!
//! Its threads are ended all the same, for the library may be unloaded.

use std::arch::global_asm;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.dft_cxa_atexit,\"ax\",@progbits",
    ".globl __wrap___cxa_atexit",
    ".hidden __wrap___cxa_atexit",
    ".type __wrap___cxa_atexit,@function",
    "__wrap___cxa_atexit:",
    // It is done, it says.
    "xor eax, eax",
    "ret",
    ".size __wrap___cxa_atexit, . - __wrap___cxa_atexit",
    ".popsection",
);

#[cfg(target_arch = "aarch64")]
global_asm!(
    ".pushsection .text.dft_cxa_atexit,\"ax\",@progbits",
    ".globl __wrap___cxa_atexit",
    ".hidden __wrap___cxa_atexit",
    ".type __wrap___cxa_atexit,@function",
    "__wrap___cxa_atexit:",
    // It is done, it says.
    "mov w0, wzr",
    "ret",
    ".size __wrap___cxa_atexit, . - __wrap___cxa_atexit",
    ".popsection",
);

/// Runs when the library is unloaded, or the process ends.
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

extern "C" fn end() {
    dft_store::end_idle_threads();
}
