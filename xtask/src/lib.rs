//! What the project's own commands share with its benches: traces to measure on.

pub mod gen_trace;
