//! Presets from TOML.

use std::collections::BTreeMap;

use dft_export::Query;
use serde::Deserialize;

use super::{Detect, LayerSpec, Preset};
use crate::layer_set::LayerSet;

/// The most layers of a preset. Findings have further ones.
pub(super) const MOST_LAYERS: usize = LayerSet::MOST - 32;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetText {
    name: String,
    title: String,
    #[serde(default, rename = "about")]
    _about: String,
    ignore: Option<String>,
    #[serde(default)]
    compute: Vec<String>,
    epoch: Option<String>,
    detect: Option<DetectText>,
    layers: Option<LayersText>,
    #[serde(default)]
    define: BTreeMap<String, String>,
    #[serde(default)]
    paths: BTreeMap<String, String>,
    #[serde(default)]
    layer: Vec<LayerText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum DetectText {
    Any(String),
    All(String),
}

/// Layers that follow from the trace.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum LayersText {
    Categories,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerText {
    name: String,
    title: Option<String>,
    #[serde(rename = "where")]
    query: String,
    parent: Option<String>,
    #[serde(default)]
    asynchronous: bool,
    #[serde(default)]
    bytes: bool,
}

/// Parses a preset. `paths` override the preset's.
pub(super) fn parse(text: &str, paths: &BTreeMap<String, String>) -> Result<Preset, String> {
    let text: PresetText = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    let mut values = text.define.clone();
    for (name, path) in &text.paths {
        let path = paths.get(name).unwrap_or(path);
        values.insert(name.clone(), quoted(path));
    }
    if let Some(name) = paths.keys().find(|name| !text.paths.contains_key(*name)) {
        let known = text.paths.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "the preset has none".to_owned() } else { format!("use {known}") };
        return Err(format!("there is no path {name:?}: {known}"));
    }
    let query = |what: &str, text: &str| -> Result<Query, String> {
        let text = filled(text, &values).map_err(|reason| format!("{what}: {reason}"))?;
        text.parse().map_err(|error| format!("{what}: {error}"))
    };
    if text.layer.is_empty() {
        return Err("it has no [[layer]]".to_owned());
    }
    if text.layer.len() > MOST_LAYERS {
        return Err(format!("{} layers are too many: use at most {MOST_LAYERS}", text.layer.len()));
    }
    let number = |what: &str, name: &str| {
        let found = text.layer.iter().position(|layer| layer.name == name);
        found.ok_or_else(|| format!("{what} is {name:?}, which is no layer"))
    };
    let mut layers = Vec::new();
    for (at, layer) in text.layer.iter().enumerate() {
        let what = format!("layer {:?}", layer.name);
        if text.layer[..at].iter().any(|other| other.name == layer.name) {
            return Err(format!("{what} occurs twice"));
        }
        let parent = layer.parent.as_deref().map(|parent| number(&format!("the parent of {what}"), parent));
        layers.push(LayerSpec {
            name: layer.name.clone(),
            title: layer.title.clone().unwrap_or_else(|| layer.name.clone()),
            query: query(&what, &layer.query)?,
            parent: parent.transpose()?,
            asynchronous: layer.asynchronous,
            bytes: layer.bytes,
        });
    }
    let by_category = text.layers.map(|LayersText::Categories| text.compute.clone());
    let compute = match &by_category {
        Some(_) => Vec::new(),
        None => text.compute.iter().map(|name| number("compute", name)).collect::<Result<_, _>>()?,
    };
    let detect = match &text.detect {
        None => None,
        Some(DetectText::Any(any)) => Some(Detect::Any(query("detect.any", any)?)),
        Some(DetectText::All(all)) => Some(Detect::All(query("detect.all", all)?)),
    };
    let preset = Preset {
        ignore: text.ignore.as_deref().map(|ignore| query("ignore", ignore)).transpose()?,
        epoch: text.epoch.as_deref().map(|epoch| number("epoch", epoch)).transpose()?,
        name: text.name,
        title: text.title,
        layers,
        compute,
        detect,
        by_category,
    };
    match (0..preset.layers.len()).find(|layer| is_own_ancestor(&preset.layers, *layer)) {
        Some(layer) => Err(format!("layer {:?} encloses itself: see the parents", preset.layers[layer].name)),
        None => Ok(preset),
    }
}

fn is_own_ancestor(layers: &[LayerSpec], layer: usize) -> bool {
    let mut at = layers[layer].parent;
    // A chain that is longer than there are layers goes round.
    for _ in 0..layers.len() {
        match at {
            None => return false,
            Some(parent) if parent == layer => return true,
            Some(parent) => at = layers[parent].parent,
        }
    }
    at.is_some()
}

/// Returns a text as queries write it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Replaces `{name}` by the value of that name.
fn filled(text: &str, values: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        // A regular expression may have braces, too.
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        match after.split_once('}').filter(|(name, _)| is_name(name)) {
            Some((name, after)) => {
                let value = values.get(name).ok_or_else(|| format!("there is no {{{name}}} in [define] or [paths]"))?;
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    Ok(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::super::built_in;
    use super::*;

    #[test]
    fn built_in_presets_parse_and_have_their_names() {
        for (name, text) in built_in::ALL {
            let preset = parse(text, &BTreeMap::new()).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(preset.name, name);
        }
    }

    #[test]
    fn paths_are_options() {
        let layer = |paths: &[(&str, &str)]| {
            let paths = paths.iter().map(|(name, path)| ((*name).to_owned(), (*path).to_owned())).collect();
            parse(built_in::ALL[0].1, &paths)
                .map(|preset| preset.layers[preset.layer("reader_posix").expect("a layer")].query.to_string())
        };
        assert!(layer(&[]).expect("a preset").contains("/data"));
        assert!(layer(&[("reader", "/my \"set\"")]).expect("a preset").contains("/my"));
        let error = layer(&[("readr", "/x")]).expect_err("no such path");
        assert!(error.contains("readr") && error.contains("reader"), "{error}");
    }

    #[test]
    fn a_wrong_preset_is_told_where_and_why() {
        const HEAD: &str = "name = 'a'\ntitle = 'b'\n";
        const LAYER: &str = "[[layer]]\nname = 'x'\nwhere = 'pid == 1'\n";
        for (text, words) in [
            ("name = 'a'".to_owned(), &["title"][..]),
            (HEAD.to_owned(), &["[[layer]]"]),
            (format!("{HEAD}colour = 'red'\n{LAYER}"), &["colour", "line 3"]),
            (format!("{HEAD}{LAYER}{LAYER}"), &["\"x\" occurs twice"]),
            (format!("{HEAD}{LAYER}parent = 'y'"), &["\"y\"", "no layer"]),
            (format!("{HEAD}{LAYER}parent = 'x'"), &["encloses itself"]),
            (format!("{HEAD}compute = ['y']\n{LAYER}"), &["compute is \"y\""]),
            (format!("{HEAD}[[layer]]\nname = 'x'\nwhere = 'pid = 1'\n"), &["layer \"x\"", "pid"]),
            (format!("{HEAD}[[layer]]\nname = 'x'\nwhere = '{{io}}'\n"), &["{io}"]),
        ] {
            let error = parse(&text, &BTreeMap::new()).expect_err(&text);
            assert!(words.iter().all(|word| error.contains(word)), "{text}: {error}");
        }
    }
}
