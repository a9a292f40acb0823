//! Writes a trace file: text, or gzip in one or more members.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

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

/// A trace file that is being written. Its text collects in `buffer`; [`Sink::drain`] writes it.
pub(crate) struct Sink {
    pub(crate) buffer: Vec<u8>,
    out: Option<Out>,
    level: u32,
    /// Bytes of trace text that were written.
    pub(crate) text_bytes: u64,
}

enum Out {
    Plain(File),
    Gzip(Box<GzEncoder<File>>),
}

fn gzip(file: File, level: u32) -> Out {
    Out::Gzip(Box::new(GzEncoder::new(file, Compression::new(level))))
}

const CHUNK: usize = 1 << 20;

impl Sink {
    /// Creates a file. `level` is the gzip level, or `None` for text.
    pub(crate) fn create(path: &Path, level: Option<u32>) -> io::Result<Self> {
        let file = File::create(path)?;
        let out = match level {
            None => Out::Plain(file),
            Some(level) => gzip(file, level),
        };
        let buffer = Vec::with_capacity(CHUNK + CHUNK / 8);
        Ok(Self { buffer, out: Some(out), level: level.unwrap_or(0), text_bytes: 0 })
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
        self.out = match self.out.take() {
            Some(Out::Gzip(encoder)) => Some(gzip(encoder.finish()?, self.level)),
            other => other,
        };
        Ok(())
    }

    fn pass_on(&mut self, bytes: usize) -> io::Result<()> {
        match &mut self.out {
            Some(Out::Plain(file)) => file.write_all(&self.buffer[..bytes])?,
            Some(Out::Gzip(encoder)) => encoder.write_all(&self.buffer[..bytes])?,
            None => {}
        }
        self.text_bytes += bytes as u64;
        self.buffer.drain(..bytes);
        Ok(())
    }

    /// Writes the rest of the buffer. Returns the number of bytes of trace text.
    pub(crate) fn finish(mut self) -> io::Result<u64> {
        self.pass_on(self.buffer.len())?;
        if let Some(Out::Gzip(encoder)) = self.out.take() {
            encoder.finish()?;
        }
        Ok(self.text_bytes)
    }
}
