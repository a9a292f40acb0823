//! What is known of files.

use std::collections::HashMap;

use ahash::RandomState;
use dft_codec::{FileId, RowValue};
use dft_export::Series;

use crate::kind::CallKind;
use crate::layer_set::LayerSet;

/// The number of worst files that are named.
const TOP: usize = 3;

/// What calls did with one file.
#[derive(Clone, Debug)]
struct File {
    name: String,
    layers: LayerSet,
    opens: u64,
    read_bytes: u128,
    written_bytes: u128,
    /// The bytes of reads whose offsets are known, and the highest end of one, in bytes.
    placed_bytes: u128,
    read_end: Option<i128>,
}

/// The files of some slices of the index. No other slices have them.
#[derive(Default)]
pub(crate) struct Files(HashMap<FileId, File, RandomState>);

/// Files that have something in common, and the worst of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SomeFiles {
    pub(crate) files: u64,
    pub(crate) bytes: u128,
    /// The bytes that are worst, by file.
    pub(crate) worst: Vec<(u128, String)>,
}

/// Sums over files.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileSums {
    /// The number of files of all calls.
    pub(crate) files: u64,
    /// The number of files of each layer.
    pub(crate) by_layer: Vec<u64>,
    /// Files from or to which bytes were moved.
    pub(crate) moved: SomeFiles,
    /// Those that moved less than a small request.
    pub(crate) small: SomeFiles,
    /// Files that were read, where the offsets are known: the bytes read, and by how much they exceed what was read
    /// once.
    pub(crate) read: SomeFiles,
    pub(crate) reread: SomeFiles,
    /// Files that were opened, and how often.
    pub(crate) opened: SomeFiles,
}

impl SomeFiles {
    fn add(&mut self, bytes: u128, name: &str) {
        self.files += 1;
        self.bytes += bytes;
        // Among equal ones, the first by name: the order of files differs from run to run.
        let is_worse = |last: &(u128, String)| bytes > last.0 || (bytes == last.0 && name < last.1.as_str());
        if self.worst.len() < TOP || self.worst.last().is_some_and(is_worse) {
            self.worst.push((bytes, name.to_owned()));
            self.keep_worst();
        }
    }

    fn keep_worst(&mut self) {
        self.worst.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        self.worst.truncate(TOP);
    }

    fn merge(&mut self, other: &Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.worst.extend(other.worst.iter().cloned());
        self.keep_worst();
    }
}

impl Files {
    /// Adds a row of a series with a file.
    pub(crate) fn add(&mut self, series: &Series, kind: CallKind, layers: &LayerSet, row: &RowValue) {
        let hash = &series.identity.file_hash;
        let file = self.0.entry(FileId::of(hash.as_bytes())).or_insert_with(|| File {
            name: if series.file_name.is_empty() { hash.clone() } else { series.file_name.clone() },
            layers: LayerSet::default(),
            opens: 0,
            read_bytes: 0,
            written_bytes: 0,
            placed_bytes: 0,
            read_end: None,
        });
        file.layers.add(layers);
        let core = &row.core;
        let bytes = core.size.sum().max(0) as u128;
        match kind {
            CallKind::Open => file.opens = file.opens.saturating_add(u64::try_from(core.count).unwrap_or(u64::MAX)),
            CallKind::Read => {
                file.read_bytes += bytes;
                // The read at the highest offset may be shorter, so this is at least what was read once.
                if let (Some(offset), Some(size)) = (core.offset.max(), core.size.max())
                    && core.offset.n() == core.size.n()
                {
                    file.placed_bytes += bytes;
                    let end = i128::from(offset) + i128::from(size);
                    file.read_end = Some(file.read_end.map_or(end, |known| known.max(end)));
                }
            }
            CallKind::Write => file.written_bytes += bytes,
            _ => {}
        }
    }

    /// Sums up the files.
    pub(crate) fn sums(self, layers: usize) -> FileSums {
        let mut sums = FileSums { by_layer: vec![0; layers], ..FileSums::default() };
        for file in self.0.into_values() {
            sums.files += 1;
            for layer in file.layers.iter().filter(|layer| *layer < layers) {
                sums.by_layer[layer] += 1;
            }
            let moved = file.read_bytes + file.written_bytes;
            if moved > 0 {
                sums.moved.add(moved, &file.name);
                if moved < crate::sums::SMALL_BYTES as u128 {
                    sums.small.add(moved, &file.name);
                }
            }
            if let Some(end) = file.read_end.and_then(|end| u128::try_from(end).ok()) {
                sums.read.add(file.placed_bytes, &file.name);
                let more = file.placed_bytes.saturating_sub(end);
                if more > 0 {
                    sums.reread.add(more, &file.name);
                }
            }
            if file.opens > 0 {
                sums.opened.add(file.opens.into(), &file.name);
            }
        }
        sums
    }
}

impl FileSums {
    /// Adds the files of other slices.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.files += other.files;
        self.by_layer.resize(self.by_layer.len().max(other.by_layer.len()), 0);
        self.by_layer.iter_mut().zip(&other.by_layer).for_each(|(mine, theirs)| *mine += theirs);
        self.moved.merge(&other.moved);
        self.small.merge(&other.small);
        self.read.merge(&other.read);
        self.reread.merge(&other.reread);
        self.opened.merge(&other.opened);
    }
}
