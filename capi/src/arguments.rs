//! Arguments from C, which are checked as far as possible before they are used.

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::status::{DFT_TOO_LARGE, Failure};

/// A text: any bytes, without a terminating zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_text {
    /// The first byte. May be NULL if `length` is 0.
    pub data: *const c_char,
    /// The length in bytes.
    pub length: u64,
}

impl Default for dft_text {
    fn default() -> Self {
        Self { data: std::ptr::null(), length: 0 }
    }
}

impl dft_text {
    /// Returns a text that is valid as long as `text` is.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), length: bytes.len() as u64 }
    }

    /// Returns the bytes. The caller must keep them valid during the call.
    #[inline]
    pub(crate) fn bytes<'a>(self, name: &str) -> Result<&'a [u8], Failure> {
        list(name, self.data.cast::<u8>(), self.length)
    }

    pub(crate) fn utf8<'a>(self, name: &str) -> Result<&'a str, Failure> {
        std::str::from_utf8(self.bytes(name)?).map_err(|_| Failure::argument(format!("{name} is not UTF-8")))
    }

    pub(crate) fn path<'a>(self, name: &str) -> Result<&'a Path, Failure> {
        match self.bytes(name)? {
            [] => Err(Failure::argument(format!("{name} is empty"))),
            bytes => Ok(Path::new(OsStr::from_bytes(bytes))),
        }
    }
}

/// A list of texts for the caller, with the strings that they point to.
pub(crate) struct TextList {
    texts: Vec<dft_text>,
    _owned: Vec<String>,
}

// SAFETY: the texts point to strings that the list owns and that do not change.
unsafe impl Send for TextList {}

// SAFETY: as above; the strings are only read.
unsafe impl Sync for TextList {}

impl TextList {
    pub(crate) fn of(owned: Vec<String>) -> Self {
        // Moving a string does not move its text.
        Self { texts: owned.iter().map(|text| dft_text::of(text)).collect(), _owned: owned }
    }

    pub(crate) fn as_ptr(&self) -> *const dft_text {
        self.texts.as_ptr()
    }

    pub(crate) fn length(&self) -> u64 {
        self.texts.len() as u64
    }
}

/// A buffer of the caller for bytes that a function writes, without a terminating zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_buffer {
    /// The first byte. May be NULL if `capacity` is 0.
    pub data: *mut c_char,
    /// The size of the buffer in bytes.
    pub capacity: u64,
    /// Receives the length of the result in bytes, even if the result does not fit.
    pub length: u64,
}

/// Writes bytes to a caller's buffer if they fit, and their length in any case.
pub(crate) fn write(name: &str, bytes: &[u8], buffer: *mut dft_buffer) -> Result<(), Failure> {
    let buffer = out(name, buffer)?;
    // The checks are the same as for a list that is read.
    list(name, buffer.data.cast_const(), buffer.capacity)?;
    buffer.length = bytes.len() as u64;
    if bytes.len() as u64 > buffer.capacity {
        let message = format!("the buffer is too small: {} bytes are needed", bytes.len());
        return Err(Failure::new(DFT_TOO_LARGE, message));
    }
    if !bytes.is_empty() {
        // SAFETY: the bytes fit in `capacity`. The caller must ensure that `data` has `capacity` writable bytes. It does
        // not overlap `bytes`, which this library owns.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.data.cast(), bytes.len()) };
    }
    Ok(())
}

/// Returns a list of texts as paths.
pub(crate) fn paths(name: &str, data: *const dft_text, length: u64) -> Result<Vec<PathBuf>, Failure> {
    list(name, data, length)?.iter().map(|text| text.path(name).map(Path::to_owned)).collect()
}

#[cold]
fn bad(name: &str, what: &str) -> Failure {
    Failure::argument(format!("{name} {what}"))
}

/// Returns a list. The caller must keep it valid during the call.
#[inline]
pub(crate) fn list<'a, T>(name: &str, data: *const T, length: u64) -> Result<&'a [T], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(bad(name, "is NULL, but its length is not 0"));
    }
    if !data.is_aligned() {
        return Err(bad(name, "is misaligned"));
    }
    let bytes = usize::try_from(length).ok().and_then(|length| length.checked_mul(size_of::<T>()));
    match bytes {
        Some(bytes) if isize::try_from(bytes).is_ok() => {
            // SAFETY: `data` is not NULL, is aligned, and the list is not longer than an object can be. The caller must
            // ensure that it has `length` elements and stays valid during the call.
            Ok(unsafe { std::slice::from_raw_parts(data, length as usize) })
        }
        _ => Err(bad(name, "is too long: a list has less than 2^63 bytes")),
    }
}

