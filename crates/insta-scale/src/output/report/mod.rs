//! The report of runs, for people: tables that the page and the Markdown share, and what each does with them.
//!
//! A live page is the same page, which gets new data while it is open.
//!
//! Pure: a report in, a text out. Every text from outside passes through `clean` here, once.

mod columns;
mod markdown;
mod notes;
mod page;
mod tables;

pub use markdown::to_markdown;
pub use page::{live_data, live_policy, to_live_page, to_page};
pub use tables::{Sheet, sheet};

/// How every written report begins; only such files are overwritten without a question.
pub const MARK: &str = "<!-- oci-insta-scale report -->";

#[cfg(test)]
mod tests;
