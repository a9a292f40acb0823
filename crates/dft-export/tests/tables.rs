//! The tables: their columns, nulls and order; granularity, groups and filters against naive models.

mod common;

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::Path;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema};
use common::{build, text_of};
use dft_aggregate::Config;
use dft_codec::SeriesKind;
use dft_export::{
    Batches, Dictionaries, ExportError, ExportOptions, Filter, Format, GroupColumn, Pattern, Shard, Table,
    TableOptions, View, export,
};
use proptest::prelude::*;

fn interval(interval_us: u64) -> Config {
    Config { interval_us, ..Config::default() }
}

/// The table that shows the rows of a series kind in dfanalyzer's columns.
fn calls_of(kind: SeriesKind) -> Table {
    match kind {
        SeriesKind::Call => Table::Events,
        SeriesKind::AggregatedCall => Table::Profiles,
        SeriesKind::HostStatistic => Table::PreaggregatedSystem,
    }
}

fn whole() -> TableOptions {
    TableOptions { dictionaries: Dictionaries::Whole, ..TableOptions::default() }
}

fn grouped_by(columns: &[GroupColumn]) -> TableOptions {
    TableOptions { group_by: columns.to_vec(), ..TableOptions::default() }
}

/// A row: its columns' values as text, without nulls.
type Row = BTreeMap<String, String>;

fn all(mut table: impl Batches) -> Result<Vec<Row>, ExportError> {
    let mut rows = Vec::new();
    while let Some(batch) = table.next_batch()? {
        assert!(batch.num_rows() > 0);
        assert_eq!(batch.schema(), table.schema());
        rows.extend(rows_of(&batch));
    }
    Ok(rows)
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    (0..batch.num_rows())
        .map(|row| {
            let columns = batch.schema_ref().fields().iter().zip(batch.columns());
            columns
                .filter(|(_, column)| !column.is_null(row))
                .map(|(field, column)| (field.name().clone(), text_of(column, row)))
                .collect()
        })
        .collect()
}

fn columns(schema: &Schema) -> Vec<(&str, &'static str)> {
    let kind = |data_type: &DataType| match data_type {
        DataType::Int64 => "int64",
        DataType::Float64 => "float64",
        DataType::Dictionary(key, value) if **key == DataType::Int32 && **value == DataType::Utf8 => "dictionary",
        other => panic!("{other}"),
    };
    schema.fields().iter().map(|field| (field.name().as_str(), kind(field.data_type()))).collect()
}

fn named(names: &str, kind: &'static str) -> Vec<(String, &'static str)> {
    names.split(' ').map(|name| (name.to_owned(), kind)).collect()
}

fn call(name: &str, ts: u64, args: &str) -> String {
    format!(
        r#"{{"name":"{name}","cat":"POSIX","pid":7,"tid":8,"ts":{ts},"dur":3,"ph":"X","args":{{"hhash":"h1","fhash":"f1"{args}}}}}"#
    )
}

const HOST: &str = r#"{"name":"HH","ph":"M","args":{"name":"node1","value":"h1"}}"#;

