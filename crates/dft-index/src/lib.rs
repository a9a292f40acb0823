//! The build: traces into an index
