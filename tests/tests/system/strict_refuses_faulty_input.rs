//! With `--strict` the first fault is an error, and the index is unchanged.

use dft_tests::{gzip, run, trace, write};

use crate::common::DFT;

#[test]
fn each_fault_is_an_error_and_nothing_is_stored() {
    let good = trace(1, 2_000);
    let zipped = gzip(good.as_bytes());
    let faults: [(&str, Vec<u8>, &str); 4] = [
        ("malformed.pfw", format!("{good}oops\n").into_bytes(), "line 2024 is malformed"),
        ("truncated.pfw.gz", zipped[..zipped.len() / 2].to_vec(), "truncated"),
        ("damaged.pfw.gz", [&zipped[..], b"\x1f\x8bxx"].concat(), "damaged"),
        ("empty.pfw", Vec::new(), "empty"),
    ];
    for (name, bytes, message) in faults {
        let folder = tempfile::tempdir().expect("a folder");
        let (traces, index) = (folder.path().join("traces"), folder.path().join("index"));
        write(&traces.join("good.pfw"), &good);
        let arguments =
            ["index".as_ref(), traces.as_os_str(), "--index".as_ref(), index.as_os_str(), "--strict".as_ref()];
        run(DFT, arguments).exits(0);
        write(&traces.join(name), bytes);
        let ran = run(DFT, arguments).exits(1);
        assert!(ran.err.contains(name) && ran.err.contains(message) && ran.err.contains("--strict"), "{}", ran.err);
        let info = run(DFT, ["info".as_ref(), index.as_os_str()]).exits(0);
        assert!(info.out.contains("good.pfw") && !info.out.contains(name), "{}", info.out);
        // Without --strict, the valid records of the same input are indexed.
        run(DFT, &arguments[..4]).exits(3);
    }
}
