//! Checks whether an instance matches the request. If the service returns another shape, size, capacity type or placement, the
//! slot fails and says what it has instead.

use crate::engine::cloud::Made;
use crate::plan::FleetSpec;
use ledger::{Amount, CapacityType, Placement, PlacementSize};
use oci_api::models::LaunchInstanceDetails;

/// How an instance differs from a launch at this placement. Facts missing from the response are not compared.
pub(crate) fn difference(fleet: &FleetSpec, asked: &Placement, made: &Made) -> Option<String> {
    let launch = fleet.launch_at(asked);
    let mut found = Vec::new();
    let mut compare = |what: &str, asked: Option<&str>, told: Option<&str>| {
        if let (Some(asked), Some(told)) = (filled(asked), filled(told))
            && asked != told
        {
            found.push(format!("{what} {told} instead of {asked}"));
        }
    };
    compare("shape", launch.shape.as_deref(), made.shape.as_deref());
    compare("availability domain", Some(&launch.availability_domain), made.availability_domain.as_deref());
    compare("fault domain", launch.fault_domain.as_deref(), made.fault_domain.as_deref());
    compare(
        "capacity type",
        Some(name(type_of(&launch))),
        made.shape.is_some().then(|| name(made.capacity_type())),
    );
    let sizes = launch.shape_config.as_deref().zip(made.shape_config.as_ref());
    for (what, asked, told) in sizes.into_iter().flat_map(|(asked, told)| {
        [("OCPUs", asked.ocpus, told.ocpus), ("GB of memory", asked.memory_in_gbs, told.memory_in_gbs)]
    }) {
        if let (Some(asked), Some(told)) = (asked, told)
            && (asked - told).abs() > 1e-6
        {
            found.push(format!("{told} {what} instead of {asked}"));
        }
    }
    (!found.is_empty()).then(|| format!("the instance has {}", found.join(", ")))
}

/// The same for an instance that may have been requested at any placement of the plan.
pub(crate) fn difference_from_all(fleet: &FleetSpec, asked: &Placement, made: &Made) -> Option<String> {
    let is_listed = fleet.placements.iter().any(|listed| difference(fleet, listed, made).is_none());
    difference(fleet, asked, made).filter(|_| !is_listed)
}

/// What the service states about an instance in addition to its location and shape.
pub(crate) struct Obtained {
    size: Option<PlacementSize>,
    capacity_type: CapacityType,
}

impl Obtained {
    pub fn of(made: &Made) -> Self {
        let amount = |amount: Option<f64>| amount.map(Amount);
        let size = made.shape_config.as_ref().map(|size| PlacementSize {
            ocpus: amount(size.ocpus),
            memory_gb: amount(size.memory_in_gbs),
            baseline: None,
        });
        Self { size, capacity_type: made.capacity_type() }
    }

    /// Records these values in place of the requested ones.
    pub fn correct(self, placement: &mut Placement) {
        placement.size = self.size.or(placement.size.take());
        placement.capacity_type = Some(self.capacity_type);
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

fn type_of(launch: &LaunchInstanceDetails) -> CapacityType {
    if launch.preemptible_instance_config.is_some() {
        CapacityType::Preemptible
    } else {
        CapacityType::OnDemand
    }
}

fn name(capacity_type: CapacityType) -> &'static str {
    match capacity_type {
        CapacityType::OnDemand => "on demand",
        CapacityType::Preemptible => "preemptible",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> Made {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn each_part_that_differs_is_told() {
        let fleet = FleetSpec::default();
        let asked = Placement {
            availability_domain: "x:AD-1".to_owned(),
            fault_domain: Some("FAULT-DOMAIN-1".to_owned()),
            shape: "A".to_owned(),
            size: Some(PlacementSize {
                ocpus: Some(Amount(2.0)),
                memory_gb: Some(Amount(8.0)),
                baseline: None,
            }),
            ..Placement::default()
        };
        let same = r#"{"shape": "A", "availabilityDomain": "x:AD-1", "faultDomain": "FAULT-DOMAIN-1",
            "shapeConfig": {"ocpus": 2.0, "memoryInGBs": 8.0}}"#;
        assert_eq!(difference(&fleet, &asked, &made(same)), None);
        assert_eq!(difference(&fleet, &asked, &made("{}")), None, "what is not told is not compared");
        let other = r#"{"shape": "B", "availabilityDomain": "x:AD-2", "faultDomain": "FAULT-DOMAIN-2",
            "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 4.0}, "preemptibleInstanceConfig": {}}"#;
        assert_eq!(
            difference(&fleet, &asked, &made(other)).unwrap(),
            "the instance has shape B instead of A, availability domain x:AD-2 instead of x:AD-1, \
             fault domain FAULT-DOMAIN-2 instead of FAULT-DOMAIN-1, capacity type preemptible instead of on demand, \
             1 OCPUs instead of 2, 4 GB of memory instead of 8"
        );
        let any = FleetSpec {
            placements: vec![Placement { shape: "B".to_owned(), ..Placement::default() }],
            ..fleet
        };
        let listed = made(r#"{"shape": "B", "shapeConfig": {"ocpus": 1.0}}"#);
        assert_eq!(difference_from_all(&any, &asked, &listed), None);
    }
}
