//! A subnet: what somebody chose about it, and its addresses.

use super::part::{Common, Phase, phase_of};
use crate::world::ids::{Id, Kind};
use ipnet::{Ipv4Net, Ipv6Net};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::world) struct SubnetRow {
    pub compartment: u32,
    pub vcn: u32,
    pub name: String,
    pub public: bool,
    pub created: Timestamp,
    pub(super) base: u32,
    pub(super) prefix: u8,
    /// Addresses from this offset on were never assigned, except for those in `taken`.
    pub(super) next: u32,
    pub(super) released: BTreeSet<u32>,
    pub(super) taken: BTreeSet<u32>,
    /// Instances with a VNIC here.
    pub members: BTreeSet<u32>,
    /// Private addresses here that have a row.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<u32>,
    /// What somebody chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnSubnet>>,
}

/// What somebody chose about a subnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::world) struct OwnSubnet {
    pub common: Common,
    pub dns_label: Option<String>,
    /// The availability domain to which it belongs; `None` if it is regional.
    pub ad: Option<u8>,
    pub no_ingress: bool,
    /// `None` for the defaults of its network.
    pub route_table: Option<u32>,
    pub security_lists: Option<Vec<u32>>,
    pub dhcp_options: Option<u32>,
    /// Its block of addresses of version 6, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_6: Option<Ipv6Net>,
}

impl SubnetRow {
    fn size(&self) -> u32 {
        1 << (32 - self.prefix)
    }

    pub fn block(&self) -> Ipv4Net {
        Ipv4Net::new_assert(Ipv4Addr::from(self.base), self.prefix)
    }

    pub(super) fn common(&self) -> Option<&Common> {
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

    /// Whether somebody made it, instead of the region or a config.
    pub(super) fn is_made(&self) -> bool {
        self.common().is_some_and(|common| common.made)
    }

    /// The label of its domain, if it has one.
    pub fn dns_label(&self) -> Option<Cow<'_, str>> {
        match &self.own {
            Some(own) => own.dns_label.as_deref().map(Cow::Borrowed),
            None => Some(Cow::Owned(self.name.replace('-', ""))),
        }
    }

    /// The numbers of its route table, its security lists and its DHCP options.
    pub(super) fn parts(&self) -> (u32, Vec<u32>, u32) {
        let own = self.own.as_deref();
        (
            own.and_then(|own| own.route_table).unwrap_or(self.vcn),
            own.and_then(|own| own.security_lists.clone()).unwrap_or_else(|| vec![self.vcn]),
            own.and_then(|own| own.dhcp_options).unwrap_or(self.vcn),
        )
    }

    /// Whether a resource of its network is in use here.
    pub(super) fn uses(&self, Id(kind, number): Id) -> bool {
        let (route_table, security_lists, dhcp_options) = self.parts();
        match kind {
            Kind::RouteTable => route_table == number,
            Kind::SecurityList => security_lists.contains(&number),
            Kind::DhcpOptions => dhcp_options == number,
            _ => false,
        }
    }

    /// What somebody chose, to be changed: at first what it always had.
    pub(super) fn own_mut(&mut self) -> &mut OwnSubnet {
        let dns_label = self.dns_label().map(Cow::into_owned);
        let no_ingress = !self.public;
        self.own.get_or_insert_with(|| Box::new(OwnSubnet { dns_label, no_ingress, ..OwnSubnet::default() }))
    }

    /// The highest offset that was ever assigned.
    pub(super) fn highest(&self) -> u32 {
        self.taken.last().copied().unwrap_or(0).max(self.next.saturating_sub(1))
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
    pub(super) fn take_any(&mut self) -> Option<u32> {
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
    pub(super) fn take(&mut self, address: u32) -> bool {
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
