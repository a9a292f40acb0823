//! Simulates a process, which opens files of a shared data set, reads and writes them in sessions, calls Python
//! functions in between, and reads its host's counters. All of its records are well-formed; `oddities` writes others.

use crate::dialect::{Dialect, Generation, Named, Unit, Who, close, pair, text};
use crate::files::Files;
use crate::json;
use crate::readings::Counters;
use crate::rng::Rng;

/// The first microsecond of every generated trace, a whole second of November 2026.
pub(crate) const START_US: u64 = 1_795_452_212_000_000;

/// The calls on files, `(category, function)`. Each is one series per file.
const CALLS: [(&str, &str); 10] = [
    ("POSIX", "open64"),
    ("POSIX", "lseek64"),
    ("POSIX", "read"),
    ("POSIX", "pread64"),
    ("POSIX", "write"),
    ("POSIX", "close"),
    ("STDIO", "fopen64"),
    ("STDIO", "fread"),
    ("STDIO", "fwrite"),
    ("STDIO", "fclose"),
];

/// One session on a file: indices into [`CALLS`].
const SESSION: [usize; 14] = [0, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9];

/// The functions of the application. Each is one series per process.
const FUNCTIONS: [(&str, &str); 13] = [
    ("data_loader", "TorchDataset.__getitem__"),
    ("compute", "TorchFramework.compute"),
    ("dataloader", "TorchDataLoader.next"),
    ("reader", "NPZReader.open"),
    ("reader", "NPZReader.get_sample"),
    ("reader", "FormatReader.preprocess"),
    ("checkpoint", "PyTorchCheckpointing.save_state"),
    ("storage", "FileStorage.get_uri"),
    ("ai_framework", "TorchFramework.trace_object"),
    ("dlio_benchmark", "DLIOBenchmark._train"),
    ("config", "ConfigArguments.derive_configurations"),
    ("checkpoint", "PyTorchCheckpointing.checkpoint"),
    ("compute", "rank.<locals>.compute"),
];

/// What a process does, and how fast.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    /// Distinct series of this process, at least 1.
    pub(crate) series: u64,
    /// Whether each call is on the next file, instead of in a session on one file.
    pub(crate) new_files: bool,
    /// Mean time between two calls, ns.
    pub(crate) call_gap_ns: u64,
    /// Length of an aggregation period, µs.
    pub(crate) period_us: u64,
    /// Distinct counters of the host, at least 1.
    pub(crate) counters: u64,
    /// Whether readings are like those of a host, instead of random; then each process has a host of its own.
    pub(crate) drifting: bool,
    /// Time between two readings of a counter, µs.
    pub(crate) reading_us: u64,
    pub(crate) calls: bool,
    pub(crate) aggregates: bool,
    pub(crate) telemetry: bool,
}

/// A session on a file: the next step of [`SESSION`], the size of its transfers and where it reads.
struct Session {
    file: u64,
    step: usize,
    size: i64,
    offset: i64,
}

/// A process and its clock.
pub(crate) struct Process {
    pub(crate) dialect: Dialect,
    pub(crate) unit: Unit,
    pub(crate) host: Named,
    pub(crate) pid: u64,
    pub(crate) files: Files,
    counters: Counters,
    load: Load,
    functions: u64,
    pub(crate) id: u64,
    session: Session,
    next_call_ns: u64,
    next_period: (u64, u64),
    next_reading: (u64, u64),
}

impl Process {
    pub(crate) fn new(number: u64, generation: Generation, unit: Unit, load: Load) -> Self {
        let dialect = Dialect { generation, short_hashes: number % 2 == 1 };
        let functions = (load.series / 3).clamp(u64::from(load.series < 3), FUNCTIONS.len() as u64);
        let files = (load.series - functions).div_ceil(CALLS.len() as u64).max(1);
        let on_the_host = if load.drifting { 1 } else { 2 };
        let host = dialect.named(format!("corona{}", 170 + number / on_the_host));
        Self {
            dialect,
            unit,
            counters: Counters::new(if load.telemetry { load.counters } else { 0 }, load.drifting, &host),
            host,
            pid: 17_400 + number * 17,
            files: Files::new(dialect, files),
            load,
            functions,
            id: 0,
            session: Session { file: 0, step: SESSION.len(), size: 4096, offset: 0 },
            next_call_ns: 0,
            next_period: (0, 0),
            next_reading: (0, 0),
        }
    }

    /// Returns the time of the next record, in µs since the epoch.
    pub(crate) fn now_us(&self) -> u64 {
        START_US
            + match self.due() {
                Due::Call => self.next_call_ns / 1000,
                Due::Period => (self.next_period.0 + 1) * self.load.period_us,
                Due::Reading => self.next_reading.0 * self.load.reading_us,
            }
    }

