//! Pages of file names: the names of many files are one entry, so that the store has fewer entries.

use std::collections::HashMap;

use crate::PAGE_VERSION;
use crate::bytes::{DecodeError, Reader, put_text, put_varint};
use crate::file_id::FileId;
use crate::name_givers::NameGivers;
use crate::name_keys::NameKind;
use crate::places::{Places, put_places};

/// The most bytes that a name has in common with the start, and with the end, of the name before it. It limits how much
/// larger than a page its names are.
const MOST_COMMON: usize = 255;

const OUT_OF_ORDER: DecodeError = DecodeError::Invalid("names of a page are out of order");

/// The key of a page of names of files.
///
/// ```text
/// key       'F' │ slice │ spelling │ the next four bits of the place of the file id, then four zero bits
/// page      version │ varint n, n × givers │ places of the files │ for each file, its names
/// givers    varint n │ n × id of a process, 8 bytes, big-endian, ascending
/// names     [text of the file's hash, if it does not follow from the id]
///           n × (varint 2 × number of the givers, + 1 if another name of the file follows │ name)
/// name      varint bytes in common with the start of the name before │ varint bytes in common with its end, up to 255 each
///           │ varint length, then the bytes between
/// ```
///
/// An index has up to 4,096 pages for each [spelling](crate::FileId) of hashes. Files are in order of their ids, and the
/// names of a file in byte order. Names in a page mostly differ in a few digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamePageKey([u8; Self::LENGTH]);

impl NamePageKey {
    /// The length of a key, in bytes.
    pub const LENGTH: usize = 4;

    /// Returns the key of the page that has the names of a file.
    #[inline]
    pub fn of(file: FileId) -> Self {
        let [first, second, ..] = file.place().to_be_bytes();
        Self([NameKind::File.tag(), first, file.spelling(), second & 0xf0])
    }

    /// Returns the start of the keys of a slice.
    pub fn slice(slice: u8) -> [u8; 2] {
        [NameKind::File.tag(), slice]
    }

    /// Tells whether a key in the family of names is that of a page.
    pub fn is_page(key: &[u8]) -> bool {
        key.first() == Some(&NameKind::File.tag())
    }

    /// Encodes the key.
    pub fn encode(self) -> [u8; Self::LENGTH] {
        self.0
    }

    /// Decodes a key.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NamePageKey::encode`].
    pub fn decode(key: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(key);
        let bytes: [u8; Self::LENGTH] = reader.array()?;
        reader.finish()?;
        if !Self::is_page(key) || bytes[3] & 0x0f != 0 {
            return Err(DecodeError::Invalid("this is not the key of a page of names"));
        }
        Ok(Self(bytes))
    }

    fn spelling(self) -> u8 {
        self.0[2]
    }

    /// Returns the lowest place that a file of the page can have.
    fn lowest_place(self) -> u64 {
        u64::from(self.0[1]) << 56 | u64::from(self.0[3]) << 48
    }

    /// Tells whether a place is in the page.
    fn has(self, place: u64) -> bool {
        (place ^ self.lowest_place()) >> 52 == 0
    }
}

/// A writer of pages.
#[derive(Debug)]
pub struct NamePageWriter {
    key: NamePageKey,
    givers: Vec<u8>,
    /// The numbers of sets of givers.
    numbers: HashMap<NameGivers, u64>,
    /// The givers of the last name, and their number.
    last_givers: Option<(NameGivers, u64)>,
    places: Vec<u64>,
    names: Vec<u8>,
    /// The position of the last name in `names`.
    last_name_at: usize,
    last_file: Option<FileId>,
    last_hash: String,
    last_name: String,
    page: Vec<u8>,
}

impl NamePageWriter {
    /// Returns a writer of a page.
    pub fn new(key: NamePageKey) -> Self {
        Self {
            key,
            givers: Vec::new(),
            numbers: HashMap::new(),
            last_givers: None,
            places: Vec::new(),
            names: Vec::new(),
            last_name_at: 0,
            last_file: None,
            last_hash: String::new(),
            last_name: String::new(),
            page: Vec::new(),
        }
    }

    /// Starts another page.
    pub fn restart(&mut self, key: NamePageKey) {
        self.key = key;
        self.givers.clear();
        self.numbers.clear();
        self.last_givers = None;
        self.places.clear();
        self.names.clear();
        self.last_file = None;
        self.last_hash.clear();
        self.last_name.clear();
    }

    /// Returns the key of the page.
    pub fn key(&self) -> NamePageKey {
        self.key
    }

