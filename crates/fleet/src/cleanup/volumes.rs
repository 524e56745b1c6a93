//! Boot and data volumes that were created with a launched instance and have outlived it.
//!
//! The service says of a data volume's attachment whether the launch created the volume. It does not say so of a boot volume,
//! which counts as created with its instance if it is equally old. A volume that somebody attached later, or from which an
//! instance was launched, belongs to the user and is never proposed.
//!
//! The end of an instance does not prove that nobody wants its volumes, because whoever ended it may have kept them. So a
//! record must say that they should be deleted together; without one they are proposed only as kept volumes.

use super::evidence::{Evidence, MadeInstance};
use super::notes::Notes;
use super::{LeftVolume, Scope};
use crate::action::volume_attachment;
use crate::price::BOOT_VOLUME_VPUS;
use futures_util::future::{try_join, try_join_all};
use jiff::{SignedDuration, Timestamp};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, Failure};
use std::collections::{BTreeMap, BTreeSet};

/// A boot volume that is this much older or younger than its instance was not created with it. The tolerance covers clock
/// differences and the duration of a launch.
const SAME_TIME: SignedDuration = SignedDuration::from_mins(15);

/// The owners of volumes, and the volumes in use.
struct Owners<'a> {
    evidence: &'a Evidence,
    scope: &'a Scope,
    ours: &'a BTreeMap<String, MadeInstance>,
    /// The listed instances.
    states: &'a BTreeMap<&'a str, &'a State>,
    /// Volume → the instance to which it was attached.
    last: BTreeMap<String, String>,
    /// Volumes that are attached, or were attached to more than one instance, so that somebody has a use for them.
    in_use: BTreeSet<String>,
    /// Data volumes with the instances whose launch created them.
    made: BTreeSet<(String, String)>,
}

/// Finds them. The lists of data volumes span all availability domains; those of boot volumes need one, and are read concurrently.
pub(super) async fn find(
    client: &Client,
    evidence: &Evidence,
    scope: &Scope,
    domains: &[String],
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
    let of_boot = try_join_all(domains.iter().map(|domain| {
        try_join(
            client.list_boot_volume_attachments(compartment, domain, None),
            client.list_boot_volumes(compartment, domain),
        )
    }));
    let of_data = try_join(
        client.list_volume_attachments(compartment, None, None),
        client.list_volumes(compartment, None),
    );
    let (of_boot, (attached_data, data)) = try_join(of_boot, of_data).await?;
    let (attached_boot, boot): (Vec<_>, Vec<_>) = of_boot.into_iter().unzip();
    for row in attached_boot.into_iter().flatten() {
        owners.take(row.boot_volume_id, row.instance_id, row.lifecycle_state.as_str());
    }
    for row in &attached_data {
        let Some(row) = volume_attachment(row) else { continue };
        if row.made_at_launch {
            owners.made.insert((row.volume.clone(), row.instance.clone()));
        }
        owners.take(row.volume, row.instance, &row.state);
    }
    let mut found = Vec::new();
    for row in boot.into_iter().flatten() {
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
    for row in data {
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

    /// The volume with its owner and the reason, if it is a leftover.
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
            // The service forgets attachments after a while; a kept volume was judged by its attachment when it was kept.
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

    /// Whether an instance has certainly ended. One that is not listed may only have been moved to another compartment.
    fn is_gone(&self, instance: &str) -> bool {
        match self.states.get(instance) {
            Some(state) => **state == State::Terminated,
            None => self.evidence.is_over(instance),
        }
    }
}

/// A size that the service states in one of two units.
pub(crate) fn gigabytes(gb: Option<i64>, mb: i64) -> f64 {
    gb.map_or(mb as f64 / 1024.0, |gb| gb as f64)
}
