//! Reads rows and checks them against the series and the configuration.

use dft_codec::{DecodeError, RowKey, RowPageCursor, RowPageKey, RowValue, SeriesId, SeriesKind};
use rocksdb::DBRawIterator;

use crate::column_families;
use crate::error::StoreError;
use crate::read::index::Index;
use crate::read::row_query::RowQuery;
use crate::read::verify::entries::{OUT_OF_ORDER, SERIES_AT, Verifier};

const UNKNOWN_KIND: DecodeError = DecodeError::Invalid("a row of no known family");

/// Walks the series of a range.
struct SeriesWalk<'a> {
    cursor: DBRawIterator<'a>,
    index: &'a Index,
    to: Option<&'a [u8]>,
    /// The last series that was reached.
    last: Vec<u8>,
    /// Whether series are checked and counted; those of pages were, with those of chunks.
    check: bool,
}

impl<'a> SeriesWalk<'a> {
    fn new(index: &'a Index, from: &[u8], to: Option<&'a [u8]>, check: bool) -> Result<Self, StoreError> {
        let mut cursor =
            index.db.raw_iterator_cf_opt(index.family(column_families::SERIES)?, column_families::scan_options());
        cursor.seek(from);
        Ok(Self { cursor, index, to, last: Vec::new(), check })
    }

    /// Moves to the first series that is not before `id`, or to the end. Returns whether it is `id`.
    fn advance(&mut self, reading: &mut Verifier<'_>, id: Option<&[u8]>) -> Result<bool, StoreError> {
        while let Some((key, value)) = self.cursor.item() {
            if self.to.is_some_and(|to| key >= to) {
                return Ok(false);
            }
            if self.last.is_empty() || key != self.last {
                if key <= &self.last[..] {
                    return Err(self.index.entry(column_families::SERIES, key, OUT_OF_ORDER));
                }
                self.last.clear();
                self.last.extend_from_slice(key);
                if self.check {
                    reading.entries[SERIES_AT] += 1;
                    if let Err(error) = reading.series(key, value) {
                        reading.found.fault(self.index.entry(column_families::SERIES, key, error));
                    }
                }
            }
            match id {
                Some(id) if key >= id => return Ok(key == id),
                _ => self.cursor.next(),
            }
        }
        self.cursor.status().map_err(|error| self.index.read_error(error))?;
        Ok(false)
    }
}

/// Which of the series of rows are known.
struct KnownSeries<'a> {
    walk: SeriesWalk<'a>,
    last: Option<SeriesId>,
    is_known: bool,
    /// Why the series cannot be read.
    stopped: Option<StoreError>,
}

impl<'a> KnownSeries<'a> {
    fn new(walk: SeriesWalk<'a>) -> Self {
        Self { walk, last: None, is_known: false, stopped: None }
    }

    /// Checks that the series of a row is known. A series that is not known is reported once.
    fn check(&mut self, reading: &mut Verifier<'_>, series: SeriesId) -> Result<(), DecodeError> {
        if self.last == Some(series) {
            return Ok(());
        }
        let same_scope = self.last.is_some_and(|last| last.scope() == series.scope());
        self.last = Some(series);
        if !same_scope {
            match self.walk.advance(reading, Some(&series.scope().0)) {
                Ok(found) => self.is_known = found,
                // Otherwise all following rows would be reported as unknown.
                Err(error) => {
                    self.is_known = true;
                    self.stopped.get_or_insert(error);
                }
            }
        }
        if !self.is_known {
            return Err(DecodeError::Invalid("the row's series is not known"));
        }
        let file = series.file()?;
        if file.needs_text() && reading.index.file_hash(file).is_err() {
            return Err(DecodeError::Invalid("the row's file has no hash"));
        }
        Ok(())
    }

    /// Walks to the end of the series.
    fn end(mut self, reading: &mut Verifier<'_>) -> Result<(), StoreError> {
        self.stopped.map_or_else(|| self.walk.advance(reading, None).map(drop), Err)
    }
}

