//! Bytes as a trace file, plain or gzip: reading ends, and what it says of itself agrees; and aggregation takes each
//! record, or says why not.
#![no_main]

use std::io::Write;
use std::os::fd::AsRawFd;

use dft_aggregate::{Aggregator, Config};
use dft_codec::FileCounts;
use dft_trace::{Block, Line, Parser, TraceReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A file that has no name, which is read by the one that the system gives it.
    let name = c"trace";
    // SAFETY: the name is a C string, and the descriptor is owned by the file alone.
    let mut file = unsafe {
        use std::os::fd::FromRawFd;
        std::fs::File::from_raw_fd(memfd_create(name.as_ptr(), 0))
    };
    file.write_all(bytes).expect("written to memory");
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let Ok(mut reader) = TraceReader::open(path.as_ref()) else { return };
    let config = Config { sketch_accuracy: Some(0.01), extra_group_keys: vec!["step".to_owned()], ..Config::default() };
    let (mut table, mut counts) = (Aggregator::new(&config), FileCounts::default());
    let (mut parser, mut block, mut end) = (Parser::new(), Block::default(), reader.start());
    while reader.next_block(end, &mut block).expect("memory is read") {
        let seen = block.end();
        end = parser.parse(&block.text, block.first_line, block.clock, |line| match line {
            Line::Record { record, clock, .. } => {
                if table.record(record, clock, &mut counts).is_err() {
                    counts.malformed += 1;
                }
            }
            Line::Malformed { .. } => counts.malformed += 1,
        });
        assert_eq!(end.line, seen.line, "a block is counted in two ways");
    }
    let summary = reader.finish(end).expect("memory is read");
    assert!(summary.consumed.offset <= bytes.len() as u64);
    table.into_run();
});

unsafe extern "C" {
    fn memfd_create(name: *const std::ffi::c_char, flags: std::ffi::c_uint) -> std::ffi::c_int;
}
