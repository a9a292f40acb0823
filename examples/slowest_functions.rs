//! Indexes traces, and prints the functions that took the most time.
//!
//! ```sh
//! cargo run --release -p dft-examples --bin slowest_functions -- tests/data
//! ```
// It prints its result.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use dft_aggregate::Config;
use dft_export::{Filter, Named, Summary, View};
use dft_index::{BuildOptions, Progress, build, index_location};
use dft_store::Index;

fn main() -> Result<()> {
    let traces: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    // By default, the index is `.dftagg` next to the traces.
    let index = index_location(&traces).context("usage: slowest_functions TRACE...")?;
    for line in slowest(&traces, &index, 5)? {
        println!("{line}");
    }
    Ok(())
}

/// Adds the traces to the index, and describes the `top` functions with the longest total time.
fn slowest(traces: &[PathBuf], index: &Path, top: usize) -> Result<Vec<String>> {
    // Traces that the index has are skipped, so a second run reads nothing.
    build(traces, index, &Config::default(), &BuildOptions::default(), &Progress::default())?;
    let index = Index::open(index)?;
    let view = View::new(&index, None, Filter::default())?;
    let summary = Summary::of(&view, top)?;
    let lines = summary.top_functions.iter().map(|Named { name, totals }| {
        let seconds = totals.time_us as f64 / 1e6;
        format!("{seconds:12.6} s  {:>10} calls  {}  {}", totals.calls, name.category, name.function)
    });
    Ok(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_function_with_the_longest_total_time_comes_first() {
        let folder = tempfile::tempdir().expect("a directory");
        let trace = folder.path().join("a.pfw");
        let call = |name: &str, dur: u32| {
            format!(
                "{{\"name\":\"{name}\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":5,\"dur\":{dur},\"ph\":\"X\"}}\n"
            )
        };
        std::fs::write(&trace, [call("read", 2), call("write", 2_500_000), call("read", 3)].concat()).expect("written");
        let lines = slowest(&[trace], &folder.path().join("index"), 2).expect("a summary");
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains("2.500000 s") && lines[0].ends_with("posix  write"), "{}", lines[0]);
        assert!(lines[1].contains("2 calls") && lines[1].ends_with("posix  read"), "{}", lines[1]);
    }
}
