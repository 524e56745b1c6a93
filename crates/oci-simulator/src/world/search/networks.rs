//! Networks and their parts, as searches find them.

use super::Indexed;
use super::api::{borrowed, plain};
use super::matching::Found;
use crate::world::ids::Kind;
use crate::world::network::{Common, Part};
use crate::world::state::World;
use std::borrow::Cow;

impl World {
    pub(super) fn indexed_network(&self, kind: Indexed) -> Vec<Found<'_>> {
        match kind {
            Indexed::Vcn => (self.network.vcns.iter().zip(0..))
                .filter_map(|(row, number)| {
                    let state = row.phase(self.now)?.as_str();
                    let found = plain(kind, number, row.created, (&*row.name).into(), row.compartment, state);
                    Some(with_labels(found, row.own.as_ref().map(|own| &own.common)))
                })
                .collect(),
            Indexed::Part(part) => self.indexed_parts(kind, part),
            _ => (self.network.subnets.iter().zip(0..))
                .filter_map(|(row, number)| {
                    let state = row.phase(self.now)?.as_str();
                    let own = row.own.as_ref();
                    let found = plain(kind, number, row.created, (&*row.name).into(), row.compartment, state);
                    let ad = own.and_then(|own| own.ad).and_then(|ad| self.ad_text(ad));
                    let found = Found { availability_domain: ad, ..found };
                    Some(with_labels(found, own.map(|own| &own.common)))
                })
                .collect(),
        }
    }

    fn indexed_parts(&self, indexed: Indexed, kind: Kind) -> Vec<Found<'_>> {
        let there = self.network.parts_of(kind).filter(|(_, part)| self.is_there(part));
        there
            .map(|(id, part)| {
                let state = self.state_of_part(&part);
                match part {
                    Cow::Borrowed(Part { created, name, compartment, common, .. }) => {
                        let found = plain(indexed, id.1, *created, name.as_str().into(), *compartment, state);
                        with_labels(found, Some(common))
                    }
                    // A default that nobody changed has no tags.
                    Cow::Owned(part) => {
                        plain(indexed, id.1, part.created, part.name.into(), part.compartment, state)
                    }
                }
            })
            .collect()
    }
}

fn with_labels<'a>(found: Found<'a>, common: Option<&'a Common>) -> Found<'a> {
    let Some(common) = common else { return found };
    Found { tags: borrowed(&common.tags), defined_tags: Some(&common.defined_tags), ..found }
}
