//! Lists of reservations, of their members, and of the shapes that can be reserved.

use crate::world::api::{ApiRequest, ApiResult};
use crate::world::identity::{compartment_ocid, fault_domain_name};
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use oci_api::models::{
    CapacityReservationInstanceSummary, ComputeCapacityReservationInstanceShapeSummary,
    ComputeCapacityReservationSummary, InstanceReservationShapeConfigDetails,
};

impl World {
    pub(in crate::world) fn list_reservations(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let rows = self.reservations.iter().filter(|(_, row)| {
            row.compartment == compartment
                && ad.is_none_or(|ad| ad == row.ad)
                && name.is_none_or(|name| name == row.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(row.state.as_str()))
        });
        let rows = rows
            .map(|(number, row)| {
                let (reserved, used) = self.reservation_counts(row);
                let summary = ComputeCapacityReservationSummary {
                    id: self.ids.text(Id(Kind::CapacityReservation, *number)),
                    compartment_id: Some(compartment_ocid(&self.ids, row.compartment)),
                    display_name: Some(row.name.clone()),
                    defined_tags: Some(row.defined_tags.clone()),
                    freeform_tags: Some(row.tags.clone()),
                    lifecycle_state: Some(row.state.as_str().to_owned()),
                    availability_domain: self.identity.ad_name(row.ad),
                    reserved_instance_count: Some(reserved),
                    used_instance_count: Some(used),
                    is_default_reservation: Some(row.is_default),
                    time_created: Some(row.created),
                    ..ComputeCapacityReservationSummary::default()
                };
                (Cursor { group: 0, name: row.name.clone(), number: *number }, summary)
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    pub(in crate::world) fn list_reservation_instances(&mut self, request: &ApiRequest) -> ApiResult {
        let ad = self.ad_in(request)?;
        let compartment = request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        let page = self.page(request)?;
        let order = Order::read(request);
        let (_, row) = self.reservation(request.in_path("capacityReservationId"))?;
        let horizon = self.list_horizon();
        let mut rows = Vec::with_capacity(row.members.len());
        for number in &row.members {
            let Some(instance) = self.instances.get(*number).filter(|instance| instance.created <= horizon)
            else {
                continue;
            };
            if ad.is_some_and(|ad| ad != instance.ad)
                || compartment.is_some_and(|at| at != instance.compartment)
            {
                continue;
            }
            let summary = CapacityReservationInstanceSummary {
                id: self.ids.text(Id(Kind::Instance, *number)),
                availability_domain: self.identity.ad_name(instance.ad),
                compartment_id: compartment_ocid(&self.ids, instance.compartment),
                fault_domain: Some(fault_domain_name(instance.fd)),
                shape: instance.shape.get().name.to_owned(),
                shape_config: instance.shape.get().is_flexible().then(|| {
                    Box::new(InstanceReservationShapeConfigDetails {
                        ocpus: Some(f64::from(instance.need.ocpus) / 1000.0),
                        memory_in_gbs: Some(f64::from(instance.need.memory) / 1000.0),
                        ..InstanceReservationShapeConfigDetails::default()
                    })
                }),
                ..CapacityReservationInstanceSummary::default()
            };
            rows.push((Cursor { group: 0, name: instance.name.to_string(), number: *number }, summary));
        }
        page.answer_small(request, order, rows)
    }

    pub(in crate::world) fn list_reservable_shapes(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let ads = ad.map_or(0..self.settings.domains(), |ad| ad..ad + 1);
        let mut rows = Vec::new();
        for (ad, id) in ads.flat_map(|ad| ShapeId::all().map(move |id| (ad, id))) {
            let shape = id.get();
            let reservable = shape.family().name != "standard-e2-micro";
            if reservable && self.offers(ad, shape) && name.is_none_or(|name| name == shape.name) {
                let cursor = Cursor { group: ad, name: shape.name.to_owned(), number: u32::from(id.0) };
                let summary = ComputeCapacityReservationInstanceShapeSummary {
                    availability_domain: self.identity.ad_name(ad),
                    instance_shape: shape.name.to_owned(),
                    ..ComputeCapacityReservationInstanceShapeSummary::default()
                };
                rows.push((cursor, summary));
            }
        }
        page.answer_small(request, Order::read(request), rows)
    }
}
