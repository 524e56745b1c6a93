//! What a reservation should hold. Pure.

use std::collections::BTreeMap;

use oci_api::models::{
    InstanceReservationConfig, InstanceReservationConfigDetails, InstanceReservationShapeConfigDetails,
    LaunchInstanceDetails,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::FleetSpec;
use crate::price::{Size, size_of};
use ledger::Placement;

/// The maximum number of configs of a reservation; more cause an internal error and a reservation that can no longer launch
/// anything (Oracle: "Known Issues for Compute").
pub const MAX_CONFIGS: usize = 50;
/// The freeform tag with the token of the request that created a reservation, by which it is found if the response was lost.
pub const TOKEN_TAG: &str = "oci-insta-scale-token";
/// The freeform tag with the shape and size of a reservation's only config. Lists of reservations do not contain them, and
/// without them the price of unused capacity is unknown.
pub const SIZE_TAG: &str = "oci-insta-scale-size";

/// One kind of instance that a reservation should hold, and how many.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Want {
    /// The shape.
    pub shape: String,
    /// OCPUs, for a flexible shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ocpus: Option<f64>,
    /// Memory in GB, for a flexible shape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_gb: Option<f64>,
    /// The fault domain. A config without one serves launches without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
    /// The cluster placement group. A launch into a group uses only capacity reserved in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_placement_group: Option<String>,
    /// The number of instances.
    pub count: u32,
}

impl Want {
    /// What the launches of a fleet need at a placement. A launch uses a reservation only if everything that [`MATTERS`] names
    /// is the same.
    pub fn of_placement(spec: &FleetSpec, placement: &Placement, count: u32) -> Self {
        let launch = spec.launch_at(placement);
        let mut want = Self { count, ..Self::default() };
        for (_, matter) in MATTERS {
            if let Matter::Kept(keep) = matter {
                keep(&launch, &mut want);
            }
        }
        want
    }

    /// Its size.
    pub fn size(&self) -> Size {
        Size { ocpus: self.ocpus, memory_gb: self.memory_gb }
    }

    /// For people: `VM.Standard.E4.Flex, 1 OCPU, 6 GB`.
    pub fn describe(&self) -> String {
        let mut text = crate::price::describe(&self.shape, self.size());
        if let Some(domain) = &self.fault_domain {
            text.push_str(", ");
            text.push_str(domain);
        }
        if let Some(group) = &self.cluster_placement_group {
            text.push_str(", in ");
            text.push_str(group);
        }
        text
    }

    /// Whether a launch of this kind can use that config: shape, size, fault domain and cluster placement group must be equal.
    pub fn matches(&self, config: &InstanceReservationConfig) -> bool {
        let size = config.instance_shape_config.as_deref();
        self.shape == config.instance_shape
            && self.fault_domain == config.fault_domain
            && self.cluster_placement_group == config.cluster_placement_group_id
            && same(self.ocpus, size.and_then(|size| size.ocpus))
            && same(self.memory_gb, size.and_then(|size| size.memory_in_gbs))
    }

    pub(super) fn wire(&self) -> InstanceReservationConfigDetails {
        let sized = self.ocpus.is_some() || self.memory_gb.is_some();
        InstanceReservationConfigDetails {
            instance_shape: self.shape.clone(),
            instance_shape_config: sized.then(|| {
                Box::new(InstanceReservationShapeConfigDetails {
                    ocpus: self.ocpus,
                    memory_in_gbs: self.memory_gb,
                    ..InstanceReservationShapeConfigDetails::default()
                })
            }),
            fault_domain: self.fault_domain.clone(),
            cluster_placement_group_id: self.cluster_placement_group.clone(),
            reserved_count: i64::from(self.count),
            ..InstanceReservationConfigDetails::default()
        }
    }
}

