//! Names of hosts, and ranks of processes.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use ahash::RandomState;
use dft_codec::{Fact, NameKind, ProcessKey, SeriesIdentity};
use dft_store::{Index, NameTable};

use crate::error::ExportError;
use crate::series::Series;

/// What the hashes and processes of an index resolve to.
#[derive(Debug)]
pub(crate) struct Names {
    hosts: NameTable,
    ranks: OnceLock<Ranks>,
    /// The position of the group key `rank`. Where records do not state it, it is the rank of the process.
    rank_key: Option<usize>,
}

impl Names {
    /// Loads the names of an index. Ranks are loaded only if they are asked for or are a group key.
    pub(crate) fn load(index: &Index, needs_ranks: bool) -> Result<Self, ExportError> {
        let rank_key = index.config().extra_group_keys.iter().position(|key| key == "rank");
        let names = Self { hosts: index.names(NameKind::Host)?, ranks: OnceLock::new(), rank_key };
        if needs_ranks || rank_key.is_some() {
            names.load_ranks(index)?;
        }
        Ok(names)
    }

    /// Loads the ranks of processes, which most views do not need.
    pub(crate) fn load_ranks(&self, index: &Index) -> Result<(), ExportError> {
        if self.ranks.get().is_none() {
            // If another thread was faster, it has loaded the same ranks.
            let _ = self.ranks.set(Ranks::of(index)?);
        }
        Ok(())
    }

    /// Resolves a host's hash as the process uses it; empty if it does not resolve.
    pub(crate) fn host(&self, host_hash: &str, pid: Option<i64>) -> &str {
        let name = match pid {
            Some(pid) => self.hosts.of_process(host_hash, host_hash, pid),
            None => self.hosts.get(host_hash),
        };
        name.unwrap_or_default()
    }

    /// Returns the rank of a process; `None` if it is unknown or ranks are [not loaded](Names::load_ranks).
    pub(crate) fn rank(&self, host_hash: &str, pid: i64) -> Option<i64> {
        self.ranks.get()?.get(host_hash, pid)
    }

    /// Sets the group key `rank` to the rank of the process if the records do not state it.
    pub(crate) fn fill_rank_key(&self, extra: &mut [String], rank: Option<i64>) {
        if let Some(key) = self.rank_key
            && let Some(value) = extra.get_mut(key).filter(|value| value.is_empty())
            && let Some(rank) = rank
        {
            *value = rank.to_string();
        }
    }

    /// Resolves the names of a series except its file's.
    pub(crate) fn resolve_scope(&self, mut identity: SeriesIdentity) -> Series {
        let host_name = self.host(&identity.host_hash, Some(identity.pid)).to_owned();
        let rank = self.rank(&identity.host_hash, identity.pid);
        self.fill_rank_key(&mut identity.extra, rank);
        Series { identity, host_name, file_name: String::new(), rank }
    }
}

/// The ranks of processes by host and process number. A process for which traces state different ranks has none.
#[derive(Debug, Default)]
struct Ranks(HashMap<String, HashMap<i64, i64, RandomState>, RandomState>);

impl Ranks {
    fn of(index: &Index) -> Result<Self, ExportError> {
        // Only ranks are kept of the processes' facts: there may be millions of processes.
        let mut facts: BTreeMap<ProcessKey, Fact<i64>> = BTreeMap::new();
        for (_, entry) in index.files()? {
            for (key, process) in entry.processes.joined().filter(|(_, process)| process.rank != Fact::Unknown) {
                facts.entry(key).or_default().merge(process.rank);
            }
        }
        let mut ranks = Self::default();
        for (key, fact) in facts {
            if let Some(&rank) = fact.known() {
                ranks.0.entry(key.host_hash).or_default().insert(key.pid, rank);
            }
        }
        Ok(ranks)
    }

    fn get(&self, host_hash: &str, pid: i64) -> Option<i64> {
        self.0.get(host_hash)?.get(&pid).copied()
    }
}
