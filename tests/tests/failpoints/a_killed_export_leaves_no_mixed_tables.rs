//! An export that replaces tables of an earlier one and is killed at any time leaves tables of one of the two, never of
//! both. The next export completes them.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;

use dft_tests::{contents, dft, run, trace, write};

use crate::common::DFT;

const HOST: &str = r#"{"name":"cpu","cat":"sys","pid":0,"tid":0,"ts":1700000000000000,"ph":3,"args":{"hhash":"h","dft_cnt":4,"dur_sum":9}}
"#;

#[test]
fn an_export_killed_at_any_failpoint_leaves_tables_of_one_export() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = |name: &str| folder.path().join(name).display().to_string();
    write(text("a.pfw").as_ref(), trace(1, 500) + HOST);
    write(text("b.pfw").as_ref(), trace(2, 500));
    let export = |index: &str, out: &str, points: Option<&str>| {
        let mut command = dft(DFT, ["export", &text(index), "--out", &text(out)]);
        command.envs(points.map(|points| ("DFT_FAILPOINTS", points))).output().expect("the program runs").status
    };
    let tables = |out: &str| -> BTreeMap<String, Vec<u8>> {
        contents(text(out).as_ref()).into_iter().filter(|(name, _)| !name.starts_with('.')).collect()
    };
    for name in ["a", "b"] {
        run(DFT, ["index", &text(&format!("{name}.pfw")), "--index", &text(name)]).exits(0);
        assert!(export(name, &format!("{name}.whole"), None).success());
    }
    let (old, new) = (tables("a.whole"), tables("b.whole"));
    assert_eq!((old.len(), new.len()), (5, 4));
    assert!(new.iter().all(|(name, bytes)| old[name] != *bytes), "the tables differ");
    let mut killed = 0;
    for point in [
        "export:before a table is written",
        "export:before an old table is removed",
        "export:before a table has its name",
    ] {
        for time in 1..=5 {
            assert!(export("a", "tables", None).success());
            assert_eq!(tables("tables"), old);
            let status = export("b", "tables", Some(&format!("{point}#{time}=abort")));
            if status.success() {
                continue;
            }
            assert_eq!(status.signal(), Some(6));
            killed += 1;
            let left = tables("tables");
            let of_one =
                |whole: &BTreeMap<String, Vec<u8>>| left.iter().all(|(name, bytes)| whole.get(name) == Some(bytes));
            assert!(of_one(&old) || of_one(&new), "{point}#{time}: tables of both: {:?}", left.keys());
            if left != old {
                assert!(!left.contains_key("events.parquet"), "{point}#{time}: it looks whole");
            }
            assert!(export("b", "tables", None).success());
            assert!(contents(text("tables").as_ref()) == contents(text("b.whole").as_ref()), "{point}#{time}");
        }
    }
    assert_eq!(killed, 4 + 5 + 4);
}
