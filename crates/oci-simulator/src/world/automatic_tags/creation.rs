//! Tags what a request creates.

use super::{Creator, Spaces, with_creation};
use crate::world::api::Caller;
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use jiff::Timestamp;

/// The identity domain of the region's users (Oracle: "Managing Identity Domains").
const DOMAIN: &str = "default";

impl World {
    /// The creator of what this caller creates now; none if the tenancy adds no tags.
    pub(in crate::world) fn creator(&mut self, caller: &Caller) -> Creator {
        if !self.settings.automatic_tags {
            return Creator::NONE;
        }
        match self.ids.find(&caller.user) {
            Some(Id(Kind::User, number)) => {
                let name = format!("{DOMAIN}/{}", self.name_of(number));
                self.creators.number(&name)
            }
            // An instance principal, for example.
            _ => self.creators.number(&caller.user),
        }
    }

    /// The defined tags of a resource: its own, and those that the tenancy added.
    pub(in crate::world) fn defined_tags(
        &self,
        own: Option<&Spaces>,
        creator: Creator,
        created: Timestamp,
    ) -> Spaces {
        let own = own.cloned().unwrap_or_default();
        match self.creators.name(creator) {
            Some(name) => with_creation(own, name, created),
            None => own,
        }
    }

    /// The defined tags of a resource that this caller creates now.
    pub(in crate::world) fn defined_tags_of_new(&mut self, own: Option<&Spaces>, caller: &Caller) -> Spaces {
        let creator = self.creator(caller);
        self.defined_tags(own, creator, self.now)
    }
}
