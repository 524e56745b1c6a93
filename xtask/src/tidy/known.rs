//! Exceptions that `tidy` accepts. These lists only get shorter: remove what you untangle, and add nothing.

/// Groups of files that import each other, as `tidy` prints them.
pub const CIRCLES: &[&str] = &[];

/// Type names that a crate uses twice, by folder and name.
pub const TWINS: &[(&str, &str)] = &[("crates/fleet", "Finding"), ("crates/fleet", "Filter")];

/// Policy constants that are not yet in the `tuning.rs` of their crate, by folder and name.
pub const DURATIONS: &[(&str, &str)] = &[
    ("crates/fleet", "AGAIN"),
    ("crates/fleet", "BETWEEN_LOOKS"),
    ("crates/fleet", "BETWEEN_PASSES"),
    ("crates/fleet", "DYING"),
    ("crates/fleet", "EXPIRY"),
    ("crates/fleet", "FIRST_PAUSE"),
    ("crates/fleet", "INTERVAL"),
    ("crates/fleet", "LATEST"),
    ("crates/fleet", "LIST_AGAIN"),
    ("crates/fleet", "LONGEST"),
    ("crates/fleet", "LONGEST_HOLD"),
    ("crates/fleet", "LONGEST_LAG"),
    ("crates/fleet", "LONGEST_PAUSE"),
    ("crates/fleet", "LOOK_AT_ALL"),
    ("crates/fleet", "LOST_AFTER"),
    ("crates/fleet", "MARGIN"),
    ("crates/fleet", "MISSING"),
    ("crates/fleet", "PATIENCE"),
    ("crates/fleet", "PAUSE"),
    ("crates/fleet", "REBOOTED_AFTER"),
    ("crates/fleet", "REMEMBERED"),
    ("crates/fleet", "REMEMBERED_AFTER_WAITING"),
    ("crates/fleet", "RESERVATION"),
    ("crates/fleet", "SAME_TIME"),
    ("crates/fleet", "SELDOM"),
    ("crates/fleet", "SETTLE"),
    ("crates/fleet", "SETTLED_AFTER"),
    ("crates/fleet", "SHORTEST"),
    ("crates/fleet", "SLOW"),
    ("crates/fleet", "SLOWEST"),
    ("crates/fleet", "STRAGGLERS"),
    ("crates/fleet", "WORTH_SAYING"),
    ("crates/fleet", "WORTH_TELLING"),
];
