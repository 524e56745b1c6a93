//! Finds the resources that a `config.yaml` of OCI Insta-Scale names, so that a simulated region can run the real file
//! unchanged.
//!
//! It reads only the keys that it needs and ignores the rest, because it does not validate the file.

use crate::world::{Known, ReservedConfig};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Config {
    tenancy_ocid: Option<String>,
    user_ocid: Option<String>,
    compartment_id: Option<String>,
    instance_settings: Settings,
    regions: Vec<Elsewhere>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Elsewhere {
    region: Option<String>,
    compartment_id: Option<String>,
    image_id: Option<OneOrMore>,
    subnet_id: Option<OneOrMore>,
    nsg_ids: Vec<String>,
    kms_key_id: Option<String>,
}

/// The keys of a namespace, if it is written as one.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum TagKeys {
    Of(BTreeMap<String, serde_json::Value>),
    Other(IgnoredAny),
}

impl TagKeys {
    fn all(self) -> Vec<String> {
        match self {
            Self::Of(keys) => keys.into_keys().collect(),
            Self::Other(_) => Vec::new(),
        }
    }
}

/// One OCID, or one for each shape or availability domain.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(BTreeMap<String, String>),
}

impl OneOrMore {
    fn all(self) -> Vec<String> {
        match self {
            Self::One(ocid) => vec![ocid],
            Self::More(ocids) => ocids.into_values().collect(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Settings {
    count: Option<u32>,
    shape: Option<String>,
    shape_config: NamedSize,
    image_id: Option<String>,
    subnet_id: Option<String>,
    availability_domain: Option<String>,
    capacity_reservation_id: Option<String>,
    nsg_ids: Vec<String>,
    kms_key_id: Option<String>,
    dedicated_vm_host_id: Option<String>,
    compute_cluster_id: Option<String>,
    cluster_placement_group_id: Option<String>,
    defined_tags: BTreeMap<String, TagKeys>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedSize {
    ocpus: Option<f64>,
    memory_in_gbs: Option<f64>,
}

/// The resources that a `config.yaml` names, in the order in which they must be registered.
///
/// A capacity reservation is assumed to hold what the file launches.
///
/// # Errors
/// When the text is not YAML of this form.
pub fn known_of_config(yaml: &str) -> Result<Vec<Known>, Box<dyn std::error::Error + Send + Sync>> {
    let config: Config = serde_saphyr::from_str(yaml)?;
    let compartment = filled(config.compartment_id);
    let settings = config.instance_settings;
    let domain = filled(settings.availability_domain);
    let group = filled(settings.cluster_placement_group_id.clone());
    let mut known = Vec::new();
    known.extend(filled(config.tenancy_ocid.clone()).map(|ocid| Known::Tenancy { ocid }));
    known.extend(filled(config.user_ocid).map(|ocid| Known::User { ocid }));
    if compartment != config.tenancy_ocid {
        known.extend(compartment.clone().map(|ocid| Known::Compartment { ocid, parent: None }));
    }
    known.extend(
        domain.clone().filter(|name| name.contains(':')).map(|name| Known::AvailabilityDomain { name }),
    );
    known.extend(filled(settings.subnet_id).map(|ocid| Known::Subnet {
        ocid,
        compartment: compartment.clone(),
        public: true,
    }));
    known.extend(filled(settings.image_id).map(|ocid| Known::Image { ocid, arm: None }));
    let others = [
        settings.kms_key_id,
        settings.dedicated_vm_host_id,
        settings.compute_cluster_id,
        settings.cluster_placement_group_id,
    ];
    let others = others.into_iter().chain(settings.nsg_ids.into_iter().map(Some));
    known.extend(others.filter_map(filled).map(|ocid| Known::Other { ocid }));
    for (namespace, keys) in settings.defined_tags {
        let tag = |key| Known::DefinedTag { namespace: namespace.clone(), key };
        known.extend(keys.all().into_iter().map(tag));
    }
    known.extend(filled(settings.capacity_reservation_id).map(|ocid| Known::CapacityReservation {
        ocid,
        compartment: compartment.clone(),
        availability_domain: domain.unwrap_or_else(|| "AD-1".into()),
        configs: vec![ReservedConfig {
            shape: settings.shape.unwrap_or_else(|| "VM.Standard.E4.Flex".into()),
            ocpus: settings.shape_config.ocpus,
            memory_in_gbs: settings.shape_config.memory_in_gbs,
            cluster_placement_group: group,
            count: settings.count.unwrap_or(1),
        }],
    }));
    Ok(known)
}

/// The resources that the text of a `config.yaml` names in further regions, by the region's name.
///
/// # Errors
/// When the text is no YAML of this form.
pub(super) fn known_elsewhere(
    yaml: &str,
) -> Result<BTreeMap<String, Vec<Known>>, Box<dyn std::error::Error + Send + Sync>> {
    let config: Config = serde_saphyr::from_str(yaml)?;
    let mut all = BTreeMap::new();
    for region in config.regions {
        let Some(name) = filled(region.region) else { continue };
        let own = filled(region.compartment_id).or_else(|| filled(config.compartment_id.clone()));
        let mut known: Vec<Known> = Vec::new();
        if own != config.tenancy_ocid {
            known.extend(own.clone().map(|ocid| Known::Compartment { ocid, parent: None }));
        }
        let subnets = region.subnet_id.map(OneOrMore::all).unwrap_or_default();
        known.extend(subnets.into_iter().map(|ocid| Known::Subnet {
            ocid,
            compartment: own.clone(),
            public: true,
        }));
        let images = region.image_id.map(OneOrMore::all).unwrap_or_default();
        known.extend(images.into_iter().map(|ocid| Known::Image { ocid, arm: None }));
        let others = region.nsg_ids.into_iter().map(Some).chain([region.kms_key_id]);
        known.extend(others.filter_map(filled).map(|ocid| Known::Other { ocid }));
        all.insert(name, known);
    }
    Ok(all)
}

fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_a_config_names_is_known() {
        let yaml = "
tenancy_ocid: ocid1.tenancy.oc1..t
user_ocid: ocid1.user.oc1..u
compartment_id: ocid1.compartment.oc1..c
unknown: [1]
instance_settings:
  count: 50
  shape: VM.Standard.A1.Flex
  shape_config: {ocpus: 2, memory_in_gbs: 12}
  image_id: ocid1.image.oc1.phx.i
  subnet_id: ocid1.subnet.oc1.phx.s
  availability_domain: xYzA:PHX-AD-2
  nsg_ids: [ocid1.networksecuritygroup.oc1.phx.n]
  kms_key_id: ocid1.key.oc1.phx.k
  defined_tags: {Operations: {CostCenter: 42}, wrong: 7}
  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r
";
        let compartment = Some("ocid1.compartment.oc1..c".to_owned());
        let reserved = ReservedConfig {
            shape: "VM.Standard.A1.Flex".into(),
            ocpus: Some(2.0),
            memory_in_gbs: Some(12.0),
            cluster_placement_group: None,
            count: 50,
        };
        let expected = [
            Known::Tenancy { ocid: "ocid1.tenancy.oc1..t".into() },
            Known::User { ocid: "ocid1.user.oc1..u".into() },
            Known::Compartment { ocid: "ocid1.compartment.oc1..c".into(), parent: None },
            Known::AvailabilityDomain { name: "xYzA:PHX-AD-2".into() },
            Known::Subnet {
                ocid: "ocid1.subnet.oc1.phx.s".into(),
                compartment: compartment.clone(),
                public: true,
            },
            Known::Image { ocid: "ocid1.image.oc1.phx.i".into(), arm: None },
            Known::Other { ocid: "ocid1.key.oc1.phx.k".into() },
            Known::Other { ocid: "ocid1.networksecuritygroup.oc1.phx.n".into() },
            Known::DefinedTag { namespace: "Operations".into(), key: "CostCenter".into() },
            Known::CapacityReservation {
                ocid: "ocid1.capacityreservation.oc1.phx.r".into(),
                compartment,
                availability_domain: "xYzA:PHX-AD-2".into(),
                configs: vec![reserved],
            },
        ];
        assert_eq!(known_of_config(yaml).unwrap(), expected);
    }

    #[test]
    fn what_is_left_out_is_not_registered() {
        assert_eq!(known_of_config("capacity_reservation_id: ''\n").unwrap(), []);
        assert!(known_of_config("a: [").is_err());
    }
}
