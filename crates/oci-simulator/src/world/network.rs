//! Networks, subnets and their addresses. A subnet has as many addresses as its prefix leaves, less three that the
//! service keeps (Oracle: "VCNs and Subnets").

use super::World;
use super::api::{ApiError, ApiRequest, ApiResult};
use super::error;
use super::identity::compartment_ocid;
use super::ids::{Id, Kind};
use super::paging::{Cursor, Order};
use super::request::answer;
use jiff::Timestamp;
use oci_api::models::{Subnet, SubnetLifecycleState, Vcn, VcnLifecycleState};
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
    /// Addresses from this offset on were never given out, but for those in `taken`.
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

    /// How many addresses there are for VNICs.
    pub fn usable(&self) -> u32 {
        self.size() - 3
    }

    /// How many addresses are left.
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

    /// Takes this address, if it is in the subnet and free.
    fn take(&mut self, address: u32) -> bool {
        let Some(offset) = address.checked_sub(self.base).filter(|at| (2..self.size() - 1).contains(at))
        else {
            return false;
        };
        self.released.remove(&offset) || (offset >= self.next && self.taken.insert(offset))
    }

    /// Gives an address back.
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
            // The network's own address and the router's are never given out.
            next: 2,
            released: BTreeSet::new(),
            taken: BTreeSet::new(),
            members: BTreeSet::new(),
        });
        number
    }

    /// The public address of an instance: one each, from blocks that Oracle uses in Phoenix.
    pub fn public_address(instance: u32) -> Ipv4Addr {
        Ipv4Addr::from((129_u32 << 24 | 146 << 16).wrapping_add(instance + 1))
    }
}

impl World {
    /// The subnet with this OCID, or 404.
    pub(super) fn subnet(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Subnet, ocid);
        number.filter(|number| (*number as usize) < self.network.subnets.len()).ok_or_else(error::not_found)
    }

    /// Takes an address in a subnet for an instance (both error texts invented).
    pub(super) fn take_address(&mut self, subnet: u32, wanted: Option<&str>) -> Result<u32, ApiError> {
        let ocid = self.ids.text(Id(Kind::Subnet, subnet));
        let row = &mut self.network.subnets[subnet as usize];
        let Some(wanted) = wanted else {
            return row.take_any().ok_or_else(|| {
                error::invalid(format!("Subnet {ocid} does not have enough free IP addresses"))
            });
        };
        let address = wanted.parse::<Ipv4Addr>().map(u32::from);
        let address =
            address.map_err(|_| error::invalid(format!("privateIp '{wanted}' is not an IPv4 address")))?;
        if row.take(address) {
            Ok(address)
        } else {
            Err(error::invalid(format!(
                "The requested IP address {wanted} is not available in subnet {ocid}"
            )))
        }
    }

    fn subnet_model(&self, number: u32) -> Subnet {
        let row = &self.network.subnets[number as usize];
        let label = row.name.replace('-', "");
        Subnet {
            id: self.ids.text(Id(Kind::Subnet, number)),
            vcn_id: self.ids.text(Id(Kind::Vcn, row.vcn)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            cidr_block: Some(row.cidr()),
            ipv4_cidr_blocks: Some(vec![row.cidr()]),
            display_name: Some(row.name.clone()),
            dns_label: Some(label.clone()),
            subnet_domain_name: Some(format!("{label}.vcn{}.oraclevcn.com", row.vcn + 1)),
            lifecycle_state: SubnetLifecycleState::Available,
            prohibit_public_ip_on_vnic: Some(!row.public),
            prohibit_internet_ingress: Some(!row.public),
            route_table_id: self.ids.text(Id(Kind::RouteTable, row.vcn)),
            security_list_ids: Some(vec![self.ids.text(Id(Kind::SecurityList, row.vcn))]),
            dhcp_options_id: Some(self.ids.text(Id(Kind::DhcpOptions, row.vcn))),
            virtual_router_ip: Some(Ipv4Addr::from(row.base + 1).to_string()),
            virtual_router_mac: format!("00:00:17:{:02X}:00:01", number & 255),
            time_created: Some(row.created),
            ..Subnet::default()
        }
    }

    pub(super) fn get_subnet(&self, request: &ApiRequest) -> ApiResult {
        let number = self.subnet(request.in_path("subnetId"))?;
        let etag = self.etag(Id(Kind::Subnet, number), 0);
        Ok(answer(request.operation, &self.subnet_model(number))?.with_etag(etag))
    }

    pub(super) fn list_subnets(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let vcn = request.in_query("vcnId").map(|ocid| self.vcn(ocid)).transpose()?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state =
            request.in_query("lifecycleState").is_none_or(|state| state.eq_ignore_ascii_case("AVAILABLE"));
        let rows = self.network.subnets.iter().zip(0..).filter(|(row, _)| {
            state
                && row.compartment == compartment
                && vcn.is_none_or(|vcn| row.vcn == vcn)
                && name.is_none_or(|name| row.name == name)
        });
        let rows = rows
            .map(|(row, number)| {
                (Cursor { group: 0, name: row.name.clone(), number }, self.subnet_model(number))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    fn vcn(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Vcn, ocid);
        number.filter(|number| (*number as usize) < self.network.vcns.len()).ok_or_else(error::not_found)
    }

    fn vcn_model(&self, number: u32) -> Vcn {
        let row = &self.network.vcns[number as usize];
        let blocks: Vec<String> = self
            .network
            .subnets
            .iter()
            .filter(|subnet| subnet.vcn == number)
            .map(|subnet| format!("{}/16", Ipv4Addr::from(subnet.base)))
            .collect();
        Vcn {
            id: self.ids.text(Id(Kind::Vcn, number)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            cidr_block: blocks.first().cloned().unwrap_or_else(|| "10.0.0.0/16".into()),
            cidr_blocks: blocks,
            display_name: Some(row.name.clone()),
            dns_label: Some(format!("vcn{}", number + 1)),
            vcn_domain_name: Some(format!("vcn{}.oraclevcn.com", number + 1)),
            default_route_table_id: Some(self.ids.text(Id(Kind::RouteTable, number))),
            default_security_list_id: Some(self.ids.text(Id(Kind::SecurityList, number))),
            default_dhcp_options_id: Some(self.ids.text(Id(Kind::DhcpOptions, number))),
            lifecycle_state: VcnLifecycleState::Available,
            time_created: Some(row.created),
            ..Vcn::default()
        }
    }

    pub(super) fn get_vcn(&self, request: &ApiRequest) -> ApiResult {
        let number = self.vcn(request.in_path("vcnId"))?;
        let etag = self.etag(Id(Kind::Vcn, number), 0);
        Ok(answer(request.operation, &self.vcn_model(number))?.with_etag(etag))
    }

    pub(super) fn list_vcns(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state =
            request.in_query("lifecycleState").is_none_or(|state| state.eq_ignore_ascii_case("AVAILABLE"));
        let rows = self.network.vcns.iter().zip(0..).filter(|(row, _)| {
            state && row.compartment == compartment && name.is_none_or(|name| row.name == name)
        });
        let rows = rows
            .map(|(row, number)| {
                (Cursor { group: 0, name: row.name.clone(), number }, self.vcn_model(number))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
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
