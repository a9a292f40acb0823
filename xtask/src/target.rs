//! Where the workspace is, and where cargo builds it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The directory of the workspace's manifest.
pub(crate) fn workspace_directory(cargo: &mut Command) -> Result<PathBuf> {
    let output = cargo.args(["locate-project", "--workspace", "--message-format", "plain"]).output()?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(manifest.parent().context("the workspace has no directory")?.to_owned())
}

/// The directory that cargo builds to.
pub(crate) fn target_directory(workspace: &Path) -> Result<PathBuf> {
    Ok(match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => std::path::absolute(target)?,
        None => workspace.join("target"),
    })
}
