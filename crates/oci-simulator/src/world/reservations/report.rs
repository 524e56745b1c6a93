//! Capacity reports: how much would fit now, without a guarantee (Oracle: "ComputeCapacityReport"). Settings can make them
//! wrong.

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::capacity::FAULT_DOMAINS;
use crate::world::error;
use crate::world::identity::{fault_domain, fault_domain_name};
use crate::world::instances::validate::{ShapeConfig, need_of};
use crate::world::request::answer;
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use oci_api::models::{
    CapacityReportShapeAvailability, CapacityReportShapeAvailabilityAvailabilityStatus as Status,
    ComputeCapacityReport, CreateCapacityReportShapeAvailabilityDetails, CreateComputeCapacityReportDetails,
};

impl World {
    pub(in crate::world) fn create_capacity_report(&mut self, request: &ApiRequest) -> ApiResult {
        let details: CreateComputeCapacityReportDetails = request.details()?;
        // Oracle documents the root compartment, but dstack uses one below it and depends on the responses.
        if self.compartment(&details.compartment_id)? != 0 && self.settings.capacity_report_root_only {
            return Err(error::not_found());
        }
        let ad = self.ad(&details.availability_domain)?;
        // dstack found this limit by experiment; code and text invented.
        let most = self.settings.capacity_report_entries as usize;
        if details.shape_availabilities.len() > most {
            return Err(error::invalid(format!(
                "shapeAvailabilities has {} entries, at most {most} are allowed",
                details.shape_availabilities.len()
            )));
        }
        let mut entries = Vec::new();
        for wanted in &details.shape_availabilities {
            match wanted.fault_domain.as_deref() {
                None if self.settings.capacity_report_per_fault_domain => {
                    for fd in 0..FAULT_DOMAINS {
                        entries.push(self.report_entry(ad, Some(fd), wanted)?);
                    }
                }
                None => entries.push(self.report_entry(ad, None, wanted)?),
                Some(name) => {
                    let fd = fault_domain(name)?;
                    entries.push(self.report_entry(ad, Some(fd), wanted)?);
                }
            }
        }
        let report = ComputeCapacityReport {
            compartment_id: details.compartment_id,
            availability_domain: details.availability_domain,
            shape_availabilities: entries,
            time_created: Some(self.now),
            ..ComputeCapacityReport::default()
        };
        answer(request.operation, &report)
    }

    fn report_entry(
        &mut self,
        ad: u8,
        fd: Option<u8>,
        wanted: &CreateCapacityReportShapeAvailabilityDetails,
    ) -> Result<CapacityReportShapeAvailability, ApiError> {
        let name = &wanted.instance_shape;
        let shape = ShapeId::find(name).ok_or_else(|| error::named_not_found("shape", name))?.get();
        let size = wanted.instance_shape_config.as_ref();
        let (ocpus, memory) = shape.default_size();
        let own_size = size.is_some_and(|size| size.ocpus.is_some());
        let config = ShapeConfig {
            ocpus: size.and_then(|size| size.ocpus).or_else(|| shape.is_flexible().then_some(ocpus.into())),
            memory_in_gbs: size
                .and_then(|size| size.memory_in_gbs)
                .or_else(|| (shape.is_flexible() && !own_size).then_some(memory.into())),
            nvmes: size.and_then(|size| size.nvmes),
            ..ShapeConfig::default()
        };
        let need = need_of(shape, Some(&config))?;
        let offered = self.offers(ad, shape);
        let mut count = if offered { self.capacity.fits(ad, fd, shape.family, need) } else { 0 };
        if offered && self.report_chance.happens(self.settings.capacity_report_error_probability) {
            // Wrong in either direction: none where there is capacity, some where there is none.
            count = if count > 0 { 0 } else { 1 + self.report_chance.below(20) };
        }
        let status = if !offered {
            Status::HardwareNotSupported
        } else if count > 0 {
            Status::Available
        } else {
            Status::OutOfHostCapacity
        };
        Ok(CapacityReportShapeAvailability {
            fault_domain: fd.map(fault_domain_name),
            instance_shape: Some(name.clone()),
            instance_shape_config: wanted.instance_shape_config.clone(),
            // Seen on a live tenancy: a shape without capacity has no count.
            available_count: (count > 0).then(|| i64::try_from(count).unwrap_or(i64::MAX)),
            availability_status: Some(status),
            ..CapacityReportShapeAvailability::default()
        })
    }
}
