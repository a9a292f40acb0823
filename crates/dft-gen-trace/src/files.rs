//! The files of the shared data set, as a process names them.

use crate::dialect::{Dialect, Named};
use crate::rng;

const DIRECTORY: &str = "/p/lustre1/demo/unet3d/data/train/img_";
const END: &str = "_of_168.npz";

/// Up to so many files, their names and hashes are kept. More are named again at each use: millions of names take
/// longer to fetch from memory than to make.
const KEPT: u64 = 1 << 12;

/// The files of a process.
pub(crate) struct Files {
    dialect: Dialect,
    number: u64,
    kept: Vec<Named>,
    /// The file that was used last, if files are not kept.
    last: Named,
    last_number: Option<u64>,
    announced: Vec<bool>,
}

impl Files {
    pub(crate) fn new(dialect: Dialect, number: u64) -> Self {
        let mut files = Self {
            dialect,
            number,
            kept: Vec::new(),
            last: Named { name: String::new(), hash: String::new() },
            last_number: None,
            announced: vec![false; number as usize],
        };
        if number <= KEPT {
            files.kept = (0..number).map(|file| files.name(file)).collect();
        }
        files
    }

    /// Returns how many there are.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Returns the name and the hash of a file.
    pub(crate) fn get(&mut self, file: u64) -> &Named {
        if self.number <= KEPT {
            return &self.kept[file as usize];
        }
        if self.last_number != Some(file) {
            let mut named = std::mem::replace(&mut self.last, Named { name: String::new(), hash: String::new() });
            self.spell(file, &mut named);
            (self.last, self.last_number) = (named, Some(file));
        }
        &self.last
    }

    /// Returns whether a file was not announced before, and remembers that it is now.
    pub(crate) fn announce(&mut self, file: u64) -> bool {
        !std::mem::replace(&mut self.announced[file as usize], true)
    }

    fn name(&self, file: u64) -> Named {
        let mut named = Named { name: String::new(), hash: String::new() };
        self.spell(file, &mut named);
        named
    }

    fn spell(&self, file: u64, named: &mut Named) {
        named.name.clear();
        named.name.push_str(DIRECTORY);
        let digits = file.checked_ilog10().unwrap_or(0).max(5);
        for place in (0..=digits).rev() {
            named.name.push(char::from(b'0' + (file / 10u64.pow(place) % 10) as u8));
        }
        named.name.push_str(END);
        named.hash.clear();
        self.dialect.spell_hash(&named.name, rng::hash(&named.name), &mut named.hash);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Generation;

    #[test]
    fn a_file_has_the_same_name_whether_names_are_kept_or_not() {
        for generation in [Generation::G0, Generation::G1, Generation::G2, Generation::G3] {
            for short_hashes in [false, true] {
                let dialect = Dialect { generation, short_hashes };
                let (mut few, mut many) = (Files::new(dialect, KEPT), Files::new(dialect, 2_000_000));
                for file in [0, 7, 10, 4095, 0] {
                    let (few, many) = (few.get(file), many.get(file));
                    assert_eq!((&few.name, &few.hash), (&many.name, &many.hash));
                    let expected = dialect.named(format!("/p/lustre1/demo/unet3d/data/train/img_{file:06}_of_168.npz"));
                    assert_eq!((&few.name, &few.hash), (&expected.name, &expected.hash));
                }
                assert!(many.get(1_234_567).name.contains("img_1234567_of"));
            }
        }
    }
}
