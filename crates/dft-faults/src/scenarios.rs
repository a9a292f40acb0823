//! The commands that faults are injected into, and the files before each of them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use dft_tests::{gzip, trace, write};

use crate::tools::Tools;

/// What a command writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    Index,
    Bundles,
    Tables,
    Nothing,
}

/// A command and what it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) writes: Writes,
}

pub(crate) const SCENARIOS: [Scenario; 14] = [
    Scenario { name: "first", writes: Writes::Index },
    Scenario { name: "spilled", writes: Writes::Index },
    Scenario { name: "grown", writes: Writes::Index },
    Scenario { name: "renamed", writes: Writes::Index },
    Scenario { name: "rebuilt", writes: Writes::Index },
    Scenario { name: "ingest", writes: Writes::Index },
    Scenario { name: "publish", writes: Writes::Index },
    Scenario { name: "stage", writes: Writes::Bundles },
    Scenario { name: "stage-pieces", writes: Writes::Bundles },
    Scenario { name: "export", writes: Writes::Tables },
    Scenario { name: "export-csv", writes: Writes::Tables },
    Scenario { name: "verify", writes: Writes::Nothing },
    Scenario { name: "summary", writes: Writes::Nothing },
    Scenario { name: "info", writes: Writes::Nothing },
];

/// The user's files whose names look like those of `dft`.
const OF_THE_USER: [&str; 9] = [
    "build-release/notes",
    "gen-old/notes",
    "gen-000009/000012.sst",
    "CURRENT",
    "CURRENT.new",
    "dft-live-1/notes",
    ".incoming-notes/notes",
    "index/build-release/notes",
    "index/gen-old/notes",
];

/// The user's files and directories, in which nothing may change, including those above.
const DECOYS: [&str; 12] = [
    "build-release",
    "gen-old",
    "gen-000009",
    "CURRENT",
    "CURRENT.new",
    "dft-live-1",
    ".incoming-notes",
    "link",
    "index/build-release",
    "index/gen-old",
    "shared/notes",
    "tables/notes",
];

/// Whether a path of a world belongs to the user.
pub(crate) fn is_of_the_user(path: &Path) -> bool {
    path.starts_with("traces") || path.starts_with("staged") || DECOYS.iter().any(|decoy| path.starts_with(decoy))
}

/// Returns the directory for temporary files of a world. It is outside of the world, so nothing fails in it.
pub(crate) fn temporary(root: &Path) -> PathBuf {
    root.with_file_name("tmp")
}

impl Scenario {
    /// Makes the world as it is before the command, with undisturbed commands.
    pub(crate) fn prepare(&self, tools: &Tools, root: &Path, scratch: &Path) -> Result<()> {
        for directory in ["traces", "staged", "local"] {
            fs::create_dir_all(root.join(directory))?;
        }
        write(&root.join("traces/a.pfw.gz"), gzip(trace(1, 400).as_bytes()));
        write(&root.join("traces/b.pfw"), trace(2, 300));
        let index = || self.dft(tools, root, &["index", "traces", "--index", "index"]);
        match self.name {
            "first" | "spilled" => {}
            "stage" | "stage-pieces" => self.prepare_staged(root)?,
            "ingest" => {
                tools.done(&mut index(), scratch)?;
                self.prepare_staged(root)?;
                tools.done(&mut self.stage(tools, root), scratch)?;
            }
            "export" | "export-csv" => {
                tools.done(&mut index(), scratch)?;
                let format = if self.name == "export" { "parquet" } else { "csv" };
                let earlier = ["export", "index", "--out", "tables", "--granularity", "10s", "--format", format];
                tools.done(&mut self.dft(tools, root, &earlier), scratch)?;
                write(&root.join("tables/notes"), "of the user");
            }
            _ => {
                tools.done(&mut index(), scratch)?;
            }
        }
        match self.name {
            "grown" => {
                write(&root.join("traces/b.pfw"), trace(2, 300) + &trace(4, 200));
                write(&root.join("traces/c.pfw.gz"), gzip(trace(3, 300).as_bytes()));
            }
            "renamed" => {
                write(&root.join("traces/b.pfw.gz"), gzip((trace(2, 300) + &trace(4, 100)).as_bytes()));
                fs::remove_file(root.join("traces/b.pfw"))?;
                fs::rename(root.join("traces/a.pfw.gz"), root.join("traces/z.pfw.gz"))?;
            }
            "publish" => write(&root.join("traces/lines.json"), trace(9, 300)),
            _ => {}
        }
        self.decoys(root)
    }