    fn due(&self) -> Due {
        let never = u64::MAX;
        let call = if self.load.calls { self.next_call_ns } else { never };
        let period = if self.load.aggregates { (self.next_period.0 + 1) * self.load.period_us * 1000 } else { never };
        let reading = if self.load.telemetry { self.next_reading.0 * self.load.reading_us * 1000 } else { never };
        if call <= period && call <= reading {
            Due::Call
        } else if period <= reading {
            Due::Period
        } else {
            Due::Reading
        }
    }

    /// Writes the records that a tracer writes before the first call, one per line.
    pub(crate) fn prologue(&mut self, out: &mut Vec<u8>) {
        if !self.dialect.has_metadata() {
            return;
        }
        let host = &self.host;
        let pid = self.pid.to_string();
        let command = self.dialect.named(
            "/usr/tce/venv/bin/python;/usr/tce/venv/bin/dlio_benchmark;workload=unet3d_v100;\
             ++workload.dataset.data_folder=/p/lustre1/demo/unet3d/data;++workload.train.epochs=5"
                .to_owned(),
        );
        let program = self.dialect.named("dlio_benchmark".to_owned());
        let folder = self.dialect.named("/p/lustre1/demo".to_owned());
        let unit = json::quoted(self.unit.name());
        let mut lines =
            vec![("HH", host.name.as_str(), host.hash.as_str()), ("thread_name", pid.as_str(), "\"thread_name\"")];
        if self.dialect.generation >= Generation::G2 {
            lines.push(("CM", "time_metric", &unit));
        }
        lines.push(("FH", &folder.name, &folder.hash));
        lines.push(("SH", &command.name, &command.hash));
        lines.push(("SH", &program.name, &program.hash));
        lines.push(("PR", &program.name, &program.hash));
        for (kind, name, value) in lines {
            self.dialect.metadata(out, self.tracer(kind), host, name, value);
            out.push(b'\n');
        }
    }

