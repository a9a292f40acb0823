//! Parts of a file's name: its directory, its extension, its pattern.

use std::borrow::Cow;

/// What a run of digits becomes in the pattern of a name, as in dfanalyzer.
const DIGITS: &str = "[0-9]";

/// Returns the directory of a file; empty if its name has none.
pub fn directory(name: &str) -> &str {
    let Some(slash) = name.rfind('/') else { return "" };
    match name[..slash].trim_end_matches('/') {
        "" => &name[..1],
        directory => directory,
    }
}

/// Returns what follows the last dot of a file's name within its directory, without the dot; empty if there is no dot
/// or the name begins with it.
pub fn extension(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or_default();
    match file.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

/// Returns the name with each run of digits replaced by `[0-9]`.
pub fn pattern(name: &str) -> Cow<'_, str> {
    if !name.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    let mut pattern = String::with_capacity(name.len() + DIGITS.len());
    let mut in_digits = false;
    for character in name.chars() {
        let is_digit = character.is_ascii_digit();
        match (is_digit, in_digits) {
            (true, false) => pattern.push_str(DIGITS),
            (true, true) => {}
            (false, _) => pattern.push(character),
        }
        in_digits = is_digit;
    }
    Cow::Owned(pattern)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_a_directory_an_extension_and_a_pattern() {
        for (name, parts) in [
            ("/p/run-12/data_007.h5", ("/p/run-12", "h5", "/p/run-[0-9]/data_[0-9].h[0-9]")),
            ("/x", ("/", "", "/x")),
            ("a.tar.gz", ("", "gz", "a.tar.gz")),
            ("/p.d/.profile", ("/p.d", "", "/p.d/.profile")),
            ("/p//q", ("/p", "", "/p//q")),
            ("dir/", ("dir", "", "dir/")),
            ("é1é.2", ("", "2", "é[0-9]é.[0-9]")),
            ("//x", ("/", "", "//x")),
            ("", ("", "", "")),
        ] {
            assert_eq!((directory(name), extension(name), pattern(name).as_ref()), parts, "{name}");
        }
    }
}
