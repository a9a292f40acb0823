//! The layers of each series.

use dft_export::{Query, Series};

use crate::layer_set::LayerSet;
use crate::preset::Preset;

/// Finds the layers of series: those of the preset, then one that has all calls, then those of findings.
pub(crate) struct Matcher<'p> {
    ignore: Option<&'p Query>,
    /// The queries, with the numbers of their layers.
    layers: Vec<(usize, &'p Query)>,
    /// The number of the layer that has all calls.
    all: usize,
}

/// What is known of all series of a scope, whatever their files are.
#[derive(Default)]
pub(crate) struct ScopeLayers {
    /// `None` if it depends on the file.
    ignored: Option<bool>,
    layers: LayerSet,
    /// The places of the queries that depend on the file.
    open: Vec<usize>,
}

impl<'p> Matcher<'p> {
    pub(crate) fn new(preset: &'p Preset, further: &'p [Query]) -> Self {
        let all = preset.layers.len();
        let layers =
            (0..).zip(preset.layers.iter().map(|layer| &layer.query)).chain((all + 1..).zip(further)).collect();
        Self { ignore: preset.ignore.as_ref(), layers, all }
    }

    pub(crate) fn scope(&self, series: &Series) -> ScopeLayers {
        let mut scope = ScopeLayers {
            ignored: self.ignore.map_or(Some(false), |ignore| ignore.matches_scope(series)),
            ..ScopeLayers::default()
        };
        scope.layers.insert(self.all);
        for (place, (layer, query)) in self.layers.iter().enumerate() {
            match query.matches_scope(series) {
                Some(true) => scope.layers.insert(*layer),
                Some(false) => {}
                None => scope.open.push(place),
            }
        }
        scope
    }

    /// Returns the layers of a series of the scope; `None` if it is ignored.
    pub(crate) fn layers(&self, scope: &ScopeLayers, series: &Series) -> Option<LayerSet> {
        let ignored = scope.ignored.unwrap_or_else(|| self.ignore.is_some_and(|ignore| ignore.matches(series)));
        if ignored {
            return None;
        }
        let mut layers = scope.layers;
        for &place in &scope.open {
            let (layer, query) = self.layers[place];
            if query.matches(series) {
                layers.insert(layer);
            }
        }
        Some(layers)
    }
}
