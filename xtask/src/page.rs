//! `page`: builds and tests the page that `dft report` writes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::provision::{provision, python_with};
use crate::step::step;
use crate::target::{root, target_directory, workspace_directory};

/// What the tests need.
const PACKAGES: [&str; 2] = ["pytest==9.2.0", "selenium==4.44.0"];

/// Where the sets of traces are that not every clone has beside it.
const TRACE_SETS: &str = "../shared/traces";

/// Builds the page's program from its sources where node is; with `check`, fails if the checked-in one differs. Then
/// opens reports in a headless Chromium.
pub(crate) fn run(check: bool) -> Result<()> {
    let page = root().join("crates/dft-report/page");
    if runs(Command::new("npm").arg("--version")) {
        let mut install = Command::new("npm");
        install.current_dir(&page).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]);
        step("npm ci", &mut install)?;
        let script = if check { "check" } else { "build" };
        step("the page's program", Command::new("npm").current_dir(&page).args(["run", "--silent", script]))?;
    } else if !check {
        bail!("there is no npm: install node to build the page");
    } else {
        eprintln!("xtask: there is no npm, so the page's program is not compared with its sources");
    }
    let provisions = provision()?;
    step("cargo build --release", &mut provisions.build())?;
    let target = target_directory(&workspace_directory(&mut provisions.cargo())?)?;
    let [chromium, driver] = browser()?;
    let shots = target.join("page");
    fs::create_dir_all(&shots)?;
    let mut pytest = Command::new(python_with("page-venv", &PACKAGES)?);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"]).arg(page.join("tests"));
    pytest.env("DFT", target.join("release/dft")).env("GEN_TRACE", env::current_exe()?);
    pytest.env("CHROMIUM", chromium).env("CHROMEDRIVER", driver).env("PAGE_SHOTS", &shots);
    let sets = root().join(TRACE_SETS);
    if sets.is_dir() {
        pytest.env("TRACE_SETS", sets);
    }
    step("the page in a browser", &mut pytest)?;
    println!("pictures of the page are in {}", shots.display());
    Ok(())
}

/// Returns Chromium and its driver, installed by the system's package manager if they are missing.
fn browser() -> Result<[PathBuf; 2]> {
    const NAMES: [&[&str]; 2] =
        [&["chromium", "chromium-browser", "google-chrome"], &["chromedriver", "chromium.chromedriver"]];
    const MANAGERS: [(&str, &[&str]); 3] = [
        ("apt-get", &["install", "-y", "-q", "chromium", "chromium-driver", "fonts-liberation"]),
        ("dnf", &["install", "-y", "chromium", "chromedriver"]),
        ("pacman", &["-S", "--noconfirm", "chromium"]),
    ];
    let found = || NAMES.map(|names| names.iter().find_map(|name| on_path(name)));
    if let [Some(chromium), Some(driver)] = found() {
        return Ok([chromium, driver]);
    }
    for (manager, arguments) in MANAGERS {
        if !runs(Command::new(manager).arg("--version")) {
            continue;
        }
        let as_root = |arguments: &[&str]| {
            let is_root = runs(Command::new("test").args(["-w", "/usr/lib"]));
            let mut command = Command::new(if is_root { manager } else { "sudo" });
            if !is_root {
                command.args(["-n", manager]);
            }
            command.args(arguments).stdout(Stdio::null());
            command
        };
        if manager == "apt-get" {
            // Without lists, packages may not be found. A list that cannot be fetched may still be there.
            let _ = as_root(&["update", "-q"]).status();
        }
        step("installing Chromium", &mut as_root(arguments)).context("install Chromium and its driver")?;
        if let [Some(chromium), Some(driver)] = found() {
            return Ok([chromium, driver]);
        }
    }
    bail!("there is no Chromium with its driver: install both to test the page")
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory: PathBuf| directory.join(name))
        .find(|program: &PathBuf| Path::is_file(program))
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
