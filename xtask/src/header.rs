//! `header`: generates the C header from the crate that implements it, and the Python module from the header.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use cbindgen::{Builder, Config, DocumentationStyle, EnumConfig, ExportConfig, Language, Style};

use crate::provision::python_with;
use crate::target::root;

fn place() -> PathBuf {
    root().join("include/dft_utils.h")
}

/// Returns the path of the module that declares the header's contents for Python's ctypes.
fn python_place() -> PathBuf {
    root().join("python/src/dft_utils/_abi.py")
}

pub(crate) fn run(check: bool) -> Result<()> {
    let text = generate()?;
    settle(&place(), &text, check)?;
    settle(&python_place(), &python()?, check)
}

/// Writes generated text, or checks that the file has it.
fn settle(place: &Path, text: &str, check: bool) -> Result<()> {
    let name = place.strip_prefix(root()).unwrap_or(place).display().to_string();
    if !check {
        fs::write(place, text).with_context(|| format!("cannot write {}", place.display()))?;
        println!("{name}: written");
        return Ok(());
    }
    let there = fs::read_to_string(place).with_context(|| format!("cannot read {}", place.display()))?;
    if there != text {
        bail!("{name} is out of date with capi/: run `cargo xtask header` and review the changes");
    }
    println!("{name}: up to date");
    Ok(())
}

/// Generates the Python module from the header.
fn python() -> Result<String> {
    let python = python_with("abi-venv", &["pycparser"])?;
    let mut generate = Command::new(python);
    generate.arg(root().join("python/generate_abi.py")).arg(place());
    let output = generate.output().context("python cannot be run")?;
    if !output.status.success() {
        bail!("python/generate_abi.py failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn generate() -> Result<String> {
    let capi = root().join("capi");
    let preamble = capi.join("preamble.h");
    let preamble = fs::read_to_string(&preamble).with_context(|| format!("cannot read {}", preamble.display()))?;
    let config = Config {
        language: Language::C,
        cpp_compat: true,
        include_guard: Some("DFT_UTILS_H".to_owned()),
        header: Some(preamble.trim_end().to_owned()),
        // Arrow's header defines this type.
        after_includes: Some("\nstruct ArrowArrayStream;".to_owned()),
        style: Style::Both,
        documentation_style: DocumentationStyle::C99,
        usize_is_size_t: true,
        no_includes: true,
        sys_includes: vec!["stdint.h".to_owned()],
        line_length: 110,
        tab_width: 4,
        enumeration: EnumConfig::default(),
        export: ExportConfig {
            exclude: vec!["ArrowArrayStream".to_owned()],
            rename: [("ArrowArrayStream".to_owned(), "struct ArrowArrayStream".to_owned())].into_iter().collect(),
            ..ExportConfig::default()
        },
        ..Config::default()
    };
    let bindings = Builder::new().with_crate(&capi).with_config(config).generate().context("cbindgen failed")?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}
