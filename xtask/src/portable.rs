//! Builds for systems other than this one: with an old glibc, and with another processor.
//!
//! zig has the headers and the symbols of every glibc, for every processor, so this needs no container and no other
//! machine. cargo-zigbuild makes it the linker of rustc and the compiler of C sources. Both are PyPI packages of fixed
//! versions.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::places::renamed;
use crate::provision::{RELEASED, cache, provision, python_with, tools};
use crate::rocksdb::{self, Toolchain};
use crate::step::step;
use crate::target::{target_directory, workspace_directory};

const PACKAGES: [&str; 2] = ["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

/// The oldest glibc that programs run with: that of RHEL 8 and TOSS 4.
pub(crate) const GLIBC: &str = "2.28";

/// A processor that releases are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Processor {
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
    /// Arm, such as Grace and Fugaku
    #[value(name = "aarch64")]
    Aarch64,
}

impl Processor {
    pub(crate) const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// The target of rustc.
    pub(crate) fn target(self) -> String {
        format!("{}-unknown-linux-gnu", self.name())
    }

    /// The platform of wheels.
    pub(crate) fn platform(self) -> String {
        format!("manylinux_{}_{}", GLIBC.replace('.', "_"), self.name())
    }
}

/// Builds everything that users get for a processor. Returns the directory of the build.
pub(crate) fn build(processor: Processor) -> Result<PathBuf> {
    let provisions = provision()?;
    let target = processor.target();
    require_std(&target)?;
    let python = python_with("zig-venv", &PACKAGES)?;
    let bin = python.parent().context("a Python without a directory")?;
    let [compiler, archiver] = scripts(bin, processor)?;
    let toolchain = Toolchain::cross(&target, compiler, archiver);
    let rocksdb = rocksdb::library(provisions.cargo(), &cache()?, &toolchain)?;
    let path = env::var_os("PATH").unwrap_or_default();
    let provisions = provisions.with(vec![
        ("ROCKSDB_LIB_DIR", rocksdb.into()),
        ("ROCKSDB_STATIC", "1".into()),
        // zig links its own C++ library, and all of it.
        ("CXXSTDLIB", "c++".into()),
        // The same sources give the same bytes, whoever builds them and where.
        ("RUSTFLAGS", renamed("--remap-path-prefix")?.join(" ").into()),
        ("CFLAGS", renamed("-ffile-prefix-map")?.join(" ").into()),
        ("CARGO_PROFILE_RELEASE_STRIP", "symbols".into()),
        ("PATH", env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&path)))?),
    ]);
    let mut cargo = provisions.cargo();
    cargo.args(["zigbuild", "--target", &format!("{target}.{GLIBC}")]).args(RELEASED);
    step(&format!("cargo zigbuild for {target}, glibc {GLIBC}"), &mut cargo)?;
    let directory = target_directory(&workspace_directory(&mut provisions.cargo())?)?;
    Ok(directory.join(target).join("release"))
}

/// Checks that rustc has the standard library for a target, or lets rustup install it.
fn require_std(target: &str) -> Result<()> {
    let has_std = || {
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let output = Command::new(rustc).args(["--print", "target-libdir", "--target", target]).output();
        output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
    };
    if !has_std() {
        let _ = Command::new("rustup").args(["target", "add", target]).status();
    }
    if !has_std() {
        bail!("rustc has no standard library for {target}: install it, as with `rustup target add {target}`");
    }
    Ok(())
}

/// Writes scripts that call zig as a C++ compiler and as an archiver. Returns their paths.
fn scripts(bin: &Path, processor: Processor) -> Result<[PathBuf; 2]> {
    let folder = tools()?.join(format!("zig-{}-{GLIBC}", processor.name()));
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let zigbuild = bin.join("cargo-zigbuild");
    let write = |name: &str, arguments: &str| -> Result<PathBuf> {
        let script = folder.join(name);
        let text =
            format!("#!/bin/sh\nPATH='{}':$PATH exec '{}' zig {arguments} \"$@\"\n", bin.display(), zigbuild.display());
        // Written beside and renamed, since a script that runs cannot be written to.
        let new = folder.join(format!("{name}.{}", std::process::id()));
        fs::write(&new, text).with_context(|| format!("cannot write {}", new.display()))?;
        fs::set_permissions(&new, fs::Permissions::from_mode(0o755))?;
        fs::rename(&new, &script).with_context(|| format!("cannot write {}", script.display()))?;
        Ok(script)
    };
    Ok([write("c++", &format!("c++ -- -target {}-linux-gnu.{GLIBC}", processor.name()))?, write("ar", "ar --")?])
}