#[test]
fn tables_have_exactly_the_documented_columns() {
    let lines = [
        call("read", 5, r#","ret":1,"retries":2"#),
        r#"{"name":"cpu","cat":"sys","ts":7,"ph":2,"args":{"hhash":"h1","b":1,"a":2}}"#.to_owned(),
    ];
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let calls = [
        named("cat func_name", "dictionary"),
        named("pid tid", "int64"),
        named("file_hash host_hash file_name host_name proc_name", "dictionary"),
        named("io_cat acc_pat count", "int64"),
        named("time", "float64"),
        named("size", "int64"),
        named("time_min time_max", "float64"),
        named("size_min size_max offset_min offset_max time_range time_start time_end", "int64"),
    ]
    .concat();
    for kind in SeriesKind::ALL {
        let schema = view.table(calls_of(kind), TableOptions::default()).expect("a table").schema();
        assert_eq!(columns(&schema), calls.iter().map(|(name, kind)| (name.as_str(), *kind)).collect::<Vec<_>>());
    }
    let system = [
        named("host_hash name cat", "dictionary"),
        named("pid time_bucket ts te count", "int64"),
        named("a b", "float64"),
    ]
    .concat();
    let schema = view.table(Table::System, TableOptions::default()).expect("a table").schema();
    assert_eq!(columns(&schema), system.iter().map(|(name, kind)| (name.as_str(), *kind)).collect::<Vec<_>>());
    let mut statistics = [
        named("family cat func_name file_hash host_hash file_name host_name", "dictionary"),
        named("pid tid time_bucket count", "int64"),
    ]
    .concat();
    for (metric, kind) in [("dur", "int64"), ("size", "int64"), ("offset", "int64"), ("retries", "float64")] {
        statistics.push((format!("{metric}_n"), "int64"));
        statistics.extend(["total", "min", "max"].map(|part| (format!("{metric}_{part}"), kind)));
        statistics.extend(["mean", "std"].map(|part| (format!("{metric}_{part}"), "float64")));
    }
    let schema = view.table(Table::Aggregation, TableOptions::default()).expect("a table").schema();
    assert_eq!(columns(&schema), statistics.iter().map(|(name, kind)| (name.as_str(), *kind)).collect::<Vec<_>>());
}

#[test]
fn an_offset_never_recorded_is_null_while_0_and_negative_ones_survive() {
    let lines = [
        call("read", 5, r#","ret":0"#),
        call("pread", 5, r#","ret":4,"offset":0"#),
        call("lseek", 5, r#","offset":-3"#),
    ];
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let rows = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect("rows");
    let offsets = |name: &str| {
        let row = rows.iter().find(|row| row["func_name"] == name).expect("a row");
        ["offset_min", "offset_max"].map(|column| row.get(column).map(String::as_str))
    };
    assert_eq!(offsets("read"), [None, None]);
    assert_eq!(offsets("pread"), [Some("0"), Some("0")]);
    assert_eq!(offsets("lseek"), [Some("-3"), Some("-3")]);
    let size = |name: &str| rows.iter().find(|row| row["func_name"] == name).expect("a row").get("size").cloned();
    assert_eq!(size("read").as_deref(), Some("0"), "a real read at the end of a file");
    assert_eq!(size("lseek"), None);
}

#[test]
fn standard_deviation_is_right_for_values_far_from_zero() {
    let far = 2_000_000_000_000_000_000_i64;
    let lines: Vec<String> =
        [0, 1, 2].iter().map(|step| call("pread", 5, &format!(r#","offset":{}"#, far + step))).collect();
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let rows = all(view.table(Table::Aggregation, TableOptions::default()).expect("a table")).expect("rows");
    assert_eq!((rows[0]["offset_std"].as_str(), rows[0]["offset_n"].as_str()), ("1.0", "3"));
}

#[test]
fn names_of_hashes_resolve_and_others_are_empty() {
    let mut lines = vec![HOST.to_owned(), call("read", 5, "")];
    lines.push(call("read", 5, "").replace("h1", "h2"));
    lines.push(call("read", 5, "").replace(r#""hhash":"h1","#, ""));
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let rows = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect("rows");
    let mut seen: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| ["host_hash", "host_name", "proc_name", "file_name"].map(|column| row[column].as_str()))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [["", "", "app#unknown#7#8", ""], ["h1", "node1", "app#node1#7#8", ""], ["h2", "", "app#h2#7#8", ""],]
    );
}

#[test]
fn a_number_that_does_not_fit_64_bits_is_an_error_with_the_row() {
    let most = i64::MAX;
    let lines = [call("read", 5, &format!(r#","ret":{most}"#)), call("read", 5, r#","ret":1"#)];
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let error = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect_err("too large");
    let message = error.to_string();
    assert!(message.contains("read of process 7") && message.contains("size is 9223372036854775808"), "{message}");
}

#[test]
fn a_granularity_that_is_not_a_multiple_of_the_interval_is_refused() {
    let built = build(&[call("read", 5, "")], &interval(10));
    for granularity in [0, 1, 15, u64::MAX] {
        let refused = View::new(&built.index, Some(granularity), Filter::default());
        assert!(matches!(refused, Err(ExportError::Granularity { .. })), "{granularity}");
    }
}

#[test]
fn a_time_range_counts_in_a_unit_that_divides_the_granularity() {
    let built = build(&[call("read", 25, ""), call("read", 47, "")], &interval(10));
    let times = |granularity, unit| {
        let view = View::new(&built.index, Some(granularity), Filter::default()).expect("a view");
        let view = view.with_range_unit(unit).expect("a unit");
        let rows = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect("rows");
        rows.iter().map(|row| row["time_range"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(times(10, 10), ["0", "2"]);
    assert_eq!(times(10, 2), ["0", "10"]);
    assert_eq!(times(20, 10), ["0", "2"]);
    for unit in [0, 3, 20] {
        let view = View::new(&built.index, Some(10), Filter::default()).expect("a view");
        let refused = view.with_range_unit(unit);
        assert!(matches!(refused, Err(ExportError::RangeUnit { .. })), "{unit}");
    }
}

#[test]
fn a_metric_with_the_name_of_a_column_gets_a_prefixed_column() {
    let line = r#"{"name":"cpu","cat":"sys","ts":7,"ph":2,"args":{"count":4.5,"ts":1}}"#.to_owned();
    let built = build(&[line], &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let rows = all(view.table(Table::System, TableOptions::default()).expect("a table")).expect("rows");
    assert_eq!((rows[0]["count"].as_str(), rows[0]["metric:count"].as_str()), ("1", "4.5"));
    assert_eq!((rows[0]["ts"].as_str(), rows[0]["metric:ts"].as_str()), ("7", "1.0"));
}

/// Lines of every series kind, over a few series and buckets.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let phase = prop::sample::select(vec![r#""X""#, r#""X""#, "2", "3", r#""C""#]);
    let cat = prop::sample::select(vec!["posix", "POSIX", "app", "sys"]);
    let name = prop::sample::select(vec!["read", "write", "open64", "fsync"]);
    let line = (phase, cat, name, 0_i64..3, 1_u64..200, prop::option::of(0_u64..50), -5_i64..50, any::<bool>()).prop_map(
        |(phase, cat, name, pid, ts, dur, ret, counted)| {
            let dur = dur.map_or(String::new(), |dur| format!(r#","dur":{dur}"#));
            let count = if counted { r#","dft_cnt":3,"dur_sum":9"# } else { "" };
            format!(
                r#"{{"name":"{name}","cat":"{cat}","pid":{pid},"tid":1,"ts":{ts}{dur},"ph":{phase},"args":{{"hhash":"h{}","fhash":"f{}","ret":{ret},"offset":{},"v":{}.5{count}}}}}"#,
                pid % 2,
                ts % 3,
                ret * 10,
                ret
            )
        },
    );
    prop::collection::vec(line, 1..60).prop_map(|mut lines| {
        lines.push(HOST.to_owned());
        lines
    })
}

fn every_table(view: &View<'_>) -> Vec<Vec<Row>> {
    let mut tables = Vec::new();
    for kind in SeriesKind::ALL {
        tables.push(all(view.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows"));
    }
    tables.push(all(view.table(Table::System, whole()).expect("a table")).expect("rows"));
    tables.push(all(view.table(Table::Aggregation, whole()).expect("a table")).expect("rows"));
    tables
}

fn float(row: &Row, column: &str) -> Option<f64> {
    row.get(column).map(|value| value.parse().expect("a number"))
}

/// Computes the row of a group from the rows in it.
fn naive_group(rows: &[&Row]) -> BTreeMap<&'static str, Option<f64>> {
    let values = |column: &str| rows.iter().filter_map(|row| float(row, column)).collect::<Vec<f64>>();
    let sum = |values: Vec<f64>| (!values.is_empty()).then(|| values.iter().sum::<f64>());
    let squares = |column| sum(values(column).iter().map(|value| value * value).collect());
    let min = |column| values(column).into_iter().reduce(f64::min);
    let max = |column| values(column).into_iter().reduce(f64::max);
    BTreeMap::from([
        ("count", sum(values("count"))),
        ("time", sum(values("time"))),
        ("size", sum(values("size"))),
        ("time_sq", squares("time")),
        ("size_sq", squares("size")),
        ("time_min", min("time_min")),
        ("time_max", max("time_max")),
        ("size_min", min("size_min")),
        ("size_max", max("size_max")),
        ("time_call_min", min("time")),
        ("time_call_max", max("time")),
        ("size_call_min", min("size")),
        ("size_call_max", max("size")),
        ("time_start", min("time_start")),
        ("time_end", max("time_end")),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_granularity_gives_the_tables_of_an_index_with_that_interval(lines in lines(), times in 1_u64..6) {
        let fine = build(&lines, &interval(10));
        let coarse = build(&lines, &interval(10 * times));
        let fine = View::new(&fine.index, Some(10 * times), Filter::default()).expect("a view");
        let coarse = View::new(&coarse.index, None, Filter::default()).expect("a view");
        prop_assert_eq!(fine.origin(), coarse.origin());
        prop_assert_eq!(every_table(&fine), every_table(&coarse));
    }

    #[test]
    fn groups_equal_those_of_a_naive_model(
        lines in lines(),
        by in prop::sample::subsequence(GroupColumn::ALL.to_vec(), 1..5).prop_shuffle(),
    ) {
        let built = build(&lines, &interval(10));
        let view = View::new(&built.index, Some(30), Filter::default()).expect("a view");
        for kind in SeriesKind::ALL {
            let rows = all(view.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows");
            // No trace states a rank, so it is null in every row.
            let key = |row: &Row| by.iter().map(|column| row.get(column.name()).cloned()).collect::<Vec<_>>();
            let mut groups: BTreeMap<Vec<Option<String>>, Vec<&Row>> = BTreeMap::new();
            for row in &rows {
                groups.entry(key(row)).or_default().push(row);
            }
            let grouped = all(view.table(calls_of(kind), grouped_by(&by)).expect("a table")).expect("rows");
            prop_assert_eq!(grouped.len(), groups.len());
            for row in &grouped {
                let key = key(row);
                for (column, wanted) in naive_group(&groups[&key]) {
                    let got = float(row, column);
                    let close = match (got, wanted) {
                        (Some(got), Some(wanted)) => (got - wanted).abs() <= 1e-12 * wanted.abs().max(1.0),
                        (got, wanted) => got == wanted,
                    };
                    prop_assert!(close, "{} of {:?}: {:?}, not {:?}", column, key, got, wanted);
                }
            }
        }
    }

    #[test]
    fn filters_keep_exactly_the_rows_that_match(lines in lines(), start in 0_u64..150, length in 1_u64..100, pid in 0_i64..3) {
        let built = build(&lines, &interval(10));
        let whole = View::new(&built.index, None, Filter::default()).expect("a view");
        let pattern = |text: &str| Some(Pattern::new(text).expect("a glob"));
        let time = start..start + length;
        let filters = [
            Filter { time: Some(time.clone()), ..Filter::default() },
            Filter { category: pattern("pos*"), pids: vec![pid], ..Filter::default() },
            Filter { name: pattern("{read,fsync}"), host: pattern("node?"), ..Filter::default() },
            Filter { file: pattern("f[01]"), time: Some(time.clone()), ..Filter::default() },
        ];
        for (at, filter) in filters.into_iter().enumerate() {
            let view = View::new(&built.index, None, filter).expect("a view");
            for kind in SeriesKind::ALL {
                let mut wanted = all(whole.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows");
                wanted.retain(|row| {
                    let cell = row["time_range"].parse::<u64>().expect("a number") * 10;
                    let in_time = cell < time.end && cell + 10 > time.start;
                    match at {
                        0 => in_time,
                        1 => row["cat"] == "posix" && row["pid"] == pid.to_string(),
                        2 => ["read", "fsync"].contains(&row["func_name"].as_str()) && row["host_name"] == "node1",
                        _ => row["file_hash"] != "f2" && in_time,
                    }
                });
                let got = all(view.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows");
                prop_assert_eq!(got, wanted);
            }
        }
    }

    #[test]
    fn shards_are_disjoint_and_together_the_table(lines in lines(), parts in 1_u32..9, batch in 1_usize..40) {
        let built = build(&lines, &interval(10));
        let view = |shard| View::new(&built.index, None, Filter { shard, ..Filter::default() }).expect("a view");
        let rows = NonZeroUsize::new(batch).expect("not 0");
        let whole = view(None);
        let shards: Vec<View<'_>> =
            (0..parts).map(|part| view(Shard::new(part, parts)).in_batches_of(rows)).collect();
        for kind in SeriesKind::ALL {
            let wanted = all(whole.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows");
            let mut got = Vec::new();
            for shard in &shards {
                got.extend(all(shard.table(calls_of(kind), TableOptions::default()).expect("a table")).expect("rows"));
                prop_assert!(matches!(shard.table(calls_of(kind), grouped_by(&[GroupColumn::Cat])), Err(ExportError::GroupedShard)));
            }
            prop_assert_eq!(got, wanted);
        }
        let columns = |view: &View<'_>| {
            let statistics = view.table(Table::Aggregation, TableOptions::default()).expect("a table").schema();
            (statistics, view.table(Table::System, TableOptions::default()).expect("a table").schema())
        };
        let mut readings = Vec::new();
        for shard in &shards {
            prop_assert_eq!(columns(shard), columns(&whole));
            readings.extend(all(shard.table(Table::System, TableOptions::default()).expect("a table")).expect("rows"));
        }
        readings.sort();
        let mut wanted = all(whole.table(Table::System, TableOptions::default()).expect("a table")).expect("rows");
        wanted.sort();
        prop_assert_eq!(readings, wanted);
    }
}

#[test]
fn a_scan_that_has_ended_stays_at_its_end() {
    let lines = [1, 2, 3].map(|pid| call("read", 5, "").replace(r#""pid":7"#, &format!(r#""pid":{pid}"#)));
    let built = build(&lines, &interval(10));
    for pid in [1, 2, 3] {
        let view = View::new(&built.index, None, Filter { pids: vec![pid], ..Filter::default() }).expect("a view");
        let mut cells = view.cells(SeriesKind::Call, dft_codec::RowParts::All).expect("a scan");
        let steps = [0; 5].map(|_| cells.advance().expect("a step"));
        assert_eq!(steps, [true, false, false, false, false]);
    }
}

#[test]
fn rows_are_sorted_by_series_and_then_by_time() {
    let lines: Vec<String> =
        (0..300).map(|at| call(["read", "write", "open64"][at % 3], (at as u64 * 37) % 900, "")).collect();
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let rows = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect("rows");
    let mut seen: Vec<(String, u64)> = Vec::new();
    for row in &rows {
        let next = (row["func_name"].clone(), row["time_range"].parse().expect("a number"));
        if let Some(last) = seen.last() {
            assert!(last.0 != next.0 || last.1 < next.1, "{last:?} before {next:?}");
            assert!(last.0 == next.0 || seen.iter().all(|(name, _)| *name != next.0), "{} comes twice", next.0);
        }
        seen.push(next);
    }
}

#[test]
fn files_of_each_format_contain_the_tables() {
    let lines: Vec<String> = (0..20_000).map(|at| call(&format!("f{}", at % 7), at * 11, r#","offset":1"#)).collect();
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let wanted = all(view.table(Table::Events, TableOptions::default()).expect("a table")).expect("rows");
    assert!(wanted.len() > 2 * 8192, "more than one batch");
    let folder = tempfile::tempdir().expect("a folder");
    for format in [Format::Parquet, Format::Arrow, Format::Csv] {
        let options = ExportOptions { tables: Vec::new(), group_by: Vec::new(), format, threads: 2 };
        let files = export(&view, folder.path(), &options).expect("exported").tables;
        let tables: Vec<Table> = files.iter().map(|file| file.table).collect();
        assert_eq!(tables, [Table::Events, Table::Profiles, Table::System], "no host statistics, so no such table");
        assert_eq!(files[0].rows, wanted.len() as u64);
        assert_eq!(read_back(&files[0].path, format), wanted, "{format:?}");
        assert_eq!(files[1].rows, 0);
    }
    let left = std::fs::read_dir(folder.path()).expect("listed").count();
    assert_eq!(left, 10, "only the tables and the list of them are left");
}

fn read_back(path: &Path, format: Format) -> Vec<Row> {
    let file = File::open(path).expect("a file");
    let batches: Vec<RecordBatch> = match format {
        Format::Parquet => {
            let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
            assert!(matches!(reader.schema().field(0).data_type(), DataType::Dictionary(..)));
            reader.build().expect("Parquet").map(|batch| batch.expect("a batch")).collect()
        }
        Format::Arrow => arrow_ipc::reader::FileReader::try_new(file, None)
            .expect("Arrow")
            .map(|batch| batch.expect("a batch"))
            .collect(),
        Format::Csv => {
            let text = std::fs::read_to_string(path).expect("text");
            let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
            let header = lines.next().expect("a header");
            return lines
                .map(|line| header.iter().cloned().zip(line).filter(|(name, value)| keeps(name, value)).collect())
                .collect();
        }
        other => panic!("{other:?}"),
    };
    batches.iter().flat_map(rows_of).collect()
}

/// CSV does not distinguish null from empty. Of the columns here, names are empty and others are null.
fn keeps(column: &str, value: &str) -> bool {
    !value.is_empty() || ["file_name", "host_name"].contains(&column)
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let most = i64::MAX;
    let lines = [call("read", 5, &format!(r#","ret":{most}"#)), call("read", 5, r#","ret":1"#)];
    let built = build(&lines, &interval(10));
    let view = View::new(&built.index, None, Filter::default()).expect("a view");
    let folder = tempfile::tempdir().expect("a folder");
    let options =
        ExportOptions { tables: vec![Table::Events], group_by: Vec::new(), format: Format::Parquet, threads: 2 };
    assert!(matches!(export(&view, folder.path(), &options), Err(ExportError::TooLarge { .. })));
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
    let options = ExportOptions {
        tables: vec![Table::System],
        group_by: vec![GroupColumn::Cat],
        format: Format::Parquet,
        threads: 1,
    };
    assert!(matches!(export(&view, folder.path(), &options), Err(ExportError::NotGrouped("system"))));
}
