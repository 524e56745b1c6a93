//! Moves, changes and deletes public addresses.

use crate::world::api::{ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::network::parts::Labels;
use crate::world::request::empty;
use crate::world::state::World;
use oci_api::models::UpdatePublicIpDetails;

impl World {
    /// Changes a public address. A reserved one moves to another private address, or to none (Oracle: UpdatePublicIp; texts
    /// invented).
    pub(in crate::world) fn update_public_ip(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.public_ip(request.in_path("publicIpId"))?;
        request.check_etag(&self.etag(Id(Kind::PublicIp, number), row.common.version))?;
        if !row.common.lives() {
            let ocid = request.in_path("publicIpId");
            return Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")));
        }
        let new: UpdatePublicIpDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let private = match new.private_ip_id.as_deref() {
            None => row.private,
            Some("") => None,
            Some(ocid) if self.private_ip(ocid).ok() == row.private => row.private,
            Some(_) if !row.reserved => {
                return Err(error::invalid("an EPHEMERAL public IP cannot be moved to another private IP"));
            }
            Some(ocid) => Some(self.assignable(ocid, true)?),
        };
        let number = self.with_public_row(number);
        let now = self.now;
        let Some(own) = self.network.addresses.public.get_mut(&number) else {
            return Err(error::not_found());
        };
        labels.apply(&mut own.name, &mut own.common);
        if own.private != private {
            own.private = private;
            own.changed = now;
        }
        // An ephemeral address ends with its assignment.
        if private.is_none() && !own.reserved {
            own.common.deleted = Some(now);
        }
        self.log.push(now, "publicip_updated", Some(Id(Kind::PublicIp, number)), None);
        self.public_answer(request, number)
    }

    pub(in crate::world) fn delete_public_ip(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("publicIpId");
        let (number, row) = self.public_ip(ocid)?;
        request.check_etag(&self.etag(Id(Kind::PublicIp, number), row.common.version))?;
        if !row.common.lives() {
            return Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")));
        }
        let number = self.with_public_row(number);
        let now = self.now;
        if let Some(own) = self.network.addresses.public.get_mut(&number) {
            own.private = None;
            own.common.deleted = Some(now);
            own.common.version += 1;
        }
        self.log.push(now, "publicip_deleted", Some(Id(Kind::PublicIp, number)), None);
        Ok(empty(request.operation))
    }
}
