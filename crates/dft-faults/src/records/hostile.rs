//! Traces with records that a tracer might write and records that no tracer writes.

use std::fmt::Write;

use crate::random::Random;

/// Returns the text of a trace, which consists of whole lines.
pub(crate) fn trace(random: &mut Random, number: usize) -> String {
    let mut text = String::new();
    // Makes each trace unique.
    let _ = writeln!(text, r#"{{"name":"SH","ph":"M","args":{{"name":"trace {number}","value":"t{number}"}}}}"#);
    let lines = 1 + random.below(60);
    let wild = random.pick(&[1, 6, 40]);
    let mut clock = 1_700_000_000_000_000 + random.next() % 10_000_000;
    for _ in 0..lines {
        clock += random.next() % 1_500_000;
        line(&mut text, random, clock, wild);
        text.push_str(random.pick(&["", "", "", ","]));
        text.push_str(random.pick(&["\n", "\n", "\n", "\r\n"]));
    }
    text
}

/// Appends a line. About one in `wild` values is one that no tracer writes.
fn line(text: &mut String, random: &mut Random, clock: u64, wild: usize) {
    match random.below(20) {
        0 => metadata(text, random),
        1 => session(text, random),
        2 if random.once_in(wild) => text.push_str(random.pick(&[
            "",
            "[",
            "]",
            "null",
            "{}",
            "[]",
            "{\"",
            "{\"name\":\"x\",\"ph\":\"X\"",
            "\u{0}\u{0}",
            "\u{feff}{}",
            "{\"a\":{\"b\":{\"c\":[[[[1]]]]}}}",
        ])),
        _ => record(text, random, clock, wild),
    }
}

const NAMES: [&str; 16] = [
    "read",
    "write",
    "pread64",
    "fread",
    "fwrite",
    "open64",
    "close",
    "__xstat",
    "cpu",
    "mem",
    "Model.forward",
    "größe",
    "\\u0041\\n\\\"",
    "",
    "=1+1",
    "\u{202e}evil",
];
const CATEGORIES: [&str; 8] = ["POSIX", "posix", "STDIO", "sys", "dftracer", "PyTorch", "", "ÄÖ"];
const PHASES: [&str; 10] = ["\"X\"", "1", "\"C\"", "2", "3", "\"A\"", "\"X\"", "1", "\"B\"", "9"];
const ARGS: [&str; 28] = [
    "ret",
    "offset",
    "size",
    "count",
    "dft_cnt",
    "dur_sum",
    "dur_min",
    "dur_max",
    "ret_sum",
    "ret_min",
    "ret_max",
    "offset_min",
    "offset_max",
    "offset_sum",
    "dur",
    "level",
    "user_pct",
    "x",
    "x_sum",
    "x_min",
    "x_max",
    "fd",
    "epoch",
    "step",
    "whence",
    "a_long_name_of_an_arg",
    "metric é",
    "flags",
];

fn record(text: &mut String, random: &mut Random, clock: u64, wild: usize) {
    let mut fields = Vec::new();
    fields.push(format!("\"ph\":{}", random.pick(&PHASES)));
    fields.push(format!("\"name\":\"{}\"", random.pick(&NAMES)));
    fields.push(format!("\"cat\":\"{}\"", random.pick(&CATEGORIES)));
    for key in ["pid", "tid"] {
        let value = if random.once_in(wild * 4) { number(random, wild) } else { (1 + random.below(3)).to_string() };
        fields.push(format!("\"{key}\":{value}"));
    }
    let ts = if random.once_in(wild * 4) { number(random, wild) } else { clock.to_string() };
    fields.push(format!("\"ts\":{ts}"));
    if !random.once_in(4) {
        let dur = if random.once_in(wild * 4) { number(random, wild) } else { random.below(5_000).to_string() };
        fields.push(format!("\"dur\":{dur}"));
    }
    if random.once_in(3) {
        fields.push(format!("\"id\":{}", random.below(1000)));
    }
    let mut args = Vec::new();
    for key in ["hhash", "fhash"] {
        match random.below(8) {
            0 => {}
            1 => args.push(format!("\"{key}\":{}", 1 + random.below(3))),
            2 if random.once_in(wild) => args.push(format!("\"{key}\":{}", value(random, wild))),
            _ => args.push(format!("\"{key}\":\"h{}\"", random.below(4))),
        }
    }
    for _ in 0..random.below(7) {
        let key = random.pick(&ARGS);
        let value = if random.once_in(wild) { value(random, wild) } else { random.below(1 << 20).to_string() };
        args.push(format!("\"{key}\":{value}"));
    }
    fields.push(format!("\"args\":{{{}}}", args.join(",")));
    if random.once_in(3) {
        fields = random.sample(fields, usize::MAX);
    }
    if random.once_in(wild * 6) {
        let at = random.below(fields.len());
        fields.remove(at);
    }
    let _ = write!(text, "{{{}}}", fields.join(","));
}

fn metadata(text: &mut String, random: &mut Random) {
    let phase = random.pick(&["\"M\"", "4"]);
    let kind = random.pick(&["FH", "HH", "SH", "PR", "process_name", "unknown"]);
    let key = match kind {
        "PR" => "rank".to_owned(),
        _ => format!("{} {}", random.pick(&["/data/é", "node", "/a b/c", "x\\u0000y", ""]), random.below(4)),
    };
    let _ = write!(
        text,
        "{{\"name\":\"{kind}\",\"cat\":\"dftracer\",\"pid\":{},\"tid\":1,\"ph\":{phase},\"args\":{{\"name\":\"{key}\",\"value\":\"h{}\",\"hhash\":\"h1\"}}}}",
        1 + random.below(3),
        random.below(5)
    );
}

/// Appends a record about the tracer or its clock.
fn session(text: &mut String, random: &mut Random) {
    let pid = 1 + random.below(3);
    let _ = match random.below(3) {
        0 => write!(
            text,
            "{{\"name\":\"CM\",\"cat\":\"dftracer\",\"pid\":{pid},\"ph\":4,\"args\":{{\"name\":\"time_metric\",\"value\":\"{}\"}}}}",
            random.pick(&["US", "NS", "US", "MS", "SEC", "us", "DAYS"])
        ),
        1 => write!(
            text,
            "{{\"name\":\"start\",\"cat\":\"dftracer\",\"pid\":{pid},\"tid\":1,\"ts\":1700000000000000,\"dur\":0,\"ph\":\"X\",\"args\":{{\"hhash\":\"h1\",\"version\":\"{}\",\"cmd_hash\":\"h2\",\"exec_hash\":\"h3\",\"cwd\":\"h1\",\"date\":\"now\"}}}}",
            random.pick(&["2.0.1", "v1.0.3", ""])
        ),
        _ => write!(
            text,
            "{{\"name\":\"end\",\"cat\":\"dftracer\",\"pid\":{pid},\"tid\":1,\"ts\":1700000009000000,\"dur\":0,\"ph\":\"X\",\"args\":{{\"hhash\":\"h1\",\"num_events\":{}}}}}",
            random.below(70)
        ),
    };
}

/// Returns a number, which may exceed an integer or a double.
fn number(random: &mut Random, wild: usize) -> String {
    const WILD: [&str; 22] = [
        "0",
        "-0",
        "-1",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
        "1e308",
        "-1e308",
        "1e309",
        "1e-320",
        "0.1",
        "1.5e3",
        "nan",
        "-inf",
        "Infinity",
        "4e15",
        "1E400",
        "00",
    ];
    if random.once_in(wild.min(3)) {
        random.pick(&WILD).to_owned()
    } else {
        (random.next() as i64 >> random.below(64)).to_string()
    }
}

fn value(random: &mut Random, wild: usize) -> String {
    match random.below(8) {
        0 => format!("\"{}\"", random.pick(&NAMES)),
        1 => random
            .pick(&["true", "false", "null", "[]", "{}", "[1,2]", "{\"a\":1}", "\"12\"", "\"\"", "tru"])
            .to_owned(),
        _ => number(random, wild),
    }
}
