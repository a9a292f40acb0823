//! Groups of rows: against a naive model of the records, and their errors, order and formats.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::build;
use dft_aggregate::{Config, CustomMetrics};
use dft_codec::SeriesKind;
use dft_export::{Batches, ExportError, Filter, Format, GroupTable, Grouping, Quantity, Shard, Value, View};
use proptest::prelude::*;

const INTERVAL: u64 = 100;

fn config() -> Config {
    Config {
        interval_us: INTERVAL,
        extra_group_keys: ["epoch", "cat"].map(String::from).to_vec(),
        sketch_accuracy: Some(0.01),
        ..Config::default()
    }
}

/// A call, as its trace has it.
#[derive(Clone, Debug)]
struct Call {
    name: &'static str,
    pid: i64,
    file: usize,
    ts: i64,
    dur: Option<i64>,
    ret: Option<i64>,
    /// A custom metric, in halves: integers and other numbers.
    halves: Option<i32>,
    epoch: Option<u8>,
}

const FILES: [&str; 4] = ["/p/run-1/a.h5", "/p/run-22/a.h5", "/p/b.tar.gz", "noise"];

impl Call {
    fn line(&self) -> String {
        let Self { name, pid, file, ts, dur, ret, halves, epoch } = self;
        let number =
            |value: Option<i64>, name: &str| value.map_or(String::new(), |value| format!(r#","{name}":{value}"#));
        let x = halves.map_or(String::new(), |halves| {
            if halves % 2 == 0 {
                format!(r#","x":{}"#, halves / 2)
            } else {
                format!(r#","x":{}"#, f64::from(halves) / 2.0)
            }
        });
        let dur = number(*dur, "dur");
        let args = number(*ret, "ret") + &x + &number(epoch.map(i64::from), "epoch");
        format!(
            r#"{{"name":"{name}","cat":"POSIX","pid":{pid},"tid":1,"ts":{ts}{dur},"ph":"X","args":{{"hhash":"h{}","fhash":"f{file}"{args}}}}}"#,
            pid % 2
        )
    }

    fn size(&self) -> Option<i64> {
        self.ret.filter(|ret| *ret >= 0 && self.name != "open64")
    }

    /// The value of a column that rows are grouped by.
    fn key(&self, by: &str) -> Value {
        let file = FILES[self.file];
        let text = |text: &str| Value::Text(text.to_owned());
        match by {
            "func_name" => text(self.name),
            "cat" => text("posix"),
            "pid" => Value::Int(self.pid),
            "host_hash" => Value::Text(format!("h{}", self.pid % 2)),
            "file_name" => text(file),
            "file_dir" => text(["/p/run-1", "/p/run-22", "/p", ""][self.file]),
            "file_ext" => text(["h5", "h5", "gz", ""][self.file]),
            "file_pattern" => {
                text(["/p/run-[0-9]/a.h[0-9]", "/p/run-[0-9]/a.h[0-9]", "/p/b.tar.gz", "noise"][self.file])
            }
            "epoch" => self.epoch.map_or(Value::Null, |epoch| Value::Text(epoch.to_string())),
            "family" => text("event"),
            "time_bucket" => Value::Int(self.cell()),
            other => panic!("{other}"),
        }
    }

    fn cell(&self) -> i64 {
        let mid = self.ts + self.dur.unwrap_or(0) / 2;
        mid - mid % INTERVAL as i64
    }
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let name = prop::sample::select(vec!["read", "write", "open64"]);
    let call = (
        (name, 0_i64..3, 0_usize..4, 1_i64..400),
        prop::option::of(0_i64..5_000),
        prop::option::of(-1_i64..1 << 40),
        prop::option::of(-100_i32..1_000),
        prop::option::of(0_u8..3),
    );
    let call = call.prop_map(|((name, pid, file, ts), dur, ret, halves, epoch)| Call {
        name,
        pid,
        file,
        ts,
        dur,
        ret,
        halves,
        epoch,
    });
    prop::collection::vec(call, 1..80)
}

fn lines(calls: &[Call]) -> Vec<String> {
    let names = FILES.iter().enumerate();
    let names =
        names.map(|(at, name)| format!(r#"{{"name":"FH","ph":"M","args":{{"name":"{name}","value":"f{at}"}}}}"#));
    names.chain(calls.iter().map(Call::line)).collect()
}

/// Computes statistics of samples in two passes.
fn naive(samples: &[f64], statistic: &str) -> Option<f64> {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    match statistic {
        "n" => Some(n),
        _ if samples.is_empty() => None,
        "total" => Some(samples.iter().sum()),
        "mean" => Some(mean),
        "std" if samples.len() < 2 => None,
        "std" => Some((samples.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt()),
        "min" => samples.iter().copied().reduce(f64::min),
        "max" => samples.iter().copied().reduce(f64::max),
        "p90" => {
            let mut sorted = samples.to_vec();
            sorted.sort_by(f64::total_cmp);
            Some(sorted[(0.9 * (samples.len() - 1) as f64) as usize])
        }
        other => panic!("{other}"),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Null => None,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn groups_equal_those_of_a_naive_model_of_the_records(
        calls in calls(),
        by in prop::sample::subsequence(
            vec![
                "func_name", "cat", "pid", "host_hash", "file_name", "file_dir", "file_ext", "file_pattern", "epoch",
                "family", "time_bucket",
            ],
            0..4,
        ).prop_shuffle(),
        threads in 1_usize..4,
    ) {
        let built = build(&lines(&calls), &config());
        let view = View::new(&built.index, None, Filter::default()).expect("a view");
        let metrics = ["dur", "size", "x"].into_iter().filter(|metric| {
            // A metric that no row has is an error.
            *metric != "x" || calls.iter().any(|call| call.halves.is_some())
        });
        let statistics: Vec<(&str, &str)> = metrics
            .flat_map(|metric| ["n", "total", "mean", "std", "min", "max", "p90"].map(|of| (metric, of)))
            .collect();
        let names: Vec<String> = statistics.iter().map(|(metric, of)| format!("{metric}_{of}")).collect();
        let text = format!("count,file_nunique,process_nunique,{}", names.join(","));
        let mut grouping = Grouping::parse(&by.join(","), &text, "", None).expect("a grouping");
        grouping.threads = threads;
        let groups = view.group(&grouping).expect("groups");

        let mut wanted: BTreeMap<String, (Vec<Value>, Vec<&Call>)> = BTreeMap::new();
        for call in &calls {
            let key: Vec<Value> = by.iter().map(|by| call.key(by)).collect();
            wanted.entry(format!("{key:?}")).or_insert((key, Vec::new())).1.push(call);
        }
        prop_assert_eq!(groups.rows().len(), wanted.len());
        for row in groups.rows() {
            let (key, values) = row.split_at(by.len());
            let (_, calls) = wanted.get(&format!("{key:?}")).expect("a known group");
            prop_assert_eq!(number(&values[0]), Some(calls.len() as f64));
            let files: BTreeSet<usize> = calls.iter().map(|call| call.file).collect();
            prop_assert_eq!(number(&values[1]), Some(files.len() as f64));
            let processes: BTreeSet<i64> = calls.iter().map(|call| call.pid).collect();
            prop_assert_eq!(number(&values[2]), Some(processes.len() as f64));
            for ((metric, of), got) in statistics.iter().zip(&values[3..]) {
                let samples: Vec<f64> = calls
                    .iter()
                    .filter_map(|call| match *metric {
                        "dur" => call.dur.map(|dur| dur as f64),
                        "size" => call.size().map(|size| size as f64),
                        _ => call.halves.map(|halves| f64::from(halves) / 2.0),
                    })
                    .collect();
                let (got, wanted) = (number(got), naive(&samples, of));
                // A row without a sample of a metric that others have knows that there is none.
                let accuracy = if *of == "p90" { 0.0101 } else { 1e-9 };
                let close = match (got, wanted) {
                    (Some(got), Some(wanted)) => (got - wanted).abs() <= accuracy * wanted.abs().max(1e-3),
                    (got, wanted) => got == wanted,
                };
                prop_assert!(close, "{}_{} of {:?}: {:?}, not {:?}", metric, of, key, got, wanted);
            }
        }
        // Groups are in the order of their keys, and do not depend on threads.
        let one = view.group(&Grouping { threads: 1, ..grouping }).expect("groups");
        prop_assert_eq!(one.rows(), groups.rows());
    }
}

fn some_calls() -> Vec<Call> {
    let call = |name, file, ts, dur, ret| Call {
        name,
        pid: 7,
        file,
        ts,
        dur: Some(dur),
        ret: Some(ret),
        halves: None,
        epoch: Some(1),
    };
    vec![
        call("read", 0, 10, 5, 4096),
        call("read", 0, 20, 7, 4096),
        call("read", 1, 110, 9, 4000),
        call("write", 2, 10, 100, 0),
        call("write", 2, 210, 1, 1 << 20),
        call("open64", 3, 10, 3, 5),
    ]
}

fn grouped(by: &str, statistics: &str, sort: &str, limit: Option<usize>) -> Result<GroupTable, ExportError> {
    let built = build(&lines(&some_calls()), &config());
    let view = View::new(&built.index, None, Filter::default())?;
    view.group(&Grouping::parse(by, statistics, sort, limit)?)
}

fn shown(groups: &GroupTable) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    groups.rows().iter().map(|row| row.iter().map(value).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn groups_are_sorted_and_limited_as_asked() {
    let groups = |by, statistics, sort, limit| shown(&grouped(by, statistics, sort, limit).expect("groups"));
    assert_eq!(groups("func_name", "count,dur_total", "", None), ["open64 1 3", "read 3 21", "write 2 101"]);
    assert_eq!(groups("func_name", "dur_total", "dur_total:desc", Some(2)), ["write 101", "read 21"]);
    // Nulls are last in either order; equal groups stay in the order of their keys.
    let sizes = |sort| groups("func_name", "size_max", sort, None);
    assert_eq!(sizes("size_max"), ["read 4096", "write 1048576", "open64 -"]);
    assert_eq!(sizes("size_max:desc"), ["write 1048576", "read 4096", "open64 -"]);
    assert_eq!(groups("file_ext,func_name", "count", "count:desc", None), ["h5 read 3", "gz write 2", " open64 1"]);
    assert_eq!(groups("", "count,time_start,time_end", "", None), ["6 10 211"]);
    assert_eq!(
        groups("time_range,func_name", "count", "time_range:desc,func_name", Some(2)),
        ["2 write 1", "1 read 1"]
    );
}

#[test]
fn a_size_bin_is_given_only_where_every_row_is_in_one() {
    let groups = grouped("size_bin", "count,dur_total", "", None).expect("groups");
    assert_eq!(shown(&groups), ["- 1 3", "0 1 100", "2048 1 9", "4096 2 12", "1048576 1 1"]);
    assert_eq!(groups.columns()[0].quantity, Quantity::Bytes);
    let mut calls = some_calls();
    calls[1].ret = Some(10);
    let built = build(&lines(&calls), &config());
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let error = view.group(&Grouping::parse("size_bin", "count", "", None).expect("a grouping")).expect_err("two bins");
    let message = error.to_string();
    assert!(message.contains("posix read of process 7") && message.contains("shorter interval"), "{message}");
}

#[test]
fn a_histogram_counts_calls_by_power_of_two() {
    let groups = grouped("", "size_hist,dur_hist", "", None).expect("groups");
    let wanted = r#"{"0":1,"2048":1,"4096":2,"1048576":1} {"1":1,"2":1,"4":2,"8":1,"64":1}"#;
    assert_eq!(shown(&groups), [wanted]);
}

#[test]
fn what_the_index_does_not_know_is_an_error_that_says_what_to_do() {
    for (by, statistics, sort, message) in [
        ("step", "count", "", "--group-key step"),
        ("func_name,func_name", "count", "", "named twice"),
        ("func_name", "count,count", "", "named twice"),
        ("cat,`cat`", "count", "", "named twice"),
        ("func_name", "count", "dur_total", "cannot sort by \"dur_total\""),
        ("func_name", "dur_skewness", "", "sums of squares"),
        ("func_name", "dur_avg", "", "METRIC_mean"),
        ("func_name", "level_mean", "", "no row has a metric \"level\""),
    ] {
        let error = grouped(by, statistics, sort, None).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    let plain = Config { custom_metrics: CustomMetrics::Off, ..Config::default() };
    let built = build(&lines(&some_calls()), &plain);
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let refused = |by: &str, statistics: &str| {
        let grouping = Grouping::parse(by, statistics, "", None).expect("a grouping");
        view.group(&grouping).expect_err("refused").to_string()
    };
    assert!(refused("", "dur_p50").contains("--percentiles"));
    assert!(refused("", "size_hist").contains("--percentiles"));
    assert!(refused("epoch", "count").contains("no such group key"));
    let filter = Filter { shard: Shard::new(0, 2), ..Filter::default() };
    let view = View::new(&built.index, None, filter).expect("a view");
    assert!(matches!(view.group(&Grouping::default()), Err(ExportError::GroupedShard)));
}

#[test]
fn no_row_is_no_group_or_one_without_calls() {
    let built = build(&lines(&some_calls()), &config());
    let filter = Filter { query: Some("name == 'nothing'".parse().expect("a query")), ..Filter::default() };
    let view = View::new(&built.index, None, filter).expect("a view");
    let group = |by: &str| {
        let grouping = Grouping::parse(by, "count,dur_total,x_mean,dur_p50,dur_hist,time_start", "", None);
        shown(&view.group(&grouping.expect("a grouping")).expect("groups"))
    };
    assert!(group("func_name").is_empty());
    assert_eq!(group(""), ["0 - - - - -"]);
}

#[test]
fn a_query_about_group_keys_and_parts_of_files_filters_rows() {
    let built = build(&lines(&some_calls()), &config());
    for (query, counted) in [
        ("epoch == 1 and file_ext == 'h5'", 3),
        ("epoch > 1", 0),
        ("`cat` is null and file_dir like '/p%'", 5),
        ("file_pattern ~ 'run-\\\\[0-9\\\\]' or name contains 'open'", 4),
    ] {
        let filter = Filter { query: Some(query.parse().expect(query)), ..Filter::default() };
        let view = View::new(&built.index, None, filter).expect(query);
        let groups = view.group(&Grouping::parse("", "count", "", None).expect("a grouping")).expect(query);
        assert_eq!(groups.rows(), [[Value::Int(counted)]], "{query}");
    }
    let filter = Filter { query: Some("level == 3".parse().expect("a query")), ..Filter::default() };
    assert!(matches!(View::new(&built.index, None, filter), Err(ExportError::Query { at: 0, .. })));
}

#[test]
fn a_grouping_of_aggregated_calls_has_their_sums() {
    let line = r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":5,"ph":3,"args":{"dft_cnt":4,"dur_sum":10,"dur_min":1,"dur_max":6,"ret_sum":4096}}"#;
    let built = build(&[line.to_owned(), some_calls()[0].line()], &config());
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let mut grouping =
        Grouping::parse("family", "count,dur_total,dur_mean,dur_std,dur_max,dur_p50", "", None).expect("a grouping");
    assert_eq!(shown(&view.group(&grouping).expect("groups")), ["event 1 5 5 - 5 5", "profile 4 10 2.5 - 6 -"]);
    grouping.kinds = vec![SeriesKind::AggregatedCall];
    assert_eq!(shown(&view.group(&grouping).expect("groups")), ["profile 4 10 2.5 - 6 -"]);
}

#[test]
fn every_format_has_the_groups() {
    let folder = tempfile::tempdir().expect("a folder");
    let built = build(&lines(&some_calls()), &config());
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let grouping = Grouping::parse("func_name,pid", "count,dur_mean,size_hist", "", None).expect("a grouping");
    let groups = view.group(&grouping).expect("groups");
    let mut csv = Vec::new();
    groups.clone().write_csv(&mut csv, Path::new("a buffer")).expect("written");
    let text = String::from_utf8(csv).expect("UTF-8");
    let wanted = "func_name,pid,count,dur_mean,size_hist\nopen64,7,1,3.0,\nread,7,3,7.0,\"{\"\"2048\"\":1,\"\"4096\"\":2}\"\n\
                  write,7,2,50.5,\"{\"\"0\"\":1,\"\"1048576\"\":1}\"\n";
    assert_eq!(text, wanted);
    for format in Format::ALL {
        let path = folder.path().join(format!("groups.{}", format.extension()));
        groups.clone().write_file(&view, format, &path).expect("written");
        assert!(path.metadata().expect("written").len() > 0);
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("groups.csv")).expect("read"), wanted);
    let mut batches = groups.into_batches();
    let batch = batches.next_batch().expect("a batch").expect("rows");
    assert_eq!((batch.num_rows(), batch.num_columns()), (3, 5));
    assert!(batches.next_batch().expect("the end").is_none());
}
