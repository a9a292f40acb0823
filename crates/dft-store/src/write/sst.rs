//! SST files for bulk ingestion.

use std::fs::File;
use std::path::{Path, PathBuf};

use rocksdb::{Options, SstFileWriter};

use crate::column_families::SST_SIZE;
use crate::error::StoreError;
use crate::hashed::{FileHashes, GrowingFile};

/// The bytes of entries between two checks of the growing file, as a check costs time.
const LOOK: usize = 256 << 10;

/// Writes entries in key order to as many SST files as they fill.
pub(crate) struct SstSet<'a> {
    options: &'a Options,
    stem: PathBuf,
    /// Whether entries add to existing ones instead of being the first of their key.
    merge: bool,
    open: Option<(SstFileWriter<'a>, GrowingFile)>,
    /// The bytes of entries since the last check.
    unseen: usize,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) hashed: FileHashes,
    pub(crate) written: u64,
}

impl<'a> SstSet<'a> {
    pub(crate) fn new(options: &'a Options, folder: &Path, name: &str, merge: bool) -> Self {
        Self {
            options,
            stem: folder.join(name),
            merge,
            open: None,
            unseen: 0,
            files: Vec::new(),
            hashed: FileHashes::default(),
            written: 0,
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let (writer, growing) = match &mut self.open {
            Some(open) => open,
            None => {
                let path = self.stem.with_extension(format!("{:04}.sst", self.files.len()));
                let writer = SstFileWriter::create(self.options);
                writer.open(&path).map_err(StoreError::rocks(&path, "write an SST file"))?;
                let growing = File::open(&path).map(GrowingFile::of).map_err(StoreError::io(&path))?;
                self.files.push(path);
                self.open.insert((writer, growing))
            }
        };
        let written = if self.merge { writer.merge(key, value) } else { writer.put(key, value) };
        written.map_err(StoreError::rocks(&self.stem, "write an SST file"))?;
        self.written += 1;
        self.unseen += key.len() + value.len();
        if self.unseen >= LOOK {
            self.unseen = 0;
            growing.catch_up().map_err(StoreError::io(&self.stem))?;
            if writer.file_size() >= SST_SIZE {
                self.end()?;
            }
        }
        Ok(())
    }

    pub(crate) fn end(&mut self) -> Result<(), StoreError> {
        if let Some((mut writer, growing)) = self.open.take() {
            writer.finish().map_err(StoreError::rocks(&self.stem, "write an SST file"))?;
            self.hashed.add(growing).map_err(StoreError::io(&self.stem))?;
        }
        Ok(())
    }
}
