//! All tables in a directory show the same index through the same filter. An export removes tables of an earlier export
//! that show something else. If there is a table that no known export wrote, it is not touched, and the export is
//! refused before it writes anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dft_tests::{Ran, contents, data, export, run, table, trace, tree, write};

use crate::common::DFT;

/// Host statistics, which give rows of `preaggregated_system`.
const HOST: &str = r#"{"name":"cpu","cat":"sys","pid":0,"tid":0,"ts":1700000000000000,"ph":3,"args":{"hhash":"h","dft_cnt":4,"dur_sum":9}}
"#;

struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    /// Makes an index of calls and host statistics, and one of calls only.
    fn new() -> Self {
        let made = Self { folder: tempfile::tempdir().expect("a folder") };
        write(&made.folder.path().join("a.pfw"), trace(1, 500) + HOST);
        write(&made.folder.path().join("b.pfw"), trace(2, 500));
        for name in ["a", "b"] {
            run(DFT, ["index", &made.text(&format!("{name}.pfw")), "--index", &made.text(name)]).exits(0);
        }
        made
    }

    fn text(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn export(&self, index: &str, more: &str) -> Ran {
        let words = ["export".to_owned(), self.text(index), "--out".to_owned(), self.text("tables")];
        run(DFT, words.into_iter().chain(more.split_whitespace().map(str::to_owned)))
    }

    /// Returns the names of the tables, and checks that there is nothing else but their list.
    fn tables(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = contents(&self.folder.path().join("tables")).into_keys().collect();
        assert!(names.remove(".dft-tables"));
        names
    }
}

