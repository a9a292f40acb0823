//! What of an index a table shows.

use std::num::NonZeroUsize;

use dft_export::{Filter, GroupColumn, Pattern, Shard, View};
use dft_store::Index;

use crate::arguments::{dft_text, given, growing, list};
use crate::status::Failure;

/// A view of an index: a granularity, filters and the form of the result. Set `size` and zero the rest to see
/// everything. Globs know `*` and `?`, which also match `/`, `[ab]` and `{one,other}`. Texts are UTF-8.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_view {
    /// The size of this struct in bytes. The caller sets it.
    pub size: u64,
    /// The granularity, which is the length of a cell, in µs: a multiple of the index's interval; 0 for the interval.
    pub granularity_us: u64,
    /// The start of the time range, in µs from the origin of the trace. Only cells that overlap the range are shown.
    pub start_us: u64,
    /// The end of the time range, in µs from the origin of the trace, excluded.
    pub end_us: u64,
    /// 1 if `start_us` and `end_us` apply, 0 if not.
    pub has_time: u32,
    /// 1 if `pid` applies, 0 if not.
    pub has_pid: u32,
    /// Only the process with this id.
    pub pid: i64,
    /// Only categories that match this glob, in lower case; empty for all.
    pub category: dft_text,
    /// Only functions and counters that match this glob; empty for all.
    pub name: dft_text,
    /// Only hosts whose name or hash matches this glob; empty for all.
    pub host: dft_text,
    /// Only files whose name or hash matches this glob; empty for all.
    pub file: dft_text,
    /// Columns to group rows by, with dfanalyzer's names. NULL with length 0 does not group rows.
    pub group_by: *const dft_text,
    /// The number of columns in `group_by`.
    pub group_by_length: u64,
    /// Only processes with these ids, and `pid` if `has_pid` is set. NULL with length 0 for all.
    pub pids: *const i64,
    /// The number of process ids in `pids`.
    pub pids_length: u64,
    /// The shard of the table to show, for parallel readers: from 0 to `shards` - 1.
    pub shard: u32,
    /// The number of shards, at most 65,536; 0 or 1 for the whole table. Shards are disjoint, have the same columns,
    /// and together are the table. For calls, the shards in order are the table. A shard cannot be grouped.
    pub shards: u32,
    /// The maximum number of rows of a batch; 0 for a size that is fast to read.
    pub batch_rows: u64,
    /// Only calls that match this query, such as `cat == "posix" and not pid in [1, 2]`; empty for all.
    /// Its fields are family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, proc_name, io_cat.
    pub query: dft_text,
    /// Only processes with these ranks, as the traces state them. NULL with length 0 for all.
    pub ranks: *const i64,
    /// The number of ranks in `ranks`.
    pub ranks_length: u64,
    /// The unit of the column `time_range`, in µs, which divides the granularity; 0 to count cells.
    pub range_unit_us: u64,
}

growing!(dft_view);

/// The parts of a view that a caller passes.
pub(crate) struct Asked {
    granularity: Option<u64>,
    range_unit: Option<u64>,
    filter: Filter,
    pub(crate) group_by: Vec<GroupColumn>,
    batch_rows: Option<NonZeroUsize>,
}

impl Asked {
    /// Returns the filter and the granularity, in µs.
    pub(crate) fn into_filter(self) -> (Filter, Option<u64>) {
        (self.filter, self.granularity)
    }

    pub(crate) fn view<'a>(self, index: &'a Index) -> Result<View<'a>, Failure> {
        let mut view = View::new(index, self.granularity, self.filter)?;
        if let Some(unit) = self.range_unit {
            view = view.with_range_unit(unit)?;
        }
        Ok(match self.batch_rows {
            Some(rows) => view.in_batches_of(rows),
            None => view,
        })
    }
}

pub(crate) fn asked(view: *const dft_view) -> Result<Asked, Failure> {
    let given = if view.is_null() { dft_view::default() } else { given("view", view)? };
    let pattern = |text: dft_text, name| -> Result<Option<Pattern>, Failure> {
        match text.utf8(name)? {
            "" => Ok(None),
            text => Ok(Some(Pattern::new(text)?)),
        }
    };
    let mut pids = list("view.pids", given.pids, given.pids_length)?.to_vec();
    pids.extend((given.has_pid != 0).then_some(given.pid));
    pids.sort_unstable();
    let mut ranks = list("view.ranks", given.ranks, given.ranks_length)?.to_vec();
    ranks.sort_unstable();
    let shard = match (given.shard, given.shards) {
        (0, 0 | 1) => None,
        (shard, shards) => match Shard::new(shard, shards) {
            Some(shard) => Some(shard),
            None => {
                return Err(Failure::argument(format!(
                    "there is no shard {shard} of {shards}: shards are counted from 0"
                )));
            }
        },
    };
    let filter = Filter {
        time: (given.has_time != 0).then_some(given.start_us..given.end_us),
        category: pattern(given.category, "view.category")?,
        name: pattern(given.name, "view.name")?,
        pids,
        ranks,
        query: match given.query.utf8("view.query")? {
            "" => None,
            query => Some(query.parse()?),
        },
        shard,
        host: pattern(given.host, "view.host")?,
        file: pattern(given.file, "view.file")?,
    };
    let columns = list::<dft_text>("view.group_by", given.group_by, given.group_by_length)?;
    let columns: Result<Vec<GroupColumn>, Failure> =
        columns.iter().map(|column| Ok(column.utf8("view.group_by")?.parse()?)).collect();
    Ok(Asked {
        granularity: (given.granularity_us != 0).then_some(given.granularity_us),
        range_unit: (given.range_unit_us != 0).then_some(given.range_unit_us),
        filter,
        group_by: columns?,
        batch_rows: NonZeroUsize::new(usize::try_from(given.batch_rows).unwrap_or(usize::MAX)),
    })
}
