//! Addresses of version 6, in subnets that have a block of them (Oracle: "IPv6 Addresses").

use super::{Ipv6Row, VnicPlace};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::network::part::{Common, Phase};
use crate::world::network::parts::Labels;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use ipnet::Ipv6Net;
use oci_api::models::{
    CreateIpv6Details, Ipv6, Ipv6IpState, Ipv6LifecycleState, Ipv6Lifetime, UpdateIpv6Details,
};
use std::net::Ipv6Addr;

/// The maximum number of addresses of a VNIC (Oracle: "IPv6 Addresses").
const ADDRESSES_MAX: usize = 32;

impl World {
    /// Refuses a new VNIC that asks for an address of version 6 where there are none (text invented).
    pub(in crate::world) fn check_ipv6_of_new(
        &self,
        subnet: u32,
        wish: Option<bool>,
    ) -> Result<(), ApiError> {
        if wish == Some(true) {
            self.ipv6_block(subnet)?;
        }
        Ok(())
    }

    fn ipv6_block(&self, subnet: u32) -> Result<Ipv6Net, ApiError> {
        let own = self.network.subnets.get(subnet as usize).and_then(|row| row.own.as_ref());
        own.and_then(|own| own.version_6).ok_or_else(|| {
            let ocid = self.ids.text(Id(Kind::Subnet, subnet));
            error::invalid(format!("subnet {ocid} has no IPv6 CIDR block"))
        })
    }

    /// A free address of a subnet, or this one.
    fn free_ipv6(&self, subnet: u32, wanted: Option<&str>) -> Result<Ipv6Addr, ApiError> {
        let block = self.ipv6_block(subnet)?;
        let addresses = &self.network.addresses;
        let is_free = |address: Ipv6Addr| {
            !addresses.version_6.values().any(|row| row.address == address && row.common.lives())
        };
        if let Some(text) = wanted {
            let address: Ipv6Addr = text
                .parse()
                .map_err(|_| error::invalid(format!("ipAddress '{text}' is not an IPv6 address")))?;
            // The first addresses of a block belong to the network itself.
            let is_usable = block.contains(&address) && u128::from(address) & 0xFFFF_FFFF_FFFF_FFFF > 7;
            return if is_usable && is_free(address) {
                Ok(address)
            } else {
                let ocid = self.ids.text(Id(Kind::Subnet, subnet));
                Err(error::invalid(format!(
                    "The requested IP address {text} is not available in subnet {ocid}"
                )))
            };
        }
        let base = u128::from(block.network()) | 1 << 63;
        let first = u128::from(addresses.made);
        let mut all = (first..).map(|offset| Ipv6Addr::from(base + offset));
        all.find(|address| is_free(*address)).ok_or_else(error::not_found)
    }

    /// Gives a new VNIC an address of version 6.
    pub(in crate::world) fn add_usual_ipv6(
        &mut self,
        vnic: u32,
        subnet: u32,
        compartment: u32,
    ) -> Result<(), ApiError> {
        let address = self.free_ipv6(subnet, None)?;
        let number = self.network.addresses.next_number();
        let row = Ipv6Row {
            compartment,
            subnet,
            address,
            vnic: Some(vnic),
            reserved: false,
            name: format!("ipv6{}", stamp(self.now)),
            created: self.now,
            common: Common::default(),
        };
        self.network.addresses.version_6.insert(number, row);
        Ok(())
    }

    /// The addresses of version 6 of a VNIC, as text.
    pub(in crate::world::network) fn ipv6_texts(&self, vnic: u32) -> Option<Vec<String>> {
        let rows = self.network.addresses.version_6.values();
        let own = rows.filter(|row| row.vnic == Some(vnic) && row.common.lives());
        let texts: Vec<String> = own.map(|row| row.address.to_string()).collect();
        (!texts.is_empty()).then_some(texts)
    }

    /// The first address of version 6 in a subnet, which keeps it from being deleted.
    pub(in crate::world::network) fn ipv6_in_subnet(&self, subnet: u32) -> Option<u32> {
        let mut rows = self.network.addresses.version_6.iter();
        rows.find(|(_, row)| row.subnet == subnet && row.common.lives()).map(|(number, _)| *number)
    }

