//! Shapes of traces: what jobs of a kind write, as values for the other arguments.

use clap::ValueEnum;

use crate::dialect::Generation;

/// A shape of traces. Arguments that are given replace its values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// 100,000 calls in 4 files, 4 in a row at 1 s
    #[default]
    Sample,
    /// 1.9 million calls in 4 files, 4 in a row at 1 s
    HighCardinality,
    /// 1.9 million calls in 4 files, 1000 in a row at 1 s
    LowCardinality,
    /// A million calls, each on a file of its own
    FilePerCall,
    /// 400,000 readings of 70 counters of each of 8 hosts, with metrics and values like those of released tracers
    Telemetry,
    /// 1.9 million aggregated calls in 4 files
    Aggregated,
    /// 400,000 calls in 2,000 files
    SmallFiles,
    /// 1 GB of text in one gzip member
    OneMember,
    /// 100 million calls in 64 files: 21 GB of text, 3 GB of gzip
    Huge,
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

/// The values of arguments that a shape chooses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    pub(crate) generation: Generation,
    pub(crate) kind: Kind,
    pub(crate) records: u64,
    pub(crate) files: u64,
    pub(crate) series: u64,
    pub(crate) records_per_row: u64,
    pub(crate) new_files: bool,
    pub(crate) telemetry_counters: u64,
    pub(crate) telemetry_every_ms: u64,
    pub(crate) drifting: bool,
}

impl Shape {
    pub(crate) fn values(self) -> Values {
        let sample = Values {
            generation: Generation::G2,
            kind: Kind::Events,
            records: 100_000,
            files: 4,
            series: 172,
            records_per_row: 4,
            new_files: false,
            telemetry_counters: 9,
            telemetry_every_ms: 200,
            drifting: false,
        };
        match self {
            Self::Sample => sample,
            Self::HighCardinality => Values { records: 1_900_000, ..sample },
            Self::LowCardinality => Values { records: 1_900_000, records_per_row: 1000, ..sample },
            // A tenth of the series is the number of files.
            Self::FilePerCall => Values { records: 1_000_000, files: 1, series: 10_000_000, new_files: true, ..sample },
            Self::Telemetry => Values {
                generation: Generation::G3,
                kind: Kind::Telemetry,
                records: 400_000,
                files: 8,
                telemetry_counters: 70,
                drifting: true,
                ..sample
            },
            Self::Aggregated => {
                Values { generation: Generation::G3, kind: Kind::Aggregated, records: 1_900_000, ..sample }
            }
            Self::SmallFiles => Values { records: 400_000, files: 2000, series: 26_000, ..sample },
            // 210 bytes per record.
            Self::OneMember => Values { records: 4_760_000, files: 1, ..sample },
            // As many series in each file as in the other shapes.
            Self::Huge => Values { records: 100_000_000, files: 64, series: 64 * 43, ..sample },
        }
    }
}
