//! `dft query`: groups on the terminal, as CSV, JSON and files.

use std::path::Path;

use dft_tests::{run, write};

use crate::common::DFT;

/// A trace of reads and writes of two files in two epochs.
fn trace() -> String {
    let mut text = String::from("[\n");
    for (hash, name) in [("f1", "/data/train/shard_1.npz"), ("f2", "/data/train/shard_22.npz")] {
        text += &format!("{{\"name\":\"FH\",\"ph\":\"M\",\"args\":{{\"name\":\"{name}\",\"value\":\"{hash}\"}}}}\n");
    }
    for (at, (name, file, epoch, dur, ret)) in [
        ("read", "f1", 1, 1_000, 4096),
        ("read", "f2", 1, 3_000, 4096),
        ("read", "f2", 1, 5_000, 1 << 20),
        ("write", "f1", 2, 2_000_000, 100),
    ]
    .into_iter()
    .enumerate()
    {
        text += &format!(
            "{{\"name\":\"{name}\",\"cat\":\"POSIX\",\"pid\":7,\"tid\":8,\"ts\":{at},\"dur\":{dur},\"ph\":\"X\",\
             \"args\":{{\"fhash\":\"{file}\",\"epoch\":{epoch},\"ret\":{ret}}}}}\n"
        );
    }
    text
}

fn indexed(folder: &Path) -> String {
    let (path, index) = (folder.join("x.pfw"), folder.join("index"));
    write(&path, trace());
    let arguments = ["index".as_ref(), path.as_os_str(), "--index".as_ref(), index.as_os_str()];
    run(DFT, arguments.into_iter().chain(["--percentiles", "--group-key", "epoch"].map(AsRef::as_ref))).exits(0);
    index.to_str().expect("UTF-8").to_owned()
}

#[test]
fn groups_are_shown_with_units_and_numbers_at_the_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = indexed(folder.path());
    let shown = run(
        DFT,
        [
            "query",
            &index,
            "--group-by",
            "func_name,epoch",
            "--stats",
            "count,dur_total,size_total,dur_mean",
            "--sort",
            "dur_total:desc",
        ],
    );
    let wanted = "\
func_name  epoch  count  dur_total  size_total  dur_mean
write      2          1        2 s       100 B       2 s
read       1          3       9 ms    1.01 MiB      3 ms
";
    assert_eq!(shown.exits(0).out, wanted);
}

#[test]
fn groups_are_written_as_csv_json_and_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = indexed(folder.path());
    let query = |more: &[&str]| {
        let arguments =
            ["query", &index, "--group-by", "file_pattern", "--stats", "count,dur_max,size_hist,file_nunique"];
        run(DFT, arguments.iter().chain(more))
    };
    let csv = query(&["--format", "csv"]).exits(0).out;
    let wanted = "file_pattern,count,dur_max,size_hist,file_nunique\n\
                  /data/train/shard_[0-9].npz,4,2000000,\"{\"\"64\"\":1,\"\"4096\"\":2,\"\"1048576\"\":1}\",2\n";
    assert_eq!(csv, wanted);
    let json = query(&["--format", "json"]).exits(0).out;
    for field in ["\"count\": 4", "\"dur_max\": 2000000", "\"4096\": 2", "\"file_nunique\": 2"] {
        assert!(json.contains(field), "{json}");
    }
    let out = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    for format in ["csv", "json", "parquet", "arrow", "table"] {
        let path = out(&format!("groups.{format}"));
        let said = query(&["--format", format, "--out", &path]).exits(0).out;
        assert!(said.contains("1 row") && Path::new(&path).is_file(), "{said}");
    }
    assert_eq!(std::fs::read_to_string(out("groups.csv")).expect("written"), wanted);
    // Without --format, the name of the file says which.
    query(&["--out", &out("named.csv")]).exits(0);
    assert_eq!(std::fs::read_to_string(out("named.csv")).expect("written"), wanted);
    query(&["--out", &out("named.parquet")]).exits(0);
    assert!(std::fs::read(out("named.parquet")).expect("written").starts_with(b"PAR1"));
    let refused = query(&["--out", folder.path().join("none/named.csv").to_str().expect("UTF-8")]).exits(1);
    assert!(refused.err.contains("named.csv: No such file or directory"), "{}", refused.err);
    let refused = query(&["--format", "parquet"]).exits(2);
    assert!(refused.err.contains("--out"), "{}", refused.err);
    assert!(query(&["--query", "name == 'nothing'"]).exits(0).out.contains("file_pattern"));
}

#[test]
fn an_unknown_field_is_marked_in_the_query() {
    let folder = tempfile::tempdir().expect("a folder");
    let index = indexed(folder.path());
    let refused = |arguments: &[&str]| run(DFT, ["query", &index].iter().chain(arguments)).exits(2).err;
    let message = refused(&["--query", "epoch == 1 and dur > 5"]);
    assert!(message.contains("a row sums up many calls"), "{message}");
    assert!(message.contains("\n  epoch == 1 and dur > 5\n                 ^\n"), "{message}");
    assert!(refused(&["--query", "args.level == 3"]).contains("--group-key level"));
    assert!(refused(&["--group-by", "level"]).contains("--group-key level"));
    assert!(refused(&["--stats", "dur_avg"]).contains("METRIC_mean"));
    assert!(refused(&["--group-by", "size_bin", "--granularity", "1h"]).contains("--percentiles"));
    assert!(refused(&["--format", "xls"]).contains("table, csv, json, parquet, arrow"));
}
