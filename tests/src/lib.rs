//! Helpers of the whole-system tests: running `dft`, making traces, reading tables.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;

/// The result of a run of `dft`.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs a program.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Ran {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    Ran::of(output)
}

/// Runs a program that must not block: one that takes minutes is killed and fails the test.
pub fn run_bounded<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Ran {
    let mut command = dft(program, arguments);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let id = child.id().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(Duration::from_secs(120)) {
        Ok(output) => Ran::of(output.expect("its output")),
        Err(_) => {
            let _ = Command::new("kill").args(["-9", &id]).status();
            panic!("it waits: {command:?}");
        }
    }
}

/// Makes a FIFO, in place of an existing file.
pub fn make_fifo(path: &Path) {
    let _ = fs::remove_file(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    assert!(Command::new("mkfifo").arg(path).status().expect("it runs").success());
}

/// Returns every path below a directory, with the contents of regular files.
pub fn tree(directory: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).expect("listed") {
        let entry = entry.expect("listed");
        let kind = entry.file_type().expect("a kind");
        if kind.is_dir() {
            all.extend(tree(&entry.path()));
        }
        all.insert(entry.path(), kind.is_file().then(|| fs::read(entry.path()).expect("read")));
    }
    all
}

/// Returns a command with arguments, which the caller may change before it runs.
pub fn dft<S: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Whether a directory holds a published index.
pub fn has_index(directory: &Path) -> bool {
    let is_generation = |entry: fs::DirEntry| entry.file_name().to_string_lossy().starts_with("gen-");
    fs::read_dir(directory).is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(is_generation)))
}

/// Exports every table of an index, with the busy times of functions as `busy.csv`; `None` if there is no index.
pub fn exported(program: &str, index: &Path, work: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    if !has_index(index) {
        return None;
    }
    let out = work.join("exported");
    let _ = fs::remove_dir_all(&out);
    export(program, index, &out);
    let mut all = contents(&out);
    all.insert("busy.csv".to_owned(), busy_times(program, index).into_bytes());
    Some(all)
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it was not killed"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Checks the exit code, and shows the output if it is another.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

/// Returns the path of traces of this repository, in the clone whose cargo runs the test, since clones may share a
/// target directory.
pub fn data(name: &str) -> PathBuf {
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(built, PathBuf::from).join("data").join(name)
}

/// Compiles a shim for `LD_PRELOAD`, a C file in a directory next to `tests/tests`, to a directory. Returns its path.
pub fn compile_shim(source: &str, to: &Path) -> PathBuf {
    let source = data("..").join(source);
    let shim = to.join(source.with_extension("so").file_name().expect("a name"));
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-o"]).arg(&shim);
    let status = cc.arg(&source).arg("-ldl").status().expect("there is a C compiler");
    assert!(status.success(), "{cc:?} failed");
    shim
}

/// Compresses text to one gzip member.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Writes a file and creates its parent directories.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, bytes).expect("written");
}