/// Returns a place to write to. The caller must keep it valid during the call.
#[inline]
pub(crate) fn out<'a, T>(name: &str, place: *mut T) -> Result<&'a mut T, Failure> {
    if place.is_null() {
        return Err(bad(name, "is NULL"));
    }
    if !place.is_aligned() {
        return Err(bad(name, "is misaligned"));
    }
    // SAFETY: `place` is not NULL and is aligned. The caller must ensure that it is writable, large enough for a `T`,
    // and not used by others during the call. Every `T` here is plain data.
    Ok(unsafe { &mut *place })
}

/// A struct that starts with its size, so that it can grow at its end. Its default is all zeros, except the size.
///
/// # Safety
///
/// The type is `repr(C)`, starts with a `u64` that is its size, and consists of numbers, pointers and optional
/// functions, so that zeros, and whatever else a caller may pass, are a valid value of it.
pub(crate) unsafe trait Growing: Default + Copy {}

/// Declares structs that start with their size. See [`Growing`].
macro_rules! growing {
    ($($name:ty),*) => {
        $(
            const _: () = assert!(std::mem::offset_of!($name, size) == 0);

            // SAFETY: the size is the first field, and the types of the C ABI have no other fields than `Growing` allows.
            unsafe impl crate::arguments::Growing for $name {}

            impl Default for $name {
                fn default() -> Self {
                    Self { size: size_of::<Self>() as u64, ..crate::arguments::zeros() }
                }
            }
        )*
    };
}
pub(crate) use growing;

/// Returns a struct of zeros.
#[inline]
pub(crate) fn zeros<T: Growing>() -> T {
    // SAFETY: zeros are a valid value of every `Growing` type.
    unsafe { std::mem::zeroed() }
}

/// Reads a struct that starts with its size. Fields that an older caller does not have get their defaults.
#[inline]
pub(crate) fn given<T: Growing>(name: &str, place: *const T) -> Result<T, Failure> {
    let size = size_at(name, place.cast())?;
    if size >= size_of::<T>() as u64 {
        // SAFETY: `place` is not NULL and is aligned. The caller must ensure that `size` bytes are
        // readable, which is a whole `T`.
        return Ok(unsafe { place.read() });
    }
    let mut value = T::default();
    let known = (size as usize).min(size_of::<T>());
    // SAFETY: the caller must ensure that `size` bytes are readable. No more bytes than `value` has are copied, and any
    // bytes are a valid `T`.
    unsafe { std::ptr::copy_nonoverlapping(place.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    Ok(value)
}

/// Reads a list of structs that start with their size. All have the size of the first.
pub(crate) fn given_list<T: Growing>(name: &str, data: *const T, length: u64) -> Result<Vec<T>, Failure> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let size = size_at(name, data.cast())?;
    if !size.is_multiple_of(align_of::<T>() as u64) {
        return Err(bad(name, "has structs with an invalid `size`: set `size` of each to its sizeof"));
    }
    // Checks the length in bytes.
    list(name, data.cast::<u8>(), length.saturating_mul(size))?;
    let one = |at: u64| {
        // SAFETY: the offset is within the list. The caller must ensure that the list has `length` elements.
        let place = unsafe { data.byte_add((at * size) as usize) };
        if size_at(name, place.cast())? == size {
            given(name, place)
        } else {
            Err(bad(name, "has structs of several sizes: set `size` of each to its sizeof"))
        }
    };
    (0..length).map(one).collect()
}

/// Writes a struct that starts with its size to the caller's, up to the caller's size.
pub(crate) fn give<T: Growing>(name: &str, place: *mut T, value: &T) -> Result<(), Failure> {
    let size = size_at(name, place.cast_const().cast())?;
    let known = (size as usize).min(size_of::<T>());
    let skip = size_of::<u64>();
    // SAFETY: the caller must ensure that `size` bytes are writable. The size itself is not overwritten.
    unsafe {
        let from = (&raw const *value).cast::<u8>().add(skip);
        std::ptr::copy_nonoverlapping(from, place.cast::<u8>().add(skip), known - skip);
    }
    Ok(())
}

/// Checks a place for a struct that starts with its size, before the work whose result is written there. It may be
/// NULL.
pub(crate) fn check_place<T: Growing>(name: &str, place: *const T) -> Result<(), Failure> {
    if place.is_null() { Ok(()) } else { size_at(name, place.cast()).map(drop) }
}

fn size_at(name: &str, place: *const u64) -> Result<u64, Failure> {
    if place.is_null() {
        return Err(bad(name, "is NULL"));
    }
    if !place.is_aligned() {
        return Err(bad(name, "is misaligned"));
    }
    // SAFETY: `place` is not NULL and is aligned. Every such struct starts with its size.
    let size = unsafe { place.read() };
    if size < size_of::<u64>() as u64 || size > 1 << 16 {
        return Err(bad(name, "has an invalid `size`: set `size` to its sizeof before the call"));
    }
    Ok(size)
}
