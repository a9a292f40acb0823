//! `dist`: everything that a release publishes, for each processor.
//!
//! ```text
//! dft_utils-VERSION-py3-none-manylinux_2_28_ARCH.whl
//! dft-utils-VERSION-ARCH-linux.tar.gz
//! SHA256SUMS
//! ```
//!
//! A tarball is an installation that can be unpacked anywhere:
//!
//! ```text
//! bin/dft
//! lib/libdft_utils.so → .so.3 → .so.3.VERSION, lib/pkgconfig, lib/cmake
//! include/dft_utils.h, dft_utils.hpp
//! share/man/man1, share/bash-completion, share/zsh, share/fish
//! share/doc/dft-utils: README, changelog, licences of all that is linked, bill of materials
//! share/modulefiles/dft-utils/VERSION
//! ```
//!
//! It has no static library: that needs the C++ runtime of the program that links it, so `cargo xtask install` makes it on
//! the system of that program.
//!
//! The same sources give the same bytes: paths of the machine are removed, files in tarballs have the time of the commit.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::install::put_library;
use crate::licences::Linked;
use crate::places::{names_none, places};
use crate::portable::{self, GLIBC, Processor};
use crate::program::put_program;
use crate::provision::provision;
use crate::step::{printed, step};
use crate::target::{root, source_time, target_directory, workspace_directory};
use crate::wheel;

/// Arguments of `dist`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// A processor; repeatable [default: all]
    #[arg(long, value_enum, value_name = "P")]
    processor: Vec<Processor>,
    /// The directory to write to
    #[arg(long, value_name = "D", default_value = "dist")]
    out: PathBuf,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Pages of the repository that a tarball has.
const PAGES: [&str; 5] = ["README.md", "CHANGELOG.md", "SECURITY.md", "LICENSE-APACHE", "LICENSE-MIT"];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let out = std::path::absolute(&arguments.out)?;
    fs::create_dir_all(&out).with_context(|| format!("cannot make {}", out.display()))?;
    let asked = |processor: &Processor| arguments.processor.is_empty() || arguments.processor.contains(processor);
    let provisions = provision()?;
    let work = target_directory(&workspace_directory(&mut provisions.cargo())?)?.join("dist");
    // Builds a program that runs here, to print the manual and the completions.
    step("cargo build --release", &mut provisions.build())?;
    let dft = work.parent().context("a directory without a parent")?.join("release/dft");
    let mut made = Vec::new();
    for processor in Processor::ALL.into_iter().filter(asked) {
        let release = portable::build(processor)?;
        for file in ["dft", "libdft_utils.so"] {
            needs_no_newer_glibc(&release.join(file))?;
        }
        made.push(wheel::pack(&release, &work.join("wheel"), Some(processor), &out)?);
        let linked = Linked::on(provisions.cargo(), &processor.target())?;
        made.push(tarball(processor, &release, &dft, &linked, &work, &out)?);
        if processor.name() == ARCH {
            try_out(made.last().context("a tarball was made")?, &work)?;
        }
    }
    let mut sums = Command::new("sha256sum");
    sums.current_dir(&out).args(made.iter().filter_map(|file| file.file_name()));
    let sums = printed(&mut sums)?;
    fs::write(out.join("SHA256SUMS"), &sums)?;
    println!("\n{}", sums.trim_end());
    Ok(())
}

/// Fails if a program or library needs a newer glibc than the oldest that releases are for.
fn needs_no_newer_glibc(file: &Path) -> Result<()> {
    let table = printed(Command::new("readelf").args(["--version-info", "--wide"]).arg(file))?;
    let versions: BTreeSet<Vec<u32>> = table.split_whitespace().filter_map(glibc_version).collect();
    let newest = versions.last().with_context(|| format!("{} names no version of glibc", file.display()))?;
    if *newest > numbers(GLIBC) {
        bail!("{} needs glibc {newest:?}, newer than {GLIBC}", file.display());
    }
    Ok(())
}

