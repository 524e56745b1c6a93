//! Exceptions that `tidy` lets pass. These lists only get shorter: remove what you untangle, add nothing.

/// Groups of files that import each other, as `tidy` prints them.
pub const CIRCLES: &[&str] = &[
    "alarm, attempt, death, ending, giveback, journal, launcher, lookup, reservations::flow, reservations::flow::grow, reservations::flow::settle, run, slot, watcher",
    "preflight::ask, preflight::limits, preflight::named, preflight::network, preflight::offers, preflight::reserved",
];

/// Type names that a crate uses twice, as folder and name.
pub const TWINS: &[(&str, &str)] = &[
    ("crates/fleet", "Made"),
    ("crates/fleet", "Options"),
    ("crates/fleet", "Journal"),
    ("crates/fleet", "Scope"),
    ("crates/fleet", "Finding"),
    ("crates/fleet", "Answer"),
    ("crates/fleet", "Known"),
    ("crates/fleet", "Line"),
    ("crates/fleet", "Change"),
    ("crates/fleet", "Filter"),
    ("crates/fleet", "Progress"),
    ("crates/fleet", "Watched"),
    ("crates/fleet", "Sight"),
    ("crates/fleet", "Seen"),
];
