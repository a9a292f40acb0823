//! `dft completions` and `dft man`: what shells and `man` know of this program.

use anyhow::Result;
use clap::CommandFactory;

use crate::Outcome;
use crate::args::{Cli, CompletionsArgs, ManArgs, program};
use crate::output::say_bytes;

/// Prints the completions for a shell.
pub(crate) fn run_completions(args: &CompletionsArgs) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "dft", &mut script);
    say_bytes(&script)?;
    Ok(Outcome::Done)
}

/// Prints a manual page.
pub(crate) fn run_man(args: &ManArgs) -> Result<Outcome> {
    let dft = program();
    let named = |name: &String| dft.find_subcommand(name).cloned();
    let page = args.command.as_ref().and_then(named).unwrap_or(dft);
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    say_bytes(&text)?;
    Ok(Outcome::Done)
}
