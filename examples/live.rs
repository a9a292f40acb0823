//! Aggregates records without writing a trace, and publishes them to an index.
//!
//! ```sh
//! cargo run --release -p dft-examples --bin live -- live.dftagg
//! ```
// It prints its result.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dft_aggregate::Config;
use dft_index::LiveAggregator;
use dft_store::Index;

/// Bytes of the table in memory. Beyond it, the aggregator writes to the scratch directory.
const MEMORY: u64 = 64 << 20;

fn main() -> Result<()> {
    let index = std::env::args_os().nth(1).map(PathBuf::from).context("usage: live INDEX")?;
    let rows = record_some(&index)?;
    println!("{}: {rows} rows", index.display());
    Ok(())
}

/// Aggregates calls, publishes them as the source `rank 0`, and returns the number of rows.
fn record_some(index: &Path) -> Result<u64> {
    let mut live = LiveAggregator::new(&Config::default(), MEMORY, &std::env::temp_dir())?;
    // Records come as the lines of a trace: any number of whole lines at once.
    for ts in (0..5_000_000).step_by(1_000) {
        let line = format!(
            "{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":{ts},\"dur\":90,\"ph\":\"X\",\
             \"args\":{{\"ret\":4096}}}}\n"
        );
        live.lines(line.as_bytes())?;
    }
    // All or nothing. An index accepts each source once, so a repeated run cannot count twice.
    let written = live.publish(index, "rank 0", 2)?;
    // A reader opens the state that was committed last.
    anyhow::ensure!(Index::open(index)?.files()?.len() == 1);
    Ok(written.rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_seconds_of_calls_are_five_rows_and_are_published_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let index = folder.path().join("index");
        assert_eq!(record_some(&index).expect("published"), 5);
        assert!(record_some(&index).is_err(), "the source is indexed");
    }
}