    /// Adds a name. `hash` is the text of the file's hash, if it does not follow from the id; otherwise it is empty.
    /// Names must come in order of ids, hashes and names.
    ///
    /// # Errors
    ///
    /// If the file belongs to another page, or the name precedes the last one.
    pub fn put(&mut self, file: FileId, hash: &str, name: &str, givers: &NameGivers) -> Result<(), DecodeError> {
        if NamePageKey::of(file) != self.key {
            return Err(DecodeError::Invalid("a name belongs to another page"));
        }
        match self.last_file.map(|last| (last, self.last_hash.as_str()).cmp(&(file, hash))) {
            Some(std::cmp::Ordering::Greater) => return Err(OUT_OF_ORDER),
            Some(std::cmp::Ordering::Equal) if *self.last_name >= *name => return Err(OUT_OF_ORDER),
            Some(std::cmp::Ordering::Equal) => self.names[self.last_name_at] |= 1,
            Some(std::cmp::Ordering::Less) | None => {
                self.places.push(file.place());
                if file.needs_text() {
                    put_text(&mut self.names, hash);
                    self.last_hash.clear();
                    self.last_hash.push_str(hash);
                }
            }
        }
        self.last_file = Some(file);
        self.last_name_at = self.names.len();
        let number = self.number_of(givers);
        put_varint(&mut self.names, u128::from(number) << 1);
        let (start, end) = common(self.last_name.as_bytes(), name.as_bytes());
        let between = &name.as_bytes()[start..name.len() - end];
        for number in [start, end, between.len()] {
            put_varint(&mut self.names, number as u128);
        }
        self.names.extend_from_slice(between);
        self.last_name.clear();
        self.last_name.push_str(name);
        Ok(())
    }

    fn number_of(&mut self, givers: &NameGivers) -> u64 {
        if let Some((last, number)) = &self.last_givers
            && last == givers
        {
            return *number;
        }
        let next = self.numbers.len() as u64;
        let number = match self.numbers.get(givers) {
            Some(&number) => number,
            None => {
                self.numbers.insert(givers.clone(), next);
                givers.put_processes(&mut self.givers);
                next
            }
        };
        self.last_givers = Some((givers.clone(), number));
        number
    }

    /// Returns the page's key and bytes, if it has names.
    pub fn page(&mut self) -> Option<(NamePageKey, &[u8])> {
        if self.places.is_empty() {
            return None;
        }
        self.page.clear();
        self.page.push(PAGE_VERSION);
        put_varint(&mut self.page, self.numbers.len() as u128);
        self.page.extend_from_slice(&self.givers);
        put_places(&mut self.page, self.key.lowest_place(), &self.places);
        self.page.extend_from_slice(&self.names);
        Some((self.key, &self.page))
    }
}

/// Returns how many bytes two names have in common at their starts, and of the rest, at their ends.
fn common(a: &[u8], b: &[u8]) -> (usize, usize) {
    let start = a.iter().zip(b).take(MOST_COMMON).take_while(|(a, b)| a == b).count();
    let ends = a[start..].iter().rev().zip(b[start..].iter().rev());
    (start, ends.take(MOST_COMMON).take_while(|(a, b)| a == b).count())
}

/// A cursor over the names of a page.
#[derive(Clone, Debug)]
pub struct NamePageCursor<'a> {
    key: NamePageKey,
    givers: Vec<NameGivers>,
    places: Places<'a>,
    names: Reader<'a>,
    file: Option<FileId>,
    hash: &'a str,
    name: Vec<u8>,
    /// The number of the givers of the current name.
    number: usize,
    /// Whether another name of the file follows.
    more: bool,
}

impl<'a> NamePageCursor<'a> {
    /// Returns a cursor before the first name of a page.
    ///
    /// # Errors
    ///
    /// If the page does not start as a [`NamePageWriter`] writes it. Names are checked when the cursor reaches them.
    pub fn begin(key: NamePageKey, page: &'a [u8]) -> Result<Self, DecodeError> {
        let mut names = Reader::new(page);
        names.version(PAGE_VERSION)?;
        let number = names.count_of(1)?;
        let mut givers = Vec::new();
        for _ in 0..number {
            givers.push(NameGivers::take_processes(&mut names)?);
        }
        let places = Places::take(&mut names, key.lowest_place())?;
        if places.left() == 0 {
            return Err(DecodeError::Truncated);
        }
        Ok(Self { key, givers, places, names, file: None, hash: "", name: Vec::new(), number: 0, more: false })
    }

