//! Boot and data volumes that were made with an instance of ours and have outlived it.
//!
//! The service says of a data volume's attachment whether the launch made the volume. It does not say so of a boot
//! volume, which was made with its instance if it is as old as it is. A volume that somebody attached later, or that an
//! instance was started from, is theirs and is never proposed.
//!
//! That an instance of ours is gone does not prove that nobody wants its volumes: whoever ended it may have kept them. So
//! a record must say that they were to go together; without one they are proposed only as volumes that were kept.

use super::evidence::{Evidence, MadeInstance};
use super::notes::Notes;
use super::{LeftVolume, Scope};
use crate::action::volume_attachment;
use crate::price::BOOT_VOLUME_VPUS;
use jiff::{SignedDuration, Timestamp};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// A boot volume that is this much older or younger than its instance was not made with it: clocks differ, and a launch
/// takes a while.
const SAME_TIME: SignedDuration = SignedDuration::from_mins(15);

/// Whose volumes are, and which are in use.
struct Owners<'a> {
    evidence: &'a Evidence,
    scope: &'a Scope,
    ours: &'a BTreeMap<String, MadeInstance>,
    /// The instances that are listed.
    states: &'a BTreeMap<&'a str, &'a State>,
    /// Volume → the instance that it was attached to.
    last: BTreeMap<String, String>,
    /// Volumes that are attached, or were to more than one instance: somebody has a use for them.
    in_use: BTreeSet<String>,
    /// Data volumes and the instances whose launch made them.
    made: BTreeSet<(String, String)>,
}

/// Finds them in one availability domain.
pub(super) async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    domain: &str,
    ours: &BTreeMap<String, MadeInstance>,
    states: &BTreeMap<&str, &State>,
    notes: &mut Notes,
) -> Result<Vec<LeftVolume>, Failure> {
    let compartment = &scope.compartment;
    let mut owners = Owners {
        evidence,
        scope,
        ours,
        states,
        last: evidence.kept.clone(),
        in_use: BTreeSet::new(),
        made: BTreeSet::new(),
    };
    for row in client.list_boot_volume_attachments(compartment, domain, None).await? {
        owners.take(row.boot_volume_id, row.instance_id, row.lifecycle_state.as_str());
    }
    for row in client.list_volume_attachments(compartment, Some(domain), None).await? {
        let Some(row) = volume_attachment(&row) else { continue };
        if row.made_at_launch {
            owners.made.insert((row.volume.clone(), row.instance.clone()));
        }
        owners.take(row.volume, row.instance, &row.state);
    }
    let mut found = Vec::new();
    for row in client.list_boot_volumes(compartment, domain).await? {
        let volume = LeftVolume {
            name: row.display_name.unwrap_or_default(),
            boot: true,
            gb: gigabytes(row.size_in_gbs, row.size_in_mbs),
            vpus: row.vpus_per_gb.map_or(BOOT_VOLUME_VPUS, |vpus| vpus as f64),
            ocid: row.id,
            ..LeftVolume::default()
        };
        found.extend(owners.judge(volume, row.lifecycle_state.as_str(), row.time_created, notes));
    }
    for row in client.list_volumes(compartment, Some(domain)).await? {
        let volume = LeftVolume {
            name: row.display_name,
            boot: false,
            gb: gigabytes(row.size_in_gbs, row.size_in_mbs),
            vpus: row.vpus_per_gb.map_or(BOOT_VOLUME_VPUS, |vpus| vpus as f64),
            ocid: row.id,
            ..LeftVolume::default()
        };
        found.extend(owners.judge(volume, row.lifecycle_state.as_str(), row.time_created, notes));
    }
    Ok(found)
}

impl Owners<'_> {
    fn take(&mut self, volume: String, instance: String, state: &str) {
        let another = self.last.get(&volume).is_some_and(|last| *last != instance);
        if another || state != "DETACHED" {
            self.in_use.insert(volume);
        } else {
            self.last.insert(volume, instance);
        }
    }

    /// The volume with its owner and the reason, if it is left over.
    fn judge(
        &self,
        volume: LeftVolume,
        state: &str,
        created: Option<Timestamp>,
        notes: &mut Notes,
    ) -> Option<LeftVolume> {
        if state != "AVAILABLE" || self.in_use.contains(&volume.ocid) {
            return None;
        }
        let kept = self.evidence.kept.contains_key(&volume.ocid);
        let instance = self.last.get(&volume.ocid)?;
        let made = self.ours.get(instance)?;
        let together = if volume.boot {
            made.at.duration_since(created?).abs() <= SAME_TIME
        } else {
            // The attachment is forgotten in time; what a termination of ours kept was judged by it then.
            kept || self.made.contains(&(volume.ocid.clone(), instance.clone()))
        };
        if !together || !self.is_gone(instance) || !self.evidence.is_meant(made.run, self.scope) {
            return None;
        }
        let proven = !kept && self.evidence.volume_was_to_go(instance, volume.boot);
        let why = match (proven, kept) {
            (true, _) => "its instance is gone, and it was to be deleted too",
            (false, true) => "a termination kept it on purpose",
            (false, false) => "its instance is gone, and no record says why the volume is left",
        };
        if !proven && !self.scope.kept_volumes {
            if kept {
                notes.kept_volume();
            } else {
                notes.unproven_volume();
            }
            return None;
        }
        let (instance, run) = (instance.clone(), made.run.to_string());
        Some(LeftVolume { instance, run, why: why.to_owned(), ..volume })
    }

    /// Whether an instance has ended for certain. One that is not listed may only have been moved to another compartment.
    fn is_gone(&self, instance: &str) -> bool {
        match self.states.get(instance) {
            Some(state) => **state == State::Terminated,
            None => self.evidence.is_over(instance),
        }
    }
}

/// A size that the service tells in one of two units.
pub(crate) fn gigabytes(gb: Option<i64>, mb: i64) -> f64 {
    gb.map_or(mb as f64 / 1024.0, |gb| gb as f64)
}
