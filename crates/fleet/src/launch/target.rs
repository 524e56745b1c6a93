//! The scope and target to which the responses to a launch belong. Pure.

use crate::plan::{FleetSpec, Plan, RegionSpec};
use crate::price::Size;
use ledger::Placement;
use ledger::capacity::{Scope, Subject};

/// The scope of a plan's responses.
pub fn scope_of(plan: &Plan) -> Scope {
    let service = plan.origin.as_ref().and_then(|origin| origin.reached.clone());
    Scope {
        tenancy: plan.fleet.tenancy.clone(),
        region: plan.fleet.region.clone(),
        // Requests to the region's own endpoints share one memory, however the region is spelled.
        service: service.filter(|service| service.contains("://")).unwrap_or_default(),
    }
}

/// Where the answers of a further region of a plan belong.
pub fn scope_in(plan: &Plan, region: &RegionSpec) -> Scope {
    Scope {
        tenancy: plan.fleet.tenancy.clone(),
        region: region.region.clone(),
        service: region.endpoint.clone().unwrap_or_default(),
    }
}

/// The target whose capacity a launch in this placement requests.
pub fn target_of(fleet: &FleetSpec, placement: &Placement) -> Subject {
    let template = &fleet.template;
    Subject::Target {
        availability_domain: placement.availability_domain.clone(),
        fault_domain: placement.fault_domain.clone().or_else(|| template.fault_domain.clone()),
        shape: placement.shape.clone(),
        size: size_text(fleet.size_at(placement)),
        capacity_type: fleet.capacity_type_at(placement),
        reservation: placement
            .capacity_reservation
            .clone()
            .or_else(|| template.capacity_reservation_id.clone()),
    }
}

/// A size as `OCPUS:GB`; empty if the shape determines it.
fn size_text(size: Size) -> String {
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    match (size.ocpus, size.memory_gb) {
        (None, None) => String::new(),
        (ocpus, memory_gb) => format!("{}:{}", number(ocpus), number(memory_gb)),
    }
}
