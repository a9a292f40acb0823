//! Traces as text, for tools that cannot read gzip.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;

use crate::inputs::{self, Traces};

/// Makes text files of the traces, without the brackets around them, which are an error to Polars.
pub(crate) fn inflated(traces: &Traces) -> Result<Traces> {
    let name = format!("{}-text", traces.name);
    let directory = traces.directory.with_file_name(&name);
    let bytes = inputs::size(&directory).unwrap_or_default();
    if bytes > traces.bytes {
        return Ok(Traces { name, directory, records: traces.records, bytes });
    }
    // Under another name until it is complete.
    let unfinished = traces.directory.with_file_name(format!("{name}-unfinished"));
    inputs::remove(&unfinished)?;
    let write = || -> std::io::Result<()> {
        fs::create_dir_all(&unfinished)?;
        for file in fs::read_dir(&traces.directory)? {
            let file = file?;
            let mut text = BufWriter::new(File::create(unfinished.join(file.file_name()).with_extension(""))?);
            let lines = BufReader::new(MultiGzDecoder::new(File::open(file.path())?)).split(b'\n');
            for line in lines {
                let line = line?;
                if line.starts_with(b"{") {
                    text.write_all(&line)?;
                    text.write_all(b"\n")?;
                }
            }
            text.flush()?;
        }
        fs::rename(&unfinished, &directory)
    };
    write().with_context(|| format!("cannot write {}", directory.display()))?;
    let bytes = inputs::size(&directory)?;
    Ok(Traces { name, directory, records: traces.records, bytes })
}
