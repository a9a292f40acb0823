//! The page: one file, with its style, its program and its data.

use std::io::Write;
use std::path::Path;

use crate::data::ReportData;
use crate::error::ReportError;
use crate::page_file::{self, START};

/// The parts of the page. `npm run build` in `page/` makes those in `page/dist`; the policy has hashes of the style and
/// the program, so that a browser runs nothing else.
const STYLE: &str = include_str!("../page/dist/report.css");
const PROGRAM: &str = include_str!("../page/dist/report.js");
const POLICY: &str = include_str!("../page/dist/policy.txt");
const BODY: &str = include_str!("../page/src/body.html");

impl ReportData {
    /// Returns what the report shows as JSON.
    ///
    /// # Errors
    ///
    /// If a number has no form in JSON.
    pub fn to_json(&self) -> Result<String, ReportError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Writes the report as an HTML page that needs no other file and no network.
    ///
    /// # Errors
    ///
    /// If the page cannot be written.
    pub fn write_html(&self, out: impl Write) -> Result<(), ReportError> {
        write_page(&self.title, &self.to_json()?, out)
    }

    /// Writes the page to a file, which is complete as soon as it has its name. Returns its size in bytes.
    ///
    /// # Errors
    ///
    /// [`ReportError::NotAReport`] if something else has that name; it is left as it is. Otherwise, if the page cannot
    /// be written; then a report of that name is as it was.
    pub fn write_file(&self, path: &Path) -> Result<u64, ReportError> {
        page_file::replace(path, |page| self.write_html(page))
    }
}

/// Writes a page that shows this JSON.
pub(crate) fn write_page(title: &str, json: &str, mut out: impl Write) -> Result<(), ReportError> {
    let (title, data, policy) = (text_for_html(title), json_for_html(json), POLICY.trim());
    write!(
        out,
        "{START}\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title} – I/O report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{BODY}\n\
         <script type=\"application/json\" id=\"data\">{data}</script>\n<script>{PROGRAM}</script>\n</body>\n</html>\n"
    )?;
    Ok(())
}

/// Escapes JSON for a `script` element: no part of it can end the element or start a comment.
fn json_for_html(json: &str) -> String {
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

/// Escapes text for HTML.
fn text_for_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        let hostile = "</script><!--<script>alert('x')</script>&amp;";
        let json = json_for_html(&serde_json::to_string(hostile).expect("a string"));
        assert!(!json.contains(['<', '>', '&']));
        assert_eq!(serde_json::from_str::<String>(&json).expect("still JSON"), hostile);
        assert!(!text_for_html(hostile).contains(['<', '>']));
    }

    #[test]
    fn no_part_of_the_page_ends_the_element_that_it_is_in() {
        assert!(!PROGRAM.to_ascii_lowercase().contains("</script"));
        assert!(!STYLE.to_ascii_lowercase().contains("</style"));
        for directive in ["default-src 'none'", "script-src 'sha256-", "style-src 'sha256-"] {
            assert!(POLICY.contains(directive), "{POLICY}");
        }
    }
}
