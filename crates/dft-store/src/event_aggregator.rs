//! The one writer of an index.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::{self, JoinHandle};

use dft_aggregate::Config;
use dft_codec::{Bounds, FileEntry};

use crate::current::{self, Current};
use crate::error::StoreError;
use crate::index::Index;
use crate::lock::Lock;
use crate::publish::{Batch, Description, Generation, NameChanges, Publisher};
use crate::sorted::{SortedFiles, Sorter, Written, join};
use crate::trace_names::TraceNames;

/// An index opened for writing. It stays as it is until something is
/// [published](EventAggregator::publish) or [ingested](EventAggregator::ingest).
pub struct EventAggregator {
    path: PathBuf,
    /// The directory that the index lies in, canonical.
    names: TraceNames,
    scratch: PathBuf,
    config: Config,
    /// What was in force when the index was opened, or has been put in force since.
    in_force: Option<Current>,
    /// Whether that is not taken over.
    rebuild: bool,
    /// What is taken over, once somebody asks for it.
    current: OnceLock<Index>,
    /// How many hashes have more than one name, where that was counted when the index was published.
    ambiguous_hashes: Option<u64>,
    /// The next generation, where it was begun.
    next: Option<JoinHandle<Result<Generation, StoreError>>>,
    /// Held as long as the writer lives.
    lock: Lock,
}

impl Drop for EventAggregator {
    fn drop(&mut self) {
        if let Some(next) = self.next.take() {
            // What there is of it is removed with it.
            drop(next.join());
        }
        // What stays is removed by the next writer.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

impl EventAggregator {
    /// Opens the index in a directory, which is made if it is not there, and removed again with the writer
    /// where nothing was published. With `rebuild` what is in it is not taken over, and is replaced by what is
    /// published next.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] where another writer is at work, [`StoreError::Config`] where the
    /// index has another configuration.
    pub fn open(path: &Path, config: &Config, rebuild: bool) -> Result<Self, StoreError> {
        let lock = Lock::new(path)?;
        let in_force = match current::read(path) {
            Ok(in_force) => in_force,
            // What cannot be read is not needed to make it anew, and stays until that is done.
            Err(_) if rebuild => None,
            Err(error) => return Err(error),
        };
        if rebuild && in_force.is_none() {
            current::refuse_others(path)?;
        }
        current::sweep(path, |number| match in_force {
            Some(in_force) => in_force.number == number,
            // Some of them is what CURRENT would name, if it could be read.
            None => rebuild,
        })?;
        let current = match in_force {
            Some(in_force) if !rebuild => OnceLock::from(Index::open_generation(path, in_force)?),
            _ => OnceLock::new(),
        };
        if let Some(current) = current.get()
            && current.config() != config
        {
            return Err(StoreError::Config {
                path: path.to_owned(),
                stored: Box::new(current.config().clone()),
                wanted: Box::new(config.clone()),
            });
        }
        let scratch = path.join(format!("{}{}", current::BUILD, std::process::id()));
        // Of another process of the same number there may be something that could not be swept.
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).map_err(StoreError::io(&scratch))?;
        let (path, config) = (path.to_owned(), config.clone());
        Ok(Self {
            names: TraceNames::of(&path),
            path,
            scratch,
            config,
            in_force,
            rebuild,
            current,
            ambiguous_hashes: None,
            next: None,
            lock,
        })
    }

    /// The directory of the index.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A directory for what the build needs for a while: on the index's file system, and removed
    /// with the writer.
    pub fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// The configuration of the index.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The index as it is; `None` where there is none yet, or it is being made anew.
    ///
    /// # Errors
    ///
    /// Where it cannot be opened: after something was published, that is done when it is first asked for.
    pub fn current(&self) -> Result<Option<&Index>, StoreError> {
        let Some(in_force) = self.taken_over() else { return Ok(None) };
        if self.current.get().is_none() {
            let opened = Index::open_generation(&self.path, in_force)?;
            // If somebody was faster, theirs is the same.
            let _ = self.current.set(opened);
        }
        Ok(self.current.get())
    }

    /// What is in force, where it is not being made anew.
    fn taken_over(&self) -> Option<Current> {
        self.in_force.filter(|_| !self.rebuild)
    }

    /// How many hashes have more than one name.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn ambiguous_hashes(&self) -> Result<u64, StoreError> {
        match self.ambiguous_hashes {
            Some(counted) => Ok(counted),
            None => self.current()?.map_or(Ok(0), Index::ambiguous_hashes),
        }
    }

    /// What traces are called in the index.
    pub fn names(&self) -> &TraceNames {
        &self.names
    }

    /// What a trace without a named source is called in the index.
    pub fn name_of(&self, trace: &Path) -> Vec<u8> {
        self.names.name_of(trace)
    }

