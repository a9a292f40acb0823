//! `capi`: tests the C ABI as users have it: installed, found by pkg-config and by CMake, linked shared and static,
//! under valgrind and AddressSanitizer, and loaded from Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::header;
use crate::install;
use crate::provision::{provision, python_with};
use crate::step::{step, test_step};
use crate::target::{root, target_directory, workspace_directory};

/// Arguments for the compilation of every program, in addition to its standard.
const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// Programs that take an empty directory: tests, and the examples that write there.
const PROGRAMS: [(&str, &str); 10] = [
    ("abi", "capi/tests/abi.c"),
    ("at_exit", "capi/tests/at_exit.c"),
    ("exit", "capi/tests/exit.cpp"),
    ("own_zstd", "capi/tests/own_zstd.c"),
    ("fork", "capi/tests/fork.c"),
    ("layer", "capi/tests/layer.cpp"),
    ("porting", "capi/tests/porting.cpp"),
    ("sink", "capi/tests/sink.c"),
    ("live", "capi/examples/live.c"),
    ("ported", "capi/examples/ported.cpp"),
];

/// Programs that take the index of the repository's traces, and their other arguments.
const READERS: [(&str, &str, &[&str]); 2] =
    [("top_files", "capi/examples/top_files.cpp", &[]), ("counter", "capi/examples/counter.c", &["cpu"])];

struct Bench {
    work: PathBuf,
    prefix: PathBuf,
}

pub(crate) fn run() -> Result<()> {
    header::run(true)?;
    let provisions = provision()?;
    let target = target_directory(&workspace_directory(&mut provisions.cargo())?)?;
    let bench = Bench { work: target.join("capi/work"), prefix: target.join("capi/prefix") };
    let _ = fs::remove_dir_all(target.join("capi"));
    fs::create_dir_all(&bench.work)?;
    let python = python_with("reference-venv", &["pyarrow"])?;
    let script = root().join("capi/tests/library.py");
    let library = |command: &str, library: &Path| {
        let mut run = Command::new(&python);
        run.arg(&script).arg(command).arg(library);
        run
    };

    let mut build = provisions.build();
    build.args(["--features", "dft-capi/panics"]);
    step("building the library with panics on request", &mut build)?;
    let panics = bench.work.join("libdft_utils_panics.so");
    fs::copy(target.join("release/libdft_utils.so"), &panics)?;
    test_step("a panic in every entry point", &mut library("panics", &panics))?;
    let printed = library("panics", &panics).stdout(Stdio::null()).output()?.stderr;
    if !printed.is_empty() {
        bail!("the library prints: {}", String::from_utf8_lossy(&printed));
    }

    install::run(&bench.prefix)?;
    let installed = bench.prefix.join("lib/libdft_utils.so");
    let data = root().join("tests/data");
    test_step(
        "streams equal the Parquet export",
        library("streams", &installed).arg(&data).arg(bench.empty("streams")?),
    )?;
    test_step("loaded and unloaded", library("reload", &installed).arg(bench.work.join("streams/index")))?;

    for (kind, package) in [("shared", "dft_utils"), ("static", "dft_utils-static")] {
        let flags = bench.flags(package)?;
        let mut programs = Vec::new();
        for (name, source) in PROGRAMS {
            programs.push(bench.compile(&format!("{name}_{kind}"), source, &flags, &[])?);
        }
        bench.run_programs(&programs, &[])?;
        for (name, source, more) in READERS {
            let program = bench.compile(&format!("{name}_{kind}"), source, &flags, &[])?;
            bench.read(Command::new(&program), more)?;
            if bench.has_valgrind() {
                let mut command = memcheck();
                command.arg(&program);
                println!("\n── {name} under valgrind");
                bench.read(command, more)?;
            }
        }
        bench.valgrind(&programs)?;
    }
    let flags = bench.flags("dft_utils")?;
    let sanitized = ["-g", "-fsanitize=address", "-fno-omit-frame-pointer"];
    let mut programs = Vec::new();
    for (name, source) in PROGRAMS {
        programs.push(bench.compile(&format!("{name}_sanitized"), source, &flags, &sanitized)?);
    }
    bench.run_programs(&programs, &["under AddressSanitizer"])?;
    for (name, source, more) in READERS {
        let program = bench.compile(&format!("{name}_sanitized"), source, &flags, &sanitized)?;
        bench.read(Command::new(program), more)?;
    }
    bench.threads(&flags)?;
    bench.arrow(&flags, &python)?;
    bench.add(&flags)?;
    bench.tracer(&flags, &python, &target.join("release/dft"))?;
    bench.cmake()
}

