//! `python`: tests the Python package as users have it: the wheel, in separate environments.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::provision::{provision, python_with};
use crate::step::step;
use crate::target::{root, target_directory, workspace_directory};
use crate::wheel;

/// The minor versions of Python 3: from the oldest that the wheel supports to the newest that is searched for.
const MINORS: std::ops::RangeInclusive<u32> = 9..=14;

/// What the tests need in addition to the wheel.
const PACKAGES: [&str; 9] =
    ["pytest", "pyarrow", "pandas", "polars", "duckdb", "dask[dataframe]", "distributed", "tqdm", "matplotlib"];

/// dfanalyzer, the release of the C++ library whose helpers it imports, and what its tests need.
const DFANALYZER: [&str; 4] = ["dftracer-analyzer==0.0.9", "dftracer-utils==0.0.12", "pytest", "pyarrow"];

pub(crate) fn run() -> Result<()> {
    let target = target_directory(&workspace_directory(&mut provision()?.cargo())?)?;
    let work = target.join("python");
    let _ = fs::remove_dir_all(&work);
    fs::create_dir_all(&work)?;
    let wheel = wheel::run(&work)?;
    for (minor, python) in interpreters() {
        clean(&python, &work.join(format!("clean-3.{minor}")), &wheel)?;
    }
    let (dfanalyzer, others) = tests()?.into_iter().partition::<Vec<_>, _>(|test| {
        test.file_name().is_some_and(|name| name.to_string_lossy().contains("dfanalyzer"))
    });
    pytest(&with_wheel("python-venv", &PACKAGES, &wheel)?, &others)?;
    pytest(&with_wheel("dfanalyzer-venv", &DFANALYZER, &wheel)?, &dfanalyzer)
}

/// Finds every Python that the wheel supports, on the path and in pyenv.
fn interpreters() -> BTreeMap<u32, PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let pyenv = env::var_os("PYENV_ROOT").map_or_else(|| home.join(".pyenv"), PathBuf::from).join("versions");
    let mut candidates = vec![PathBuf::from("python3")];
    candidates.extend(MINORS.map(|minor| PathBuf::from(format!("python3.{minor}"))));
    let versions = fs::read_dir(pyenv).into_iter().flatten().flatten();
    candidates.extend(versions.map(|version| version.path().join("bin/python3")));
    let mut found = BTreeMap::new();
    for python in candidates {
        let mut ask = Command::new(&python);
        ask.args(["-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]);
        let Ok(output) = ask.stderr(Stdio::null()).output() else { continue };
        let version = String::from_utf8_lossy(&output.stdout);
        if let Some(("3", minor)) = version.trim().split_once(' ')
            && let Ok(minor) = minor.parse()
            && MINORS.contains(&minor)
        {
            found.entry(minor).or_insert(python);
        }
    }
    found
}

/// Tests the wheel in a new environment with nothing else, and without a compiler.
fn clean(python: &Path, venv: &Path, wheel: &Path) -> Result<()> {
    let name = venv.file_name().unwrap_or_default().to_string_lossy().into_owned();
    step(&format!("{name}: a new environment"), Command::new(python).args(["-m", "venv"]).arg(venv))?;
    let python = venv.join("bin/python");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]).arg(wheel);
    for compiler in ["CC", "CXX"] {
        install.env(compiler, "false");
    }
    step(&format!("{name}: installing the wheel, without an index or a compiler"), &mut install)?;
    let mut smoke = Command::new(&python);
    smoke.arg(root().join("python/smoke.py")).arg(root().join("tests/data"));
    step(&format!("{name}: traces to rows, without an Arrow library"), &mut smoke)
}

/// Returns a Python of an environment in the user's cache, with packages of PyPI and this wheel.
fn with_wheel(name: &str, packages: &[&str], wheel: &Path) -> Result<PathBuf> {
    let python = python_with(name, packages)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--force-reinstall"]);
    step(&format!("the wheel in {name}"), install.arg(wheel))?;
    Ok(python)
}

/// Returns the test files, sorted.
fn tests() -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join("python/tests"))?;
    let mut tests: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("test_")))
        .collect();
    tests.sort();
    Ok(tests)
}

fn pytest(python: &Path, tests: &[PathBuf]) -> Result<()> {
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5"]).args(tests);
    // Test the wheel even if the package is elsewhere, too.
    pytest.env_remove("PYTHONPATH").env_remove("DFT_UTILS_LIBRARY");
    let path = env::var_os("PATH").unwrap_or_default();
    let tools = python.parent().map(Path::to_path_buf).into_iter().chain(env::split_paths(&path));
    let path: OsString = env::join_paths(tools)?;
    pytest.env("PATH", path);
    if !pytest.status()?.success() {
        bail!("the tests of the Python package failed");
    }
    Ok(())
}