    /// Returns how many files were not reached yet.
    pub fn files_left(&self) -> usize {
        self.places.left()
    }

    /// Moves to the next name. Returns false at the end.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of a [`NamePageWriter`].
    pub fn advance(&mut self) -> Result<bool, DecodeError> {
        if self.more {
            let last = self.name.clone();
            self.take_name()?;
            return if last < self.name { Ok(true) } else { Err(OUT_OF_ORDER) };
        }
        let Some(place) = self.places.next()? else {
            self.names.finish()?;
            return Ok(false);
        };
        let file = FileId::at(self.key.spelling(), place)?;
        if !self.key.has(place) {
            return Err(DecodeError::Invalid("a name belongs to another page"));
        }
        let hash = if file.needs_text() { self.names.text()? } else { "" };
        if self.file.is_some_and(|last| (last, self.hash) >= (file, hash)) {
            return Err(OUT_OF_ORDER);
        }
        if file.needs_text() && FileId::of(hash.as_bytes()) != file {
            return Err(DecodeError::Invalid("a file's hash has another id"));
        }
        (self.file, self.hash) = (Some(file), hash);
        self.take_name()?;
        Ok(true)
    }

    #[inline]
    fn take_name(&mut self) -> Result<(), DecodeError> {
        let lead = self.names.varint_u64()?;
        self.number = usize::try_from(lead >> 1).map_err(|_| DecodeError::Truncated)?;
        self.more = lead & 1 == 1;
        if self.number >= self.givers.len() {
            return Err(DecodeError::Invalid("a name has no givers"));
        }
        let [start, end, between] = [self.names.varint_u64()?, self.names.varint_u64()?, self.names.varint_u64()?];
        let between = self.names.bytes(usize::try_from(between).map_err(|_| DecodeError::Truncated)?)?;
        let length = self.name.len();
        let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) else {
            return Err(DecodeError::Truncated);
        };
        if start > MOST_COMMON || end > MOST_COMMON || start + end > length {
            return Err(DecodeError::Invalid("a name has more in common with another than it can have"));
        }
        // Move the end to its new place, then put the bytes between in.
        let moved = start + between.len();
        if moved + end > length {
            self.name.resize(moved + end, 0);
        }
        self.name.copy_within(length - end..length, moved);
        self.name.truncate(moved + end);
        self.name[start..moved].copy_from_slice(between);
        Ok(())
    }

    /// Returns the file of the current name.
    #[inline]
    pub fn file(&self) -> FileId {
        self.file.unwrap_or(FileId::NONE)
    }

    /// Returns the text of the current file's hash, if it does not follow from the id; otherwise it is empty.
    #[inline]
    pub fn hash(&self) -> &'a str {
        self.hash
    }

    /// Returns the current name.
    ///
    /// # Errors
    ///
    /// If the name is not UTF-8.
    #[inline]
    pub fn name(&self) -> Result<&str, DecodeError> {
        std::str::from_utf8(&self.name).map_err(|_| DecodeError::NotUtf8)
    }

    /// Returns the processes that gave the current name.
    pub fn givers(&self) -> &NameGivers {
        &self.givers[self.number]
    }

    /// Tells whether another name of the file follows.
    #[inline]
    pub fn has_more(&self) -> bool {
        self.more
    }
}

/// Merges pages of one key, name by name.
///
/// # Errors
///
/// If a page is not the output of a [`NamePageWriter`].
pub fn merge_name_pages(key: NamePageKey, pages: &[&[u8]]) -> Result<Vec<u8>, DecodeError> {
    let mut names = Vec::new();
    for page in pages {
        let mut cursor = NamePageCursor::begin(key, page)?;
        while cursor.advance()? {
            names.push((cursor.file(), cursor.hash(), cursor.name()?.to_owned(), cursor.givers().clone()));
        }
    }
    // Pages are sorted, which a stable sort makes use of.
    names.sort_by(|a, b| (a.0, a.1, &a.2).cmp(&(b.0, b.1, &b.2)));
    let mut writer = NamePageWriter::new(key);
    for same in names.chunk_by(|a, b| (a.0, a.1, &a.2) == (b.0, b.1, &b.2)) {
        let (file, hash, name, first) = &same[0];
        if same.len() == 1 {
            writer.put(*file, hash, name, first)?;
            continue;
        }
        let mut givers = first.clone();
        same[1..].iter().for_each(|(.., more)| givers.merge(more));
        writer.put(*file, hash, name, &givers)?;
    }
    writer.page().map(|(_, page)| page.to_vec()).ok_or(DecodeError::Truncated)
}
