//! Compiles RocksDB once per machine, as a few large translation units.
//!
//! `librocksdb-sys` compiles RocksDB's 343 source files one by one, which spends most of the time on the same headers
//! for every file. RocksDB's sources can also be included into one another (its Makefile has a `unity.a`), so each of
//! [`UNITS`] units includes a share of them. The archive is in the user's cache, and `librocksdb-sys` links it if
//! `ROCKSDB_LIB_DIR` is set.
//!
//! If a compiler refuses the units, `librocksdb-sys` compiles RocksDB itself.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use xxhash_rust::xxh3::Xxh3;

/// The number of units. Fewer units read the headers less often; more units use more cores.
const UNITS: usize = 8;

/// The maximum memory of the compiler for one unit, in bytes, with a margin: GCC 12 uses 1.7 GB.
const UNIT_MEMORY: u64 = 2_500_000_000;

/// The option of compilers that replaces the start of paths.
const PREFIX_MAP: &str = "-ffile-prefix-map=";

/// The macros that `librocksdb-sys` defines for Linux, with the features that the workspace selects.
const DEFINES: [(&str, Option<&str>); 11] = [
    ("NDEBUG", Some("1")),
    ("ZSTD", Some("1")),
    ("HAVE_ALIGNED_NEW", None),
    ("HAVE_UINT128_EXTENSION", None),
    ("OS_LINUX", None),
    ("ROCKSDB_PLATFORM_POSIX", None),
    ("ROCKSDB_LIB_IO_POSIX", None),
    ("ROCKSDB_SCHED_GETCPU_PRESENT", None),
    ("ROCKSDB_AUXV_GETAUXVAL_PRESENT", None),
    ("ROCKSDB_FALLOCATE_PRESENT", None),
    ("ROCKSDB_RANGESYNC_PRESENT", None),
];

/// The sources of the versions in the lock file.
struct Sources {
    /// The package `librocksdb-sys`.
    rocksdb: PathBuf,
    /// The headers of the zstd that the program links.
    zstd: PathBuf,
    versions: String,
}

/// The compiler of an archive.
pub(crate) struct Toolchain {
    /// The target of rustc.
    target: String,
    /// The C++ compiler and the archiver; those of this machine if there are none.
    programs: Option<[PathBuf; 2]>,
}

impl Toolchain {
    /// Returns the compiler of this machine, as `CXX` and `CXXFLAGS` select it.
    pub(crate) fn of_host() -> Result<Self> {
        Ok(Self { target: host()?, programs: None })
    }

    /// Returns a C++ compiler and an archiver for another target.
    pub(crate) fn cross(target: &str, compiler: PathBuf, archiver: PathBuf) -> Self {
        Self { target: target.to_owned(), programs: Some([compiler, archiver]) }
    }
}

/// Returns the directory of `librocksdb.a` by this compiler, below `cache`. Compiles it if necessary.
pub(crate) fn library(cargo: Command, cache: &Path, toolchain: &Toolchain) -> Result<PathBuf> {
    let sources = Sources::find(cargo)?;
    let compiler = compiler(&sources, toolchain)?;
    let directory = cache.join(format!("rocksdb-{}-{:016x}", sources.versions, key(&compiler, toolchain)?));
    if directory.join("librocksdb.a").is_file() {
        return Ok(directory);
    }
    fs::create_dir_all(cache).with_context(|| format!("cannot make {}", cache.display()))?;
    // Build next to the final place and rename when complete: another process may build it, and this one may be killed.
    let work = tempfile::Builder::new().prefix(".rocksdb-").tempdir_in(cache)?;
    let units = sources.units(work.path())?;
    compile(&compiler, &units)?;
    let objects = units.iter().map(|unit| unit.with_extension("o"));
    let mut archive = build(&sources, toolchain)?;
    archive
        .objects(objects)
        .out_dir(work.path())
        .try_compile("rocksdb")
        .context("cannot make an archive of RocksDB")?;
    for unit in &units {
        fs::remove_file(unit)?;
        fs::remove_file(unit.with_extension("o"))?;
    }
    match fs::rename(work.path(), &directory) {
        Err(_) if directory.join("librocksdb.a").is_file() => {}
        renamed => renamed.with_context(|| format!("cannot make {}", directory.display()))?,
    }
    Ok(directory)
}

