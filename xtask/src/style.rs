//! `style`: the form of the Python, C and C++ sources, the types of the Python ones, and the packages of published crates.
//! `cargo fmt` and clippy check the Rust sources.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::packages;
use crate::provision::python_with;
use crate::step::step;
use crate::target::root;

/// Pinned: other releases format or judge differently.
const PACKAGES: [&str; 3] = ["ruff==0.17.6", "mypy==2.4.1", "clang-format==23.1.5"];

/// The directories whose C and C++ sources are checked, as patterns of git. The generated header is not one of them.
const C_SOURCES: [&str; 4] = ["capi/*.c", "capi/*.cpp", "capi/*.h*", "include/*.hpp"];

/// Checks the sources, or with `fix` rewrites them.
pub(crate) fn run(fix: bool) -> Result<()> {
    let tools = python_with("style-venv", &PACKAGES)?;
    let mut ruff = Command::new(tools.with_file_name("ruff"));
    ruff.current_dir(root().join("python")).arg("check").args([
        ".",
        "../capi/tests",
        "../crates/dft-report/page/tests",
        "../packaging",
    ]);
    ruff.args(fix.then_some("--fix"));
    step("ruff", &mut ruff)?;
    // The libraries that the package reads for are not installed, so that their types do not matter.
    let mut mypy = Command::new(tools.with_file_name("mypy"));
    mypy.current_dir(root().join("python")).args(["--no-incremental", "--no-error-summary"]);
    step("mypy", &mut mypy)?;
    let listed = Command::new("git").current_dir(root()).args(["ls-files", "-z"]).args(C_SOURCES).output();
    let listed = listed.context("git cannot be run")?;
    let listed = String::from_utf8(listed.stdout).context("git lists a name that is not UTF-8")?;
    let files: Vec<&str> = listed.split_terminator('\0').collect();
    if files.is_empty() {
        bail!("git lists no C or C++ source");
    }
    let mut format = Command::new(tools.with_file_name("clang-format"));
    format.current_dir(root());
    if fix {
        format.arg("-i");
    } else {
        format.args(["--dry-run", "--Werror"]);
    }
    step("clang-format", format.args(files))?;
    packages::check()
}
