//! Exports all or parts of a large index.

use std::fs;

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, say};
use crate::dft::{BuildSettings, Facts};
use crate::inputs;
use crate::process::Costs;

/// The exports that a target compares.
pub(crate) const WHOLE: &str = "whole";
pub(crate) const SLICE: &str = "1 % of the time";

#[derive(Serialize)]
pub(crate) struct Exports {
    pub(crate) facts: Facts,
    pub(crate) exports: Vec<Export>,
}

#[derive(Serialize)]
pub(crate) struct Export {
    pub(crate) name: &'static str,
    pub(crate) arguments: String,
    pub(crate) cost: Costs,
    /// The size of the tables.
    pub(crate) bytes: u64,
}

impl Exports {
    pub(crate) fn of(&self, name: &str) -> Option<&Export> {
        self.exports.iter().find(|export| export.name == name)
    }
}

pub(crate) fn measure(bench: &Bench) -> Result<Exports> {
    println!("\n── exports");
    // About seven rows per ten calls, at 100 ms.
    let (calls, readings) = bench.amount((28_200_000, 1_000_000), (282_000, 20_000));
    let shape = "--files 4 --generation 3";
    let calls = inputs::make(bench, calls, &format!("{shape} --records-per-row 1 --series 20000"))?;
    let telemetry = format!("{shape} --kind telemetry --telemetry-every-ms 1000");
    let telemetry = inputs::make(bench, readings, &telemetry)?;
    let index = bench.scratch().join("large");
    say("indexing");
    let settings = BuildSettings { interval_ms: 100, ..BuildSettings::of(bench.threads) };
    bench.index(&[&calls, &telemetry], settings, &index)?;
    let facts = bench.facts(&index)?;
    let span_us = bench.span_us(&index)?;
    let slice = format!("--time {}us..{}us", span_us / 2, span_us / 2 + span_us / 100);
    let mut exports: Vec<Export> = [
        (WHOLE, String::new()),
        (SLICE, slice),
        ("one host and counter", "--table system --host corona170 --name cpu".to_owned()),
        ("grouped by function", "--table events --group-by func_name".to_owned()),
        ("at 10 s", "--granularity 10s".to_owned()),
    ]
    .into_iter()
    .map(|(name, arguments)| Export { name, arguments, cost: Costs::default(), bytes: 0 })
    .collect();
    let tables = bench.scratch().join("tables");
    for _ in 0..bench.amount(5, 3) {
        for export in &mut exports {
            say(export.name);
            let arguments: Vec<&str> = export.arguments.split_whitespace().collect();
            export.cost.push(bench.export(&index, &tables, &arguments)?);
            export.bytes = inputs::size(&tables)?;
        }
    }
    fs::remove_dir_all(&index)?;
    Ok(Exports { facts, exports })
}
