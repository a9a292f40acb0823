//! Writes rows as entries of the index: as chunks and as pages.

use std::path::Path;

use dft_codec::{ChunkWriter, DecodeError, RowKey, RowPageKey, RowPageWriter};
use rocksdb::Options;

use crate::column_families;
use crate::error::StoreError;
use crate::write::sst::SstSet;

/// The most rows of a series in a window of time that are stored in a page. More rows fill chunks, in which a reader finds
/// a time.
const MOST_IN_PAGE: usize = 16;

/// The most windows of a scope for which pages are collected at once. They all are in memory until the scope ends, so rows
/// of further windows fill chunks, however short windows are.
const MOST_WINDOWS: usize = 256;

/// Writes rows, which must come in order of their keys. Pages follow all chunks, so they are in files of their own.
pub(crate) struct RowEntries<'a> {
    interval: u64,
    folder: &'a Path,
    chunks: SstSet<'a>,
    pages: SstSet<'a>,
    chunk: ChunkWriter,
    /// The last row, and the end of its window.
    last: Option<(RowKey, u64)>,
    /// The rows of the last row's series in its window, while they may still be stored in a page.
    held: HeldRows,
    /// Whether they are too many for that.
    is_long: bool,
    /// The pages of the scope and spelling that `held` belongs to, by window. Those after `open` are spare.
    windows: Vec<RowPageWriter>,
    open: usize,
}

/// A few rows: their keys, and where their values end in the bytes.
#[derive(Default)]
struct HeldRows {
    keys: Vec<(RowKey, usize)>,
    bytes: Vec<u8>,
}

impl HeldRows {
    fn push(&mut self, key: RowKey, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.keys.push((key, self.bytes.len()));
    }

    fn iter(&self) -> impl Iterator<Item = (&RowKey, &[u8])> {
        let starts = [0].into_iter().chain(self.keys.iter().map(|(_, end)| *end));
        self.keys.iter().zip(starts).map(|((key, end), start)| (key, &self.bytes[start..*end]))
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.bytes.clear();
    }
}

impl<'a> RowEntries<'a> {
    /// Creates a writer of files in `folder`, whose names contain `part`. `interval` is that of the index, in µs.
    pub(crate) fn new(options: &'a Options, folder: &'a Path, part: usize, merge: bool, interval: u64) -> Self {
        let set = |kind| SstSet::new(options, folder, &format!("{}-{kind}{part:02}", column_families::ROWS), merge);
        Self {
            interval,
            folder,
            chunks: set(""),
            pages: set("pages-"),
            chunk: ChunkWriter::new(interval),
            last: None,
            held: HeldRows::default(),
            is_long: false,
            windows: Vec::new(),
            open: 0,
        }
    }

    /// Adds a row's value. Returns whether it is the first of its series.
    pub(crate) fn put(&mut self, key: RowKey, row: &[u8]) -> Result<bool, StoreError> {
        let mut is_first = false;
        match self.last {
            Some((last, end)) if last.series == key.series && key.bucket < end => {}
            last => {
                is_first = last.is_none_or(|(last, _)| last.series != key.series);
                self.end_window()?;
                let start = key.page(self.interval).window;
                self.last = Some((key, start.saturating_add(RowPageKey::span(self.interval))));
            }
        }
        if self.is_long {
            self.put_in_chunk(&key, row)?;
        } else if self.held.keys.len() < MOST_IN_PAGE {
            self.held.push(key, row);
        } else {
            self.is_long = true;
            let held = std::mem::take(&mut self.held);
            held.iter().try_for_each(|(key, row)| self.put_in_chunk(key, row))?;
            self.held = held;
            self.put_in_chunk(&key, row)?;
        }
        Ok(is_first)
    }

    fn put_in_chunk(&mut self, key: &RowKey, row: &[u8]) -> Result<(), StoreError> {
        if !self.chunk.takes(key) {
            self.write_chunk()?;
        }
        self.chunk.put(key, row).map_err(|error| bad(self.folder, key, error))
    }

    fn write_chunk(&mut self) -> Result<(), StoreError> {
        let Some((key, bytes)) = self.chunk.chunk() else { return Ok(()) };
        self.chunks.put(&key.encode(), bytes)?;
        self.chunk.clear();
        Ok(())
    }

    /// Stores the rows that are held in the page of their window.
    fn end_window(&mut self) -> Result<(), StoreError> {
        if let Some((key, _)) = self.held.keys.first()
            && !self.is_long
        {
            let page = key.page(self.interval);
            if self.open > 0 {
                let RowPageKey { scope, spelling, .. } = self.windows[0].key();
                if (scope, spelling) != (page.scope, page.spelling) {
                    self.write_pages()?;
                }
            }
            let held = std::mem::take(&mut self.held);
            let folder = self.folder;
            match self.window(page) {
                Some(writer) => held
                    .iter()
                    .try_for_each(|(key, row)| writer.put(key, row).map_err(|error| bad(folder, key, error)))?,
                None => held.iter().try_for_each(|(key, row)| self.put_in_chunk(key, row))?,
            }
            self.held = held;
        }
        self.held.clear();
        self.is_long = false;
        Ok(())
    }

    /// Returns the writer of a page; `None` if there are too many.
    fn window(&mut self, page: RowPageKey) -> Option<&mut RowPageWriter> {
        let open = &self.windows[..self.open];
        let at = match open.binary_search_by_key(&page.window, |writer| writer.key().window) {
            Ok(at) => at,
            Err(_) if self.open == MOST_WINDOWS => return None,
            Err(at) => {
                if self.open == self.windows.len() {
                    self.windows.push(RowPageWriter::new(self.interval, page));
                } else {
                    self.windows[self.open].restart(page);
                }
                self.windows[at..=self.open].rotate_right(1);
                self.open += 1;
                at
            }
        };
        Some(&mut self.windows[at])
    }

    fn write_pages(&mut self) -> Result<(), StoreError> {
        for writer in &mut self.windows[..self.open] {
            if let Some((key, bytes)) = writer.page() {
                self.pages.put(&key.encode(), bytes)?;
            }
        }
        self.open = 0;
        Ok(())
    }

    /// Ends the files, and returns those of chunks and those of pages.
    pub(crate) fn end(mut self) -> Result<[SstSet<'a>; 2], StoreError> {
        self.end_window()?;
        self.write_chunk()?;
        self.write_pages()?;
        self.chunks.end()?;
        self.pages.end()?;
        Ok([self.chunks, self.pages])
    }
}

fn bad(folder: &Path, key: &RowKey, error: DecodeError) -> StoreError {
    StoreError::entry(folder, column_families::ROWS, &key.encode(), error)
}
