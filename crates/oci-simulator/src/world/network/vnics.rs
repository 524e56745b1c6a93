//! VNICs, their attachments and their addresses. An instance has one VNIC, one private address and at most one public address,
//! so all three share the number of the instance and need no rows.

use crate::world::api::{ApiRequest, ApiResult};
use crate::world::chance::hash_bytes;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::{InstanceRow, State};
use crate::world::network::Network;
use crate::world::paging::Cursor;
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::models::{
    PrivateIp, PrivateIpIpState, PrivateIpLifetime, PublicIp, PublicIpAssignedEntityType,
    PublicIpLifecycleState, PublicIpLifetime, PublicIpScope, Vnic, VnicAttachment,
    VnicAttachmentLifecycleState, VnicLifecycleState,
};
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
        // The attachment of one instance is looked up directly instead of searched for.
        let only = instance.or(vnic);
        let rows: Box<dyn Iterator<Item = Cursor>> = match only {
            Some(number) => {
                let after = page.after.clone();
                let row = number.and_then(|number| Some((number, self.instances.get(number)?)));
                let row = row.filter(|(_, row)| {
                    row.compartment == compartment && ad.is_none_or(|ad| ad == row.ad) && after.is_none()
                });
                Box::new(row.into_iter().map(|(number, row)| Cursor {
                    group: row.ad,
                    name: String::new(),
                    number,
                }))
            }
            None => Box::new(self.instances_after(compartment, ad, page.after.as_ref())),
        };
        let keep = |cursor: &Cursor| {
            self.listed(cursor.number).is_some_and(|row| {
                instance.is_none_or(|wanted| wanted == Some(cursor.number))
                    && vnic.is_none_or(|wanted| wanted == Some(cursor.number) && row.placed)
            })
        };
        page.answer(request, rows, keep, |cursor| {
            self.instances.get(cursor.number).map(|row| self.vnic_attachment(cursor.number, row))
        })
    }

    pub(in crate::world) fn get_vnic_attachment(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::VnicAttachment, request.in_path("vnicAttachmentId"));
        let row = number.and_then(|number| Some((number, self.instances.get(number)?)));
        let (number, row) = row.ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::VnicAttachment, number), row.version);
        Ok(answer(request.operation, &self.vnic_attachment(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_vnic(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::Vnic, request.in_path("vnicId")).ok_or_else(error::not_found)?;
        let row = self.instances.get(number).filter(|row| row.has_vnic()).ok_or_else(error::not_found)?;
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
            public_ip: row.public.then(|| Network::public_address(number).to_string()),
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

    fn private_ip(&self, number: u32, row: &InstanceRow) -> PrivateIp {
        PrivateIp {
            id: Some(self.ids.text(Id(Kind::PrivateIp, number))),
            compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
            defined_tags: Some(std::collections::BTreeMap::new()),
            display_name: Some(row.name.to_string()),
            freeform_tags: Some(std::collections::BTreeMap::new()),
            hostname_label: row.hostname.as_ref().map(ToString::to_string),
            ip_address: Some(Ipv4Addr::from(row.address).to_string()),
            is_primary: Some(true),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, row.subnet))),
            time_created: Some(row.created),
            vnic_id: Some(self.ids.text(Id(Kind::Vnic, number))),
            ip_state: Some(PrivateIpIpState::Assigned),
            lifetime: Some(PrivateIpLifetime::Ephemeral),
            ..PrivateIp::default()
        }
    }

    pub(in crate::world) fn list_private_ips(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let subnet = request.in_query("subnetId").map(|ocid| self.subnet(ocid)).transpose()?;
        let vnic = request.in_query("vnicId").map(|ocid| self.ids.number(Kind::Vnic, ocid));
        if subnet.is_none() && vnic.is_none() {
            return Err(error::invalid("subnetId or vnicId is required"));
        }
        let is = |name: &str, own: &str| {
            request.in_query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
        };
        let address = request.in_query("ipAddress");
        let plain =
            is("ipState", "ASSIGNED") && is("lifetime", "EPHEMERAL") && request.in_query("vlanId").is_none();
        let start = page.after.as_ref().map_or(0, |after| after.number.saturating_add(1));
        let rows: Box<dyn Iterator<Item = u32>> = match (vnic, subnet) {
            (Some(number), _) => Box::new(number.into_iter().filter(|number| *number >= start)),
            (None, Some(subnet)) => {
                Box::new(self.network.subnets[subnet as usize].members.range(start..).copied())
            }
            (None, None) => Box::new(std::iter::empty()),
        };
        let keep = |cursor: &Cursor| {
            plain
                && self.listed(cursor.number).is_some_and(|row| {
                    row.has_vnic()
                        && subnet.is_none_or(|subnet| subnet == row.subnet)
                        && address.is_none_or(|address| address == Ipv4Addr::from(row.address).to_string())
                })
        };
        let cursors = rows.map(|number| Cursor { group: 0, name: String::new(), number });
        page.answer(request, cursors, keep, |cursor| {
            self.instances.get(cursor.number).map(|row| self.private_ip(cursor.number, row))
        })
    }

    pub(in crate::world) fn list_public_ips(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let scope = request.in_query("scope").unwrap_or_default();
        let local = scope.eq_ignore_ascii_case("AVAILABILITY_DOMAIN");
        if local && ad.is_none() {
            return Err(error::invalid("availabilityDomain is required when scope is AVAILABILITY_DOMAIN"));
        }
        let page = self.page(request)?;
        // The region has ephemeral addresses only; reserved addresses would have the scope REGION.
        let ephemeral =
            request.in_query("lifetime").is_none_or(|wanted| wanted.eq_ignore_ascii_case("EPHEMERAL"));
        let any = local && ephemeral && request.in_query("publicIpPoolId").is_none();
        let rows = self.instances_after(compartment, ad, page.after.as_ref());
        let keep = |cursor: &Cursor| {
            any && self.listed(cursor.number).is_some_and(|row| row.has_vnic() && row.public)
        };
        page.answer(request, rows, keep, |cursor| {
            self.instances.get(cursor.number).map(|row| {
                let private = self.ids.text(Id(Kind::PrivateIp, cursor.number));
                PublicIp {
                    id: Some(self.ids.text(Id(Kind::PublicIp, cursor.number))),
                    assigned_entity_id: Some(private.clone()),
                    assigned_entity_type: Some(PublicIpAssignedEntityType::PrivateIp),
                    availability_domain: Some(self.identity.ad_name(row.ad)),
                    compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
                    ip_address: Some(Network::public_address(cursor.number).to_string()),
                    lifecycle_state: Some(PublicIpLifecycleState::Assigned),
                    lifetime: Some(PublicIpLifetime::Ephemeral),
                    private_ip_id: Some(private),
                    scope: Some(PublicIpScope::AvailabilityDomain),
                    time_created: Some(row.created),
                    ..PublicIp::default()
                }
            })
        })
    }
}

/// The MAC address of an instance: locally administered, from Oracle's block, different for every instance.
fn mac_address(number: u32) -> String {
    let [a, b, c, d] = number.to_be_bytes();
    format!("02:00:{a:02X}:{b:02X}:{c:02X}:{d:02X}")
}
