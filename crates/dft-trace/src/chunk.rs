//! Classifies sixteen bytes of text at once.

/// The size of a chunk in bytes.
pub(crate) const CHUNK: usize = 16;

/// Returns a bit mask, lowest bit first, of the bytes that end or complicate a string: quotes,
/// backslashes, control characters.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn specials(chunk: &[u8; CHUNK]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};
    // SAFETY: these are SSE2, which every x86_64 processor has.
    unsafe {
        let bytes = loaded(chunk);
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"' as i8));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\' as i8));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)) as u32
    }
}

/// Returns a bit mask, lowest bit first, of the bytes that are not digits.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn others_than_digits(chunk: &[u8; CHUNK]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_set1_epi8, _mm_sub_epi8};
    // SAFETY: these are SSE2, which every x86_64 processor has.
    unsafe {
        let values = _mm_sub_epi8(loaded(chunk), _mm_set1_epi8(b'0' as i8));
        let digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
        !_mm_movemask_epi8(digits) as u32 & 0xffff
    }
}

/// Returns a bit mask, lowest bit first, of the bytes that equal those of the other chunk.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn equals(chunk: &[u8; CHUNK], other: &[u8; CHUNK]) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8};
    // SAFETY: these are SSE2, which every x86_64 processor has.
    unsafe { _mm_movemask_epi8(_mm_cmpeq_epi8(loaded(chunk), loaded(other))) as u32 }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn loaded(chunk: &[u8; CHUNK]) -> std::arch::x86_64::__m128i {
    // SAFETY: the load needs no alignment and reads the sixteen bytes of the chunk; it is SSE2, which
    // every x86_64 processor has.
    unsafe { std::arch::x86_64::_mm_loadu_si128(chunk.as_ptr().cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use plain::{equals, others_than_digits, specials};

/// The same functions, byte by byte.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod plain {
    use super::CHUNK;

    pub(crate) fn specials(chunk: &[u8; CHUNK]) -> u32 {
        marked(chunk, |byte| byte == b'"' || byte == b'\\' || byte < 0x20)
    }

    pub(crate) fn others_than_digits(chunk: &[u8; CHUNK]) -> u32 {
        marked(chunk, |byte| !byte.is_ascii_digit())
    }

    pub(crate) fn equals(chunk: &[u8; CHUNK], other: &[u8; CHUNK]) -> u32 {
        chunk.iter().zip(other).rev().fold(0, |bits, (byte, other)| bits << 1 | u32::from(byte == other))
    }

    fn marked(chunk: &[u8; CHUNK], is: impl Fn(u8) -> bool) -> u32 {
        chunk.iter().rev().fold(0, |bits, &byte| bits << 1 | u32::from(is(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_classified_like_single_bytes() {
        for usual in [b'a', b'5', b'"', 0xff] {
            for at in 0..CHUNK {
                for byte in 0..=u8::MAX {
                    let mut chunk = [usual; CHUNK];
                    chunk[at] = byte;
                    assert_eq!(specials(&chunk), plain::specials(&chunk), "{byte} at {at}");
                    assert_eq!(others_than_digits(&chunk), plain::others_than_digits(&chunk), "{byte} at {at}");
                    let other = [usual; CHUNK];
                    assert_eq!(equals(&chunk, &other), plain::equals(&chunk, &other), "{byte} at {at}");
                }
            }
        }
    }
}
