//! Finds subnets and networks by OCID, assigns addresses, and serves GetSubnet, GetVcn and their lists.

use super::part::Phase;
use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::state::World;
use oci_api::models::{Subnet, Vcn};
use std::net::Ipv4Addr;

/// Whether a list shows what is in this phase.
fn shows(phase: Option<Phase>, state: Option<&str>) -> bool {
    phase.is_some_and(|phase| state.is_none_or(|state| state.eq_ignore_ascii_case(phase.as_str())))
}

impl World {
    /// The subnet with this OCID, or 404.
    pub(in crate::world) fn subnet(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Subnet, ocid).ok_or_else(error::not_found)?;
        let row = self.network.subnets.get(number as usize);
        row.filter(|row| row.phase(self.now).is_some()).map(|_| number).ok_or_else(error::not_found)
    }

    /// Assigns an address in a subnet to an instance (both error texts invented).
    pub(in crate::world) fn take_address(
        &mut self,
        subnet: u32,
        wanted: Option<&str>,
    ) -> Result<u32, ApiError> {
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

    pub(super) fn subnet_model(&self, number: u32) -> Subnet {
        let row = &self.network.subnets[number as usize];
        let own = row.own.as_deref();
        let (route_table, security_lists, dhcp_options) = self.part_ocids(row);
        let domain = self.domain_of(row);
        let version_6 = own.and_then(|own| own.version_6);
        Subnet {
            id: self.ids.text(Id(Kind::Subnet, number)),
            availability_domain: own.and_then(|own| own.ad).map(|ad| self.identity.ad_name(ad)),
            vcn_id: self.ids.text(Id(Kind::Vcn, row.vcn)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            cidr_block: Some(row.block().to_string()),
            ipv4_cidr_blocks: Some(vec![row.block().to_string()]),
            display_name: Some(row.name.clone()),
            dns_label: domain.as_ref().map(|(label, _)| label.clone()),
            subnet_domain_name: domain.map(|(_, full)| full),
            lifecycle_state: row.phase(self.now).map_or("TERMINATED", |phase| phase.as_str()).into(),
            prohibit_public_ip_on_vnic: Some(!row.public),
            prohibit_internet_ingress: Some(own.map_or(!row.public, |own| own.no_ingress)),
            route_table_id: route_table,
            security_list_ids: Some(security_lists),
            dhcp_options_id: Some(dhcp_options),
            ipv6_cidr_block: version_6.map(|block| block.to_string()),
            ipv6_cidr_blocks: version_6.map(|block| vec![block.to_string()]),
            ipv6_virtual_router_ip: version_6.map(|_| "fe80::200:17ff:fe00:1".to_owned()),
            virtual_router_ip: Some(Ipv4Addr::from(row.base + 1).to_string()),
            virtual_router_mac: format!("00:00:17:{:02X}:00:01", number & 255),
            time_created: Some(row.created),
            defined_tags: Some(own.map(|own| own.common.defined_tags.clone()).unwrap_or_default()),
            freeform_tags: Some(own.map(|own| own.common.tags.clone()).unwrap_or_default()),
            ..Subnet::default()
        }
    }

    pub(in crate::world) fn get_subnet(&self, request: &ApiRequest) -> ApiResult {
        let number = self.subnet(request.in_path("subnetId"))?;
        self.subnet_answer(request, number)
    }

    pub(in crate::world) fn list_subnets(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let vcn = request.in_query("vcnId").map(|ocid| self.vcn(ocid)).transpose()?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let rows = self.network.subnets.iter().zip(0..).filter(|(row, _)| {
            shows(row.phase(self.now), state)
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

    pub(super) fn vcn(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Vcn, ocid).ok_or_else(error::not_found)?;
        let row = self.network.vcns.get(number as usize);
        row.filter(|row| row.phase(self.now).is_some()).map(|_| number).ok_or_else(error::not_found)
    }

    pub(super) fn vcn_model(&self, number: u32) -> Vcn {
        let row = &self.network.vcns[number as usize];
        let own = row.own.as_deref();
        let blocks: Vec<String> = self.network.blocks(number).iter().map(ToString::to_string).collect();
        let label = self.network.dns_label(number);
        Vcn {
            id: self.ids.text(Id(Kind::Vcn, number)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            cidr_block: blocks.first().cloned().unwrap_or_default(),
            cidr_blocks: blocks,
            ipv6_cidr_blocks: own.and_then(|own| own.version_6).map(|block| vec![block.to_string()]),
            display_name: Some(row.name.clone()),
            vcn_domain_name: label.as_ref().map(|label| format!("{label}.oraclevcn.com")),
            dns_label: label,
            default_route_table_id: Some(self.ids.text(Id(Kind::RouteTable, number))),
            default_security_list_id: Some(self.ids.text(Id(Kind::SecurityList, number))),
            default_dhcp_options_id: Some(self.ids.text(Id(Kind::DhcpOptions, number))),
            lifecycle_state: row.phase(self.now).map_or("TERMINATED", |phase| phase.as_str()).into(),
            time_created: Some(row.created),
            defined_tags: Some(own.map(|own| own.common.defined_tags.clone()).unwrap_or_default()),
            freeform_tags: Some(own.map(|own| own.common.tags.clone()).unwrap_or_default()),
            ..Vcn::default()
        }
    }

    pub(in crate::world) fn get_vcn(&self, request: &ApiRequest) -> ApiResult {
        let number = self.vcn(request.in_path("vcnId"))?;
        self.vcn_answer(request, number)
    }

    pub(in crate::world) fn list_vcns(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let rows = self.network.vcns.iter().zip(0..).filter(|(row, _)| {
            shows(row.phase(self.now), state)
                && row.compartment == compartment
                && name.is_none_or(|name| row.name == name)
        });
        let rows = rows
            .map(|(row, number)| {
                (Cursor { group: 0, name: row.name.clone(), number }, self.vcn_model(number))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }
}
