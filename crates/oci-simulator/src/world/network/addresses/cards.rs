//! Secondary VNICs: attaches them to instances, shows, changes and detaches them.

use super::private::NewPrivate;
use super::{CardRow, VnicPlace};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::Spaces;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::images::most_vnics;
use crate::world::instances::State;
use crate::world::instances::validate::{check_hostname, check_tags};
use crate::world::network::part::{MADE, Phase};
use crate::world::network::parts::Labels;
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    UpdateVnicDetails, Vnic, VnicAttachment, VnicAttachmentLifecycleState, VnicLifecycleState,
};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttachBody {
    instance_id: String,
    display_name: Option<String>,
    #[serde(default)]
    create_vnic_details: CardBody,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CardBody {
    subnet_id: Option<String>,
    vlan_id: Option<String>,
    assign_public_ip: Option<bool>,
    assign_ipv6_ip: Option<bool>,
    assign_private_dns_record: Option<bool>,
    hostname_label: Option<String>,
    private_ip: Option<String>,
    private_ip_id: Option<String>,
    display_name: Option<String>,
    nsg_ids: Vec<String>,
    skip_source_dest_check: Option<bool>,
    security_attributes: Option<serde_json::Value>,
    freeform_tags: Option<BTreeMap<String, String>>,
    defined_tags: Option<Spaces>,
}

impl World {
    /// The living VNIC with this number.
    pub(in crate::world) fn vnic_place(&self, number: u32) -> Option<VnicPlace> {
        let addresses = &self.network.addresses;
        let (instance, subnet, first) = if number < MADE {
            let row = self.instances.get(number).filter(|row| row.has_vnic())?;
            (number, row.subnet, addresses.first_of(number).unwrap_or(number))
        } else {
            let card = addresses.cards.get(&number).filter(|card| card.common.lives())?;
            (card.instance, card.subnet, card.first)
        };
        let row = self.instances.get(instance)?;
        Some(VnicPlace { instance, subnet, compartment: row.compartment, ad: row.ad, first })
    }

    /// The living VNIC with this OCID, or 404.
    pub(super) fn vnic(&self, ocid: &str) -> Result<(u32, VnicPlace), ApiError> {
        let number = self.ids.number(Kind::Vnic, ocid).ok_or_else(error::not_found)?;
        self.vnic_place(number).map(|place| (number, place)).ok_or_else(error::not_found)
    }

    /// The living secondary VNICs of an instance.
    pub(super) fn cards_of(&self, instance: u32) -> impl Iterator<Item = u32> + '_ {
        let cards = self.network.addresses.cards.iter();
        cards
            .filter(move |(_, card)| card.instance == instance && card.common.lives())
            .map(|(number, _)| *number)
    }

    /// The living secondary VNICs in a security group.
    pub(in crate::world::network) fn cards_of_group<'a>(
        &'a self,
        ocid: &'a str,
    ) -> impl Iterator<Item = u32> + 'a {
        let cards = self.network.addresses.cards.iter();
        let is_in = move |card: &CardRow| card.common.lives() && card.groups.iter().any(|own| own == ocid);
        cards.filter(move |(_, card)| is_in(card)).map(|(number, _)| *number)
    }

    /// A living secondary VNIC in a subnet.
    pub(in crate::world::network) fn card_in_subnet(&self, subnet: u32) -> Option<u32> {
        let mut cards = self.network.addresses.cards.iter();
        cards.find(|(_, card)| card.subnet == subnet && card.common.lives()).map(|(number, _)| *number)
    }

    /// The secondary VNICs that lists of attachments show, with their instances.
    pub(in crate::world::network) fn listed_cards(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let horizon = self.list_horizon();
        let cards = self.network.addresses.cards.iter();
        cards.filter(move |(_, card)| card.created <= horizon).map(|(number, card)| (*number, card.instance))
    }

    /// Attaches another VNIC to an instance (Oracle: "Virtual Network Interface Cards", AttachVnicDetails; texts invented).
    pub(in crate::world) fn attach_vnic(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let body: AttachBody = request.details()?;
        let new = body.create_vnic_details;
        let (instance, row) = self.instance(&body.instance_id)?;
        if !matches!(row.state, State::Running | State::Stopped) {
            return Err(match row.state {
                State::Terminating | State::Terminated => error::not_found(),
                _ => error::busy(&body.instance_id),
            });
        }
        let (ad, compartment, most) = (row.ad, row.compartment, most_vnics(row.need.ocpus.div_ceil(1000)));
        if new.security_attributes.is_some() {
            return Err(ApiError::new(400, "Bad Request", "security attributes is not enabled"));
        }
        self.check_other(new.vlan_id.as_deref())?;
        let subnet = new.subnet_id.as_deref().ok_or_else(|| error::missing("createVnicDetails.subnetId"))?;
        let subnet = self.subnet(subnet)?;
        self.check_new_card(&new, subnet, ad)?;
        if self.cards_of(instance).count() + 1 >= most as usize {
            return Err(error::invalid(format!(
                "instance {} has {most} VNICs, which is the maximum of its shape",
                body.instance_id
            )));
        }
        let with_public = self.wants_public(subnet, new.assign_public_ip)?;
        let reserved =
            self.reserved_to_use(new.private_ip_id.as_deref(), new.private_ip.as_deref(), subnet)?;
        let address = match reserved {
            Some(_) => None,
            None => Some(self.take_address(subnet, new.private_ip.as_deref())?),
        };
        let name = new.display_name.unwrap_or_else(|| format!("vnic{}", stamp(self.now)));
        let labels =
            Labels { display_name: None, freeform_tags: new.freeform_tags, defined_tags: new.defined_tags };
        let common = self.common_of_new(labels, request);
        let number = self.network.addresses.next_number();
        let first = match (reserved, address) {
            (Some(reserved), _) => reserved,
            (None, address) => self.add_private(NewPrivate {
                compartment,
                subnet,
                address: address.unwrap_or_default(),
                first: true,
                reserved: false,
                name: name.clone(),
                hostname: new.hostname_label,
            }),
        };
        self.assign_private(first, number, true);
        let card = CardRow {
            instance,
            subnet,
            first,
            name,
            attachment_name: body.display_name,
            groups: new.nsg_ids,
            skips_check: new.skip_source_dest_check.unwrap_or(false),
            route_table: None,
            created: self.now,
            common,
        };
        self.network.addresses.cards.insert(number, card);
        if with_public {
            self.add_ephemeral(first, compartment);
        }
        if new.assign_ipv6_ip == Some(true) {
            self.add_usual_ipv6(number, subnet, compartment)?;
        }
        let id = Id(Kind::VnicAttachment, number);
        self.log.push(self.now, "vnic_attached", Some(id), None);
        Ok((self.card_attachment_answer(request, number)?, Some(id)))
    }

    fn check_new_card(&self, new: &CardBody, subnet: u32, ad: u8) -> Result<(), ApiError> {
        if let Some(tags) = &new.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let hostname = new.hostname_label.as_deref();
        hostname.map_or(Ok(()), |label| check_hostname(label, new.assign_private_dns_record))?;
        self.check_vnic(subnet, ad, hostname)?;
        self.check_groups_of_vnic(new.nsg_ids.iter().map(String::as_str), subnet)?;
        self.check_ipv6_of_new(subnet, new.assign_ipv6_ip)
    }

    /// Whether a new VNIC gets a public address.
    pub(in crate::world) fn wants_public(&self, subnet: u32, wish: Option<bool>) -> Result<bool, ApiError> {
        let public = self.network.subnets[subnet as usize].public;
        let wants = wish.unwrap_or(public);
        if wants && !public {
            return Err(error::invalid(
                "assignPublicIp cannot be true: the subnet prohibits public IPs on VNICs",
            ));
        }
        Ok(wants)
    }

    /// The result of an operation that shows the attachment of a secondary VNIC.
    pub(in crate::world) fn card_attachment_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let card = self.network.addresses.cards.get(&number).ok_or_else(error::not_found)?;
        let model = self.card_attachment(number, card)?;
        let etag = self.etag(Id(Kind::VnicAttachment, number), card.common.version);
        Ok(answer(request.operation, &model)?.with_etag(etag))
    }

    fn card_attachment(&self, number: u32, card: &CardRow) -> Result<VnicAttachment, ApiError> {
        let row = self.instances.get(card.instance).ok_or_else(error::not_found)?;
        let phase = card.common.phase(card.created, self.now);
        let state = match phase {
            None => VnicAttachmentLifecycleState::Detached,
            Some(Phase::Terminating) => VnicAttachmentLifecycleState::Detaching,
            Some(_) if row.state == State::Terminating => VnicAttachmentLifecycleState::Detaching,
            Some(Phase::Provisioning) => VnicAttachmentLifecycleState::Attaching,
            Some(Phase::Available) => VnicAttachmentLifecycleState::Attached,
        };
        let is_attaching = phase == Some(Phase::Provisioning);
        Ok(VnicAttachment {
            id: self.ids.text(Id(Kind::VnicAttachment, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            display_name: card.attachment_name.clone(),
            instance_id: self.ids.text(Id(Kind::Instance, card.instance)),
            lifecycle_state: state,
            nic_index: Some(0),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, card.subnet))),
            time_created: Some(card.created),
            vlan_tag: (!is_attaching).then(|| i64::from(number % 4000) + 1),
            vnic_id: (!is_attaching).then(|| self.ids.text(Id(Kind::Vnic, number))),
            ..VnicAttachment::default()
        })
    }

    /// The row of a list of attachments, for a VNIC of either kind.
    pub(in crate::world::network) fn card_attachment_row(&self, number: u32) -> Option<VnicAttachment> {
        let card = self.network.addresses.cards.get(&number)?;
        self.card_attachment(number, card).ok()
    }

    pub(in crate::world) fn detach_vnic(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("vnicAttachmentId");
        let number = self.ids.number(Kind::VnicAttachment, ocid).ok_or_else(error::not_found)?;
        if number < MADE {
            self.instances.get(number).ok_or_else(error::not_found)?;
            return Err(error::invalid("the primary VNIC of an instance cannot be detached"));
        }
        let card = self.network.addresses.cards.get(&number).ok_or_else(error::not_found)?;
        request.check_etag(&self.etag(Id(Kind::VnicAttachment, number), card.common.version))?;
        if !card.common.lives() {
            return Err(error::incorrect_state(format!("{ocid} is being detached, or was detached")));
        }
        let row = self.instances.get(card.instance).ok_or_else(error::not_found)?;
        if !matches!(row.state, State::Running | State::Stopped) {
            return Err(error::busy(&self.ids.text(Id(Kind::Instance, card.instance))));
        }
        self.end_card(number);
        self.log.push(self.now, "vnic_detached", Some(Id(Kind::VnicAttachment, number)), None);
        Ok(empty(request.operation))
    }

    pub(in crate::world::network) fn get_card(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let card = self.network.addresses.cards.get(&number).filter(|card| card.common.lives());
        let card = card.ok_or_else(error::not_found)?;
        let row = self.instances.get(card.instance).ok_or_else(error::not_found)?;
        let first = self.network.addresses.private.get(&card.first);
        let is_new = card.common.phase(card.created, self.now) == Some(Phase::Provisioning);
        let vnic = Vnic {
            id: self.ids.text(Id(Kind::Vnic, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(card.common.defined_tags.clone()),
            display_name: Some(card.name.clone()),
            freeform_tags: Some(card.common.tags.clone()),
            hostname_label: first.and_then(|first| first.hostname.clone()),
            ipv6_addresses: self.ipv6_texts(number),
            is_primary: Some(false),
            lifecycle_state: match row.state {
                State::Terminating => VnicLifecycleState::Terminating,
                _ if is_new => VnicLifecycleState::Provisioning,
                _ => VnicLifecycleState::Available,
            },
            mac_address: Some(super::super::vnics::mac_address(number)),
            nsg_ids: Some(card.groups.clone()),
            private_ip: first.map(|first| Ipv4Addr::from(first.address).to_string()),
            public_ip: self.public_text(card.first),
            route_table_id: card.route_table.clone(),
            skip_source_dest_check: Some(card.skips_check),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, card.subnet))),
            time_created: Some(card.created),
            ..Vnic::default()
        };
        Ok(answer(request.operation, &vnic)?.with_etag(self.card_etag(number, card)))
    }

    fn card_etag(&self, number: u32, card: &CardRow) -> String {
        self.etag(Id(Kind::Vnic, number), card.common.version)
    }

    pub(in crate::world::network) fn update_card(&mut self, request: &ApiRequest, number: u32) -> ApiResult {
        let card = self.network.addresses.cards.get(&number).filter(|card| card.common.lives());
        let card = card.ok_or_else(error::not_found)?;
        request.check_etag(&self.card_etag(number, card))?;
        let (subnet, instance, first) = (card.subnet, card.instance, card.first);
        let new: UpdateVnicDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let ad = self.instances.get(instance).map_or(0, |row| row.ad);
        let hostname = new.hostname_label.as_deref().filter(|label| !label.is_empty());
        hostname.map_or(Ok(()), |label| check_hostname(label, None))?;
        self.check_vnic(subnet, ad, hostname)?;
        if let Some(groups) = &new.nsg_ids {
            self.check_groups_of_vnic(groups.iter().map(String::as_str), subnet)?;
        }
        let vcn = self.network.subnets[subnet as usize].vcn;
        self.part_in(Kind::RouteTable, new.route_table_id.as_deref(), vcn)?;
        let addresses = &mut self.network.addresses;
        if let (Some(label), Some(row)) = (&new.hostname_label, addresses.private.get_mut(&first)) {
            row.hostname = (!label.is_empty()).then(|| label.clone());
            row.common.version += 1;
        }
        if let Some(card) = addresses.cards.get_mut(&number) {
            card.groups = new.nsg_ids.unwrap_or_else(|| std::mem::take(&mut card.groups));
            card.skips_check = new.skip_source_dest_check.unwrap_or(card.skips_check);
            card.route_table = new.route_table_id.or(card.route_table.take());
            labels.apply(&mut card.name, &mut card.common);
        }
        self.log.push(self.now, "vnic_updated", Some(Id(Kind::Vnic, number)), None);
        self.get_card(request, number)
    }
}
