//! The context that the readers of `instance_settings:` share.
//!
//! It must not know what any key means.

use super::finding::Findings;
use super::metadata::Folders;
use super::ocids::Home;

/// The path of the group, as messages name it.
pub const GROUP: &str = "instance_settings.";

/// The facts that reading needs from outside the group.
pub struct Context<'a> {
    /// The region, if known.
    pub home: Option<&'a Home>,
    /// `--count`.
    pub count: Option<u32>,
    /// The folders in which files are found.
    pub folders: Folders<'a>,
    /// The collector of findings.
    pub findings: &'a Findings,
}
