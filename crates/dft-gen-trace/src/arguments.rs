//! The arguments of `gen-trace`, and what they ask for.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, ValueEnum};

use crate::dialect::{Generation, Unit};
use crate::error::GenTraceError;
use crate::process::Load;
use crate::rng;
use crate::shape::{Kind, Shape, Values};
use crate::sink::Form;

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
    pub(crate) out: PathBuf,
    /// Shape of the traces: values for all arguments without a default below
    #[arg(long, value_enum, default_value = "sample")]
    pub(crate) shape: Shape,
    /// Tracer generation, as in the specification
    #[arg(long, value_enum)]
    pub(crate) generation: Option<Generation>,
    /// Kind of records
    #[arg(long, value_enum)]
    pub(crate) kind: Option<Kind>,
    /// Records of all files, in addition to the metadata that files need
    #[arg(long, value_name = "N")]
    pub(crate) records: Option<u64>,
    /// Trace files, one per process
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) files: Option<u64>,
    /// Seed: the same seed and arguments give the same text
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Approximate number of distinct (function, process, file) combinations in all files [default with --new-files:
    /// ten times the records]
    #[arg(long, value_name = "N")]
    pub(crate) series: Option<u64>,
    /// Calls per row at an interval of 1 s: high is 4, low is 1000
    #[arg(long, value_enum)]
    pub(crate) cardinality: Option<Cardinality>,
    /// Calls per row, as a number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "cardinality")]
    pub(crate) records_per_row: Option<u64>,
    /// Use a different file for each call, as far as there are series
    #[arg(long)]
    pub(crate) new_files: bool,
    /// Time unit of the files, announced by their CM record (generations 2 and 3)
    #[arg(long, value_enum, default_value = "us")]
    pub(crate) unit: Unit,
    /// Length of the periods of aggregated calls, ms
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) period_ms: u64,
    /// Distinct telemetry counters of each host
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) telemetry_counters: Option<u64>,
    /// Time between two telemetry readings, ms
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) telemetry_every_ms: Option<u64>,
    /// Let telemetry be like that of an idle host: more metrics, of which many are 0 and the others change slowly, and
    /// a host for each file; otherwise, values are random
    #[arg(long)]
    pub(crate) drifting: bool,
    /// Write gzip files (the default)
    #[arg(long, conflicts_with = "plain")]
    pub(crate) gzip: bool,
    /// Write text files
    #[arg(long)]
    pub(crate) plain: bool,
    /// Gzip compression level, 1 to 9
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=9))]
    pub(crate) level: u32,
    /// Gzip members of each file
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) members: u64,
    /// Make every second record odd: everything that the specification has a rule for, including faults
    #[arg(long)]
    pub(crate) oddities: bool,
    /// List the oddities, and write nothing
    #[arg(long)]
    pub(crate) list_oddities: bool,
}

/// The number of calls per row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cardinality {
    High,
    Low,
}

impl GenTrace {
    /// Parses command-line arguments.
    ///
    /// # Errors
    ///
    /// If they are not arguments of `gen-trace`.
    pub fn from_arguments(arguments: &[&str], out: &Path) -> Result<Self, GenTraceError> {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            gen_trace: GenTrace,
        }
        let command = [OsStr::new("gen-trace"), OsStr::new("--out"), out.as_os_str()];
        let line = Line::try_parse_from(command.into_iter().chain(arguments.iter().map(OsStr::new)))?;
        Ok(line.gen_trace)
    }

    /// Returns the values of the shape, with those that are given.
    pub(crate) fn values(&self) -> Values {
        let shape = self.shape.values();
        let records = self.records.unwrap_or(shape.records);
        let new_files = self.new_files || shape.new_files;
        let series = self.series.unwrap_or(if new_files { 10 * records } else { shape.series });
        let per_row = self.cardinality.map(|cardinality| match cardinality {
            Cardinality::High => 4,
            Cardinality::Low => 1000,
        });
        Values {
            generation: self.generation.unwrap_or(shape.generation),
            kind: self.kind.unwrap_or(shape.kind),
            records,
            files: self.files.unwrap_or(shape.files),
            series,
            records_per_row: self.records_per_row.or(per_row).unwrap_or(shape.records_per_row),
            new_files,
            telemetry_counters: self.telemetry_counters.unwrap_or(shape.telemetry_counters),
            telemetry_every_ms: self.telemetry_every_ms.unwrap_or(shape.telemetry_every_ms),
            drifting: self.drifting || shape.drifting,
        }
    }

    /// Fails if tracers never wrote this, or the output directory has files. Creates the directory.
    pub(crate) fn check(&self, values: Values) -> Result<(), GenTraceError> {
        if values.generation < Generation::G2 {
            if values.kind != Kind::Events {
                return Err(GenTraceError::Generation(
                    "tracers of generation 0 and 1 wrote complete calls only: use --kind events",
                ));
            }
            if self.unit != Unit::Us {
                return Err(GenTraceError::Generation(
                    "tracers of generation 0 and 1 counted microseconds: use --unit us",
                ));
            }
        }
        fs::create_dir_all(&self.out).map_err(GenTraceError::io("create", &self.out))?;
        let entries = fs::read_dir(&self.out).map_err(GenTraceError::io("read", &self.out))?;
        if entries.count() > 0 {
            return Err(GenTraceError::NotEmpty { out: self.out.clone() });
        }
        Ok(())
    }

    /// Returns what each process does.
    pub(crate) fn load(&self, values: Values) -> Load {
        let series = (values.series / values.files).max(1);
        let kind = values.kind;
        Load {
            series,
            new_files: values.new_files,
            call_gap_ns: 1_000_000_000 / (series * values.records_per_row).min(1_000_000_000),
            period_us: self.period_ms * 1000,
            counters: values.telemetry_counters,
            drifting: values.drifting,
            reading_us: values.telemetry_every_ms * 1000,
            calls: matches!(kind, Kind::Events | Kind::Mixed),
            aggregates: matches!(kind, Kind::Aggregated | Kind::Mixed),
            telemetry: matches!(kind, Kind::Telemetry | Kind::Mixed),
        }
    }

    /// Returns the path and the form of a file. With oddities, files are of both forms and in nested directories.
    pub(crate) fn place(&self, number: u64, threaded: bool) -> (PathBuf, Form) {
        let gzip = if self.oddities { number.is_multiple_of(2) != self.plain } else { !self.plain };
        let end = if gzip { "pfw.gz" } else { "pfw" };
        let name = format!("rank{number}-{:016x}-app.{end}", rng::mix(self.seed ^ rng::mix(number + 1)));
        let folder = if self.oddities && number > 0 {
            self.out.join(format!("host{}/rank {number}", number / 2))
        } else {
            self.out.clone()
        };
        let form = if gzip { Form::Gzip { level: self.level, threaded } } else { Form::Text };
        (folder.join(name), form)
    }
}
