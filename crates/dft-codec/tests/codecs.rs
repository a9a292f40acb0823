//! All codecs: round trips, order and hostile bytes. The bytes themselves are in `golden_bytes.rs`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use dft_codec::*;
use dft_metrics::{FloatStats, IntStats, Sketch, SketchMapping};
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;

fn any_int_stats() -> impl Strategy<Value = IntStats> {
    let step = (any::<bool>(), 0_u64..3, any::<[Option<i64>; 3]>(), prop_oneof![any::<i64>(), -5_i64..5_000]);
    vec(step, 0..5).prop_map(|steps| {
        let mut stats = IntStats::default();
        for (sample, count, [sum, low, high], value) in steps {
            if sample {
                stats.sample(value)
            } else {
                stats.summed(count, sum, low, high)
            }
            if value > 4_500 {
                stats.doubt_count()
            }
        }
        stats
    })
}

/// Equal samples, which are the usual case, or any.
fn int_stats() -> impl Strategy<Value = IntStats> {
    let value = prop_oneof![any::<i64>(), -5_i64..5_000, Just(i64::MIN)];
    let same = (value, 1..5).prop_map(|(value, n)| {
        let mut stats = IntStats::default();
        (0..n).for_each(|_| stats.sample(value));
        stats
    });
    prop_oneof![any_int_stats(), same]
}

/// Usual names of metrics, and others.
fn metric() -> impl Strategy<Value = String> {
    let usual =
        vec!["count", "fd", "level", "whence", "flags", "mode", "p_idx", "epoch", "step", "coun", "count\0", "steps"];
    prop_oneof![".{0,6}", prop::sample::select(usual).prop_map(str::to_owned)]
}

fn float_stats() -> impl Strategy<Value = FloatStats> {
    let step = (any::<bool>(), 0_u64..3, any::<[Option<f64>; 3]>(), any::<f64>());
    vec(step, 0..5).prop_map(|steps| {
        let mut stats = FloatStats::default();
        for (sample, count, [sum, low, high], value) in steps {
            if sample { stats.sample(value) } else { stats.summed(count, sum, low, high) }
        }
        stats
    })
}

fn sketch() -> impl Strategy<Value = Sketch> {
    vec(prop_oneof![any::<f64>(), -1e6..1e6_f64], 0..12).prop_map(|values| {
        let mapping = SketchMapping::new(0.01).unwrap();
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.add(&mapping, value));
        sketch
    })
}

prop_compose! {
    fn custom()(ints in int_stats(), floats in prop::option::of(float_stats()), sketch in prop::option::of(sketch())) -> Custom {
        Custom { ints, floats: floats.map(Box::new), sketch: sketch.map(Box::new) }
    }
}

prop_compose! {
    fn row()(
        count in prop_oneof![0_u128..10, any::<u128>()],
        times in (0_i64..=i64::MAX, 0_i64..=i64::MAX),
        stats in [int_stats(), int_stats(), int_stats()],
        customs in prop::collection::btree_map(metric(), (custom(), any::<bool>()), 0..4),
        sketches in prop::option::of([sketch(), sketch(), sketch()]),
        calls in prop::option::of(vec((0_i64..10_000, 0_i64..300), 0..6)),
    ) -> RowValue {
        let [duration, size, offset] = stats;
        let with_ints = |custom: Custom, same: bool| if same { Custom { ints: size.clone(), ..custom } } else { custom };
        let customs: Vec<_> = customs.into_iter().map(|(name, (custom, same))| (name, with_ints(custom, same))).collect();
        let (mut ts, mut te) = (times.0.min(times.1), times.0.max(times.1));
        let occupancy = calls.map(|calls| {
            let mut occupancy = Occupancy::default();
            for (start, length) in calls {
                let start = (ts + start).min(i64::MAX - length);
                occupancy.add(start, start + length, count);
                (ts, te) = (ts.min(start), te.max(start + length));
            }
            // Fills the gaps that a row with so many calls does not keep.
            occupancy.merge(&Occupancy::default(), count);
            occupancy
        });
        let core = RowCore { count, ts, te, duration, size, offset, sketches: sketches.map(Box::new), occupancy };
        RowValue { core, customs }
    }
}