    fn ipv6(&self, ocid: &str) -> Result<(u32, &Ipv6Row), ApiError> {
        let number = self.ids.number(Kind::Ipv6, ocid).ok_or_else(error::not_found)?;
        let row = self.network.addresses.version_6.get(&number);
        let row = row.filter(|row| row.common.phase(row.created, self.now).is_some());
        row.map(|row| (number, row)).ok_or_else(error::not_found)
    }

    /// The living VNIC with this OCID, if it can have another address.
    fn vnic_with_room(&self, ocid: &str) -> Result<(u32, VnicPlace), ApiError> {
        let (vnic, place) = self.vnic(ocid)?;
        let rows = self.network.addresses.version_6.values();
        if rows.filter(|row| row.vnic == Some(vnic) && row.common.lives()).count() >= ADDRESSES_MAX {
            return Err(error::limit_exceeded(&["ipv6-per-vnic-count".to_owned()]));
        }
        Ok((vnic, place))
    }

    pub(in crate::world) fn create_ipv6(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateIpv6Details = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let reserved = new.lifetime.as_ref().is_some_and(|lifetime| lifetime.as_str() == "RESERVED");
        let given = |ocid: Option<String>| ocid.filter(|ocid| !ocid.is_empty());
        let subnet = given(new.subnet_id).map(|ocid| self.subnet(&ocid)).transpose()?;
        let vnic = given(new.vnic_id).map(|ocid| self.vnic_with_room(&ocid)).transpose()?;
        let (subnet, compartment) = match (vnic, subnet) {
            (Some((_, place)), None) => (place.subnet, place.compartment),
            (Some((_, place)), Some(subnet)) if subnet == place.subnet => (subnet, place.compartment),
            (Some(_), Some(_)) => return Err(error::invalid("subnetId is not the subnet of the VNIC")),
            (None, Some(subnet)) if reserved => (subnet, self.network.subnets[subnet as usize].compartment),
            (None, _) => {
                return Err(error::invalid("vnicId is required, or subnetId with the lifetime RESERVED"));
            }
        };
        self.check_ipv6_subnet(subnet, new.ipv6_subnet_cidr.as_deref(), new.cidr_prefix_length)?;
        let address = self.free_ipv6(subnet, new.ip_address.as_deref().filter(|text| !text.is_empty()))?;
        let row = Ipv6Row {
            compartment,
            subnet,
            address,
            vnic: vnic.map(|(vnic, _)| vnic),
            reserved,
            name: labels.display_name.clone().unwrap_or_else(|| format!("ipv6{}", stamp(self.now))),
            created: self.now,
            common: self.common_of_new(labels, request),
        };
        let number = self.network.addresses.next_number();
        self.network.addresses.version_6.insert(number, row);
        let id = Id(Kind::Ipv6, number);
        self.log.push(self.now, "ipv6_created", Some(id), None);
        Ok((self.ipv6_answer(request, number)?, Some(id)))
    }

    fn check_ipv6_subnet(
        &self,
        subnet: u32,
        block: Option<&str>,
        prefix: Option<i64>,
    ) -> Result<(), ApiError> {
        if !self.network.subnets[subnet as usize].lives() {
            let ocid = self.ids.text(Id(Kind::Subnet, subnet));
            return Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")));
        }
        if prefix.is_some_and(|prefix| prefix != 128) {
            return Err(error::invalid("cidrPrefixLength: this simulated region has single addresses only"));
        }
        let own = self.ipv6_block(subnet)?;
        match block.filter(|text| !text.is_empty()).map(str::parse::<Ipv6Net>) {
            Some(Ok(block)) if block != own => {
                Err(error::invalid(format!("ipv6SubnetCidr {block} is not the block {own} of the subnet")))
            }
            Some(Err(_)) => Err(error::invalid("ipv6SubnetCidr is not an IPv6 CIDR block")),
            _ => Ok(()),
        }
    }

