//! Provides what a fresh machine lacks: a compiled RocksDB ([`rocksdb`]), and libclang, which generates its bindings.
//!
//! libclang is the installed one, or that of PyPI's `libclang` (in the user's cache), or that of the system's package
//! manager. PyPI's has no headers, so the compiler's headers are used with it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::rocksdb::{self, Toolchain};
use crate::target::root;

/// The version of PyPI's `libclang`.
const LIBCLANG: &str = "18.1.1";

/// The arguments of cargo for a release build of everything that users get.
pub(crate) const RELEASED: [&str; 12] = [
    "--release",
    "--workspace",
    "--exclude",
    "xtask",
    "--exclude",
    "dft-benches",
    "--exclude",
    "dft-faults",
    "--exclude",
    "dft-gen-trace",
    "--exclude",
    "dft-bench",
];

/// Variables for cargo's environment.
pub(crate) struct Provisions(Vec<(&'static str, OsString)>);

impl Provisions {
    /// Returns a cargo with these variables set.
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        self.set(&mut cargo);
        cargo
    }

    /// Sets these variables for cargo, or for a program that runs cargo.
    pub(crate) fn set(&self, program: &mut Command) {
        // The variables that cargo sets for this program are not meant for another cargo.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                program.env_remove(name);
            }
        }
        program.envs(self.0.iter().map(|(name, value)| (name, value)));
    }

    /// Returns a build of everything that users get. Every command builds the same selection of crates, since another
    /// one may need other features, and then much is compiled again.
    pub(crate) fn build(&self) -> Command {
        let mut cargo = self.cargo();
        cargo.arg("build").args(RELEASED);
        cargo
    }

    /// Returns these variables and others.
    pub(crate) fn with(&self, more: Vec<(&'static str, OsString)>) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !more.iter().any(|(other, _)| name == other)).cloned();
        Self(kept.chain(more.iter().cloned()).collect())
    }

    /// Returns the variables as shell commands.
    pub(crate) fn shell(&self) -> String {
        let quoted = |value: &OsString| value.to_string_lossy().replace('\'', "'\\''");
        self.0.iter().map(|(name, value)| format!("export {name}='{}'\n", quoted(value))).collect()
    }

    /// Writes the variables to a file that `.cargo/config.toml` includes (cargo 1.94 and later), so that plain
    /// `cargo build` and `cargo test` use them, too.
    fn write(&self, path: &Path) -> Result<()> {
        let lines = self.0.iter().map(|(name, value)| variable_line(name, value) + "\n");
        let text = format!(
            "# Written by `cargo xtask`: what it found or built on this machine.\n[env]\n{}",
            lines.collect::<String>()
        );
        if fs::read_to_string(path).is_ok_and(|there| there == text) {
            return Ok(());
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Finds, fetches or compiles what is missing, and records it for plain cargo.
pub(crate) fn provision() -> Result<Provisions> {
    for compiler in ["cc", "c++"] {
        if !runs(Command::new(compiler).arg("--version")) {
            bail!("there is no `{compiler}`: install a C and C++ compiler (such as g++) to build RocksDB");
        }
    }
    let mut variables = libclang()?;
    // Use a RocksDB that the user names.
    if given("ROCKSDB_LIB_DIR").is_none() {
        let cache = cache()?;
        match Toolchain::of_host().and_then(|host| rocksdb::library(Provisions(Vec::new()).cargo(), &cache, &host)) {
            Ok(directory) => {
                variables.push(("ROCKSDB_LIB_DIR", directory.into()));
                variables.push(("ROCKSDB_STATIC", "1".into()));
            }
            Err(error) => eprintln!("xtask: cargo will compile RocksDB, which takes longer ({error:#})"),
        }
    }
    let provisions = Provisions(variables);
    provisions.write(&root().join(".cargo/provisioned.toml"))?;
    Ok(provisions)
}

/// Returns the value of a variable that the user, not `.cargo/provisioned.toml`, has set.
fn given(name: &str) -> Option<OsString> {
    let value = env::var_os(name)?;
    let provisioned = fs::read_to_string(root().join(".cargo/provisioned.toml")).unwrap_or_default();
    let ours = provisioned.lines().any(|line| line == variable_line(name, &value));
    (!ours).then_some(value)
}

/// Returns the variables for the generation of RocksDB's bindings.
fn libclang() -> Result<Vec<(&'static str, OsString)>> {
    if given("LIBCLANG_PATH").is_some() {
        return Ok(Vec::new());
    }
    if let Some(directory) = installed_libclang() {
        return Ok(vec![("LIBCLANG_PATH", directory.into())]);
    }
    let directory = match libclang_from_pypi() {
        Ok(directory) => directory,
        Err(error) => {
            eprintln!("xtask: no libclang from PyPI ({error:#}); trying the system's package manager");
            libclang_from_system()?
        }
    };
    let mut variables = vec![("LIBCLANG_PATH", OsString::from(directory))];
    if given("BINDGEN_EXTRA_CLANG_ARGS").is_none() {
        let headers = Command::new("cc").arg("-print-file-name=include").output().context("cc cannot be run")?;
        let headers = String::from_utf8_lossy(&headers.stdout).trim().to_owned();
        variables.push(("BINDGEN_EXTRA_CLANG_ARGS", format!("-I{headers}").into()));
    }
    Ok(variables)
}

/// Returns a Python with packages of PyPI, in a virtual environment in the user's cache.
pub(crate) fn python_with(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let venv = tools()?.join(name);
    let python = venv.join("bin/python");
    let listed = |package: &&str| {
        // The name without extras and version. Another version counts as missing.
        let (name, version) =
            package.split_once("==").map_or((*package, None), |(name, version)| (name, Some(version)));
        let name = name.split('[').next().unwrap_or(name);
        let show = Command::new(&python).args(["-m", "pip", "show", name]).stderr(Stdio::null()).output();
        show.is_ok_and(|show| {
            let wanted = version.map(|version| format!("Version: {version}"));
            let printed = String::from_utf8_lossy(&show.stdout);
            show.status.success() && wanted.is_none_or(|wanted| printed.lines().any(|line| line == wanted))
        })
    };
    if !packages.iter().all(listed) {
        eprintln!("xtask: fetching {} from PyPI", packages.join(", "));
        let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).status().context("python3 cannot be run")?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        if !made.success() || !pip.status().is_ok_and(|status| status.success()) {
            bail!("cannot install {} from PyPI", packages.join(", "));
        }
    }
    Ok(python)
}

/// Formats a variable for cargo's configuration. JSON strings are also TOML strings.
fn variable_line(name: &str, value: &OsStr) -> String {
    format!("{name} = {}", serde_json::Value::from(value.to_string_lossy()))
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether a directory has libclang, under any of its names.
fn has_libclang(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libclang.so")
            || name.starts_with("libclang-") && name.contains(".so")
            || name == "libclang.dylib"
    })
}

/// Finds an installed libclang. bindgen finds it itself, but only with its headers.
fn installed_libclang() -> Option<PathBuf> {
    let mut directories: Vec<PathBuf> = Vec::new();
    for root in ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/opt/homebrew/opt/llvm/lib", "/usr/local/opt/llvm/lib"] {
        directories.push(root.into());
        let Ok(entries) = fs::read_dir(root) else { continue };
        let llvm = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("llvm"));
        directories.extend(llvm.map(|entry| entry.path().join("lib")));
    }
    directories.sort();
    // The last one is the newest. clang's headers are needed, too.
    directories.into_iter().rev().find(|directory| has_libclang(directory) && directory.join("clang").is_dir())
}

