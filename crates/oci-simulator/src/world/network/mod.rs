//! Networks, subnets and their addresses. A subnet has as many addresses as its prefix allows, less three that the service
//! reserves (Oracle: "VCNs and Subnets").
//!
//! Every region begins with a network, and a config adds those that it names. Nobody chose anything about these, so their rows
//! have no `own`. Networks that somebody makes or changes have one. All other parts of a network are in [`part`].

mod addresses;
mod api;
mod blocks;
mod contents;
mod dispatch;
mod groups;
mod invariants;
mod part;
mod parts;
mod rules;
mod services;
mod subnet;
mod subnets;
mod vcns;
mod version_6;
mod vnic_update;
mod vnics;

pub(super) use part::{Common, Content, MADE, Part, Phase};
pub(super) use parts::Labels;
pub(super) use subnet::{OwnSubnet, SubnetRow};

use super::ids::{Id, Kind};
use super::pairs;
use addresses::Addresses;
use ipnet::{Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use part::{DEFAULTS, is_default, phase_of};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A virtual cloud network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct VcnRow {
    pub compartment: u32,
    pub name: String,
    pub created: Timestamp,
    /// What somebody chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnVcn>>,
}

/// What somebody chose about a network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OwnVcn {
    pub common: Common,
    /// Its blocks, in the order in which they were added.
    pub blocks: Vec<Ipv4Net>,
    pub dns_label: Option<String>,
    /// Its block of addresses of version 6, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_6: Option<Ipv6Net>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl VcnRow {
    fn common(&self) -> Option<&Common> {
        self.own.as_ref().map(|own| &own.common)
    }

    /// Its state; `None` once it is gone.
    pub fn phase(&self, now: Timestamp) -> Option<Phase> {
        phase_of(self.common(), self.created, now)
    }

    /// Whether nobody has deleted it.
    pub fn lives(&self) -> bool {
        self.common().is_none_or(Common::lives)
    }
}

