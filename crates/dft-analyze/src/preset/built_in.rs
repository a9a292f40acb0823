//! The presets that are built in.

/// The built-in presets, in the order in which `auto` tries them.
pub(super) const ALL: [(&str, &str); 4] = [
    ("dlio", include_str!("../../presets/dlio.toml")),
    ("dlio-prev", include_str!("../../presets/dlio-prev.toml")),
    ("posix", include_str!("../../presets/posix.toml")),
    ("generic", include_str!("../../presets/generic.toml")),
];

/// Returns the names of the built-in presets, for people.
pub(crate) fn names() -> String {
    ALL.map(|(name, _)| name).join(", ")
}
