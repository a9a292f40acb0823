//! Writes the traces that the arguments ask for.

use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;
use std::{fs, io, thread};

use dft_io::Show;

use crate::arguments::GenTrace;
use crate::dialect::Generation;
use crate::error::GenTraceError;
use crate::oddities::{self, Oddities};
use crate::process::Process;
use crate::rng::Rng;
use crate::shape::Values;
use crate::sink::{Form, Sink, Written};

impl GenTrace {
    /// Writes the traces, as many files at a time as there are processors.
    ///
    /// # Errors
    ///
    /// If the arguments conflict, or the files cannot be written.
    pub fn run(&self) -> Result<Written, GenTraceError> {
        let values = self.values();
        self.check(values)?;
        let jobs = Mutex::new(0..values.files);
        let cores = thread::available_parallelism().map_or(1, |n| n.get());
        let threads = cores.min(values.files as usize);
        // With fewer files than cores, a core is left to compress.
        let threaded = threads < cores;
        let results = thread::scope(|scope| {
            let worker = || -> Result<u64, GenTraceError> {
                let mut bytes = 0;
                loop {
                    let job = jobs.lock().map_or(None, |mut jobs| jobs.next());
                    let Some(number) = job else { return Ok(bytes) };
                    let (path, form) = self.place(number, threaded);
                    bytes += self.file(number, &path, form, values).map_err(GenTraceError::io("write", &path))?;
                }
            };
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            handles.into_iter().map(|h| h.join().unwrap_or(Err(GenTraceError::Panicked))).collect::<Vec<_>>()
        });
        let mut written = Written { files: values.files, text_bytes: 0 };
        for bytes in results {
            written.text_bytes += bytes?;
        }
        if self.oddities {
            let extra = self.out.join("extra");
            let extra = oddities::files::write(&extra, values.generation, self.seed)
                .map_err(GenTraceError::io("write odd files to", &extra))?;
            written.files += extra.files;
            written.text_bytes += extra.text_bytes;
        }
        Ok(written)
    }

    fn file(&self, number: u64, path: &Path, form: Form, values: Values) -> io::Result<u64> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut rng = Rng::new(self.seed, number);
        let mut sink = Sink::create(path, form)?;
        let mut process = Process::new(number, values.generation, self.unit, self.load(values));
        let mut odd = self.oddities.then(|| Oddities::new(number));
        let records = values.records / values.files + u64::from(number < values.records % values.files);
        let members = if odd.is_some() { self.members.max(3) } else { self.members };

        if process.brackets() {
            sink.buffer.push(b'[');
            // Some tracers write the first record on the line of the bracket.
            if !(odd.is_some() && number % 2 == 1 && values.generation != Generation::G0) {
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
        sink.finish()
    }

    /// Writes the traces and returns a message for the user.
    ///
    /// # Errors
    ///
    /// Those of [`GenTrace::run`].
    pub fn report(&self) -> Result<String, GenTraceError> {
        if self.list_oddities {
            return Ok(oddities::list());
        }
        let start = Instant::now();
        let written = self.run()?;
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = written.text_bytes as f64 / 1e6;
        Ok(format!(
            "{}: {} files, {} records, {megabytes:.1} MB of JSON in {seconds:.2} s ({:.0} MB/s)",
            self.out.shown(),
            written.files,
            self.values().records,
            megabytes / seconds.max(1e-9),
        ))
    }
}
