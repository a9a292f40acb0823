//! The bytes of every key and value. Existing indexes have these bytes, so a change of one needs a new version.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use dft_codec::*;
use dft_metrics::{FloatStats, Sketch, SketchMapping};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// If one of these changes, a version must change, because existing indexes have these bytes.
#[test]
fn the_bytes_of_keys_and_values_are_these() {
    let identity = SeriesIdentity {
        kind: SeriesKind::Call,
        category: "posix",
        name: "read",
        pid: 17481,
        tid: -1,
        host_hash: "6882804a826580cd",
        file_hash: "",
        extra: vec!["3"],
    };
    assert_eq!(
        hex(&identity.encode_scope()),
        "020005706f7369780472656164929102011036383832383034613832363538306364010133"
    );
    assert_eq!(hex(&identity.id().0), "00afaf6c84e7adeb54fdc6c0c0f131000000000000000000");
    let of_file = |file_hash| hex(&SeriesIdentity { file_hash, ..identity.clone() }.id().0);
    assert_eq!(of_file("9b1becafc1b00280"), "008eaf6c84e7adeb54fdc6c0c0f131018eb428da5da63480");
    assert_eq!(of_file("9509357668201227806"), "0011af6c84e7adeb54fdc6c0c0f1310211269d4b14d3e876");
    assert_eq!(of_file("/p/file"), "0056af6c84e7adeb54fdc6c0c0f131035674b61651b5c345");
    assert_eq!(hex(&FileHashKey { hash: "/p".into() }.encode()), "4994039498df782a0a8b032f70");
    let key = RowKey { series: SeriesId([0xab; 24]), bucket: 1_000_000 };
    assert_eq!(hex(&key.encode()), format!("{}00000000000f4240", "ab".repeat(24)));
    let key = TelemetryKey { host_hash: "h\0".into(), name: "cpu".into(), scope: None, bucket: 258 };
    assert_eq!(hex(&key.encode()), "6800ff000063707500000000000000000102");
    let scope = CounterScope { category: "gpu".into(), pid: Some(-2), extra: vec!["0".into()] };
    let key = TelemetryKey { host_hash: "h".into(), name: "w".into(), scope: Some(scope), bucket: 258 };
    assert_eq!(hex(&key.encode()), "680000770000ff6770750000017ffffffffffffffe00013000000000000000000102");
    let mut givers = NameGivers::default();
    givers.extend([ProcessId::of("node1", 7), ProcessId::of("node2", -1), ProcessId::of("node1", 7)]);
    assert_eq!(hex(&givers.encode()), "020267987f384aea07b5e15a7b0705d3c085");
    let key = NameKey { kind: NameKind::File, hash: "9b".into(), name: "/p".into() };
    assert_eq!(hex(&key.encode()), "46df03df64f19f23551c55396200002f70");
    let key = NameKey { kind: NameKind::File, hash: "9b1becafc1b00280".into(), name: "/p".into() };
    assert_eq!(hex(&key.encode()), "468e018eb428da5da634802f70");
    let key = NameKey { kind: NameKind::Host, hash: "9b".into(), name: "/p".into() };
    assert_eq!(hex(&key.encode()), "48396200002f70");

    let mut row = RowValue::empty();
    row.core.count = 3;
    row.core.span(1_000_100, 1_000_900);
    for v in [5, 7, 9] {
        row.core.duration.sample(v);
    }
    row.core.size.sample(4096);
    row.core.offset.summed(4, Some(10), Some(-2), Some(9));
    let mut custom = Custom::default();
    custom.ints.sample(-3);
    let floats = custom.floats.get_or_insert_default();
    floats.sample(0.5);
    floats.sample(1e9);
    row.customs.push(("epoch".into(), custom.clone()));
    row.customs.push(("retry".into(), Custom { ints: row.core.size.clone(), ..Custom::default() }));
    custom = Custom::default();
    [-2, -2, -2].into_iter().for_each(|sample| custom.ints.sample(sample));
    row.customs.push(("step".into(), custom.clone()));
    custom.ints.sample(-2);
    row.customs.push(("x".into(), custom));
    assert_eq!(
        hex(&row.encode(1_000_000)),
        "040f03c801a0061b2a9b010a04048040090414030b040f0304054002a1018080e59a770a72657472790811014203027801400403"
    );

    let mut telemetry = TelemetryValue::empty();
    telemetry.core = TelemetryCore { readings: 1, ts: 5, te: 5 };
    let mut stats = FloatStats::default();
    stats.sample(49.4712);
    telemetry.metrics.push(("user_pct".into(), stats));
    assert_eq!(hex(&telemetry.encode(0)), "02010a00010908757365725f70637404849ec607");
    assert_eq!(hex(&Bounds { min: 0, max: 0 }.encode()), "020000");
    let start = StartFacts {
        ts: 1_000,
        command: Some(StartText::Hash("c".into())),
        executable: Some(StartText::Plain("e".into())),
        working_directory: Some("d".into()),
        version: Some("v2.1.0".into()),
    };
    let usual = ProcessFacts {
        records: 5,
        complete: 5,
        calls: 5,
        span: Some((1_000, 1_500)),
        starts: 1,
        ends: 1,
        num_events: Some(4),
        start: Some(start),
        rank: Fact::Known(3),
        name: Fact::Known("Rank 3".into()),
        ..ProcessFacts::default()
    };
    let every = ProcessFacts {
        records: 9,
        complete: 2,
        aggregated: 3,
        calls: 300,
        period_span: Some((-1, 0)),
        starts: 0,
        ends: 2,
        uncounted_ends: 1,
        rank: Fact::Conflicting,
        name: Fact::Conflicting,
        ..ProcessFacts::default()
    };
    let process = |host: &str, pid, facts| (ProcessKey { host_hash: host.into(), pid }, facts);
    let entry = FileEntry {
        size: 300,
        modified_ns: -1,
        fingerprint: 0xab,
        consumed: Consumed {
            text: 900,
            offset: 200,
            skip: 20,
            before: ContentHash { length: 0, crc32: 1, crc64: 2 },
            line: 7,
            clock: TimeUnit::Ms.into(),
            within_line: true,
        },
        counts: FileCounts { events: 5, system_calls: 1, ..FileCounts::default() },
        fault: Some(FileFault::Truncated(Truncation::Other("x".into()))),
        time_fault: Some(TimeFault::TooLate { unit: TimeUnit::Ms, ts: 300 }),
        processes: [process("", -1, ProcessFacts::default()), process("h", 7, usual), process("h", 300, every)]
            .into_iter()
            .collect(),
        identity: {
            let text = ContentHash { length: 901, crc32: 3, crc64: 4 };
            let mut sample = Sample::default();
            sample.add(5, -6, || 7);
            Identity { text, opening: Opening::of(b"12345678"), gzip: true, cut_short: true, sample }
        },
    };
    assert_eq!(
        hex(&entry.encode()),
        "05ac0201000000000000000000000000000000ab8407c80114070201010000000100000000000000020500000000000000000001000201780202ac0200020001010000000168020eba010505d00ff40301010005d00f010163020165010164010676322e312e30060652616e6b2033a502cd02090203ac0201010002010085070000000300000000000000040162e29b4cad9e2ef602010000000000000005000000070b"
    );
    assert_eq!(
        hex(&DuplicateEntry::of_entry(b"a".to_vec(), true, &entry).encode()),
        "01016101ac0201000000000000000000000000000000ab8507000000030000000000000004"
    );

    let mapping = SketchMapping::new(0.01).unwrap();
    let mut sketches = [Sketch::default(), Sketch::default(), Sketch::default()];
    for v in [0.0, 1.0, 100.0, 100.0, -7.0] {
        sketches[0].add(&mapping, v);
    }
    let mut row = RowValue::empty();
    row.core.span(1, 1);
    row.core.sketches = Some(Box::new(sketches));
    assert_eq!(hex(&row.encode(0)), "041000020001020001ce030201c40101000000000000");

    // Calls at 100 to 130 and 400 to 700 µs of a row that spans 100 to 900 µs; and without gaps.
    let mut row = RowValue::empty();
    row.core.count = 4;
    row.core.span(1_000_100, 1_000_900);
    let occupancy = row.core.occupancy.get_or_insert_default();
    [(100, 130), (400, 700), (500, 600), (900, 900)]
        .into_iter()
        .zip(1..)
        .for_each(|((start, end), calls)| occupancy.add(1_000_000 + start, 1_000_000 + end, calls));
    assert_eq!(hex(&row.encode(1_000_000)), "046004c801a006071e8d02ac02c701");
    row.core.occupancy.get_or_insert_default().add(1_000_100, 1_000_900, 4);
    assert_eq!(hex(&row.encode(1_000_000)), "042004c801a006");
}
