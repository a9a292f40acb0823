//! The directory that tables are written to. All its tables show the same contents: one state of an index, through one
//! filter, at one granularity.
//!
//! `.dft-tables` lists the tables that exports wrote there, one per line:
//!
//! ```text
//! dft tables 1
//! 0123456789abcdef0123456789abcdef 25190 events.parquet
//! ```
//!
//! A line has a hash of the table's contents, the file's size and its name. A table of an earlier export stays if it
//! shows the same contents as the new tables; otherwise it is removed. A file with a table's name that is not listed,
//! or has another size, is never removed: the export is refused unless a new table replaces the file. No link in the
//! directory is followed: a new table replaces a link of its name, and every other link is refused or left alone.
//!
//! # Order
//!
//! ```text
//! 1  write every table under a temporary name
//! 2  write a list of the old and the new tables
//! 3  remove tables with other contents, in the order of `Table::ALL`
//! 4  rename the new tables to their names, in reverse order
//! 5  write a list of the new tables and those that stay
//! ```
//!
//! An export that is killed before step 3 leaves the old tables. One that is killed later leaves tables missing,
//! including `events` if it is exported, but never tables of two different contents together.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use dft_io::CreatedDirectories;

use crate::error::ExportError;
use crate::files::format::Format;
use crate::files::temporary::TemporaryFile;
use crate::table::Table;

const LIST: &str = ".dft-tables";
const HEADER: &str = "dft tables 1";

/// The maximum size of a list, in bytes; real ones have a few KB.
const LONGEST_LIST: u64 = 1 << 20;

/// Returns the name of a table's file.
pub(crate) fn file_name(table: Table, format: Format) -> String {
    format!("{}.{}", table.name(), format.extension())
}

/// Returns every name that a table's file may have, in the order of the tables.
fn all_names() -> impl Iterator<Item = String> {
    Table::ALL.into_iter().flat_map(|table| Format::ALL.map(|format| file_name(table, format)))
}

/// A table that an export wrote.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ListedTable {
    name: String,
    bytes: u64,
    /// A hash of the contents.
    shows: u128,
}

/// A directory that an export writes tables to.
pub(crate) struct ExportDirectory {
    path: PathBuf,
    /// A hash of the contents of the new tables.
    shows: u128,
    /// The file names of the new tables.
    names: Vec<String>,
    created: CreatedDirectories,
}

/// The tables that the directory already contains.
struct ExistingTables {
    /// Tables with the same contents as the new ones. They stay or are replaced.
    same: Vec<ListedTable>,
    /// Tables with other contents. They are replaced or removed.
    others: Vec<ListedTable>,
}

impl ExportDirectory {
    /// Opens a directory for tables with these file names and contents. Creates it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`ExportError::NotExported`] if a table that no export is known to have written would stay next to them.
    pub(crate) fn open(path: &Path, shows: u128, names: Vec<String>) -> Result<Self, ExportError> {
        let mut directory = Self { path: path.to_owned(), shows, names, created: CreatedDirectories::default() };
        directory.existing()?;
        directory.created = CreatedDirectories::create(path).map_err(ExportError::io(path))?;
        Ok(directory)
    }

    /// Moves the new tables to their names. Returns the tables that were removed.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written, removed or renamed.
    pub(crate) fn publish(mut self, tables: Vec<(String, TemporaryFile)>) -> Result<Vec<PathBuf>, ExportError> {
        let _lock = self.lock();
        let ExistingTables { same, others } = self.existing()?;
        let mut list = Vec::new();
        for (name, file) in &tables {
            list.push(ListedTable { name: name.clone(), bytes: file.size()?, shows: self.shows });
        }
        let stay = same.iter().filter(|listed| !self.names.contains(&listed.name));
        let after: Vec<ListedTable> = list.iter().chain(stay).cloned().collect();
        list.extend(same);
        list.extend(others.iter().cloned());
        self.write_list(list)?;
        self.created.keep();
        let mut removed = Vec::new();
        for ListedTable { name, .. } in &others {
            let is_replaced = self.names.contains(name);
            // A single table replaces the old one atomically.
            if is_replaced && others.len() == 1 && tables.len() == 1 {
                continue;
            }
            let path = self.path.join(name);
            dft_io::failpoint("export:before an old table is removed").map_err(ExportError::io(&path))?;
            fs::remove_file(&path).map_err(ExportError::io(&path))?;
            if !is_replaced {
                removed.push(path);
            }
        }
        for (name, file) in tables.into_iter().rev() {
            let path = self.path.join(name);
            dft_io::failpoint("export:before a table has its name").map_err(ExportError::io(&path))?;
            file.rename()?;
        }
        self.write_list(after)?;
        Ok(removed)
    }

    /// Keeps other exports from moving their tables at the same time, which takes milliseconds.
    fn lock(&self) -> Option<File> {
        const TRIES: u32 = 500;
        let directory = File::open(&self.path).ok()?;
        for _ in 0..TRIES {
            match directory.try_lock() {
                Ok(()) => return Some(directory),
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
                // The file system has no locks.
                Err(TryLockError::Error(_)) => return None,
            }
        }
        // An export does not hold the lock for this long; perhaps the caller of this one does. Do not wait forever.
        None
    }

