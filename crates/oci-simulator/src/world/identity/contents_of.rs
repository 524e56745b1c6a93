//! What is in a compartment.

use crate::world::instances::State;
use crate::world::state::World;

impl World {
    /// The kind of something in a compartment that keeps it from being deleted; `None` if it is empty.
    pub(crate) fn first_in_compartment(&self, compartment: u32) -> Option<String> {
        let now = self.now;
        let here = |own: u32| own == compartment;
        let network = &self.network;
        let instances = |state: State| !matches!(state, State::Terminated);
        let found = [
            (
                "compartment",
                (self.identity.compartments.iter().skip(1)).any(|row| here(row.parent) && row.exists(now)),
            ),
            ("instance", self.instances.iter().any(|(_, row)| here(row.compartment) && instances(row.state))),
            ("vcn", network.vcns.iter().any(|row| here(row.compartment) && row.lives())),
            ("subnet", network.subnets.iter().any(|row| here(row.compartment) && row.lives())),
            (
                "part of a network",
                network.parts.values().any(|row| here(row.compartment) && row.common.lives()),
            ),
            ("address", network.addresses.is_in(compartment)),
            ("boot volume", self.volumes.boots.iter().any(|row| here(row.compartment) && row.available)),
            ("volume", self.volumes.data.iter().any(|row| here(row.compartment) && row.available)),
            ("backup", self.volumes.backups.iter().any(|row| here(row.compartment) && row.common.lives())),
            (
                "volume group",
                self.volumes.groups.iter().any(|row| here(row.compartment) && row.common.lives()),
            ),
            (
                "capacity reservation",
                self.reservations.values().any(|row| here(row.compartment) && row.exists()),
            ),
            ("instance configuration", self.configurations.values().any(|row| here(row.compartment))),
            ("instance pool", self.pools.values().any(|row| here(row.compartment) && row.exists())),
            (
                "compute cluster",
                self.clusters.compute.iter().any(|row| here(row.compartment) && row.common.lives()),
            ),
            ("cluster network", self.living_networks().any(|(_, row)| here(row.compartment))),
            (
                "image",
                self.images.iter().any(|row| {
                    row.own.as_ref().is_some_and(|own| here(own.compartment) && own.deleted.is_none())
                }),
            ),
            (
                "policy or tag",
                self.identity.iam.rows.values().any(|row| {
                    here(row.compartment)
                        && row.common.lives()
                        && !matches!(row.content, super::rows::IamContent::Membership { .. })
                }),
            ),
        ];
        found.into_iter().find(|(_, is_there)| *is_there).map(|(kind, _)| kind.to_owned())
    }

    /// What other regions of the tenancy have in their compartments, for the deletion of one.
    pub(crate) fn note_elsewhere(&mut self, used: std::collections::BTreeMap<u32, String>) {
        self.elsewhere = used;
    }

    /// The compartments with something in them.
    pub(crate) fn used_compartments(&self) -> std::collections::BTreeMap<u32, String> {
        let all = 0..self.identity.compartments.len() as u32;
        all.filter_map(|number| Some((number, self.first_in_compartment(number)?))).collect()
    }
}
