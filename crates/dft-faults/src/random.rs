//! Pseudo-random numbers from a seed.

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(u64);

impl Random {
    /// Creates the generator for a case of a seed. The numbers of different cases are unrelated.
    pub(crate) fn new(seed: u64, case: &str) -> Self {
        // FNV-1a gives a case the same numbers in every build.
        let hash = case
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        Self(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `below`, which must not be 0.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        (self.next() % below as u64) as usize
    }

    /// Returns true once in `times` calls on average.
    pub(crate) fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Returns up to `number` items of a vector, in random order.
    pub(crate) fn sample<T>(&mut self, mut from: Vec<T>, number: usize) -> Vec<T> {
        let number = number.min(from.len());
        for at in 0..number {
            let other = at + self.below(from.len() - at);
            from.swap(at, other);
        }
        from.truncate(number);
        from
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_always_has_the_same_numbers_and_a_sample_has_no_duplicates() {
        let numbers = |case: &str| {
            (0..4)
                .map({
                    let mut random = Random::new(7, case);
                    move |_| random.next()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers("a"), numbers("a"));
        assert_ne!(numbers("a"), numbers("b"));
        let mut sample = Random::new(1, "c").sample((0..100).collect(), 40);
        sample.sort_unstable();
        sample.dedup();
        assert_eq!(sample.len(), 40);
    }
}
