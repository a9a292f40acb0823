//! Presets: which calls belong to which layer. They are data, in TOML.

pub(crate) mod built_in;
pub(crate) mod categories;
mod choose;
mod parse;

use std::collections::BTreeMap;
use std::path::Path;

use dft_export::{Query, View};

pub use choose::{ChosenPreset, PresetChoice};

use crate::error::AnalyzeError;

/// Which calls belong to which layer. A preset is [built in](Self::built_in) or [parsed](Self::parse) from TOML:
///
/// ```toml
/// name = "mine"
/// title = "My application"
/// about = "One line for people"         # may be absent
/// ignore = 'cat == "dftracer"'          # calls that no layer and no total has; may be absent
/// compute = ["step"]                    # layers that hide I/O; may be absent
/// epoch = "epoch"                       # the layer whose calls are the epochs; may be absent
/// detect.any = 'name == "my_main"'      # or detect.all: when `auto` chooses the preset; may be absent
///
/// [define]                              # parts of queries, for {io}
/// io = '(cat contains "posix" or cat contains "stdio")'
/// [paths]                               # texts, for {reader}; an option of the analysis overrides them
/// reader = "/data"
///
/// [[layer]]
/// name = "read"
/// title = "Reading"                     # the default is the name
/// where = '{io} and file_name contains {reader}'
/// parent = "app"                        # the layer that encloses its calls; may be absent
/// asynchronous = true                   # whether it may run concurrently with compute; false by default
/// bytes = true                          # whether its calls move bytes; false by default
/// ```
///
/// `where` is a [query](dft_export::Query). The order of layers is that of tables, and the first layer is the boundary
/// that dfanalyzer relates others to.
#[derive(Clone, Debug)]
pub struct Preset {
    /// The name.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// The layers, in the order of tables.
    pub layers: Vec<LayerSpec>,
    /// Calls that no layer and no total has.
    pub ignore: Option<Query>,
    /// The numbers of the layers that hide others.
    pub compute: Vec<usize>,
    /// The number of the layer whose calls are the epochs.
    pub epoch: Option<usize>,
    detect: Option<Detect>,
    /// The names of layers that are work itself, of a preset whose layers follow from the trace.
    by_category: Option<Vec<String>>,
}

/// A layer: which calls belong to it.
#[derive(Clone, Debug)]
pub struct LayerSpec {
    /// The name.
    pub name: String,
    /// The name for people.
    pub title: String,
    /// Which calls belong to it.
    pub query: Query,
    /// The number of the layer that encloses its calls.
    pub parent: Option<usize>,
    /// Whether it may run concurrently with compute.
    pub asynchronous: bool,
    /// Whether its calls move bytes.
    pub bytes: bool,
}

/// When a preset is chosen by itself.
#[derive(Clone, Debug)]
enum Detect {
    /// If any call passes.
    Any(Query),
    /// If all calls pass.
    All(Query),
}

impl Preset {
    /// Returns a built-in preset.
    ///
    /// # Errors
    ///
    /// [`AnalyzeError::NoPreset`] if there is none of this name.
    pub fn built_in(name: &str, paths: &BTreeMap<String, String>) -> Result<Self, AnalyzeError> {
        let found = built_in::ALL.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| AnalyzeError::NoPreset(name.to_owned()))?;
        Self::parse(name, text, paths)
    }

    /// Parses a preset. `name` is for messages, and `paths` override the preset's.
    ///
    /// # Errors
    ///
    /// [`AnalyzeError::Preset`] with what is wrong.
    pub fn parse(name: &str, text: &str, paths: &BTreeMap<String, String>) -> Result<Self, AnalyzeError> {
        parse::parse(text, paths).map_err(|reason| AnalyzeError::Preset { name: name.to_owned(), reason })
    }

    /// Reads a preset from a file.
    ///
    /// # Errors
    ///
    /// [`AnalyzeError::Preset`] with what is wrong.
    pub fn read(path: &Path, paths: &BTreeMap<String, String>) -> Result<Self, AnalyzeError> {
        use dft_io::Show;
        let name = path.shown().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&name, &text, paths),
            Err(error) => {
                let reason = format!("{error}{}", dft_io::advice(&error));
                Err(AnalyzeError::Preset { name, reason })
            }
        }
    }

    /// Returns the preset with the layers that the trace has, and with group keys found in the index.
    pub(crate) fn bound(mut self, view: &View<'_>) -> Result<Self, AnalyzeError> {
        if let Some(compute) = self.by_category.take() {
            categories::add_layers(&mut self, view, &compute)?;
        }
        let keys = &view.index().config().extra_group_keys;
        let queries = self.layers.iter_mut().map(|layer| &mut layer.query).chain(&mut self.ignore);
        for query in queries {
            query.find_keys(keys)?;
        }
        if self.layers.iter().any(|layer| layer.query.asks_for_ranks()) {
            view.load_ranks()?;
        }
        Ok(self)
    }

    /// Whether the layers are the categories of the trace.
    pub(crate) fn is_by_category(&self) -> bool {
        self.by_category.is_some()
    }

    /// Returns the number of a layer.
    pub fn layer(&self, name: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.name == name)
    }

    /// Returns whether a layer encloses another, directly or not.
    pub(crate) fn encloses(&self, outer: usize, inner: usize) -> bool {
        let mut at = self.layers[inner].parent;
        while let Some(layer) = at {
            if layer == outer {
                return true;
            }
            at = self.layers[layer].parent;
        }
        false
    }
}
