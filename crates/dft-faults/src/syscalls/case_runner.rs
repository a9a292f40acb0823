//! Disturbs commands in a world and judges the result.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process::{self, Ended, How};
use crate::scenarios::{Scenario, Writes, is_of_the_user, temporary};
use crate::tools::{Counts, Tools, has_index};
use crate::world::{self, Node, Tree};

use super::Case;

/// A directory with a world, and the states of the world before and after each undisturbed command.
pub(crate) struct CaseRunner<'a> {
    tools: &'a Tools,
    folder: PathBuf,
    known: BTreeMap<&'static str, Known>,
}

/// What an undisturbed run of a command does.
struct Known {
    before: Tree,
    after: Tree,
    /// The tables of the index, or of an index that ingests all bundles.
    tables_before: Option<Tree>,
    tables_after: Option<Tree>,
    /// The tables once other workers have done the rest.
    tables_complete: Option<Tree>,
    names: Vec<String>,
    ended: Ended,
}

/// `Err` in `Ok` states what is wrong with the program under test.
type Verdict = Result<Result<(), String>>;

impl<'a> CaseRunner<'a> {
    pub(crate) fn new(tools: &'a Tools, folder: PathBuf) -> Self {
        Self { tools, folder, known: BTreeMap::new() }
    }

    fn root(&self) -> PathBuf {
        self.folder.join("world")
    }

    fn scratch(&self) -> PathBuf {
        self.folder.join("scratch")
    }

    fn saved(&self, scenario: &Scenario) -> PathBuf {
        self.folder.join(format!("before-{}", scenario.name))
    }

    /// Counts the calls that an undisturbed command makes.
    pub(crate) fn counts(&mut self, scenario: &Scenario) -> Result<Counts> {
        self.know(scenario)?;
        world::copy(&self.saved(scenario), &self.root())?;
        let (mut command, page) = (scenario.command(self.tools, &self.root()), self.scratch().join("page"));
        self.tools.interpose(&mut command, &self.root(), "", &page);
        self.tools.done(&mut command, &self.scratch())?;
        Counts::read(&page)
    }

    /// Runs the command undisturbed, once for each runner.
    fn know(&mut self, scenario: &Scenario) -> Result<()> {
        if self.known.contains_key(scenario.name) {
            return Ok(());
        }
        let (root, scratch, saved) = (self.root(), self.scratch(), self.saved(scenario));
        fs::create_dir_all(&scratch)?;
        fs::create_dir_all(temporary(&root))?;
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(&root)?;
        scenario.prepare(self.tools, &root, &scratch)?;
        world::copy(&root, &saved)?;
        // The command sees the copy, whose files have other inode numbers than the originals.
        world::copy(&saved, &root)?;
        let before = world::tree(&root)?;
        let tables_before =
            self.tables_now(scenario)?.map_err(|fault| anyhow::anyhow!("{}: {fault}", scenario.name))?;
        let ended = self.tools.done(&mut scenario.command(self.tools, &root), &scratch)?;
        let tables_after = self.tables_now(scenario)?.map_err(|fault| anyhow::anyhow!("{}: {fault}", scenario.name))?;
        let (after, names) = (world::tree(&root)?, self.names()?);
        if world::difference(&before, &after, is_of_the_user).is_some() {
            bail!("{} changes the user's files even when undisturbed", scenario.name);
        }
        let mut tables_complete = tables_after.clone();
        for mut rest in scenario.rest(self.tools, &root) {
            self.tools.done(&mut rest, &scratch)?;
            tables_complete =
                self.tables_now(scenario)?.map_err(|fault| anyhow::anyhow!("{}: {fault}", scenario.name))?;
        }
        let known = Known { before, after, tables_before, tables_after, tables_complete, names, ended };
        self.known.insert(scenario.name, known);
        Ok(())
    }

