//! The tables.

pub(crate) mod calls;
pub(crate) mod grouped;
pub(crate) mod processes;
pub(crate) mod statistics;
pub(crate) mod telemetry;
