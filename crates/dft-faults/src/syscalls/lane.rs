//! One world in which commands are disturbed, and what is right in it afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process::{self, Ended, How};
use crate::scenarios::{Scenario, Writes, is_of_the_user, temporary};
use crate::tools::{Counts, Tools, has_index};
use crate::world::{self, Node, Tree};

use super::Case;

/// A folder with a world, and what it is before and after each command that nothing disturbs.
pub(crate) struct Lane<'a> {
    tools: &'a Tools,
    folder: PathBuf,
    known: BTreeMap<&'static str, Known>,
}

/// What is known of a command.
struct Known {
    before: Tree,
    after: Tree,
    /// The tables of the index, or of one that takes in all bundles.
    tables_before: Option<Tree>,
    tables_after: Option<Tree>,
    /// The tables after what remains to be done by others, too.
    tables_complete: Option<Tree>,
    names: Vec<String>,
    ended: Ended,
}

/// What is wrong, or nothing.
type Verdict = Result<Result<(), String>>;

impl<'a> Lane<'a> {
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

    /// How many calls a command makes that nothing disturbs.
    pub(crate) fn counts(&mut self, scenario: &Scenario) -> Result<Counts> {
        self.know(scenario)?;
        world::copy(&self.saved(scenario), &self.root())?;
        let (mut command, page) = (scenario.command(self.tools, &self.root()), self.scratch().join("page"));
        self.tools.interpose(&mut command, &self.root(), "", &page);
        self.tools.done(&mut command, &self.scratch())?;
        Counts::read(&page)
    }

    /// Runs the command undisturbed, once in a lane.
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
        // What the command sees is the copy, whose files have other numbers than the first ones.
        world::copy(&saved, &root)?;
        let before = world::tree(&root)?;
        let tables_before =
            self.tables_now(scenario)?.map_err(|fault| anyhow::anyhow!("{}: {fault}", scenario.name))?;
        let ended = self.tools.done(&mut scenario.command(self.tools, &root), &scratch)?;
        let tables_after = self.tables_now(scenario)?.map_err(|fault| anyhow::anyhow!("{}: {fault}", scenario.name))?;
        let (after, names) = (world::tree(&root)?, self.names()?);
        if world::difference(&before, &after, is_of_the_user).is_some() {
            bail!("{} changes what belongs to the user even where nothing disturbs it", scenario.name);
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

    /// What a completed run leaves, by general names.
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

    /// The tables of the index as it is now; of one that all bundles are brought into, where they are what is written.
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
            // Pieces may be left over that wait for others.
            let is_right =
                (ended.is(0) || ended.is(3)) && !ended.out.contains("refused") && !ended.err.contains("refused");
            if !is_right {
                return Ok(Err(format!("the bundles are not taken in ({:?}){}", ended.how, ended.said())));
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

    /// Disturbs a command; what is wrong then, if anything.
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
        let first = format!("\n      it ended with {:?}{}", ended.how, ended.said());
        Ok(verdict.err().map(|fault| fault + &first))
    }

    fn judge(&self, case: &Case, ended: &Ended, applied: bool) -> Verdict {
        let Some(known) = self.known.get(case.scenario.name) else { bail!("the command is not known") };
        if let Some(fault) = ended.fault(case.kills()) {
            return Ok(Err(fault));
        }
        if (case.must_succeed() || !applied) && !ended.is(0) {
            return Ok(Err("what happened is no failure, and yet it failed".to_owned()));
        }
        let now = world::tree(&self.root())?;
        if let Some(path) = world::difference(&known.before, &now, is_of_the_user) {
            return Ok(Err(format!("{}, which belongs to the user, has changed", path.display())));
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
                    Err("it succeeded, but says something else than where nothing fails".to_owned())
                });
            }
            Writes::Tables => {
                if let Some(fault) = self.fault_of_tables(case, ended, known, &now) {
                    return Ok(Err(fault));
                }
            }
            // An undisturbed run follows from the same state.
            Writes::Index | Writes::Bundles if nothing_done => {
                return Ok(if ended.is(0) { Err("it succeeded, but has done nothing".to_owned()) } else { Ok(()) });
            }
            Writes::Index | Writes::Bundles => {
                if let Err(fault) = self.judge_state(case, ended, known)? {
                    return Ok(Err(fault));
                }
            }
        }
        self.judge_another_run(case, known, ended)
    }

    /// What is there is the state before, or that after; some of the traces only where each other one is named.
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
            // Traces that could not be read are named; what they lack comes with the next run.
            How::Code(3) if !is_after && !says_unreadable(ended) => {
                Err("something is missing, and no trace is named that could not be read".to_owned())
            }
            How::Code(3) => Ok(()),
            // Some of the bundles: each of them is whole.
            _ if is_partial => Ok(()),
            _ if !is_before && !is_after => {
                Err("the index is neither what it was nor what it was to become".to_owned())
            }
            _ => Ok(()),
        })
    }

    /// Tables are those of one export, whole; nothing half-written stays, unless the process died.
    fn fault_of_tables(&self, case: &Case, ended: &Ended, known: &Known, now: &Tree) -> Option<String> {
        let in_tables = |tree: &Tree| -> Tree {
            // The list says what may be there; it has more than is there for a moment.
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
            format!("the tables are a mix, or not whole: {}", strange.unwrap_or_default())
        })
    }

    /// Another run, which nothing disturbs, completes what was cut off, and leaves what an undisturbed run leaves.
    fn judge_another_run(&self, case: &Case, known: &Known, disturbed: &Ended) -> Verdict {
        let (root, scratch) = (self.root(), self.scratch());
        // What could not be removed stays for the next run.
        if !disturbed.is(0) || !self.more_names(known)?.is_empty() {
            world::age(&root)?;
            world::age(&temporary(&root))?;
            let again = process::run(&mut case.scenario.command(self.tools, &root), &scratch)?;
            // What is in cannot be published again under its name.
            let is_in = case.scenario.name == "publish" && again.is(1) && again.err.contains("rank 0");
            if !again.is(0) && !is_in {
                return Ok(Err(format!("running it again does not complete it ({:?}){}", again.how, again.said())));
            }
        }
        for rest in case.scenario.rest(self.tools, &root) {
            let ended = process::run(&mut { rest }, &scratch)?;
            if !ended.is(0) {
                return Ok(Err(format!("the rest is not staged ({:?}){}", ended.how, ended.said())));
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
                Ok(_) => return Ok(Err("after another run the tables are not those of an undisturbed one".to_owned())),
                Err(fault) => return Ok(Err(format!("after another run {fault}"))),
            }
        }
        let mut more = self.more_names(known)?;
        // What could not be removed goes with the next run that has something to publish.
        more.retain(|name| case.class != "unlink" || !name.starts_with("index/gen-N"));
        Ok(if more.is_empty() {
            Ok(())
        } else {
            Err(format!("another run leaves what an undisturbed one does not: {}", more.join(", ")))
        })
    }

    /// The names that are there, and are not there after an undisturbed run, or not as often.
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