impl Sources {
    fn find(mut cargo: Command) -> Result<Self> {
        #[derive(Deserialize)]
        struct Metadata {
            packages: Vec<Package>,
        }
        #[derive(Deserialize)]
        struct Package {
            name: String,
            version: String,
            manifest_path: PathBuf,
        }
        let output = cargo.args(["metadata", "--format-version", "1"]).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("`cargo metadata` failed ({})", output.status);
        }
        let metadata: Metadata =
            serde_json::from_slice(&output.stdout).context("cannot parse the output of `cargo metadata`")?;
        let package = |name: &str| {
            let package = metadata.packages.iter().find(|package| package.name == name);
            let package = package.with_context(|| format!("{name} is not a dependency"))?;
            let directory = package.manifest_path.parent().context("a manifest without a directory")?;
            anyhow::Ok((directory.to_owned(), package.version.replace('+', "-")))
        };
        let (rocksdb, rocksdb_version) = package("librocksdb-sys")?;
        let (zstd, zstd_version) = package("zstd-sys")?;
        Ok(Self { rocksdb, zstd: zstd.join("zstd/lib"), versions: format!("{rocksdb_version}-zstd-{zstd_version}") })
    }

    /// Writes the units, each with an equal share of the sources' bytes. Returns their paths.
    fn units(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let list = self.rocksdb.join("rocksdb_lib_sources.txt");
        let list = fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
        let mut sources = Vec::new();
        // The package has its own `build_version.cc`.
        for source in list.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "util/build_version.cc") {
            let path = self.rocksdb.join("rocksdb").join(source);
            let size = fs::metadata(&path).with_context(|| format!("cannot read {}", path.display()))?.len();
            sources.push((path, size));
        }
        sources.push((self.rocksdb.join("build_version.cc"), 0));
        let total = sources.iter().map(|(_, size)| size).sum::<u64>().max(1);
        let mut texts = vec![String::new(); UNITS];
        let mut before = 0;
        for (path, size) in &sources {
            let unit = (before * UNITS as u64 / total).min(UNITS as u64 - 1) as usize;
            texts[unit].push_str(&format!("#include \"{}\"\n", path.display()));
            before += size;
        }
        let mut units = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let unit = folder.join(format!("unit-{number}.cc"));
            fs::write(&unit, text).with_context(|| format!("cannot write {}", unit.display()))?;
            units.push(unit);
        }
        Ok(units)
    }
}

/// Returns the host target of rustc.
fn host() -> Result<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output()?;
    let version = String::from_utf8_lossy(&output.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not report its host")?;
    Ok(host.to_owned())
}

fn build(sources: &Sources, toolchain: &Toolchain) -> Result<cc::Build> {
    let mut build = cc::Build::new();
    build.cpp(true).target(&toolchain.target).host(&host()?).debug(false).cargo_metadata(false);
    // RocksDB's own Makefile says so. The third level takes a tenth more time to compile.
    build.opt_level(2);
    if let Some([compiler, archiver]) = &toolchain.programs {
        build.compiler(compiler).archiver(archiver);
        // RocksDB's messages have the names of its sources.
        build.flag(format!("{PREFIX_MAP}{}=/rocksdb", sources.rocksdb.display()));
    }
    build.warnings(false).pic(true).flag("-std=c++20").flag("-w").flag("-include").flag("cstdint");
    for include in ["rocksdb/include", "rocksdb", "rocksdb/third-party/gtest-1.8.1/fused-src", "."] {
        build.include(sources.rocksdb.join(include));
    }
    build.include(&sources.zstd);
    for (name, value) in DEFINES {
        build.define(name, value);
    }
    Ok(build)
}

