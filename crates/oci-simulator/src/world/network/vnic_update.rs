//! Updates VNICs.

use super::part::MADE;
use crate::world::api::{ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::Kind;
use crate::world::instances::validate::{check_hostname, check_tags};
use crate::world::state::World;
use oci_api::models::UpdateVnicDetails;

impl World {
    pub(in crate::world) fn update_vnic(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::Vnic, request.in_path("vnicId")).ok_or_else(error::not_found)?;
        if number >= MADE {
            return self.update_card(request, number);
        }
        let row = self.instances.get(number).filter(|row| row.has_vnic()).ok_or_else(error::not_found)?;
        request.check_etag(&self.vnic_etag(number, row))?;
        let new: UpdateVnicDetails = request.details()?;
        if let Some(tags) = &new.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let hostname = new.hostname_label.as_deref().filter(|label| !label.is_empty());
        hostname.map_or(Ok(()), |label| check_hostname(label, None))?;
        self.check_vnic(row.subnet, row.ad, hostname)?;
        if let Some(groups) = &new.nsg_ids {
            self.check_groups_of_vnic(groups.iter().map(String::as_str), row.subnet)?;
        }
        let vcn = self.network.subnets[row.subnet as usize].vcn;
        self.part_in(Kind::RouteTable, new.route_table_id.as_deref(), vcn)?;
        let mut extra = self.instances.extras.get(row.extras).clone();
        let mut vnic = extra.create_vnic_details.take().unwrap_or_default();
        vnic.display_name = new.display_name.or(vnic.display_name);
        vnic.freeform_tags = new.freeform_tags.or(vnic.freeform_tags);
        vnic.defined_tags = new.defined_tags.or(vnic.defined_tags);
        vnic.nsg_ids = new.nsg_ids.or(vnic.nsg_ids);
        vnic.skip_source_dest_check = new.skip_source_dest_check.or(vnic.skip_source_dest_check);
        vnic.route_table_id = new.route_table_id.or(vnic.route_table_id);
        extra.create_vnic_details = Some(vnic);
        let extras = self.instances.extras.keep(extra)?;
        if let Some(row) = self.instances.get_mut(number) {
            row.extras = extras;
            if let Some(label) = new.hostname_label {
                // An empty label takes the name away.
                row.hostname = (!label.is_empty()).then(|| label.into());
            }
        }
        self.get_vnic(request)
    }
}