    fn tracer<'a>(&self, name: &'a str) -> Who<'a> {
        Who { name, cat: "dftracer", pid: self.pid, tid: self.pid }
    }

    /// Writes the next record, without a newline, after the metadata that it needs.
    pub(crate) fn record(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        match self.due() {
            Due::Call => self.call(rng, out),
            Due::Period => self.aggregated(rng, out),
            Due::Reading => self.reading(rng, out),
        }
    }

    /// Writes the metadata of a file at its first use.
    fn announce(&mut self, file: u64, out: &mut Vec<u8>) {
        if self.dialect.has_metadata() && self.files.announce(file) {
            let tracer = self.tracer("FH");
            let named = self.files.get(file);
            self.dialect.metadata(out, tracer, &self.host, &named.name, &named.hash);
            out.push(b'\n');
        }
    }

    fn call(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let ts_us = START_US + self.next_call_ns / 1000;
        self.next_call_ns += rng.below(2 * self.load.call_gap_ns + 1);
        self.id += 1;
        if rng.below(self.load.series) < self.functions {
            let dur = self.unit.of_us(rng.within(5, 900));
            self.function(rng, out, self.unit.of_us(ts_us), dur);
            return;
        }
        let (file, call) = loop {
            if self.load.new_files {
                self.session.file = (self.session.file + 1) % self.files.number();
                self.session.step = rng.below(SESSION.len() as u64) as usize;
            } else if self.session.step == SESSION.len() {
                self.session = Session {
                    file: rng.below(self.files.number()),
                    step: 0,
                    size: 512 << rng.below(8),
                    offset: (rng.below(1 << 12) * 65_536) as i64,
                };
            }
            let (file, call) = (self.session.file, SESSION[self.session.step]);
            self.session.step += 1;
            // The last file may have series for some of the calls only.
            if file * CALLS.len() as u64 + call as u64 + self.functions < self.load.series {
                break (file, call);
            }
        };
        self.announce(file, out);
        let (cat, name) = CALLS[call];
        let who = Who { name, cat, pid: self.pid, tid: self.pid + file % 2 };
        let d = self.dialect;
        let dur = self.unit.of_us(1 + rng.below(8) + if rng.one_in(50) { rng.below(3000) } else { 0 });
        d.call(out, self.id, who, &self.host, self.unit.of_us(ts_us), dur);
        let size = self.session.size;
        match name {
            "open64" | "fopen64" => {
                pair(out, ",\"flags\":", rng.pick(&[524_288, 524_865]));
                pair(out, ",\"mode\":", 438);
                d.transfer(out, ",\"ret\":", rng.within(3, 60) as i64);
            }
            "lseek64" => {
                d.transfer(out, ",\"ret\":", size);
                pair(out, ",\"whence\":", rng.below(3));
                d.transfer(out, ",\"offset\":", if rng.one_in(20) { -size } else { size });
            }
            "pread64" => {
                d.transfer(out, ",\"ret\":", size);
                d.transfer(out, ",\"offset\":", self.session.offset);
                self.session.offset += size;
                d.transfer(out, ",\"count\":", size);
            }
            "read" | "write" | "fread" | "fwrite" => {
                let failed = rng.one_in(100);
                d.transfer(out, ",\"ret\":", if failed { -1 } else { size });
                d.transfer(out, ",\"count\":", size);
            }
            _ => d.transfer(out, ",\"ret\":", 0),
        }
        d.file(out, self.files.get(file));
        pair(out, ",\"fd\":", 3 + file % 1021);
        pair(out, ",\"level\":", 4 + call as u64 % 7);
        close(out);
    }

    fn function(&mut self, rng: &mut Rng, out: &mut Vec<u8>, ts: u64, dur: u64) {
        let function = rng.below(self.functions);
        let (cat, name) = FUNCTIONS[function as usize];
        let who = Who { name, cat, pid: self.pid, tid: self.pid };
        self.dialect.call(out, self.id, who, &self.host, ts, dur);
        pair(out, ",\"epoch\":", self.id / 4096);
        pair(out, ",\"step\":", self.id % 4096);
        pair(out, ",\"p_idx\":", self.id.saturating_sub(3));
        pair(out, ",\"level\":", 2 + function % 6);
        close(out);
    }

    /// Writes the aggregated calls of one series in the period that just ended.
    fn aggregated(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let (period, series) = self.next_period;
        // After all series: host statistics.
        self.next_period = if series == self.load.series { (period + 1, 0) } else { (period, series + 1) };
        // Records of phase `C` have the end of their period, the others its start.
        let end = u64::from(self.dialect.generation != Generation::G3);
        let ts = self.unit.of_us(START_US + (period + end) * self.load.period_us);
        let d = self.dialect;
        let count = if rng.one_in(6) { 1 } else { rng.within(2, 60) };
        if series == self.load.series {
            let who = Who { name: "cpu", cat: "sys", pid: self.pid, tid: self.pid };
            d.counter(out, who, &self.host, ts, true);
            statistics(out, rng, "user_pct", count, 0, 100);
            pair(out, ",\"dft_cnt\":", count);
            close(out);
            return;
        }
        let (file, (cat, name)) = if series < self.functions {
            (None, FUNCTIONS[series as usize])
        } else {
            let call = series - self.functions;
            (Some(call / CALLS.len() as u64), CALLS[(call % CALLS.len() as u64) as usize])
        };
        if let Some(file) = file {
            self.announce(file, out);
        }
        let who = Who { name, cat, pid: self.pid, tid: self.pid + file.unwrap_or(0) % 2 };
        d.counter(out, who, &self.host, ts, true);
        if let Some(file) = file {
            d.file(out, self.files.get(file));
        }
        // Durations are in the file's unit, too.
        statistics(out, rng, "dur", count, self.unit.of_us(1), self.unit.of_us(900));
        match name {
            "read" | "write" | "fread" | "fwrite" | "pread64" => {
                statistics(out, rng, "ret", count, 0, 65_536);
                statistics(out, rng, "count", count, 4096, 65_536);
            }
            "lseek64" => statistics(out, rng, "offset", count, 0, 1 << 30),
            "close" | "fclose" => statistics(out, rng, "ret", count, 0, 0),
            "open64" | "fopen64" => statistics(out, rng, "flags", count, 524_288, 524_865),
            _ => {}
        }
        pair(out, ",\"dft_cnt\":", count);
        close(out);
    }

    /// Writes a reading of one counter of the host.
    fn reading(&mut self, rng: &mut Rng, out: &mut Vec<u8>) {
        let (tick, counter) = self.next_reading;
        self.next_reading = if counter + 1 == self.load.counters { (tick + 1, 0) } else { (tick, counter + 1) };
        let ts = self.unit.of_us(START_US + tick * self.load.reading_us + counter * 40);
        self.counters.write(out, rng, self.dialect, &self.host, ts, counter);
    }

    /// Whether brackets surround the records; the newest tracer writes none.
    pub(crate) fn brackets(&self) -> bool {
        self.dialect.generation != Generation::G3
    }
}

enum Due {
    Call,
    Period,
    Reading,
}

/// Writes the statistics of `count` samples between `low` and `high` as `base_sum`, `base_min` and `base_max`, or a
/// single sample as `base`.
fn statistics(out: &mut Vec<u8>, rng: &mut Rng, base: &str, count: u64, low: u64, high: u64) {
    let mut put = |suffix: &str, value: u64| {
        text(out, ",\"");
        text(out, base);
        text(out, suffix);
        text(out, "\":");
        json::unsigned(out, value);
    };
    let (a, b) = (rng.within(low, high), rng.within(low, high));
    if count == 1 {
        put("", a);
        return;
    }
    let (min, max) = (a.min(b), a.max(b));
    put("_max", max);
    put("_sum", min + max + (count - 2) * rng.within(min, max));
    put("_min", min);
}
