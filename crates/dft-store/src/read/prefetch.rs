//! Rows that one thread reads and another walks.

use std::fmt;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

use dft_codec::{RowKey, SeriesId};

use crate::error::StoreError;
use crate::read::scan::RowScan;

/// The size of the entries that are passed at once, in bytes.
const PACKET: usize = 256 << 10;

/// How many packets are read ahead of the one being walked.
const AHEAD: usize = 4;

/// The rows of some consecutive entries.
#[derive(Default)]
struct Packet {
    entries: Vec<u8>,
    /// Keys, and the positions of their values in the entries.
    rows: Vec<(RowKey, Range<usize>)>,
}

/// Walks rows in key order that another thread reads.
pub struct RowPrefetch {
    packets: Receiver<Result<Packet, StoreError>>,
    packet: Packet,
    /// The position of the next row in the packet.
    next: usize,
    /// Rows before this series are skipped.
    from: Option<SeriesId>,
}

impl fmt::Debug for RowPrefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowPrefetch").field("from", &self.from).finish_non_exhaustive()
    }
}

impl<'a> RowScan<'a> {
    /// Splits the scan into a reader, for a thread of its own, and a walker. The reader stays at most about a mebibyte
    /// ahead, and ends with the rows or with the walk.
    pub fn ahead(mut self) -> (impl FnOnce() + Send + 'a, RowPrefetch) {
        let (sender, packets) = sync_channel(AHEAD);
        let read = move || {
            loop {
                let packet = self.packet();
                let ended = packet.as_ref().map_or(true, |packet| packet.rows.is_empty());
                // The send fails if the walk has ended.
                if sender.send(packet).is_err() || ended {
                    return;
                }
            }
        };
        (read, RowPrefetch { packets, packet: Packet::default(), next: 0, from: None })
    }

    /// Reads the next packet; it has no rows at the end.
    fn packet(&mut self) -> Result<Packet, StoreError> {
        let mut packet = Packet { entries: Vec::with_capacity(PACKET + PACKET / 8), rows: Vec::new() };
        let Packet { entries, rows } = &mut packet;
        while entries.len() < PACKET {
            let (start, before) = (entries.len(), rows.len());
            match self.next_entry(|key, place| rows.push((key, start + place.start..start + place.end)))? {
                Some(entry) if rows.len() > before => entries.extend_from_slice(entry),
                Some(_) => {}
                None => break,
            }
        }
        Ok(packet)
    }
}

impl RowPrefetch {
    /// Moves to the first row of `series`, or of the first series after it.
    pub fn seek(&mut self, series: SeriesId) {
        self.from = Some(series);
    }

    /// Returns the next row's key and value; `None` at the end.
    ///
    /// # Errors
    ///
    /// If the index cannot be read, or a value cannot be merged.
    #[expect(clippy::should_implement_trait, reason = "what it lends ends with the next step")]
    pub fn next(&mut self) -> Result<Option<(RowKey, &[u8])>, StoreError> {
        loop {
            let Some((key, place)) = self.packet.rows.get(self.next).cloned() else {
                // A reader that has ended sent everything.
                let Ok(packet) = self.packets.recv() else { return Ok(None) };
                (self.packet, self.next) = (packet?, 0);
                if self.packet.rows.is_empty() {
                    return Ok(None);
                }
                continue;
            };
            self.next += 1;
            if self.from.is_none_or(|from| from <= key.series) {
                self.from = None;
                return Ok(Some((key, &self.packet.entries[place])));
            }
        }
    }
}