/// Returns the version in a name such as `GLIBC_2.28`.
fn glibc_version(name: &str) -> Option<Vec<u32>> {
    let version = name.strip_prefix("GLIBC_")?;
    version.starts_with(|digit: char| digit.is_ascii_digit()).then(|| numbers(version))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').filter_map(|number| number.parse().ok()).collect()
}

/// Makes the tarball. Returns its path.
fn tarball(
    processor: Processor,
    release: &Path,
    dft: &Path,
    linked: &Linked,
    work: &Path,
    out: &Path,
) -> Result<PathBuf> {
    let name = format!("dft-utils-{VERSION}-{}-linux", processor.name());
    let tree = work.join(&name);
    let _ = fs::remove_dir_all(&tree);
    let put = |path: &str, contents: &[u8]| -> Result<()> {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().context("a path without a parent")?)?;
        fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))
    };
    put_library(release, &tree)?;
    put_program(&release.join("dft"), dft, &tree)?;
    for page in PAGES {
        put(&format!("share/doc/dft-utils/{page}"), &fs::read(root().join(page))?)?;
    }
    put("share/doc/dft-utils/THIRD-PARTY.txt", linked.texts()?.as_bytes())?;
    let bill = serde_json::to_string_pretty(&linked.bill(VERSION))? + "\n";
    put("share/doc/dft-utils/bom.cdx.json", bill.as_bytes())?;
    put(&format!("share/modulefiles/dft-utils/{VERSION}"), MODULE.as_bytes())?;
    names_none(&tree, &places()?).context("a release must not name directories of the machine that builds it")?;
    let file = out.join(format!("{name}.tar.gz"));
    let time = source_time().context("neither git nor SOURCE_DATE_EPOCH says when the sources were made")?;
    let mut pack = Command::new("tar");
    pack.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=go=rX,u+rw,a-s"]);
    pack.arg(format!("--mtime=@{time}")).args(["--use-compress-program=gzip -9n", "--file"]).arg(&file);
    step(&format!("packing {name}"), pack.arg("--directory").arg(work).arg(&name))?;
    Ok(file)
}

/// A module file, which finds the tree that it is in.
const MODULE: &str = "\
#%Module1.0
set prefix [file dirname [file dirname [file dirname [file dirname [file normalize $ModulesCurrentModulefile]]]]]
module-whatis \"dft-utils: where the time of DFTracer traces went\"
prepend-path PATH $prefix/bin
prepend-path LD_LIBRARY_PATH $prefix/lib
prepend-path PKG_CONFIG_PATH $prefix/lib/pkgconfig
prepend-path CMAKE_PREFIX_PATH $prefix
prepend-path MANPATH $prefix/share/man
";

/// Unpacks a tarball and runs its program: from traces to a summary.
fn try_out(tarball: &Path, work: &Path) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("try-").tempdir_in(work)?;
    step("unpacking the tarball", Command::new("tar").arg("-xzf").arg(tarball).arg("-C").arg(folder.path()))?;
    let name = tarball.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".tar.gz"));
    let dft = folder.path().join(name.context("a tarball has a name")?).join("bin/dft");
    let index = folder.path().join("index");
    let traces = root().join("tests/data/tracer-3-events");
    step("its dft indexes", Command::new(&dft).arg("index").arg(traces).arg("--index").arg(&index))?;
    step("its dft shows a summary", Command::new(&dft).arg("summary").arg(&index).args(["--top", "2"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        let version = |name| glibc_version(name).expect("a version");
        assert!(version("GLIBC_2.4") < version("GLIBC_2.28"));
        assert!(version("GLIBC_2.34") > numbers(GLIBC));
        assert!(version("GLIBC_2.2.5") < numbers(GLIBC));
        assert_eq!(glibc_version("GLIBC_PRIVATE"), None);
        assert_eq!(glibc_version("GLIBCXX_3.4"), None);
    }
}
