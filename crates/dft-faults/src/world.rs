//! Copies and compares directories, and finds files that a completed run does not leave.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

/// What a path names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File(Vec<u8>),
    Link(PathBuf),
    Other,
}

/// Everything below a directory, by relative path.
pub(crate) type Tree = BTreeMap<PathBuf, Node>;

pub(crate) fn tree(root: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    walk(root, Path::new(""), &mut tree).with_context(|| format!("{} cannot be read", root.display()))?;
    Ok(tree)
}

fn walk(root: &Path, beneath: &Path, tree: &mut Tree) -> Result<()> {
    for entry in fs::read_dir(root.join(beneath))? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, beneath.join(entry.file_name()));
        let node = if kind.is_dir() {
            walk(root, &path, tree)?;
            Node::Directory
        } else if kind.is_file() {
            Node::File(fs::read(entry.path())?)
        } else if kind.is_symlink() {
            Node::Link(fs::read_link(entry.path())?)
        } else {
            Node::Other
        };
        tree.insert(path, node);
    }
    Ok(())
}

/// Returns the first path that differs between two trees, among those that `counts` accepts.
pub(crate) fn difference(before: &Tree, after: &Tree, counts: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let gone = before.iter().find(|(path, node)| counts(path) && after.get(*path) != Some(node)).map(|(path, _)| path);
    gone.or_else(|| after.keys().find(|path| counts(path) && !before.contains_key(*path))).cloned()
}

/// Replaces a directory by a copy of another one, including dates and permissions.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if fs::symlink_metadata(to).is_ok() {
        fs::remove_dir_all(to)?;
    }
    copy_into(from, to).with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
}

fn copy_into(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_into(&entry.path(), &target)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(entry.path())?, target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            // A program recognizes a file by its date.
            File::options().append(true).open(&target)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

/// Returns the names in a directory, generalized: numbers and random letters, which differ between runs, are replaced.
/// Names directly in the directory are repeated, except for those of bundles; names below occur once.
pub(crate) fn names(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for path in tree(root)?.keys() {
        let general = path.components().map(|name| general(&name.as_os_str().to_string_lossy())).collect::<Vec<_>>();
        names.push((general.len() > 1, general.join("/")));
    }
    names.sort();
    names.dedup_by(|a, b| a == b && (a.0 || a.1 == "bundle-X"));
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

fn general(name: &str) -> String {
    let of_letters = |part: &str| part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let of_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split_inclusive(['-', '.']).map(|part| {
        let word = part.trim_end_matches(['-', '.']);
        let end = &part[word.len()..];
        if of_letters(word) {
            format!("X{end}")
        } else if of_number(word) {
            format!("N{end}")
        } else {
            part.to_owned()
        }
    });
    parts.collect()
}

/// Sets the dates of everything in a directory, except for traces, to a month ago: the files of a dead process may be
/// swept only after some time if their owner is unknown.
pub(crate) fn age(root: &Path) -> Result<()> {
    let then = SystemTime::now() - Duration::from_secs(30 * 24 * 3600);
    for (path, node) in tree(root)?.iter().rev() {
        let is_trace = path.to_string_lossy().contains(".pfw");
        if matches!(node, Node::File(_) | Node::Directory) && !is_trace {
            File::open(root.join(path))?.set_modified(then)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_equal_and_changes_are_found() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        fs::create_dir_all(one.join("a/b")).expect("made");
        fs::write(one.join("a/b/file"), "text").expect("written");
        symlink("nowhere", one.join("link")).expect("linked");
        copy(&one, &two).expect("copied");
        let dates = [&one, &two]
            .map(|root| fs::metadata(root.join("a/b/file")).and_then(|file| file.modified()).expect("a date"));
        assert_eq!(dates[0], dates[1]);
        let trees = || [&one, &two].map(|root| tree(root).expect("read"));
        let [before, after] = trees();
        assert_eq!(difference(&before, &after, |_| true), None);
        fs::write(two.join("a/b/file"), "texT").expect("written");
        fs::write(two.join("new"), "").expect("written");
        let [before, after] = trees();
        assert_eq!(difference(&before, &after, |_| true), Some("a/b/file".into()));
        assert_eq!(difference(&before, &after, |path| path == Path::new("new")), Some("new".into()));
    }

    #[test]
    fn generalized_names_have_no_numbers_and_random_letters() {
        assert_eq!(general("gen-000012"), "gen-N");
        assert_eq!(general("build-0123456789abcdef"), "build-X");
        assert_eq!(general("000123.sst"), "N.sst");
        assert_eq!(general("events.parquet"), "events.parquet");
        assert_eq!(general("build-release"), "build-release");
    }
}
