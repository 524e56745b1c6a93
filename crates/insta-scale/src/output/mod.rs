//! What is shown: text for people on stderr, documents for programs on stdout.

pub mod budget;
pub mod console;
pub mod dedup;
pub mod document;
pub mod dry_run_report;
pub mod ending;
pub mod eta;
pub mod export;
pub mod fleets;
pub mod instances;
pub mod listing;
mod pace;
pub mod placements;
pub mod plain_reporter;
pub mod preview;
pub mod progress;
pub mod proposal;
pub mod refusal;
pub mod reserving;
pub mod retries;
mod rows;
pub mod runs;
pub mod simulated;
pub mod summary;
pub mod text;
pub mod typing;
mod waiting;
