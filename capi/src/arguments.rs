//! Arguments from C: checked as far as they can be before they are believed.

use std::ffi::{OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::status::Failure;

/// A text: any bytes, not ended by a zero. `data` may be NULL where `length` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct dft_text {
    /// The first byte.
    pub data: *const c_char,
    /// How many bytes there are.
    pub length: u64,
}

impl Default for dft_text {
    fn default() -> Self {
        Self { data: std::ptr::null(), length: 0 }
    }
}

impl dft_text {
    /// A text that lives as long as what it is of.
    pub(crate) fn of(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self { data: bytes.as_ptr().cast(), length: bytes.len() as u64 }
    }

    /// The bytes, which the caller keeps for as long as the call.
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

/// The texts of a list, as paths.
pub(crate) fn paths(name: &str, data: *const dft_text, length: u64) -> Result<Vec<PathBuf>, Failure> {
    list(name, data, length)?.iter().map(|text| text.path(name).map(Path::to_owned)).collect()
}

#[cold]
fn bad(name: &str, what: &str) -> Failure {
    Failure::argument(format!("{name} is {what}"))
}

/// A list, which the caller keeps for as long as the call.
#[inline]
pub(crate) fn list<'a, T>(name: &str, data: *const T, length: u64) -> Result<&'a [T], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(bad(name, "NULL, though its length is not 0"));
    }
    if !data.is_aligned() {
        return Err(bad(name, "misaligned"));
    }
    let bytes = usize::try_from(length).ok().and_then(|length| length.checked_mul(size_of::<T>()));
    match bytes {
        Some(bytes) if isize::try_from(bytes).is_ok() => {
            // SAFETY: it is neither NULL nor misaligned, and no longer than any object; that so much is
            // there, and stays for the call, is the caller's word, by the rules of the ABI.
            Ok(unsafe { std::slice::from_raw_parts(data, length as usize) })
        }
        _ => Err(bad(name, "longer than any list can be")),
    }
}

/// A place to write to, which the caller keeps for as long as the call.
#[inline]
pub(crate) fn out<'a, T>(name: &str, place: *mut T) -> Result<&'a mut T, Failure> {
    if place.is_null() {
        return Err(bad(name, "NULL"));
    }
    if !place.is_aligned() {
        return Err(bad(name, "misaligned"));
    }
    // SAFETY: it is neither NULL nor misaligned; that it is a place for a `T` which nobody else uses
    // during the call is the caller's word, by the rules of the ABI. Every `T` here is plain data.
    Ok(unsafe { &mut *place })
}

/// A struct that starts with its size, so that it can grow.
///
/// # Safety
///
/// The type is `repr(C)`, starts with a `u64` that is its size, and any bytes are a value of it.
pub(crate) unsafe trait Growing: Default + Copy {}

/// What the caller gives in a struct that starts with its size: what it does not know of is as by default.
#[inline]
pub(crate) fn given<T: Growing>(name: &str, place: *const T) -> Result<T, Failure> {
    let size = size_at(name, place.cast())?;
    if size >= size_of::<T>() as u64 {
        // SAFETY: neither NULL nor misaligned, and by the caller's word a whole `T` is there.
        return Ok(unsafe { place.read() });
    }
    let mut value = T::default();
    let known = (size as usize).min(size_of::<T>());
    // SAFETY: the caller's word is that `size` bytes are there, and no more than those of a `T` are
    // copied, of which any bytes are a value.
    unsafe { std::ptr::copy_nonoverlapping(place.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    Ok(value)
}

/// What the caller gives in a list of structs that start with their size, which is that of the first.
pub(crate) fn given_list<T: Growing>(name: &str, data: *const T, length: u64) -> Result<Vec<T>, Failure> {
    if length == 0 {
        return Ok(Vec::new());
    }
    let size = size_at(name, data.cast())?;
    if !size.is_multiple_of(align_of::<T>() as u64) {
        return Err(bad(name, "of structs of no size that they can have: set their sizes first"));
    }
    // That it is no longer than any list can be.
    list(name, data.cast::<u8>(), length.saturating_mul(size))?;
    let one = |at: u64| {
        // SAFETY: it is within the list, of which so much is there by the caller's word.
        let place = unsafe { data.byte_add((at * size) as usize) };
        if size_at(name, place.cast())? == size {
            given(name, place)
        } else {
            Err(bad(name, "of structs of several sizes: set the size of each"))
        }
    };
    (0..length).map(one).collect()
}

/// Gives the caller a struct that starts with its size: as much of it as the caller knows of.
pub(crate) fn give<T: Growing>(name: &str, place: *mut T, value: &T) -> Result<(), Failure> {
    let size = size_at(name, place.cast_const().cast())?;
    let known = (size as usize).min(size_of::<T>());
    let skip = size_of::<u64>();
    // SAFETY: the caller's word is that `size` bytes are there to be written to; the size itself stays.
    unsafe {
        let from = (&raw const *value).cast::<u8>().add(skip);
        std::ptr::copy_nonoverlapping(from, place.cast::<u8>().add(skip), known - skip);
    }
    Ok(())
}

/// Checks a place that may be NULL for a struct that starts with its size, before the work whose result
/// goes there.
pub(crate) fn check_place<T: Growing>(name: &str, place: *const T) -> Result<(), Failure> {
    if place.is_null() { Ok(()) } else { size_at(name, place.cast()).map(drop) }
}

fn size_at(name: &str, place: *const u64) -> Result<u64, Failure> {
    if place.is_null() {
        return Err(bad(name, "NULL"));
    }
    if !place.is_aligned() {
        return Err(bad(name, "misaligned"));
    }
    // SAFETY: neither NULL nor misaligned, and every such struct starts with its size.
    let size = unsafe { place.read() };
    if size < size_of::<u64>() as u64 || size > 1 << 16 {
        return Err(bad(name, "of no size that it can have: set its size first"));
    }
    Ok(size)
}
