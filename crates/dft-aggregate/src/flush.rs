//! Writing a table out as a run, in memory or in a file.

use dft_codec::{NameGivers, NameKey, RowKey, SeriesId, SeriesIdentity, TelemetryKey};

use crate::aggregator::Aggregator;
use crate::encoded_cells::TableRows;
use crate::run::{Run, RunError, RunWriter, Section};
use crate::table::{CellEncoder, Giver, SeriesKey};

impl Aggregator {
    /// Turns the table into a run in memory. Its rows are not copied.
    pub fn into_run(mut self) -> Run {
        let series = self.series_by_id();
        let mut writer = RunWriter::in_memory();
        let written = self
            .write_identities(&series, &mut writer)
            .and_then(|()| self.write_telemetry(&mut writer))
            .and_then(|()| writer.finish());
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let rows = series.iter().map(|&(id, row)| (id, self.rows.take(row, &mut encoder))).collect();
        match written {
            Ok(run) => run.with_rows(TableRows::new(rows)),
            // Writes to memory do not fail.
            Err(error) => unreachable!("a run in memory: {error}"),
        }
    }

    /// Writes the table out as a run in the file `path`, and empties the table.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. The table is unchanged then.
    pub fn spill(&mut self, path: &std::path::Path) -> Result<Run, RunError> {
        let run = RunWriter::to_file(path).and_then(|mut writer| {
            let series = self.series_by_id();
            self.write_identities(&series, &mut writer)?;
            self.write_rows(&series, &mut writer)?;
            self.write_telemetry(&mut writer)?;
            writer.finish()
        });
        if run.is_err() {
            // The file takes space, and the table still has all rows.
            let _ = std::fs::remove_file(path);
        }
        let run = run?;
        let bounds = self.bounds;
        *self = Self::new(&self.config);
        self.bounds = bounds;
        Ok(run)
    }

    /// Returns the ids and numbers of all series, by id.
    fn series_by_id(&self) -> Vec<(SeriesId, u32)> {
        let mut series: Vec<_> = self.series.iter().map(|(key, known)| (self.identity(key).id(), known.row)).collect();
        series.sort_unstable();
        series
    }

    /// Writes the identities of the series, and names.
    fn write_identities(&self, series: &[(SeriesId, u32)], out: &mut RunWriter) -> Result<(), RunError> {
        let mut keys: Vec<Option<&SeriesKey>> = vec![None; self.series.len()];
        for (key, known) in &self.series {
            keys[known.row as usize] = Some(key);
        }
        out.begin(Section::Series)?;
        for &(id, row) in series {
            if let Some(key) = keys[row as usize] {
                out.put(&id.0, &self.identity(key).encode())?;
            }
        }
        out.begin(Section::Names)?;
        let text = |symbol| self.interner.get(symbol);
        let mut names: Vec<_> = self.names.iter().copied().collect();
        // By key, then by giver.
        names.sort_unstable_by(|a, b| (a.0, text(a.1), text(a.2), a.3).cmp(&(b.0, text(b.1), text(b.2), b.3)));
        let mut givers = NameGivers::default();
        for same in names.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)) {
            let (kind, hash, name, _) = same[0];
            givers.clear();
            givers.extend(same.iter().filter_map(|&(.., giver)| match giver {
                Giver::Nobody => None,
                Giver::Process(process) => Some(process),
            }));
            let key = NameKey { kind, hash: text(hash).to_owned(), name: text(name).to_owned() }.encode();
            out.put(&key, &givers.encode())?;
        }
        Ok(())
    }

    fn write_rows(&mut self, series: &[(SeriesId, u32)], out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Rows)?;
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        for &(id, row) in series {
            for (bucket, value) in self.rows.finish(row, &mut encoder).values() {
                out.put(&RowKey { series: id, bucket }.encode(), value)?;
            }
        }
        Ok(())
    }

    fn write_telemetry(&mut self, out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Telemetry)?;
        let text = |symbol| self.interner.get(symbol);
        let mut encoder = CellEncoder { interner: &self.interner, orders: &mut self.orders };
        let mut counters: Vec<(Vec<u8>, u32)> = self
            .counters
            .iter()
            .map(|(key, &series)| {
                let extra = key.extra.iter().map(|&extra| text(extra));
                (TelemetryKey::prefix_of(text(key.host_hash), text(key.name), text(key.cat), key.pid, extra), series)
            })
            .collect();
        counters.sort_unstable();
        for (mut key, series) in counters {
            let prefix = key.len();
            for (bucket, value) in self.telemetry.finish(series, &mut encoder).values() {
                key.truncate(prefix);
                key.extend_from_slice(&bucket.to_be_bytes());
                out.put(&key, value)?;
            }
        }
        Ok(())
    }

    fn identity(&self, key: &SeriesKey) -> SeriesIdentity<&str> {
        let text = |symbol| self.interner.get(symbol);
        SeriesIdentity {
            kind: key.kind,
            category: text(key.cat),
            name: text(key.name),
            pid: key.pid,
            tid: key.tid,
            host_hash: text(key.host_hash),
            file_hash: text(key.file_hash),
            extra: key.extra.iter().map(|&symbol| text(symbol)).collect(),
        }
    }
}
