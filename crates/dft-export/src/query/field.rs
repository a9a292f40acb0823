//! The fields of queries.

use std::borrow::Cow;

use crate::file_parts::{directory, extension, pattern};
use crate::series::Series;

/// A group key: its number among those that the query names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeySlot(pub(super) usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextField {
    SeriesKind,
    Category,
    Name,
    HostHash,
    FileHash,
    HostName,
    FileName,
    FileDirectory,
    FileExtension,
    FilePattern,
    ProcessName,
    GroupKey(KeySlot),
}

impl TextField {
    /// Whether the text differs between the files of a scope.
    pub(super) fn is_of_file(self) -> bool {
        matches!(self, Self::FileHash | Self::FileName | Self::FileDirectory | Self::FileExtension | Self::FilePattern)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberField {
    Process,
    Thread,
    Rank,
    IoCategory,
    /// A group key that is compared with integers.
    GroupKey(KeySlot),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueryField {
    Text(TextField),
    Number(NumberField),
    /// The value that it is compared with decides whether it is a text or a number.
    GroupKey(KeySlot),
}

/// The fields by name, in the order in which messages list them. The first name of a field is the one that is printed.
const FIELDS: [(&str, QueryField); 18] = [
    ("family", QueryField::Text(TextField::SeriesKind)),
    ("cat", QueryField::Text(TextField::Category)),
    ("name", QueryField::Text(TextField::Name)),
    ("func_name", QueryField::Text(TextField::Name)),
    ("pid", QueryField::Number(NumberField::Process)),
    ("tid", QueryField::Number(NumberField::Thread)),
    ("rank", QueryField::Number(NumberField::Rank)),
    ("host_hash", QueryField::Text(TextField::HostHash)),
    ("hhash", QueryField::Text(TextField::HostHash)),
    ("file_hash", QueryField::Text(TextField::FileHash)),
    ("fhash", QueryField::Text(TextField::FileHash)),
    ("host_name", QueryField::Text(TextField::HostName)),
    ("file_name", QueryField::Text(TextField::FileName)),
    ("file_dir", QueryField::Text(TextField::FileDirectory)),
    ("file_ext", QueryField::Text(TextField::FileExtension)),
    ("file_pattern", QueryField::Text(TextField::FilePattern)),
    ("proc_name", QueryField::Text(TextField::ProcessName)),
    ("io_cat", QueryField::Number(NumberField::IoCategory)),
];

/// What messages list as the fields.
pub(super) const FIELD_NAMES: &str = "family, cat, name, pid, tid, rank, host_hash, file_hash, host_name, file_name, \
     file_dir, file_ext, file_pattern, proc_name, io_cat and the group keys of the index";

/// Words that mean something else than a field.
const KEYWORDS: [&str; 11] = ["and", "or", "not", "in", "like", "ilike", "between", "contains", "is", "null", "args"];

impl QueryField {
    /// Returns the field with this name, other than group keys.
    pub(super) fn of(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| *field)
    }

    /// Returns the field's name; group keys have it from the query.
    pub(super) fn name(self) -> &'static str {
        FIELDS.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| *name)
    }
}

/// Returns whether a bare name may be a group key.
pub(super) fn may_be_a_key(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_word);
    let is_keyword = KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(name));
    is_plain && !is_keyword && QueryField::of(name).is_none() && why_unknown(name).is_none()
}

/// Returns why rows have no such field, and what to do instead, if the name is one of a single call's numbers.
pub(super) fn why_unknown(name: &str) -> Option<String> {
    match name {
        "dur" | "duration" | "ret" | "size" | "offset" | "count" | "dft_cnt" | "time" => Some(format!(
            "`{name}` is a number of a single call, and a row sums up many calls; choose rows by other fields, and \
             compare statistics of rows: columns such as dur_min and size_max of the table aggregation, or groups \
             of rows"
        )),
        "ts" | "te" | "time_range" | "time_start" | "time_end" | "time_bucket" => Some(format!(
            "`{name}` is a time, and a query is about what does not change with time; use the time range of the filter"
        )),
        _ => None,
    }
}

/// What a condition is checked against: a series, and the positions of the query's group keys in it.
#[derive(Clone, Copy)]
pub(super) struct Subject<'s> {
    pub(super) series: &'s Series,
    pub(super) places: &'s [usize],
}

impl Subject<'_> {
    /// Returns a text; empty if nothing is known.
    pub(super) fn text(&self, field: TextField) -> Cow<'_, str> {
        let Series { identity, host_name, file_name, .. } = self.series;
        Cow::Borrowed(match field {
            TextField::SeriesKind => identity.kind.name(),
            TextField::Category => &identity.category,
            TextField::Name => &identity.name,
            TextField::HostHash => &identity.host_hash,
            TextField::FileHash => &identity.file_hash,
            TextField::HostName => host_name,
            TextField::FileName => file_name,
            TextField::FileDirectory => directory(file_name),
            TextField::FileExtension => extension(file_name),
            TextField::FilePattern => return pattern(file_name),
            TextField::ProcessName => return Cow::Owned(self.series.process_name()),
            TextField::GroupKey(slot) => self.key(slot),
        })
    }

    /// Returns a number; `None` if the rank is unknown, or the group key is absent or no integer.
    pub(super) fn number(&self, field: NumberField) -> Option<i128> {
        match field {
            NumberField::Process => Some(self.series.identity.pid.into()),
            NumberField::Thread => Some(self.series.identity.tid.into()),
            NumberField::Rank => self.series.rank.map(i128::from),
            NumberField::IoCategory => Some(self.series.io_category() as i128),
            NumberField::GroupKey(slot) => self.key(slot).parse().ok(),
        }
    }

    /// Returns the value of a group key; empty if it is absent.
    fn key(&self, KeySlot(slot): KeySlot) -> &str {
        let place = self.places.get(slot);
        place.and_then(|&place| self.series.identity.extra.get(place)).map_or("", String::as_str)
    }
}
