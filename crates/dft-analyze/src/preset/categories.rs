//! Layers for the categories that a trace has.

use std::collections::BTreeSet;

use dft_codec::SeriesKind;
use dft_export::View;
use dft_store::RowQuery;

use super::parse::MOST_LAYERS;
use super::{LayerSpec, Preset};
use crate::error::AnalyzeError;

/// The titles of categories that many traces have.
const TITLES: [(&str, &str); 32] = [
    ("posix", "POSIX - All"),
    ("stdio", "STDIO - All"),
    ("posix_reader", "POSIX - Reader"),
    ("reader_posix", "POSIX - Reader"),
    ("posix_checkpoint", "POSIX - Checkpoint"),
    ("checkpoint_posix", "POSIX - Checkpoint"),
    ("posix_other", "POSIX - Other"),
    ("mpi", "MPI"),
    ("mpiio", "MPI-IO"),
    ("c_app", "C App"),
    ("cpp_app", "C++ App"),
    ("ai", "AI"),
    ("ai_root", "AI Root"),
    ("compute", "Compute"),
    ("data", "Data"),
    ("dataloader", "Data Loader"),
    ("comm", "Communication"),
    ("device", "Device"),
    ("checkpoint", "Checkpoint"),
    ("pipeline", "Pipeline"),
    ("other", "Other"),
    ("pp", "PyTorch Profiler"),
    ("dynamo", "Dynamo"),
    ("app", "App"),
    ("training", "Training"),
    ("epoch", "Epoch"),
    ("data_loader", "DLIO Data Loader"),
    ("reader", "Reader"),
    ("ai_framework", "AI Framework"),
    ("dlio_benchmark", "DLIO Benchmark"),
    ("config", "Config"),
    ("storage", "Storage"),
];

/// Suffixes of categories by which I/O is told apart, with how titles say them.
const SUFFIXES: [(&str, &str); 3] = [("_lustre", "Lustre"), ("_gpfs", "GPFS"), ("_ssd", "SSD")];

/// Returns the title of a category.
pub(crate) fn title(name: &str) -> String {
    if let Some((_, title)) = TITLES.iter().find(|(known, _)| *known == name) {
        return (*title).to_owned();
    }
    for (suffix, system) in SUFFIXES {
        if let Some(base) = name.strip_suffix(suffix)
            && let Some((_, base)) = TITLES.iter().find(|(known, _)| *known == base)
        {
            return format!("{base} ({system})");
        }
    }
    name.to_owned()
}

/// Returns the names of layers for categories, in the order of categories. A name has letters, digits and underscores.
pub(crate) fn layer_names<'c>(categories: impl Iterator<Item = &'c str>) -> Vec<String> {
    let mut taken = BTreeSet::from(["app".to_owned()]);
    let mut names = Vec::new();
    for category in categories {
        let mut name = String::new();
        for character in category.chars() {
            let is_word = character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_';
            match is_word {
                true => name.push(character),
                false if name.ends_with('\u{0}') => {}
                false => name.push('\u{0}'),
            }
        }
        let name = name.replace('\u{0}', "_");
        let name = match name.trim_matches('_') {
            "" => "cat",
            "app" => "app_cat",
            name => name,
        };
        let numbered = (2_u32..).map(|number| format!("{name}_{number}"));
        let free = std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken.contains(name));
        let name = free.unwrap_or_default();
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// Returns the categories and their prefixes, which are layers of their own.
pub(crate) fn with_prefixes(categories: &BTreeSet<String>) -> BTreeSet<String> {
    let prefixes = |category: &String| -> Vec<String> {
        let dots = category.match_indices('.').map(|(dot, _)| category[..dot].to_owned());
        dots.chain([category.clone()]).filter(|prefix| !prefix.is_empty()).collect()
    };
    categories.iter().flat_map(prefixes).collect()
}

/// Adds a layer for each category of the trace below the first layer. `compute` are the names of layers that are work
/// itself.
pub(super) fn add_layers(preset: &mut Preset, view: &View<'_>, compute: &[String]) -> Result<(), AnalyzeError> {
    let mut categories = BTreeSet::new();
    for kind in [SeriesKind::Call, SeriesKind::AggregatedCall] {
        for scope in view.index().scopes(RowQuery::kind(kind).series)? {
            let (_, scope) = scope?;
            if !scope.category.is_empty() && scope.category != "dftracer" {
                categories.insert(scope.category);
            }
        }
    }
    let mut all = with_prefixes(&categories);
    if all.len() >= MOST_LAYERS {
        // Layers within layers go first: those above have their calls, too.
        all.retain(|category| !category.contains('.'));
        let kept: Vec<String> = all.iter().take(MOST_LAYERS - 1).cloned().collect();
        all = kept.into_iter().collect();
    }
    let names = layer_names(all.iter().map(String::as_str));
    for (category, name) in all.iter().zip(&names) {
        let quote = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let pattern: String = category
            .chars()
            .flat_map(|character| ["%_\\".contains(character).then_some('\\'), Some(character)])
            .flatten()
            .collect();
        let text = format!("cat == \"{}\" or cat like \"{}.%\"", quote(category), quote(&pattern));
        let above = category.rsplit_once('.').map(|(above, _)| above);
        let parent = above.and_then(|above| all.iter().position(|other| other == above));
        preset.layers.push(LayerSpec {
            name: name.clone(),
            title: title(name),
            query: text.parse()?,
            // The first layer is the one around all.
            parent: Some(parent.map_or(0, |at| at + 1)),
            asynchronous: false,
            bytes: category.starts_with("posix") || category.starts_with("stdio"),
        });
    }
    preset.compute = compute.iter().filter_map(|name| preset.layer(name)).collect();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_layers_are_words_and_unique() {
        let names = layer_names(["app", "a.b", "a/b", "--", "a..b", "posix"].into_iter());
        assert_eq!(names, ["app_cat", "a_b", "a_b_2", "cat", "a_b_3", "posix"]);
        assert_eq!(title("posix_lustre"), "POSIX - All (Lustre)");
        assert_eq!(title("mine"), "mine");
        let categories = ["a.b.c", "a.d", ".x"].map(String::from).into_iter().collect();
        let all: Vec<String> = with_prefixes(&categories).into_iter().collect();
        assert_eq!(all, [".x", "a", "a.b", "a.b.c", "a.d"]);
    }
}
