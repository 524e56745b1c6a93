//! Creates, updates and deletes virtual cloud networks.

use super::blocks::{check_apart, network_block, network_blocks, overlap};
use super::part::title;
use super::parts::Labels;
use super::version_6::block_of_network;
use super::{Network, OwnVcn, VcnRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use crate::world::work_requests::{ResourceAction, Status};
use ipnet::Ipv4Net;
use oci_api::models::CreateVcnDetails;

const BLOCKS_MAX: usize = 5;

/// The label of a domain: letters and digits that begin with a letter (Oracle: "DNS in Your Virtual Cloud Network").
pub(super) fn check_label(label: &str) -> Result<(), ApiError> {
    let begins = label.starts_with(|first: char| first.is_ascii_alphabetic());
    let good = begins && label.len() <= 15 && label.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if good {
        return Ok(());
    }
    Err(error::invalid(format!(
        "dnsLabel '{label}' must be at most 15 letters and digits that begin with a letter"
    )))
}

/// Refuses what this region has not: blocks of version 6 that are the customer's own.
fn check_absent<'a>(given: impl IntoIterator<Item = (&'a str, bool)>) -> Result<(), ApiError> {
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((field, _)) => Err(error::invalid(format!("{field} is not supported in this simulated region"))),
        None => Ok(()),
    }
}

impl World {
    pub(in crate::world) fn create_vcn(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateVcnDetails = request.details()?;
        let labels: Labels = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        labels.check()?;
        let many = new.cidr_blocks.unwrap_or_default();
        let texts: Vec<&str> = match (&new.cidr_block, many.is_empty()) {
            (Some(_), false) => {
                return Err(error::invalid("cidrBlock and cidrBlocks must not both be given"));
            }
            (None, true) => return Err(error::missing("cidrBlocks")),
            (Some(one), true) => vec![one],
            (None, false) => many.iter().map(String::as_str).collect(),
        };
        let blocks = network_blocks(texts)?;
        new.dns_label.as_deref().map_or(Ok(()), check_label)?;
        check_absent([
            ("ipv6PrivateCidrBlocks", new.ipv6_private_cidr_blocks.is_some_and(|blocks| !blocks.is_empty())),
            ("byoipv6CidrDetails", new.byoipv6_cidr_details.is_some_and(|details| !details.is_empty())),
        ])?;
        let now = self.now;
        self.check_counted(compartment, None, &[(Thing::Vcns, 1)])?;
        let name = labels.display_name.clone().unwrap_or_else(|| format!("vcn{}", stamp(now)));
        let common = self.common_of_new(labels, request);
        let number = self.network.vcns.len() as u32;
        let version_6 = (new.is_ipv6_enabled == Some(true)).then(|| block_of_network(number));
        let own = OwnVcn { common, blocks, dns_label: new.dns_label, version_6 };
        self.network.vcns.push(VcnRow { compartment, name, created: now, own: Some(Box::new(own)) });
        let id = Id(Kind::Vcn, number);
        self.log.push(now, "vcn_created", Some(id), None);
        Ok((self.vcn_answer(request, number)?, Some(id)))
    }