prop_compose! {
    fn telemetry()(
        readings in 1_u64..100,
        times in (0_i64..=i64::MAX, 0_i64..=i64::MAX),
        metrics in prop::collection::btree_map(".{0,6}", float_stats(), 0..4),
    ) -> TelemetryValue {
        let core = TelemetryCore { readings, ts: times.0.min(times.1), te: times.0.max(times.1) };
        TelemetryValue { core, metrics: metrics.into_iter().collect() }
    }
}

prop_compose! {
    fn identity()(
        kind in prop::sample::select(SeriesKind::ALL.to_vec()), texts in any::<[String; 4]>(), pid in any::<i64>(),
        tid in any::<i64>(), extra in vec(any::<String>(), 0..3),
    ) -> SeriesIdentity {
        let [category, name, host_hash, file_hash] = texts;
        SeriesIdentity { kind, category, name, pid, tid, host_hash, file_hash, extra }
    }
}

fn time_fault() -> impl Strategy<Value = Option<TimeFault>> {
    let unit = || prop::sample::select(TimeUnit::ALL.to_vec());
    prop::option::of(prop_oneof![
        (unit(), unit()).prop_map(|(unit, declared)| TimeFault::OtherUnit { unit, declared }),
        (unit(), 0..=i64::MAX).prop_map(|(unit, ts)| TimeFault::TooLate { unit, ts }),
    ])
}

fn start_text() -> impl Strategy<Value = StartText> {
    prop_oneof![any::<String>().prop_map(StartText::Hash), any::<String>().prop_map(StartText::Plain)]
}

fn fact<T: Clone + std::fmt::Debug + PartialEq>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Fact<T>> {
    prop_oneof![Just(Fact::Unknown), value.prop_map(Fact::Known), Just(Fact::Conflicting)]
}

prop_compose! {
    fn start_facts()(
        ts in any::<i64>(), command in of(start_text()), executable in of(start_text()),
        working_directory in of(any::<String>()), version in of(any::<String>()),
    ) -> StartFacts {
        StartFacts { ts, command, executable, working_directory, version }
    }
}

prop_compose! {
    fn facts()(
        n in any::<[u64; 6]>(), calls in any::<u128>(), spans in any::<[Option<(i64, u32)>; 2]>(),
        num_events in of(0..u128::MAX), start in of(start_facts()), rank in fact(any::<i64>()),
        name in fact(any::<String>()),
    ) -> ProcessFacts {
        let [span, period_span] = spans.map(|span| span.map(|(first, length)| (first, first.saturating_add(length.into()))));
        let [records, complete, aggregated, starts, ends, uncounted_ends] = n;
        ProcessFacts {
            records, complete, aggregated, calls, span, period_span, starts, ends, uncounted_ends, num_events, start,
            rank, name,
        }
    }
}

fn processes() -> impl Strategy<Value = Processes> {
    let process = (any::<String>(), any::<i64>(), facts());
    vec(process, 0..4)
        .prop_map(|all| all.into_iter().map(|(host_hash, pid, facts)| (ProcessKey { host_hash, pid }, facts)).collect())
}

prop_compose! {
    fn identity_of_a_trace()(
        length in any::<u64>(), checksums in any::<[u64; 2]>(), first in vec(any::<u8>(), 0..600), file in 0..3,
        records in vec(any::<(u64, i64, u32)>(), 0..20),
    ) -> Identity {
        let text = ContentHash { length, crc32: checksums[0] as u32, crc64: checksums[1] };
        let mut sample = Sample::default();
        records.into_iter().for_each(|(rank, pid, check)| sample.add(rank, pid, || check));
        Identity { text, opening: Opening::of(&first), gzip: file > 0, cut_short: file > 1, sample }
    }
}

