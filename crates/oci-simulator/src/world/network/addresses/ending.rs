//! What becomes of addresses when their VNIC ends: what was its own ends with it, and what is reserved stays.

use crate::world::network::part::MADE;
use crate::world::state::World;

impl World {
    /// Frees the addresses and VNICs of an instance that ends. Returns whether its first address has a row, which was freed here.
    pub(in crate::world) fn end_addresses(&mut self, instance: u32) -> bool {
        if self.network.addresses.are_unused() {
            return false;
        }
        let cards: Vec<u32> = self.cards_of(instance).collect();
        for card in cards {
            self.end_card(card);
        }
        self.end_public_of(instance);
        self.end_addresses_of(instance);
        self.network.addresses.firsts.remove(&instance).is_some()
    }

    /// Forgets the attachments of an instance that lists no longer show.
    pub(in crate::world) fn forget_cards(&mut self, instance: u32) {
        self.network.addresses.cards.retain(|_, card| card.instance != instance);
    }

    /// Detaches a secondary VNIC.
    pub(super) fn end_card(&mut self, number: u32) {
        self.end_addresses_of(number);
        let now = self.now;
        if let Some(card) = self.network.addresses.cards.get_mut(&number) {
            card.common.deleted = Some(now);
            card.common.version += 1;
        }
    }

    fn end_addresses_of(&mut self, vnic: u32) {
        let addresses = &self.network.addresses;
        let rows = addresses.private.iter().filter(|(_, row)| row.vnic == Some(vnic));
        let own: Vec<(u32, bool)> = rows.map(|(number, row)| (*number, row.reserved)).collect();
        for (number, is_reserved) in own {
            if is_reserved {
                self.end_public_of(number);
                if let Some(row) = self.network.addresses.private.get_mut(&number) {
                    (row.vnic, row.first) = (None, false);
                    row.common.version += 1;
                }
            } else {
                self.end_private(number);
            }
        }
        self.network.addresses.version_6.retain(|_, row| row.vnic != Some(vnic) || row.reserved);
        for row in self.network.addresses.version_6.values_mut().filter(|row| row.vnic == Some(vnic)) {
            row.vnic = None;
            row.common.version += 1;
        }
    }

    /// Ends a private address that has a row, and frees its address.
    pub(super) fn end_private(&mut self, number: u32) {
        self.end_public_of(number);
        let Some(row) = self.network.addresses.private.remove(&number).filter(|_| number >= MADE) else {
            return;
        };
        let subnet = &mut self.network.subnets[row.subnet as usize];
        subnet.others.remove(&number);
        subnet.release(row.address);
    }

    /// Takes the public address from a private one that ends.
    pub(super) fn end_public_of(&mut self, private: u32) {
        let now = self.now;
        let public = &mut self.network.addresses.public;
        public.retain(|_, row| row.private != Some(private) || row.reserved);
        for row in public.values_mut().filter(|row| row.private == Some(private)) {
            row.private = None;
            row.changed = now;
            row.common.version += 1;
        }
    }
}
