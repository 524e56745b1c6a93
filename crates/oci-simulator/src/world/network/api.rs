//! Finds subnets and networks by OCID, assigns addresses, and serves GetSubnet, GetVcn and their lists.

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::models::{Subnet, SubnetLifecycleState, Vcn, VcnLifecycleState};
use std::net::Ipv4Addr;

impl World {
    /// The subnet with this OCID, or 404.
    pub(in crate::world) fn subnet(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Subnet, ocid);
        number.filter(|number| (*number as usize) < self.network.subnets.len()).ok_or_else(error::not_found)
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
            defined_tags: Some(std::collections::BTreeMap::new()),
            freeform_tags: Some(std::collections::BTreeMap::new()),
            ..Subnet::default()
        }
    }

    pub(in crate::world) fn get_subnet(&self, request: &ApiRequest) -> ApiResult {
        let number = self.subnet(request.in_path("subnetId"))?;
        let etag = self.etag(Id(Kind::Subnet, number), 0);
        Ok(answer(request.operation, &self.subnet_model(number))?.with_etag(etag))
    }

    pub(in crate::world) fn list_subnets(&mut self, request: &ApiRequest) -> ApiResult {
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
            defined_tags: Some(std::collections::BTreeMap::new()),
            freeform_tags: Some(std::collections::BTreeMap::new()),
            ..Vcn::default()
        }
    }

    pub(in crate::world) fn get_vcn(&self, request: &ApiRequest) -> ApiResult {
        let number = self.vcn(request.in_path("vcnId"))?;
        let etag = self.etag(Id(Kind::Vcn, number), 0);
        Ok(answer(request.operation, &self.vcn_model(number))?.with_etag(etag))
    }

    pub(in crate::world) fn list_vcns(&mut self, request: &ApiRequest) -> ApiResult {
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
