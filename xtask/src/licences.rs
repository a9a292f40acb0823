//! What a release contains of other projects: their licences, and a bill of materials.
//!
//! Both follow from `cargo metadata`: the crates that the program and the library link on a target. The bill of materials
//! is in the format [CycloneDX 1.6](https://cyclonedx.org/docs/1.6/json/).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// The crates that releases are made of.
const RELEASED: [&str; 2] = ["dft-cli", "dft-capi"];

/// Names of files with licences begin with one of these, in upper case.
const LICENCE_FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// C and C++ sources in crates: the crate, the name, and the licence files in the crate. Where there is a choice of
/// licences, these are the chosen ones.
const BUNDLED: [(&str, &str, &[&str]); 2] = [
    ("librocksdb-sys", "RocksDB", &["rocksdb/LICENSE.Apache", "rocksdb/LICENSE.leveldb"]),
    ("zstd-sys", "Zstandard", &["zstd/LICENSE"]),
];

/// What the linker adds.
const RUNTIMES: &str = "libc++, libc++abi and libunwind of LLVM: Apache-2.0 WITH LLVM-exception\n\
                        the standard library of Rust: MIT OR Apache-2.0\n";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    source: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for a normal dependency, which is linked.
    kind: Option<String>,
}

/// The crates of other projects that a release contains.
pub(crate) struct Linked(Vec<Package>);

impl Linked {
    /// Asks cargo for the crates that are linked on a target.
    pub(crate) fn on(mut cargo: Command, target: &str) -> Result<Self> {
        cargo.args(["metadata", "--format-version", "1", "--filter-platform", target]).stderr(Stdio::inherit());
        let output = cargo.output().context("cargo cannot be run")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed ({})", output.status);
        }
        let Metadata { packages, resolve } =
            serde_json::from_slice(&output.stdout).context("cannot parse the output of `cargo metadata`")?;
        let nodes: BTreeMap<&str, &Node> = resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let released = packages.iter().filter(|package| RELEASED.contains(&package.name.as_str()));
        let mut open: Vec<&str> = released.map(|package| package.id.as_str()).collect();
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                let linked = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
                let dependencies = nodes.get(id).map(|node| node.deps.iter().filter(linked));
                open.extend(dependencies.into_iter().flatten().map(|dependency| dependency.pkg.as_str()));
            }
        }
        let seen: BTreeSet<String> = seen.into_iter().map(str::to_owned).collect();
        let others = |package: &Package| seen.contains(&package.id) && package.source.is_some();
        let mut linked: Vec<Package> = packages.into_iter().filter(others).collect();
        linked.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        Ok(Self(linked))
    }

    /// Returns the names, licences and licence texts of everything.
    pub(crate) fn texts(&self) -> Result<String> {
        let mut text = format!(
            "Programs and libraries of this release contain code of the projects below.\n\
             The page that `dft report` writes has the licences of its libraries in it.\n\n{RUNTIMES}"
        );
        // Texts that several crates share are printed once.
        let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut list = String::new();
        for package in &self.0 {
            let name = format!("{} {}", package.name, package.version);
            let licence = package.license.as_deref().with_context(|| format!("{name} names no licence"))?;
            let _ = writeln!(list, "{name}: {licence}");
            let directory = package.manifest_path.parent().context("a manifest without a directory")?;
            for file in licence_files(directory)? {
                texts.entry(read(&file)?).or_default().push(name.clone());
            }
            for (_, bundled, files) in BUNDLED.iter().filter(|(of, ..)| *of == package.name) {
                let _ = writeln!(list, "{bundled}, in {name}");
                for file in *files {
                    texts.entry(read(&directory.join(file))?).or_default().push((*bundled).to_owned());
                }
            }
        }
        text.push_str(&list);
        let mut texts: Vec<(String, Vec<String>)> = texts.into_iter().collect();
        texts.sort_by(|(_, a), (_, b)| a.cmp(b));
        for (licence, names) in texts {
            let _ = write!(text, "\n{}\n{}\n\n{}\n", "─".repeat(80), names.join(", "), licence.trim_end());
        }
        Ok(text)
    }

    /// Returns the bill of materials.
    pub(crate) fn bill(&self, version: &str) -> Value {
        let mut components: Vec<Value> = Vec::new();
        for package in &self.0 {
            let reference = format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"));
            components.push(json!({
                "type": "library",
                "bom-ref": reference,
                "name": package.name,
                "version": package.version,
                "purl": reference,
                "licenses": [{ "expression": package.license.as_deref().map(spdx).unwrap_or_default() }],
                "externalReferences": package.repository.iter()
                    .map(|url| json!({ "type": "vcs", "url": url })).collect::<Vec<_>>(),
            }));
        }
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": { "component": { "type": "application", "name": "dft-utils", "version": version } },
            "components": components,
        })
    }
}

/// Returns a licence as an SPDX expression: some crates still write `/` for OR.
fn spdx(licence: &str) -> String {
    licence.replace('/', " OR ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the files with licences in a directory, by name.
fn licence_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if entry.file_type()?.is_file() && LICENCE_FILES.iter().any(|start| name.starts_with(start)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_between_licences_is_an_or() {
        assert_eq!(spdx("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        assert_eq!(spdx("Apache-2.0 OR MIT"), "Apache-2.0 OR MIT");
    }

    #[test]
    fn the_licences_of_what_is_linked_are_found() {
        let target = "x86_64-unknown-linux-gnu";
        let linked = Linked::on(Command::new(env!("CARGO")), target).expect("cargo knows them");
        let names: Vec<&str> = linked.0.iter().map(|package| package.name.as_str()).collect();
        assert!(names.contains(&"librocksdb-sys") && names.contains(&"arrow-array"), "{names:?}");
        // What only builds or tests need is not linked.
        assert!(!names.contains(&"bindgen") && !names.contains(&"proptest"), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("dft-")), "{names:?}");
        let texts = linked.texts().expect("every crate names its licence");
        assert!(texts.contains("LevelDB Authors") && texts.contains("RocksDB, in librocksdb-sys"));
        let bill = linked.bill("0.1.0");
        assert_eq!(bill["components"].as_array().map(Vec::len), Some(linked.0.len()));
    }
}
