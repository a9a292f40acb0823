//! Staged builds: workers create bundles, and one process ingests them into an index.

pub(crate) mod bundle;
mod bundle_verdicts;
mod chain;
mod checked;
#[cfg(test)]
mod hostile_bundles;
pub(crate) mod ingest;
pub(crate) mod ingest_report;
mod manifest;
mod pending_traces;
pub(crate) mod stager;
