//! Compares and classifies thirty-two bytes of text at once.

use crate::chunk::{self, CHUNK};

/// The size of a window in bytes: more than most literals and most values have.
pub(crate) const WINDOW: usize = 2 * CHUNK;

/// A piece of a line that is processed at once.
pub(crate) type Window = [u8; WINDOW];

/// The operations on windows, by the features of the processor.
pub(crate) trait Lanes: Copy {
    /// Returns a bit mask, lowest bit first, of the bytes that equal those of the other window.
    fn equals(self, window: &Window, other: &Window) -> u32;

    /// Returns a bit mask, lowest bit first, of the bytes that end or complicate a string: quotes,
    /// backslashes, control characters.
    fn specials(self, window: &Window) -> u32;
}

/// Two chunks, one after the other, for every processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunks;

fn halves(window: &Window) -> [&[u8; CHUNK]; 2] {
    let (halves, _) = window.as_chunks();
    [&halves[0], &halves[1]]
}

impl Lanes for Chunks {
    #[inline(always)]
    fn equals(self, window: &Window, other: &Window) -> u32 {
        let ([first, second], [other, another]) = (halves(window), halves(other));
        chunk::equals(first, other) | chunk::equals(second, another) << CHUNK
    }

    #[inline(always)]
    fn specials(self, window: &Window) -> u32 {
        let [first, second] = halves(window);
        chunk::specials(first) | chunk::specials(second) << CHUNK
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use wide::Wide;

#[cfg(target_arch = "x86_64")]
mod wide {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };

    use super::{Lanes, Window};

    /// Whole windows, by AVX2. A value exists only if the processor has AVX2, BMI1 and BMI2.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct Wide(());

    impl Wide {
        /// Returns a value if the processor has the features.
        pub(crate) fn detect() -> Option<Self> {
            let detected = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2");
            detected.then_some(Self(()))
        }
    }

    impl Lanes for Wide {
        #[inline(always)]
        fn equals(self, window: &Window, other: &Window) -> u32 {
            // SAFETY: a `Wide` exists only if the processor has AVX2.
            unsafe { equals(window, other) }
        }

        #[inline(always)]
        fn specials(self, window: &Window) -> u32 {
            // SAFETY: a `Wide` exists only if the processor has AVX2.
            unsafe { specials(window) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn equals(window: &Window, other: &Window) -> u32 {
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(loaded(window), loaded(other))) as u32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn specials(window: &Window) -> u32 {
        let bytes = loaded(window);
        let quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'"' as i8));
        let backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\\' as i8));
        let control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1f)), bytes);
        _mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quote, backslash), control)) as u32
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn loaded(window: &Window) -> __m256i {
        // SAFETY: the load needs no alignment and reads the bytes of the window.
        unsafe { _mm256_loadu_si256(window.as_ptr().cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn windows_are_classified_like_chunks() {
        // Without AVX2, there is nothing to compare.
        let Some(wide) = Wide::detect() else { return };
        for usual in [b'a', b'5', b'"', 0xff] {
            for at in 0..WINDOW {
                for byte in 0..=u8::MAX {
                    let (mut window, other) = ([usual; WINDOW], [usual; WINDOW]);
                    window[at] = byte;
                    assert_eq!(wide.specials(&window), Chunks.specials(&window), "{byte} at {at}");
                    assert_eq!(wide.equals(&window, &other), Chunks.equals(&window, &other), "{byte} at {at}");
                }
            }
        }
    }
}
