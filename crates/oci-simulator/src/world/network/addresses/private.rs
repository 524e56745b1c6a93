//! Private addresses: what they are, and how they are made.

use super::{PrivateRow, VnicPlace};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::InstanceRow;
use crate::world::instances::validate::check_hostname;
use crate::world::network::part::{Common, MADE};
use crate::world::network::parts::Labels;
use crate::world::request::answer;
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{CreatePrivateIpDetails, PrivateIp, PrivateIpIpState, PrivateIpLifetime};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// The maximum number of private addresses of a VNIC, its first one included (Oracle: "Private IP Addresses").
const ADDRESSES_MAX: usize = 32;

/// A private address that is not assigned yet.
pub(super) struct NewPrivate {
    pub compartment: u32,
    pub subnet: u32,
    pub address: u32,
    pub first: bool,
    pub reserved: bool,
    pub name: String,
    pub hostname: Option<String>,
}

/// Where a new private address comes to be.
#[derive(Clone, Copy)]
pub(super) struct AddressPlace {
    pub vnic: Option<u32>,
    pub subnet: u32,
    pub compartment: u32,
    ad: Option<u8>,
}

impl World {
    /// Adds the row of a private address whose address was taken.
    pub(super) fn add_private(&mut self, new: NewPrivate) -> u32 {
        let number = self.network.addresses.next_number();
        let row = PrivateRow {
            compartment: new.compartment,
            subnet: new.subnet,
            address: new.address,
            vnic: None,
            first: new.first,
            reserved: new.reserved,
            name: new.name,
            hostname: new.hostname,
            created: self.now,
            common: Common::default(),
        };
        self.network.addresses.private.insert(number, row);
        self.network.subnets[new.subnet as usize].others.insert(number);
        number
    }

    pub(super) fn assign_private(&mut self, number: u32, vnic: u32, first: bool) {
        if let Some(row) = self.network.addresses.private.get_mut(&number) {
            row.vnic = Some(vnic);
            row.first = first;
            row.common.version += 1;
        }
    }

    /// Gives a reserved address to an instance as its first one.
    pub(in crate::world) fn lend_address(&mut self, number: u32, instance: u32) {
        self.network.addresses.firsts.insert(instance, number);
        self.assign_private(number, instance, true);
    }

    /// Gives the first address of an instance a row, so that it can be changed. Its OCID stays.
    pub(super) fn with_row(&mut self, number: u32) -> u32 {
        let Some(row) = self.instances.get(number).filter(|_| number < MADE) else { return number };
        let (subnet, created) = (row.subnet, row.created);
        let new = NewPrivate {
            compartment: row.compartment,
            subnet,
            address: row.address,
            first: true,
            reserved: false,
            name: row.name.to_string(),
            hostname: None,
        };
        let ocid = self.ids.text(Id(Kind::PrivateIp, number));
        let made = self.add_private(new);
        self.ids.name(Id(Kind::PrivateIp, made), &ocid);
        self.lend_address(made, number);
        let addresses = &mut self.network.addresses;
        if let Some(row) = addresses.private.get_mut(&made) {
            row.created = created;
            row.common.version = 0;
        }
        for public in addresses.public.values_mut().filter(|public| public.private == Some(number)) {
            public.private = Some(made);
        }
        made
    }

