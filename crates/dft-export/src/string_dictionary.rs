//! The distinct strings of a column, numbered in the order in which they are first used.

use ahash::RandomState;
use arrow_array::{Array, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::ArrowError;
use hashbrown::HashTable;

use crate::error::ExportError;

/// Distinct strings in one text, so that a million of them are no million allocations.
#[derive(Clone, Debug)]
pub(crate) struct StringDictionary {
    text: String,
    /// The end of each string in the text.
    ends: Vec<usize>,
    /// The numbers of the strings, with half of their hashes: a text is looked at only if the halves are equal.
    table: HashTable<(u32, i32)>,
    hasher: RandomState,
    /// The string that was numbered last.
    last: i32,
}

impl Default for StringDictionary {
    fn default() -> Self {
        // Fixed seeds, so that the speed does not change from run to run. Nothing depends on the order of the table.
        let hasher = RandomState::with_seeds(0x7374_7269, 0x6e67_735f, 0x6f66_5f61, 0x5f63_6f6c);
        Self { text: String::new(), ends: Vec::new(), table: HashTable::new(), hasher, last: -1 }
    }
}

impl StringDictionary {
    /// Returns the number of a string, and adds it if it is new.
    pub(crate) fn number(&mut self, string: &str) -> i32 {
        let Self { text, ends, table, hasher, last } = self;
        // Rows of another series or in another pass mostly have their strings in the same order.
        let next = *last + 1;
        if (next as usize) < ends.len() && get(text, ends, next) == string {
            *last = next;
            return next;
        }
        let half = hasher.hash_one(string) as u32;
        let is_same = |&(known, number): &(u32, i32)| known == half && get(text, ends, number) == string;
        if let Some(&(_, number)) = table.find(spread(half), is_same) {
            *last = number;
            return number;
        }
        // More strings than an i32 can count are refused with the array.
        let number = ends.len() as i32;
        text.push_str(string);
        ends.push(text.len());
        table.insert_unique(spread(half), (half, number), |&(half, _)| spread(half));
        *last = number;
        number
    }

    /// Adds the strings of another dictionary, in order of their numbers.
    pub(crate) fn extend(&mut self, other: &Self) {
        other.iter().for_each(|string| {
            self.number(string);
        });
    }

    /// Returns the strings, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|number| get(&self.text, &self.ends, number as i32))
    }

    /// Returns the dictionary without room for more strings.
    pub(crate) fn freeze(self) -> Result<WholeDictionary, ExportError> {
        let Self { text, ends, table, hasher, .. } = self;
        Ok(WholeDictionary { strings: array(text, &ends)?, table, hasher })
    }

    /// Returns the strings as an array, by number, and removes them.
    pub(crate) fn take_array(&mut self) -> Result<StringArray, ExportError> {
        self.table.clear();
        self.last = -1;
        let strings = array(std::mem::take(&mut self.text), &self.ends);
        self.ends.clear();
        strings
    }
}

fn get<'a>(text: &'a str, ends: &[usize], number: i32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start..ends[number]]
}

fn array(text: String, ends: &[usize]) -> Result<StringArray, ExportError> {
    // Arrow's offsets and keys have 31 bits.
    if i32::try_from(text.len().max(ends.len())).is_err() {
        return Err(ArrowError::OffsetOverflowError(text.len()).into());
    }
    let offsets: Vec<i32> = std::iter::once(0).chain(ends.iter().map(|&end| end as i32)).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(StringArray::try_new(offsets, Buffer::from(text.into_bytes()), None)?)
}

/// All strings of a column. Several readers share it, and the arrays that they make share its text.
#[derive(Debug)]
pub(crate) struct WholeDictionary {
    strings: StringArray,
    table: HashTable<(u32, i32)>,
    hasher: RandomState,
}

impl WholeDictionary {
    /// Returns the strings, by number.
    pub(crate) fn strings(&self) -> &StringArray {
        &self.strings
    }

    /// Returns the number of a string; `None` if the dictionary does not have it. The string is first compared with
    /// that of number `guess`.
    pub(crate) fn number(&self, string: &str, guess: i32) -> Option<i32> {
        if (guess as usize) < self.strings.len() && self.strings.value(guess as usize) == string {
            return Some(guess);
        }
        let half = self.hasher.hash_one(string) as u32;
        let is_same = |&(known, number): &(u32, i32)| known == half && self.strings.value(number as usize) == string;
        self.table.find(spread(half), is_same).map(|&(_, number)| number)
    }
}

/// Returns a hash for a table from the half that the table stores.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_numbered_in_order_of_their_first_use() {
        let mut strings = StringDictionary::default();
        assert_eq!(["b", "", "a", "b", "", "ü"].map(|string| strings.number(string)), [0, 1, 2, 0, 1, 3]);
        let values = |array: StringArray| -> Vec<String> {
            array.iter().map(|value| value.expect("no null").to_owned()).collect()
        };
        let whole = strings.clone().freeze().expect("strings");
        assert_eq!(values(whole.strings().clone()), ["b", "", "a", "ü"]);
        for guess in [-1, 0, 1, 2, 3, 4] {
            let numbers = ["ü", "a", "", "b", "c"].map(|string| whole.number(string, guess));
            assert_eq!(numbers, [Some(3), Some(2), Some(1), Some(0), None]);
        }
        assert_eq!(values(strings.take_array().expect("strings")), ["b", "", "a", "ü"]);
        assert_eq!(strings.number("a"), 0);
        assert_eq!(values(strings.take_array().expect("strings")), ["a"]);
        assert!(values(strings.take_array().expect("no strings")).is_empty());
    }
}
