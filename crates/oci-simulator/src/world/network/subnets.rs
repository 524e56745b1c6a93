//! Creates, updates and deletes subnets.

use super::blocks::{check_apart, check_within, network_block};
use super::parts::{Created, Labels};
use super::vcns::check_label;
use super::{NewSubnet, OwnSubnet, SubnetRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use ipnet::Ipv4Net;
use oci_api::models::{CreateSubnetDetails, UpdateSubnetDetails};
use std::borrow::Cow;
use std::net::Ipv4Addr;

/// The maximum number of subnets in a network, and of security lists in a subnet (Oracle: "Service Limits", Networking).
const SUBNETS_MAX: usize = 300;
const LISTS_MAX: usize = 5;

impl World {
    pub(in crate::world) fn create_subnet(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateSubnetDetails = request.details()?;
        let head: Created = request.details()?;
        let (compartment, vcn) = self.place_of_new(&head)?;
        let version_6 = self.ipv6_block_of_subnet(new.ipv6_cidr_block, new.ipv6_cidr_blocks, vcn, None)?;
        let text = one_block(new.cidr_block, new.ipv4_cidr_blocks)?;
        let block = self.block_of_subnet(&text, vcn, None)?;
        let label = self.label_of_subnet(new.dns_label, vcn)?;
        let ad = new.availability_domain.filter(|name| !name.is_empty());
        let ad = ad.map(|name| self.ad(&name)).transpose()?;
        let (route_table, security_lists, dhcp_options) = self.parts_of_subnet(
            vcn,
            new.route_table_id.as_deref(),
            new.security_list_ids,
            new.dhcp_options_id.as_deref(),
        )?;
        let living =
            self.network.subnets.iter().filter(|row| row.vcn == vcn && row.phase(self.now).is_some());
        if living.count() >= SUBNETS_MAX {
            return Err(error::limit_exceeded(&["subnet-count".to_owned()]));
        }
        let name = head.labels.display_name.clone().unwrap_or_else(|| format!("subnet{}", stamp(self.now)));
        // A subnet without public addresses takes nothing from the Internet either (Oracle: CreateSubnetDetails).
        let public = !new.prohibit_public_ip_on_vnic.or(new.prohibit_internet_ingress).unwrap_or(false);
        let own = OwnSubnet {
            common: self.common_of_new(head.labels, request),
            dns_label: label,
            ad,
            no_ingress: new.prohibit_internet_ingress.unwrap_or(!public),
            route_table,
            security_lists,
            dhcp_options,
            version_6,
        };
        let new = NewSubnet { public, created: self.now, own };
        let number = self.network.add_own_subnet(compartment, vcn, name, block, new);
        let id = Id(Kind::Subnet, number);
        self.log.push(self.now, "subnet_created", Some(id), None);
        Ok((self.subnet_answer(request, number)?, Some(id)))
    }

    /// The result of an operation that shows one subnet.
    pub(in crate::world) fn subnet_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.network.subnets.get(number as usize).filter(|row| row.phase(self.now).is_some());
        let row = row.ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::Subnet, number), version(row));
        Ok(answer(request.operation, &self.subnet_model(number))?.with_etag(etag))
    }

    /// The block of a subnet: within its network, apart from all other subnets.
    fn block_of_subnet(&self, text: &str, vcn: u32, own: Option<u32>) -> Result<Ipv4Net, ApiError> {
        let block = network_block(text)?;
        check_within(text, block, &self.network.blocks(vcn))?;
        let others = self.network.subnets.iter().zip(0..);
        let others = others.filter(|(row, number)| row.vcn == vcn && Some(*number) != own && row.lives());
        let others: Vec<Ipv4Net> = others.map(|(row, _)| row.block()).collect();
        check_apart(text, block, &others)?;
        Ok(block)
    }

    /// The label of a subnet's domain (Oracle: CreateSubnetDetails; texts invented).
    fn label_of_subnet(&self, label: Option<String>, vcn: u32) -> Result<Option<String>, ApiError> {
        let Some(label) = label else { return Ok(None) };
        check_label(&label)?;
        if self.network.dns_label(vcn).is_none() {
            return Err(error::invalid("dnsLabel cannot be given: the VCN has no dnsLabel"));
        }
        let is_taken = |row: &SubnetRow| {
            row.vcn == vcn
                && row.lives()
                && row.dns_label().is_some_and(|own| own.eq_ignore_ascii_case(&label))
        };
        if self.network.subnets.iter().any(is_taken) {
            return Err(error::invalid(format!("dnsLabel {label} is already used in the VCN")));
        }
        Ok(Some(label))
    }

    /// The numbers of the parts that a subnet names; `None` for those that it leaves to its network.
    #[expect(clippy::type_complexity, reason = "the three are stored side by side")]
    fn parts_of_subnet(
        &self,
        vcn: u32,
        route_table: Option<&str>,
        security_lists: Option<Vec<String>>,
        dhcp_options: Option<&str>,
    ) -> Result<(Option<u32>, Option<Vec<u32>>, Option<u32>), ApiError> {
        let lists = security_lists.filter(|lists| !lists.is_empty());
        if let Some(count) = lists.as_ref().map(Vec::len).filter(|count| *count > LISTS_MAX) {
            return Err(error::invalid(format!(
                "securityListIds has {count} lists; a subnet can have at most {LISTS_MAX}"
            )));
        }
        let list =
            |ocid: &String| self.part_in(Kind::SecurityList, Some(ocid), vcn)?.ok_or_else(error::not_found);
        let lists = lists.map(|lists| lists.iter().map(list).collect::<Result<Vec<u32>, _>>()).transpose()?;
        Ok((
            self.part_in(Kind::RouteTable, route_table, vcn)?,
            lists,
            self.part_in(Kind::DhcpOptions, dhcp_options, vcn)?,
        ))
    }

    fn changed_subnet(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let ocid = request.in_path("subnetId");
        let number = self.subnet(ocid)?;
        let row = &self.network.subnets[number as usize];
        request.check_etag(&self.etag(Id(Kind::Subnet, number), version(row)))?;
        if row.lives() {
            return Ok(number);
        }
        Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")))
    }

    pub(in crate::world) fn update_subnet(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_subnet(request)?;
        let new: UpdateSubnetDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let vcn = self.network.subnets[number as usize].vcn;
        let version_6 =
            self.ipv6_block_of_subnet(new.ipv6_cidr_block, new.ipv6_cidr_blocks, vcn, Some(number))?;
        let (route_table, security_lists, dhcp_options) = self.parts_of_subnet(
            vcn,
            new.route_table_id.as_deref(),
            new.security_list_ids,
            new.dhcp_options_id.as_deref(),
        )?;
        let prefix = new.cidr_block.map(|text| self.resized(number, &text)).transpose()?;
        let row = &mut self.network.subnets[number as usize];
        let own = row.own_mut();
        own.route_table = route_table.or(own.route_table);
        own.security_lists = security_lists.or(own.security_lists.take());
        own.dhcp_options = dhcp_options.or(own.dhcp_options);
        own.version_6 = version_6.or(own.version_6);
        if let Some(own) = &mut row.own {
            labels.apply(&mut row.name, &mut own.common);
        }
        row.prefix = prefix.unwrap_or(row.prefix);
        self.log.push(self.now, "subnet_updated", Some(Id(Kind::Subnet, number)), None);
        self.subnet_answer(request, number)
    }

    /// The prefix of another block for a subnet. The block must have the same beginning and keep every assigned address (Oracle:
    /// UpdateSubnetDetails; texts invented).
    fn resized(&self, number: u32, text: &str) -> Result<u8, ApiError> {
        let row = &self.network.subnets[number as usize];
        let block = self.block_of_subnet(text, row.vcn, Some(number))?;
        let last = Ipv4Addr::from(row.base + row.highest());
        let keeps = row.highest() < 2 || (block.contains(&last) && block.broadcast() != last);
        if u32::from(block.network()) == row.base && keeps {
            return Ok(block.prefix_len());
        }
        Err(error::invalid(format!(
            "The requested CIDR {text} is invalid: it must begin where {} begins and include every address in use",
            row.block()
        )))
    }

    pub(in crate::world) fn delete_subnet(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_subnet(request)?;
        let id = Id(Kind::Subnet, number);
        if let Some(user) = self.user_of_subnet(number) {
            return Err(self.referenced(id, user));
        }
        let now = self.now;
        let own = self.network.subnets[number as usize].own_mut();
        own.common.deleted = Some(now);
        own.common.version += 1;
        self.log.push(now, "subnet_deleted", Some(id), None);
        Ok(empty(request.operation))
    }

    /// A VNIC or an address that keeps a subnet from being deleted.
    fn user_of_subnet(&self, number: u32) -> Option<Id> {
        let row = self.network.subnets.get(number as usize)?;
        let vnic = row.members.first().copied().or_else(|| self.card_in_subnet(number));
        let private = row.others.first().map(|private| Id(Kind::PrivateIp, *private));
        let version_6 = || self.ipv6_in_subnet(number).map(|address| Id(Kind::Ipv6, address));
        vnic.map(|vnic| Id(Kind::Vnic, vnic)).or(private).or_else(version_6)
    }

    /// Refuses a VNIC that a subnet cannot have: of another availability domain, with a host name where there is no domain, or in
    /// a subnet that is being deleted (Oracle: CreateVnicDetails; texts invented).
    pub(in crate::world) fn check_vnic(
        &self,
        subnet: u32,
        ad: u8,
        hostname: Option<&str>,
    ) -> Result<(), ApiError> {
        let row = &self.network.subnets[subnet as usize];
        let ocid = || self.ids.text(Id(Kind::Subnet, subnet));
        if !row.lives() {
            return Err(error::incorrect_state(format!("{} is in state TERMINATING", ocid())));
        }
        if row.own.as_ref().and_then(|own| own.ad).is_some_and(|own| own != ad) {
            return Err(error::invalid(format!("subnet {} is in another availability domain", ocid())));
        }
        if hostname.is_some() && row.dns_label().is_none() {
            return Err(error::invalid(format!(
                "hostnameLabel cannot be given: subnet {} has no dnsLabel",
                ocid()
            )));
        }
        Ok(())
    }

    /// The OCIDs of a subnet's route table, security lists and DHCP options.
    pub(super) fn part_ocids(&self, row: &SubnetRow) -> (String, Vec<String>, String) {
        let (route_table, security_lists, dhcp_options) = row.parts();
        let text = |kind, number| self.ids.text(Id(kind, number));
        (
            text(Kind::RouteTable, route_table),
            security_lists.into_iter().map(|list| text(Kind::SecurityList, list)).collect(),
            text(Kind::DhcpOptions, dhcp_options),
        )
    }

    /// The domain of a subnet, if it has one.
    pub(super) fn domain_of(&self, row: &SubnetRow) -> Option<(String, String)> {
        let label = row.dns_label().map(Cow::into_owned)?;
        let domain = self.network.dns_label(row.vcn)?;
        let full = format!("{label}.{domain}.oraclevcn.com");
        Some((label, full))
    }
}

/// The version of a subnet, which its etag shows.
pub(super) fn version(row: &SubnetRow) -> u32 {
    row.own.as_ref().map_or(0, |own| own.common.version)
}

/// The block in a request: a subnet of this region has exactly one.
fn one_block(one: Option<String>, many: Option<Vec<String>>) -> Result<String, ApiError> {
    let mut many = many.unwrap_or_default();
    match (one, many.len()) {
        (Some(one), 0) => Ok(one),
        (None, 1) => Ok(many.remove(0)),
        (Some(one), 1) if one == many[0] => Ok(one),
        (None, 0) => Err(error::missing("cidrBlock")),
        (Some(_), 1) => Err(error::invalid("cidrBlock and ipv4CidrBlocks must have the same value")),
        _ => Err(error::invalid("ipv4CidrBlocks: a subnet of this simulated region has one block")),
    }
}
