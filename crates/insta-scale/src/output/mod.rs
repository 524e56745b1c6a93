//! What is shown: text for people on stderr, documents for programs on stdout.

pub mod console;
pub mod document;
pub mod ending;
pub mod forecast;
pub mod gauge;
pub mod instances;
pub mod listing;
pub mod narration;
mod pace;
pub mod preview;
pub mod progress;
pub mod proposal;
pub mod refusal;
pub mod repeats;
pub mod reserving;
pub mod retries;
mod rows;
pub mod runs;
pub mod simulated;
pub mod summary;
pub mod text;
pub mod typing;
mod waiting;
