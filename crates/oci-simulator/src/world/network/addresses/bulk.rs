//! Makes several private addresses at once: all of them, or none.

use super::private::AddressPlace;
use crate::world::api::{ApiAnswer, ApiError, ApiRequest};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::network::parts::Labels;
use crate::world::request::empty;
use crate::world::state::World;
use crate::world::work_requests::{ResourceAction, Status};
use oci_api::models::{BulkCreatePrivateIpItem, BulkCreatePrivateIpsDetails};

/// The maximum number of addresses in one request (invented).
const ITEMS_MAX: usize = 64;

impl World {
    pub(in crate::world) fn bulk_create_private_ips(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: BulkCreatePrivateIpsDetails = request.details()?;
        self.check_other(new.vlan_id.as_deref())?;
        let items = new.bulk_create_private_ip_item;
        if !(1..=ITEMS_MAX).contains(&items.len()) {
            return Err(error::invalid(format!(
                "bulkCreatePrivateIpItem has {} items; a request can have 1 to {ITEMS_MAX}",
                items.len()
            )));
        }
        let is_reserved = |item: &BulkCreatePrivateIpItem| {
            item.lifetime.as_ref().is_some_and(|lifetime| lifetime.as_str() == "RESERVED")
        };
        let all_reserved = items.iter().all(is_reserved);
        let target =
            self.place_of_new_address(new.vnic_id.as_deref(), new.subnet_id.as_deref(), all_reserved)?;
        for item in &items {
            labels_of(item).check()?;
            self.check_new_private(target, item.cidr_prefix_length, item.hostname_label.as_deref())?;
        }
        target.vnic.map_or(Ok(()), |vnic| self.check_room(vnic, items.len()))?;
        let addresses = self.take_addresses(target, &items)?;
        for (item, address) in items.iter().zip(addresses) {
            let hostname = item.hostname_label.clone();
            let number =
                self.add_labelled(target, address, is_reserved(item), labels_of(item), hostname, request);
            self.log.push(self.now, "privateip_created", Some(Id(Kind::PrivateIp, number)), None);
        }
        let about = match target.vnic {
            Some(vnic) => Id(Kind::Vnic, vnic),
            None => Id(Kind::Subnet, target.subnet),
        };
        let (name, now) = (request.operation.name(), self.now);
        let work = self.open_work_request(name, target.compartment, about, ResourceAction::Update, now);
        self.close_work_request(work, Status::Succeeded, None);
        let answer = empty(request.operation).with_work_request(self.work_request_ocid(work));
        Ok((answer, Some(Id(Kind::WorkRequest, work))))
    }

    /// Takes an address for each item: first those that were asked for by value, so that no other item gets one of them.
    fn take_addresses(
        &mut self,
        target: AddressPlace,
        items: &[BulkCreatePrivateIpItem],
    ) -> Result<Vec<u32>, ApiError> {
        let mut taken: Vec<Option<u32>> = vec![None; items.len()];
        for by_value in [true, false] {
            for (item, place) in items.iter().zip(0..) {
                if item.ip_address.is_some() != by_value {
                    continue;
                }
                match self.take_address(target.subnet, item.ip_address.as_deref()) {
                    Ok(address) => taken[place] = Some(address),
                    Err(refusal) => {
                        let row = &mut self.network.subnets[target.subnet as usize];
                        taken.into_iter().flatten().for_each(|address| row.release(address));
                        return Err(refusal);
                    }
                }
            }
        }
        Ok(taken.into_iter().flatten().collect())
    }
}

fn labels_of(item: &BulkCreatePrivateIpItem) -> Labels {
    Labels {
        display_name: item.display_name.clone(),
        freeform_tags: item.freeform_tags.clone(),
        defined_tags: item.defined_tags.clone(),
    }
}
