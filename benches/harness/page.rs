//! A page of Markdown with plots.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The text of a page, and its plots by file name.
pub(crate) struct Page {
    text: String,
    plots: Vec<(String, String)>,
    plots_in: &'static str,
}

impl Page {
    /// Starts an empty page, whose plots go to the directory `plots_in` next to it.
    pub(crate) fn new(plots_in: &'static str) -> Self {
        Self { text: String::new(), plots: Vec::new(), plots_in }
    }

    /// Adds a line of text.
    pub(crate) fn say(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Adds a row of a table.
    pub(crate) fn row(&mut self, cells: &[String]) {
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    /// Starts a table.
    pub(crate) fn head(&mut self, cells: &[&str]) {
        self.say("");
        self.row(&cells.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>());
        self.row(&vec!["---".to_owned(); cells.len()]);
    }

    /// Adds a plot.
    pub(crate) fn plot(&mut self, name: &str, alternative: &str, svg: String) {
        let file = format!("{}/{name}.svg", self.plots_in);
        self.say(&format!("\n![{alternative}]({file})"));
        self.plots.push((file, svg));
    }

    /// Writes the page to `folder`/`name`, and its plots to their directory in `folder`.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> Result<()> {
        let put = |name: &str, text: &str| {
            let path = folder.join(name);
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
            written.with_context(|| format!("cannot write {}", path.display()))
        };
        put(name, &self.text)?;
        self.plots.iter().try_for_each(|(name, plot)| put(name, plot))
    }
}
