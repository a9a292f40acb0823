//! Metadata: names for hashes, and the processes that gave them.

use dft_codec::{NameKind, ProcessId};
use dft_trace::{ArgKey, Integer, Record, Value};

use crate::aggregator::Aggregator;

impl Aggregator {
    pub(crate) fn metadata(&mut self, record: &Record<'_>) {
        let kind = match record.name {
            Value::Text(b"FH") => NameKind::File,
            Value::Text(b"HH") => NameKind::Host,
            Value::Text(b"SH") => NameKind::String,
            _ => return,
        };
        let has = |key| record.args.iter().any(|arg| arg.key == key);
        if has(ArgKey::Name) && has(ArgKey::Value) {
            let giver = self.giver_of(record);
            let (hash, name) = (record.arg(ArgKey::Value).text(), record.arg(ArgKey::Name).text());
            if kind == NameKind::File {
                self.files.add_name(&hash, &name, giver, &mut self.interner);
            } else {
                self.names.add(kind, self.interner.intern(&hash), self.interner.intern(&name), giver);
            }
        }
    }

    /// Returns the process of a record that gives a name, if it is known.
    pub(crate) fn giver_of(&mut self, record: &Record<'_>) -> Option<ProcessId> {
        let mut host_hash = record.arg(ArgKey::Hhash);
        if !host_hash.has_text() {
            host_hash = record.arg(ArgKey::Hostname);
        }
        let Integer::Some(pid) = record.pid.integer() else { return None };
        let process = (self.interner.intern(&host_hash.text()), pid);
        if let Some((last, giver)) = self.last_giver
            && last == process
        {
            return Some(giver);
        }
        let giver = ProcessId::of(self.interner.get(process.0), pid);
        self.last_giver = Some((process, giver));
        Some(giver)
    }
}
