//! Parts of a list of files, the same on every machine without talking.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

/// One of several parts of a list of files, such as that of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    number: u32,
    parts: u32,
}

impl Part {
    /// All files.
    pub const WHOLE: Self = Self { number: 0, parts: 1 };

    /// Part `number`, counted from 0, of `parts`; `None` where there is no such part.
    pub fn new(number: u32, parts: u32) -> Option<Self> {
        (number < parts).then_some(Self { number, parts })
    }

    /// The files of this part. Files go, from the largest on, each to the part that has the fewest
    /// bytes yet; a file that cannot be looked at has none.
    pub fn of(self, files: Vec<PathBuf>) -> Vec<PathBuf> {
        if self.parts == 1 {
            return files;
        }
        let sized = files.into_iter().map(|file| (fs::metadata(&file).map_or(0, |metadata| metadata.len()), file));
        self.of_sized(sized.collect())
    }

    fn of_sized(self, mut files: Vec<(u64, PathBuf)>) -> Vec<PathBuf> {
        files.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        // The least part, then the least number, comes first.
        let mut parts: std::collections::BTreeSet<_> = (0..self.parts).map(|part| (0_u64, part)).collect();
        let mut mine = Vec::new();
        for (size, file) in files {
            let Some((bytes, part)) = parts.pop_first() else { break };
            // Empty files are spread like others.
            parts.insert((bytes.saturating_add(size.max(1)), part));
            if part == self.number {
                mine.push(file);
            }
        }
        mine.sort();
        mine
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let part = || {
            let (number, parts) = text.split_once('/')?;
            Self::new(number.parse().ok()?, parts.parse().ok()?)
        };
        part().ok_or_else(|| format!("{text:?} is no part: give I/N, such as 0/8, with I from 0 to N - 1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_one_part_and_the_parts_are_about_equal() {
        let files: Vec<(u64, PathBuf)> =
            (0..100_u64).map(|at| (at * at % 97 * 10, PathBuf::from(format!("{at:03}.pfw")))).collect();
        let total: u64 = files.iter().map(|(size, _)| size).sum();
        let mut shuffled = files.clone();
        shuffled.reverse();
        for parts in [1, 2, 3, 8, 99, 200] {
            let mut all = Vec::new();
            for number in 0..parts {
                let part = Part::new(number, parts).expect("a part");
                let mine = part.of_sized(files.clone());
                assert_eq!(mine, part.of_sized(shuffled.clone()), "whatever order they are listed in");
                let bytes: u64 = files.iter().filter(|(_, path)| mine.contains(path)).map(|(size, _)| size).sum();
                assert!(bytes <= total / u64::from(parts) + 960, "part {number} of {parts} has {bytes} of {total}");
                all.extend(mine);
            }
            all.sort();
            assert_eq!(all, files.iter().map(|(_, path)| path.clone()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn parts_are_counted_from_zero() {
        assert_eq!("0/8".parse(), Ok(Part::new(0, 8).expect("a part")));
        for text in ["8/8", "1", "-1/2", "0/0", "a/b", "1/2/3"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}
