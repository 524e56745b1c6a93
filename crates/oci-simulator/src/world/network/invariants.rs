//! The invariants of networks, which tests check after every step.

use super::blocks::overlap;
use super::part::{Content, most_of};
use super::{SubnetRow, is_default};
use crate::world::ids::{Id, Kind};
use crate::world::state::World;

/// The kinds of parts.
const KINDS: [Kind; 7] = [
    Kind::InternetGateway,
    Kind::NatGateway,
    Kind::ServiceGateway,
    Kind::RouteTable,
    Kind::SecurityList,
    Kind::DhcpOptions,
    Kind::NetworkSecurityGroup,
];

impl World {
    /// Checks that living subnets are within their living networks and apart from each other, that what is deleted is not in use,
    /// and that no network has more of a kind than it can have.
    pub(in crate::world) fn check_networks(&self) -> Result<(), String> {
        let living = |subnet: &&SubnetRow| subnet.lives();
        for (number, subnet) in self.network.subnets.iter().enumerate() {
            if !subnet.lives() {
                if let Some(member) = subnet.members.first() {
                    return Err(format!("subnet {number} is deleted and has instance {member}"));
                }
                continue;
            }
            if !self.network.vcns[subnet.vcn as usize].lives() {
                return Err(format!("subnet {number} is in a deleted network"));
            }
            if !self.network.blocks(subnet.vcn).iter().any(|block| block.contains(&subnet.block())) {
                return Err(format!("subnet {number} is not within its network"));
            }
            let later = self.network.subnets[number + 1..].iter().filter(living);
            if later
                .filter(|other| other.vcn == subnet.vcn)
                .any(|other| overlap(other.block(), subnet.block()))
            {
                return Err(format!("subnet {number} overlaps another one"));
            }
            self.check_parts_of(number, subnet)?;
        }
        KINDS.into_iter().try_for_each(|kind| self.check_parts(kind))
    }

    fn check_parts_of(&self, number: usize, subnet: &SubnetRow) -> Result<(), String> {
        let (route_table, security_lists, dhcp_options) = subnet.parts();
        let lists = security_lists.into_iter().map(|list| Id(Kind::SecurityList, list));
        let own = [Id(Kind::RouteTable, route_table), Id(Kind::DhcpOptions, dhcp_options)];
        for id in own.into_iter().chain(lists) {
            let lives =
                self.network.part(id).is_some_and(|part| part.common.lives() && part.vcn == subnet.vcn);
            if !lives {
                return Err(format!("subnet {number} uses {id:?}, which is deleted or of another network"));
            }
        }
        Ok(())
    }

    fn check_parts(&self, kind: Kind) -> Result<(), String> {
        let mut counts = std::collections::BTreeMap::<u32, usize>::new();
        for (id, part) in self.network.parts_of(kind).filter(|(_, part)| part.common.lives()) {
            if !self.network.vcns[part.vcn as usize].lives() {
                return Err(format!("{id:?} is in a deleted network"));
            }
            *counts.entry(part.vcn).or_default() += usize::from(!is_default(id));
            let Content::RouteTable { rules } = &part.content else { continue };
            for rule in rules {
                let target = self.ids.find(&rule.network_entity_id).and_then(|id| self.network.part(id));
                if !target.is_some_and(|target| target.common.lives() && target.vcn == part.vcn) {
                    return Err(format!("{id:?} has a rule for {}, which is gone", rule.network_entity_id));
                }
            }
        }
        match counts.into_iter().find(|(_, count)| *count > most_of(kind)) {
            Some((vcn, count)) => Err(format!("network {vcn} has {count} of {kind:?}")),
            None => Ok(()),
        }
    }
}
