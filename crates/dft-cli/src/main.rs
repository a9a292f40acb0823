//! The `dft` program: see [`dft_cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    dft_cli::run()
}
