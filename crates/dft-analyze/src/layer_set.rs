//! Sets of layers.

/// A set of layers by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LayerSet([u64; Self::WORDS]);

impl LayerSet {
    const WORDS: usize = 4;

    /// The most layers.
    pub(crate) const MOST: usize = 64 * Self::WORDS;

    pub(crate) fn insert(&mut self, layer: usize) {
        self.0[layer / 64] |= 1 << (layer % 64);
    }

    pub(crate) fn remove(&mut self, layer: usize) {
        self.0[layer / 64] &= !(1 << (layer % 64));
    }

    #[inline]
    pub(crate) fn has(&self, layer: usize) -> bool {
        self.0[layer / 64] >> (layer % 64) & 1 != 0
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Whether the sets have a layer in common.
    #[inline]
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// Adds the layers of another set.
    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// Removes the layers from `end` on.
    pub(crate) fn keep_below(&mut self, end: usize) {
        self.0.iter_mut().enumerate().for_each(|(at, word)| {
            let below = end.saturating_sub(64 * at);
            if below < 64 {
                *word &= (1 << below) - 1;
            }
        });
    }

    /// Returns the layers, ascending.
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(at, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(64 * at + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_layers_that_were_inserted() {
        let mut set = LayerSet::default();
        assert!(set.is_empty());
        for layer in [0, 63, 64, 255, 100] {
            set.insert(layer);
        }
        set.remove(100);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 255]);
        assert!(set.has(63) && !set.has(62) && !set.has(100));
        let mut other = LayerSet::default();
        other.insert(100);
        assert!(!set.meets(&other));
        other.add(&set);
        assert!(set.meets(&other) && other.has(100) && other.has(255));
    }
}
