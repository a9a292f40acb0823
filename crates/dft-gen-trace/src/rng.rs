//! A seeded stream of random numbers that never changes: splitmix64.
//!
//! Published crates may change their streams between versions, but the trace of a seed must stay the same. The
//! constants are those of Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014), section 5.

/// A stream of random numbers.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// Creates the stream of `seed`. Streams of different `lane`s are independent, so that the bytes of a file depend
    /// neither on the thread that writes it nor on the number of files.
    pub(crate) fn new(seed: u64, lane: u64) -> Self {
        Self(mix(seed) ^ mix(lane.wrapping_add(0x5851_f42d_4c95_7f2d)))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Returns a number in `0..n`; 0 for `n` = 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// Returns a number in `low..=high`.
    pub(crate) fn within(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Returns true once in `n` times on average.
    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Returns one item of a non-empty list.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for end in (1..list.len()).rev() {
            list.swap(end, self.below(end as u64 + 1) as usize);
        }
    }
}

/// The finalizer of splitmix64: a bijection on 64 bits, also used as a hash.
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a followed by [`mix`]: the 64-bit hash of a name in the generated traces.
pub(crate) fn hash(name: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325u64;
    mix(name.bytes().fold(start, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// If this fails, the trace of every seed has changed.
    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut rng = Rng(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| rng.next()).collect();
        // Java's SplittableRandom and the public C version give the same numbers for this seed.
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn numbers_stay_within_their_range() {
        let mut rng = Rng::new(1, 2);
        let seen: Vec<u64> = (0..1000).map(|_| rng.within(3, 5)).collect();
        assert!(seen.iter().all(|n| (3..=5).contains(n)));
        assert!((3..=5).all(|n| seen.contains(&n)));
    }
}
