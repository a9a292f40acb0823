//! Runs several writers on one index at the same time, with locks that do not work.
//!
//! Each round starts builds, ingests and publishing programs concurrently. The traces of a writer that succeeds are in
//! the index, each once; none of the traces of a writer that fails are. The index is sound after every round. In the
//! end it equals the index that the same writers build one after another.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context, Result, bail};
use dft_tests::{gzip, trace, write};

use crate::campaign::Campaign;
use crate::process::{self, Ended};
use crate::random::Random;
use crate::tools::Tools;
use crate::world;

/// The first word of the names of these cases.
pub(crate) const KIND: &str = "writers";

/// The number of cases for each way in which locks do not work, per unit of scale, and of rounds in a case.
const CASES: usize = 1;
const ROUNDS: u64 = 4;

/// A way in which locks do not work, and what else the file system lacks.
struct Way {
    name: &'static str,
    rules: String,
    /// Whether the locked file is removed again and again.
    removes_lock: bool,
}

fn ways() -> [Way; 8] {
    let way = |name, rules: String, removes_lock| Way { name, rules, removes_lock };
    let no_locks = |error: i32| format!("lock:1+:{error}");
    [
        way("locks", String::new(), false),
        way("lock-removed", String::new(), true),
        way("lock-always-succeeds", "lock:1+:succeed".to_owned(), false),
        way("ENOLCK", no_locks(libc::ENOLCK), false),
        way("ENOSYS", no_locks(libc::ENOSYS), false),
        way("EOPNOTSUPP", no_locks(libc::EOPNOTSUPP), true),
        way("no-links", format!("lock:1+:succeed,link:1+:{}", libc::EPERM), false),
        way("no-links-no-locks", format!("{},link:1+:{}", no_locks(libc::ENOSYS), libc::EOPNOTSUPP), true),
    ]
}

/// A writer and what it writes.
struct Writer {
    /// The name of its trace in the index.
    name: String,
    command: Box<dyn Fn() -> Command>,
}

/// Tries random cases, or only the one called `only`.
pub(crate) fn run(campaign: &Campaign<'_>) -> Result<()> {
    let all = |random: &mut Random| {
        (0..CASES * campaign.scale)
            .flat_map(|_| ways().map(|way| way.name))
            .map(|way| format!("{KIND}/{way}/{}", random.next() % 1_000_000))
            .collect()
    };
    campaign.try_named(KIND, all, |folder, name| Case::new(campaign.tools, folder, name)?.fault())
}

struct Case<'a> {
    tools: &'a Tools,
    folder: &'a Path,
    way: Way,
    seed: u64,
}

impl<'a> Case<'a> {
    fn new(tools: &'a Tools, folder: &'a Path, name: &str) -> Result<Self> {
        let words: Vec<_> = name.split('/').collect();
        let [_, way, seed] = words[..] else { bail!("{name} is not the name of a case") };
        let way = ways().into_iter().find(|known| known.name == way).context("there is no such way")?;
        Ok(Self { tools, folder, way, seed: seed.parse()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Tries the case. Returns what is wrong, if anything.
    fn fault(&self) -> Result<Option<String>> {
        let _ = fs::remove_dir_all(self.folder);
        fs::create_dir_all(self.path("scratch"))?;
        let index = self.path("index");
        let mut random = Random::new(self.seed, self.way.name);
        let mut all = Vec::new();
        for round in 0..ROUNDS {
            let number = 2 + random.below(3) as u64;
            let writers: Vec<_> =
                (0..number).map(|at| self.writer(&mut random, round * 10 + at)).collect::<Result<_>>()?;
            let before = self.records(&index)?;
            let ends = self.at_once(&writers)?;
            for (writer, end) in writers.iter().zip(&ends) {
                if let Some(fault) = end.fault(false) {
                    return Ok(Some(format!("round {round}, {}: {fault}", writer.name)));
                }
            }
            if let Err(fault) = self.tools.verify(&index, &self.path("scratch"))? {
                return Ok(Some(format!("round {round}: {fault}")));
            }
            let after = self.records(&index)?;
            for (writer, end) in writers.iter().zip(&ends) {
                let is_indexed = after.contains_key(&writer.name);
                let ending = if end.is(0) { "succeeded" } else { "failed" };
                if is_indexed != end.is(0) {
                    let are = if is_indexed { "are" } else { "are not" };
                    return Ok(Some(format!(
                        "round {round}: {} {ending}, but its traces {are} in the index{}",
                        writer.name,
                        end.last_lines()
                    )));
                }
            }
            if let Some(lost) = before.iter().find(|(name, records)| after.get(*name) != Some(*records)) {
                return Ok(Some(format!(
                    "round {round}: {} was in the index before, and is now missing or changed",
                    lost.0
                )));
            }
            for (writer, end) in writers.iter().zip(&ends) {
                if !end.is(0) {
                    let again = process::run(&mut (writer.command)(), &self.path("scratch"))?;
                    if !again.is(0) {
                        return Ok(Some(format!(
                            "round {round}: {} fails when run again alone{}",
                            writer.name,
                            again.last_lines()
                        )));
                    }
                }
            }
            all.extend(writers);
        }
        self.compare(&index, &all)
    }

    /// Compares the index with one that the writers build one after another.
    fn compare(&self, index: &Path, all: &[Writer]) -> Result<Option<String>> {
        let scratch = self.path("scratch");
        if let Err(fault) = self.tools.verify(index, &scratch)? {
            return Ok(Some(fault));
        }
        let tables = match self.tools.tables(index, &scratch)? {
            Ok(tables) => tables,
            Err(fault) => return Ok(Some(fault)),
        };
        let left = world::names(index)?.into_iter().filter(|name| !name.contains('/')).collect::<Vec<_>>();
        if left.iter().any(|name| name.starts_with("build-"))
            || left.iter().filter(|name| *name == "gen-N").count() != 1
        {
            return Ok(Some(format!("{} is left in the index", left.join(", "))));
        }
        // Sources and paths must have the same names, so the second index needs the same path.
        fs::rename(index, self.path("of-several"))?;
        fs::rename(self.path("shared"), self.path("shared-of-several"))?;
        copy_of(&self.path("bundles"), &self.path("shared"))?;
        for writer in all {
            self.tools.done(&mut (writer.command)(), &scratch)?;
        }
        let wanted = self.tools.tables(index, &scratch)?;
        Ok((wanted != Ok(tables)).then(|| "the tables are not those of writers that run one after another".to_owned()))
    }

    /// Runs all writers concurrently, with locks that do not work.
    fn at_once(&self, writers: &[Writer]) -> Result<Vec<Ended>> {
        let stop = AtomicBool::new(false);
        let lock = self.path("index").join("LOCK");
        thread::scope(|scope| {
            if self.way.removes_lock {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let _ = fs::remove_file(&lock);
                        thread::sleep(std::time::Duration::from_micros(200));
                    }
                });
            }
            let running = writers.iter().map(|writer| {
                let mut command = (writer.command)();
                let name = writer.name.replace(['/', '.'], "-");
                self.tools.interpose(
                    &mut command,
                    self.folder,
                    &self.way.rules,
                    &self.path("scratch").join(format!("{name}.page")),
                );
                process::start(&mut command, &self.path("scratch"), &name)
            });
            let running: Vec<_> = running.collect();
            let ends = running.into_iter().map(|running| running?.end()).collect();
            stop.store(true, Ordering::Relaxed);
            ends
        })
    }

