//! `gen-trace`: generates traces of every tracer generation and record kind from a seed.
//!
//! The text of a trace depends only on the arguments, not on the machine, the number of threads or the versions of
//! dependencies. (Its compressed bytes depend on the compressor.)

mod json;
mod oddities;
mod process;
mod readings;
mod rng;
mod shapes;
mod sink;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, ValueEnum};

use oddities::Oddities;
use process::{Load, Process};
use rng::Rng;
pub(crate) use shapes::{Generation, Unit};
use sink::Sink;

/// Arguments of `gen-trace`.
#[derive(Args, Clone, Debug)]
pub struct GenTrace {
    /// Directory to write to; created if missing, must be empty
    #[arg(
        long,
        value_name = "DIR",
        default_value = "",
        hide_default_value = true,
        required_unless_present = "list_oddities"
    )]
    out: PathBuf,
    /// Tracer generation, as in the specification
    #[arg(long, value_enum, default_value = "2")]
    generation: Generation,
    /// Kind of records
    #[arg(long, value_enum, default_value = "events")]
    kind: Kind,
    /// Records of all files, in addition to the metadata that files need
    #[arg(long, default_value_t = 100_000)]
    records: u64,
    /// Trace files, one per process
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..))]
    files: u64,
    /// Seed: the same seed and arguments give the same text
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Approximate number of distinct (function, process, file) combinations in all files
    #[arg(long, default_value_t = 172)]
    series: u64,
    /// Calls per row at an interval of 1 s: high is 4, low is 1000
    #[arg(long, value_enum, default_value = "high")]
    cardinality: Cardinality,
    /// Calls per row, as a number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "cardinality")]
    records_per_row: Option<u64>,
    /// Use a different file for each call, as far as there are series
    #[arg(long)]
    new_files: bool,
    /// Time unit of the files, announced by their CM record (generations 2 and 3)
    #[arg(long, value_enum, default_value = "us")]
    unit: Unit,
    /// Length of the periods of aggregated calls, ms
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    period_ms: u64,
    /// Distinct telemetry counters of each host
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..))]
    telemetry_counters: u64,
    /// Time between two telemetry readings, ms
    #[arg(long, value_name = "MS", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    telemetry_every_ms: u64,
    /// Write gzip files (the default)
    #[arg(long, conflicts_with = "plain")]
    gzip: bool,
    /// Write text files
    #[arg(long)]
    plain: bool,
    /// Gzip compression level, 1 to 9
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=9))]
    level: u32,
    /// Gzip members of each file
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    members: u64,
    /// Make every second record odd: everything that the specification has a rule for, including faults
    #[arg(long)]
    oddities: bool,
    /// List the oddities, and write nothing
    #[arg(long)]
    list_oddities: bool,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Complete calls
    Events,
    /// Calls that the tracer aggregated over a period (generations 2 and 3)
    Aggregated,
    /// Telemetry: readings of the host's counters (generations 2 and 3)
    Telemetry,
    /// All three on one clock (generations 2 and 3)
    Mixed,
}

/// The number of calls per row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cardinality {
    High,
    Low,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Trace files.
    pub files: u64,
    /// Bytes of trace text, before compression.
    pub text_bytes: u64,
}

