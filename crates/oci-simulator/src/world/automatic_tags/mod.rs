//! The tags that a tenancy adds to every new resource: who created it, and when.
//!
//! Oracle sets such defaults in the root compartment of every tenancy (Oracle: "Managing Tag Defaults"). They are defined tags
//! like others: an update that sets defined tags without them removes them.

mod creation;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Tags by namespace and key.
pub(super) type Spaces = BTreeMap<String, BTreeMap<String, Value>>;

pub(super) const NAMESPACE: &str = "Oracle-Tags";

/// Who created a resource, as the number of a name in [`Creators`]. A row has only the number, because there are many rows and
/// few users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Creator(u16);

impl Creator {
    /// The creator of a resource that has no such tags.
    pub const NONE: Self = Self(0);

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }
}

/// The names of all that have created something. The first one has number 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Creators(Vec<String>);

impl Creators {
    pub fn are_unused(&self) -> bool {
        self.0.is_empty()
    }

    /// The creator's name; none for [`Creator::NONE`], and for an unknown number from a damaged file.
    pub fn name(&self, creator: Creator) -> Option<&str> {
        self.0.get(usize::from(creator.0).checked_sub(1)?).map(String::as_str)
    }

    fn number(&mut self, name: &str) -> Creator {
        let at = self.0.iter().position(|known| known == name).unwrap_or(self.0.len());
        let Ok(number) = u16::try_from(at + 1) else { return Creator::NONE };
        if at == self.0.len() {
            self.0.push(name.to_owned());
        }
        Creator(number)
    }
}

/// Adds the tags about the creation of a resource. The request's own values take precedence.
pub(super) fn with_creation(mut own: Spaces, creator: &str, created: Timestamp) -> Spaces {
    let tags = own.entry(NAMESPACE.to_owned()).or_default();
    tags.entry("CreatedBy".to_owned()).or_insert_with(|| creator.into());
    let time = || created.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string().into();
    tags.entry("CreatedOn".to_owned()).or_insert_with(time);
    own
}
