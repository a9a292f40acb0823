//! Measures how long it takes only to read and inflate traces: the lower bound of a build. With `--parse`, also to parse
//! their records.
//!
//! ```text
//! cargo run --release -p dft-trace --example read_floor -- [--parse] THREADS FILE…
//! ```
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use dft_trace::{Block, Parser, TraceReader};

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let parse = arguments.next_if(|argument| argument == "--parse").is_some();
    let threads = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(1);
    let files: Vec<PathBuf> = arguments.map(PathBuf::from).collect();
    let next = AtomicUsize::new(0);
    let read = || -> std::io::Result<usize> {
        let (mut block, mut bytes, mut parser) = (Block::default(), 0, Parser::new());
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut reader = TraceReader::open(file)?;
            // Lines are not counted, so every block starts at the same line.
            let start = reader.start();
            while reader.next_block(start, &mut block)? {
                bytes += block.text.len();
                if parse {
                    parser.parse(&block.text, block.first_line, block.clock, |line| {
                        black_box(&line);
                    });
                }
            }
        }
        Ok(bytes)
    };
    let start = Instant::now();
    let bytes: usize = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(read)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or(Ok(0))).sum::<std::io::Result<usize>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{seconds:.3} s, {:.0} MB/s", bytes as f64 / 1e6 / seconds);
    Ok(())
}
