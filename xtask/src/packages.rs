//! The packages of the crates that are published: their manifests are complete, they need no crate that is not published,
//! and they have a page, both licences and no path of this machine.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::places::{names_none, places};
use crate::step::step;
use crate::target::root;

/// The files that every package has, next to its manifest.
const FILES: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// The number of keywords that registries accept.
const KEYWORDS: usize = 5;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    description: Option<String>,
    license: Option<String>,
    documentation: Option<String>,
    readme: Option<PathBuf>,
    rust_version: Option<String>,
    keywords: Vec<String>,
    categories: Vec<String>,
    /// The registries that it may be published to; `None` for all.
    publish: Option<Vec<String>>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// The directory of a crate of this workspace.
    path: Option<PathBuf>,
    req: String,
}

impl Package {
    fn is_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|registries| !registries.is_empty())
    }

    /// Returns the names of what its manifest lacks.
    fn missing(&self) -> Vec<&'static str> {
        [
            ("description", self.description.is_some()),
            ("license", self.license.is_some()),
            ("documentation", self.documentation.is_some()),
            ("readme", self.readme.is_some()),
            ("rust-version", self.rust_version.is_some()),
            ("keywords", (1..=KEYWORDS).contains(&self.keywords.len())),
            ("categories", !self.categories.is_empty()),
        ]
        .into_iter()
        .filter_map(|(name, there)| (!there).then_some(name))
        .collect()
    }
}

/// Checks the packages of all crates that are published.
pub(crate) fn check() -> Result<()> {
    let metadata = Metadata::of_workspace()?;
    let faults = metadata.faults();
    if !faults.is_empty() {
        bail!("the published crates are not complete:\n  {}", faults.join("\n  "));
    }
    let published: Vec<&Package> = metadata.packages.iter().filter(|package| package.is_published()).collect();
    // Without a build: this is about what is in the packages. All at once, since they need each other.
    let mut pack = cargo();
    pack.args(["package", "--quiet", "--no-verify", "--allow-dirty"]);
    pack.args(published.iter().flat_map(|package| ["--package", &package.name]));
    step("packages of the published crates", &mut pack)?;
    for package in published {
        let file = format!("{}-{}.crate", package.name, package.version);
        check_contents(&metadata.target_directory.join("package").join(file))?;
    }
    Ok(())
}

fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

impl Metadata {
    fn of_workspace() -> Result<Self> {
        let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
        if !output.status.success() {
            bail!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("cannot parse the output of `cargo metadata`")
    }

    /// Returns what is wrong with the manifests of published crates.
    fn faults(&self) -> Vec<String> {
        let published: BTreeSet<&str> =
            self.packages.iter().filter(|package| package.is_published()).map(|package| &*package.name).collect();
        let mut faults = Vec::new();
        for package in self.packages.iter().filter(|package| package.is_published()) {
            let name = &package.name;
            faults.extend(package.missing().iter().map(|missing| format!("{name}: {missing} is missing or too long")));
            for dependency in package.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
                if !published.contains(&*dependency.name) {
                    faults.push(format!("{name} needs {}, which is not published", dependency.name));
                } else if dependency.req != format!("={}", package.version) {
                    faults.push(format!("{name} needs {} {}, not its own version", dependency.name, dependency.req));
                }
            }
        }
        faults
    }
}

/// Checks the files of a package.
fn check_contents(package: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xzf").arg(package).arg("-C").arg(folder.path());
    if !unpack.status().context("tar cannot be run")?.success() {
        bail!("cannot unpack {}", package.display());
    }
    let tree = folder.path().join(package.file_stem().context("a package without a name")?);
    for file in FILES {
        let packed = fs::read(tree.join(file)).with_context(|| format!("{} has no {file}", package.display()))?;
        let ours = root().join(file);
        if file.starts_with("LICENSE") && packed != fs::read(&ours)? {
            bail!("{file} of {} is not {}", package.display(), ours.display());
        }
    }
    names_none(&tree, &places()?).with_context(|| format!("{} is not for others", package.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(change: impl FnOnce(&mut serde_json::Value)) -> Metadata {
        let crate_of = |name: &str, dependencies: serde_json::Value| {
            serde_json::json!({
                "name": name, "version": "0.1.0", "description": "d", "license": "MIT", "documentation": "https://docs.rs/x",
                "readme": "README.md", "rust_version": "1.93", "keywords": ["a"], "categories": ["science"],
                "publish": null, "dependencies": dependencies,
            })
        };
        let needs = serde_json::json!([{ "name": "low", "path": "/x/low", "req": "=0.1.0" }]);
        let mut value = serde_json::json!({
            "packages": [crate_of("low", serde_json::json!([])), crate_of("high", needs)],
            "target_directory": "target",
        });
        change(&mut value);
        serde_json::from_value(value).expect("metadata")
    }

    #[test]
    fn each_gap_in_a_manifest_is_a_fault() {
        assert_eq!(metadata(|_| ()).faults(), [""; 0]);
        for key in ["description", "license", "documentation", "readme", "rust_version"] {
            let faults = metadata(|all| all["packages"][0][key] = serde_json::Value::Null).faults();
            assert_eq!(faults.len(), 1, "{key}: {faults:?}");
        }
        for keywords in [serde_json::json!([]), serde_json::json!(["a", "b", "c", "d", "e", "f"])] {
            let faults = metadata(|all| all["packages"][0]["keywords"] = keywords).faults();
            assert_eq!(faults.len(), 1, "{faults:?}");
        }
    }

    #[test]
    fn a_published_crate_needs_only_published_ones_of_its_version() {
        let unpublished = metadata(|all| all["packages"][0]["publish"] = serde_json::json!([]));
        assert_eq!(unpublished.faults(), ["high needs low, which is not published"]);
        let any_version = metadata(|all| all["packages"][1]["dependencies"][0]["req"] = "*".into());
        assert_eq!(any_version.faults(), ["high needs low *, not its own version"]);
        let both = |all: &mut serde_json::Value| {
            all["packages"]
                .as_array_mut()
                .expect("packages")
                .iter_mut()
                .for_each(|one| one["publish"] = serde_json::json!([]));
        };
        assert_eq!(metadata(both).faults(), [""; 0], "nothing is published");
    }

    #[test]
    fn the_crates_of_this_workspace_are_complete_and_those_of_the_readme_are_published() {
        let metadata = Metadata::of_workspace().expect("cargo knows them");
        assert_eq!(metadata.faults(), [""; 0]);
        let readme = fs::read_to_string(root().join("README.md")).expect("read");
        let (_, section) = readme.split_once("\n## From Rust\n").expect("a section");
        let (section, _) = section.split_once("\n## ").expect("another section");
        let named: BTreeSet<String> = section
            .split('`')
            .filter_map(|code| Some(code.split_once("::")?.0.replace('_', "-")))
            .filter(|name| name.starts_with("dft-"))
            .collect();
        assert!(named.len() > 2, "{named:?}");
        for name in named {
            let package = metadata.packages.iter().find(|package| package.name == name);
            assert!(package.is_some_and(Package::is_published), "{name} is not published");
        }
    }
}
