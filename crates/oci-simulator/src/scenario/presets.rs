//! The scenarios that come with the program.

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// Its description, in one line.
    pub description: &'static str,
    /// Its YAML text, a good starting point for your own scenario.
    pub yaml: &'static str,
}

impl Preset {
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }
}

macro_rules! presets {
    ($($name:literal: $description:literal,)+) => {
        pub(super) const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            description: $description,
            yaml: include_str!(concat!("presets/", $name, ".yaml")),
        },)+];
    };
}

presets! {
    "roomy": "Plenty of everything, nothing goes wrong (the default).",
    "scarce": "Few hosts, shared with other tenants: some launches find no capacity.",
    "crumbs": "Full at first; capacity comes back a few hosts at a time.",
    "throttled": "Plenty of hosts, but few requests are let through, and fewer in mid-run.",
    "flaky": "Errors, cut connections, delays and odd pages, now and then.",
    "stockout": "The first availability domain is full, the others are free.",
    "limits": "Service limits and a compartment quota stop the fleet before the hosts do.",
    "hostile": "Everything that can go wrong, at once, as far as a run can still end.",
}