    /// The private address with this OCID, or 404.
    pub(super) fn private_ip(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::PrivateIp, ocid).ok_or_else(error::not_found)?;
        let exists = match number {
            own if own < MADE => self.vnic_place(own).is_some_and(|place| place.first == own),
            made => self.network.addresses.private.contains_key(&made),
        };
        if exists { Ok(number) } else { Err(error::not_found()) }
    }

    /// The VNIC of a private address.
    pub(super) fn vnic_of_private(&self, number: u32) -> Option<u32> {
        match self.network.addresses.private.get(&number) {
            Some(row) => row.vnic,
            None => (number < MADE).then_some(number),
        }
    }

    pub(super) fn place_of_private(&self, number: u32) -> Option<VnicPlace> {
        self.vnic_of_private(number).and_then(|vnic| self.vnic_place(vnic))
    }

    /// The number of private addresses of a VNIC.
    fn addresses_of(&self, vnic: u32) -> usize {
        let has_own = vnic < MADE && self.network.addresses.first_of(vnic).is_none();
        let rows = self.network.addresses.private.values().filter(|row| row.vnic == Some(vnic));
        usize::from(has_own) + rows.count()
    }

    pub(super) fn check_room(&self, vnic: u32, more: usize) -> Result<(), ApiError> {
        if self.addresses_of(vnic) + more <= ADDRESSES_MAX {
            return Ok(());
        }
        Err(error::limit_exceeded(&["private-ip-per-vnic-count".to_owned()]))
    }

    /// The reserved address that a new VNIC is to use; `None` if it names none.
    pub(in crate::world) fn reserved_to_use(
        &self,
        ocid: Option<&str>,
        address: Option<&str>,
        subnet: u32,
    ) -> Result<Option<u32>, ApiError> {
        let Some(ocid) = ocid.filter(|ocid| !ocid.is_empty()) else { return Ok(None) };
        if address.is_some() {
            return Err(error::invalid("privateIp and privateIpId must not both be given"));
        }
        let number = self.private_ip(ocid)?;
        match self.network.addresses.private.get(&number) {
            Some(row) if row.vnic.is_some() => Err(is_assigned(ocid)),
            Some(row) if row.subnet != subnet => {
                Err(error::invalid(format!("privateIp {ocid} is not in the subnet of the VNIC")))
            }
            Some(_) => Ok(Some(number)),
            None => Err(is_assigned(ocid)),
        }
    }

    pub(in crate::world) fn create_private_ip(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreatePrivateIpDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        self.check_other(new.vlan_id.as_deref())?;
        let reserved = new.lifetime.as_ref().is_some_and(|lifetime| lifetime.as_str() == "RESERVED");
        let target = self.place_of_new_address(new.vnic_id.as_deref(), new.subnet_id.as_deref(), reserved)?;
        self.check_new_private(target, new.cidr_prefix_length, new.hostname_label.as_deref())?;
        target.vnic.map_or(Ok(()), |vnic| self.check_room(vnic, 1))?;
        let address = self.take_address(target.subnet, new.ip_address.as_deref())?;
        let number = self.add_labelled(target, address, reserved, labels, new.hostname_label, request);
        let id = Id(Kind::PrivateIp, number);
        self.log.push(self.now, "privateip_created", Some(id), None);
        Ok((self.private_answer(request, number)?, Some(id)))
    }

    /// Where a new address comes to be: on a VNIC, or, if it is reserved, in a subnet (Oracle: CreatePrivateIpDetails).
    pub(super) fn place_of_new_address(
        &self,
        vnic: Option<&str>,
        subnet: Option<&str>,
        reserved: bool,
    ) -> Result<AddressPlace, ApiError> {
        let given = |ocid: Option<&str>| ocid.filter(|ocid| !ocid.is_empty()).map(str::to_owned);
        let subnet = given(subnet).map(|ocid| self.subnet(&ocid)).transpose()?;
        if let Some(ocid) = given(vnic) {
            let (number, place) = self.vnic(&ocid)?;
            if subnet.is_some_and(|subnet| subnet != place.subnet) {
                return Err(error::invalid("subnetId is not the subnet of the VNIC"));
            }
            return Ok(AddressPlace {
                vnic: Some(number),
                subnet: place.subnet,
                compartment: place.compartment,
                ad: Some(place.ad),
            });
        }
        let Some(subnet) = subnet.filter(|_| reserved) else {
            return Err(error::invalid("vnicId is required, or subnetId with the lifetime RESERVED"));
        };
        let compartment = self.network.subnets[subnet as usize].compartment;
        Ok(AddressPlace { vnic: None, subnet, compartment, ad: None })
    }

    pub(super) fn check_new_private(
        &self,
        target: AddressPlace,
        prefix: Option<i64>,
        hostname: Option<&str>,
    ) -> Result<(), ApiError> {
        if prefix.is_some_and(|prefix| prefix != 32) {
            return Err(error::invalid("cidrPrefixLength: this simulated region has single addresses only"));
        }
        let hostname = hostname.filter(|label| !label.is_empty());
        hostname.map_or(Ok(()), |label| check_hostname(label, None))?;
        let own = self.network.subnets[target.subnet as usize].own.as_ref().and_then(|own| own.ad);
        self.check_vnic(target.subnet, target.ad.or(own).unwrap_or(0), hostname)
    }

    /// Adds a private address with what its request says of it.
    pub(super) fn add_labelled(
        &mut self,
        target: AddressPlace,
        address: u32,
        reserved: bool,
        labels: Labels,
        hostname: Option<String>,
        request: &ApiRequest,
    ) -> u32 {
        let name = labels.display_name.clone().unwrap_or_else(|| format!("privateip{}", stamp(self.now)));
        let common = Common { made: false, ..self.common_of_new(labels, request) };
        let number = self.add_private(NewPrivate {
            compartment: target.compartment,
            subnet: target.subnet,
            address,
            first: false,
            reserved,
            name,
            hostname: hostname.filter(|label| !label.is_empty()),
        });
        if let Some(row) = self.network.addresses.private.get_mut(&number) {
            row.common = common;
            row.vnic = target.vnic;
        }
        number
    }

    /// The result of an operation that shows one private address.
    pub(in crate::world) fn private_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let model = self.private_model(number).ok_or_else(error::not_found)?;
        Ok(answer(request.operation, &model)?.with_etag(self.private_etag(number)))
    }

    pub(super) fn private_etag(&self, number: u32) -> String {
        let version = self.network.addresses.private.get(&number).map_or(0, |row| row.common.version);
        self.etag(Id(Kind::PrivateIp, number), version)
    }

    pub(in crate::world) fn get_private_ip(&self, request: &ApiRequest) -> ApiResult {
        let number = self.private_ip(request.in_path("privateIpId"))?;
        self.private_answer(request, number)
    }

    pub(super) fn private_model(&self, number: u32) -> Option<PrivateIp> {
        let Some(row) = self.network.addresses.private.get(&number) else {
            return self.instances.get(number).map(|row| self.own_private(number, row));
        };
        Some(PrivateIp {
            id: Some(self.ids.text(Id(Kind::PrivateIp, number))),
            compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: Some(row.name.clone()),
            freeform_tags: Some(row.common.tags.clone()),
            hostname_label: self.hostname_of(row),
            ip_address: Some(Ipv4Addr::from(row.address).to_string()),
            is_primary: Some(row.first && row.vnic.is_some()),
            subnet_id: Some(self.ids.text(Id(Kind::Subnet, row.subnet))),
            time_created: Some(row.created),
            vnic_id: row.vnic.map(|vnic| self.ids.text(Id(Kind::Vnic, vnic))),
            ip_state: Some(match row.vnic {
                Some(_) => PrivateIpIpState::Assigned,
                None => PrivateIpIpState::Available,
            }),
            lifetime: Some(if row.reserved {
                PrivateIpLifetime::Reserved
            } else {
                PrivateIpLifetime::Ephemeral
            }),
            ..PrivateIp::default()
        })
    }

    /// The host name of a private address. The row of an instance has that of its first one.
    fn hostname_of(&self, row: &PrivateRow) -> Option<String> {
        match row.vnic.filter(|vnic| row.first && *vnic < MADE) {
            Some(instance) => self.instances.get(instance)?.hostname.as_ref().map(ToString::to_string),
            None => row.hostname.clone(),
        }
    }

    /// The first address of an instance, without a row.
    fn own_private(&self, number: u32, row: &InstanceRow) -> PrivateIp {
        PrivateIp {
            id: Some(self.ids.text(Id(Kind::PrivateIp, number))),
            compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
            defined_tags: Some(BTreeMap::new()),
            display_name: Some(row.name.to_string()),
            freeform_tags: Some(BTreeMap::new()),
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
}

/// 409 for an address that belongs to another VNIC (text invented).
fn is_assigned(ocid: &str) -> ApiError {
    ApiError::new(409, "Conflict", format!("privateIp {ocid} is assigned to a VNIC"))
}