/// Returns valgrind, set to fail on errors and leaks.
fn memcheck() -> Command {
    let mut command = Command::new("valgrind");
    // One thread runs at a time. Without turns, threads that call all the time keep one that forks from ever running.
    command.arg("--fair-sched=yes");
    // The test of forks makes some; under valgrind, each one takes seconds.
    command.env("DFT_FORKS", "10");
    // Memory that the runtime keeps for the main thread until the end is not a leak.
    command.args(["-q", "--leak-check=full", "--show-leak-kinds=definite,indirect"]);
    command.args(["--errors-for-leak-kinds=definite,indirect", "--error-exitcode=9"]);
    command
}

impl Bench {
    /// Makes an empty directory.
    fn empty(&self, name: &str) -> Result<PathBuf> {
        let path = self.work.join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }

    /// Asks pkg-config for the flags to compile and link a program.
    fn flags(&self, package: &str) -> Result<Vec<String>> {
        let mut command = match Command::new("pkg-config").arg("--version").stdout(Stdio::null()).status() {
            Ok(status) if status.success() => Command::new("pkg-config"),
            _ => Command::new(python_with("pkgconf-venv", &["pkgconf"])?.with_file_name("pkgconf")),
        };
        let library = self.prefix.join("lib");
        command.env("PKG_CONFIG_PATH", library.join("pkgconfig")).args(["--cflags", "--libs", package]);
        let output = command.output().context("pkg-config cannot be run")?;
        if !output.status.success() {
            bail!("pkg-config: {}", String::from_utf8_lossy(&output.stderr));
        }
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        let flags = output.split_whitespace().map(str::to_owned);
        Ok(flags.chain([format!("-Wl,-rpath,{}", library.display()), "-lpthread".to_owned()]).collect())
    }

    fn compile(&self, name: &str, source: &str, flags: &[String], more: &[&str]) -> Result<PathBuf> {
        let program = self.work.join(name);
        let (compiler, standard) = if source.ends_with(".c") { ("cc", "-std=c11") } else { ("c++", "-std=c++17") };
        let mut command = Command::new(compiler);
        command.arg(standard).args(WARNINGS).arg("-D_POSIX_C_SOURCE=200809L").args(more);
        command.arg(root().join(source)).args(flags).arg("-o").arg(&program);
        step(&format!("{compiler} {standard} {source}, {name}"), &mut command)?;
        Ok(program)
    }

    fn run_programs(&self, programs: &[PathBuf], how: &[&str]) -> Result<()> {
        for program in programs {
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            test_step(&format!("{name} {}", how.join(" ")), Command::new(program).arg(self.empty("program")?))?;
        }
        Ok(())
    }

