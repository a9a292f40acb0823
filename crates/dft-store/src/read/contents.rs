//! A hash of what an index holds.

use dft_codec::FORMAT_VERSION;
use xxhash_rust::xxh3::xxh3_128;

use crate::error::StoreError;
use crate::read::index::Index;

impl Index {
    /// Returns a hash of what the index holds: the text of each trace, how far it was read, and the configuration. The
    /// hash does not depend on where the traces lie, how they are compressed, or how the work was divided.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn contents(&self) -> Result<u128, StoreError> {
        let mut traces = 0_u128;
        // A trace without a record adds nothing.
        for (_, entry) in self.files()?.into_iter().filter(|(_, entry)| entry.counts.understood() > 0) {
            let (text, read) = (entry.identity.text, entry.consumed.text);
            let mut trace = format!("{text:?} {read} {:?}", entry.counts).into_bytes();
            if !entry.is_of_file() {
                // Nothing identifies records that came without a trace, so they are equal only in the same generation.
                trace.extend(self.seal().hash().to_be_bytes());
            }
            // A sum does not depend on the order.
            traces = traces.wrapping_add(xxh3_128(&trace));
        }
        let mut all = format!("{FORMAT_VERSION} {traces:032x} ").into_bytes();
        all.extend(self.bounds().map(|bounds| bounds.encode()).unwrap_or_default());
        all.extend(self.config().encode());
        Ok(xxh3_128(&all))
    }
}
