//! Makes names and messages safe to print: nothing in a trace, a path or an argument can move a terminal's cursor, set
//! its title, reverse its text or start a line that looks like ours.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Whether a character acts on a terminal or on the text around it instead of being displayed: control characters (C0,
/// DEL, C1), text direction marks, overrides and isolates, line and paragraph separators.
pub fn is_active(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
}

/// A name that is safe to print. [Active](is_active) characters are escaped as in Rust (`\n`, `\u{1b}`), and bytes that
/// are not UTF-8 as `\xff`. Everything else is unchanged, including backslashes.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(&'a [u8]);

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            write_escaped(f, chunk.valid(), |_| false)?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// A name that can be printed safely. Use this instead of [`Path::display`], which does not escape anything.
pub trait Show {
    /// Returns the name with everything escaped that acts on a terminal.
    fn shown(&self) -> Shown<'_>;
}

impl Show for [u8] {
    fn shown(&self) -> Shown<'_> {
        Shown(self)
    }
}

impl Show for str {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_bytes())
    }
}

impl Show for OsStr {
    fn shown(&self) -> Shown<'_> {
        Shown(self.as_bytes())
    }
}

impl Show for Path {
    fn shown(&self) -> Shown<'_> {
        self.as_os_str().shown()
    }
}

/// Escapes a whole message, which may have several lines. Names in it are [shown](Show) already; this escapes active
/// characters from other origins in the same way.
pub fn shown_lines(message: &str) -> Cow<'_, str> {
    escaped(message, |text, out| write_escaped(out, text, |character| character == '\n'))
}

/// Returns equivalent JSON in which nothing acts on a terminal.
pub fn shown_json(json: &str) -> Cow<'_, str> {
    escaped(json, |text, out| {
        text.chars().try_for_each(|character| match character {
            '\n' => out.write_char(character),
            // All active characters are below U+10000.
            _ if is_active(character) => write!(out, "\\u{:04x}", u32::from(character)),
            _ => out.write_char(character),
        })
    })
}

fn escaped(text: &str, write: impl FnOnce(&str, &mut String) -> fmt::Result) -> Cow<'_, str> {
    if !text.contains(|character| character != '\n' && is_active(character)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    // Writing to a string cannot fail.
    let _ = write(text, &mut out);
    Cow::Owned(out)
}

fn write_escaped(out: &mut impl Write, text: &str, is_kept: impl Fn(char) -> bool) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|character| is_active(character) && !is_kept(character)) {
        out.write_str(&rest[..at])?;
        let active = rest[at..].chars().next().unwrap_or_default();
        write!(out, "{}", active.escape_debug())?;
        rest = &rest[at + active.len_utf8()..];
    }
    out.write_str(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_characters_that_act_on_a_terminal_are_escaped() {
        for (name, shown) in [
            ("/data/run 1/a.pfw", "/data/run 1/a.pfw"),
            ("日本語 é \\ ' \" 👩‍💻 עברית", "日本語 é \\ ' \" 👩‍💻 עברית"),
            ("a\x1b[2J\x07\0\x7f", "a\\u{1b}[2J\\u{7}\\0\\u{7f}"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("\u{202e}wfp.a\u{2066}\u{200f}\u{61c}", "\\u{202e}wfp.a\\u{2066}\\u{200f}\\u{61c}"),
            ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        ] {
            assert_eq!(name.shown().to_string(), shown);
            assert!(!shown.contains(is_active));
            assert_eq!(Path::new(name).shown().to_string(), shown);
        }
        assert_eq!(b"caf\xe9\xff.pfw\xe2\x80"[..].shown().to_string(), "caf\\xe9\\xff.pfw\\xe2\\x80");
    }

    #[test]
    fn escaping_keeps_the_lines_of_a_message_and_the_meaning_of_json() {
        assert!(matches!(shown_lines("one\n  two\n"), Cow::Borrowed(_)));
        assert_eq!(shown_lines("one\n\x1b]0;x\x07\r\n"), "one\n\\u{1b}]0;x\\u{7}\\r\n");
        assert_eq!(shown_json("{\n \"é\": \"a\u{9b}\u{202e}\x7f\"}"), "{\n \"é\": \"a\\u009b\\u202e\\u007f\"}");
        for code in (0..0x11_0000).filter_map(char::from_u32).filter(|&character| is_active(character)) {
            assert!(u32::from(code) < 0x1_0000);
            assert!(!shown_lines(&format!("{code}")).contains(|c| c != '\n' && is_active(c)), "{code:?}");
        }
    }
}
