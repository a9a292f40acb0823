//! Virtual environments of Python for other tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::bench::say;
use crate::inputs;

/// Returns the Python of an environment in `tools` with these packages, which are installed if they are not there.
/// Packages in `from_source` have no wheel.
pub(crate) fn python(tools: &Path, name: &str, packages: &[String], from_source: &[&str]) -> Result<PathBuf> {
    let directory = tools.join("peers").join(name);
    let python = directory.join("bin/python");
    // Written last, so an incomplete environment has no stamp.
    let stamp = directory.join("packages");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == packages.join("\n")) {
        return Ok(python);
    }
    say(&format!("fetching {}", packages.join(", ")));
    inputs::remove(&directory)?;
    let succeeds = |command: &mut Command| -> Result<()> {
        let output = command.output().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or("failed"));
        }
        Ok(())
    };
    succeeds(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
    install.args(from_source.iter().flat_map(|package| ["--no-binary", package]));
    succeeds(install.args(packages))?;
    fs::write(&stamp, packages.join("\n")).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}
