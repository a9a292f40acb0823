//! Globs over paths. Names are bytes, so any name can match; UTF-8 in them matches character by character.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The matches of a glob.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) paths: Vec<GlobMatch>,
    /// Directories that may contain matches, but cannot be listed.
    pub(crate) unreadable: Vec<(PathBuf, io::Error)>,
}

#[derive(Debug)]
pub(crate) struct GlobMatch {
    pub(crate) path: PathBuf,
    /// Whether its name starts with a dot that a wildcard matched.
    pub(crate) hidden: bool,
}

/// Whether a path contains any wildcard.
pub(crate) fn is_glob(path: &Path) -> bool {
    path.as_os_str().as_bytes().iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

/// A part of a glob, between slashes.
#[derive(Debug)]
enum GlobPart<'a> {
    /// A name without wildcards.
    Name(&'a OsStr),
    /// `**`: any number of directories, including none.
    Directories,
    /// A name with wildcards. A name that equals its text also matches.
    GlobPattern(&'a [u8], GlobPattern),
}

/// Returns every path that matches a glob: `?` matches any character of a name, `*` any number of them, `[a-z]` one in
/// the set, `[!a-z]` one that is not, and `**` between slashes any directories. Links to directories are followed; `**`
/// visits each directory once.
///
/// # Errors
///
/// The reason why the glob is invalid.
pub(crate) fn glob(pattern: &Path) -> Result<Matches, &'static str> {
    let bytes = pattern.as_os_str().as_bytes();
    let mut parts = Vec::new();
    for part in bytes.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        parts.push(match part {
            b"**" => GlobPart::Directories,
            part if is_glob(Path::new(OsStr::from_bytes(part))) => GlobPart::GlobPattern(part, GlobPattern::new(part)?),
            part => GlobPart::Name(OsStr::from_bytes(part)),
        });
    }
    let mut found = Matches::default();
    let start = if bytes.starts_with(b"/") { PathBuf::from("/") } else { PathBuf::new() };
    let mut pending = vec![(GlobMatch { path: start, hidden: false }, &parts[..])];
    let mut visited = HashSet::new();
    while let Some((reached, parts)) = pending.pop() {
        let Some((part, rest)) = parts.split_first() else {
            if fs::symlink_metadata(&reached.path).is_ok() {
                found.paths.push(reached);
            }
            continue;
        };
        match part {
            GlobPart::Name(name) => pending.push((GlobMatch { path: reached.path.join(name), hidden: false }, rest)),
            GlobPart::Directories => {
                let canonical = fs::canonicalize(here(&reached.path));
                if canonical.is_ok_and(|canonical| visited.insert((canonical, rest.len()))) {
                    let within = list(&reached.path, &mut found.unreadable);
                    pending.push((reached, rest));
                    let directories = within.into_iter().filter(|path| path.is_dir());
                    pending.extend(directories.map(|path| (GlobMatch { path, hidden: false }, parts)));
                }
            }
            GlobPart::GlobPattern(text, pattern) => {
                for path in list(&reached.path, &mut found.unreadable) {
                    let name = path.file_name().unwrap_or_default().as_bytes();
                    if (name == *text || pattern.matches(name)) && (rest.is_empty() || path.is_dir()) {
                        let hidden = name.starts_with(b".") && !text.starts_with(b".");
                        pending.push((GlobMatch { path, hidden }, rest));
                    }
                }
            }
        }
    }
    Ok(found)
}

fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Returns the entries of a directory; none if it is not a directory.
fn list(directory: &Path, unreadable: &mut Vec<(PathBuf, io::Error)>) -> Vec<PathBuf> {
    let mut failed = |error: io::Error| {
        if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            unreadable.push((here(directory).to_owned(), error));
        }
    };
    let entries = match fs::read_dir(here(directory)) {
        Ok(entries) => entries,
        Err(error) => {
            failed(error);
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(directory.join(entry.file_name())),
            Err(error) => failed(error),
        }
    }
    names
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// A character in any of some ranges or, if `.1`, in none of them.
    Class(Vec<(u32, u32)>, bool),
    Character(u32),
}

/// A name with wildcards.
#[derive(Debug)]
struct GlobPattern(Vec<Token>);

/// Returns the characters of a name. A byte that is not part of one is a separate character.
fn characters(name: &[u8]) -> Vec<u32> {
    const NO_CHARACTER: u32 = char::MAX as u32 + 1;
    let mut characters = Vec::new();
    for chunk in name.utf8_chunks() {
        characters.extend(chunk.valid().chars().map(u32::from));
        characters.extend(chunk.invalid().iter().map(|&byte| NO_CHARACTER + u32::from(byte)));
    }
    characters
}