prop_compose! {
    fn duplicate()(
        of in vec(any::<u8>(), 0..9), unfinished in any::<bool>(), size in any::<u64>(), modified_ns in any::<i128>(),
        fingerprint in any::<u128>(), identity in identity_of_a_trace(),
    ) -> DuplicateEntry {
        DuplicateEntry { of, unfinished, size, modified_ns, fingerprint, text: identity.text }
    }
}

prop_compose! {
    fn entry()(
        size in any::<u64>(), modified_ns in any::<i128>(), fingerprint in any::<u128>(), place in any::<[u64; 4]>(),
        unit in prop::sample::select(vec![TimeUnit::Ns, TimeUnit::Us, TimeUnit::Ms, TimeUnit::Sec]),
        counter_starts in any::<bool>(), within_line in any::<bool>(), n in any::<[u64; 12]>(), fault in 0..5, reason in any::<String>(),
        processes in processes(), time_fault in time_fault(), identity in identity_of_a_trace(),
        before in proptest::bool::ANY,
    ) -> FileEntry {
        let counts = FileCounts {
            events: n[0], profiles: n[1], systems: n[2], telemetry: n[3], metadata: n[4], skipped: n[5],
            malformed: n[6], failed_transfers: n[7], not_finite: n[8], profile_calls: n[9], system_calls: n[10],
            inconsistent: n[11],
        };
        let fault = match fault {
            0 => None,
            1 => Some(FileFault::Empty),
            2 => Some(FileFault::Truncated(Truncation::Other(reason))),
            3 => Some(FileFault::Truncated(Truncation::WithinLine(7))),
            _ => Some(FileFault::Damaged(reason)),
        };
        let [text, offset, skip, line] = place;
        let consumed =
            Consumed {
                text, offset: offset.min(size), skip: skip.min(text), line: line.max(1),
                clock: Clock { unit, counter_starts }, within_line,
                before: ContentHash { length: 0, ..if before { identity.text } else { ContentHash::EMPTY } },
            };
        FileEntry { size, modified_ns, fingerprint, consumed, counts, fault, time_fault, processes, identity }
    }
}

/// Names with many zero bytes, which test the escape that keeps order.
fn name() -> impl Strategy<Value = String> {
    vec(prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), any::<char>()], 0..6)
        .prop_map(|chars| chars.into_iter().collect())
}

prop_compose! {
    fn scope()(
        category in prop_oneof![Just(HOST_WIDE.to_owned()), Just("papi".to_owned()), name()],
        pid in any::<i64>(), extra in vec(name(), 0..3),
    ) -> Option<CounterScope> {
        let pid = (category != HOST_WIDE).then_some(pid);
        let is_scoped = pid.is_some() || extra.iter().any(|extra| !extra.is_empty());
        is_scoped.then_some(CounterScope { category, pid, extra })
    }
}

prop_compose! {
    fn telemetry_key()(host_hash in name(), name in name(), scope in scope(), bucket in 0..1_u64 << 63) -> TelemetryKey {
        TelemetryKey { host_hash, name, scope, bucket }
    }
}

prop_compose! {
    fn name_key()(kind in prop::sample::select(NameKind::ALL.to_vec()), hash in name(), name in name()) -> NameKey {
        NameKey { kind, hash, name }
    }
}

prop_compose! {
    fn row_key()(series in any::<[u8; 24]>(), bucket in any::<u64>()) -> RowKey {
        RowKey { series: SeriesId(series), bucket }
    }
}

/// An interval, in µs, and rows of some buckets of one chunk.
fn chunk() -> impl Strategy<Value = (u64, Vec<(RowKey, RowValue)>)> {
    let interval = prop_oneof![1_u64..5_000_000, Just(1_000_000)];
    let rows = btree_map(0_u64..CHUNK_INTERVALS, row(), 1..5);
    (any::<[u8; 24]>(), interval, 0_u64..1_000_000, rows).prop_map(|(series, interval, number, rows)| {
        let bucket = |place| (number * CHUNK_INTERVALS + place) * interval;
        let key = |place| RowKey { series: SeriesId(series), bucket: bucket(place) };
        (interval, rows.into_iter().map(|(place, row)| (key(place), row)).collect())
    })
}

