//! All tables in a directory show the same. A table of an earlier export that shows something else is removed;
//! one that no export is known to have written is not touched, and the export is refused before it writes
//! anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use dft_tests::{Ran, contents, data, export, run, table, trace, tree, write};

const DFT: &str = env!("CARGO_BIN_EXE_dft-under-test");

/// Records of a host, which are what makes `preaggregated_system` a table.
const HOST: &str = r#"{"name":"cpu","cat":"sys","pid":0,"tid":0,"ts":1700000000000000,"ph":3,"args":{"hhash":"h","dft_cnt":4,"dur_sum":9}}
"#;

struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    /// An index of calls and of a host's statistics, and one of calls only.
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

    /// The names of the tables that are there, and of nothing else but the list of them.
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
fn what_shows_something_else_is_removed() {
    let made = Made::new();
    let all = names("events.parquet profiles.parquet processes.parquet system.parquet preaggregated_system.parquet");
    let removed = |ran: Ran, name: &str| {
        let ran = ran.exits(0);
        let says = format!("{}  removed: ", made.text(&format!("tables/{name}")));
        assert!(ran.out.contains(&says), "{}", ran.out);
    };
    made.export("a", "").exits(0);
    assert_eq!(made.tables(), all);
    // Another index, which has no such table.
    removed(made.export("b", ""), "preaggregated_system.parquet");
    assert_eq!(made.tables(), names("events.parquet profiles.parquet processes.parquet system.parquet"));
    export(DFT, made.text("b").as_ref(), made.text("wanted").as_ref());
    made.export("b", "--table aggregation").exits(0);
    assert!(contents(made.text("tables").as_ref()) == contents(made.text("wanted").as_ref()));
    // Another format of other rows, and other tables of them.
    removed(made.export("a", "--format csv --table events"), "aggregation.parquet");
    assert_eq!(made.tables(), names("events.csv"));
    removed(made.export("a", "--host h*"), "events.csv");
    assert_eq!(made.tables(), all);
    // A filter that leaves no row of a table.
    removed(made.export("a", "--time 1h.."), "preaggregated_system.parquet");
    assert_eq!(made.tables(), names("events.parquet profiles.parquet processes.parquet system.parquet"));
    removed(made.export("a", "--granularity 5s --table system"), "events.parquet");
    assert_eq!(made.tables(), names("system.parquet"));
    // The index has grown since.
    made.export("a", "").exits(0);
    write(&made.folder.path().join("c.pfw"), trace(3, 100));
    run(DFT, ["index", &made.text("c.pfw"), "--index", &made.text("a")]).exits(0);
    removed(made.export("a", "--table events"), "profiles.parquet");
    assert_eq!(made.tables(), names("events.parquet"));
    // A trace is another one of the same length and with as many records.
    write(&made.folder.path().join("a.pfw"), (trace(1, 500) + HOST).replace("/data/7", "/home/7"));
    run(DFT, ["index", &made.text("a.pfw"), &made.text("c.pfw"), "--index", &made.text("a"), "--rebuild"]).exits(0);
    removed(made.export("a", "--table system"), "events.parquet");
}

#[test]
fn what_shows_the_same_stays() {
    let made = Made::new();
    for words in ["", "", "--table aggregation", "--format csv", "--format arrow --table events"] {
        let ran = made.export("a", words).exits(0);
        assert!(!ran.out.contains("removed"), "{}", ran.out);
    }
    let parquet = "events.parquet profiles.parquet processes.parquet system.parquet preaggregated_system.parquet \
                   aggregation.parquet";
    let csv = "events.csv profiles.csv processes.csv system.csv preaggregated_system.csv";
    assert_eq!(made.tables(), names(&format!("{parquet} {csv} events.arrow")));
    // An index of the same traces, made anew, holds the same.
    run(DFT, ["index", &made.text("a.pfw"), "--index", &made.text("a"), "--rebuild", "--threads", "1"]).exits(0);
    let before = contents(made.text("tables").as_ref());
    made.export("a", "--table system").exits(0);
    assert!(contents(made.text("tables").as_ref()) == before);
}

#[test]
fn what_no_export_wrote_is_refused() {
    let made = Made::new();
    let tables = made.folder.path().join("tables");
    // As versions before the list left it, and a table of somebody.
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
    // What the new tables replace, exports have always replaced.
    fs::remove_file(tables.join("system.csv")).expect("removed");
    made.export("a", "").exits(0);
    assert!(table(&tables.join("events.parquet")).len() > 10);
    assert_eq!(fs::read(tables.join("notes.csv")).expect("there"), b"no table");
    // A table that was changed since is somebody's.
    write(&tables.join("profiles.parquet"), "mine");
    let before = tree(&tables);
    assert!(made.export("b", "--table events").exits(1).err.contains("profiles.parquet"));
    assert!(tree(&tables) == before);
    made.export("b", "").exits(0);
    // A list that is none is not guessed at.
    write(&tables.join(".dft-tables"), "dft tables 1\n00 9 ../../home\n");
    assert!(made.export("b", "").exits(1).err.contains(".dft-tables: not a list of exported tables"));
}

#[test]
fn an_export_that_fails_leaves_what_was_there() {
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
    assert!(tree(made.text("tables").as_ref()) == before, "no table of it is among those of another");
}

#[test]
fn the_list_does_not_show_how_the_work_was_done() {
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
