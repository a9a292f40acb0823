//! The machine of the measurements.

use std::fs;
use std::process::Command;
use std::thread;

use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) system: String,
    pub(crate) compiler: String,
    /// The number of runnable processes before the measurements, which are those of others.
    pub(crate) load: Option<f64>,
}

impl Machine {
    pub(crate) fn describe() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (processors, memory, release) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/etc/os-release"));
        let memory = value(&memory, "MemTotal", ':').and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let compiler = Command::new("rustc").arg("--version").output();
        Self {
            processor: value(&processors, "model name", ':').unwrap_or(std::env::consts::ARCH).to_owned(),
            cores: thread::available_parallelism().map_or(1, |cores| cores.get()),
            memory_bytes: memory.map(|kib| kib * 1024),
            system: value(&release, "PRETTY_NAME", '=').unwrap_or(std::env::consts::OS).to_owned(),
            compiler: compiler.map_or_else(
                |_| "rustc, unknown version".to_owned(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            ),
            load: read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()),
        }
    }
}

/// Returns the value in the first line that starts with a key and a separator.
fn value<'a>(text: &'a str, key: &str, separator: char) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(separator));
    pairs.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().trim_matches('"'))
}
