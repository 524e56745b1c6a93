//! The first VNICs of instances, and the lists of all VNICs. An instance is launched with one, which shares its number and needs no
//! row; those that are attached later have rows (`addresses`).

use super::part::MADE;
use crate::world::api::{ApiRequest, ApiResult};
use crate::world::chance::hash_bytes;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::{InstanceRow, State};
use crate::world::paging::Cursor;
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::models::{Vnic, VnicAttachment, VnicAttachmentLifecycleState, VnicLifecycleState};
use std::net::Ipv4Addr;

impl InstanceRow {
    /// Whether its VNIC exists: from placement to termination.
    pub(in crate::world) fn has_vnic(&self) -> bool {
        self.placed && self.live
    }
}

impl World {
    /// The instances of a compartment, by availability domain and then oldest first, starting where a page begins.
    pub(in crate::world) fn instances_after<'a>(
        &'a self,
        compartment: u32,
        ad: Option<u8>,
        after: Option<&Cursor>,
    ) -> impl Iterator<Item = Cursor> + 'a {
        let (group, number) = after.map_or((0, None), |after| (after.group, Some(after.number)));
        let ads = ad.map_or(0..self.settings.domains(), |ad| ad..ad + 1);
        ads.filter(move |ad| *ad >= group).flat_map(move |ad| {
            let start = number.filter(|_| ad == group).map_or(0, |number| number.saturating_add(1));
            let place = self.instances.place(compartment, ad).into_iter();
            place.flat_map(move |place| place.all.range(start..)).map(move |number| Cursor {
                group: ad,
                name: String::new(),
                number: *number,
            })
        })
    }

    /// The row of an instance if lists already show it.
    pub(in crate::world) fn listed(&self, number: u32) -> Option<&InstanceRow> {
        let horizon = self.list_horizon();
        self.instances.get(number).filter(|row| row.created <= horizon)
    }

    fn vnic_attachment(&self, number: u32, row: &InstanceRow) -> VnicAttachment {
        let state = match (row.live, row.placed, row.state) {
            (false, ..) => VnicAttachmentLifecycleState::Detached,
            (true, _, State::Terminating) => VnicAttachmentLifecycleState::Detaching,
            (true, false, _) => VnicAttachmentLifecycleState::Attaching,
            (true, true, _) => VnicAttachmentLifecycleState::Attached,
        };
        VnicAttachment {
            id: self.ids.text(Id(Kind::VnicAttachment, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            instance_id: self.ids.text(Id(Kind::Instance, number)),
            lifecycle_state: state,
            nic_index: Some(0),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, row.subnet))),
            time_created: Some(row.created),
            vlan_tag: row.placed.then(|| i64::from(number % 4000) + 1),
            // The VNIC is known only once it is attached.
            vnic_id: row.placed.then(|| self.ids.text(Id(Kind::Vnic, number))),
            ..VnicAttachment::default()
        }
    }

    pub(in crate::world) fn list_vnic_attachments(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let instance = request.in_query("instanceId").map(|ocid| self.ids.number(Kind::Instance, ocid));
        let vnic = request.in_query("vnicId").map(|ocid| self.ids.number(Kind::Vnic, ocid));
        // The attachments of one instance are looked up directly instead of searched for.
        let only = match (instance, vnic) {
            (Some(instance), _) => Some(instance),
            (None, Some(vnic)) => Some(vnic.and_then(|vnic| self.instance_of_vnic(vnic))),
            (None, None) => None,
        };
        let is_here = |row: &InstanceRow| row.compartment == compartment && ad.is_none_or(|ad| ad == row.ad);
        let cursor = |number: u32, row: &InstanceRow| Cursor { group: row.ad, name: String::new(), number };
        let after = page.after.as_ref();
        let own: Box<dyn Iterator<Item = Cursor>> = match only {
            Some(number) => {
                let row = number.and_then(|number| Some((number, self.instances.get(number)?)));
                let row = row.filter(|(_, row)| is_here(row)).map(|(number, row)| cursor(number, row));
                let is_next = |cursor: &Cursor| {
                    after.is_none_or(|after| (cursor.group, cursor.number) > (after.group, after.number))
                };
                Box::new(row.filter(is_next).into_iter())
            }
            None => Box::new(self.instances_after(compartment, ad, after)),
        };
        let cards = self.listed_cards().filter(|(_, of)| only.is_none_or(|only| only == Some(*of)));
        let cards = cards.filter_map(|(number, of)| {
            self.instances.get(of).filter(|row| is_here(row)).map(|row| cursor(number, row))
        });
        let rows = merged(own, cards.collect(), after);
        let keep = |cursor: &Cursor| {
            let number = cursor.number;
            vnic.is_none_or(|wanted| wanted == Some(number))
                && (number >= MADE || self.listed(number).is_some_and(|row| vnic.is_none() || row.placed))
        };
        page.answer(request, rows, keep, |cursor| match cursor.number {
            card if card >= MADE => self.card_attachment_row(card),
            number => self.instances.get(number).map(|row| self.vnic_attachment(number, row)),
        })
    }

    /// The instance of a VNIC, whether it is still attached or not.
    fn instance_of_vnic(&self, vnic: u32) -> Option<u32> {
        if vnic < MADE { Some(vnic) } else { self.network.addresses.instance_of(vnic) }
    }

    pub(in crate::world) fn get_vnic_attachment(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::VnicAttachment, request.in_path("vnicAttachmentId"));
        if let Some(card) = number.filter(|number| *number >= MADE) {
            return self.card_attachment_answer(request, card);
        }
        let row = number.and_then(|number| Some((number, self.instances.get(number)?)));
        let (number, row) = row.ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::VnicAttachment, number), row.version);
        Ok(answer(request.operation, &self.vnic_attachment(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_vnic(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::Vnic, request.in_path("vnicId")).ok_or_else(error::not_found)?;
        if number >= MADE {
            return self.get_card(request, number);
        }
        let row = self.instances.get(number).filter(|row| row.has_vnic()).ok_or_else(error::not_found)?;
        let first = self.network.addresses.first_of(number).unwrap_or(number);
        let extra = self.instances.extras.get(row.extras).create_vnic_details.clone().unwrap_or_default();
        let vnic = Vnic {
            id: self.ids.text(Id(Kind::Vnic, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(self.defined_tags(extra.defined_tags.as_ref(), row.creator, row.created)),
            display_name: Some(extra.display_name.unwrap_or_else(|| row.name.to_string())),
            freeform_tags: Some(extra.freeform_tags.unwrap_or_default()),
            hostname_label: row.hostname.as_ref().map(ToString::to_string),
            is_primary: Some(true),
            lifecycle_state: if row.state == State::Terminating {
                VnicLifecycleState::Terminating
            } else {
                VnicLifecycleState::Available
            },
            mac_address: Some(mac_address(number)),
            nsg_ids: Some(extra.nsg_ids.unwrap_or_default()),
            private_ip: Some(Ipv4Addr::from(row.address).to_string()),
            ipv6_addresses: self.ipv6_texts(number),
            public_ip: self.public_text(first),
            route_table_id: extra.route_table_id,
            skip_source_dest_check: Some(extra.skip_source_dest_check.unwrap_or(false)),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, row.subnet))),
            time_created: Some(row.created),
            ..Vnic::default()
        };
        Ok(answer(request.operation, &vnic)?.with_etag(self.vnic_etag(number, row)))
    }

    /// The etag of a VNIC: everything that an update changes is in its extras, except the host name.
    pub(super) fn vnic_etag(&self, number: u32, row: &InstanceRow) -> String {
        let hostname = row.hostname.as_ref().map_or(0, |label| hash_bytes(label.as_bytes()) as u32);
        self.etag(Id(Kind::Vnic, number), row.extras.wrapping_mul(31) ^ hostname)
    }
}

/// Rows of both kinds, in the order of their domains and numbers, after the last row of the page before.
pub(super) fn merged<'a>(
    own: impl Iterator<Item = Cursor> + 'a,
    mut made: Vec<Cursor>,
    after: Option<&Cursor>,
) -> impl Iterator<Item = Cursor> + 'a {
    let place = |cursor: &Cursor| (cursor.group, cursor.number);
    made.retain(|cursor| after.is_none_or(|after| place(cursor) > place(after)));
    made.sort_by_key(place);
    let (mut own, mut made) = (own.peekable(), made.into_iter().peekable());
    std::iter::from_fn(move || match (own.peek(), made.peek()) {
        (Some(one), Some(other)) if place(other) < place(one) => made.next(),
        (Some(_), _) => own.next(),
        (None, _) => made.next(),
    })
}

/// The MAC address of a VNIC: locally administered, from Oracle's block, different for every VNIC.
pub(super) fn mac_address(number: u32) -> String {
    let [a, b, c, d] = number.to_be_bytes();
    format!("02:00:{a:02X}:{b:02X}:{c:02X}:{d:02X}")
}
