//! The texts of traces that a file of unknown text is compared with.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use dft_codec::{ContentHash, FileEntry};
use dft_trace::{Opening, TextHashes};

use crate::error::BuildError;
use crate::known::{KnownTraces, is_counted};
use crate::outcome::FileOutcome;

/// The text of one trace.
pub(crate) struct TraceText {
    pub(crate) name: Vec<u8>,
    pub(crate) path: PathBuf,
    pub(crate) text: ContentHash,
    opening: Opening,
    cut_short: bool,
    pub(crate) origin: Origin,
    /// Whether its file has another text now.
    pub(crate) replaced: bool,
    /// Whether a file of this build was found to hold this trace.
    pub(crate) claimed: bool,
}

/// Where a trace is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The index.
    Index,
    /// A file that this build read; `new` if the index does not have it.
    Read { new: bool },
    /// A file that is about to be read, or a known trace under a new name.
    Classified,
}

/// The texts of all traces with counted records.
pub(crate) struct TraceTexts<'a> {
    known: &'a KnownTraces,
    texts: Vec<TraceText>,
    by_opening: HashMap<Opening, Vec<usize>>,
    by_text: HashMap<ContentHash, Vec<usize>>,
}

impl<'a> TraceTexts<'a> {
    /// The texts of known traces and of those that this build has read.
    pub(crate) fn new(known: &'a KnownTraces, outcomes: &[FileOutcome]) -> Self {
        let text = |name: Vec<u8>, path, entry: &FileEntry, origin| {
            let identity = &entry.identity;
            let (text, opening, cut_short) = (identity.text, identity.opening, identity.cut_short);
            let (replaced, claimed) = (false, false);
            is_counted(entry).then_some(TraceText { name, path, text, opening, cut_short, origin, replaced, claimed })
        };
        let mut read = HashMap::new();
        for outcome in outcomes {
            let Some(entry) = outcome.entry() else { continue };
            let name = known.names.name_of(&outcome.path);
            let origin = Origin::Read { new: !known.files.contains_key(&name) };
            read.insert(name.clone(), text(name, outcome.path.clone(), entry, origin));
        }
        let others = known.files.iter().filter(|(name, _)| !read.contains_key(*name));
        let others =
            others.filter_map(|(name, entry)| text(name.clone(), known.names.path_of(name), entry, Origin::Index));
        let mut texts: Vec<TraceText> = others.collect();
        texts.extend(read.into_values().flatten());
        texts.sort_by(|a, b| a.name.cmp(&b.name));
        let mut all = Self { known, texts, by_opening: HashMap::new(), by_text: HashMap::new() };
        (0..all.texts.len()).for_each(|at| all.add_to_maps(at));
        all
    }

    fn add_to_maps(&mut self, at: usize) {
        self.by_opening.entry(self.texts[at].opening).or_default().push(at);
        self.by_text.entry(self.texts[at].text).or_default().push(at);
    }

    /// Adds the text of a file that this build classified.
    pub(crate) fn add_classified(&mut self, path: &Path, hashes: &TextHashes) {
        self.texts.push(TraceText {
            name: self.known.names.name_of(path),
            path: path.to_owned(),
            text: hashes.text,
            opening: hashes.opening,
            cut_short: hashes.cut_short,
            origin: Origin::Classified,
            replaced: false,
            claimed: false,
        });
        self.add_to_maps(self.texts.len() - 1);
    }

    pub(crate) fn get(&self, at: usize) -> &TraceText {
        &self.texts[at]
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> &mut TraceText {
        &mut self.texts[at]
    }

    /// The first trace of a name.
    pub(crate) fn named_mut(&mut self, name: &[u8]) -> Option<&mut TraceText> {
        self.texts.iter_mut().find(|text| text.name == name)
    }

    /// Whether a file of this build was found to hold the indexed trace of this name.
    pub(crate) fn is_claimed(&self, name: &[u8]) -> bool {
        self.texts.iter().any(|text| text.origin == Origin::Index && text.name == name && text.claimed)
    }

    /// Whether the file of an indexed trace no longer holds it, and no other file was found to hold it.
    pub(crate) fn is_gone(&self, text: &TraceText) -> bool {
        text.origin == Origin::Index && !text.claimed && (text.replaced || self.known.is_gone(&text.name))
    }

    /// The lengths of the traces that start like a text with these first bytes.
    pub(crate) fn lengths_with_opening<'t>(&'t self, first: &'t [u8]) -> impl Iterator<Item = u64> + 't {
        let texts = Opening::all(first).filter_map(|opening| self.by_opening.get(&opening)).flatten();
        texts.map(|&at| self.texts[at].text.length)
    }

    /// The first trace by name that has the same text and satisfies a condition.
    pub(crate) fn same(&self, hashes: &TextHashes, condition: impl Fn(&Self, &TraceText) -> bool) -> Option<usize> {
        let same = self.by_text.get(&hashes.text)?.iter().copied().filter(|&at| condition(self, &self.texts[at]));
        same.min_by_key(|&at| &self.texts[at].name)
    }

    /// A trace whose start is the text of a file that is cut short.
    pub(crate) fn continued(&self, path: &Path, hashes: &TextHashes) -> Result<Option<usize>, BuildError> {
        let longer = |text: &TraceText| {
            let may_start_so = text.opening == hashes.opening || text.origin != Origin::Index;
            text.text.length > hashes.text.length && may_start_so && !text.claimed && !text.replaced
        };
        for (at, text) in self.texts.iter().enumerate().filter(|(_, text)| longer(text)) {
            // An unreadable file is reported when it is read itself.
            if text.path != path
                && let Ok(Some(start)) = TextHashes::start_of(&text.path, hashes.text.length)
                && start == hashes.text
            {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// The longest trace that a file starts with, and that the file can replace.
    pub(crate) fn started(&self, hashes: &TextHashes) -> Option<usize> {
        let replaceable = |text: &TraceText| {
            let replaceable = match text.origin {
                Origin::Index => self.known.can_move,
                Origin::Read { new } => new || self.known.can_move,
                Origin::Classified => false,
            };
            replaceable && !text.claimed && hashes.starts_with(&text.text) && (text.cut_short || self.is_gone(text))
        };
        let found = self.texts.iter().enumerate().filter(|(_, text)| replaceable(text));
        found.max_by_key(|(_, text)| (text.text.length, Reverse(&text.name))).map(|(at, _)| at)
    }
}
