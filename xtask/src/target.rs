//! The directories of the workspace and of its builds.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Returns the root of the workspace of the cargo that runs this program. Clones may share a target directory, so a
/// program that was built in one clone may run in another.
pub(crate) fn root() -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let xtask = env::var_os("CARGO_MANIFEST_DIR").map_or_else(built, PathBuf::from);
    xtask.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Asks cargo for the directory of the workspace's manifest.
pub(crate) fn workspace_directory(cargo: &mut Command) -> Result<PathBuf> {
    let output = cargo.args(["locate-project", "--workspace", "--message-format", "plain"]).output()?;
    let manifest = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(manifest.parent().context("the workspace has no directory")?.to_owned())
}

/// Returns the directory that cargo builds to.
pub(crate) fn target_directory(workspace: &Path) -> Result<PathBuf> {
    Ok(match env::var_os("CARGO_TARGET_DIR") {
        Some(target) => std::path::absolute(target)?,
        None => workspace.join("target"),
    })
}

/// Returns the time of files in archives, in seconds since 1970: what `SOURCE_DATE_EPOCH` names, or that of the last commit.
/// `None` without either, as in sources without git.
pub(crate) fn source_time() -> Option<String> {
    if let Ok(time) = env::var("SOURCE_DATE_EPOCH") {
        return Some(time);
    }
    let output = Command::new("git").current_dir(root()).args(["log", "-1", "--format=%ct"]).output().ok()?;
    let time = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !time.is_empty()).then_some(time)
}
