//! Addresses and VNICs that somebody makes: secondary VNICs, private and public addresses, addresses of version 6.
//!
//! An instance is launched with one VNIC, one private address and at most one public address. These share its number and need no
//! rows. Everything else has a row here, with a number from [`MADE`] on: what somebody made, and what somebody changed.

mod bulk;
mod cards;
mod ending;
mod invariants;
mod ipv6;
mod private;
mod private_change;
mod private_lists;
mod public;
mod public_change;

use super::part::{Common, MADE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;

/// A secondary VNIC, with its attachment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CardRow {
    pub instance: u32,
    pub subnet: u32,
    /// The number of its first private address.
    pub first: u32,
    pub name: String,
    pub attachment_name: Option<String>,
    pub groups: Vec<String>,
    pub skips_check: bool,
    pub route_table: Option<String>,
    pub created: Timestamp,
    /// What is deleted is detached.
    pub common: Common,
}

/// A private address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PrivateRow {
    pub compartment: u32,
    pub subnet: u32,
    pub address: u32,
    /// The VNIC to which it is assigned. Only a reserved address can have none.
    pub vnic: Option<u32>,
    /// Whether it is the first address of its VNIC.
    pub first: bool,
    pub reserved: bool,
    pub name: String,
    /// The host name of an address that is not the first one of an instance, whose row has it.
    pub hostname: Option<String>,
    pub created: Timestamp,
    pub common: Common,
}

/// A public address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PublicRow {
    pub compartment: u32,
    pub address: u32,
    pub reserved: bool,
    /// The private address to which it is assigned. Only a reserved address can have none.
    pub private: Option<u32>,
    pub name: String,
    pub created: Timestamp,
    /// When it was last assigned to another private address, or to none.
    pub changed: Timestamp,
    pub common: Common,
}

/// An address of version 6.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ipv6Row {
    pub compartment: u32,
    pub subnet: u32,
    pub address: Ipv6Addr,
    pub vnic: Option<u32>,
    pub reserved: bool,
    pub name: String,
    pub created: Timestamp,
    pub common: Common,
}

/// All of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::world) struct Addresses {
    cards: BTreeMap<u32, CardRow>,
    private: BTreeMap<u32, PrivateRow>,
    public: BTreeMap<u32, PublicRow>,
    version_6: BTreeMap<u32, Ipv6Row>,
    /// Instances whose first private address has a row, with its number.
    firsts: BTreeMap<u32, u32>,
    made: u32,
}

impl Addresses {
    /// The compartments of the reserved public addresses, one for each.
    pub fn compartments_of_reserved(&self) -> impl Iterator<Item = u32> {
        let reserved = self.public.values().filter(|row| row.reserved && row.common.lives());
        reserved.map(|row| row.compartment)
    }

    pub fn are_unused(&self) -> bool {
        self.made == 0
    }

    /// The number of the next row.
    fn next_number(&mut self) -> u32 {
        self.made += 1;
        MADE | (self.made - 1)
    }

    /// The row of the first private address of an instance, if it has one.
    pub fn first_of(&self, instance: u32) -> Option<u32> {
        self.firsts.get(&instance).copied()
    }

    /// The address of a private one that has a row.
    pub fn address_of(&self, private: u32) -> Option<u32> {
        self.private.get(&private).map(|row| row.address)
    }

    /// The compartment of an address that has a row.
    pub fn compartment_of(&self, kind: crate::world::ids::Kind, number: u32) -> Option<u32> {
        use crate::world::ids::Kind;
        match kind {
            Kind::PrivateIp => self.private.get(&number).map(|row| row.compartment),
            Kind::PublicIp => self.public.get(&number).map(|row| row.compartment),
            _ => self.version_6.get(&number).map(|row| row.compartment),
        }
    }

    /// Whether a compartment has an address that is not an instance's.
    pub fn is_in(&self, compartment: u32) -> bool {
        self.private.values().any(|row| row.compartment == compartment)
            || self.public.values().any(|row| row.compartment == compartment && row.common.lives())
            || self.version_6.values().any(|row| row.compartment == compartment && row.common.lives())
    }

    /// The instance of a secondary VNIC, attached or not.
    pub fn instance_of(&self, card: u32) -> Option<u32> {
        self.cards.get(&card).map(|row| row.instance)
    }
}

/// Where a VNIC is.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct VnicPlace {
    pub instance: u32,
    pub subnet: u32,
    pub compartment: u32,
    pub ad: u8,
    /// The number of its first private address.
    pub first: u32,
}
