//! Telemetry: readings of a host's counters.

use crate::dialect::{Dialect, Named, Who, close, text};
use crate::json;
use crate::rng::{self, Rng};

const CORE: [&str; 7] = ["steal_pct", "irq_pct", "idle_pct", "system_pct", "iowait_pct", "softirq_pct", "user_pct"];

const DISK: [&str; 5] = ["ios_in_progress", "bytes_written", "writes_completed", "bytes_read", "reads_completed"];

const NETWORK: [&str; 6] = ["tx_dropped", "packets_sent", "bytes_sent", "rx_dropped", "packets_recv", "bytes_recv"];

const MEMORY: [&str; 24] = [
    "MemTotal",
    "MemFree",
    "MemAvailable",
    "Buffers",
    "Cached",
    "SwapCached",
    "Active",
    "Inactive",
    "Dirty",
    "Writeback",
    "AnonPages",
    "Mapped",
    "Shmem",
    "KReclaimable",
    "Slab",
    "SReclaimable",
    "SUnreclaim",
    "KernelStack",
    "PageTables",
    "CommitLimit",
    "Committed_AS",
    "VmallocUsed",
    "DirectMap2M",
    "DirectMap1G",
];

/// What released tracers write beyond that: the metrics of the counter `cpu`, in their order.
const ALL_CORES: [&str; 10] = [
    "guest_nice_pct",
    "guest_pct",
    "steal_pct",
    "irq_pct",
    "idle_pct",
    "system_pct",
    "iowait_pct",
    "nice_pct",
    "softirq_pct",
    "user_pct",
];

/// More metrics of the counter `memory`; most are always 0.
const MORE_MEMORY: [&str; 30] = [
    "Hugetlb",
    "HugePages_Surp",
    "HugePages_Rsvd",
    "HugePages_Free",
    "HugePages_Total",
    "FilePmdMapped",
    "FileHugePages",
    "ShmemHugePages",
    "AnonHugePages",
    "Percpu",
    "Balloon",
    "VmallocChunk",
    "VmallocTotal",
    "Bounce",
    "SecPageTables",
    "ShmemPmdMapped",
    "Inactive(anon)",
    "Inactive(file)",
    "SwapFree",
    "Active(anon)",
    "Hugepagesize",
    "Unevictable",
    "WritebackTmp",
    "Mlocked",
    "DirectMap4k",
    "SwapTotal",
    "Zswapped",
    "Zswap",
    "Active(file)",
    "NFS_Unstable",
];

/// More metrics of a network.
const MORE_NETWORK: [&str; 3] = ["tx_errors", "collisions", "rx_errors"];

/// How the values of a metric are.
#[derive(Clone, Copy)]
enum Values {
    /// Independent of each other: ten-thousandths below a bound.
    Random { below: u64 },
    /// Independent of each other: whole numbers below a bound.
    RandomWhole { below: u64 },
    /// Always 0, as most metrics of an idle host.
    Zero,
    /// As an average since the host was started: the last of six digits change.
    Drifting { digits: u64, decimals: u32 },
}

struct Metric {
    /// The key, with its comma, quotes and colon.
    key: String,
    values: Values,
}

struct Counter {
    cat: &'static str,
    name: String,
    metrics: Vec<Metric>,
}

/// The counters of a host: CPU, memory, a disk, two networks, then one for each CPU core.
pub(crate) struct Counters(Vec<Counter>);

impl Counters {
    /// Returns `number` counters of a host. If they drift, metrics and values are like those that released tracers
    /// write; otherwise, all values are random.
    pub(crate) fn new(number: u64, drifting: bool, host: &Named) -> Self {
        Self((0..number).map(|counter| Counter::new(counter, drifting, host)).collect())
    }

    /// Writes a reading of one counter.
    pub(crate) fn write(
        &mut self,
        out: &mut Vec<u8>,
        rng: &mut Rng,
        dialect: Dialect,
        host: &Named,
        ts: u64,
        counter: u64,
    ) {
        let Counter { cat, name, metrics } = &mut self.0[counter as usize];
        dialect.counter(out, Who { name, cat, pid: 0, tid: 0 }, host, ts, false);
        for metric in metrics {
            text(out, &metric.key);
            match &mut metric.values {
                Values::Random { below } => json::decimal(out, rng.below(*below), 4),
                Values::RandomWhole { below } => json::unsigned(out, rng.below(*below)),
                Values::Zero => out.push(b'0'),
                Values::Drifting { digits, decimals } => {
                    // Half of the readings differ from the one before.
                    let step = rng.below(32);
                    *digits = (*digits + step.saturating_sub(16)).min(999_999);
                    json::decimal(out, *digits, *decimals);
                }
            }
        }
        close(out);
    }
}

impl Counter {
    fn new(number: u64, drifting: bool, host: &Named) -> Self {
        let (cat, name) = match number {
            0 => ("sys", "cpu".to_owned()),
            1 => ("sys", "memory".to_owned()),
            2 => ("io", "vda".to_owned()),
            3 => ("net", "net-    lo".to_owned()),
            4 => ("net", "net-  eth0".to_owned()),
            n => ("sys", format!("cpu-{}", n - 5)),
        };
        let (keys, more): (&[&str], &[&str]) = match number {
            0 if drifting => (&ALL_CORES, &[]),
            1 => (&MEMORY, if drifting { &MORE_MEMORY } else { &[] }),
            2 => (&DISK, &[]),
            3 | 4 => (&NETWORK, if drifting { &MORE_NETWORK } else { &[] }),
            _ => (&CORE, &[]),
        };
        let values = |key: &str, mostly_zero: bool| {
            let chosen = rng::hash(&format!("{} {name} {key}", host.name));
            match (drifting, number) {
                (true, _) if mostly_zero && !chosen.is_multiple_of(4) => Values::Zero,
                (true, _) if chosen.is_multiple_of(8) => Values::Zero,
                // From 1000 to 999,999 with 4 to 7 decimals: 0.0010053 to 99.9999.
                (true, _) => Values::Drifting {
                    digits: 100_000 + (chosen >> 8) % 800_000,
                    decimals: 4 + (chosen >> 32) as u32 % 4,
                },
                (false, 1) => Values::Random { below: 1 << 20 },
                (false, 2..=4) => Values::RandomWhole { below: 1 << 16 },
                (false, _) => Values::Random { below: 1_000_000 },
            }
        };
        let metric =
            |&key: &&str, mostly_zero| Metric { key: format!(",\"{key}\":"), values: values(key, mostly_zero) };
        let metrics = keys.iter().map(|key| metric(key, false)).chain(more.iter().map(|key| metric(key, true)));
        let metrics = metrics.collect();
        Self { cat, name, metrics }
    }
}