    /// Makes a random writer of one trace.
    fn writer(&self, random: &mut Random, number: u64) -> Result<Writer> {
        let text = trace(number + 1, 50 + random.below(400) as u64);
        let index = self.path("index").into_os_string();
        let dft = self.tools.dft.clone();
        let name = format!("{number}.pfw");
        let traces = self.path(&format!("traces-{number}"));
        let words = match random.below(3) {
            0 => {
                write(&traces.join(&name), text);
                let memory = random.pick(&["64K", "512M"]);
                vec!["index".into(), traces.into_os_string(), "--memory".into(), memory.into(), "--index".into(), index]
            }
            1 => {
                let name = format!("{number}.pfw.gz");
                write(&traces.join(&name), gzip(text.as_bytes()));
                let shared = self.path("shared").join(number.to_string());
                let mut stage = self.tools.dft(["stage".as_ref(), traces.as_os_str()]);
                stage.arg("--staging").arg(self.path("local")).arg("--shared-staging").arg(&shared);
                self.tools.done(&mut stage, &self.path("scratch"))?;
                copy_of(&shared, &self.path("bundles").join(number.to_string()))?;
                let words = vec!["ingest".into(), index, "--shared-staging".into(), shared.into_os_string()];
                return Ok(Writer { name, command: Box::new(move || command(&dft, &words)) });
            }
            _ => {
                write(&traces.join("lines.json"), text);
                let (publish, name) = (self.tools.publish.clone(), format!("rank {number}"));
                let words = vec![index, name.clone().into(), traces.join("lines.json").into_os_string()];
                return Ok(Writer { name, command: Box::new(move || command(&publish, &words)) });
            }
        };
        Ok(Writer { name, command: Box::new(move || command(&dft, &words)) })
    }

    /// Returns what `dft info` shows of each trace, by the name of the file; empty if there is no index.
    fn records(&self, index: &Path) -> Result<BTreeMap<String, String>> {
        if !crate::tools::has_index(index) {
            return Ok(BTreeMap::new());
        }
        let ended = self.tools.done(
            &mut self.tools.dft(["info".as_ref(), index.as_os_str(), "--json".as_ref()]),
            &self.path("scratch"),
        )?;
        let info: serde_json::Value = serde_json::from_str(&ended.out)?;
        let files = info["files"].as_array().context("info names no files")?;
        let named = files.iter().map(|file| {
            let path = file["path"].as_str().unwrap_or_default();
            // The name of a source follows a prefix.
            (path.rsplit(['/', ':']).next().unwrap_or_default().to_owned(), file.to_string())
        });
        Ok(named.collect())
    }
}

fn command(program: &Path, words: &[std::ffi::OsString]) -> Command {
    let mut command = Command::new(program);
    command.args(words);
    command
}

fn copy_of(from: &Path, to: &Path) -> Result<()> {
    if from.exists() { world::copy(from, to) } else { Ok(()) }
}
