//! The literal text of a node of a layout, and the length of the value after it.

use crate::window::{Lanes, WINDOW, Window};

/// Up to 32 bytes, compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    bytes: Window,
    /// A bit for each byte of the literal.
    mask: u32,
}

impl Literal {
    /// Creates a literal of at most [`WINDOW`] bytes.
    pub(crate) fn new(text: &[u8]) -> Self {
        let mut bytes = [0; WINDOW];
        bytes[..text.len()].copy_from_slice(text);
        let mask = 1_u64.unbounded_shl(text.len() as u32).wrapping_sub(1) as u32;
        Self { bytes, mask }
    }

    #[inline(always)]
    pub(crate) fn length(&self) -> usize {
        self.mask.count_ones() as usize
    }

    #[inline(always)]
    pub(crate) fn starts(&self, text: &Window, lanes: impl Lanes) -> bool {
        lanes.equals(text, &self.bytes) & self.mask == self.mask
    }
}

/// The last length of the values of a node. The next value mostly has the same, and if the branch is predicted, the
/// processor continues without waiting for the current value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    length: u32,
    /// The bit at which the value ends.
    end: u32,
    /// That bit and the lower ones.
    mask: u32,
}

impl Length {
    pub(crate) fn new(length: u32) -> Self {
        let end = 1_u32.checked_shl(length).unwrap_or(0);
        Self { length, end, mask: end | end.wrapping_sub(1) }
    }

    /// Returns the length of a value; 32 if it does not end within the window. `ends` has a bit for each byte that may
    /// end it.
    #[inline(always)]
    pub(crate) fn of(&mut self, ends: u32) -> usize {
        if ends & self.mask != self.end {
            *self = Self::new(ends.trailing_zeros());
        }
        self.length as usize
    }
}
