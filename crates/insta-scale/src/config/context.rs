//! What the readers of `instance_settings:` share: the place of its keys, and what is known from elsewhere.
//!
//! Must not know what any key means.

use super::finding::Findings;
use super::metadata::Folders;
use super::ocids::Home;

/// Path of the group, as messages name it.
pub const GROUP: &str = "instance_settings.";

/// What the reading needs to know besides the group.
pub struct Context<'a> {
    /// The region, when it is known.
    pub home: Option<&'a Home>,
    /// `--count`.
    pub count: Option<u32>,
    /// Where files are looked for.
    pub folders: Folders<'a>,
    /// Where findings go.
    pub findings: &'a Findings,
}
