//! The fast parsers give the same records as the library parser, on this processor and on any other.

use std::path::PathBuf;
use std::sync::LazyLock;

use dft_trace::layout::Layouts;
use dft_trace::library::{self, Arena};
use dft_trace::scan::scan;
use dft_trace::{Block, Phase, Record, TraceReader, Value, discover, payload};
use proptest::prelude::*;

/// A record with decoded texts, as callers see it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    phase: Phase,
    fields: Vec<String>,
    args: Vec<(String, String)>,
}

fn seen(record: &Record<'_>) -> Seen {
    let value = |value: &Value<'_>| match value {
        Value::Integer(value) => format!("number {value}"),
        Value::Number(text) => format!("number {}", String::from_utf8_lossy(text)),
        Value::Text(text) => format!("text {}", String::from_utf8_lossy(text)),
        other => format!("{other:?}"),
    };
    let Record { phase, name, cat, pid, tid, ts, dur, args, .. } = record;
    Seen {
        phase: *phase,
        fields: [name, cat, pid, tid, ts, dur].map(value).to_vec(),
        args: args.iter().map(|arg| (String::from_utf8_lossy(arg.name).into_owned(), value(&arg.value))).collect(),
    }
}

/// Returns the line followed by another, because layouts need lookahead.
fn with_ahead(line: &[u8]) -> Vec<u8> {
    [line, b",\r\n{\"name\":\"x\",\"cat\":\"y\",\"ts\":1,\"args\":{\"a_long_name_of_an_arg\":7}}"].concat()
}

/// Layouts that use the features of this processor, and layouts that use those of every processor.
struct BothLayouts([Layouts; 2]);

impl Default for BothLayouts {
    fn default() -> Self {
        Self([Layouts::default(), Layouts::portable()])
    }
}

impl BothLayouts {
    /// Whether both read a line.
    fn read<'a>(&mut self, text: &'a [u8], length: usize, record: &mut Record<'a>) -> bool {
        let [best, portable] = &mut self.0;
        best.read(text, length, record) && portable.read(text, length, record)
    }
}

/// Reads the line with every parser and compares the records. Returns whether the scanner accepted it.
fn compare(line: &[u8], layouts: &mut BothLayouts) -> Result<bool, TestCaseError> {
    let line = payload(line);
    let arena = Arena::default();
    let (mut slow, mut fast) = (Record::default(), Record::default());
    let library = library::parse(line, &arena, &mut slow).map(|()| seen(&slow)).map_err(|error| error.to_string());
    let text = with_ahead(line);
    let known = layouts.0.each_mut().map(|layouts| {
        let known = layouts.read(&text, line.len(), &mut fast);
        known.then(|| seen(&fast))
    });
    prop_assert_eq!(&known[0], &known[1], "by processor: {}", String::from_utf8_lossy(line));
    if let [Some(known), _] = known {
        prop_assert_eq!(Ok(known), library.clone(), "by layout: {}", String::from_utf8_lossy(line));
    }
    if scan(line, &mut fast).is_err() {
        return Ok(false);
    }
    prop_assert_eq!(Ok(seen(&fast)), library, "by scanner: {}", String::from_utf8_lossy(line));
    for layouts in &mut layouts.0 {
        layouts.learn(line);
        if layouts.read(&text, line.len(), &mut fast) {
            prop_assert_eq!(
                seen(&fast),
                seen(&slow),
                "by the layout that was learnt: {}",
                String::from_utf8_lossy(line)
            );
        }
    }
    Ok(true)
}

const KEYS: [&str; 14] = [
    "name",
    "cat",
    "pid",
    "tid",
    "ts",
    "dur",
    "ph",
    "args",
    "id",
    "hhash",
    "ret",
    "dft_cnt",
    "x",
    "a_long_name_of_an_arg",
];

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<i64>().prop_map(|v| v.to_string()),
        2 => (0_u64..100_000).prop_map(|v| v.to_string()),
        1 => any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(|v| format!("{v:?}")),
        1 => "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
        1 => "[0-9.eE+-]{0,8}",
        4 => "[ -~]{0,24}".prop_map(|text| format!("\"{}\"", text.replace(['"', '\\'], "_"))),
        1 => any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        1 => prop_oneof!["\"\\\\u[0-9a-fA-F]{4}\"", "\"\\\\[a-z]\""],
        2 => prop::sample::select(vec!["true", "false", "null", "[]", "{}", "[1,{\"a\":2}]", "tru"]).prop_map(String::from),
        2 => prop::sample::select(vec![
            "NaN", "-NaN", "nan", "-nan", "inf", "-inf", "Inf", "-INF", "Infinity", "-Infinity", "infinity", "INFINITY", "1nan",
            "nan1", "--inf", "[nan]", "{\"a\":inf}", "na", "-",
        ])
            .prop_map(String::from),
    ]
}

fn space() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just(""), 1 => Just(" "), 1 => Just("\t")]
}