    /// Finds the tables of the directory, and refuses unknown ones that would stay.
    fn existing(&self) -> Result<ExistingTables, ExportError> {
        let list = self.read_list()?;
        let mut existing = ExistingTables { same: Vec::new(), others: Vec::new() };
        let mut unknown = Vec::new();
        for name in all_names() {
            let path = self.path.join(&name);
            let metadata = match fs::symlink_metadata(&path) {
                Ok(metadata) => metadata,
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(error) => return Err(ExportError::io(&path)(error)),
            };
            let is_replaced = self.names.contains(&name);
            // After an export was killed, a table may have two entries, possibly of the same size.
            let bytes = metadata.len();
            let entries = list.iter().filter(|listed| listed.name == name && listed.bytes == bytes);
            let shows: Vec<u128> = entries.map(|listed| listed.shows).collect();
            if is_replaced && !metadata.is_symlink() {
                dft_io::refuse_others(metadata.file_type()).map_err(ExportError::io(&path))?;
            }
            match shows.first() {
                Some(_) if metadata.is_file() && shows.iter().all(|shows| *shows == self.shows) => {
                    existing.same.push(ListedTable { name, bytes, shows: self.shows });
                }
                Some(&shows) if metadata.is_file() => existing.others.push(ListedTable { name, bytes, shows }),
                _ if is_replaced => existing.others.push(ListedTable { name, bytes, shows: 0 }),
                _ => unknown.push(path),
            }
        }
        if unknown.is_empty() { Ok(existing) } else { Err(ExportError::NotExported(unknown)) }
    }

    fn read_list(&self) -> Result<Vec<ListedTable>, ExportError> {
        let path = self.path.join(LIST);
        let mut bytes = Vec::new();
        let read = dft_io::open_no_link(&path, File::options().read(true))
            .and_then(|file| file.take(LONGEST_LIST + 1).read_to_end(&mut bytes));
        match read {
            Ok(read) if read as u64 <= LONGEST_LIST => {}
            Ok(_) => return Err(ExportError::List(path)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(ExportError::io(&path)(error)),
        };
        parse(&bytes).ok_or(ExportError::List(path))
    }

    fn write_list(&self, mut list: Vec<ListedTable>) -> Result<(), ExportError> {
        list.sort();
        list.dedup();
        let path = self.path.join(LIST);
        let file = TemporaryFile::create(&path)?;
        let write = || -> io::Result<()> { file.file()?.write_all(text(&list).as_bytes()) };
        write().map_err(ExportError::io(&path))?;
        file.rename()
    }
}

fn text(list: &[ListedTable]) -> String {
    let line = |ListedTable { name, bytes, shows }: &ListedTable| format!("{shows:032x} {bytes} {name}\n");
    format!("{HEADER}\n{}", list.iter().map(line).collect::<String>())
}

/// Parses a list of tables; returns `None` if the bytes are not one. A list contains only names of tables, so no other
/// file is ever removed.
fn parse(bytes: &[u8]) -> Option<Vec<ListedTable>> {
    let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
    if lines.next()? != HEADER {
        return None;
    }
    let listed = |line: &str| {
        let (shows, rest) = line.split_once(' ')?;
        let (bytes, name) = rest.split_once(' ')?;
        all_names().find(|known| known == name)?;
        Some(ListedTable {
            name: name.to_owned(),
            bytes: bytes.parse().ok()?,
            shows: u128::from_str_radix(shows, 16).ok()?,
        })
    };
    lines.map(listed).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn listed(name: &str, bytes: u64, shows: u128) -> ListedTable {
        ListedTable { name: name.to_owned(), bytes, shows }
    }

    /// Exports tables; the text of each is its content hash.
    fn export(path: &Path, shows: u128, names: &[&str]) -> Result<Vec<String>, ExportError> {
        let directory = ExportDirectory::open(path, shows, names.iter().map(|&name| name.to_owned()).collect())?;
        let mut tables = Vec::new();
        for name in names {
            let file = TemporaryFile::create(&path.join(name))?;
            write!(file.file().expect("open"), "{shows}").expect("written");
            tables.push(((*name).to_owned(), file));
        }
        let removed = directory.publish(tables)?;
        Ok(removed.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned()).collect())
    }