fn written(interval: u64, rows: &[(RowKey, RowValue)]) -> (RowKey, Vec<u8>) {
    let mut writer = ChunkWriter::new(interval);
    for (key, row) in rows {
        assert!(writer.takes(key));
        writer.put(key, &row.encode(key.bucket)).unwrap();
    }
    let (key, bytes) = writer.chunk().unwrap();
    (key, bytes.to_vec())
}

/// Checks that a decoder rejects truncated bytes and bytes with a trailing byte.
fn rejects_cut_and_long<T: std::fmt::Debug>(
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<(), TestCaseError> {
    for cut in 0..bytes.len() {
        prop_assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let long = [bytes, &[0]].concat();
    prop_assert!(decode(&long).is_err());
    Ok(())
}

proptest! {
    #[test]
    fn rows_round_trip(row in row(), bucket in any::<u64>()) {
        let bytes = row.encode(bucket);
        prop_assert_eq!(RowValue::decode(&bytes, bucket).unwrap(), row);
        rejects_cut_and_long(&bytes, |bytes| RowValue::decode(bytes, bucket))?;
    }

    #[test]
    fn chunks_round_trip((interval, rows) in chunk()) {
        let (key, bytes) = written(interval, &rows);
        prop_assert!(rows.iter().all(|(row, _)| row.chunk(interval) == key));
        let chunk = RowChunk::decode(key, &bytes).unwrap();
        prop_assert_eq!(chunk.rows(), &rows[..]);
        prop_assert_eq!(chunk.encode().unwrap(), bytes.clone());
        // A chunk that is cut between two rows is a valid chunk of fewer rows.
        let decode = |bytes: &[u8]| match RowChunk::decode(key, bytes) {
            Ok(chunk) if chunk.rows().len() < rows.len() => Err(DecodeError::Truncated),
            decoded => decoded,
        };
        rejects_cut_and_long(&bytes, decode)?;
    }

    #[test]
    fn chunks_merge_row_by_row_in_any_order((interval, rows) in chunk(), parts in vec(0_u8..8, CHUNK_INTERVALS as usize)) {
        // Each row is in some of three chunks, and merges as often as it occurs.
        let rows: Vec<_> = rows.into_iter().map(|(key, mut row)| { row.core.count >>= 2; (key, row) }).collect();
        let in_part = |part: u8| -> Vec<_> {
            rows.iter().zip(&parts).filter(|(_, parts)| **parts >> part & 1 != 0).map(|(row, _)| row.clone()).collect()
        };
        let chunks: Vec<_> = (0..3).map(in_part).filter(|rows| !rows.is_empty()).map(|rows| {
            let (key, bytes) = written(interval, &rows);
            RowChunk::decode(key, &bytes).unwrap()
        }).collect();
        let merged = |chunks: &mut dyn Iterator<Item = &RowChunk>| chunks.cloned().reduce(|mut all, chunk| {
            all.merge(chunk).unwrap();
            all
        });
        let forwards = merged(&mut chunks.iter());
        prop_assert_eq!(&merged(&mut chunks.iter().rev()), &forwards);
        let wanted: Vec<_> = rows.iter().zip(&parts).filter(|(_, parts)| **parts != 0).map(|((key, row), parts)| {
            let mut all = RowValue::empty();
            (0..parts.count_ones()).for_each(|_| all.merge(row.clone()));
            (*key, all)
        }).collect();
        prop_assert_eq!(forwards.map_or(Vec::new(), |chunk| chunk.rows().to_vec()), wanted);
    }

    #[test]
    fn telemetry_read_in_place_of_another_row_is_the_same(rows in vec(telemetry(), 1..6), bad in any::<bool>()) {
        let mut read = TelemetryValue::empty();
        for row in rows {
            if bad {
                // The same names, but the first one twice: what is known of names must not hide that.
                let names = || row.metrics.iter().take(1).chain(&row.metrics);
                let encoded = encode_metric_names(names().map(|(name, _)| name.as_str()));
                let mut bytes = Vec::new();
                encode_telemetry(&mut bytes, 7, &row.core, &encoded, names().map(|(_, stats)| stats).collect::<Vec<_>>().into_iter());
                for _ in 0..2 {
                    prop_assert_eq!(read.read(&bytes, 7).is_err(), !row.metrics.is_empty());
                }
            }
            read.read(&row.encode(7), 7).unwrap();
            prop_assert_eq!(&read, &row);
        }
    }

    #[test]
    fn telemetry_round_trips(row in telemetry(), bucket in any::<u64>()) {
        let bytes = row.encode(bucket);
        prop_assert_eq!(TelemetryValue::decode(&bytes, bucket).unwrap(), row);
        rejects_cut_and_long(&bytes, |bytes| TelemetryValue::decode(bytes, bucket))?;
    }

    #[test]
    fn series_identities_round_trip(identity in identity()) {
        let bytes = identity.encode_scope();
        let id = identity.id();
        let file = FileId::of(identity.file_hash.as_bytes());
        prop_assert_eq!((id.kind(), id.file()), (Some(identity.kind), Ok(file)));
        prop_assert!(id.scope().is_of(ScopeHash::of(identity.kind, &bytes)));
        let scope = SeriesIdentity { file_hash: String::new(), ..identity };
        prop_assert_eq!(SeriesIdentity::decode_scope(&bytes).unwrap(), scope);
        rejects_cut_and_long(&bytes, SeriesIdentity::decode_scope)?;
    }

    #[test]
    fn file_entries_round_trip(entry in entry()) {
        let bytes = entry.encode();
        prop_assert_eq!(FileEntry::decode(&bytes).unwrap(), entry);
        rejects_cut_and_long(&bytes, FileEntry::decode)?;
    }

    #[test]
    fn duplicate_entries_round_trip(entry in duplicate()) {
        let bytes = entry.encode();
        prop_assert_eq!(DuplicateEntry::decode(&bytes).unwrap(), entry);
        rejects_cut_and_long(&bytes, DuplicateEntry::decode)?;
    }

    #[test]
    fn bounds_round_trip(a in any::<u64>(), b in any::<u64>()) {
        let bounds = Bounds::of(a).union(Bounds::of(b));
        prop_assert_eq!(Bounds::decode(&bounds.encode()).unwrap(), bounds);
        rejects_cut_and_long(&bounds.encode(), Bounds::decode)?;
    }

    #[test]
    fn row_keys_sort_as_their_values(a in row_key(), b in row_key()) {
        prop_assert_eq!(RowKey::decode(&a.encode()).unwrap(), a);
        prop_assert_eq!(a.encode().cmp(&b.encode()), a.cmp(&b));
        rejects_cut_and_long(&a.encode(), RowKey::decode)?;
    }

    #[test]
    fn telemetry_keys_sort_as_their_values(a in telemetry_key(), b in telemetry_key()) {
        prop_assert_eq!(&TelemetryKey::decode(&a.encode()).unwrap(), &a);
        prop_assert_eq!(a.encode().cmp(&b.encode()), a.cmp(&b));
        rejects_cut_and_long(&a.encode(), TelemetryKey::decode)?;
    }

    #[test]
    fn name_keys_sort_as_their_values(a in name_key(), b in name_key()) {
        prop_assert_eq!(&NameKey::decode(&a.encode()).unwrap(), &a);
        // Files sort by their ids instead of the text of their hashes.
        if a.kind != NameKind::File || b.kind != NameKind::File || a.hash == b.hash {
            prop_assert_eq!(a.encode().cmp(&b.encode()), a.cmp(&b));
        } else {
            let order = |key: &NameKey| {
                let id = FileId::of(key.hash.as_bytes());
                (id.slice(), id, key.hash.clone())
            };
            prop_assert_eq!(a.encode().cmp(&b.encode()), order(&a).cmp(&order(&b)));
        }
        let hash = FileHashKey { hash: a.hash };
        match FileId::of(hash.hash.as_bytes()).needs_text() {
            true => prop_assert_eq!(FileHashKey::decode(&hash.encode()).unwrap(), hash),
            false => prop_assert!(FileHashKey::decode(&hash.encode()).is_err()),
        }
    }

    #[test]
    fn integers_round_trip(value in any::<i128>(), small in any::<i64>(), width in 0_u32..128) {
        let (value, unsigned) = (value >> width, (value as u128) >> width);
        let mut out = Vec::new();
        put_zigzag(&mut out, value);
        put_varint(&mut out, unsigned);
        put_zigzag(&mut out, small.into());
        let mut reader = Reader::new(&out);
        prop_assert_eq!(reader.zigzag(), Ok(value));
        prop_assert_eq!(reader.varint(), Ok(unsigned));
        prop_assert_eq!(reader.zigzag_i64(), Ok(small));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(mut bytes in vec(any::<u8>(), 0..200), bucket in any::<u64>(), first in any::<bool>()) {
        if first && !bytes.is_empty() {
            bytes[0] = VALUE_VERSION;
        }
        let _ = RowValue::decode(&bytes, bucket);
        let _ = RowChunk::decode(RowKey { series: SeriesId([0; 24]), bucket: 0 }, &bytes);
        let _ = RowChunk::decode(RowKey { series: SeriesId([0; 24]), bucket }, &bytes);
        let _ = TelemetryValue::decode(&bytes, bucket);
        let _ = SeriesIdentity::decode_scope(&bytes);
        let _ = FileEntry::decode(&bytes);
        let _ = DuplicateEntry::decode(&bytes);
        let _ = PieceEntry::decode(&bytes);
        let _ = Bounds::decode(&bytes);
        let _ = RowKey::decode(&bytes);
        let _ = TelemetryKey::decode(&bytes);
        let _ = NameKey::decode(&bytes);
        let _ = FileHashKey::decode(&bytes);
    }

    #[test]
    fn a_flipped_byte_is_rejected_or_decodes_but_never_panics(row in row(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = row.encode(7);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        if let Ok(other) = RowValue::decode(&bytes, 7) {
            // Whatever its content now, it must be a value that can be merged and encoded.
            let mut merged = other.clone();
            merged.merge(RowValue::empty());
            prop_assert_eq!(RowValue::decode(&merged.encode(7), 7).unwrap(), other);
        }
    }

    #[test]
    fn rows_merge_in_any_order(a in row(), b in row(), c in row()) {
        // Counts of 128 bits are valid, but the sum of three would overflow.
        let small = |mut row: RowValue| { row.core.count >>= 2; row };
        let (a, b, c) = (small(a), small(b), small(c));
        let join = |x: &RowValue, y: &RowValue| { let mut x = x.clone(); x.merge(y.clone()); x };
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(&join(&a, &RowValue::empty()), &a);
    }

    #[test]
    fn telemetry_merges_in_any_order(a in telemetry(), b in telemetry(), c in telemetry()) {
        let join = |x: &TelemetryValue, y: &TelemetryValue| { let mut x = x.clone(); x.merge(y.clone()); x };
        prop_assert_eq!(join(&a, &b), join(&b, &a));
        prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
        prop_assert_eq!(&join(&a, &TelemetryValue::empty()), &a);
    }
}

#[test]
fn over_long_integers_are_rejected() {
    for bytes in [&[0x80, 0x00][..], &[0xff; 11], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02]] {
        assert_eq!(Reader::new(bytes).varint_u64(), Err(DecodeError::Overlong), "{bytes:x?}");
    }
    assert_eq!(Reader::new(&[0x80, 0x00]).varint(), Err(DecodeError::Overlong));
    assert_eq!(Reader::new(&[0xff; 20]).varint(), Err(DecodeError::Overlong));
    assert_eq!(Reader::new(&[0x80]).varint(), Err(DecodeError::Truncated));
}

#[test]
fn the_error_of_an_unknown_version_names_it() {
    let mut bytes = RowValue::empty().core.count.to_le_bytes().to_vec();
    bytes[0] = 200;
    assert_eq!(RowValue::decode(&bytes, 0), Err(DecodeError::Version { found: 200, known: ROW_VERSION }));
}

#[test]
fn rows_in_other_than_the_shortest_form_are_rejected() {
    let mut row = RowValue::empty();
    row.core.count = 1;
    row.core.span(0, 0);
    row.core.size.sample(1);
    row.customs.push(("counts".into(), Custom { ints: row.core.size.clone(), ..Custom::default() }));
    let bytes = row.encode(0);
    let at = bytes.windows(6).position(|text| text == b"counts").unwrap();
    let mut spelt = bytes.clone();
    spelt[at - 1] = 5 << 1;
    spelt.remove(at + 5);
    assert_eq!(RowValue::decode(&spelt, 0), Err(DecodeError::Invalid("a usual metric name is spelt out")));
    let mut unknown = bytes.clone();
    unknown[at - 1] = 9 << 1 | 1;
    unknown.drain(at..at + 6);
    assert_eq!(RowValue::decode(&unknown, 0), Err(DecodeError::Invalid("unknown number of a usual metric name")));
    let mut both = bytes;
    both[at + 6] |= 1;
    assert_eq!(RowValue::decode(&both, 0), Err(DecodeError::Invalid("a custom metric has unknown parts")));
}

#[test]
fn a_merged_row_has_occupancy_only_if_all_its_parts_have_it() {
    let known = |calls: &[(i64, i64)]| {
        let mut row = RowValue::empty();
        for (start, end) in calls {
            row.core.count += 1;
            row.core.span(*start, *end);
            row.core.occupancy.get_or_insert_default().add(*start, *end, row.core.count);
        }
        row
    };
    let unknown = || {
        let mut row = RowValue::empty();
        row.core.count = 1;
        row.core.span(3, 4);
        row
    };
    let join = |x: &RowValue, y: &RowValue| {
        let mut x = x.clone();
        x.merge(y.clone());
        RowValue::decode(&x.encode(0), 0).unwrap().core.occupancy.map(|all| all.intervals().to_vec())
    };
    let (a, b) = (known(&[(1, 5), (9, 9)]), known(&[(20, 30), (4, 8)]));
    let wanted = [Interval { start: 1, end: 8 }, Interval { start: 20, end: 30 }];
    assert_eq!(join(&a, &b), Some(wanted.to_vec()));
    assert_eq!((join(&a, &unknown()), join(&unknown(), &a)), (None, None));
    assert_eq!(join(&RowValue::empty(), &b), join(&b, &RowValue::empty()));
    // Parts that were not asked for are not read, and others after them are.
    let mut row = join_rows(&a, &b);
    row.customs.push(("x".into(), Custom::default()));
    let bytes = row.encode(0);
    let mut read = RowValue::empty();
    for (parts, occupancy, customs) in [
        (RowParts::All, true, 1),
        (RowParts::Core, false, 0),
        (RowParts::Occupancy, true, 0),
        (RowParts::Statistics, false, 1),
    ] {
        read.read(&bytes, 0, parts).unwrap();
        assert_eq!((read.core.occupancy.is_some(), read.customs.len()), (occupancy, customs), "{parts:?}");
    }
}

fn join_rows(a: &RowValue, b: &RowValue) -> RowValue {
    let mut all = a.clone();
    all.merge(b.clone());
    all
}

#[test]
fn a_chunk_rejects_rows_of_other_chunks_and_rows_off_the_time_grid() {
    let key = |series, bucket| RowKey { series: SeriesId([series; 24]), bucket };
    let mut chunk = ChunkWriter::new(10);
    assert_eq!(chunk.chunk(), None);
    assert_eq!(chunk.put(&key(1, 163), b"row"), Err(DecodeError::Invalid("a time is not on the time grid")));
    assert_eq!(chunk.chunk(), None);
    chunk.put(&key(1, 170), b"row").unwrap();
    assert_eq!(chunk.chunk().map(|(key, _)| key), Some(key(1, 160)));
    for (other, takes) in [(key(1, 170), false), (key(1, 160), false), (key(2, 180), false), (key(1, 320), false)]
        .into_iter()
        .chain([(key(1, 180), true), (key(1, 310), true)])
    {
        assert_eq!(chunk.takes(&other), takes, "{other:?}");
        let expected = if takes { Ok(()) } else { Err(DecodeError::Invalid("a row belongs to another chunk")) };
        assert_eq!(chunk.put(&other, b""), expected);
    }
    let (key, bytes) = chunk.chunk().unwrap();
    assert_eq!(bytes, b"\x01\x0a\x01\x03row\x02\x00\x0f\x00");
    for (at, byte, error) in [
        (0, 2, DecodeError::Version { found: 2, known: CHUNK_VERSION }),
        (1, 0, DecodeError::Invalid("a time is not on the time grid")),
        (1, 3, DecodeError::Invalid("a time is not on the time grid")),
        (7, 1, DecodeError::Invalid("rows of a chunk are out of order")),
        (9, 16, DecodeError::Invalid("rows of a chunk are out of order")),
        (10, 1, DecodeError::Truncated),
    ] {
        let mut bytes = bytes.to_vec();
        bytes[at] = byte;
        let read = || -> Result<(), DecodeError> {
            let mut cursor = ChunkCursor::begin(key, &bytes)?;
            while cursor.advance(&bytes)?.is_some() {}
            Ok(())
        };
        assert_eq!(read(), Err(error), "byte {at}");
    }
}

#[test]
fn chunks_of_different_intervals_do_not_merge() {
    let key = RowKey { series: SeriesId([7; 24]), bucket: 0 };
    let of = |interval| {
        let mut row = RowValue::empty();
        row.core.span(0, 0);
        let (_, bytes) = written(interval, &[(key, row)]);
        RowChunk::decode(key, &bytes).unwrap()
    };
    assert_eq!(of(10).merge(of(10)), Ok(()));
    assert_eq!(of(10).merge(of(20)), Err(DecodeError::Invalid("the chunks have different intervals")));
}

#[test]
fn chunks_work_at_both_ends_of_time() {
    let series = SeriesId([7; 24]);
    for interval in [1, 1_000_000, i64::MAX as u64] {
        for bucket in [0, u64::MAX - u64::MAX % interval] {
            let key = RowKey { series, bucket };
            let mut writer = ChunkWriter::new(interval);
            writer.put(&key, b"row").unwrap();
            let (chunk, bytes) = writer.chunk().unwrap();
            assert_eq!(chunk, key.chunk(interval));
            let mut cursor = ChunkCursor::begin(chunk, bytes).unwrap();
            let (found, place) = cursor.advance(bytes).unwrap().unwrap();
            assert_eq!((found, &bytes[place]), (key, &b"row"[..]));
            assert_eq!(cursor.advance(bytes), Ok(None));
        }
    }
    // A chunk whose last row is after the end of time.
    let last = RowKey { series, bucket: u64::MAX - u64::MAX % 16 };
    let chunk = [1, 1, 15, 0];
    assert!(ChunkCursor::begin(last, &chunk).unwrap().advance(&chunk).unwrap().is_some());
    let far = RowKey { series, bucket: u64::MAX - u64::MAX % (16 * 100) };
    let chunk = [1, 100, 15, 0];
    let past = ChunkCursor::begin(far, &chunk).unwrap().advance(&chunk);
    assert_eq!(past, Err(DecodeError::Invalid("a time exceeds 64 bits")));
}

#[test]
fn zero_negative_and_absent_offsets_round_trip() {
    let mut row = RowValue::empty();
    row.core.count = 2;
    row.core.span(5, 9);
    assert_eq!(RowValue::decode(&row.encode(0), 0).unwrap().core.offset.min(), None);
    row.core.offset.sample(0);
    assert_eq!(RowValue::decode(&row.encode(0), 0).unwrap().core.offset.min(), Some(0));
    row.core.offset.sample(-100);
    assert_eq!(RowValue::decode(&row.encode(0), 0).unwrap().core.offset.min(), Some(-100));
}