    /// Runs an example on the index that the streams were read from.
    fn read(&self, mut program: Command, more: &[&str]) -> Result<()> {
        let output = program.arg(self.work.join("streams/index")).args(more).output()?;
        let out = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || out.lines().count() < 5 {
            let name = program.get_program().display();
            bail!("{name}: {out}{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn has_valgrind(&self) -> bool {
        Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn valgrind(&self, programs: &[PathBuf]) -> Result<()> {
        if !self.has_valgrind() {
            println!("\n── valgrind: skipped, not installed");
            return Ok(());
        }
        for program in programs {
            let mut command = memcheck();
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("fork") || name.starts_with("sink") {
                // Their children end with what the parent had open, which looks like a leak: RocksDB's addresses point
                // after the start of its allocations.
                command.arg("--leak-check=no");
            }
            test_step(&format!("{name} under valgrind"), command.arg(program).arg(self.empty("program")?))?;
        }
        Ok(())
    }

    /// Checks threads that aggregate and scan for races with ThreadSanitizer, which sees only the program, and helgrind,
    /// which also sees the library.
    fn threads(&self, flags: &[String]) -> Result<()> {
        const SOURCE: &str = "capi/tests/threads.c";
        let sanitized = self.compile("threads_sanitized", SOURCE, flags, &["-g", "-fsanitize=thread"])?;
        // If addresses are randomized in too many bits, the sanitizer finds no room for its memory.
        let mut run = Command::new("setarch");
        run.arg("-R").arg(&sanitized).arg(self.empty("program")?);
        test_step("threads under ThreadSanitizer", &mut run)?;
        let program = self.compile("threads", SOURCE, flags, &["-g"])?;
        if !self.has_valgrind() {
            return Ok(());
        }
        let mut helgrind = Command::new("valgrind");
        helgrind.args(["--tool=helgrind", "-q", "--error-exitcode=9"]);
        helgrind.arg(format!("--suppressions={}", root().join("capi/tests/helgrind.supp").display()));
        test_step("threads under helgrind", helgrind.arg(program).arg(self.empty("program")?))
    }

    /// Runs the example that passes a stream to Apache Arrow C++, which pyarrow includes.
    fn arrow(&self, flags: &[String], python: &Path) -> Result<()> {
        let ask = |what: &str| -> Result<String> {
            let output = Command::new(python).args(["-c", &format!("import pyarrow, glob; print({what})")]).output()?;
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let library = ask("sorted(glob.glob(pyarrow.get_library_dirs()[0] + '/libarrow.so.*'), key=len)[0]")?;
        let directory = Path::new(&library).parent().context("pyarrow has no libarrow")?.display().to_string();
        let program = self.work.join("arrow");
        let mut compile = Command::new("c++");
        // Arrow's headers need C++20.
        compile.arg("-std=c++20").args(WARNINGS).arg("-isystem").arg(ask("pyarrow.get_include()")?);
        compile.arg(root().join("capi/examples/arrow.cpp")).args(flags).arg(&library);
        compile.arg(format!("-Wl,-rpath,{directory}")).arg("-o").arg(&program);
        step("c++ -std=c++20 capi/examples/arrow.cpp", &mut compile)?;
        test_step("arrow", Command::new(program).arg(self.work.join("streams/index")))
    }

    /// Measures the time to add a record.
    fn add(&self, flags: &[String]) -> Result<()> {
        let program = self.compile("add", "capi/benches/add.cpp", flags, &["-O2"])?;
        step("the time to add a record", Command::new(program).arg("200000"))
    }

    /// Runs real programs under the example tracer, and compares its index with that of a trace of the same calls.
    fn tracer(&self, flags: &[String], python: &Path, dft: &Path) -> Result<()> {
        let tracer =
            self.compile("libtracer.so", "capi/examples/tracer.cpp", flags, &["-shared", "-fPIC", "-O2", "-ldl"])?;
        let mut dd = Command::new("dd");
        dd.arg(format!("if={}", tracer.display()))
            .arg(format!("of={}", self.work.join("copy").display()))
            .arg("bs=512");
        let mut threads = Command::new(python);
        threads.arg(root().join("capi/tests/traced.py")).arg(self.empty("traced")?);
        for (name, interval, mut program) in [("dd", "0", dd), ("python", "5", threads)] {
            let work = self.empty(&format!("tracer_{name}"))?;
            let (live, trace, index) = (work.join("live"), work.join("calls.pfw"), work.join("of_trace"));
            program.env("LD_PRELOAD", &tracer).env("TRACER_INDEX", &live).env("TRACER_TRACE", &trace);
            test_step(&format!("{name} under the tracer"), program.env("TRACER_INTERVAL_MS", interval))?;
            step("its calls as a trace", Command::new(dft).arg("index").arg(&trace).arg("--index").arg(&index))?;
            let mut tables = Vec::new();
            for index in [&live, &index] {
                let out = index.with_extension("csv");
                step(
                    "its events",
                    Command::new(dft).arg("export").arg(index).arg("--out").arg(&out).args(["--format", "csv"]),
                )?;
                tables.push(fs::read(out.join("events.csv"))?);
            }
            if tables[0] != tables[1] || tables[0].split(|byte| *byte == b'\n').count() < 5 {
                bail!("{}: the tracer's events differ from those of the trace, or are too few", work.display());
            }
        }
        Ok(())
    }

    /// Builds the programs as a user's CMake project does, and runs them.
    fn cmake(&self) -> Result<()> {
        let cmake = match Command::new("cmake").arg("--version").stdout(Stdio::null()).status() {
            Ok(status) if status.success() => PathBuf::from("cmake"),
            _ => python_with("cmake-venv", &["cmake"])?.with_file_name("cmake"),
        };
        let build = self.empty("cmake")?;
        let mut configure = Command::new(&cmake);
        configure.arg("-S").arg(root().join("capi/tests")).arg("-B").arg(&build);
        configure.arg(format!("-DCMAKE_PREFIX_PATH={}", self.prefix.display()));
        step("cmake finds the package", configure.stdout(Stdio::null()))?;
        step("cmake builds shared and static", Command::new(&cmake).arg("--build").arg(&build).stdout(Stdio::null()))?;
        for kind in ["dft_utils", "dft_utils_static"] {
            let programs: Vec<PathBuf> =
                PROGRAMS.iter().map(|(name, _)| build.join(format!("{name}_{kind}"))).collect();
            self.run_programs(&programs, &["built by cmake"])?;
        }
        Ok(())
    }
}
