//! Where the bench finds programs and writes files, and how large its inputs are.

use std::fmt::Debug;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// Paths and settings of the bench.
pub(crate) struct Bench {
    /// The directory for everything that the bench writes.
    pub(crate) folder: PathBuf,
    pub(crate) workspace: PathBuf,
    /// The directory for the environments of peers.
    pub(crate) tools: PathBuf,
    pub(crate) dft: PathBuf,
    /// The library with the C ABI.
    pub(crate) library: PathBuf,
    /// The program that generates traces.
    pub(crate) xtask: PathBuf,
    pub(crate) floor: PathBuf,
    pub(crate) quick: bool,
    /// Also measure inputs that take many GB and minutes.
    pub(crate) huge: bool,
    /// Only measure inputs whose names have this part.
    pub(crate) input: Option<String>,
    pub(crate) threads: usize,
}

impl Bench {
    /// Chooses between an amount of the full bench and one of the quick bench.
    pub(crate) fn amount<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }

    /// Whether an input of this name is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.input.as_ref().is_none_or(|part| name.contains(part))
    }

    pub(crate) fn inputs(&self) -> PathBuf {
        self.folder.join(self.amount("inputs", "inputs-quick"))
    }

    /// Returns the directory for temporary results.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    /// Returns the file with the stderr of the last process.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("last.log")
    }
}

/// Prints what is being measured.
pub(crate) fn say(what: &str) {
    println!("   {what}");
}

/// Fails if two numbers that must be equal differ.
pub(crate) fn agree<T: PartialEq + Debug>(what: &str, one: T, other: T) -> Result<()> {
    if one != other {
        bail!("{what}: {one:?} and {other:?} differ, so times are not compared");
    }
    Ok(())
}