    /// What the index knows of a trace file, by what it is called in it.
    ///
    /// # Errors
    ///
    /// Where the index cannot be read.
    pub fn file(&self, name: &[u8]) -> Result<Option<FileEntry>, StoreError> {
        self.current()?.map_or(Ok(None), |current| current.file(name))
    }

    /// Begins to make what the next publishing puts in force, beside whatever is done until then: mostly
    /// that is to wait for the disk. Its errors are those of the publishing.
    pub fn begin(&mut self) {
        // Where that fails, it fails again when it is needed.
        if self.next.is_none()
            && let Ok(publisher) = self.publisher()
        {
            self.next = thread::Builder::new().spawn(move || publisher.begin()).ok();
        }
    }

    fn publisher(&self) -> Result<Publisher, StoreError> {
        let current = self.current()?.map(|current| (current.generation(), current.seal().clone()));
        Ok(Publisher { path: self.path.clone(), current })
    }

    /// Adds the batch: all of it, or, where that fails or the process dies, nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the index is then what it was.
    pub fn publish(&mut self, batch: &Batch, threads: usize) -> Result<Written, StoreError> {
        let next = self.next_generation()?;
        let folder = self.scratch.join("sorted");
        let known = self.current()?;
        let Batch { runs, files, bounds, changes } = batch;
        let sorter = Sorter::new(runs, &folder, known.is_some(), self.config.interval_us, threads)?;
        let refuse_clash = |id: &[u8], identity: &[u8]| known.map_or(Ok(()), |known| known.refuse_clash(id, identity));
        let bounds = self.bounds(*bounds)?;
        let description = Description { files, changes, bounds, bundles: &[], config: &self.config };
        // Most of what is not rows is to wait for the disk, so it is done beside them.
        let (sorted, ambiguous_hashes) = thread::scope(|scope| {
            let rows = scope.spawn(|| -> Result<_, StoreError> {
                let rows = sorter.rows()?;
                next.ingest(&rows)?;
                Ok(rows)
            });
            let described = scope.spawn(|| next.describe(&description));
            let mut sorted = sorter.others(refuse_clash)?;
            next.ingest(&sorted)?;
            let ambiguous_hashes = next.count_ambiguous()?;
            join(described)?;
            sorted.extend(join(rows)?);
            Ok::<_, StoreError>((sorted, ambiguous_hashes))
        })?;
        let written = sorted.written;
        self.put_in_force(next, &[sorted], ambiguous_hashes)?;
        Ok(written)
    }

    /// Publishes sorted files that somebody else made, and what is known of them. Those of one set do not
    /// overlap.
    pub(crate) fn publish_sorted(
        &mut self,
        sets: &[SortedFiles],
        files: &[(Vec<u8>, FileEntry)],
        changes: &NameChanges,
        bounds: Option<Bounds>,
        bundles: &[String],
    ) -> Result<(), StoreError> {
        let next = self.next_generation()?;
        sets.iter().try_for_each(|set| next.ingest(set))?;
        let bounds = self.bounds(bounds)?;
        next.describe(&Description { files, changes, bounds, bundles, config: &self.config })?;
        let ambiguous_hashes = next.count_ambiguous()?;
        self.put_in_force(next, sets, ambiguous_hashes)
    }

    /// The bounds of what is in the index and what comes.
    fn bounds(&self, coming: Option<Bounds>) -> Result<Option<Bounds>, StoreError> {
        let known = self.current()?.and_then(Index::bounds);
        Ok(coming.into_iter().chain(known).reduce(Bounds::union))
    }

    /// The generation to be put in force next, with what is taken over.
    fn next_generation(&mut self) -> Result<Generation, StoreError> {
        // After an error at the very end this writer may not know what is in force.
        if self.in_force.is_some() && current::read(&self.path)? != self.in_force {
            return Err(StoreError::Replaced(self.path.clone()));
        }
        match self.next.take().map(JoinHandle::join) {
            Some(Ok(begun)) => begun,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => self.publisher()?.begin(),
        }
    }

    /// Puts the next generation in force, where all is in; `sets` are what was ingested.
    fn put_in_force(
        &mut self,
        next: Generation,
        sets: &[SortedFiles],
        ambiguous_hashes: u64,
    ) -> Result<(), StoreError> {
        let next = next.seal(sets)?;
        current::replace(&self.path)?;
        // From here on the generation is in force, whatever fails: what is published next is added to it.
        self.lock.keep();
        self.in_force = Some(next);
        self.rebuild = false;
        self.current = OnceLock::new();
        self.ambiguous_hashes = Some(ambiguous_hashes);
        dft_io::sync_directory(&self.path).map_err(|source| StoreError::InForce { path: self.path.clone(), source })?;
        let _ = dft_io::point("publish:the generation is in force");
        // The old generation is in nobody's way; if removing it fails, the next writer does it.
        let _ = current::sweep_generations(&self.path, next.number);
        Ok(())
    }
}