fn object(value: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = String> {
    let member = (space(), prop::sample::select(KEYS.to_vec()), space(), value, space())
        .prop_map(|(a, key, b, value, c)| format!("{a}\"{key}\"{b}:{b}{value}{c}"));
    prop::collection::vec(member, 0..10).prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![5 => scalar(), 1 => object(scalar().boxed())].boxed();
    let args = object(scalar().boxed()).prop_map(|args| format!("{{\"name\":\"x\",\"ts\":1,\"args\":{args}}}"));
    prop_oneof![3 => object(value), 2 => args]
}

/// The lines of the traces in `tests/data`.
static REAL: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    // Of the clone in which cargo runs, because several clones may share a target directory.
    let built = || PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let data = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(built, PathBuf::from).join("../../tests/data");
    let mut lines = Vec::new();
    for path in discover(&[PathBuf::from(&data)]).expect("the project's traces").files {
        let mut reader = TraceReader::open(&path).expect("a trace");
        let mut block = Block::default();
        let start = reader.start();
        while reader.next_block(start, &mut block).expect("read") {
            lines.extend(block.text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec));
        }
    }
    assert!(lines.len() > 10_000, "the project's traces are there");
    lines
});

/// A change of a line's bytes.
#[derive(Clone, Debug)]
enum Edit {
    Set(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<prop::sample::Index>;
    let byte =
        || prop_oneof![prop::sample::select(b"\"\\{}[]:,.-+eE0159naif \t\x00\x1f\xff\xc3".to_vec()), any::<u8>()];
    prop_oneof![
        3 => (place(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        3 => (place(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        3 => place().prop_map(Edit::Remove),
        1 => place().prop_map(Edit::Cut),
        1 => (place(), place()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ]
}

fn apply(line: &mut Vec<u8>, edit: &Edit) {
    if line.is_empty() {
        return;
    }
    match edit {
        Edit::Set(at, byte) => {
            let at = at.index(line.len());
            line[at] = *byte;
        }
        Edit::Insert(at, byte) => line.insert(at.index(line.len() + 1), *byte),
        Edit::Remove(at) => {
            line.remove(at.index(line.len()));
        }
        Edit::Cut(at) => line.truncate(at.index(line.len())),
        Edit::Repeat(from, to) => {
            let (from, to) = (from.index(line.len()), to.index(line.len()));
            let part = line[from.min(to)..from.max(to)].to_vec();
            line.splice(to..to, part);
        }
    }
}

/// Words in place of a number, as C++ and Python print them.
const WORDS: [&str; 6] = ["nan", "-nan", "inf", "-inf", "NaN", "Infinity"];

#[test]
fn every_parser_reads_words_for_non_finite_numbers() {
    let mut layouts = BothLayouts::default();
    for word in WORDS.into_iter().chain(WORDS) {
        let line = format!("{{\"name\":\"x\",\"dur\":{word},\"ts\":5,\"args\":{{\"a\":{word},\"b\":7}}}}");
        assert!(compare(line.as_bytes(), &mut layouts).expect("the same record"), "by the scanner");
        let text = with_ahead(line.as_bytes());
        let mut record = Record::default();
        assert!(layouts.read(&text, line.len(), &mut record), "by a layout");
        assert!(record.dur.is_not_finite() && record.args[0].value.is_not_finite() && record.args[0].value.is_number());
        assert_eq!((record.args.len(), record.args[1].value.integer_literal()), (2, Some(7)));
    }
}

#[test]
fn real_lines_give_the_same_records_and_nearly_all_have_a_layout() {
    let mut layouts = BothLayouts::default();
    let (mut by_layout, mut by_scanner, mut lines) = (0, 0, 0);
    for line in REAL.iter().filter(|line| !payload(line).is_empty()) {
        lines += 1;
        let line = payload(line);
        by_layout += usize::from(layouts.read(&with_ahead(line), line.len(), &mut Record::default()));
        by_scanner += usize::from(compare(line, &mut layouts).expect("the same record"));
    }
    // The rest has objects within its args: the last record of a tracer, one per file.
    assert!(by_scanner + 20 > lines, "{by_scanner} of {lines}");
    assert!(by_layout * 100 > lines * 95, "{by_layout} of {lines}");
}

/// Returns the configuration from the environment, which `cargo xtask fuzz` sets, but with enough cases to be useful.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(4_000), ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn arbitrary_lines_give_the_same_records(lines in prop::collection::vec(line(), 1..6)) {
        let mut layouts = BothLayouts::default();
        for line in lines.iter().chain(&lines) {
            compare(line.as_bytes(), &mut layouts)?;
        }
    }

    #[test]
    fn mutated_real_lines_give_the_same_records(
        at in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edit(), 1..4),
    ) {
        let real = &REAL[at.index(REAL.len())];
        let mut line = real.clone();
        edits.iter().for_each(|edit| apply(&mut line, edit));
        let mut layouts = BothLayouts::default();
        compare(real, &mut layouts)?;
        compare(&line, &mut layouts)?;
        compare(real, &mut layouts)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        compare(&bytes, &mut BothLayouts::default())?;
    }
}
