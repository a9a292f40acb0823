//! A series with its names resolved.

use dft_aggregate::IoCategory;
use dft_codec::SeriesIdentity;

/// A series and the names that its hashes resolve to.
#[derive(Clone, Debug)]
pub struct Series {
    /// What identifies the series.
    pub identity: SeriesIdentity,
    /// The host's name; empty if the hash does not resolve.
    pub host_name: String,
    /// The file's name; empty if the hash does not resolve.
    pub file_name: String,
    /// The rank of the process: only if the view [loaded ranks](crate::names::Names::load_ranks).
    pub(crate) rank: Option<i64>,
}

impl Series {
    /// Returns `app#HOST#PID#TID`, where `HOST` is the host's name, or its hash, or `unknown`.
    pub fn process_name(&self) -> String {
        let host = [&self.host_name, &self.identity.host_hash].into_iter().find(|name| !name.is_empty());
        let host = host.map_or("unknown", |host| host.as_str());
        format!("app#{host}#{}#{}", self.identity.pid, self.identity.tid)
    }

    /// Returns the rank of the process; `None` if traces do not state one, or the view did not
    /// [load](crate::View::load_ranks) ranks.
    pub fn rank(&self) -> Option<i64> {
        self.rank
    }

    /// Returns the kind of I/O that the function does.
    pub fn io_category(&self) -> IoCategory {
        IoCategory::of(&self.identity.name)
    }
}
