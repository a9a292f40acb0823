//! Writing a table out as a run, in memory or in a file.

use dft_codec::{FileHashKey, NameGivers, NameKind, RowKey, ScopeHash, SeriesId, SeriesIdentity, TelemetryKey};

use crate::aggregator::Aggregator;
use crate::encoded_cells::TableRows;
use crate::run::{Run, RunError, RunWriter, Section};
use crate::table::{CellEncoder, ScopeKey};

/// The encoded scopes of a table and their hashes, by number.
struct EncodedScopes(Vec<(ScopeHash, Vec<u8>)>);

impl Aggregator {
    /// Turns the table into a run in memory. Its rows are not copied.
    pub fn into_run(mut self) -> Run {
        let scopes = self.encoded_scopes();
        let series = self.series_by_id(&scopes);
        let mut writer = RunWriter::in_memory();
        let written = self
            .write_identities(&scopes, &series, &mut writer)
            .and_then(|()| self.write_telemetry(&mut writer))
            .and_then(|()| writer.finish());
        self.rows.finish(&mut CellEncoder { interner: &self.interner, orders: &mut self.orders });
        let rows = series.iter().map(|&(id, row)| (id, self.rows.chain(row))).collect();
        match written {
            Ok(run) => run.with_rows(TableRows::new(self.rows.take_encoded(), rows)),
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
            let scopes = self.encoded_scopes();
            let series = self.series_by_id(&scopes);
            self.write_identities(&scopes, &series, &mut writer)?;
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

    fn encoded_scopes(&self) -> EncodedScopes {
        let mut scopes: Vec<_> = self
            .scopes
            .iter()
            .map(|(key, known)| {
                let scope = self.scope(key).encode_scope();
                (known.number, (ScopeHash::of(key.kind, &scope), scope))
            })
            .collect();
        scopes.sort_unstable_by_key(|(number, _)| *number);
        EncodedScopes(scopes.into_iter().map(|(_, scope)| scope).collect())
    }

    /// Returns the ids and numbers of all series, by id.
    fn series_by_id(&self, scopes: &EncodedScopes) -> Vec<(SeriesId, u32)> {
        let ids = self.series.iter().zip(0_u32..).map(|(key, row)| {
            let SeriesId(id) = SeriesId::new(scopes.0[key.scope as usize].0, self.files.get(key.file));
            let (mut first, mut last) = ([0; 16], [0; 8]);
            first.copy_from_slice(&id[..16]);
            last.copy_from_slice(&id[16..]);
            // Numbers sort faster than bytes.
            (u128::from_be_bytes(first), u64::from_be_bytes(last), row)
        });
        let mut series: Vec<_> = ids.collect();
        series.sort_unstable();
        let join = |(first, last, row): (u128, u64, u32)| {
            let mut id = [0; SeriesId::LENGTH];
            id[..16].copy_from_slice(&first.to_be_bytes());
            id[16..].copy_from_slice(&last.to_be_bytes());
            (SeriesId(id), row)
        };
        series.into_iter().map(join).collect()
    }

    /// Writes the scopes of the series, and names.
    fn write_identities(
        &self,
        scopes: &EncodedScopes,
        series: &[(SeriesId, u32)],
        out: &mut RunWriter,
    ) -> Result<(), RunError> {
        out.begin(Section::Series)?;
        for same_scope in series.chunk_by(|a, b| a.0.scope() == b.0.scope()) {
            let (id, row) = same_scope[0];
            let scope = self.series[row as usize].scope;
            out.put(&id.scope().0, &scopes.0[scope as usize].1)?;
        }
        out.begin(Section::Names)?;
        self.files.each_name(&self.interner, |key, value| out.put(key, value))?;
        self.names.each_sorted(NameKind::Host, &self.interner, |key, value| out.put(key, value))?;
        let nobody = NameGivers::default().encode();
        let texts = self.files.hashes().map(|hash| FileHashKey { hash: self.interner.get(hash).to_owned() }.encode());
        let mut texts: Vec<_> = texts.collect();
        texts.sort_unstable();
        texts.iter().try_for_each(|key| out.put(key, &nobody))?;
        self.names.each_sorted(NameKind::String, &self.interner, |key, value| out.put(key, value))
    }

    fn write_rows(&mut self, series: &[(SeriesId, u32)], out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Rows)?;
        self.rows.finish(&mut CellEncoder { interner: &self.interner, orders: &mut self.orders });
        let mut values = self.rows.encoded().values();
        for &(id, row) in series {
            values.become_of(self.rows.chain(row));
            for (bucket, value) in &mut values {
                out.put(&RowKey { series: id, bucket }.encode(), value)?;
            }
        }
        Ok(())
    }

    fn write_telemetry(&mut self, out: &mut RunWriter) -> Result<(), RunError> {
        out.begin(Section::Telemetry)?;
        let text = |symbol| self.interner.get(symbol);
        self.telemetry.finish(&mut CellEncoder { interner: &self.interner, orders: &mut self.orders });
        let mut counters: Vec<(Vec<u8>, u32)> = self
            .counters
            .iter()
            .map(|(key, &series)| {
                let extra = key.extra.iter().map(|&extra| text(extra));
                (TelemetryKey::prefix_of(text(key.host_hash), text(key.name), text(key.cat), key.pid, extra), series)
            })
            .collect();
        counters.sort_unstable();
        let mut values = self.telemetry.encoded().values();
        for (mut key, series) in counters {
            let prefix = key.len();
            values.become_of(self.telemetry.chain(series));
            for (bucket, value) in &mut values {
                key.truncate(prefix);
                key.extend_from_slice(&bucket.to_be_bytes());
                out.put(&key, value)?;
            }
        }
        Ok(())
    }

    fn scope(&self, key: &ScopeKey) -> SeriesIdentity<&str> {
        let text = |symbol| self.interner.get(symbol);
        SeriesIdentity {
            kind: key.kind,
            category: text(key.cat),
            name: text(key.name),
            pid: key.pid,
            tid: key.tid,
            host_hash: text(key.host_hash),
            file_hash: "",
            extra: key.extra.iter().map(|&symbol| text(symbol)).collect(),
        }
    }
}
