//! One step of a command: a program that must succeed.

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Announces and runs a program. Fails if the program does.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    println!("\n── {what}");
    let status = command.status().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    if !status.success() {
        bail!("{what}: failed ({status})");
    }
    Ok(())
}
