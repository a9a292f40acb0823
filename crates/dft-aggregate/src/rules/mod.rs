//! The rules: what a record of each phase adds to the table.

mod aggregated;
mod aggregated_call;
mod call;
mod identity;
mod metadata;
mod telemetry;
mod times;

pub(crate) use aggregated_call::{CallArgs, Origin};
