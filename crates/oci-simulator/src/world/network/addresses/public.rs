//! Public addresses: reserved ones, which somebody makes and assigns, and ephemeral ones, which belong to a private address.

use super::PublicRow;
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::network::Network;
use crate::world::network::part::{Common, MADE, Phase, SETTLING};
use crate::world::network::parts::Labels;
use crate::world::paging::Cursor;
use crate::world::request::answer;
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    CreatePublicIpDetails, GetPublicIpByIpAddressDetails, GetPublicIpByPrivateIpIdDetails, PublicIp,
    PublicIpAssignedEntityType, PublicIpLifecycleState, PublicIpLifetime, PublicIpScope,
};
use std::net::Ipv4Addr;

impl World {
    /// The number of the public address of a private one.
    pub(super) fn public_of(&self, private: u32) -> Option<u32> {
        let rows = self.network.addresses.public.iter();
        let mut own = rows.filter(|(_, row)| row.private == Some(private) && row.common.lives());
        if let Some((number, _)) = own.next() {
            return Some(*number);
        }
        let instance = self.vnic_of_private(private).filter(|vnic| *vnic < MADE)?;
        let place = self.vnic_place(instance).filter(|place| place.first == private)?;
        self.instances.get(place.instance).filter(|row| row.public).map(|_| instance)
    }

    /// The public address of a private one, as text.
    pub(in crate::world::network) fn public_text(&self, private: u32) -> Option<String> {
        let number = self.public_of(private)?;
        let row = self.network.addresses.public.get(&number).map(|row| Ipv4Addr::from(row.address));
        Some(row.unwrap_or_else(|| Network::public_address(number)).to_string())
    }

    /// The public address with this number, as a row. That of an instance gets one here; `None` if there is none.
    fn public_row(&self, number: u32) -> Option<PublicRow> {
        if let Some(row) = self.network.addresses.public.get(&number) {
            return row.common.phase(row.created, self.now).map(|_| row.clone());
        }
        let row = self.instances.get(number).filter(|row| row.has_vnic() && row.public)?;
        Some(PublicRow {
            compartment: row.compartment,
            address: u32::from(Network::public_address(number)),
            reserved: false,
            private: Some(self.network.addresses.first_of(number).unwrap_or(number)),
            name: String::new(),
            created: row.created,
            changed: row.created,
            common: Common::default(),
        })
    }

    /// The public address with this OCID, or 404.
    pub(super) fn public_ip(&self, ocid: &str) -> Result<(u32, PublicRow), ApiError> {
        let number = self.ids.number(Kind::PublicIp, ocid).ok_or_else(error::not_found)?;
        self.public_row(number).map(|row| (number, row)).ok_or_else(error::not_found)
    }

    fn state_of_public(&self, row: &PublicRow) -> PublicIpLifecycleState {
        let settles = self.now < row.changed + SETTLING && row.common.made;
        match (row.common.phase(row.created, self.now), row.private) {
            (Some(Phase::Terminating) | None, _) => PublicIpLifecycleState::Terminating,
            (Some(Phase::Provisioning), None) => PublicIpLifecycleState::Provisioning,
            (Some(_), Some(_)) if settles => PublicIpLifecycleState::Assigning,
            (Some(_), Some(_)) => PublicIpLifecycleState::Assigned,
            (Some(_), None) if settles => PublicIpLifecycleState::Unassigning,
            (Some(_), None) => PublicIpLifecycleState::Available,
        }
    }

    fn public_model(&self, number: u32, row: &PublicRow) -> PublicIp {
        let private = row.private.map(|private| self.ids.text(Id(Kind::PrivateIp, private)));
        let ad = row.private.and_then(|private| self.place_of_private(private)).map(|place| place.ad);
        PublicIp {
            id: Some(self.ids.text(Id(Kind::PublicIp, number))),
            assigned_entity_id: private.clone(),
            assigned_entity_type: private.as_ref().map(|_| PublicIpAssignedEntityType::PrivateIp),
            // A reserved address belongs to the region.
            availability_domain: ad.filter(|_| !row.reserved).map(|ad| self.identity.ad_name(ad)),
            compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: Some(row.name.clone()).filter(|name| !name.is_empty()),
            freeform_tags: Some(row.common.tags.clone()),
            ip_address: Some(Ipv4Addr::from(row.address).to_string()),
            lifecycle_state: Some(self.state_of_public(row)),
            lifetime: Some(if row.reserved {
                PublicIpLifetime::Reserved
            } else {
                PublicIpLifetime::Ephemeral
            }),
            private_ip_id: private,
            scope: Some(if row.reserved { PublicIpScope::Region } else { PublicIpScope::AvailabilityDomain }),
            time_created: Some(row.created),
            ..PublicIp::default()
        }
    }