/// Compares two sizes, one of which may be absent (a fixed shape has none, but the service may state it).
fn same(wanted: Option<f64>, there: Option<f64>) -> bool {
    match (wanted, there) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-6,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Finds the mistake in a list of wants, if there is one.
pub fn check(wants: &[Want]) -> Result<(), String> {
    if wants.is_empty() {
        return Err("nothing to reserve: set a shape and a count".to_owned());
    }
    if wants.len() > MAX_CONFIGS {
        return Err(format!(
            "{} kinds of instance in one reservation; OCI allows {MAX_CONFIGS}: create another reservation for the rest",
            wants.len()
        ));
    }
    for (index, want) in wants.iter().enumerate() {
        let what = want.describe();
        if want.count == 0 {
            return Err(format!("{what}: a count of 0 reserves nothing"));
        }
        if want.shape.trim().is_empty() {
            return Err("a kind of instance without a shape".to_owned());
        }
        for (name, amount) in [("OCPUs", want.ocpus), ("GB of memory", want.memory_gb)] {
            if amount.is_some_and(|amount| !amount.is_finite() || amount <= 0.0) {
                return Err(format!("{what}: the number of {name} must be above 0"));
            }
        }
        if wants[..index].iter().any(|other| Want { count: want.count, ..other.clone() } == *want) {
            return Err(format!(
                "{what} is listed twice; OCI allows one config per shape, size, fault domain and group: add up the counts"
            ));
        }
    }
    Ok(())
}

/// What a field of a launch means to a reservation.
enum Matter {
    /// The reservation gets the same value, because only launches with that value can use it.
    Kept(fn(&LaunchInstanceDetails, &mut Want)),
    /// Launches with this field can use no reservation.
    Refused(fn(&LaunchInstanceDetails) -> bool, &'static str),
}

/// Every field of a launch that matters to a reservation (Oracle: "Capacity Reservations").
const MATTERS: &[(&str, Matter)] = &[
    ("shape", Matter::Kept(|launch, want| want.shape = launch.shape.clone().unwrap_or_default())),
    ("faultDomain", Matter::Kept(|launch, want| want.fault_domain.clone_from(&launch.fault_domain))),
    ("shapeConfig.ocpus", Matter::Kept(|launch, want| want.ocpus = size_of(launch).ocpus)),
    ("shapeConfig.memoryInGBs", Matter::Kept(|launch, want| want.memory_gb = size_of(launch).memory_gb)),
    (
        "clusterPlacementGroupId",
        Matter::Kept(|launch, want| {
            let group = launch.cluster_placement_group_id.clone();
            want.cluster_placement_group = group.filter(|group| !group.is_empty());
        }),
    ),
    (
        "preemptibleInstanceConfig",
        Matter::Refused(
            |launch| launch.preemptible_instance_config.is_some(),
            "preemptible instances cannot use a capacity reservation",
        ),
    ),
    (
        "shapeConfig.baselineOcpuUtilization",
        Matter::Refused(
            |launch| {
                let config = launch.shape_config.as_ref();
                let baseline = config.and_then(|config| config.baseline_ocpu_utilization.as_ref());
                baseline.is_some_and(|baseline| baseline.as_str() != "BASELINE_1_1")
            },
            "burstable instances cannot use a capacity reservation",
        ),
    ),
    (
        "dedicatedVmHostId",
        Matter::Refused(
            |launch| launch.dedicated_vm_host_id.is_some(),
            "instances on a dedicated host cannot use a capacity reservation",
        ),
    ),
    (
        "platformConfig.isMemoryEncryptionEnabled",
        Matter::Refused(
            |launch| {
                let platform = serde_json::to_value(&launch.platform_config).unwrap_or_default();
                platform["isMemoryEncryptionEnabled"] == true
            },
            "confidential instances (memory encryption) cannot use a capacity reservation",
        ),
    ),
];

/// Why launches like this one can use no reservation, if that is so.
pub fn unreservable(launch: &LaunchInstanceDetails) -> Option<&'static str> {
    MATTERS.iter().find_map(|(_, matter)| match matter {
        Matter::Refused(is, why) if is(launch) => Some(*why),
        Matter::Refused(..) | Matter::Kept(_) => None,
    })
}

/// Divides a count into this many parts as evenly as possible; the first parts get the remainder.
pub fn spread(count: u32, places: usize) -> Vec<u32> {
    let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
    (0..places).map(|place| count / places + u32::from(place < count % places)).collect()
}

/// The name of a reservation in one of several availability domains: `prod` in `Uocm:PHX-AD-1` becomes `prod-ad-1`.
pub fn name_in(name: &str, domain: &str) -> String {
    let lower = domain.to_ascii_lowercase();
    let suffix = lower.rfind("ad-").map_or_else(|| lower.replace(':', "-"), |at| lower[at..].to_owned());
    format!("{name}-{suffix}")
}

/// The tags of a reservation that this program creates.
pub(super) fn tags(wants: &[Want], token: &str, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut tags = own.clone();
    tags.insert(TOKEN_TAG.to_owned(), token.to_owned());
    if let [want] = wants {
        tags.insert(SIZE_TAG.to_owned(), size_tag(&want.shape, want.size()));
    }
    tags
}

/// `VM.Standard.E4.Flex/1/6`.
pub(super) fn size_tag(shape: &str, size: Size) -> String {
    let part = |part: Option<f64>| part.map(|amount| amount.to_string()).unwrap_or_default();
    format!("{shape}/{}/{}", part(size.ocpus), part(size.memory_gb))
}

/// Parses the result of [`size_tag`]; `None` if the tag has another origin.
pub(super) fn read_size_tag(text: &str) -> Option<(String, Size)> {
    let part = |part: &str| {
        if part.is_empty() {
            return Some(None);
        }
        part.parse::<f64>().ok().filter(|amount| amount.is_finite() && *amount > 0.0).map(Some)
    };
    let mut parts = text.split('/');
    let shape = parts.next().filter(|shape| !shape.is_empty())?;
    let size = Size { ocpus: part(parts.next()?)?, memory_gb: part(parts.next()?)? };
    parts.next().is_none().then(|| (shape.to_owned(), size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn want(shape: &str) -> Want {
        Want { shape: shape.to_owned(), ocpus: Some(1.0), memory_gb: Some(6.0), count: 10, ..Want::default() }
    }

    #[test]
    fn omitted_or_duplicate_reservation_configs_are_refused() {
        assert!(check(&[]).unwrap_err().contains("nothing to reserve"));
        let twice = [want("A"), Want { count: 3, ..want("A") }];
        assert!(check(&twice).unwrap_err().contains("twice"));
        assert!(
            check(&[want("A"), Want { fault_domain: Some("FAULT-DOMAIN-1".into()), ..want("A") }]).is_ok()
        );
        let many: Vec<Want> = (0..51).map(|n| want(&format!("S{n}"))).collect();
        assert!(check(&many).unwrap_err().contains("51 kinds"));
        assert!(check(&[Want { ocpus: Some(0.0), ..want("A") }]).unwrap_err().contains("above 0"));
    }

    #[test]
    fn only_exactly_the_same_size_draws_on_a_config() {
        let config = InstanceReservationConfig {
            instance_shape: "A".to_owned(),
            instance_shape_config: want("A").wire().instance_shape_config,
            ..InstanceReservationConfig::default()
        };
        assert!(want("A").matches(&config));
        assert!(!Want { memory_gb: Some(16.0), ..want("A") }.matches(&config));
        assert!(!Want { fault_domain: Some("FAULT-DOMAIN-1".into()), ..want("A") }.matches(&config));
        assert!(!want("B").matches(&config));
        let grouped = |group: &str| Want { cluster_placement_group: Some(group.into()), ..want("A") };
        assert!(!grouped("ocid1.clusterplacementgroup.oc1..g").matches(&config));
        let config = InstanceReservationConfig {
            cluster_placement_group_id: grouped("g").wire().cluster_placement_group_id,
            ..config
        };
        assert!(grouped("g").matches(&config) && !want("A").matches(&config));
    }

    #[test]
    fn a_reservation_is_told_what_its_launches_share() {
        let launch = serde_json::json!({
            "availabilityDomain": "", "compartmentId": "",
            "shapeConfig": {"ocpus": 2, "memoryInGBs": 12},
            "clusterPlacementGroupId": "ocid1.clusterplacementgroup.oc1..g",
        });
        let template = serde_json::from_value(launch).unwrap();
        let spec = FleetSpec { template, ..FleetSpec::default() };
        let here = Placement { shape: "A".to_owned(), ..Placement::default() };
        let want = Want::of_placement(&spec, &here, 3);
        assert_eq!((want.shape.as_str(), want.ocpus, want.memory_gb), ("A", Some(2.0), Some(12.0)));
        let wire = want.wire();
        assert_eq!(wire.cluster_placement_group_id.as_deref(), Some("ocid1.clusterplacementgroup.oc1..g"));
        assert_eq!(unreservable(&spec.template), None);
        for (field, value) in [
            ("dedicatedVmHostId", serde_json::json!("ocid1.dedicatedvmhost.oc1.phx.h")),
            ("platformConfig", serde_json::json!({"type": "AMD_VM", "isMemoryEncryptionEnabled": true})),
            ("shapeConfig", serde_json::json!({"baselineOcpuUtilization": "BASELINE_1_8"})),
        ] {
            let mut launch = serde_json::json!({"availabilityDomain": "", "compartmentId": ""});
            launch[field] = value;
            assert!(unreservable(&serde_json::from_value(launch).unwrap()).is_some(), "{field}");
        }
    }

    proptest! {
        #[test]
        fn a_count_is_spread_evenly_and_wholly(count in 0u32..1_000_000, places in 1usize..20) {
            let parts = spread(count, places);
            prop_assert_eq!(parts.len(), places);
            prop_assert_eq!(parts.iter().sum::<u32>(), count);
            prop_assert!(parts.iter().max().unwrap() - parts.iter().min().unwrap() <= 1);
        }

        #[test]
        fn a_size_tag_is_read_as_it_was_written(ocpus in 1u8..200, gb in proptest::option::of(1u16..2000)) {
            let size = Size { ocpus: Some(f64::from(ocpus)), memory_gb: gb.map(f64::from) };
            let read = read_size_tag(&size_tag("VM.Standard.E4.Flex", size));
            prop_assert_eq!(read, Some(("VM.Standard.E4.Flex".to_owned(), size)));
        }

        #[test]
        fn a_foreign_size_tag_is_no_size(text in ".{0,40}") {
            if let Some((shape, size)) = read_size_tag(&text) {
                prop_assert!(!shape.is_empty());
                prop_assert!(size.ocpus.is_none_or(|ocpus| ocpus > 0.0));
            }
        }
    }
}
