//! `dft completions` and `dft man`: shells complete the commands and their options, and each command has a manual page.

use std::process::Command;

use dft_tests::{run, write};

use crate::common::DFT;

const COMMANDS: [&str; 15] = [
    "index",
    "export",
    "query",
    "analyze",
    "compare",
    "summary",
    "report",
    "watch",
    "info",
    "validate",
    "verify",
    "stage",
    "ingest",
    "completions",
    "man",
];

#[test]
fn bash_completes_commands_and_options() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("dft.bash");
    write(&script, run(DFT, ["completions", "bash"]).exits(0).out);
    // Asks the script as bash does when Tab is pressed after the last word.
    let complete = |words: &[&str]| {
        let text = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={}; _dft dft '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.display(),
            words.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let output = Command::new("bash").args(["--norc", "-c", &text]).output().expect("bash runs");
        let reply = String::from_utf8(output.stdout).expect("UTF-8");
        reply.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete(&["dft", "in"]), ["index", "info", "ingest"]);
    assert_eq!(complete(&["dft", "index", "--reb"]), ["--rebuild"]);
}

#[test]
fn each_shell_has_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(DFT, ["completions", shell]).exits(0).out;
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
    assert!(run(DFT, ["completions", "csh"]).exits(2).err.contains("fish"));
}

#[test]
fn every_command_has_a_manual_page() {
    let page = run(DFT, ["man"]).exits(0).out;
    for command in COMMANDS {
        assert!(page.contains(&format!("dft\\-{command}(1)")), "{command}: {page}");
        let page = run(DFT, ["man", command]).exits(0).out;
        assert!(page.contains(&format!("dft\\-{command} 1")) || page.contains(&format!("dft-{command} 1")), "{page}");
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH DESCRIPTION"), "{page}");
    }
    let refused = run(DFT, ["man", "dance"]).exits(2);
    assert!(refused.err.contains("the commands are index, export"), "{}", refused.err);
}
