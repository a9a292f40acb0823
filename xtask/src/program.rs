//! The program `dft` as it is installed: with its manual pages, and its completions for shells.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::step::printed;

/// The shells with completions, and the files of their scripts.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/dft"),
    ("zsh", "share/zsh/site-functions/_dft"),
    ("fish", "share/fish/vendor_completions.d/dft.fish"),
];

/// Installs a program. `runs` is the same program, built for this machine: it prints the pages.
pub(crate) fn put_program(program: &Path, runs: &Path, prefix: &Path) -> Result<()> {
    let put = |path: &str, text: &str| write(&prefix.join(path), |path| fs::write(path, text));
    write(&prefix.join("bin/dft"), |path| {
        // A program that runs cannot be written to, but it can be replaced.
        let _ = fs::remove_file(path);
        fs::copy(program, path).map(drop)
    })?;
    for (shell, path) in SHELLS {
        put(path, &printed(Command::new(runs).args(["completions", shell]))?)?;
    }
    put("share/man/man1/dft.1", &printed(Command::new(runs).arg("man"))?)?;
    for command in commands(&printed(Command::new(runs).arg("--help"))?)? {
        let page = printed(Command::new(runs).args(["man", &command]))?;
        put(&format!("share/man/man1/dft-{command}.1"), &page)?;
    }
    Ok(())
}

fn write(path: &Path, write: impl FnOnce(&Path) -> std::io::Result<()>) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    fs::create_dir_all(path.parent().with_context(failed)?).with_context(failed)?;
    write(path).with_context(failed)
}

/// Returns the names of the program's commands: the words at the starts of the list of them in its help.
fn commands(help: &str) -> Result<Vec<String>> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<String> = names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect();
    if names.is_empty() {
        bail!("`dft --help` lists no commands");
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_the_first_words_of_the_list_in_the_help() {
        let help = "About\n\nCommands:\n  index  Builds\n         more of it\n  export Writes\n  help   Prints\n\nOptions:\n  -h";
        assert_eq!(commands(help).expect("a list"), ["index", "export"]);
        assert!(commands("About\n").is_err());
    }
}
