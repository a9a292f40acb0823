//! One step of a command: a program that must succeed.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a test program may run. One that hangs is named and killed, long before the whole run is.
const LIMIT: Duration = Duration::from_secs(600);

/// Announces and runs a program. Fails if the program does.
pub(crate) fn step(what: &str, command: &mut Command) -> Result<()> {
    println!("\n── {what}");
    let status = command.status().with_context(|| format!("{} cannot be run", command.get_program().display()))?;
    if !status.success() {
        bail!("{what}: failed ({status})");
    }
    Ok(())
}

/// Announces and runs a test program, which must end in time and succeed.
pub(crate) fn test_step(what: &str, command: &mut Command) -> Result<()> {
    println!("\n── {what}");
    let begun = Instant::now();
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().with_context(|| format!("{name} cannot be run"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begun.elapsed() > LIMIT {
            child.kill()?;
            child.wait()?;
            bail!("{what}: did not end within {} s", LIMIT.as_secs());
        }
        thread::sleep(Duration::from_millis(20));
    };
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
