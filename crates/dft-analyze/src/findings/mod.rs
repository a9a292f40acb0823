//! Findings: what stands out in a job, by rules that are data (`findings.toml`).

mod expression;
mod facts;
pub(crate) mod finding;
mod rules;

use dft_store::Index;

pub(crate) use rules::Rules;

use crate::error::AnalyzeError;
use crate::findable::Findable;
use crate::report::{Job, Layer};
use facts::Facts;
use finding::Findings;

/// Judges a job by the rules.
pub(crate) fn find(
    rules: &Rules,
    findable: &Findable<'_>,
    job: &Job,
    layers: &[Layer],
    index: &Index,
) -> Result<Findings, AnalyzeError> {
    let facts = Facts::of(|name| rules.calls(name), findable, job, layers, index)?;
    Ok(rules.judge(&facts))
}
