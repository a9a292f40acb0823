//! The programs of the campaign: `dft`, a library that interposes system calls, and a program that uses the C ABI.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, Ended};
use crate::world::{self, Tree};

/// The compiled programs.
pub(crate) struct Tools {
    pub(crate) dft: PathBuf,
    pub(crate) publish: PathBuf,
    interpose: PathBuf,
}

impl Tools {
    /// Compiles the C programs. `dft` is in a directory of cargo, next to the library.
    pub(crate) fn compile(dft: &Path, work: &Path) -> Result<Self> {
        let package = package();
        let (interpose, publish) = (work.join("libinterpose.so"), work.join("publish"));
        let mut cc = Command::new("cc");
        cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o"]).arg(&interpose);
        compile(cc.arg(package.join("shim/interpose.c")).arg("-ldl"))?;
        let built = dft.parent().context("the program has no directory")?;
        let mut cc = Command::new("cc");
        cc.args(["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&publish);
        cc.arg(package.join("programs/publish.c")).arg("-I").arg(package.join("../../include"));
        cc.arg("-L").arg(built).arg("-ldft_utils").arg(format!("-Wl,-rpath,{}", work.display()));
        compile(&mut cc)?;
        // The name of the installed library; the one that cargo builds has no version in its name.
        symlink(built.join("libdft_utils.so"), work.join("libdft_utils.so.3"))?;
        Ok(Self { dft: dft.to_owned(), publish, interpose })
    }

    /// Returns a run of `dft`.
    pub(crate) fn dft<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.dft);
        command.args(arguments);
        command
    }

    /// Lets system calls of a program fail. Only calls on files below `root` count.
    pub(crate) fn interpose(&self, command: &mut Command, root: &Path, rules: &str, counts: &Path) {
        let _ = fs::remove_file(counts);
        command.env("LD_PRELOAD", &self.interpose).env("DFT_FAULTS_ROOT", root);
        command.env("DFT_FAULTS_PAGE", counts).env("DFT_FAULTS_RULES", rules);
    }

    /// Exports every table of an index; `None` if there is no index.
    pub(crate) fn tables(&self, index: &Path, scratch: &Path) -> Result<Result<Option<Tree>, String>> {
        if !has_index(index) {
            return Ok(Ok(None));
        }
        let out = scratch.join("exported");
        let _ = fs::remove_dir_all(&out);
        let mut export = self.dft(["export".as_ref(), index.as_os_str(), "--out".as_ref(), out.as_os_str()]);
        for table in ["events", "profiles", "system", "preaggregated_system", "processes", "aggregation"] {
            export.args(["--table", table]);
        }
        let ended = process::run(&mut export, scratch)?;
        if !ended.is(0) {
            return Ok(Err(format!("the index cannot be exported ({:?}){}", ended.how, ended.last_lines())));
        }
        let mut tables = world::tree(&out)?;
        // It holds a hash of the generation, which may differ for equal tables.
        tables.remove(Path::new(".dft-tables"));
        Ok(Ok(Some(tables)))
    }

    /// Runs `dft verify`. Returns its output if the index is not sound.
    pub(crate) fn verify(&self, index: &Path, scratch: &Path) -> Result<Result<(), String>> {
        let ended = process::run(&mut self.dft(["verify".as_ref(), index.as_os_str()]), scratch)?;
        Ok(if ended.is(0) {
            Ok(())
        } else {
            Err(format!("the index is not sound ({:?}){}", ended.how, ended.last_lines()))
        })
    }

    /// Runs a command that must succeed.
    pub(crate) fn done(&self, command: &mut Command, scratch: &Path) -> Result<Ended> {
        let ended = process::run(command, scratch)?;
        if !ended.is(0) {
            bail!("{command:?} ended with {:?}{}", ended.how, ended.last_lines());
        }
        Ok(ended)
    }
}

/// Whether a directory holds a published index.
pub(crate) fn has_index(index: &Path) -> bool {
    let is_generation = |name: &str| {
        name.strip_prefix("gen-")
            .is_some_and(|number| number.len() == 6 && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let has_generation = fs::read_dir(index).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_generation)))
    });
    has_generation && (index.join("DFT_INDEX").exists() || index.join("CURRENT").exists())
}

/// Returns the directory of this package, in the clone whose cargo runs this: clones may share a target directory.
pub(crate) fn package() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("DFT_FAULTS_PACKAGE").map_or_else(built, PathBuf::from)
}

fn compile(cc: &mut Command) -> Result<()> {
    let status = cc.status().context("cc cannot be run: install a C compiler")?;
    if !status.success() {
        bail!("{cc:?} failed");
    }
    Ok(())
}

/// The numbers of system calls of a run.
pub(crate) struct Counts {
    /// The number of calls of each class.
    pub(crate) calls: Vec<(String, u64)>,
    /// The number of calls of all classes.
    pub(crate) all: u64,
    /// The number of calls that a rule applied to.
    pub(crate) applied: u64,
}

impl Counts {
    /// Reads `struct page` of `interpose.c`.
    pub(crate) fn read(page: &Path) -> Result<Self> {
        const CLASSES: usize = 17;
        const NAME: usize = 24;
        let bytes = fs::read(page).context("the interposed library has written no counts")?;
        let number = |at: usize| bytes[at..at + 8].try_into().map(u64::from_ne_bytes).unwrap_or_default();
        if bytes.len() != CLASSES * (NAME + 8) + 16 {
            bail!("the page of counts has {} bytes", bytes.len());
        }
        let slot = |at: usize| {
            let name = bytes[at * (NAME + 8)..].split(|&byte| byte == 0).next().unwrap_or_default();
            (String::from_utf8_lossy(name).into_owned(), number(at * (NAME + 8) + NAME))
        };
        let end = CLASSES * (NAME + 8);
        Ok(Self { calls: (0..CLASSES).map(slot).collect(), all: number(end), applied: number(end + 8) })
    }
}