    /// Writes the user's files next to the index and in it.
    fn decoys(&self, root: &Path) -> Result<()> {
        for path in OF_THE_USER {
            // A directory that is not empty does not become an index.
            if !path.starts_with("index/") || root.join("index").exists() {
                write(&root.join(path), "of the user");
            }
        }
        if root.join("shared").exists() {
            write(&root.join("shared/notes"), "of the user");
        }
        symlink(root.join("build-release"), root.join("link"))?;
        Ok(())
    }

    fn prepare_staged(&self, root: &Path) -> Result<()> {
        for pid in 10..13 {
            write(&root.join(format!("staged/{pid}.pfw.gz")), gzip(trace(pid, 150).as_bytes()));
        }
        let members = (14..20).flat_map(|pid| gzip(trace(pid, 120).as_bytes()));
        write(&root.join("staged/large.pfw.gz"), members.collect::<Vec<u8>>());
        fs::create_dir_all(root.join("shared"))?;
        Ok(())
    }

    fn stage(&self, tools: &Tools, root: &Path) -> Command {
        let part = ["stage", "staged", "--staging", "local", "--shared-staging", "shared", "--threads", "1"];
        let cut: &[&str] = if self.name == "stage-pieces" { &["--part", "0/2", "--piece-size", "4K"] } else { &[] };
        self.dft(tools, root, &[&part, cut].concat())
    }

    /// Returns the commands of other workers that complete the work.
    pub(crate) fn rest(&self, tools: &Tools, root: &Path) -> Vec<Command> {
        let part = [
            "stage",
            "staged",
            "--staging",
            "local",
            "--shared-staging",
            "shared",
            "--part",
            "1/2",
            "--piece-size",
            "4K",
        ];
        if self.name == "stage-pieces" { vec![self.dft(tools, root, &part)] } else { Vec::new() }
    }

    /// Returns the command.
    pub(crate) fn command(&self, tools: &Tools, root: &Path) -> Command {
        let dft = |words: &[&str]| self.dft(tools, root, words);
        match self.name {
            "spilled" => dft(&["index", "traces", "--index", "index", "--threads", "2", "--memory", "64K"]),
            "rebuilt" => dft(&["index", "traces", "--index", "index", "--rebuild", "--threads", "1"]),
            "ingest" => dft(&["ingest", "index", "--shared-staging", "shared"]),
            "publish" => {
                let mut command = Command::new(&tools.publish);
                command.arg(root.join("index")).arg("rank 0").arg(root.join("traces/lines.json"));
                self.in_world(command, root)
            }
            "stage" | "stage-pieces" => self.stage(tools, root),
            "export" => dft(&["export", "index", "--out", "tables"]),
            "export-csv" => dft(&["export", "index", "--out", "tables", "--format", "csv"]),
            "verify" => dft(&["verify", "index"]),
            "summary" => dft(&["summary", "index"]),
            "info" => dft(&["info", "index", "--json"]),
            _ => dft(&["index", "traces", "--index", "index", "--threads", "1"]),
        }
    }

    /// Returns a run of `dft`. Arguments that name parts of the world become paths.
    fn dft(&self, tools: &Tools, root: &Path, words: &[&str]) -> Command {
        const PATHS: [&str; 6] = ["traces", "staged", "index", "local", "shared", "tables"];
        let word = |(at, word): (usize, &&str)| -> PathBuf {
            if at > 0 && PATHS.contains(word) { root.join(word) } else { word.into() }
        };
        self.in_world(tools.dft(words.iter().enumerate().map(word)), root)
    }

    fn in_world(&self, mut command: Command, root: &Path) -> Command {
        command.env("TMPDIR", temporary(root)).env("NO_COLOR", OsStr::new("1")).current_dir(root);
        command
    }
}
