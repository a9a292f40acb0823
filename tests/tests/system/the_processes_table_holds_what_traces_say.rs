//! The processes table holds what metadata, `start` and `end` records state, and the totals of the records; null if no
//! trace states it.

use std::path::Path;

use dft_tests::{OneTrace, Row, cells, export, gzip, index_and_export, run, table, write};

use crate::common::DFT;

fn processes(lines: &[&str]) -> Vec<Row> {
    OneTrace::indexed(DFT, lines, &[]).rows("processes")
}

const IDENTITY: [&str; 8] =
    ["host_hash", "host_name", "pid", "rank", "process_name", "command", "executable", "working_directory"];
const COUNTED: [&str; 7] = ["tracer_version", "started", "ended", "records", "calls", "num_events", "traces"];

/// Returns a trace of one process, as tracer 3 writes it: the rank after the first call, the `end` last.
fn tracer_3(pid: u32, rank: u32) -> Vec<String> {
    let meta = |name: &str, hashed: &str, value: &str| {
        format!(
            r#"{{"name":"{name}","cat":"dftracer","type":1,"pid":{pid},"tid":{pid},"ph":4,"args":{{"hhash":"h1","name":"{hashed}","value":"{value}"}}}}"#
        )
    };
    let call = |id: u32, name: &str, cat: &str, ts: u64, args: &str| {
        format!(
            r#"{{"id":{id},"name":"{name}","cat":"{cat}","type":1,"pid":{pid},"tid":{pid},"ts":{ts},"dur":250,"ph":1,"args":{{"hhash":"h1"{args}}}}}"#
        )
    };
    vec![
        meta("HH", "node1", "h1"),
        meta("FH", "/home/user", "f9"),
        meta("SH", "python;train.py", "s1"),
        meta("SH", "train.py", "s2"),
        call(
            1,
            "start",
            "dftracer",
            1_000_000,
            r#","ppid":1,"cmd_hash":"s1","exec_hash":"s2","version":20003,"date":"Mon","cwd":"f9""#,
        ),
        call(2, "read", "POSIX", 2_000_000, r#","fhash":"f1","ret":10"#),
        meta("PR", "rank", &rank.to_string()),
        meta("process_name", &format!("Rank {rank}"), "process_name"),
        call(3, "read", "POSIX", 3_000_000, r#","fhash":"f1","ret":10"#),
        call(4, "end", "dftracer", 4_000_000, r#","cfg":{"posix":1},"num_events":3"#),
    ]
}

fn lines(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

#[test]
fn facts_of_a_process_are_found_wherever_its_trace_has_them() {
    let rows = processes(&lines(&tracer_3(70, 5)));
    assert_eq!(rows.len(), 1);
    assert_eq!(
        cells(&rows[0], &IDENTITY),
        ["h1", "node1", "70", "5", "Rank 5", "python;train.py", "train.py", "/home/user"]
    );
    assert_eq!(cells(&rows[0], &COUNTED), ["20003", "1000000", "4000250", "4", "4", "3", "1"]);
}

#[test]
fn facts_that_no_trace_states_are_null() {
    let rows = processes(&[
        r#"{"name":"read","cat":"POSIX","pid":7,"tid":7,"ts":5,"dur":1,"ph":"X","args":{"hhash":"h"}}"#,
        // Hashes without a name, and one that is not an integer.
        r#"{"name":"start","cat":"dftracer","pid":8,"tid":8,"ts":6,"dur":0,"ph":"X","args":{"hhash":"h","cmd_hash":"x","cwd":"y"}}"#,
        r#"{"name":"PR","ph":"M","pid":8,"args":{"hhash":"h","name":"rank","value":"first"}}"#,
        r#"{"name":"PR","ph":"M","pid":9,"args":{"hhash":"h","name":"rank","value":"9"}}"#,
        // A host's counters belong to no process.
        r#"{"name":"cpu","cat":"sys","pid":0,"tid":0,"ts":6,"ph":2,"args":{"hhash":"h","user":1.5}}"#,
        r#"{"name":"sda","cat":"io","pid":0,"tid":0,"ts":6,"ph":2,"args":{"hhash":"h","reads":1}}"#,
    ]);
    assert_eq!(rows.len(), 3);
    assert_eq!(cells(&rows[0], &IDENTITY), ["h", "null", "7", "null", "null", "null", "null", "null"]);
    assert_eq!(cells(&rows[0], &COUNTED), ["null", "5", "6", "1", "1", "null", "1"]);
    assert_eq!(cells(&rows[1], &IDENTITY), ["h", "null", "8", "null", "null", "null", "null", "null"]);
    assert_eq!(cells(&rows[2], &IDENTITY), ["h", "null", "9", "9", "null", "null", "null", "null"]);
    assert_eq!(cells(&rows[2], &COUNTED), ["null", "null", "null", "0", "0", "null", "1"]);
}

#[test]
fn each_generation_is_understood() {
    let rows = processes(&[
        // 1.0.5 writes texts, names the host in its records only, and gives the rank in a separate record.
        r#"{"id":1,"name":"start","cat":"dftracer","pid":1,"tid":1,"ts":10,"dur":0,"ph":"X","args":{"hostname":"node1","version":"1.0.5","exec":"a.out","cmd":"a.out -x","level":1,"p_idx":-1}}"#,
        r#"{"id":2,"name":"mpi","cat":"dftracer","pid":1,"tid":1,"ts":11,"dur":0,"ph":"X","args":{"hostname":"node1","rank":4}}"#,
        r#"{"id":3,"name":"process_name","pid":1,"tid":1,"ph":"M","args":{"name":"Rank 4"}}"#,
        // 1.0.8: hashes are integers.
        r#"{"id":1,"name":"SH","cat":"dftracer","pid":2,"tid":2,"ph":"M","args":{"hhash":7,"name":"b.out -y","value":17868160079272185648}}"#,
        r#"{"id":2,"name":"start","cat":"dftracer","pid":2,"tid":2,"ts":12,"dur":0,"ph":"X","args":{"hhash":7,"cmd_hash":17868160079272185648,"version":100008,"level":1,"p_idx":-1}}"#,
        r#"{"id":3,"name":"PR","cat":"dftracer","pid":2,"tid":2,"ph":"M","args":{"hhash":7,"name":"rank","value":"3"}}"#,
        // 2.1 without metadata names the host in its metadata only.
        r#"{"id":1,"name":"start","cat":"dftracer","pid":3,"tid":3,"ts":13,"dur":0,"ph":"X"}"#,
        r#"{"name":"PR","cat":"dftracer","pid":3,"tid":3,"ph":"M","args":{"hhash":"h","name":"rank","value":"2"}}"#,
    ]);
    let processes: Vec<_> =
        rows.iter().map(|row| cells(row, &["host_hash", "pid", "rank", "process_name", "command"])).collect();
    assert_eq!(
        processes,
        [
            ["", "3", "2", "null", "null"],
            ["7", "2", "3", "null", "b.out -y"],
            ["node1", "1", "4", "Rank 4", "a.out -x"],
        ]
    );
    assert_eq!(cells(&rows[2], &["executable", "tracer_version"]), ["a.out", "1.0.5"]);
}

#[test]
fn aggregated_calls_count_as_calls_and_do_not_give_the_start_of_a_process() {
    let rows = processes(&[
        r#"{"name":"start","cat":"dftracer","pid":1,"tid":1,"ts":1250000,"dur":0,"ph":1,"args":{"hhash":"h","version":20003}}"#,
        r#"{"name":"read","cat":"POSIX","pid":1,"tid":1,"ts":1000000,"ph":3,"args":{"hhash":"h","dft_cnt":20,"dur_sum":9}}"#,
        r#"{"name":"end","cat":"dftracer","pid":1,"tid":1,"ts":1750000,"dur":0,"ph":1,"args":{"hhash":"h","num_events":21}}"#,
        r#"{"name":"read","cat":"POSIX","pid":2,"tid":2,"ts":1000000,"ph":3,"args":{"hhash":"h","dft_cnt":5,"dur_sum":9}}"#,
        r#"{"name":"PAPI","cat":"papi","pid":2,"tid":2,"ts":1500000,"ph":2,"args":{"hhash":"h","cycles":1}}"#,
    ]);
    let counted: Vec<_> =
        rows.iter().map(|row| cells(row, &["pid", "started", "ended", "records", "calls", "num_events"])).collect();
    assert_eq!(counted, [["1", "1250000", "1750000", "3", "22", "21"], ["2", "1000000", "1500000", "2", "5", "null"]]);
}

#[test]
fn a_process_in_several_traces_is_one_row_and_contradictory_facts_are_null() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    let all = tracer_3(70, 5);
    write(&traces.join("a.pfw"), all[..6].join("\n"));
    write(&traces.join("b.pfw.gz"), gzip(all[6..].join("\n").as_bytes()));
    // Later, the system reuses the pid on the same host.
    write(
        &traces.join("c.pfw"),
        tracer_3(70, 6)
            .join("\n")
            .replace("train.py", "other.py")
            .replace("\"s1\"", "\"s3\"")
            .replace("\"s2\"", "\"s4\"")
            .replace("\"ts\":1", "\"ts\":9"),
    );
    let rows = table(&index_and_export(DFT, &traces, folder.path(), &[]).join("processes.parquet"));
    assert_eq!(rows.len(), 1);
    assert_eq!(cells(&rows[0], &["records", "num_events", "traces"]), ["8", "6", "3"]);
    assert_eq!(cells(&rows[0], &["rank", "process_name"]), ["null", "null"], "which of the two is not known");
    assert_eq!(cells(&rows[0], &["command", "executable"]), ["python;train.py", "train.py"], "of the first start");
}

#[test]
fn only_filters_on_columns_of_the_table_apply() {
    let folder = tempfile::tempdir().expect("a folder");
    let traces = folder.path().join("traces");
    for (pid, rank) in [(30, 2), (10, 0), (20, 1)] {
        write(&traces.join(format!("{pid}.pfw")), tracer_3(pid, rank).join("\n"));
    }
    index_and_export(DFT, &traces, folder.path(), &[]);
    let index = folder.path().join("index");
    let shown = |options: &[&str]| -> Vec<String> {
        let out = folder.path().join("shown");
        let arguments = ["export", "--table", "processes", "--out"].map(AsRef::as_ref);
        let paths = [out.as_os_str(), index.as_os_str()];
        run(DFT, arguments.into_iter().chain(paths).chain(options.iter().map(AsRef::as_ref))).exits(0);
        table(&out.join("processes.parquet")).iter().map(|row| row["pid"].clone()).collect()
    };
    assert_eq!(shown(&[]), ["10", "20", "30"]);
    assert_eq!(shown(&["--cat", "nothing", "--name", "nothing"]), ["10", "20", "30"]);
    assert_eq!(shown(&["--pid", "30", "--pid", "10"]), ["10", "30"]);
    assert_eq!(shown(&["--rank", "2", "--rank", "1"]), ["20", "30"]);
    assert_eq!(shown(&["--host", "node2"]), [""; 0]);
    let refused = run(
        DFT,
        ["export", "--table", "processes", "--group-by", "rank", "--out"]
            .map(AsRef::as_ref)
            .into_iter()
            .chain([folder.path().join("no").as_os_str(), index.as_os_str()]),
    );
    assert!(refused.exits(2).err.contains("the table processes cannot be grouped"));
}

#[test]
fn the_table_is_the_same_for_any_threads_pieces_and_growth() {
    let folder = tempfile::tempdir().expect("a folder");
    let work = folder.path();
    let mut text = tracer_3(70, 5)[..6].join("\n") + "\n";
    for at in 0..40_000 {
        let pid = 71 + at % 3;
        text += &format!(
            "{{\"name\":\"read\",\"cat\":\"POSIX\",\"pid\":{pid},\"tid\":1,\"ts\":{},\"dur\":5,\"ph\":1,\"args\":{{\"hhash\":\"h{}\"}}}}\n",
            2_000_000 + at * 10,
            at % 2,
        );
    }
    text += &(tracer_3(70, 5)[6..].join("\n") + "\n");
    let trace = work.join("t/x.pfw");
    write(&trace, &text);
    let wanted = table(&index_and_export(DFT, &trace, work, &["--threads", "1"]).join("processes.parquet"));
    assert_eq!(wanted.len(), 7);
    let exported = |index: &Path| {
        let out = work.join("out");
        export(DFT, index, &out);
        table(&out.join("processes.parquet"))
    };
    let dft = |arguments: &[&std::ffi::OsStr]| run(DFT, arguments).exits(0);
    // Any free thread parses the next block.
    dft(&[
        "index".as_ref(),
        trace.as_ref(),
        "--threads".as_ref(),
        "4".as_ref(),
        "--index".as_ref(),
        work.join("4").as_ref(),
    ]);
    assert_eq!(exported(&work.join("4")), wanted);
    // In pieces.
    let (staging, pieces) = (work.join("staging"), work.join("pieces"));
    for part in ["0/2", "1/2"] {
        dft(&[
            "stage".as_ref(),
            trace.as_ref(),
            "--piece-size".as_ref(),
            "1M".as_ref(),
            "--staging".as_ref(),
            staging.as_ref(),
            "--shared-staging".as_ref(),
            staging.as_ref(),
            "--part".as_ref(),
            part.as_ref(),
        ]);
    }
    dft(&["ingest".as_ref(), pieces.as_ref(), "--shared-staging".as_ref(), staging.as_ref()]);
    assert_eq!(exported(&pieces), wanted);
    // Step by step, as it grows.
    let growing = work.join("growing");
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for end in [3, 10_000, 30_000, lines.len()] {
        write(&trace, lines[..end].concat());
        dft(&["index".as_ref(), trace.as_ref(), "--index".as_ref(), growing.as_ref()]);
    }
    assert_eq!(exported(&growing), wanted);
}