    /// Returns the generalized names of the files in the world.
    fn names(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.root())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_dir() {
                all.extend(world::names(&entry.path())?.into_iter().map(|beneath| format!("{name}/{beneath}")));
            }
            all.push(name);
        }
        all.extend(world::names(&temporary(&self.root()))?.into_iter().map(|name| format!("tmp/{name}")));
        all.sort();
        Ok(all)
    }

    /// Returns the tables of the index, or of an index that ingests all bundles if the command writes bundles.
    fn tables_now(&self, scenario: &Scenario) -> Result<Result<Option<Tree>, String>> {
        let (root, scratch) = (self.root(), self.scratch());
        let index = if scenario.writes == Writes::Bundles {
            let (index, shared) = (scratch.join("ingested"), scratch.join("shared"));
            let _ = fs::remove_dir_all(&index);
            world::copy(&root.join("shared"), &shared)?;
            if !has_bundle(&shared)? {
                return Ok(Ok(None));
            }
            let words = ["ingest".as_ref(), index.as_os_str(), "--shared-staging".as_ref(), shared.as_os_str()];
            let ended = process::run(&mut self.tools.dft(words), &scratch)?;
            // Some pieces may wait for others.
            let is_right =
                (ended.is(0) || ended.is(3)) && !ended.out.contains("refused") && !ended.err.contains("refused");
            if !is_right {
                return Ok(Err(format!("the bundles are not ingested ({:?}){}", ended.how, ended.last_lines())));
            }
            index
        } else {
            root.join("index")
        };
        if has_index(&index)
            && let Err(fault) = self.tools.verify(&index, &scratch)?
        {
            return Ok(Err(fault));
        }
        self.tools.tables(&index, &scratch)
    }

    /// Disturbs a command. Returns what is wrong afterwards, if anything.
    pub(crate) fn fault(&mut self, case: &Case) -> Result<Option<String>> {
        self.know(&case.scenario)?;
        let root = self.root();
        world::copy(&self.saved(&case.scenario), &root)?;
        fs::remove_dir_all(temporary(&root))?;
        fs::create_dir(temporary(&root))?;
        let (mut command, page) = (case.scenario.command(self.tools, &root), self.scratch().join("page"));
        self.tools.interpose(&mut command, &root, &case.rules(), &page);
        let ended = process::run(&mut command, &self.scratch())?;
        let applied = Counts::read(&page)?.applied > 0;
        let verdict = self.judge(case, &ended, applied)?;
        let first = format!("\n      it ended with {:?}{}", ended.how, ended.last_lines());
        Ok(verdict.err().map(|fault| fault + &first))
    }

    fn judge(&self, case: &Case, ended: &Ended, applied: bool) -> Verdict {
        let Some(known) = self.known.get(case.scenario.name) else { bail!("the command is not known") };
        if let Some(fault) = ended.fault(case.kills()) {
            return Ok(Err(fault));
        }
        if (case.must_succeed() || !applied) && !ended.is(0) {
            return Ok(Err("it failed, though nothing that it needs failed".to_owned()));
        }
        let now = world::tree(&self.root())?;
        if let Some(path) = world::difference(&known.before, &now, is_of_the_user) {
            return Ok(Err(format!("{} is the user's, but has changed", path.display())));
        }
        let is_tidy = || world::names(&temporary(&self.root())).map(|names| names.is_empty());
        let nothing_done = world::difference(&known.before, &now, |_| true).is_none() && is_tidy()?;
        match case.scenario.writes {
            Writes::Nothing => {
                if let Some(path) = world::difference(&known.before, &now, |_| true) {
                    return Ok(Err(format!("it only reads, but {} has changed", path.display())));
                }
                return Ok(if !ended.is(0) || ended.out == known.ended.out {
                    Ok(())
                } else {
                    Err("it succeeded, but its output is not that of an undisturbed run".to_owned())
                });
            }
            Writes::Tables => {
                if let Some(fault) = self.fault_of_tables(case, ended, known, &now) {
                    return Ok(Err(fault));
                }
            }
            // The state is unchanged, so the next run would be an undisturbed one.
            Writes::Index | Writes::Bundles if nothing_done => {
                return Ok(if ended.is(0) { Err("it succeeded, but did nothing".to_owned()) } else { Ok(()) });
            }
            Writes::Index | Writes::Bundles => {
                if let Err(fault) = self.judge_state(case, ended, known)? {
                    return Ok(Err(fault));
                }
            }
        }
        self.judge_another_run(case, known, ended)
    }

    /// Checks that the state is that before or that after the command. Traces may be missing only if they are reported.
    fn judge_state(&self, case: &Case, ended: &Ended, known: &Known) -> Verdict {
        let tables = match self.tables_now(&case.scenario)? {
            Ok(tables) => tables,
            Err(fault) => return Ok(Err(fault)),
        };
        let (is_before, is_after) = (tables == known.tables_before, tables == known.tables_after);
        let is_partial = case.scenario.writes == Writes::Bundles && !ended.is(0);
        Ok(match ended.how {
            How::Code(0) if !is_after => {
                Err("it succeeded, but the result is not that of an undisturbed run".to_owned())
            }
            // Unreadable traces are reported, and indexed by the next run.
            How::Code(3) if !is_after && !says_unreadable(ended) => {
                Err("something is missing, but no trace is reported as unreadable".to_owned())
            }
            How::Code(3) => Ok(()),
            // Some of the bundles may exist; each of them is whole.
            _ if is_partial => Ok(()),
            _ if !is_before && !is_after => {
                Err("the index is neither that before the command nor that after it".to_owned())
            }
            _ => Ok(()),
        })
    }

    /// Checks that all tables are whole and of one export, and that no partial file is left unless the process died.
    fn fault_of_tables(&self, case: &Case, ended: &Ended, known: &Known, now: &Tree) -> Option<String> {
        let in_tables = |tree: &Tree| -> Tree {
            // Ignore the list of tables: for a moment it names tables that do not exist.
            let table =
                |path: &Path| path.starts_with("tables") && !is_of_the_user(path) && !path.ends_with(".dft-tables");
            tree.iter()
                .filter(|(path, node)| table(path) && **node != Node::Directory)
                .map(|(path, node)| (path.clone(), node.clone()))
                .collect()
        };
        let (before, after, mut now_there) = (in_tables(&known.before), in_tables(&known.after), in_tables(now));
        if case.may_leave_temporaries() {
            now_there.retain(|path, _| before.contains_key(path) || after.contains_key(path));
        }
        if ended.is(0) && now_there != after {
            return Some("it succeeded, but the tables are not those of an undisturbed run".to_owned());
        }
        let all_of = |whole: &Tree| now_there.iter().all(|(path, node)| whole.get(path) == Some(node));
        (!all_of(&before) && !all_of(&after)).then(|| {
            let strange = now_there
                .iter()
                .find(|(path, node)| after.get(*path) != Some(node))
                .map(|(path, _)| path.display().to_string());
            format!("the tables are mixed or not whole: {}", strange.unwrap_or_default())
        })
    }

    /// Checks that an undisturbed second run completes the work and leaves the files that an undisturbed run leaves.
    fn judge_another_run(&self, case: &Case, known: &Known, disturbed: &Ended) -> Verdict {
        let (root, scratch) = (self.root(), self.scratch());
        // The next run removes files that could not be removed.
        if !disturbed.is(0) || !self.more_names(known)?.is_empty() {
            world::age(&root)?;
            world::age(&temporary(&root))?;
            let again = process::run(&mut case.scenario.command(self.tools, &root), &scratch)?;
            // A published source cannot be published again.
            let is_published = case.scenario.name == "publish" && again.is(1) && again.err.contains("rank 0");
            if !again.is(0) && !is_published {
                return Ok(Err(format!("a second run does not complete it ({:?}){}", again.how, again.last_lines())));
            }
        }
        for rest in case.scenario.rest(self.tools, &root) {
            let ended = process::run(&mut { rest }, &scratch)?;
            if !ended.is(0) {
                return Ok(Err(format!("the rest cannot be staged ({:?}){}", ended.how, ended.last_lines())));
            }
        }
        if case.scenario.writes == Writes::Tables {
            if let Some(path) = world::difference(&known.after, &world::tree(&root)?, |path| path.starts_with("tables"))
            {
                return Ok(Err(format!("{} is not what an undisturbed run leaves", path.display())));
            }
        } else {
            match self.tables_now(&case.scenario)? {
                Ok(tables) if tables == known.tables_complete => {}
                Ok(_) => {
                    return Ok(Err("after a second run, the tables are not those of an undisturbed run".to_owned()));
                }
                Err(fault) => return Ok(Err(format!("after a second run, {fault}"))),
            }
        }
        let mut more = self.more_names(known)?;
        // An old generation that could not be removed stays until the next run that publishes something.
        more.retain(|name| case.class != "unlink" || !name.starts_with("index/gen-N"));
        Ok(if more.is_empty() {
            Ok(())
        } else {
            Err(format!("a second run leaves files that an undisturbed run does not leave: {}", more.join(", ")))
        })
    }

    /// Returns the names that exist more often than after an undisturbed run.
    fn more_names(&self, known: &Known) -> Result<Vec<String>> {
        let mut more = self.names()?;
        for name in &known.names {
            if let Some(at) = more.iter().position(|other| other == name) {
                more.remove(at);
            }
        }
        Ok(more)
    }
}

fn has_bundle(shared: &Path) -> Result<bool> {
    let names = fs::read_dir(shared)?.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>>>()?;
    Ok(names.iter().any(|name| name.to_string_lossy().starts_with("bundle-")))
}

/// Whether a message names a trace that could not be read.
fn says_unreadable(ended: &Ended) -> bool {
    ended.err.lines().any(|line| line.contains(".pfw") || line.contains("cannot be read"))
}