impl GenTrace {
    /// Parses command-line arguments.
    ///
    /// # Errors
    ///
    /// If they are not arguments of `gen-trace`.
    pub fn from_arguments(arguments: &[&str], out: &Path) -> Result<Self> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            gen_trace: GenTrace,
        }
        let command = [OsStr::new("gen-trace"), OsStr::new("--out"), out.as_os_str()];
        let line = Line::try_parse_from(command.into_iter().chain(arguments.iter().map(OsStr::new)))?;
        Ok(line.gen_trace)
    }

    fn check(&self) -> Result<()> {
        if self.generation < Generation::G2 {
            if self.kind != Kind::Events {
                bail!("tracers of generation 0 and 1 wrote complete calls only: use --kind events");
            }
            if self.unit != Unit::Us {
                bail!("tracers of generation 0 and 1 counted microseconds: use --unit us");
            }
        }
        fs::create_dir_all(&self.out).with_context(|| format!("cannot create {}", self.out.display()))?;
        let entries = fs::read_dir(&self.out).with_context(|| format!("cannot read {}", self.out.display()))?;
        if entries.count() > 0 {
            bail!(
                "{} is not empty: traces of two runs would mix; remove it or choose another --out",
                self.out.display()
            );
        }
        Ok(())
    }

    fn load(&self) -> Load {
        let series = (self.series / self.files).max(1);
        let per_row = self.records_per_row.unwrap_or(match self.cardinality {
            Cardinality::High => 4,
            Cardinality::Low => 1000,
        });
        Load {
            series,
            new_files: self.new_files,
            call_gap_ns: 1_000_000_000 / (series * per_row).min(1_000_000_000),
            period_us: self.period_ms * 1000,
            counters: self.telemetry_counters,
            reading_us: self.telemetry_every_ms * 1000,
            calls: matches!(self.kind, Kind::Events | Kind::Mixed),
            aggregates: matches!(self.kind, Kind::Aggregated | Kind::Mixed),
            telemetry: matches!(self.kind, Kind::Telemetry | Kind::Mixed),
        }
    }

    /// Returns the path of a file and, for gzip, the level. With oddities, files are of both kinds and in nested
    /// directories.
    fn place(&self, number: u64) -> (PathBuf, Option<u32>) {
        let gzip = if self.oddities { number.is_multiple_of(2) != self.plain } else { !self.plain };
        let end = if gzip { "pfw.gz" } else { "pfw" };
        let name = format!("rank{number}-{:016x}-app.{end}", rng::mix(self.seed ^ rng::mix(number + 1)));
        let folder = if self.oddities && number > 0 {
            self.out.join(format!("host{}/rank {number}", number / 2))
        } else {
            self.out.clone()
        };
        (folder.join(name), gzip.then_some(self.level))
    }

    /// Writes the traces, at least two files at a time and more if there are more processors.
    ///
    /// # Errors
    ///
    /// If the arguments conflict, or the files cannot be written.
    pub fn run(&self) -> Result<Written> {
        self.check()?;
        let load = self.load();
        let jobs = Mutex::new(0..self.files);
        let threads = thread::available_parallelism().map_or(1, |n| n.get()).min(self.files as usize);
        let results = thread::scope(|scope| {
            let worker = || -> Result<u64> {
                let mut bytes = 0;
                loop {
                    let job = jobs.lock().map_or(None, |mut jobs| jobs.next());
                    let Some(number) = job else { return Ok(bytes) };
                    let (path, level) = self.place(number);
                    bytes += self
                        .file(number, &path, level, load)
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
            };
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            handles.into_iter().map(|h| h.join().unwrap_or_else(|_| bail!("a writer panicked"))).collect::<Vec<_>>()
        });
        let mut written = Written { files: self.files, text_bytes: 0 };
        for bytes in results {
            written.text_bytes += bytes?;
        }
        if self.oddities {
            let extra = oddities::files::write(&self.out.join("extra"), self.generation, self.seed)
                .context("cannot write the odd files")?;
            written.files += extra.files;
            written.text_bytes += extra.text_bytes;
        }
        Ok(written)
    }

    fn file(&self, number: u64, path: &Path, level: Option<u32>, load: Load) -> Result<u64> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut rng = Rng::new(self.seed, number);
        let mut sink = Sink::create(path, level)?;
        let mut process = Process::new(number, self.generation, self.unit, load);
        let mut odd = self.oddities.then(|| Oddities::new(number));
        let records = self.records / self.files + u64::from(number < self.records % self.files);
        let members = if odd.is_some() { self.members.max(3) } else { self.members };

        if process.brackets() {
            sink.buffer.push(b'[');
            // Some tracers write the first record on the line of the bracket.
            if !(odd.is_some() && number % 2 == 1 && self.generation != Generation::G0) {
                sink.buffer.push(b'\n');
            }
        }
        process.prologue(&mut sink.buffer);
        let mut member = 1;
        for record in 0..records {
            if record * members / records.max(1) >= member {
                member += 1;
                let held_back = if odd.is_some() { rng.below(150) } else { 0 };
                sink.next_member(held_back as usize)?;
            }
            match &mut odd {
                Some(odd) => odd.record(&mut process, &mut rng, &mut sink.buffer),
                None => {
                    process.record(&mut rng, &mut sink.buffer);
                    sink.buffer.push(b'\n');
                }
            }
            sink.drain()?;
        }
        if process.brackets() {
            sink.buffer.extend_from_slice(b"]\n");
        }
        Ok(sink.finish()?)
    }

    /// Writes the traces and returns a message for the user.
    ///
    /// # Errors
    ///
    /// Those of [`GenTrace::run`].
    pub fn report(&self) -> Result<String> {
        if self.list_oddities {
            return Ok(oddities::list());
        }
        let start = Instant::now();
        let written = self.run()?;
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = written.text_bytes as f64 / 1e6;
        Ok(format!(
            "{}: {} files, {} records, {megabytes:.1} MB of JSON in {seconds:.2} s ({:.0} MB/s)",
            self.out.display(),
            written.files,
            self.records,
            megabytes / seconds.max(1e-9),
        ))
    }
}

#[cfg(test)]
mod tests;