impl Verifier<'_> {
    /// Reads the rows of a range of series, and in step with them the series, which have the same order.
    pub(super) fn rows(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), StoreError> {
        let [after_chunks, _] = RowPageKey::range_of(SeriesKind::Call);
        self.chunks(from, to, to.unwrap_or(&after_chunks))?;
        let start = if from.is_empty() { after_chunks.to_vec() } else { RowPageKey::start_of(from) };
        self.pages((from, to), &start, to.map(RowPageKey::start_of).as_deref())?;
        if self.found.is_sound() { self.count(from, to) } else { Ok(()) }
    }

    /// Counts rows and series. One row may be partly in a chunk and partly in a page, and counts once.
    fn count(&mut self, from: &[u8], to: Option<&[u8]>) -> Result<(), StoreError> {
        let id = |bytes: &[u8]| {
            let mut id = [0; SeriesId::LENGTH];
            id[..bytes.len()].copy_from_slice(bytes);
            SeriesId(id)
        };
        let mut scan = self.index.rows(RowQuery { series: id(from)..to.map_or(SeriesId::LAST, id), time: None })?;
        let mut last = None;
        let found = &mut self.found;
        (found.rows, found.series) = (0, 0);
        let mut count = |key: RowKey, _| {
            found.rows += 1;
            found.series += u64::from(last != Some(key.series));
            last = Some(key.series);
        };
        while scan.next_entry(&mut count)?.is_some() {}
        Ok(())
    }

    fn chunks(&mut self, from: &[u8], to: Option<&[u8]>, end: &[u8]) -> Result<(), StoreError> {
        let index = self.index;
        let mut known = KnownSeries::new(SeriesWalk::new(index, from, to, true)?);
        self.each_of(column_families::ROWS, from, Some(end), |this, key, chunk| {
            let key = RowKey::decode(key)?;
            let kind = key.series.kind().ok_or(UNKNOWN_KIND)?;
            let mut rows = index.chunk(key, chunk)?;
            while let Some((key, place)) = rows.advance(chunk)? {
                this.row(kind, &key, &chunk[place]);
            }
            known.check(this, key.series)
        })?;
        known.end(self)
    }

    /// Reads pages from `start` to `end`, which have the series of a range.
    fn pages(
        &mut self,
        (from, to): (&[u8], Option<&[u8]>),
        start: &[u8],
        end: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let index = self.index;
        let mut known = KnownSeries::new(SeriesWalk::new(index, from, to, false)?);
        self.each_of(column_families::ROWS, start, end, |this, key, page| {
            let key = RowPageKey::decode(key)?;
            let kind = key.scope.first_series().kind().ok_or(UNKNOWN_KIND)?;
            let mut rows = RowPageCursor::begin(key, page)?;
            if rows.interval() != index.config().interval_us {
                return Err(DecodeError::Invalid("rows of another interval than the configuration's"));
            }
            let mut unknown = Ok(());
            while let Some((key, place)) = rows.advance()? {
                this.row(kind, &key, &page[place]);
                unknown = unknown.and(known.check(this, key.series));
            }
            unknown
        })?;
        known.end(self)
    }

    /// Checks and counts a row.
    fn row(&mut self, kind: SeriesKind, key: &RowKey, row: &[u8]) {
        self.found.rows += 1;
        let checked = RowValue::decode(row, key.bucket)
            .and_then(|row| self.parts(kind, &row).and(self.bucket(key.bucket)).map(|()| row));
        match checked {
            Ok(row) => {
                let calls = &mut self.sums.calls[kind as usize];
                *calls = calls.wrapping_add(row.core.count as u64);
            }
            Err(error) => self.found.fault(self.index.bad_row(key, error)),
        }
    }

    /// Checks that the row has the parts that the configuration asks for.
    fn parts(&self, kind: SeriesKind, row: &RowValue) -> Result<(), DecodeError> {
        let wanted = kind == SeriesKind::Call && self.index.config().occupancy;
        match row.core.occupancy.is_some() == wanted {
            true => Ok(()),
            false if wanted => Err(DecodeError::Invalid("the row does not say when its calls were in progress")),
            false => {
                Err(DecodeError::Invalid("the row says when its calls were in progress, against the configuration"))
            }
        }
    }
}
