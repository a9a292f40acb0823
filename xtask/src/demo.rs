//! `demo`: goes from a fresh machine to tables and a summary.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use dft_gen_trace::GenTrace;

use crate::provision::provision;
use crate::step::step;
use crate::target::{target_directory, workspace_directory};

pub(crate) fn run() -> Result<()> {
    let provisions = provision()?;
    println!("building; the first time, this takes some minutes");
    step("cargo build --release", &mut provisions.build())?;
    let target = target_directory(&workspace_directory(&mut provisions.cargo())?)?;
    let dft = target.join("release/dft");
    let folder = target.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let traces = folder.join("traces");
    let sample = ["--kind", "mixed", "--generation", "3", "--records", "200000"];
    println!("\n── a sample\n{}", GenTrace::from_arguments(&sample, &traces)?.report()?);
    let index = folder.join("sample.dftagg");
    let (tables, page) = (folder.join("tables"), folder.join("report.html"));
    let shown =
        |path: &Path| path.strip_prefix(env::current_dir().unwrap_or_default()).unwrap_or(path).display().to_string();
    let dft_step = |arguments: &[&str]| {
        let line = format!("dft {}", arguments.join(" "));
        step(&line, Command::new(&dft).args(arguments))
    };
    let (traces, index) = (shown(&traces), shown(&index));
    let (tables, page) = (shown(&tables), shown(&page));
    dft_step(&["index", &traces, "--index", &index])?;
    dft_step(&["export", &index, "--out", &tables])?;
    dft_step(&["summary", &index])?;
    dft_step(&["report", &index, "--out", &page])?;
    println!("\nThe program is {}; try `dft --help`.", shown(&dft));
    Ok(())
}
