//! The place of an arg in a record.

use dft_trace::{ArgKey, Record, Value};

/// The index of an arg among a record's args; past their end if the record does not have the arg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgIndex(pub(crate) u32);

impl ArgIndex {
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// Returns the index of the first arg with a key.
    pub(crate) fn of_key(record: &Record<'_>, key: ArgKey) -> Self {
        record.args.iter().position(|arg| arg.key == key).map_or(Self::NONE, |at| Self(at as u32))
    }

    /// Returns the arg's value; [`Value::Null`] if there is none.
    #[inline]
    pub(crate) fn of<'r, 'a>(self, record: &'r Record<'a>) -> &'r Value<'a> {
        record.args.get(self.0 as usize).map_or(&Value::Null, |arg| &arg.value)
    }
}
