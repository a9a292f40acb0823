//! Gives the shared library its soname, so that one build of it serves programs, installs and wheels, and what keeps
//! RocksDB's static objects until the process ends.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libdft_utils.so.2");
        // src/exit.rs says why.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap=__cxa_atexit");
    }
}
