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

/// Runs a program that must succeed, and returns what it prints.
pub(crate) fn printed(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} cannot be run"))?;
    if !output.status.success() {
        bail!("{name} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}