/// Returns the C++ compiler with all of its arguments.
fn compiler(sources: &Sources, toolchain: &Toolchain) -> Result<Command> {
    Ok(build(sources, toolchain)?.try_get_compiler().context("there is no C++ compiler")?.to_command())
}

/// Hashes what an archive depends on in addition to the versions of its sources.
fn key(compiler: &Command, toolchain: &Toolchain) -> Result<u64> {
    let version =
        Command::new(compiler.get_program()).arg("--version").output().context("the compiler cannot be run")?;
    let mut key = Xxh3::new();
    let mut add = |part: &[u8]| {
        key.update(part);
        key.update(&[0]);
    };
    add(toolchain.target.as_bytes());
    // A script that calls a compiler has arguments of its own.
    if let Some([script, _]) = &toolchain.programs {
        add(&fs::read(script).with_context(|| format!("cannot read {}", script.display()))?);
    }
    add(&version.stdout);
    add(&UNITS.to_le_bytes());
    // Paths are ignored: they do not affect the contents.
    let is_path = |argument: &OsStr| {
        Path::new(argument).is_absolute() || argument.as_encoded_bytes().starts_with(PREFIX_MAP.as_bytes())
    };
    for argument in compiler.get_args().filter(|argument| !is_path(argument)) {
        add(argument.as_encoded_bytes());
    }
    Ok(key.digest())
}

/// Compiles every unit, as many concurrently as processors and memory allow.
fn compile(compiler: &Command, units: &[PathBuf]) -> Result<()> {
    let at_once = thread::available_parallelism()?.get().min(units.len());
    let at_once = at_once.min((available_memory().unwrap_or(u64::MAX) / UNIT_MEMORY) as usize).max(1);
    let progress = Progress::start(units.len() as u64);
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..at_once {
            let (sender, next, stop) = (sender.clone(), &next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed)
                    && let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    // The receiver is gone only after a unit has failed.
                    let _ = sender.send(compile_unit(compiler, unit));
                }
            });
        }
        drop(sender);
        for result in results {
            if result.is_err() {
                stop.store(true, Ordering::Relaxed);
                return result;
            }
            progress.advance();
        }
        Ok(())
    })
}

/// A progress bar on a terminal; a line per unit elsewhere.
struct Progress(ProgressBar);

impl Progress {
    fn start(units: u64) -> Self {
        let style = ProgressStyle::with_template("compiling RocksDB {bar:24} {pos}/{len} units, {elapsed}");
        let bar = ProgressBar::new(units).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if bar.is_hidden() {
            eprintln!("xtask: compiling RocksDB, once per machine: {units} units, some minutes");
        }
        bar.enable_steady_tick(Duration::from_secs(1));
        Self(bar)
    }

    fn advance(&self) {
        self.0.inc(1);
        if self.0.is_hidden() {
            let (units, seconds) = (self.0.position(), self.0.elapsed().as_secs());
            eprintln!("xtask: RocksDB, unit {units} of {} after {seconds} s", self.0.length().unwrap_or(units));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn compile_unit(compiler: &Command, unit: &Path) -> Result<()> {
    let mut command = Command::new(compiler.get_program());
    command.args(compiler.get_args());
    command.envs(compiler.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.arg("-c").arg(unit).arg("-o").arg(unit.with_extension("o"));
    let messages = unit.with_extension("messages");
    let status = command.stderr(File::create(&messages)?).stdout(Stdio::null()).status()?;
    if !status.success() {
        let text = fs::read(&messages).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let first = text.lines().find(|line| line.contains("error")).unwrap_or("without a message").to_owned();
        bail!("{} failed ({status}): {first}", compiler.get_program().display());
    }
    fs::remove_file(messages)?;
    Ok(())
}

/// Returns the memory that Linux reports as available, in bytes.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
