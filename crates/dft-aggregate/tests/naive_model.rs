//! The rules of aggregation against a naive model, which looks at records one by one.

use std::collections::BTreeMap;
use std::convert::Infallible;

use dft_aggregate::{Aggregator, Config, Run, Section, merge_into_one, merge_runs};
use dft_codec::{
    FileCounts, FileHashKey, RowKey, RowValue, ScopeHash, ScopeId, SeriesIdentity, SeriesKind, TelemetryKey,
    TelemetryValue,
};
use dft_metrics::{IntStats, U256};
use dft_trace::{Clock, Line, Parser};
use proptest::prelude::*;

/// A generated record.
#[derive(Clone, Debug)]
struct Made {
    phase: &'static str,
    cat: &'static str,
    name: &'static str,
    pid: i64,
    ts: i64,
    dur: Option<i64>,
    args: BTreeMap<&'static str, Number>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Number {
    Int(i64),
    /// A multiple of 1/8, so that sums of a few numbers are exact in doubles.
    Float(f64),
}

impl Made {
    fn line(&self) -> String {
        let dur = self.dur.map_or(String::new(), |dur| format!(r#","dur":{dur}"#));
        let args: Vec<String> = self
            .args
            .iter()
            .map(|(name, value)| match value {
                Number::Int(value) => format!(r#""{name}":{value}"#),
                Number::Float(value) => format!(r#""{name}":{value:?}"#),
            })
            .collect();
        format!(
            r#"{{"name":"{}","cat":"{}","pid":{},"tid":3,"ts":{}{dur},"ph":{},"args":{{"hhash":"h{}",{}}}}}"#,
            self.name,
            self.cat,
            self.pid,
            self.ts,
            self.phase,
            self.pid % 2,
            [&[r#""fhash":"f""#.to_owned()][..], &args].concat().join(","),
        )
    }

    fn int(&self, name: &str) -> Option<i64> {
        match self.args.get(name) {
            Some(Number::Int(value)) => Some(*value),
            Some(Number::Float(value)) if value.fract() == 0.0 => Some(*value as i64),
            _ => None,
        }
    }
}

const ARGS: [&str; 22] = [
    "ret",
    "ret_sum",
    "ret_min",
    "ret_max",
    "offset",
    "offset_sum",
    "offset_min",
    "offset_max",
    "dur",
    "dur_sum",
    "dur_min",
    "dur_max",
    "dft_cnt",
    "count",
    "x",
    "x_sum",
    "x_min",
    "x_max",
    "flags",
    "user_pct",
    "size",
    "size_min",
];

fn made() -> impl Strategy<Value = Made> {
    let number = prop_oneof![
        4 => (-20_i64..5_000).prop_map(Number::Int),
        1 => any::<i64>().prop_map(|value| Number::Int(value / 4)),
        1 => (-80_i32..800).prop_map(|eighths| Number::Float(f64::from(eighths) / 8.0)),
    ];
    (
        prop::sample::select(vec![r#""X""#, "1", r#""C""#, r#""C""#, "2", "3", r#""A""#]),
        prop::sample::select(vec!["POSIX", "posix", "sys", "SYS", "app"]),
        prop::sample::select(vec!["read", "fread", "open64", "cpu"]),
        0_i64..3,
        prop_oneof![Just(0), 0_i64..40, (1_i64..8).prop_map(|bucket| bucket * 10)],
        prop::option::of(0_i64..30),
        prop::collection::btree_map(prop::sample::select(ARGS.to_vec()), number, 0..6),
    )
        .prop_map(|(phase, cat, name, pid, ts, dur, mut args)| {
            if name == "fread" {
                // Items times their size must fit 63 bits.
                for (name, value) in &mut args {
                    if let (true, Number::Int(value)) = (name.starts_with("ret") || name.starts_with("size"), value) {
                        *value %= 1 << 30;
                    }
                }
            }
            Made { phase, cat, name, pid, ts, dur, args }
        })
}

const INTERVAL: u64 = 10;

/// The naive model of a row's metric.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive {
    n: u128,
    sum: i128,
    /// The sum of squares, if all samples are known one by one.
    squares: Option<i128>,
    extrema: Vec<i64>,
    doubtful: bool,
}

impl Naive {
    fn new() -> Self {
        Self { squares: Some(0), ..Self::default() }
    }

    fn sample(&mut self, value: i64) {
        self.summed(1, [Some(value); 3]);
    }

    fn summed(&mut self, count: u64, [sum, low, high]: [Option<i64>; 3]) {
        if let Some(sum) = sum {
            self.n += u128::from(count);
            self.sum += i128::from(sum);
            self.squares = match count {
                1 => self.squares.map(|squares| squares + i128::from(sum) * i128::from(sum)),
                0 if sum == 0 => self.squares,
                _ => None,
            };
        }
        self.extrema.extend(low.into_iter().chain(high));
    }

    fn doubt(&mut self) {
        self.doubtful = true;
        self.squares = None;
    }

    fn is(&self, stats: &IntStats) -> bool {
        let parts = stats.parts();
        let squares = self.squares.map(|squares| U256 { hi: 0, lo: squares as u128 });
        (parts.n, parts.sum) == (self.n, self.sum)
            && (stats.min(), stats.max()) == (self.extrema.iter().min().copied(), self.extrema.iter().max().copied())
            && parts.squares_known == squares.is_some()
            && parts.count_known != self.doubtful
            && squares.is_none_or(|squares| squares == parts.squares)
    }
}

/// The naive model of a custom metric: integers, and the number and sum of floats.
#[derive(Clone, Debug, PartialEq)]
struct NaiveCustom {
    ints: Naive,
    floats: (u128, f64),
}

#[derive(Clone, Debug)]
struct NaiveRow {
    count: u128,
    ts: i64,
    te: i64,
    metrics: [Naive; 3],
    customs: BTreeMap<String, NaiveCustom>,
    /// The starts and ends of calls; `None` if the tracer summed them up.
    calls: Option<Vec<(i64, i64)>>,
}

type Key = (SeriesKind, String, String, i64, String, u64);

type Counter = (String, String, String, Option<i64>, u64);

type Readings = BTreeMap<String, Vec<f64>>;

#[derive(Default)]
struct Model {
    rows: BTreeMap<Key, NaiveRow>,
    /// Host, counter, category, process and bucket: readings, and values by metric.
    telemetry: BTreeMap<Counter, (u64, Readings)>,
    failed: u64,
    inconsistent: u64,
}

impl Model {
    fn add(&mut self, made: &Made) {
        let grid = |time: i64| time as u64 / INTERVAL * INTERVAL;
        let number = |names: &[&str]| names.iter().any(|name| made.args.contains_key(name));
        let sys = made.cat.eq_ignore_ascii_case("sys");
        let mid = made.ts + made.dur.unwrap_or(0) / 2;
        let summed = number(&["dft_cnt", "count"]);
        let timed = number(&["dur", "dur_sum", "dur_min", "dur_max"]);
        let (kind, bucket) = match made.phase {
            r#""X""# | "1" => (SeriesKind::Call, grid(mid)),
            "3" | r#""A""# => (if sys { SeriesKind::HostStatistic } else { SeriesKind::AggregatedCall }, grid(made.ts)),
            r#""C""# if sys && summed => (SeriesKind::HostStatistic, grid(made.ts)),
            r#""C""# if !sys && (summed || timed) => (SeriesKind::AggregatedCall, grid((made.ts - 1).max(0))),
            _ => return self.reading(made, grid(mid)),
        };
        let host = format!("h{}", made.pid % 2);
        let key = (kind, made.cat.to_ascii_lowercase(), made.name.to_owned(), made.pid, host, bucket);
        let empty = NaiveRow {
            count: 0,
            ts: i64::MAX,
            te: i64::MIN,
            metrics: [Naive::new(), Naive::new(), Naive::new()],
            customs: BTreeMap::new(),
            calls: (kind == SeriesKind::Call).then(Vec::new),
        };
        let row = self.rows.entry(key).or_insert(empty);
        let transfer = ["read", "fread"].contains(&made.name) && made.cat.eq_ignore_ascii_case("posix");
        let items = transfer && made.name == "fread";
        if kind == SeriesKind::Call {
            row.count += 1;
            row.ts = row.ts.min(made.ts);
            row.te = row.te.max(made.ts + made.dur.unwrap_or(0));
            row.calls.get_or_insert_default().push((made.ts, made.ts + made.dur.unwrap_or(0)));
            made.dur.into_iter().for_each(|dur| row.metrics[0].sample(dur));
            if transfer && let Some(ret) = made.int("ret") {
                let size = match made.args.get("size") {
                    Some(Number::Int(size)) if items && *size >= 0 => *size,
                    _ => 1,
                };
                if ret >= 0 { row.metrics[1].sample(ret * size) } else { self.failed += 1 }
            }
            made.int("offset").into_iter().for_each(|offset| row.metrics[2].sample(offset));
        } else {
            let count =
                made.int("dft_cnt").or(made.int("count")).and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
            row.count += u128::from(count);
            row.ts = row.ts.min(made.ts);
            row.te = row.te.max(made.ts);
            let single = ["3", r#""A""#].contains(&made.phase);
            let metric = |base: &str| {
                let parts = ["_sum", "_min", "_max"].map(|suffix| made.int(&format!("{base}{suffix}")));
                let plain = made.int(base);
                let n = if single && parts[0].is_none() && plain.is_some() { 1 } else { count };
                (n, parts.map(|part| part.or(plain)))
            };
            let mut consistent = true;
            for (at, base) in ["dur", "ret", "offset"].into_iter().enumerate() {
                let (n, mut values) = metric(base);
                if at == 1 && !transfer {
                    continue;
                }
                let doubtful = !is_sum_of(n, values);
                consistent &= !doubtful;
                if at == 1 && items {
                    match metric("size").1 {
                        [_, None, _] => {}
                        [_, Some(low), Some(high)] if low == high && low >= 0 => {
                            values = values.map(|value| value.map(|value| value * low));
                        }
                        _ => continue,
                    }
                }
                if at == 1 && values[1].is_some_and(|low| low < 0) {
                    self.failed += 1;
                    if n == 1 || values[2].is_none_or(|high| high < 0) {
                        continue;
                    }
                    values[1] = None;
                }
                row.metrics[at].summed(n, values);
                if doubtful {
                    row.metrics[at].doubt();
                }
            }
            consistent &= customs(made, kind, items, row);
            self.inconsistent += u64::from(!consistent);
            return;
        }
        customs(made, kind, items, row);
    }

    fn reading(&mut self, made: &Made, bucket: u64) {
        let cat = made.cat.to_ascii_lowercase();
        let pid = (cat != "sys").then_some(made.pid);
        let key = (format!("h{}", made.pid % 2), made.name.to_owned(), cat, pid, bucket);
        let (readings, metrics) = self.telemetry.entry(key).or_default();
        *readings += 1;
        for (name, value) in &made.args {
            let value = match value {
                Number::Int(value) => *value as f64,
                Number::Float(value) => *value,
            };
            metrics.entry((*name).to_owned()).or_default().push(value);
        }
    }
}

fn is_sum_of(n: u64, values: [Option<i64>; 3]) -> bool {
    let [Some(sum), Some(low), Some(high)] = values.map(|value| value.map(i128::from)) else { return true };
    (i128::from(n) * low..=i128::from(n) * high).contains(&sum)
}

/// Adds the custom metrics. Returns whether their sums fit their counts and extrema.
fn customs(made: &Made, kind: SeriesKind, items: bool, row: &mut NaiveRow) -> bool {
    let reserved = |name: &str| {
        name == "dft_cnt"
            || name == "flags"
            || (items && name == "size")
            || ["dur", "ret", "offset"]
                .iter()
                .any(|base| name.strip_prefix(base).is_some_and(|rest| ["", "_sum", "_min", "_max"].contains(&rest)))
    };
    let mut add = |name: &str, count: u64, values: [Option<Number>; 3], doubtful: bool| {
        let custom = row.customs.entry(name.to_owned()).or_insert(NaiveCustom { ints: Naive::new(), floats: (0, 0.0) });
        custom.ints.summed(
            count,
            values.map(|value| match value {
                Some(Number::Int(value)) => Some(value),
                _ => None,
            }),
        );
        if let Some(Number::Float(sum)) = values[0] {
            custom.floats.0 += u128::from(count);
            custom.floats.1 += sum;
        }
        if doubtful {
            custom.ints.doubt();
        }
    };
    if kind == SeriesKind::Call {
        for (name, &value) in made.args.iter().filter(|(name, _)| !reserved(name)) {
            add(name, 1, [Some(value); 3], false);
        }
        return true;
    }
    let counted = made.int("dft_cnt").is_none() && made.int("count").is_some();
    let count = made.int("dft_cnt").or(made.int("count")).and_then(|count| u64::try_from(count).ok()).unwrap_or(1);
    let single = ["3", r#""A""#].contains(&made.phase);
    let mut consistent = true;
    for base in ["x", "user_pct", "count", "size"] {
        let parts = ["_sum", "_min", "_max"].map(|suffix| made.args.get(format!("{base}{suffix}").as_str()).copied());
        let plain = made.args.get(base).copied();
        let n = if single && parts[0].is_none() && plain.is_some() { 1 } else { count };
        let values = parts.map(|part| part.or(plain));
        if values.iter().all(Option::is_none) || (base == "count" && counted) || (base == "size" && items) {
            continue;
        }
        let eighths = values.map(|value| {
            value.map(|value| match value {
                Number::Int(value) => value.saturating_mul(8),
                Number::Float(value) => (value * 8.0) as i64,
            })
        });
        let ints = values.map(|value| match value {
            Some(Number::Int(value)) => Some(value),
            _ => None,
        });
        let exact = if ints.iter().all(Option::is_some) { ints } else { eighths };
        let doubtful = !is_sum_of(n, exact);
        consistent &= !doubtful;
        add(base, n, values, doubtful);
    }
    consistent
}

fn aggregate(parts: &[Vec<String>], spills: &[bool]) -> (Vec<Run>, FileCounts, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut counts = FileCounts::default();
    let mut runs = Vec::new();
    for (at, lines) in parts.iter().enumerate() {
        let config = Config { interval_us: INTERVAL, ..Config::default() };
        let mut aggregator = Aggregator::new(&config);
        let mut parser = Parser::new();
        for (number, line) in lines.iter().enumerate() {
            parser.parse(line.as_bytes(), 1, Clock::default(), |line| match line {
                Line::Record { record, clock, .. } => {
                    aggregator.record(record, clock, &mut counts).expect("a valid record");
                }
                Line::Malformed { reason, .. } => panic!("{reason}"),
            });
            if spills[(at + number) % spills.len()] {
                runs.push(aggregator.spill(&folder.path().join(format!("{at}-{number}"))).expect("written"));
            }
        }
        runs.push(aggregator.into_run());
    }
    (runs, counts, folder)
}

/// Returns all entries of the runs, in order.
fn entries(runs: &[Run]) -> Vec<(Section, Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    for section in Section::ALL {
        merge_runs(runs, section, None, |key, value| {
            all.push((section, key.to_vec(), value.to_vec()));
            Ok::<(), Infallible>(())
        })
        .expect("valid runs");
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn rows_equal_those_of_the_model(records in prop::collection::vec(made(), 0..60)) {
        let mut model = Model::default();
        records.iter().for_each(|made| model.add(made));
        let lines: Vec<String> = records.iter().map(Made::line).collect();
        let (runs, counts, _folder) = aggregate(&[lines], &[false]);
        prop_assert_eq!((counts.failed_transfers, counts.inconsistent), (model.failed, model.inconsistent));
        prop_assert_eq!(counts.aggregated(), records.len() as u64);
        let mut scopes: BTreeMap<ScopeId, SeriesIdentity> = BTreeMap::new();
        for (section, key, value) in entries(&runs) {
            match section {
                Section::Series => {
                    let id = ScopeId(key.try_into().expect("fifteen bytes"));
                    let scope = SeriesIdentity::decode_scope(&value).expect("a scope");
                    prop_assert!(id.is_of(ScopeHash::of(scope.kind, &value)));
                    scopes.insert(id, scope);
                }
                Section::Names => prop_assert_eq!(key[0], FileHashKey::TAG, "there are no names"),
                Section::Rows => {
                    let key = RowKey::decode(&key).expect("a key");
                    let row = RowValue::decode(&value, key.bucket).expect("a row");
                    let identity = &scopes[&key.series.scope()];
                    prop_assert_eq!(identity.tid, 3);
                    let row_key = (identity.kind, identity.category.clone(), identity.name.clone(), identity.pid, identity.host_hash.clone(), key.bucket);
                    let naive = model.rows.get(&row_key).cloned();
                    prop_assert!(naive.is_some(), "an unexpected row: {:?}", row_key);
                    check_row(&row, naive.expect("just seen"), &records)?;
                    model.rows.remove(&row_key);
                }
                Section::Telemetry => {
                    let key = TelemetryKey::decode(&key).expect("a key");
                    let value = TelemetryValue::decode(&value, key.bucket).expect("a row");
                    let naive = model.telemetry.remove(&(key.host_hash.clone(), key.name.clone(), key.category().to_owned(), key.pid(), key.bucket));
                    let (readings, metrics) = naive.expect("an unexpected telemetry row");
                    prop_assert_eq!(value.core.readings, readings);
                    let means: BTreeMap<String, f64> = value
                        .metrics
                        .iter()
                        .map(|(name, stats)| (name.clone(), stats.mean().expect("there are samples")))
                        .collect();
                    prop_assert_eq!(means.keys().collect::<Vec<_>>(), metrics.keys().collect::<Vec<_>>());
                    for (name, mean) in means {
                        let values = &metrics[&name];
                        let wanted = values.iter().sum::<f64>() / values.len() as f64;
                        // The naive sum rounds at each step, relative to the largest value.
                        let scale = values.iter().fold(0.0, |max: f64, value| max.max(value.abs()));
                        prop_assert!((mean - wanted).abs() <= 1e-12 * scale, "{} {} {}", name, mean, wanted);
                    }
                }
                other => prop_assert!(false, "an entry in {other:?}"),
            }
        }
        prop_assert!(model.rows.is_empty(), "rows are missing: {:?}", model.rows.keys());
        prop_assert!(model.telemetry.is_empty(), "telemetry is missing: {:?}", model.telemetry.keys());
    }

    #[test]
    fn the_result_does_not_depend_on_how_records_are_spread_over_tables_and_runs(
        records in prop::collection::vec((made(), 0_usize..4), 0..60),
        spills in prop::collection::vec(prop::bool::weighted(0.2), 1..8),
    ) {
        let all: Vec<String> = records.iter().map(|(made, _)| made.line()).collect();
        let (one, counts, _folder) = aggregate(std::slice::from_ref(&all), &[false]);
        let mut parts = vec![Vec::new(); 4];
        for (made, part) in records.iter().rev() {
            parts[*part].push(made.line());
        }
        let (many, counts_of_many, folder) = aggregate(&parts, &spills);
        prop_assert_eq!(counts, counts_of_many);
        let wanted = entries(&one);
        prop_assert_eq!(&entries(&many), &wanted);
        let merged = merge_into_one(&many, &folder.path().join("merged")).expect("merged");
        prop_assert_eq!(&entries(&[merged]), &wanted);
    }
}

fn check_row(row: &RowValue, naive: NaiveRow, records: &[Made]) -> Result<(), TestCaseError> {
    prop_assert_eq!((row.core.count, row.core.ts, row.core.te), (naive.count, naive.ts, naive.te), "{:?}", records);
    // Every µs of the union, one by one.
    let in_progress = |intervals: &[(i64, i64)]| {
        (row.core.ts..row.core.te).filter(|at| intervals.iter().any(|(start, end)| start <= at && at < end)).collect()
    };
    let union: Option<Vec<(i64, i64)>> = row
        .core
        .occupancy
        .as_ref()
        .map(|union| union.intervals().iter().map(|interval| (interval.start, interval.end)).collect());
    let [found, wanted]: [Option<Vec<i64>>; 2] = [&union, &naive.calls].map(|calls| calls.as_deref().map(in_progress));
    prop_assert_eq!(found, wanted);
    let metrics = [&row.core.duration, &row.core.size, &row.core.offset];
    for (stats, naive) in metrics.into_iter().zip(&naive.metrics) {
        prop_assert!(naive.is(stats), "{:?} is not {:?}", stats, naive);
    }
    let names: Vec<&String> = row.customs.iter().map(|(name, _)| name).collect();
    prop_assert_eq!(names, naive.customs.keys().collect::<Vec<_>>());
    for (name, custom) in &row.customs {
        let naive = &naive.customs[name];
        prop_assert!(naive.ints.is(&custom.ints), "{}: {:?} is not {:?}", name, custom.ints, naive.ints);
        let floats = custom.floats.as_deref().cloned().unwrap_or_default();
        prop_assert_eq!((floats.n(), floats.total()), naive.floats, "{}", name);
    }
    Ok(())
}