/// Networks, subnets and all other parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Network {
    pub vcns: Vec<VcnRow>,
    pub subnets: Vec<SubnetRow>,
    /// What somebody made, and the defaults that somebody changed.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<Id, Part>,
    #[serde(default, skip_serializing_if = "is_zero")]
    made_parts: u32,
    #[serde(default, skip_serializing_if = "Addresses::are_unused")]
    pub addresses: Addresses,
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
        self.vcns.push(VcnRow { compartment, name: format!("vcn-{}", number + 1), created, own: None });
        number
    }

    /// The blocks of a network. One that nobody chose has a block for each of its subnets.
    pub fn blocks(&self, vcn: u32) -> Vec<Ipv4Net> {
        if let Some(own) = self.vcns.get(vcn as usize).and_then(|row| row.own.as_ref()) {
            return own.blocks.clone();
        }
        let of_subnets = self.subnets.iter().filter(|subnet| subnet.vcn == vcn && !subnet.is_made());
        let mut blocks: Vec<Ipv4Net> = Vec::new();
        for subnet in of_subnets {
            let block = Ipv4Net::new_assert(Ipv4Addr::from(subnet.base), 16);
            if !blocks.contains(&block) {
                blocks.push(block);
            }
        }
        if blocks.is_empty() {
            blocks.push(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16));
        }
        blocks
    }

    /// The label of a network's domain, if it has one.
    pub fn dns_label(&self, vcn: u32) -> Option<String> {
        match self.vcns.get(vcn as usize).and_then(|row| row.own.as_ref()) {
            Some(own) => own.dns_label.clone(),
            None => Some(format!("vcn{}", vcn + 1)),
        }
    }

    /// What somebody chose about a network, to be changed: at first what it always had.
    fn own_vcn_mut(&mut self, vcn: u32) -> Option<&mut OwnVcn> {
        let (blocks, dns_label) = (self.blocks(vcn), self.dns_label(vcn));
        let row = self.vcns.get_mut(vcn as usize)?;
        let own = || Box::new(OwnVcn { blocks, dns_label, ..OwnVcn::default() });
        Some(row.own.get_or_insert_with(own))
    }

    /// A part, whether somebody made it or its network always had it.
    pub fn part(&self, id: Id) -> Option<Cow<'_, Part>> {
        if let Some(part) = self.parts.get(&id) {
            return Some(Cow::Borrowed(part));
        }
        let row = self.vcns.get(id.1 as usize).filter(|_| is_default(id))?;
        Some(Cow::Owned(self.default_part(id, row)))
    }

    /// A part to be changed.
    fn part_mut(&mut self, id: Id) -> Option<&mut Part> {
        if let (false, Some(row)) = (self.parts.contains_key(&id), self.vcns.get(id.1 as usize))
            && is_default(id)
        {
            let part = self.default_part(id, row);
            self.parts.insert(id, part);
        }
        self.parts.get_mut(&id)
    }

    /// All parts of a kind, of every network.
    pub fn parts_of(&self, kind: Kind) -> impl Iterator<Item = (Id, Cow<'_, Part>)> {
        let own = self.parts.range(Id(kind, 0)..=Id(kind, u32::MAX));
        let own = own.map(|(id, part)| (*id, Cow::Borrowed(part)));
        let unchanged = (0..self.vcns.len() as u32)
            .map(move |number| Id(kind, number))
            .filter(|id| is_default(*id) && !self.parts.contains_key(id));
        unchanged.filter_map(|id| Some((id, self.part(id)?))).chain(own)
    }

    /// Adds a part that somebody made.
    fn add_part(&mut self, kind: Kind, part: Part) -> Id {
        let id = Id(kind, MADE | self.made_parts);
        self.made_parts += 1;
        self.parts.insert(id, part);
        id
    }

    /// The kinds of default parts, for the end of a network.
    fn defaults_of(vcn: u32) -> impl Iterator<Item = Id> {
        DEFAULTS.into_iter().map(move |kind| Id(kind, vcn))
    }

    /// The newest subnet that nobody made: the one that a config names.
    pub fn named_subnet(&self) -> Option<&SubnetRow> {
        self.subnets.iter().rev().find(|subnet| !subnet.is_made())
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
        let block = self.free_block(vcn, number);
        if let Some(own) = self.vcns.get_mut(vcn as usize).and_then(|row| row.own.as_mut())
            && !own.blocks.contains(&block)
        {
            own.blocks.push(block);
        }
        self.subnets.push(SubnetRow {
            compartment,
            vcn,
            name,
            public,
            created: now,
            base: u32::from(block.network()),
            prefix: prefix.clamp(16, 30),
            // The network's own address and the router's are never assigned.
            next: 2,
            released: BTreeSet::new(),
            taken: BTreeSet::new(),
            members: BTreeSet::new(),
            others: BTreeSet::new(),
            own: None,
        });
        number
    }

    /// A block for another subnet of a network, the one with this number if nobody took it.
    fn free_block(&self, vcn: u32, number: u32) -> Ipv4Net {
        let block =
            |number: u32| Ipv4Net::new_assert(Ipv4Addr::from((10 << 24) | ((number & 255) << 16)), 16);
        let own: Vec<Ipv4Net> =
            self.subnets.iter().filter(|subnet| subnet.vcn == vcn).map(SubnetRow::block).collect();
        let mut all = (number..number + 256).map(block);
        all.find(|block| own.iter().all(|own| !blocks::overlap(*own, *block)))
            .unwrap_or_else(|| block(number))
    }

    /// Adds a subnet that somebody made.
    fn add_own_subnet(
        &mut self,
        compartment: u32,
        vcn: u32,
        name: String,
        block: Ipv4Net,
        new: NewSubnet,
    ) -> u32 {
        let number = self.subnets.len() as u32;
        self.subnets.push(SubnetRow {
            compartment,
            vcn,
            name,
            public: new.public,
            created: new.created,
            base: u32::from(block.network()),
            prefix: block.prefix_len(),
            next: 2,
            released: BTreeSet::new(),
            taken: BTreeSet::new(),
            members: BTreeSet::new(),
            others: BTreeSet::new(),
            own: Some(Box::new(new.own)),
        });
        number
    }

    /// The address of a NAT gateway, from another block of Oracle's in Phoenix.
    fn nat_address(Id(_, number): Id) -> Ipv4Addr {
        Ipv4Addr::from((129_u32 << 24 | 213 << 16) + (number & 0xFFFF) + 1)
    }

    /// The public address of an instance, from blocks that Oracle uses in Phoenix. Every instance has its own.
    pub fn public_address(instance: u32) -> Ipv4Addr {
        Ipv4Addr::from((129_u32 << 24 | 146 << 16).wrapping_add(instance + 1))
    }
}

/// What is new about a subnet that somebody makes.
struct NewSubnet {
    public: bool,
    created: Timestamp,
    own: OwnSubnet,
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