    fn tables(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).expect("listed").map(|entry| entry.expect("listed").path());
        let mut tables: Vec<String> = entries
            .filter(|path| !path.ends_with(LIST))
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{name} {}", fs::read_to_string(&path).expect("read"))
            })
            .collect();
        tables.sort();
        tables
    }

    #[test]
    fn a_list_is_read_back_as_written_and_other_bytes_are_refused() {
        let list = vec![listed("events.parquet", 7, 1 << 100), listed("system.csv", 0, 0)];
        let bytes = text(&list).into_bytes();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "dft tables 1\n00000010000000000000000000000000 7 events.parquet\n\
             00000000000000000000000000000000 0 system.csv\n"
        );
        assert_eq!(parse(&bytes), Some(list));
        for other in
            ["", "dft tables 1", "dft tables 2\n", "dft tables 1\n00 7 ../x\n", "dft tables 1\n00 7 notes.csv\n"]
        {
            assert_eq!(parse(other.as_bytes()), None, "{other}");
        }
        assert_eq!(parse(b"dft tables 1\n"), Some(Vec::new()));
    }

    #[test]
    fn tables_with_other_contents_are_removed_and_those_with_the_same_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/tables");
        let none: [&str; 0] = [];
        assert_eq!(export(&path, 1, &["events.parquet", "system.parquet"]).expect("exported"), none);
        assert_eq!(export(&path, 1, &["aggregation.parquet"]).expect("exported"), none);
        assert_eq!(export(&path, 1, &["events.csv"]).expect("exported"), none);
        assert_eq!(tables(&path), ["aggregation.parquet 1", "events.csv 1", "events.parquet 1", "system.parquet 1"]);
        let removed = export(&path, 2, &["events.parquet", "profiles.parquet"]).expect("exported");
        assert_eq!(removed, ["events.csv", "system.parquet", "aggregation.parquet"]);
        assert_eq!(tables(&path), ["events.parquet 2", "profiles.parquet 2"]);
        assert_eq!(export(&path, 3, &["profiles.parquet"]).expect("exported"), ["events.parquet"]);
        assert_eq!(tables(&path), ["profiles.parquet 3"]);
        assert_eq!(fs::read_to_string(path.join(LIST)).expect("read").lines().count(), 2);
    }

    #[test]
    fn an_export_refuses_files_that_no_export_wrote_before_it_writes_any() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let refused = |names: &[&str], what: &[&str]| {
            let before = tables(path);
            match export(path, 1, names) {
                Err(ExportError::NotExported(found)) => {
                    assert_eq!(found, what.iter().map(|name| path.join(name)).collect::<Vec<_>>());
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(tables(path), before);
        };
        fs::write(path.join("events.csv"), "mine").expect("written");
        fs::write(path.join("notes.parquet"), "of nobody's table").expect("written");
        refused(&["events.parquet"], &["events.csv"]);
        // A file that a new table replaces is not refused.
        export(path, 1, &["events.csv"]).expect("exported");
        export(path, 2, &["events.parquet"]).expect("exported");
        assert_eq!(tables(path), ["events.parquet 2", "notes.parquet of nobody's table"]);
        // A table that was changed counts as not written by an export.
        fs::write(path.join("events.parquet"), "changed").expect("written");
        refused(&["system.parquet"], &["events.parquet"]);
        fs::write(path.join(LIST), "changed").expect("written");
        assert!(matches!(export(path, 1, &["events.parquet"]), Err(ExportError::List(_))));
        fs::remove_file(path.join(LIST)).expect("removed");
        fs::create_dir(path.join("system.parquet")).expect("made");
        assert!(matches!(export(path, 1, &["system.parquet"]), Err(ExportError::Io { .. })));
    }

    #[test]
    fn links_in_an_export_directory_are_replaced_or_refused_and_never_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, outside) = (folder.path().join("tables"), folder.path().join("outside"));
        fs::create_dir(&path).expect("made");
        let link = |name: &str| symlink(&outside, path.join(name)).expect("linked");
        let is_link = |name: &str| fs::symlink_metadata(path.join(name)).is_ok_and(|metadata| metadata.is_symlink());
        // The target exists or not; its size may be that of a table that the list names.
        for text in [None, Some("1"), Some("of somebody else")] {
            let _ = fs::remove_file(&outside);
            if let Some(text) = text {
                fs::write(&outside, text).expect("written");
            }
            let is_unchanged = || fs::read_to_string(&outside).ok().as_deref() == text;
            link("events.parquet");
            link(".events.parquet.0123456789abcdef.tmp");
            export(&path, 1, &["events.parquet"]).expect("exported");
            assert!(is_unchanged() && !is_link("events.parquet"), "{text:?}");
            assert!(is_link(".events.parquet.0123456789abcdef.tmp"), "it is no file of an export");
            fs::remove_file(path.join("events.parquet")).expect("removed");
            // A listed table that became a link.
            link("events.parquet");
            assert!(matches!(export(&path, 2, &["system.parquet"]), Err(ExportError::NotExported(_))));
            assert!(is_unchanged() && is_link("events.parquet"), "{text:?}");
            fs::remove_file(path.join(LIST)).expect("removed");
            link(LIST);
            let refused = export(&path, 1, &["events.parquet"]).expect_err("refused").to_string();
            assert!(refused.contains("it is a symbolic link, not a regular file"), "{refused}");
            assert!(is_unchanged() && is_link(LIST), "{text:?}");
            for name in [LIST, "events.parquet", ".events.parquet.0123456789abcdef.tmp"] {
                fs::remove_file(path.join(name)).expect("removed");
            }
        }
    }

    #[test]
    fn an_export_that_fails_removes_the_directory_that_it_created() {
        let folder = tempfile::tempdir().expect("a folder");
        drop(ExportDirectory::open(&folder.path().join("deep/tables"), 1, Vec::new()).expect("opened"));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }
}
