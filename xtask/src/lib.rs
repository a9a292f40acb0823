//! The part of the development commands that the benches use, too: generated traces.

pub mod gen_trace;
