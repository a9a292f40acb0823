//! Pages of rows and of names: what is written is read, pages merge in any order, and other bytes are refused.

use dft_codec::{
    DecodeError, FileId, NameGivers, NamePageCursor, NamePageKey, NamePageWriter, PAGE_INTERVALS, ProcessId, RowKey,
    RowPageCursor, RowPageKey, RowPageWriter, RowValue, ScopeHash, SeriesId, SeriesIdentity, SeriesKind, encode_row,
    merge_name_pages, merge_row_pages,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

const INTERVAL: u64 = 1_000;

fn scope() -> ScopeHash {
    let identity = SeriesIdentity {
        kind: SeriesKind::Call,
        category: "posix",
        name: "read",
        pid: 7,
        tid: 8,
        host_hash: "h",
        file_hash: "",
        extra: Vec::new(),
    };
    ScopeHash::of(SeriesKind::Call, &identity.encode_scope())
}

/// Returns files of one slice, in order of their ids. Other slices are in other pages.
fn files(hash: impl Fn(u64) -> String) -> Vec<FileId> {
    let mut files: Vec<FileId> =
        (0..).map(|number| FileId::of(hash(number).as_bytes())).filter(|file| file.slice() == 9).take(40).collect();
    files.sort_unstable();
    files
}

fn row(ts: i64, count: u128) -> RowValue {
    let mut row = RowValue::empty();
    row.core.count = count;
    row.core.span(ts, ts + 5);
    for _ in 0..count {
        row.core.duration.sample(5);
        row.core.size.sample(4096);
    }
    row
}

fn key(file: FileId, place: u64) -> RowKey {
    RowKey { series: SeriesId::new(scope(), file), bucket: PAGE_INTERVALS * INTERVAL + place * INTERVAL }
}

fn written(rows: &[(RowKey, RowValue)]) -> (RowPageKey, Vec<u8>) {
    let mut writer = RowPageWriter::new(INTERVAL, rows[0].0.page(INTERVAL));
    for (key, row) in rows {
        writer.put(key, &row.encode(key.bucket)).expect("a row of the page");
    }
    let (key, page) = writer.page().expect("a page");
    assert_eq!(RowPageKey::decode(&key.encode()), Ok(key));
    assert!(RowPageKey::is_page(&key.encode()) && !RowPageKey::is_page(&rows[0].0.encode()));
    (key, page.to_vec())
}

fn read(key: RowPageKey, page: &[u8]) -> Result<Vec<(RowKey, RowValue)>, DecodeError> {
    let mut cursor = RowPageCursor::begin(key, page)?;
    let mut rows = Vec::new();
    while let Some((key, place)) = cursor.advance()? {
        rows.push((key, RowValue::decode(&page[place], key.bucket)?));
    }
    Ok(rows)
}

/// Rows of one page, each with the number of its calls.
fn rows() -> impl Strategy<Value = Vec<(RowKey, RowValue)>> {
    let hashes = prop_oneof![Just(0), Just(1), Just(2)];
    (hashes, btree_map((0_usize..40, 0..PAGE_INTERVALS), 1_u128..4, 1..60)).prop_map(|(spelling, rows)| {
        let files = files(|number| match spelling {
            0 => format!("{number:016x}"),
            1 => number.to_string(),
            _ => format!("file {number}"),
        });
        let row = |((file, place), count)| {
            let key = key(files[file], place);
            (key, row(key.bucket as i64 + 3, count))
        };
        rows.into_iter().map(row).collect()
    })
}

proptest! {
    #[test]
    fn rows_of_a_page_come_back_in_order(rows in rows()) {
        let (key, page) = written(&rows);
        prop_assert_eq!(read(key, &page), Ok(rows));
        // A page that ends early, or goes on, is refused.
        for length in 0..page.len() {
            prop_assert!(read(key, &page[..length]).is_err());
        }
        prop_assert!(read(key, &[&page[..], &[0]].concat()).is_err());
    }

    #[test]
    fn pages_of_rows_merge_row_by_row_in_any_order(rows in rows(), parts in vec(1_u8..8, 60)) {
        // A row is in each part whose bit is set.
        let parts: Vec<Vec<_>> = (0..3).map(|part| {
            rows.iter().zip(&parts).filter(|(_, bits)| **bits >> part & 1 == 1).map(|(row, _)| row.clone()).collect()
        }).filter(|rows: &Vec<_>| !rows.is_empty()).collect();
        let mut wanted: std::collections::BTreeMap<RowKey, RowValue> = Default::default();
        for (key, row) in parts.iter().flatten() {
            wanted.entry(*key).and_modify(|all| all.merge(row.clone())).or_insert_with(|| row.clone());
        }
        let pages: Vec<_> = parts.iter().map(|rows| written(rows)).collect();
        let key = pages[0].0;
        let merge = |pages: &[&[u8]]| merge_row_pages(key, pages).expect("pages of one key");
        let [forwards, backwards] = [false, true].map(|backwards| {
            let mut pages: Vec<&[u8]> = pages.iter().map(|(_, page)| &page[..]).collect();
            if backwards {
                pages.reverse();
            }
            merge(&pages)
        });
        prop_assert_eq!(&forwards, &backwards);
        let one_by_one = pages.iter().skip(1).fold(pages[0].1.clone(), |all, (_, page)| merge(&[&all, page]));
        prop_assert_eq!(&forwards, &one_by_one);
        prop_assert_eq!(read(key, &forwards), Ok(wanted.into_iter().collect::<Vec<_>>()));
    }

    #[test]
    fn a_changed_byte_of_a_page_of_rows_never_panics(rows in rows(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (key, mut page) = written(&rows);
        let at = at.index(page.len());
        page[at] ^= flip;
        let _ = read(key, &page);
        let _ = merge_row_pages(key, &[&page, &page]);
    }

    #[test]
    fn any_bytes_as_a_page_never_panic(bytes in vec(any::<u8>(), 0..200), version in any::<bool>()) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut().filter(|_| version) {
            *first = dft_codec::PAGE_VERSION;
        }
        let file = files(|number| format!("{number:016x}"))[0];
        let _ = read(key(file, 0).page(INTERVAL), &bytes);
        let _ = names_of(NamePageKey::of(file), &bytes);
        let _ = RowPageKey::decode(&bytes);
        let _ = NamePageKey::decode(&bytes);
    }
}

type Name = (FileId, String, String, NameGivers);

/// Returns files of one page of names, with their hashes.
fn named_files(spelling: u8) -> Vec<(FileId, String)> {
    let hash = |number: u64| match spelling {
        0 => format!("{number:016x}"),
        1 => number.to_string(),
        _ => format!("file {number}"),
    };
    let all = (0_u64..).map(|number| (FileId::of(hash(number).as_bytes()), hash(number)));
    let page = NamePageKey::of(FileId::of(hash(5).as_bytes()));
    let mut files: Vec<_> = all.filter(|(file, _)| NamePageKey::of(*file) == page).take(12).collect();
    files.sort_unstable();
    files.into_iter().map(|(file, hash)| (file, if file.needs_text() { hash } else { String::new() })).collect()
}

fn givers(numbers: impl IntoIterator<Item = i64>) -> NameGivers {
    let mut givers = NameGivers::default();
    givers.extend(numbers.into_iter().map(|pid| ProcessId::of("host", pid)));
    givers
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    let name = "/p/(data|dät|x{300})/[a-c]{0,3}/img_[0-9]{1,3}\\.npz";
    (0_u8..3, btree_map((0_usize..12, name), btree_set(0_i64..4, 0..3), 1..30)).prop_map(|(spelling, names)| {
        let files = named_files(spelling);
        let name = |((at, name), pids): ((usize, String), _)| {
            let (file, hash) = files[at].clone();
            (file, hash, name, givers(pids))
        };
        let mut names: Vec<Name> = names.into_iter().map(name).collect();
        names.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        names
    })
}

fn page_of(names: &[Name]) -> (NamePageKey, Vec<u8>) {
    let mut writer = NamePageWriter::new(NamePageKey::of(names[0].0));
    for (file, hash, name, givers) in names {
        writer.put(*file, hash, name, givers).expect("a name of the page");
    }
    let (key, page) = writer.page().expect("a page");
    assert_eq!(NamePageKey::decode(&key.encode()), Ok(key));
    (key, page.to_vec())
}

fn names_of(key: NamePageKey, page: &[u8]) -> Result<Vec<Name>, DecodeError> {
    let mut cursor = NamePageCursor::begin(key, page)?;
    let mut names = Vec::new();
    while cursor.advance()? {
        names.push((cursor.file(), cursor.hash().to_owned(), cursor.name()?.to_owned(), cursor.givers().clone()));
    }
    Ok(names)
}

proptest! {
    #[test]
    fn names_of_a_page_come_back_in_order(names in names()) {
        let (key, page) = page_of(&names);
        prop_assert_eq!(names_of(key, &page), Ok(names));
        for length in 0..page.len() {
            prop_assert!(names_of(key, &page[..length]).is_err());
        }
        prop_assert!(names_of(key, &[&page[..], &[0]].concat()).is_err());
    }

    #[test]
    fn pages_of_names_merge_name_by_name_in_any_order(names in names(), parts in vec(1_u8..8, 30)) {
        let parts: Vec<Vec<Name>> = (0..3).map(|part| {
            // Each part has some of the processes that gave a name.
            let of_part = |(file, hash, name, _): &Name| (*file, hash.clone(), name.clone(), givers([part]));
            names.iter().zip(&parts).filter(|(_, bits)| **bits >> part & 1 == 1).map(|(name, _)| of_part(name)).collect()
        }).filter(|names: &Vec<_>| !names.is_empty()).collect();
        let mut wanted: Vec<Name> = Vec::new();
        for (file, hash, name, givers) in parts.iter().flatten() {
            match wanted.iter_mut().find(|known| (known.0, &known.1, &known.2) == (*file, hash, name)) {
                Some(known) => known.3.merge(givers),
                None => wanted.push((*file, hash.clone(), name.clone(), givers.clone())),
            }
        }
        wanted.sort_by(|a, b| (a.0, &a.1, &a.2).cmp(&(b.0, &b.1, &b.2)));
        let pages: Vec<_> = parts.iter().map(|names| page_of(names)).collect();
        let key = pages[0].0;
        let mut bytes: Vec<&[u8]> = pages.iter().map(|(_, page)| &page[..]).collect();
        let forwards = merge_name_pages(key, &bytes).expect("pages of one key");
        bytes.reverse();
        prop_assert_eq!(merge_name_pages(key, &bytes), Ok(forwards.clone()));
        prop_assert_eq!(names_of(key, &forwards), Ok(wanted));
    }

    #[test]
    fn a_changed_byte_of_a_page_of_names_never_panics(names in names(), at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (key, mut page) = page_of(&names);
        let at = at.index(page.len());
        page[at] ^= flip;
        let _ = names_of(key, &page);
        let _ = merge_name_pages(key, &[&page, &page]);
    }
}

#[test]
fn a_page_refuses_rows_of_other_pages_off_the_grid_and_out_of_order() {
    let files = files(|number| format!("{number:016x}"));
    let value = row(PAGE_INTERVALS as i64 * 1_000, 1).encode(PAGE_INTERVALS * INTERVAL);
    let first = key(files[1], 5);
    let refused = |key: RowKey| {
        let mut writer = RowPageWriter::new(INTERVAL, first.page(INTERVAL));
        writer.put(&first, &value).expect("the first");
        writer.put(&key, &value).is_err()
    };
    assert!(!refused(key(files[1], 6)) && !refused(key(files[2], 0)));
    // The same row, an earlier one, one of an earlier file.
    assert!(refused(first) && refused(key(files[1], 4)) && refused(key(files[0], 9)));
    let other = |series| RowKey { series, ..first };
    assert!(refused(RowKey { bucket: first.bucket + 1, ..first }), "off the grid");
    assert!(refused(key(files[1], PAGE_INTERVALS)), "another window");
    assert!(refused(other(SeriesId::new(scope(), FileId::of(b"7")))), "another spelling");
    assert!(refused(other(SeriesId::new(scope(), FileId::NONE))), "another slice");
    // A window that does not start where windows do.
    let (key, page) = written(&[(first, row(first.bucket as i64, 1))]);
    assert!(read(RowPageKey { window: key.window + INTERVAL, ..key }, &page).is_err());
    // Pages of different intervals.
    let even = RowKey { bucket: PAGE_INTERVALS * INTERVAL * 2, ..first };
    let pages = [INTERVAL, 2 * INTERVAL].map(|interval| {
        let mut writer = RowPageWriter::new(interval, even.page(interval));
        writer.put(&even, &value).expect("a row");
        writer.page().expect("a page").1.to_vec()
    });
    assert!(merge_row_pages(even.page(INTERVAL), &[&pages[0], &pages[1]]).is_err());
}

#[test]
fn names_in_a_page_have_at_most_255_bytes_in_common() {
    // Otherwise a small page could have any amount of text.
    let files = named_files(0);
    let long = "x".repeat(10_000);
    let (key, page) = page_of(&[
        (files[0].0, String::new(), long.clone(), givers([])),
        (files[1].0, String::new(), long.clone(), givers([])),
    ]);
    assert!(page.len() > 2 * 10_000 - 2 * 255, "{}", page.len());
    let names = names_of(key, &page).expect("names");
    assert!(names.iter().all(|(_, _, name, _)| *name == long));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_bytes_of_pages_are_these() {
    let file = |hash: &str| FileId::of(hash.as_bytes());
    let [first, second] = [file("0000000000000001"), file("0000000000000006")];
    assert_eq!((first.slice(), hex(&first.encode())), (0x9e, "019e3779b97f4a7c15".to_owned()));
    let key = RowKey { series: SeriesId::new(scope(), first), bucket: 5_000_000 };
    let mut value = Vec::new();
    encode_row(&mut value, key.bucket, &row(5_000_003, 1).core, std::iter::empty());
    // Version, the presence of sizes and of a duration that is the span, one call, ts, span, one size.
    assert_eq!(hex(&value), "0482010605048040");
    let mut writer = RowPageWriter::new(INTERVAL, key.page(INTERVAL));
    writer.put(&key, &value).expect("a row");
    writer.put(&RowKey { bucket: 5_001_000, ..key }, &value).expect("a row");
    let (page_key, page) = writer.page().expect("a page");
    assert_eq!(hex(&page_key.encode()[15..]), "0100000000003e8000");
    assert_eq!(
        hex(page),
        concat!(
            // Version, interval, one file, seven bytes of its place.
            "01e80701",
            "07",
            "157c4a7fb97937",
            // Two rows: places 904 and 905.
            "910e08",
            "0482010605048040",
            "920e08",
            "0482010605048040"
        )
    );
    assert_ne!(NamePageKey::of(first), NamePageKey::of(second));
    let mut writer = NamePageWriter::new(NamePageKey::of(first));
    writer.put(first, "", "/a/one.npz", &givers([1])).expect("a name");
    writer.put(first, "", "/a/two.npz", &givers([])).expect("a name");
    let (page_key, page) = writer.page().expect("a page");
    assert_eq!(hex(&page_key.encode()), "469e0130");
    let process = hex(&givers([1]).encode()[2..]);
    let wanted = [
        // Version, two lists of givers: one process, none.
        "01020",
        "1",
        &process,
        "00",
        // One file, seven bytes of its place after that of the page.
        "0107",
        "157c4a7fb97907",
        // The first name, and what differs in the second: three bytes are the same before, four behind.
        "0100000a2f612f6f6e652e6e707a",
        "0203040374776f",
    ];
    assert_eq!(hex(page), wanted.concat());
}
