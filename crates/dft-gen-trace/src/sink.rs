//! Writes a trace file: text, or gzip in one or more members.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

use flate2::Compression;
use flate2::write::GzEncoder;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Trace files.
    pub files: u64,
    /// Bytes of trace text, before compression.
    pub text_bytes: u64,
}

/// The form of a trace file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Text,
    Gzip {
        level: u32,
        /// Whether another thread compresses; the bytes are the same.
        threaded: bool,
    },
}

/// A trace file that is being written. Its text collects in `buffer`; [`Sink::drain`] writes it.
pub(crate) struct Sink {
    pub(crate) buffer: Vec<u8>,
    out: Out,
    /// Bytes of trace text that were written.
    text_bytes: u64,
}

enum Out {
    Text(File),
    Gzip(Gzip),
    Threaded(Threaded),
}

/// Text is compressed and written in pieces of this size.
const CHUNK: usize = 1 << 20;

/// Pieces that wait for the thread that compresses.
const WAITING: usize = 4;

impl Sink {
    /// Creates a file.
    pub(crate) fn create(path: &Path, form: Form) -> io::Result<Self> {
        let file = File::create(path)?;
        let out = match form {
            Form::Text => Out::Text(file),
            Form::Gzip { level, threaded } => {
                let gzip = Gzip { encoder: GzEncoder::new(file, Compression::new(level)), level };
                if threaded { Out::Threaded(Threaded::start(gzip)) } else { Out::Gzip(gzip) }
            }
        };
        Ok(Self { buffer: new_buffer(), out, text_bytes: 0 })
    }

    /// Writes the buffer if it is large enough.
    pub(crate) fn drain(&mut self) -> io::Result<()> {
        if self.buffer.len() < CHUNK {
            return Ok(());
        }
        self.pass_on(self.buffer.len())
    }

    /// Ends the gzip member `held_back` bytes before the end of the text so far: a member may end in the middle of a
    /// line. Does nothing for text.
    pub(crate) fn next_member(&mut self, held_back: usize) -> io::Result<()> {
        self.pass_on(self.buffer.len().saturating_sub(held_back))?;
        match &mut self.out {
            Out::Text(_) => Ok(()),
            Out::Gzip(gzip) => gzip.next_member(),
            Out::Threaded(threaded) => threaded.send(Work::NextMember),
        }
    }

    fn pass_on(&mut self, bytes: usize) -> io::Result<()> {
        self.text_bytes += bytes as u64;
        match &mut self.out {
            Out::Text(file) => file.write_all(&self.buffer[..bytes])?,
            Out::Gzip(gzip) => gzip.encoder.write_all(&self.buffer[..bytes])?,
            Out::Threaded(threaded) => {
                let mut next = threaded.empty.try_recv().unwrap_or_else(|_| new_buffer());
                next.clear();
                next.extend_from_slice(&self.buffer[bytes..]);
                self.buffer.truncate(bytes);
                return threaded.send(Work::Text(std::mem::replace(&mut self.buffer, next)));
            }
        }
        self.buffer.drain(..bytes);
        Ok(())
    }

    /// Writes the rest of the buffer. Returns the number of bytes of trace text.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.pass_on(self.buffer.len())?;
        match self.out {
            Out::Text(_) => {}
            Out::Gzip(gzip) => drop(gzip.encoder.finish()?),
            Out::Threaded(mut threaded) => threaded.finish()?,
        }
        Ok(self.text_bytes)
    }
}

fn new_buffer() -> Vec<u8> {
    Vec::with_capacity(CHUNK + CHUNK / 8)
}

struct Gzip {
    encoder: GzEncoder<File>,
    level: u32,
}

impl Gzip {
    fn next_member(&mut self) -> io::Result<()> {
        self.encoder.try_finish()?;
        let file = self.encoder.get_ref().try_clone()?;
        self.encoder = GzEncoder::new(file, Compression::new(self.level));
        Ok(())
    }
}

enum Work {
    Text(Vec<u8>),
    NextMember,
}

/// A thread that compresses and writes.
struct Threaded {
    /// `None` once there is no more work.
    work: Option<SyncSender<Work>>,
    /// Buffers that can be used again.
    empty: Receiver<Vec<u8>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Threaded {
    fn start(mut gzip: Gzip) -> Self {
        let (work, received) = sync_channel(WAITING);
        let (used, empty) = channel();
        let thread = thread::spawn(move || {
            for work in received {
                match work {
                    Work::Text(text) => {
                        gzip.encoder.write_all(&text)?;
                        // The other side is gone if it has no more text.
                        let _ = used.send(text);
                    }
                    Work::NextMember => gzip.next_member()?,
                }
            }
            gzip.encoder.finish().map(drop)
        });
        Self { work: Some(work), empty, thread: Some(thread) }
    }

    fn send(&mut self, work: Work) -> io::Result<()> {
        match self.work.as_ref().map(|sender| sender.send(work)) {
            Some(Ok(())) => Ok(()),
            // The thread ended early, so it failed.
            _ => self.finish(),
        }
    }

    /// Waits for the thread. Returns the error of its work.
    fn finish(&mut self) -> io::Result<()> {
        self.work = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the thread that compresses panicked")),
            None => Err(io::Error::other("the thread that compresses has ended")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_thread_writes_the_same_bytes() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let written = |threaded: bool| {
            let path = directory.path().join(threaded.to_string());
            let mut sink = Sink::create(&path, Form::Gzip { level: 1, threaded }).expect("a file");
            for line in 0..400_000 {
                sink.buffer.extend_from_slice(format!("line {line}\n").as_bytes());
                if line % 150_000 == 0 {
                    sink.next_member(3).expect("written");
                }
                sink.drain().expect("written");
            }
            (sink.finish().expect("written"), fs::read(path).expect("readable"))
        };
        assert!(written(true) == written(false));
    }

    #[test]
    fn a_full_disk_is_an_error_of_the_thread_that_compresses() {
        let mut sink = Sink::create(Path::new("/dev/full"), Form::Gzip { level: 1, threaded: true }).expect("opened");
        let mut number = 1u64;
        let result = (0..1_000_000).try_for_each(|_| {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            sink.buffer.extend_from_slice(&number.to_le_bytes());
            sink.drain()
        });
        let error = result.and_then(|()| sink.finish().map(drop)).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