fn names(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn tables_with_other_contents_are_removed() {
    let made = Made::new();
    let all = names("events.parquet profiles.parquet processes.parquet system.parquet preaggregated_system.parquet");
    let removed = |ran: Ran, name: &str| {
        let ran = ran.exits(0);
        let says = format!("{}  removed: ", made.text(&format!("tables/{name}")));
        assert!(ran.out.contains(&says), "{}", ran.out);
    };
    made.export("a", "").exits(0);
    assert_eq!(made.tables(), all);
    // Another index, without such a table.
    removed(made.export("b", ""), "preaggregated_system.parquet");
    assert_eq!(made.tables(), names("events.parquet profiles.parquet processes.parquet system.parquet"));
    export(DFT, made.text("b").as_ref(), made.text("wanted").as_ref());
    made.export("b", "--table aggregation").exits(0);
    assert!(contents(made.text("tables").as_ref()) == contents(made.text("wanted").as_ref()));
    // Another format with other rows, and other tables.
    removed(made.export("a", "--format csv --table events"), "aggregation.parquet");
    assert_eq!(made.tables(), names("events.csv"));
    removed(made.export("a", "--host h*"), "events.csv");
    assert_eq!(made.tables(), all);
    // A filter that no row of a table passes.
    removed(made.export("a", "--time 1h.."), "preaggregated_system.parquet");
    assert_eq!(made.tables(), names("events.parquet profiles.parquet processes.parquet system.parquet"));
    removed(made.export("a", "--granularity 5s --table system"), "events.parquet");
    assert_eq!(made.tables(), names("system.parquet"));
    // The index has grown.
    made.export("a", "").exits(0);
    write(&made.folder.path().join("c.pfw"), trace(3, 100));
    run(DFT, ["index", &made.text("c.pfw"), "--index", &made.text("a")]).exits(0);
    removed(made.export("a", "--table events"), "profiles.parquet");
    assert_eq!(made.tables(), names("events.parquet"));
    // A trace is replaced by one of the same length with as many records.
    write(&made.folder.path().join("a.pfw"), (trace(1, 500) + HOST).replace("/data/7", "/home/7"));
    run(DFT, ["index", &made.text("a.pfw"), &made.text("c.pfw"), "--index", &made.text("a"), "--rebuild"]).exits(0);
    removed(made.export("a", "--table system"), "events.parquet");
}

#[test]
fn tables_with_the_same_contents_stay() {
    let made = Made::new();
    for words in ["", "", "--table aggregation", "--format csv", "--format arrow --table events"] {
        let ran = made.export("a", words).exits(0);
        assert!(!ran.out.contains("removed"), "{}", ran.out);
    }
    let parquet = "events.parquet profiles.parquet processes.parquet system.parquet preaggregated_system.parquet \
                   aggregation.parquet";
    let csv = "events.csv profiles.csv processes.csv system.csv preaggregated_system.csv";
    assert_eq!(made.tables(), names(&format!("{parquet} {csv} events.arrow")));
    // A rebuilt index of the same traces holds the same.
    run(DFT, ["index", &made.text("a.pfw"), "--index", &made.text("a"), "--rebuild", "--threads", "1"]).exits(0);
    let before = contents(made.text("tables").as_ref());
    made.export("a", "--table system").exits(0);
    assert!(contents(made.text("tables").as_ref()) == before);
}

#[test]
fn tables_that_no_export_wrote_are_refused() {
    let made = Made::new();
    let tables = made.folder.path().join("tables");
    // Tables of versions that wrote no list, and a user's table.
    for (name, bytes) in [("events.parquet", "old"), ("system.csv", "somebody's"), ("notes.csv", "no table")] {
        write(&tables.join(name), bytes);
    }
    let before = tree(&tables);
    for words in ["", "--table events", "--table aggregation --format csv"] {
        let ran = made.export("a", words).exits(1);
        let says = "system.csv: not known to be written by an export to this directory; it is not removed";
        assert!(ran.err.contains(says) && ran.err.contains("choose another directory"), "{}", ran.err);
        assert!(tree(&tables) == before, "{words}: something was written");
    }
    // Exports have always replaced files with the names of the new tables.
    fs::remove_file(tables.join("system.csv")).expect("removed");
    made.export("a", "").exits(0);
    assert!(table(&tables.join("events.parquet")).len() > 10);
    assert_eq!(fs::read(tables.join("notes.csv")).expect("there"), b"no table");
    // A table that was changed since belongs to the user.
    write(&tables.join("profiles.parquet"), "mine");
    let before = tree(&tables);
    assert!(made.export("b", "--table events").exits(1).err.contains("profiles.parquet"));
    assert!(tree(&tables) == before);
    made.export("b", "").exits(0);
    // A malformed list is an error.
    write(&tables.join(".dft-tables"), "dft tables 1\n00 9 ../../home\n");
    assert!(made.export("b", "").exits(1).err.contains(".dft-tables: not a list of exported tables"));
}

#[test]
fn an_export_that_fails_leaves_earlier_tables() {
    let made = Made::new();
    let most = i64::MAX;
    let call = |ret: i64| {
        format!(
            "{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":1,\"tid\":1,\"ts\":5,\"dur\":1,\"ph\":\"X\",\"args\":{{\"ret\":{ret}}}}}\n"
        )
    };
    write(&made.folder.path().join("large.pfw"), call(most) + &call(most));
    run(DFT, ["index", &made.text("large.pfw"), "--index", &made.text("large")]).exits(0);
    assert!(made.export("large", "").exits(1).err.contains("past the 64 bits"));
    assert!(!Path::new(&made.text("tables")).exists(), "the directory was made for it");
    made.export("a", "").exits(0);
    let before = tree(made.text("tables").as_ref());
    made.export("large", "").exits(1);
    assert!(tree(made.text("tables").as_ref()) == before, "it left a table");
}

#[test]
fn the_list_is_the_same_for_any_number_of_threads() {
    let made = Made::new();
    let lists: BTreeSet<Vec<u8>> = [("one", "1"), ("two", "4")]
        .into_iter()
        .map(|(name, threads)| {
            let (index, out) = (made.text(name), made.text(&format!("{name}.tables")));
            run(DFT, ["index", &data("").display().to_string(), "--index", &index, "--threads", threads]);
            run(DFT, ["export", &index, "--out", &out]).exits(0);
            fs::read(Path::new(&out).join(".dft-tables")).expect("a list")
        })
        .collect();
    assert_eq!(lists.len(), 1);
}
