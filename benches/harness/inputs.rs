//! Generated traces for measurements, which are named by their arguments and kept.
//!
//! A separate process generates them: a process starts as a copy of its parent, so the parent's peak memory would be the
//! minimum that is measured for any later child.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::process;

/// Traces in a directory.
#[derive(Clone, Debug)]
pub(crate) struct Traces {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) records: u64,
    /// The size of the files.
    pub(crate) bytes: u64,
}

impl Traces {
    fn of(name: &str, directory: PathBuf, records: u64) -> Result<Self> {
        let bytes = size(&directory)?;
        Ok(Self { name: name.to_owned(), directory, records, bytes })
    }

    /// Returns the files, in the order of their names.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let read = || -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(&self.directory)?;
            let mut files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            files.sort();
            Ok(files)
        };
        read().with_context(|| format!("cannot list {}", self.directory.display()))
    }
}

/// Generates traces with these arguments of `gen-trace`, unless they exist.
pub(crate) fn make(bench: &Bench, records: u64, arguments: &str) -> Result<Traces> {
    let folder = bench.inputs();
    let name = format!("{records}-records-{}", arguments.replace("--", "").replace(' ', "-"));
    let directory = folder.join(&name);
    // Written last, so incomplete traces have no stamp.
    let stamp = folder.join(format!("{name}.arguments"));
    let arguments = format!("--records {records} {arguments}");
    if fs::read_to_string(&stamp).is_ok_and(|made| made == arguments) {
        return Traces::of(&name, directory, records);
    }
    println!("   generating {name}: gen-trace {arguments}");
    remove(&directory)?;
    let mut generator = Command::new(&bench.xtask);
    generator.arg("gen-trace").arg("--out").arg(&directory).args(arguments.split_whitespace());
    process::run(&mut generator, &bench.log())?;
    fs::write(&stamp, arguments).with_context(|| format!("cannot write {}", stamp.display()))?;
    Traces::of(&name, directory, records)
}

/// Removes traces, which the next run generates again.
pub(crate) fn forget(bench: &Bench, traces: &Traces) -> Result<()> {
    let stamp = bench.inputs().join(format!("{}.arguments", traces.name));
    fs::remove_file(&stamp).with_context(|| format!("cannot remove {}", stamp.display()))?;
    remove(&traces.directory)
}

/// Returns the size of a file or a directory.
pub(crate) fn size(path: &Path) -> Result<u64> {
    fn sum(path: &Path) -> io::Result<u64> {
        let metadata = fs::symlink_metadata(path)?;
        if !metadata.is_dir() {
            return Ok(metadata.len());
        }
        fs::read_dir(path)?.map(|entry| sum(&entry?.path())).sum()
    }
    sum(path).with_context(|| format!("cannot measure the size of {}", path.display()))
}

/// Removes a directory if it exists.
pub(crate) fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", directory.display()))
        }
        _ => Ok(()),
    }
}