/// Makes a trace of `calls` calls of process `pid`: a few functions, files and threads, some records out of order,
/// and some counters and aggregated calls.
pub fn trace(pid: u64, calls: u64) -> String {
    let mut state = pid.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u64| {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    };
    let mut text = String::from("[\n");
    let host = pid % 2;
    let _ = writeln!(text, r#"{{"name":"HH","ph":"M","args":{{"name":"node{host}","value":"h{host}"}}}}"#);
    for file in 0..20 {
        let _ = writeln!(text, r#"{{"name":"FH","ph":"M","args":{{"name":"/data/{file}","value":"f{file}"}}}}"#);
    }
    let mut clock = 1_700_000_000_000_000 + random(1_000_000);
    for call in 0..calls {
        clock += random(20_000);
        let ts = clock - random(50_000);
        let (tid, file, dur, ret) = (pid * 10 + random(3), random(20), random(3_000), random(1 << 20));
        let name = ["read", "write", "pread64", "open64", "close", "Model.forward"][random(6) as usize];
        let _ = match call % 50 {
            7 => writeln!(
                text,
                r#"{{"name":"cpu","cat":"sys","ts":{ts},"ph":"C","args":{{"hhash":"h{host}","user_pct":{}.{}}}}}"#,
                random(100),
                random(1_000)
            ),
            9 => writeln!(
                text,
                r#"{{"name":"{name}","cat":"POSIX","pid":{pid},"tid":{tid},"ts":{ts},"ph":3,"args":{{"hhash":"h{host}","fhash":"f{file}","dft_cnt":5,"dur_sum":{dur},"ret_sum":{ret},"offset_min":{ret}}}}}"#
            ),
            _ => writeln!(
                text,
                r#"{{"id":{call},"name":"{name}","cat":"POSIX","pid":{pid},"tid":{tid},"ts":{ts},"dur":{dur},"ph":"X","args":{{"hhash":"h{host}","fhash":"f{file}","ret":{ret},"offset":{},"level":{}}}}}"#,
                random(1 << 30),
                random(5)
            ),
        };
    }
    text.push_str("]\n");
    text
}

/// A row of a table: values as text, without nulls.
pub type Row = BTreeMap<String, String>;

/// Reads the rows of a Parquet file.
pub fn table(path: &Path) -> Vec<Row> {
    let file = File::open(path).expect("a table");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("Parquet");
    let mut rows = Vec::new();
    for batch in reader {
        let batch = batch.expect("a batch");
        for at in 0..batch.num_rows() {
            let columns = batch.schema_ref().fields().iter().zip(batch.columns());
            let values = columns
                .filter(|(_, column)| !column.is_null(at))
                .map(|(field, column)| (field.name().clone(), text_of(column, at)));
            rows.push(values.collect());
        }
    }
    rows
}

/// Returns a value of a column as text.
fn text_of(column: &dyn Array, row: usize) -> String {
    if let Some(integers) = column.as_primitive_opt::<Int64Type>() {
        return integers.value(row).to_string();
    }
    if let Some(floats) = column.as_primitive_opt::<Float64Type>() {
        return ryu::Buffer::new().format(floats.value(row)).to_owned();
    }
    let texts = column.as_dictionary::<Int32Type>();
    texts.values().as_string::<i32>().value(texts.keys().value(row) as usize).to_owned()
}

/// Indexes `traces` and exports every table. Returns the directory of the tables.
pub fn index_and_export(program: &str, traces: &Path, work: &Path, options: &[&str]) -> PathBuf {
    let (index, out) = (work.join("index"), work.join("tables"));
    let paths = [OsStr::new("index"), traces.as_os_str(), OsStr::new("--index"), index.as_os_str()];
    let ran = run(program, paths.into_iter().chain(options.iter().map(OsStr::new)));
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.err);
    export(program, &index, &out);
    out
}

/// The tables of an index of one trace.
#[derive(Debug)]
pub struct OneTrace {
    /// Keeps the tables until this is dropped.
    _folder: TempDir,
    tables: PathBuf,
}

impl OneTrace {
    /// Indexes a trace of these lines, with options of `dft index`, and exports every table.
    pub fn indexed(program: &str, lines: &[impl AsRef<str>], options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let traces = folder.path().join("traces");
        let text: String = lines.iter().map(|line| format!("{}\n", line.as_ref())).collect();
        write(&traces.join("x.pfw"), text);
        let tables = index_and_export(program, &traces, folder.path(), options);
        Self { _folder: folder, tables }
    }

    /// Returns the rows of a table, by its name.
    pub fn rows(&self, name: &str) -> Vec<Row> {
        table(&self.tables.join(format!("{name}.parquet")))
    }

    /// Returns whether there is a table of this name.
    pub fn has(&self, name: &str) -> bool {
        self.tables.join(format!("{name}.parquet")).exists()
    }
}

/// Returns the values of a row in some columns; `null` where it has none.
pub fn cells<'a>(row: &'a Row, columns: &[&str]) -> Vec<&'a str> {
    columns.iter().map(|column| row.get(*column).map_or("null", String::as_str)).collect()
}

/// Exports every table of an index.
pub fn export(program: &str, index: &Path, out: &Path) {
    run(program, [OsStr::new("export"), index.as_os_str(), OsStr::new("--out"), out.as_os_str()]).exits(0);
    let every = ["export", "--table", "aggregation", "--out"].map(OsStr::new);
    run(program, every.into_iter().chain([out.as_os_str(), index.as_os_str()])).exits(0);
}

/// Returns the busy times of each function of an index, as CSV.
pub fn busy_times(program: &str, index: &Path) -> String {
    let analyze = ["analyze", "--by", "function", "--csv"].map(OsStr::new);
    run(program, analyze.into_iter().chain([index.as_os_str()])).exits(0).out
}

/// Reads every file in a directory, by name.
pub fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).expect("listed").map(|entry| entry.expect("listed"));
    entries
        .map(|entry| (entry.file_name().into_string().expect("UTF-8"), fs::read(entry.path()).expect("read")))
        .collect()
}
