//! The one writer of an index.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use dft_aggregate::Config;
use dft_codec::FileEntry;

use crate::current;
use crate::error::StoreError;
use crate::index::Index;
use crate::publish::{Batch, PublishStats, Publisher};

/// An index opened for writing. It stays as it is until [`IndexWriter::publish`].
pub struct IndexWriter {
    path: PathBuf,
    scratch: PathBuf,
    config: Config,
    current: Option<Index>,
    /// Held as long as the writer lives; the system lets go of it when the process ends.
    _lock: File,
}

impl Drop for IndexWriter {
    fn drop(&mut self) {
        // What stays is removed by the next writer.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

impl IndexWriter {
    /// Opens the index in a directory, which is made if it is not there. With `rebuild` what is in
    /// it is not taken over, and is replaced by the next publishing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where another writer is at work, [`StoreError::Config`] where the
    /// index has another configuration.
    pub fn open(path: &Path, config: &Config, rebuild: bool) -> Result<Self, StoreError> {
        fs::create_dir_all(path).map_err(StoreError::io(path))?;
        let lock_path = path.join("LOCK");
        let lock = File::options().create(true).append(true).open(&lock_path).map_err(StoreError::io(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(StoreError::io(&lock_path)(error)),
        }
        let generation = match current::read(path) {
            Ok(generation) => generation,
            // What is damaged is not needed to make it anew.
            Err(_) if rebuild => {
                let _ = fs::remove_file(path.join("CURRENT"));
                None
            }
            Err(error) => return Err(error),
        };
        current::sweep(path, generation)?;
        let current = if rebuild || generation.is_none() { None } else { Some(Index::open(path)?) };
        if let Some(current) = &current
            && current.config() != config
        {
            return Err(StoreError::Config {
                path: path.to_owned(),
                stored: Box::new(current.config().clone()),
                wanted: Box::new(config.clone()),
            });
        }
        let scratch = path.join(format!("build-{}", std::process::id()));
        fs::create_dir_all(&scratch).map_err(StoreError::io(&scratch))?;
        Ok(Self { path: path.to_owned(), scratch, config: config.clone(), current, _lock: lock })
    }

    /// A directory for what the build needs for a while: on the index's file system, and removed
    /// with the writer.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The index as it is; `None` where there is none yet, or it is being made anew.
    pub fn current(&self) -> Option<&Index> {
        self.current.as_ref()
    }

    /// What the index knows of a trace file.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn file(&self, path: &[u8]) -> Result<Option<FileEntry>, StoreError> {
        self.current.as_ref().map_or(Ok(None), |current| current.file(path))
    }

    /// Adds the batch: all of it, or, where that fails or the process dies, nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the index is then what it was.
    pub fn publish(&mut self, batch: &Batch, threads: usize) -> Result<PublishStats, StoreError> {
        let publisher = Publisher {
            path: &self.path,
            scratch: &self.scratch,
            current: self.current.as_ref(),
            config: &self.config,
            threads,
        };
        let (number, stats) = publisher.publish(batch)?;
        self.current = Some(Index::open(&self.path)?);
        // The old generation is in nobody's way; if removing it fails, the next writer does it.
        let _ = current::sweep_generations(&self.path, number);
        Ok(stats)
    }
}