impl GlobPattern {
    fn new(text: &[u8]) -> Result<Self, &'static str> {
        let is = |character: Option<&u32>, wanted: char| character == Some(&u32::from(wanted));
        let text = characters(text);
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(&character) = text.get(at) {
            at += 1;
            tokens.push(match char::from_u32(character) {
                Some('*') => Token::Any,
                Some('?') => Token::One,
                Some('[') => {
                    let negated = is(text.get(at), '!') || is(text.get(at), '^');
                    at += usize::from(negated);
                    // A bracket in the first place is one of the characters.
                    let length = text.get(at + 1..).and_then(|rest| rest.iter().position(|c| is(Some(c), ']')));
                    let end = at + 1 + length.ok_or("[ without ]")?;
                    let ranges = ranges(&text[at..end]);
                    at = end + 1;
                    Token::Class(ranges, negated)
                }
                _ => Token::Character(character),
            });
        }
        Ok(Self(tokens))
    }

    fn matches(&self, name: &[u8]) -> bool {
        let name = characters(name);
        let (mut token, mut at) = (0, 0);
        // Where to continue after the last `*`, if that matches one more character.
        let mut retry = None;
        while at < name.len() || token < self.0.len() {
            let matched = match (self.0.get(token), name.get(at)) {
                (Some(Token::Any), _) => {
                    retry = Some((token, at + 1));
                    token += 1;
                    continue;
                }
                (Some(Token::One), Some(_)) => true,
                (Some(Token::Character(wanted)), Some(character)) => wanted == character,
                (Some(Token::Class(ranges, negated)), Some(character)) => {
                    ranges.iter().any(|(low, high)| (low..=high).contains(&character)) != *negated
                }
                _ => false,
            };
            if matched {
                token += 1;
                at += 1;
            } else if let Some((any, next)) = retry
                && next <= name.len()
            {
                (token, at) = (any, next);
            } else {
                return false;
            }
        }
        true
    }
}

/// Returns the ranges between brackets.
fn ranges(mut text: &[u32]) -> Vec<(u32, u32)> {
    let mut ranges = Vec::new();
    while let [low, rest @ ..] = text {
        match rest {
            [dash, high, rest @ ..] if *dash == u32::from('-') => {
                ranges.push((*low, *high));
                text = rest;
            }
            _ => {
                ranges.push((*low, *low));
                text = rest;
            }
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_match_by_character_and_invalid_utf8_by_byte() {
        let matches = |pattern: &[u8], name: &[u8]| GlobPattern::new(pattern).expect("a glob").matches(name);
        for (pattern, name) in [
            (&b"*"[..], &b"a"[..]),
            (b"*", b""),
            (b"*", b".hidden"),
            (b"a*b*c", b"a-b-b-c"),
            (b"?.pfw", "é.pfw".as_bytes()),
            (b"?.pfw", b"\xff.pfw"),
            (b"\xff*", b"\xff\xfe"),
            (b"[a-c]x", b"bx"),
            (b"[!a-c]x", b"dx"),
            (b"[^a-c]x", b"dx"),
            (b"[]x]", b"]"),
            (b"[a-]", b"-"),
            ("[à-ü]".as_bytes(), "é".as_bytes()),
            (b"[*]", b"*"),
            (b"**", b"ab"),
        ] {
            assert!(matches(pattern, name), "{:?} {:?}", pattern.utf8_chunks(), name.utf8_chunks());
        }
        for (pattern, name) in [
            (&b"a"[..], &b"b"[..]),
            (b"?", b""),
            (b"?", b"ab"),
            (b"a*b", b"a-b-"),
            (b"[a-c]x", b"dx"),
            (b"[!a-c]x", b"bx"),
            (b"[*]", b"a"),
            (b"*.pfw", b"a.pfw.gz"),
        ] {
            assert!(!matches(pattern, name), "{:?} {:?}", pattern.utf8_chunks(), name.utf8_chunks());
        }
        assert!(
            GlobPattern::new(b"a[b").is_err() && GlobPattern::new(b"[]").is_err() && GlobPattern::new(b"[!]").is_err()
        );
        // Matching must not take exponential time.
        assert!(!matches(&b"*a".repeat(100), &[b'a'; 5_000].map(|_| b'b')));
    }

    #[test]
    fn globs_match_paths_part_by_part() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        for path in ["a/x.pfw", "a/.h/y.pfw", "b/c/d/x.pfw", ".top.pfw", "run[1]/z.pfw", "run1/z.pfw"] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "").expect("written");
        }
        symlink(root, root.join("b/loop")).expect("linked");
        let found = |pattern: &str| {
            let found = glob(&root.join(pattern)).expect("a glob");
            assert!(found.unreadable.is_empty());
            let relative = |found: GlobMatch| found.path.strip_prefix(root).expect("within").to_owned();
            let mut paths: Vec<PathBuf> = found.paths.into_iter().map(relative).collect();
            paths.sort();
            paths.into_iter().map(|path| path.to_string_lossy().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("*/x.pfw"), ["a/x.pfw"]);
        assert_eq!(found("a/*/*.pfw"), ["a/.h/y.pfw"]);
        assert_eq!(found("*.pfw"), [".top.pfw"]);
        assert_eq!(found("run[1]/*"), ["run1/z.pfw", "run[1]/z.pfw"]);
        assert_eq!(found("**/x.pfw"), ["a/x.pfw", "b/c/d/x.pfw"]);
        assert_eq!(found("b/**/d"), ["b/c/d"]);
        assert_eq!(found("*/nothing"), [""; 0]);
        assert_eq!(found("a/x.pfw/*"), [""; 0]);
        assert!(glob(Path::new("[")).is_err());
    }
}
