//! `test`: every test of the project.

use anyhow::Result;

use crate::provision::provision;
use crate::step::step;

/// The crates that need no RocksDB: tested unoptimised, with debug assertions and overflow checks.
const PURE: [&str; 5] = ["dft-io", "dft-trace", "dft-metrics", "dft-codec", "dft-aggregate"];

pub(crate) fn run() -> Result<()> {
    let provisions = provision()?;
    let mut pure = provisions.cargo();
    pure.arg("test");
    pure.args(PURE.iter().flat_map(|name| ["--package", name]));
    step("the crates that need no RocksDB", &mut pure)?;
    // All of the workspace at once, as everywhere in release: another selection of crates may ask
    // for other features of what RocksDB is built with, and build it again.
    let mut rest = provisions.cargo();
    rest.args(["test", "--release", "--workspace"]);
    rest.args(PURE.iter().flat_map(|name| ["--exclude", name]));
    step("the crates on top of RocksDB, and the whole system", &mut rest)?;
    // Built with the points at which a test lets the process die, which no release has.
    let mut points = provisions.cargo();
    points.args(["test", "--release", "--workspace", "--features", "dft-tests/failpoints"]);
    points.args([
        "--test",
        "a_process_killed_at_any_failpoint_leaves_a_whole_index",
        "--test",
        "a_process_killed_while_copies_are_found_counts_none_twice",
    ]);
    step("deaths and refusals at every point", &mut points)?;
    crate::capi::run()?;
    crate::python::run()
}
