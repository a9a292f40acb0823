//! `.pfw` and `.pfw.gz` files with the same text give the same tables, for any gzip members.

use dft_tests::{contents, gzip, index_and_export, trace, write};

use crate::common::DFT;

#[test]
fn plain_gzip_and_many_members_give_the_same_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = trace(3, 10_000);
    let members: Vec<u8> = text.as_bytes().chunks(77_777).flat_map(gzip).collect();
    let forms = [
        ("plain", "x.pfw", text.clone().into_bytes()),
        ("gzip", "x.pfw.gz", gzip(text.as_bytes())),
        ("members", "x.pfw.gz", members),
        // The bytes of a file tell its kind, not its name.
        ("misnamed", "x.pfw", gzip(text.as_bytes())),
    ];
    let mut all = Vec::new();
    for (name, file, bytes) in forms {
        let work = folder.path().join(name);
        write(&work.join("traces").join(file), bytes);
        all.push(contents(&index_and_export(DFT, &work.join("traces"), &work, &[])));
    }
    assert!(all[0]["events.parquet"].len() > 10_000);
    assert!(all.iter().all(|tables| *tables == all[0]));
}
