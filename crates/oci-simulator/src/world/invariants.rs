//! The invariants of a region, which tests check after every step.

use super::limits::Usage;
use super::state::World;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

impl World {
    /// Checks the invariants: capacity is neither lost nor created, limits are kept and counted correctly, no address is
    /// assigned twice, networks fit together, reservations hold what they claim, volumes and instances agree, pools and members agree,
    /// clusters have instances that can be in them, names and memberships of the tenancy hold, and every retry token is eventually forgotten.
    pub fn check_invariants(&self) -> Result<(), String> {
        let held = self.instances.iter().filter_map(|(_, row)| row.held.as_ref());
        self.capacity.check(held.chain(self.held_by_reservations()).chain(self.held_by_others()))?;
        self.limits.check()?;
        self.check_counts()?;
        self.check_addresses()?;
        self.check_networks()?;
        self.check_reservations()?;
        self.check_boot_volumes()?;
        self.check_data_volumes()?;
        self.check_volume_groups()?;
        self.check_pools()?;
        self.check_clusters()?;
        self.check_identity()?;
        self.tokens.check()?;
        self.preemptibles.check(|number| self.instances.get(number).is_some_and(|row| row.live))
    }

    fn check_counts(&self) -> Result<(), String> {
        let (mut places, mut compartments) = (BTreeMap::new(), BTreeMap::new());
        for (_, row) in self.instances.iter().filter(|(_, row)| row.live) {
            let (usage, family) = (Usage::of(row.need), row.shape.get().family);
            places.entry((row.ad, family)).or_insert_with(Usage::default).add(usage, 1);
            compartments.entry((row.compartment, family)).or_insert_with(Usage::default).add(usage, 1);
        }
        same("availability domains", self.limits.counted(), &places)?;
        same("compartments", self.limits.counted_in_compartments(), &compartments)
    }

    fn check_boot_volumes(&self) -> Result<(), String> {
        for (volume, number) in self.volumes.boots.iter().zip(0_u32..) {
            let Some(instance) = volume.used_by else { continue };
            let user = self.instances.get(instance).filter(|row| row.live);
            if user.is_none_or(|row| row.boot_volume != Some(number)) {
                return Err(format!(
                    "boot volume {number} is used by instance {instance}, which does not know it"
                ));
            }
        }
        Ok(())
    }

    fn check_reservations(&self) -> Result<(), String> {
        for (number, row) in &self.reservations {
            let used: u32 = row.configs.values().map(|config| config.used).sum();
            let inside =
                self.instances.iter().filter(|(_, row)| row.live && row.reservation == Some(*number));
            let inside = inside.map(|(number, _)| number).collect::<BTreeSet<u32>>();
            if used as usize != inside.len() || inside != row.members {
                return Err(format!("reservation {number} says {used} are used, {} are", inside.len()));
            }
        }
        let mut defaults = BTreeMap::new();
        for (number, row) in self.reservations.iter().filter(|(_, row)| row.is_default && row.exists()) {
            if let Some(other) = defaults.insert(row.ad, number) {
                return Err(format!("reservations {other} and {number} are both the default of one domain"));
            }
        }
        Ok(())
    }
}

/// Checks that the counted usage is the sum over the instances.
fn same<K: Ord + Debug>(
    what: &str,
    counted: &BTreeMap<K, Usage>,
    own: &BTreeMap<K, Usage>,
) -> Result<(), String> {
    let none = Usage::default();
    for key in counted.keys().chain(own.keys()) {
        let (counted, own) = (counted.get(key).unwrap_or(&none), own.get(key).unwrap_or(&none));
        if counted != own {
            return Err(format!("usage of {what} {key:?} is {counted:?}, instances add up to {own:?}"));
        }
    }
    Ok(())
}
