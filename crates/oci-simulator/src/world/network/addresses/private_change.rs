//! Changes and deletes private addresses.

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_hostname;
use crate::world::network::part::MADE;
use crate::world::network::parts::Labels;
use crate::world::request::empty;
use crate::world::state::World;
use oci_api::models::UpdatePrivateIpDetails;

/// What an update does with the VNIC of an address.
#[derive(Clone, Copy, PartialEq)]
enum Move {
    Stay,
    Leave,
    To(u32),
}

impl World {
    pub(in crate::world) fn update_private_ip(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.private_ip(request.in_path("privateIpId"))?;
        request.check_etag(&self.private_etag(number))?;
        let new: UpdatePrivateIpDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let place = self.place_of_private(number);
        let lifetime = new.lifetime.as_ref().map(|lifetime| lifetime.as_str() == "RESERVED");
        let goes = self.check_move(number, new.vnic_id.as_deref(), lifetime)?;
        let hostname = new.hostname_label.as_deref().filter(|label| !label.is_empty());
        if let Some(label) = hostname {
            check_hostname(label, None)?;
            let (subnet, ad) = match place {
                Some(place) => (place.subnet, place.ad),
                None => (self.subnet_of_private(number), 0),
            };
            self.check_vnic(subnet, ad, Some(label))?;
        }
        let number = self.with_row(number);
        let Some(row) = self.network.addresses.private.get_mut(&number) else {
            return Err(error::not_found());
        };
        labels.apply(&mut row.name, &mut row.common);
        row.reserved = lifetime.unwrap_or(row.reserved);
        let of_instance = row.vnic.filter(|vnic| row.first && *vnic < MADE);
        match goes {
            Move::Stay => {}
            Move::Leave => (row.vnic, row.first) = (None, false),
            Move::To(vnic) => (row.vnic, row.first) = (Some(vnic), false),
        }
        if let Some(label) = new.hostname_label {
            match of_instance.and_then(|instance| self.instances.get_mut(instance)) {
                Some(row) => row.hostname = (!label.is_empty()).then(|| label.into()),
                None => row.hostname = (!label.is_empty()).then_some(label),
            }
        }
        if goes == Move::Leave {
            // A public address is for a private one that is assigned.
            self.end_public_of(number);
        }
        self.log.push(self.now, "privateip_updated", Some(Id(Kind::PrivateIp, number)), None);
        self.private_answer(request, number)
    }

    fn subnet_of_private(&self, number: u32) -> u32 {
        let row = self.network.addresses.private.get(&number).map(|row| row.subnet);
        row.or_else(|| self.instances.get(number).map(|row| row.subnet)).unwrap_or(0)
    }

    /// A secondary address moves to another VNIC of its subnet, and a reserved one may also belong to none (Oracle:
    /// UpdatePrivateIp; texts invented).
    fn check_move(&self, number: u32, vnic: Option<&str>, reserved: Option<bool>) -> Result<Move, ApiError> {
        let own = self.vnic_of_private(number);
        let row = self.network.addresses.private.get(&number);
        let is_first = row.is_none_or(|row| row.first && row.vnic.is_some());
        let stays_reserved = reserved.unwrap_or_else(|| row.is_some_and(|row| row.reserved));
        let goes = match vnic {
            None => Move::Stay,
            Some("") => Move::Leave,
            Some(ocid) => {
                let (to, place) = self.vnic(ocid)?;
                if place.subnet != self.subnet_of_private(number) {
                    return Err(error::invalid("a private IP moves to a VNIC of its own subnet only"));
                }
                if Some(to) == own {
                    Move::Stay
                } else {
                    self.check_room(to, 1)?;
                    Move::To(to)
                }
            }
        };
        if is_first && goes != Move::Stay {
            return Err(error::invalid("the primary private IP of a VNIC cannot be moved"));
        }
        let is_without = goes == Move::Leave || (goes == Move::Stay && own.is_none());
        if is_without && !stays_reserved {
            return Err(error::invalid("only a RESERVED private IP can be assigned to no VNIC"));
        }
        Ok(goes)
    }

    pub(in crate::world) fn delete_private_ip(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.private_ip(request.in_path("privateIpId"))?;
        request.check_etag(&self.private_etag(number))?;
        let row = self.network.addresses.private.get(&number);
        let is_first = row.is_none_or(|row| row.first && row.vnic.is_some());
        if is_first {
            return Err(error::invalid("the primary private IP of a VNIC cannot be deleted"));
        }
        self.end_private(number);
        self.log.push(self.now, "privateip_deleted", Some(Id(Kind::PrivateIp, number)), None);
        Ok(empty(request.operation))
    }
}
