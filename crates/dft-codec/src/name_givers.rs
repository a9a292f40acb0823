//! The value of a name: the processes that gave it.

use xxhash_rust::xxh3::Xxh3;

use crate::VALUE_VERSION;
use crate::bytes::{DecodeError, Reader, put_varint};

/// A hash of a process and its host. It is the same on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(u64);

impl ProcessId {
    /// Returns the id of a process. `host_hash` is empty if the host is not known.
    pub fn of(host_hash: &str, pid: i64) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&pid.to_le_bytes());
        hash.update(host_hash.as_bytes());
        Self(hash.digest())
    }
}

/// The processes that gave a name to a hash. If a hash has several names, a process means the name that it gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NameGivers {
    /// Sorted and unique.
    processes: Vec<ProcessId>,
}

impl NameGivers {
    /// Removes all processes.
    pub fn clear(&mut self) {
        self.processes.clear();
    }

    /// Tells whether a process gave the name.
    pub fn contains(&self, process: ProcessId) -> bool {
        self.processes.binary_search(&process).is_ok()
    }

    /// Adds the processes of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.extend(other.processes.iter().copied());
    }

    /// Encodes the processes: version, varint number, then the ids, 8 bytes each, big-endian, ascending.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + 8 * self.processes.len());
        self.encode_into(&mut out);
        out
    }

    /// Appends what [`NameGivers::encode`] returns.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(VALUE_VERSION);
        self.put_processes(out);
    }

    /// Appends the processes without a version.
    pub(crate) fn put_processes(&self, out: &mut Vec<u8>) {
        put_varint(out, self.processes.len() as u128);
        self.processes.iter().for_each(|process| out.extend_from_slice(&process.0.to_be_bytes()));
    }

    /// Decodes processes.
    ///
    /// # Errors
    ///
    /// If the bytes are not the output of [`NameGivers::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.version(VALUE_VERSION)?;
        let givers = Self::take_processes(&mut reader)?;
        reader.finish()?;
        Ok(givers)
    }

    /// Reads processes without a version.
    pub(crate) fn take_processes(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let number = reader.count_of(8)?;
        let mut processes: Vec<ProcessId> = Vec::with_capacity(number);
        for _ in 0..number {
            let process = ProcessId(u64::from_be_bytes(reader.array()?));
            if processes.last().is_some_and(|last| *last >= process) {
                return Err(DecodeError::Invalid("processes are out of order"));
            }
            processes.push(process);
        }
        Ok(Self { processes })
    }
}

impl Extend<ProcessId> for NameGivers {
    fn extend<I: IntoIterator<Item = ProcessId>>(&mut self, processes: I) {
        self.processes.extend(processes);
        if self.processes.len() > 1 {
            self.processes.sort_unstable();
            self.processes.dedup();
        }
    }
}
