//! The choice of a preset by what a trace has.

use std::collections::BTreeMap;

use dft_codec::{SeriesIdentity, SeriesKind};
use dft_export::View;
use dft_store::RowQuery;
use serde::Serialize;

use super::built_in;
use super::{Detect, Preset};
use crate::error::AnalyzeError;

/// Which preset to use.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PresetChoice {
    /// The first built-in preset that fits what the trace has.
    Auto {
        /// Paths that override those of the preset.
        paths: BTreeMap<String, String>,
    },
    /// This preset.
    Preset(Box<Preset>),
}

/// The preset of an analysis, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChosenPreset {
    /// The name.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// Why it was chosen, if nobody asked for it.
    pub reason: Option<String>,
}

impl Default for PresetChoice {
    fn default() -> Self {
        Self::Auto { paths: BTreeMap::new() }
    }
}

impl From<Preset> for PresetChoice {
    fn from(preset: Preset) -> Self {
        Self::Preset(Box::new(preset))
    }
}

impl PresetChoice {
    /// Returns the preset for the index of a view, and how a report names it.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    pub fn choose(&self, view: &View<'_>) -> Result<(Preset, ChosenPreset), AnalyzeError> {
        let (preset, reason) = match self {
            Self::Preset(preset) => (Preset::clone(preset), None),
            Self::Auto { paths } => Preset::choose(view, paths).map(|(preset, reason)| (preset, Some(reason)))?,
        };
        let chosen = ChosenPreset { name: preset.name.clone(), title: preset.title.clone(), reason };
        Ok((preset, chosen))
    }
}

impl Preset {
    /// Chooses the first built-in preset that fits what the trace has. Returns the reason, too.
    ///
    /// # Errors
    ///
    /// If the index cannot be read.
    fn choose(view: &View<'_>, paths: &BTreeMap<String, String>) -> Result<(Self, String), AnalyzeError> {
        // Scopes occur once in each slice; what is asked of them mostly is category and function.
        let mut scopes: Vec<SeriesIdentity> = Vec::new();
        let mut known = std::collections::HashSet::new();
        for kind in [SeriesKind::Call, SeriesKind::AggregatedCall] {
            for scope in view.index().scopes(RowQuery::kind(kind).series)? {
                let (_, scope) = scope?;
                if known.insert((scope.category.clone(), scope.name.clone())) {
                    scopes.push(scope);
                }
            }
        }
        let scopes: Vec<_> = scopes.into_iter().map(|scope| view.resolved(scope)).collect();
        for (name, text) in built_in::ALL {
            // Overridden paths need not be those of every preset.
            let preset = Self::parse(name, text, &BTreeMap::new())?;
            let reason = match &preset.detect {
                None => Some("no other preset fits the trace".to_owned()),
                Some(Detect::Any(query)) => {
                    let found = scopes.iter().find(|scope| query.matches_scope(scope) == Some(true));
                    found.map(|scope| format!("the trace has calls of {}", scope.identity.name))
                }
                Some(Detect::All(query)) => {
                    let all = scopes.iter().all(|scope| query.matches_scope(scope) == Some(true));
                    all.then(|| match scopes.is_empty() {
                        true => "the trace has no calls".to_owned(),
                        false => format!("all calls of the trace are of {}", preset.title),
                    })
                }
            };
            if let Some(reason) = reason {
                return Ok((Self::parse(name, text, paths)?, reason));
            }
        }
        Err(AnalyzeError::NoPreset("auto".to_owned()))
    }
}
