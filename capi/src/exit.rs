//! The start and the end of the library in a process.
//!
//! What is done once is done when the library is loaded. On first use, another thread could fork meanwhile; the child
//! would wait forever for what the thread had begun.
//!
//! At the end, RocksDB's static objects are not destroyed.
//! C++ destroys static objects in the reverse order of their creation, and RocksDB creates its objects on first use. A
//! handler that a program passed to `atexit()` earlier runs after their destruction, so a handler that publishes would
//! crash. The objects hold only memory, so they stay until the process ends. Their destruction would be registered by
//! `__cxa_atexit`; this library replaces that function with one that does nothing. `build.rs` links the shared library
//! with `--wrap` for it, and `cargo xtask install` does the same for the static one.
//!
//! RocksDB's threads are ended nevertheless, because the library may be unloaded.

use std::arch::global_asm;

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".pushsection .text.dft_cxa_atexit,\"ax\",@progbits",
    ".globl __wrap___cxa_atexit",
    ".hidden __wrap___cxa_atexit",
    ".type __wrap___cxa_atexit,@function",
    "__wrap___cxa_atexit:",
    // Returns 0: success.
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
    // Returns 0: success.
    "mov w0, wzr",
    "ret",
    ".size __wrap___cxa_atexit, . - __wrap___cxa_atexit",
    ".popsection",
);

/// Runs when the library is loaded, or, linked statically, before `main`.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    crate::boundary::report_panics();
    dft_io::fork::watch();
    dft_store::watch_forks();
}

/// Runs when the library is unloaded or the process ends.
#[used]
#[unsafe(link_section = ".fini_array")]
static END: extern "C" fn() = end;

extern "C" fn end() {
    // A panic must not leave the function.
    let _ = std::panic::catch_unwind(crate::sink::publish_at_exit);
    dft_store::end_idle_threads();
}
