//! The names of hosts and strings in a table.

use std::collections::HashSet;

use ahash::RandomState;
use dft_codec::{NameGivers, NameKey, NameKind, ProcessId};

use crate::intern::{Interner, Symbol};

/// A hash, one of its names, and the process that gave the name, if it is known.
type Name = (NameKind, Symbol, Symbol, Option<ProcessId>);

/// The names of hosts and strings in a table. Those of files are in [`Files`](crate::files::Files).
pub(crate) struct NameLog(HashSet<Name, RandomState>);

impl NameLog {
    pub(crate) fn new() -> Self {
        Self(HashSet::with_hasher(RandomState::with_seeds(0x6e61_6d65, 0x735f_6c6f, 0x675f_6f66, 0x5f74_6162)))
    }

    pub(crate) fn add(&mut self, kind: NameKind, hash: Symbol, name: Symbol, giver: Option<ProcessId>) {
        self.0.insert((kind, hash, name, giver));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.0.capacity() * (size_of::<Name>() + 1) + self.0.len() * size_of::<Name>()
    }

    /// Passes the key and the value of each name of a kind to `put`, in order of the keys.
    pub(crate) fn each_sorted<E>(
        &self,
        kind: NameKind,
        interner: &Interner,
        mut put: impl FnMut(&[u8], &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let text = |symbol| interner.get(symbol);
        let mut names: Vec<Name> = self.0.iter().filter(|name| name.0 == kind).copied().collect();
        names.sort_unstable_by(|a, b| (text(a.1), text(a.2), a.3).cmp(&(text(b.1), text(b.2), b.3)));
        let mut givers = NameGivers::default();
        for same in names.chunk_by(|a, b| (a.1, a.2) == (b.1, b.2)) {
            let (kind, hash, name, _) = same[0];
            givers.clear();
            givers.extend(same.iter().filter_map(|name| name.3));
            let key = NameKey { kind, hash: text(hash).to_owned(), name: text(name).to_owned() };
            put(&key.encode(), &givers.encode())?;
        }
        Ok(())
    }
}
