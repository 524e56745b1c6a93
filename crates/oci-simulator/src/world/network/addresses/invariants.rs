//! The invariants of addresses, which tests check after every step.

use crate::world::network::part::MADE;
use crate::world::state::World;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Checks that no address is assigned twice or lost, and that what an address or a VNIC names exists.
    pub(in crate::world) fn check_addresses(&self) -> Result<(), String> {
        let addresses = &self.network.addresses;
        let mut seen = BTreeMap::new();
        let mut take =
            |subnet: u32, address: u32, user: String| match seen.insert((subnet, address), user.clone()) {
                Some(other) => Err(format!("{other} and {user} have the same address")),
                None => Ok(()),
            };
        for (number, row) in self.instances.iter().filter(|(_, row)| row.live) {
            if addresses.first_of(number).is_none() {
                take(row.subnet, row.address, format!("instance {number}"))?;
            }
            if !self.network.subnets[row.subnet as usize].members.contains(&number) {
                return Err(format!("instance {number} is not a member of its subnet"));
            }
        }
        for (number, row) in &addresses.private {
            take(row.subnet, row.address, format!("private address {number}"))?;
            if !self.network.subnets[row.subnet as usize].others.contains(number) {
                return Err(format!("private address {number} is not among those of its subnet"));
            }
            if row.vnic.is_none() && !row.reserved {
                return Err(format!("private address {number} belongs to no VNIC and is not reserved"));
            }
            let is_placed = |vnic: u32| match vnic {
                // A VNIC comes to be once its instance is placed.
                own if own < MADE => self.instances.get(own).is_some_and(|row| row.live),
                card => self.vnic_place(card).is_some(),
            };
            if row.vnic.is_some_and(|vnic| !is_placed(vnic)) {
                return Err(format!("private address {number} is on a VNIC that ended"));
            }
        }
        self.check_free_addresses()?;
        self.check_public_addresses()?;
        self.check_cards()
    }

    fn check_free_addresses(&self) -> Result<(), String> {
        for (number, subnet) in self.network.subnets.iter().enumerate() {
            let with_row = |instance: &&u32| self.network.addresses.first_of(**instance).is_some();
            let own = subnet.members.len() - subnet.members.iter().filter(with_row).count();
            let (free, used) = (subnet.free(), (own + subnet.others.len()) as u32);
            if free + used != subnet.usable() {
                return Err(format!("subnet {number}: {free} free, {used} used, {} in all", subnet.usable()));
            }
        }
        Ok(())
    }

    fn check_public_addresses(&self) -> Result<(), String> {
        let (mut privates, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for (number, row) in self.network.addresses.public.iter().filter(|(_, row)| row.common.lives()) {
            if !texts.insert(row.address) {
                return Err(format!("public address {number} has the address of another one"));
            }
            match row.private {
                Some(private) if !privates.insert(private) => {
                    return Err(format!("private address {private} has two public ones"));
                }
                Some(private) if self.place_of_private(private).is_none() => {
                    return Err(format!("public address {number} is assigned to {private}, which is gone"));
                }
                None if !row.reserved => {
                    return Err(format!("public address {number} is ephemeral and not assigned"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_cards(&self) -> Result<(), String> {
        let addresses = &self.network.addresses;
        for (number, card) in addresses.cards.iter().filter(|(_, card)| card.common.lives()) {
            if !self.instances.get(card.instance).is_some_and(|row| row.live) {
                return Err(format!("VNIC {number} is attached to an instance that ended"));
            }
            let first = addresses.private.get(&card.first);
            if !first.is_some_and(|first| first.first && first.vnic == Some(*number)) {
                return Err(format!("VNIC {number} has no first address"));
            }
        }
        for (number, row) in addresses.version_6.iter().filter(|(_, row)| row.common.lives()) {
            if row.vnic.is_none() && !row.reserved {
                return Err(format!("IPv6 address {number} belongs to no VNIC and is not reserved"));
            }
            let subnet = &self.network.subnets[row.subnet as usize];
            let block = subnet.own.as_ref().and_then(|own| own.version_6);
            if !block.is_some_and(|block| block.contains(&row.address)) || !subnet.lives() {
                return Err(format!("IPv6 address {number} is not in its subnet"));
            }
        }
        Ok(())
    }
}
