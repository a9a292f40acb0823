//! Telemetry: readings of a host's counters.

use crate::json;
use crate::rng::Rng;
use crate::shapes::{Dialect, Named, Who, close, text};

/// The metrics of the counter `memory`.
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

/// Writes a reading of one counter of a host: CPU, memory, a disk, two networks, then one per CPU core.
pub(crate) fn write(out: &mut Vec<u8>, rng: &mut Rng, dialect: Dialect, host: &Named, ts: u64, counter: u64) {
    let core;
    let (cat, name) = match counter {
        0 => ("sys", "cpu"),
        1 => ("sys", "memory"),
        2 => ("io", "vda"),
        3 => ("net", "net-    lo"),
        4 => ("net", "net-  eth0"),
        n => {
            core = format!("cpu-{}", n - 5);
            ("sys", core.as_str())
        }
    };
    dialect.counter(out, Who { name, cat, pid: 0, tid: 0 }, host, ts, false);
    let float = |out: &mut Vec<u8>, key: &str, value: u64| {
        text(out, ",\"");
        text(out, key);
        text(out, "\":");
        json::ten_thousandths(out, value);
    };
    match (cat, name) {
        ("io", _) => {
            for key in ["ios_in_progress", "bytes_written", "writes_completed", "bytes_read", "reads_completed"] {
                float(out, key, rng.below(1 << 16) * 10_000);
            }
        }
        ("net", _) => {
            for key in ["tx_dropped", "packets_sent", "bytes_sent", "rx_dropped", "packets_recv", "bytes_recv"] {
                float(out, key, rng.below(1 << 16) * 10_000);
            }
        }
        (_, "memory") => MEMORY.iter().for_each(|key| float(out, key, rng.below(1 << 20))),
        _ => {
            let keys = ["steal_pct", "irq_pct", "idle_pct", "system_pct", "iowait_pct", "softirq_pct", "user_pct"];
            keys.iter().for_each(|key| float(out, key, rng.below(1_000_000)));
        }
    }
    close(out);
}