    /// The result of an operation that shows one network.
    pub(in crate::world) fn vcn_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.network.vcns.get(number as usize).filter(|row| row.phase(self.now).is_some());
        let row = row.ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::Vcn, number), version(row));
        Ok(answer(request.operation, &self.vcn_model(number))?.with_etag(etag))
    }

    /// The number of a network that a request changes.
    fn changed_vcn(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let ocid = request.in_path("vcnId");
        let number = self.vcn(ocid)?;
        let row = &self.network.vcns[number as usize];
        request.check_etag(&self.etag(Id(Kind::Vcn, number), version(row)))?;
        if row.lives() {
            return Ok(number);
        }
        Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")))
    }

    pub(in crate::world) fn update_vcn(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_vcn(request)?;
        let labels: Labels = request.details()?;
        labels.check()?;
        self.network.own_vcn_mut(number);
        let row = &mut self.network.vcns[number as usize];
        if let Some(own) = &mut row.own {
            labels.apply(&mut row.name, &mut own.common);
        }
        self.log.push(self.now, "vcn_updated", Some(Id(Kind::Vcn, number)), None);
        self.vcn_answer(request, number)
    }

    pub(in crate::world) fn add_vcn_block(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_vcn(request)?;
        let text = block_in(request);
        let block = network_block(&text)?;
        let mut blocks = self.network.blocks(number);
        check_apart(&text, block, &blocks)?;
        if blocks.len() >= BLOCKS_MAX {
            return Err(error::limit_exceeded(&["vcn-cidr-count".to_owned()]));
        }
        blocks.push(block);
        self.set_blocks(request, number, blocks)
    }

    pub(in crate::world) fn remove_vcn_block(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_vcn(request)?;
        let text = block_in(request);
        let block = network_block(&text)?;
        let mut blocks = self.network.blocks(number);
        let at = blocks.iter().position(|own| *own == block);
        let at = at.ok_or_else(|| error::invalid(format!("the VCN has no CIDR block {text}")))?;
        if blocks.len() == 1 {
            return Err(error::invalid("the last CIDR block of a VCN cannot be removed"));
        }
        let subnets = self.network.subnets.iter().zip(0..);
        let mut inside = subnets.filter(|(subnet, _)| subnet.vcn == number && subnet.lives());
        if let Some((_, subnet)) = inside.find(|(subnet, _)| overlap(subnet.block(), block)) {
            return Err(self.referenced(Id(Kind::Vcn, number), Id(Kind::Subnet, subnet)));
        }
        blocks.remove(at);
        self.set_blocks(request, number, blocks)
    }

    fn set_blocks(&mut self, request: &ApiRequest, number: u32, blocks: Vec<Ipv4Net>) -> ApiResult {
        let own = self.network.own_vcn_mut(number).ok_or_else(error::not_found)?;
        own.blocks = blocks;
        own.common.version += 1;
        let (id, now) = (Id(Kind::Vcn, number), self.now);
        let compartment = self.network.vcns[number as usize].compartment;
        let work =
            self.open_work_request(request.operation.name(), compartment, id, ResourceAction::Update, now);
        self.close_work_request(work, Status::Succeeded, None);
        self.log.push(now, "vcn_updated", Some(id), None);
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    pub(in crate::world) fn delete_vcn(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_vcn(request)?;
        self.check_empty(number)?;
        let now = self.now;
        if let Some(own) = self.network.own_vcn_mut(number) {
            own.common.deleted = Some(now);
            own.common.version += 1;
        }
        for id in Network::defaults_of(number) {
            if let Some(part) = self.network.part_mut(id) {
                part.common.deleted = Some(now);
            }
        }
        self.log.push(now, "vcn_deleted", Some(Id(Kind::Vcn, number)), None);
        Ok(empty(request.operation))
    }

    /// Refuses to delete a network that is not empty (Oracle: "Subnet or VCN Deletion"; texts: see `check_unused`).
    fn check_empty(&self, number: u32) -> Result<(), ApiError> {
        let id = Id(Kind::Vcn, number);
        let mut subnets = self.network.subnets.iter().zip(0..);
        if let Some((_, subnet)) = subnets.find(|(subnet, _)| subnet.vcn == number && subnet.lives()) {
            return Err(self.referenced(id, Id(Kind::Subnet, subnet)));
        }
        let kinds = [
            (Kind::InternetGateway, "Gateway"),
            (Kind::NatGateway, "Gateway"),
            (Kind::ServiceGateway, "Gateway"),
            (Kind::RouteTable, title(Kind::RouteTable)),
            (Kind::SecurityList, title(Kind::SecurityList)),
            (Kind::DhcpOptions, title(Kind::DhcpOptions)),
            (Kind::NetworkSecurityGroup, title(Kind::NetworkSecurityGroup)),
        ];
        for (kind, name) in kinds {
            let mut all = self.network.parts_of(kind);
            let is_own = |part: &super::Part| part.vcn == number && part.common.lives();
            if all.any(|(id, part)| !super::is_default(id) && is_own(&part)) {
                let ocid = self.ids.text(id);
                return Err(error::incorrect_state(format!(
                    "{ocid} is associated with {name} that is in use"
                )));
            }
        }
        Ok(())
    }
}

/// The version of a network, which its etag shows.
pub(super) fn version(row: &VcnRow) -> u32 {
    row.own.as_ref().map_or(0, |own| own.common.version)
}

fn block_in(request: &ApiRequest) -> String {
    let block = request.body.as_ref().and_then(|body| body.get("cidrBlock")).and_then(|block| block.as_str());
    block.unwrap_or_default().to_owned()
}
