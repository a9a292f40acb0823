//! Sets the linker arguments of the shared library: its soname, so that one build serves programs, installs and wheels,
//! and the wrapper that keeps RocksDB's static objects until the process ends.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdft_utils.so.3");
        // See src/exit.rs.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap=__cxa_atexit");
    }
}