/// Returns the project's directory in the user's cache.
pub(crate) fn cache() -> Result<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from).context("HOME is not set")?;
    let cache = env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    Ok(cache.join("dftracer-utils"))
}

/// Returns the directory for fetched tools.
pub(crate) fn tools() -> Result<PathBuf> {
    Ok(cache()?.join("tools"))
}

fn libclang_from_pypi() -> Result<PathBuf> {
    let target = tools()?.join("libclang");
    let directory = target.join("clang/native");
    if has_libclang(&directory) {
        return Ok(directory);
    }
    eprintln!("xtask: fetching libclang {LIBCLANG} from PyPI");
    fs::create_dir_all(&target).with_context(|| format!("cannot make {}", target.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
    pip.arg(&target).arg(format!("libclang=={LIBCLANG}"));
    let status = pip.status().context("python3 cannot be run")?;
    if !status.success() || !has_libclang(&directory) {
        bail!("`python3 -m pip install libclang` failed");
    }
    Ok(directory)
}

fn libclang_from_system() -> Result<PathBuf> {
    const MANAGERS: [(&str, &[&str]); 5] = [
        ("apt-get", &["install", "-y", "libclang-dev"]),
        ("dnf", &["install", "-y", "clang-devel"]),
        ("zypper", &["--non-interactive", "install", "clang-devel"]),
        ("pacman", &["-S", "--noconfirm", "clang"]),
        ("brew", &["install", "llvm"]),
    ];
    for (manager, arguments) in MANAGERS {
        if runs(Command::new(manager).arg("--version")) {
            let as_root = manager == "brew" || runs(Command::new("test").args(["-w", "/usr/lib"]));
            let mut command = Command::new(if as_root { manager } else { "sudo" });
            if !as_root {
                command.args(["-n", manager]);
            }
            eprintln!("xtask: {manager} {}", arguments.join(" "));
            if command.args(arguments).status().is_ok_and(|status| status.success())
                && let Some(directory) = installed_libclang()
            {
                return Ok(directory);
            }
        }
    }
    bail!("libclang is missing and could not be installed: install it and set LIBCLANG_PATH to its directory")
}
