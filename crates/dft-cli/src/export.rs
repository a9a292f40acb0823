//! `dft export`.

use std::fmt::Write;

use anyhow::Result;
use dft_export::{Export, ExportOptions, Filter, Pattern, View, export};
use dft_index::BuildOptions;
use dft_io::Show;

use crate::Outcome;
use crate::args::ExportArgs;
use crate::output::say;
use crate::shared_args::FilterArgs;
use crate::source;
use dft_io::units::{bytes, count};

pub(crate) fn run(args: &ExportArgs) -> Result<Outcome> {
    let filter = filter(&args.filter)?;
    let (index, outcome) = source::open(&args.index)?;
    let view = View::new(&index, args.granularity, filter)?;
    let options = ExportOptions {
        tables: args.tables.clone(),
        group_by: args.group_by.clone(),
        format: args.format,
        threads: args.threads.map_or(BuildOptions::default().threads, usize::from),
    };
    let mut text = String::new();
    let Export { tables, removed } = export(&view, &args.out, &options)?;
    for file in removed {
        let _ = writeln!(text, "{}  removed: from an earlier export with other contents", file.shown());
    }
    for file in tables {
        let _ = writeln!(text, "{}  {} rows, {}", file.path.shown(), count(file.rows), bytes(file.bytes as f64));
    }
    say(&text)?;
    Ok(outcome)
}

pub(crate) fn filter(args: &FilterArgs) -> Result<Filter> {
    let pattern = |text: &Option<String>| text.as_deref().map(Pattern::new).transpose();
    let mut pids = args.pid.clone();
    pids.sort_unstable();
    let mut ranks = args.rank.clone();
    ranks.sort_unstable();
    Ok(Filter {
        time: args.time.clone(),
        category: pattern(&args.cat.as_ref().map(|cat| cat.to_ascii_lowercase()))?,
        name: pattern(&args.name)?,
        pids,
        ranks,
        query: args.query.as_deref().map(str::parse).transpose()?,
        shard: None,
        host: pattern(&args.host)?,
        file: pattern(&args.file)?,
    })
}