    fn ipv6_model(&self, number: u32, row: &Ipv6Row) -> Ipv6 {
        let state = match row.common.phase(row.created, self.now) {
            Some(Phase::Provisioning) => Ipv6LifecycleState::Provisioning,
            Some(Phase::Available) => Ipv6LifecycleState::Available,
            Some(Phase::Terminating) => Ipv6LifecycleState::Terminating,
            None => Ipv6LifecycleState::Terminated,
        };
        Ipv6 {
            id: self.ids.text(Id(Kind::Ipv6, number)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: row.name.clone(),
            freeform_tags: Some(row.common.tags.clone()),
            ip_address: row.address.to_string(),
            lifecycle_state: state,
            subnet_id: self.ids.text(Id(Kind::Subnet, row.subnet)),
            time_created: Some(row.created),
            vnic_id: row.vnic.map(|vnic| self.ids.text(Id(Kind::Vnic, vnic))),
            ip_state: Some(if row.vnic.is_some() { Ipv6IpState::Assigned } else { Ipv6IpState::Available }),
            lifetime: Some(if row.reserved { Ipv6Lifetime::Reserved } else { Ipv6Lifetime::Ephemeral }),
            ..Ipv6::default()
        }
    }

    /// The result of an operation that shows one address of version 6.
    pub(in crate::world) fn ipv6_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.network.addresses.version_6.get(&number).ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::Ipv6, number), row.common.version);
        Ok(answer(request.operation, &self.ipv6_model(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_ipv6(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.ipv6(request.in_path("ipv6Id"))?;
        self.ipv6_answer(request, number)
    }

    pub(in crate::world) fn list_ipv6s(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let subnet = request.in_query("subnetId").map(|ocid| self.subnet(ocid)).transpose()?;
        let vnic = request.in_query("vnicId").map(|ocid| self.ids.number(Kind::Vnic, ocid));
        let is = |name: &str, own: &str| {
            request.in_query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
        };
        let horizon = self.list_horizon();
        let rows = self.network.addresses.version_6.iter().filter(|(_, row)| {
            row.created <= horizon
                && row.common.phase(row.created, self.now).is_some()
                && subnet.is_none_or(|subnet| subnet == row.subnet)
                && vnic.is_none_or(|vnic| vnic.is_some() && vnic == row.vnic)
                && is("ipAddress", &row.address.to_string())
                && is("ipState", if row.vnic.is_some() { "ASSIGNED" } else { "AVAILABLE" })
                && is("lifetime", if row.reserved { "RESERVED" } else { "EPHEMERAL" })
        });
        let rows = rows.map(|(number, row)| {
            (Cursor { number: *number, ..Cursor::default() }, self.ipv6_model(*number, row))
        });
        page.answer_small(request, Order { by_name: false, descending: false }, rows.collect())
    }

    fn changed_ipv6(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let ocid = request.in_path("ipv6Id");
        let (number, row) = self.ipv6(ocid)?;
        request.check_etag(&self.etag(Id(Kind::Ipv6, number), row.common.version))?;
        if row.common.lives() {
            return Ok(number);
        }
        Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")))
    }

    /// Changes an address. It moves to another VNIC of its subnet, and a reserved one also to none (Oracle: UpdateIpv6; texts
    /// invented).
    pub(in crate::world) fn update_ipv6(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_ipv6(request)?;
        let new: UpdateIpv6Details = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let row = self.network.addresses.version_6.get(&number).ok_or_else(error::not_found)?;
        let vnic = match new.vnic_id.as_deref() {
            None => row.vnic,
            Some("") => None,
            Some(ocid) if self.vnic(ocid)?.1.subnet != row.subnet => {
                return Err(error::invalid("an IPv6 address moves to a VNIC of its own subnet only"));
            }
            Some(ocid) if row.vnic == Some(self.vnic(ocid)?.0) => row.vnic,
            Some(ocid) => Some(self.vnic_with_room(ocid)?.0),
        };
        let reserved = new.lifetime.as_ref().map_or(row.reserved, |lifetime| lifetime.as_str() == "RESERVED");
        if vnic.is_none() && !reserved {
            return Err(error::invalid("only a RESERVED IPv6 address can be assigned to no VNIC"));
        }
        if let Some(row) = self.network.addresses.version_6.get_mut(&number) {
            labels.apply(&mut row.name, &mut row.common);
            (row.vnic, row.reserved) = (vnic, reserved);
        }
        self.log.push(self.now, "ipv6_updated", Some(Id(Kind::Ipv6, number)), None);
        self.ipv6_answer(request, number)
    }

    pub(in crate::world) fn delete_ipv6(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_ipv6(request)?;
        let now = self.now;
        if let Some(row) = self.network.addresses.version_6.get_mut(&number) {
            row.vnic = None;
            row.common.deleted = Some(now);
            row.common.version += 1;
        }
        self.log.push(now, "ipv6_deleted", Some(Id(Kind::Ipv6, number)), None);
        Ok(empty(request.operation))
    }
}
