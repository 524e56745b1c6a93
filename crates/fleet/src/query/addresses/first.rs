//! The first VNIC of each instance, among all attachments of a compartment.

use crate::engine::ocid_key::{OcidKey, OcidKeys};
use jiff::Timestamp;
use oci_api::models::{VnicAttachment, VnicAttachmentLifecycleState as AttachmentState};
use std::collections::{BTreeSet, HashMap};

/// An instance whose addresses are wanted.
#[derive(Clone, Copy, Debug)]
pub struct Addressed<'a> {
    /// Its OCID.
    pub ocid: &'a str,
    /// Its compartment.
    pub compartment: &'a str,
    /// The full name of its availability domain.
    pub availability_domain: &'a str,
}

/// Finds the first VNIC of each instance: the oldest present attachment of the first network card.
pub(super) struct First<'a> {
    numbers: HashMap<&'a str, u32>,
    keys: &'a OcidKeys,
    /// By the index of the instance.
    best: Vec<Option<Best>>,
    /// The subnets that occurred, which are few.
    subnets: Vec<String>,
}

#[derive(Clone)]
struct Best {
    rank: (i64, Option<Timestamp>),
    vnic: OcidKey,
    subnet: Option<usize>,
}

impl<'a> First<'a> {
    pub fn of(instances: &'a [Addressed<'a>], keys: &'a OcidKeys) -> Self {
        let numbers = instances.iter().map(|instance| instance.ocid).zip(0..).collect();
        Self { numbers, keys, best: vec![None; instances.len()], subnets: Vec::new() }
    }

    pub fn take(&mut self, row: VnicAttachment) {
        // Rows of detached VNICs stay in the list for a while.
        let there = matches!(row.lifecycle_state, AttachmentState::Attached | AttachmentState::Attaching);
        let number = self.numbers.get(row.instance_id.as_str()).filter(|_| there);
        let best = number.and_then(|number| self.best.get_mut(*number as usize));
        let (Some(best), Some(vnic)) = (best, row.vnic_id) else { return };
        let rank = (row.nic_index.unwrap_or(0), row.time_created);
        if best.as_ref().is_some_and(|best| best.rank <= rank) {
            return;
        }
        let subnet = row.subnet_id.map(|subnet| {
            self.subnets.iter().position(|known| *known == subnet).unwrap_or_else(|| {
                self.subnets.push(subnet);
                self.subnets.len() - 1
            })
        });
        *best = Some(Best { rank, vnic: self.keys.key(&vnic), subnet });
    }

    /// The index of the instance of each VNIC, and the subnets of these VNICs.
    pub fn done(self) -> (HashMap<OcidKey, u32>, Vec<String>) {
        let used: BTreeSet<usize> = self.best.iter().flatten().filter_map(|best| best.subnet).collect();
        let vnics = (0..).zip(&self.best).filter_map(|(at, best)| Some((best.as_ref()?.vnic, at))).collect();
        let subnets = self.subnets.into_iter().enumerate();
        (vnics, subnets.filter(|(at, _)| used.contains(at)).map(|(_, subnet)| subnet).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instances<'a>(ocids: &[&'a str]) -> Vec<Addressed<'a>> {
        ocids.iter().map(|ocid| Addressed { ocid, compartment: "c", availability_domain: "ad" }).collect()
    }

    fn attachment(instance: &str, vnic: Option<&str>, state: &str, nic: i64) -> VnicAttachment {
        VnicAttachment {
            id: format!("att-{instance}-{nic}-{state}"),
            instance_id: instance.into(),
            vnic_id: vnic.map(str::to_owned),
            lifecycle_state: state.into(),
            nic_index: Some(nic),
            subnet_id: Some(format!("subnet-{nic}")),
            ..VnicAttachment::default()
        }
    }

    #[test]
    fn the_first_card_that_is_still_attached_counts() {
        let instances = instances(&["a", "b"]);
        let keys = OcidKeys::default();
        let mut first = First::of(&instances, &keys);
        for row in [
            attachment("a", Some("old"), "DETACHED", 0),
            attachment("a", Some("second"), "ATTACHED", 1),
            attachment("a", Some("first"), "ATTACHED", 0),
            attachment("a", Some("third"), "ATTACHED", 2),
            attachment("b", None, "ATTACHING", 0),
            attachment("not-asked-for", Some("x"), "ATTACHED", 0),
        ] {
            first.take(row);
        }
        let (vnics, subnets) = first.done();
        assert_eq!(vnics, [(keys.key("first"), 0)].into());
        assert_eq!(subnets, ["subnet-0"]);
    }
}