    /// The result of an operation that shows one public address.
    pub(in crate::world) fn public_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.public_row(number).ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::PublicIp, number), row.common.version);
        Ok(answer(request.operation, &self.public_model(number, &row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_public_ip(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.public_ip(request.in_path("publicIpId"))?;
        self.public_answer(request, number)
    }

    pub(in crate::world) fn find_public_ip_of_private(&self, request: &ApiRequest) -> ApiResult {
        let wanted: GetPublicIpByPrivateIpIdDetails = request.details()?;
        let private = self.private_ip(&wanted.private_ip_id)?;
        self.public_answer(request, self.public_of(private).ok_or_else(error::not_found)?)
    }

    pub(in crate::world) fn find_public_ip(&self, request: &ApiRequest) -> ApiResult {
        let wanted: GetPublicIpByIpAddressDetails = request.details()?;
        let address: Ipv4Addr = wanted.ip_address.parse().map_err(|_| {
            error::invalid(format!("ipAddress '{}' is not an IPv4 address", wanted.ip_address))
        })?;
        let mut rows = self.network.addresses.public.iter();
        let row = rows.find(|(_, row)| row.address == u32::from(address) && row.common.lives());
        let number = row.map(|(number, _)| *number).or_else(|| Network::instance_with(address));
        self.public_answer(request, number.ok_or_else(error::not_found)?)
    }

    /// Makes a public address (Oracle: "Public IP Addresses", CreatePublicIpDetails; texts invented).
    pub(in crate::world) fn create_public_ip(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreatePublicIpDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let compartment = self.compartment(&new.compartment_id)?;
        if new.public_ip_pool_id.is_some_and(|pool| !pool.is_empty()) {
            // The region has no pools of addresses.
            return Err(error::not_found());
        }
        let reserved = new.lifetime.as_str() == "RESERVED";
        let private = new.private_ip_id.as_deref().filter(|ocid| !ocid.is_empty());
        let private = private.map(|ocid| self.assignable(ocid, reserved)).transpose()?;
        if reserved {
            self.check_counted(compartment, None, &[(Thing::ReservedPublicIps, 1)])?;
        } else {
            let Some(private) = private else { return Err(error::missing("privateIpId")) };
            if self.place_of_private(private).is_none_or(|place| place.compartment != compartment) {
                return Err(error::invalid(
                    "compartmentId of an EPHEMERAL public IP must be that of its private IP",
                ));
            }
        }
        let name = labels.display_name.clone().unwrap_or_else(|| format!("publicip{}", stamp(self.now)));
        let common = self.common_of_new(labels, request);
        let number = self.network.addresses.next_number();
        let row = PublicRow {
            compartment,
            address: u32::from(Network::made_address(number)),
            reserved,
            private,
            name,
            created: self.now,
            changed: self.now,
            common,
        };
        self.network.addresses.public.insert(number, row);
        let id = Id(Kind::PublicIp, number);
        self.log.push(self.now, "publicip_created", Some(id), None);
        Ok((self.public_answer(request, number)?, Some(id)))
    }

    /// An ephemeral address for the first private address of a new VNIC.
    pub(super) fn add_ephemeral(&mut self, private: u32, compartment: u32) {
        let number = self.network.addresses.next_number();
        let row = PublicRow {
            compartment,
            address: u32::from(Network::made_address(number)),
            reserved: false,
            private: Some(private),
            name: format!("publicip{}", stamp(self.now)),
            created: self.now,
            changed: self.now,
            common: Common::default(),
        };
        self.network.addresses.public.insert(number, row);
    }

    /// A private address that can get a public one: assigned, in a public subnet, without a public address; an ephemeral one is
    /// for the first address of a VNIC only.
    pub(super) fn assignable(&self, ocid: &str, reserved: bool) -> Result<u32, ApiError> {
        let number = self.private_ip(ocid)?;
        let place = self.place_of_private(number);
        let place =
            place.ok_or_else(|| error::invalid(format!("privateIp {ocid} is not assigned to a VNIC")))?;
        if !self.network.subnets[place.subnet as usize].public {
            return Err(error::invalid(format!("the subnet of privateIp {ocid} prohibits public IPs")));
        }
        if !reserved && place.first != number {
            return Err(error::invalid(
                "an EPHEMERAL public IP is for the primary private IP of a VNIC only",
            ));
        }
        if self.public_of(number).is_some() {
            return Err(ApiError::new(409, "Conflict", format!("privateIp {ocid} already has a public IP")));
        }
        Ok(number)
    }

    pub(in crate::world) fn list_public_ips(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let is_local = |scope: &str| scope.eq_ignore_ascii_case("AVAILABILITY_DOMAIN");
        let local = request.in_query("scope").is_some_and(is_local);
        if local && ad.is_none() {
            return Err(error::invalid("availabilityDomain is required when scope is AVAILABILITY_DOMAIN"));
        }
        let page = self.page(request)?;
        let lifetime = request.in_query("lifetime");
        let is_wanted = |own: &str| lifetime.is_none_or(|wanted| wanted.eq_ignore_ascii_case(own));
        let any = request.in_query("publicIpPoolId").is_none();
        let any_own = any && local && is_wanted("EPHEMERAL");
        let horizon = self.list_horizon();
        let rows = self.network.addresses.public.iter().filter(|(_, row)| {
            any && row.compartment == compartment
                && row.created <= horizon
                && row.reserved != local
                && is_wanted(if row.reserved { "RESERVED" } else { "EPHEMERAL" })
                && row.common.phase(row.created, self.now).is_some()
        });
        let made = rows.filter_map(|(number, row)| {
            let place = row.private.and_then(|private| self.place_of_private(private));
            let group = if local { place?.ad } else { 0 };
            (ad.is_none_or(|ad| !local || ad == group)).then_some(Cursor {
                group,
                name: String::new(),
                number: *number,
            })
        });
        let made = made.collect();
        let own = self.instances_after(compartment, ad, page.after.as_ref());
        let own = own.filter(|cursor| {
            any_own && self.listed(cursor.number).is_some_and(|row| row.has_vnic() && row.public)
        });
        let rows = super::super::vnics::merged(own, made, page.after.as_ref());
        page.answer(
            request,
            rows,
            |_| true,
            |cursor| self.public_row(cursor.number).map(|row| self.public_model(cursor.number, &row)),
        )
    }

    /// Gives the public address of an instance a row, so that it can be changed. Its OCID stays.
    pub(super) fn with_public_row(&mut self, number: u32) -> u32 {
        if number >= MADE {
            return number;
        }
        let Some(row) = self.public_row(number) else { return number };
        let ocid = self.ids.text(Id(Kind::PublicIp, number));
        let made = self.network.addresses.next_number();
        self.ids.name(Id(Kind::PublicIp, made), &ocid);
        self.network.addresses.public.insert(made, row);
        if let Some(row) = self.instances.get_mut(number) {
            row.public = false;
        }
        made
    }
}

impl Network {
    /// The address of a public address that somebody made, from another block that Oracle uses in Phoenix.
    fn made_address(number: u32) -> Ipv4Addr {
        Ipv4Addr::from((129_u32 << 24 | 153 << 16).wrapping_add((number & (MADE - 1)) + 1))
    }

    /// The instance that would have this public address.
    fn instance_with(address: Ipv4Addr) -> Option<u32> {
        let number = u32::from(address).checked_sub((129 << 24 | 146 << 16) + 1)?;
        (number < MADE && Self::public_address(number) == address).then_some(number)
    }
}
