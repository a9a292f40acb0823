//! The arguments that choose a preset.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use clap::{ArgAction, Args};
use dft_analyze::{Preset, PresetChoice};

#[derive(Args)]
pub(crate) struct PresetArgs {
    /// Which calls belong to which layer: posix, dlio, dlio-prev, generic, a TOML file, or auto, which chooses by the
    /// trace, or by the first run of several
    #[arg(long, value_name = "P", default_value = "auto")]
    preset: String,
    /// A text in the names of files by which the preset tells I/O apart, such as reader=/data; repeatable
    #[arg(long = "path", value_name = "NAME=TEXT", action = ArgAction::Append, value_parser = parse_named_text)]
    paths: Vec<(String, String)>,
}

impl PresetArgs {
    pub(crate) fn choice(&self) -> Result<PresetChoice> {
        let name = self.preset.as_str();
        let paths: BTreeMap<String, String> = self.paths.iter().cloned().collect();
        if name == "auto" {
            return Ok(PresetChoice::Auto { paths });
        }
        let path = Path::new(name);
        let is_file = path.extension().is_some() || name.contains('/') || path.is_file();
        Ok(if is_file { Preset::read(path, &paths)? } else { Preset::built_in(name, &paths)? }.into())
    }
}

fn parse_named_text(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, text)) if !name.is_empty() && !text.is_empty() => Ok((name.to_owned(), text.to_owned())),
        _ => Err("use a name and a text, such as reader=/data".to_owned()),
    }
}
