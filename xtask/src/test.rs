//! `test`: runs every test of the project.

use anyhow::Result;

use crate::provision::provision;
use crate::step::step;

/// The crates that do not need RocksDB: tested without optimization, with debug assertions and overflow checks.
const PURE: [&str; 6] = ["dft-io", "dft-trace", "dft-metrics", "dft-codec", "dft-aggregate", "dft-gen-trace"];

pub(crate) fn run() -> Result<()> {
    let provisions = provision()?;
    let mut pure = provisions.cargo();
    pure.args(["test", "--no-fail-fast"]);
    pure.args(PURE.iter().flat_map(|name| ["--package", name]));
    step("the crates that do not need RocksDB", &mut pure)?;
    // The whole workspace at once, as in every release build: another selection of crates may select other features of
    // RocksDB's dependencies, and build it again.
    let mut rest = provisions.cargo();
    rest.args(["test", "--release", "--workspace", "--no-fail-fast"]);
    rest.args(PURE.iter().flat_map(|name| ["--exclude", name]));
    step("the crates that need RocksDB, and the whole system", &mut rest)?;
    // Built with failpoints, which no release has.
    let mut failpoints = provisions.cargo();
    failpoints.args(["test", "--release", "--workspace", "--features", "dft-tests/failpoints", "--test", "failpoints"]);
    step("deaths and refusals at every failpoint", &mut failpoints)?;
    crate::capi::run()?;
    crate::python::run()
}
