//! Exceptions that `tidy` lets pass. These lists only get shorter: remove what you untangle, add nothing.

/// Groups of files that import each other, as `tidy` prints them.
pub const CIRCLES: &[&str] = &[
    "query::preflight::ask, query::preflight::limits, query::preflight::named, query::preflight::network, query::preflight::offers, query::preflight::reserved",
];

/// Type names that a crate uses twice, as folder and name.
pub const TWINS: &[(&str, &str)] = &[
    ("crates/fleet", "Made"),
    ("crates/fleet", "Options"),
    ("crates/fleet", "Scope"),
    ("crates/fleet", "Finding"),
    ("crates/fleet", "Answer"),
    ("crates/fleet", "Change"),
    ("crates/fleet", "Filter"),
    ("crates/fleet", "Progress"),
    ("crates/fleet", "Watched"),
    ("crates/fleet", "Sight"),
    ("crates/fleet", "Seen"),
];
