//! Networks, subnets and their addresses. A subnet has as many addresses as its prefix allows, less three that the service
//! reserves (Oracle: "VCNs and Subnets").

mod api;
mod vnics;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A virtual cloud network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct VcnRow {
    pub compartment: u32,
    pub name: String,
    pub created: Timestamp,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SubnetRow {
    pub compartment: u32,
    pub vcn: u32,
    pub name: String,
    pub public: bool,
    pub created: Timestamp,
    base: u32,
    prefix: u8,
    /// Addresses from this offset on were never assigned, except for those in `taken`.
    next: u32,
    released: BTreeSet<u32>,
    taken: BTreeSet<u32>,
    /// Instances with a VNIC here.
    pub members: BTreeSet<u32>,
}

impl SubnetRow {
    fn size(&self) -> u32 {
        1 << (32 - self.prefix)
    }

    pub fn cidr(&self) -> String {
        format!("{}/{}", Ipv4Addr::from(self.base), self.prefix)
    }

    /// The total number of addresses that VNICs can have.
    pub fn usable(&self) -> u32 {
        self.size() - 3
    }

    /// The number of free addresses.
    pub fn free(&self) -> u32 {
        let reserved_ahead = self.taken.range(self.next..).count() as u32;
        (self.size() - 1).saturating_sub(self.next).saturating_sub(reserved_ahead)
            + self.released.len() as u32
    }

    /// Takes the lowest free address.
    fn take_any(&mut self) -> Option<u32> {
        if let Some(offset) = self.released.pop_first() {
            return Some(self.base + offset);
        }
        while self.taken.remove(&self.next) {
            self.next += 1;
        }
        if self.next >= self.size() - 1 {
            return None;
        }
        self.next += 1;
        Some(self.base + self.next - 1)
    }

    /// Takes this address; returns false if it is not in the subnet or not free.
    fn take(&mut self, address: u32) -> bool {
        let Some(offset) = address.checked_sub(self.base).filter(|at| (2..self.size() - 1).contains(at))
        else {
            return false;
        };
        self.released.remove(&offset) || (offset >= self.next && self.taken.insert(offset))
    }

    /// Releases an address.
    pub fn release(&mut self, address: u32) {
        let offset = address.wrapping_sub(self.base);
        if offset < self.next {
            self.released.insert(offset);
        } else {
            self.taken.remove(&offset);
        }
    }
}

/// Networks and subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Network {
    pub vcns: Vec<VcnRow>,
    pub subnets: Vec<SubnetRow>,
}

impl Network {
    /// A network with a public and a private subnet, in the first compartment below the root.
    pub fn new(prefix: u8, now: Timestamp) -> Self {
        let mut network = Self::default();
        let vcn = network.add_vcn(1, now);
        network.add_subnet(1, vcn, true, prefix, now);
        network.add_subnet(1, vcn, false, prefix, now);
        network
    }

    pub fn add_vcn(&mut self, compartment: u32, created: Timestamp) -> u32 {
        let number = self.vcns.len() as u32;
        self.vcns.push(VcnRow { compartment, name: format!("vcn-{}", number + 1), created });
        number
    }

    pub fn add_subnet(
        &mut self,
        compartment: u32,
        vcn: u32,
        public: bool,
        prefix: u8,
        now: Timestamp,
    ) -> u32 {
        let number = self.subnets.len() as u32;
        let name = format!("{}-subnet-{}", if public { "public" } else { "private" }, number + 1);
        self.subnets.push(SubnetRow {
            compartment,
            vcn,
            name,
            public,
            created: now,
            base: (10 << 24) | ((number & 255) << 16),
            prefix: prefix.clamp(16, 30),
            // The network's own address and the router's are never assigned.
            next: 2,
            released: BTreeSet::new(),
            taken: BTreeSet::new(),
            members: BTreeSet::new(),
        });
        number
    }

    /// The public address of an instance, from blocks that Oracle uses in Phoenix. Every instance has its own.
    pub fn public_address(instance: u32) -> Ipv4Addr {
        Ipv4Addr::from((129_u32 << 24 | 146 << 16).wrapping_add(instance + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_lends_exactly_its_usable_addresses() {
        let mut network = Network::default();
        network.add_subnet(0, 0, true, 29, Timestamp::UNIX_EPOCH);
        let subnet = &mut network.subnets[0];
        assert_eq!(subnet.free(), 5);
        assert!(subnet.take(subnet.base + 4));
        assert!(!subnet.take(subnet.base + 4));
        assert!(!subnet.take(subnet.base + 7), "the broadcast address");
        let taken: Vec<u32> = std::iter::from_fn(|| subnet.take_any()).map(|at| at & 255).collect();
        assert_eq!(taken, [2, 3, 5, 6]);
        assert_eq!(subnet.free(), 0);
        subnet.release(subnet.base + 4);
        subnet.release(subnet.base + 2);
        assert_eq!((subnet.free(), subnet.take_any().map(|at| at & 255)), (2, Some(2)));
    }
}
