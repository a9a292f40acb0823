//! Patterns of texts: `like`, `ilike` and regular expressions.

use regex::{Regex, RegexBuilder};

/// The most memory that a compiled pattern, and its cache, may take, in bytes.
const SIZE_LIMIT: usize = 1 << 20;

/// The most levels of nesting of a regular expression.
const NEST_LIMIT: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PatternKind {
    /// SQL's `like`: `%` stands for any text, `_` for one character, `\` before either for itself.
    Like,
    /// `like`, regardless of case.
    CaselessLike,
    /// A regular expression that matches anywhere in the text.
    Regex,
}

/// A pattern, compiled.
#[derive(Clone, Debug)]
pub(super) struct TextPattern {
    pub(super) kind: PatternKind,
    pub(super) source: String,
    regex: Regex,
}

impl PartialEq for TextPattern {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.source) == (other.kind, &other.source)
    }
}

impl Eq for TextPattern {}

impl TextPattern {
    /// Compiles a pattern. The error says what is wrong with it.
    pub(super) fn new(kind: PatternKind, source: String) -> Result<Self, String> {
        let expression = match kind {
            PatternKind::Like | PatternKind::CaselessLike => of_like(&source),
            PatternKind::Regex => source.clone(),
        };
        let built = RegexBuilder::new(&expression)
            .case_insensitive(kind == PatternKind::CaselessLike)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .nest_limit(NEST_LIMIT)
            .build();
        match built {
            Ok(regex) => Ok(Self { kind, source, regex }),
            Err(regex::Error::CompiledTooBig(_)) => Err("the pattern is too large when it is compiled".to_owned()),
            Err(error) => {
                // The library shows the expression and a line below it that points; only the reason fits a message.
                let reason = error.to_string();
                let reason = reason.rsplit("error: ").next().unwrap_or_default().trim().to_owned();
                Err(format!("not a regular expression: {reason}"))
            }
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

/// Returns the regular expression of a `like` pattern.
fn of_like(pattern: &str) -> String {
    let mut expression = String::from(r"(?s)\A");
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => expression.push_str(".*"),
            '_' => expression.push('.'),
            '\\' => {
                let escaped = characters.next().unwrap_or('\\');
                expression.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
            }
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push_str(r"\z");
    expression
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_matches_whole_texts_and_regexes_match_parts() {
        use PatternKind::{CaselessLike, Like, Regex};
        for (kind, pattern, text, wanted) in [
            (Like, "/p/%.h5", "/p/a/b.h5", true),
            (Like, "/p/%.h5", "/p/a/bXh5", false),
            (Like, "a_c", "abc", true),
            (Like, "a_c", "aéc", true),
            (Like, "a_c", "ac", false),
            (Like, r"100\%", "100%", true),
            (Like, r"100\%", "1000", false),
            (Like, "read", "pread", false),
            (Like, "a%b", "a\nb", true),
            (Like, "READ", "read", false),
            (CaselessLike, "READ%", "read64", true),
            (CaselessLike, "É%", "été", true),
            (Regex, "ead", "pread64", true),
            (Regex, "^p?read(64)?$", "pread64", true),
            (Regex, "^p?read(64)?$", "spread", false),
        ] {
            let compiled = TextPattern::new(kind, pattern.to_owned()).expect(pattern);
            assert_eq!(compiled.matches(text), wanted, "{pattern} {text}");
        }
        assert_eq!(
            TextPattern::new(Regex, "(".to_owned()).err().as_deref(),
            Some("not a regular expression: unclosed group")
        );
        let large = TextPattern::new(Regex, r"(\w{100}){100}".to_owned()).expect_err("too large");
        assert!(large.contains("too large"), "{large}");
    }
}
