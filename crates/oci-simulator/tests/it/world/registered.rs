//! The OCIDs of a user's own config exist in the region once they are registered.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{Caller, Known, ReservedConfig, World};

const TENANCY: &str = "ocid1.tenancy.oc1..theirs";
const COMPARTMENT: &str = "ocid1.compartment.oc1..theirs";
const SUBNET: &str = "ocid1.subnet.oc1.phx.theirs";
const IMAGE: &str = "ocid1.image.oc1.phx.theirs";
const RESERVATION: &str = "ocid1.capacityreservation.oc1.phx.theirs";

fn register(world: &mut World) {
    for known in [
        Known::Tenancy { ocid: TENANCY.into() },
        Known::User { ocid: "ocid1.user.oc1..theirs".into() },
        Known::AvailabilityDomain { name: "kIdK:PHX-AD-2".into() },
        Known::Compartment { ocid: COMPARTMENT.into(), parent: None },
        Known::Subnet { ocid: SUBNET.into(), compartment: Some(COMPARTMENT.into()), public: true },
        Known::Image { ocid: IMAGE.into(), arm: None },
        Known::CapacityReservation {
            ocid: RESERVATION.into(),
            compartment: Some(COMPARTMENT.into()),
            availability_domain: "AD-2".into(),
            configs: vec![ReservedConfig {
                cluster_placement_group: None,
                shape: "VM.Standard.E4.Flex".into(),
                ocpus: Some(1.0),
                memory_in_gbs: Some(6.0),
                count: 5,
            }],
        },
    ] {
        world.register(&known).unwrap();
    }
}

#[test]
fn a_launch_with_nothing_but_registered_ocids_runs() {
    let mut region = Region::roomy();
    register(&mut region.world);
    // Registering them again changes nothing.
    register(&mut region.world);
    region.defaults = region.world.defaults();
    assert_eq!(region.defaults.tenancy, TENANCY);
    let mut details = region.details("theirs");
    details["compartmentId"] = COMPARTMENT.into();
    details["availabilityDomain"] = "kIdK:PHX-AD-2".into();
    details["createVnicDetails"]["subnetId"] = SUBNET.into();
    details["sourceDetails"]["imageId"] = IMAGE.into();
    details["capacityReservationId"] = RESERVATION.into();
    let launched = region.launch(&details).unwrap().json();
    region.advance(300.0);
    let shown = region.instance(launched["id"].as_str().unwrap());
    assert_eq!(shown["lifecycleState"], "RUNNING");
    assert_eq!((&shown["imageId"], &shown["capacityReservationId"]), (&IMAGE.into(), &RESERVATION.into()));
    assert_eq!(region.world.reservations().count(), 1);
    let user = region.get(Operation::GetUser, "userId", "ocid1.user.oc1..theirs");
    assert_eq!(user.unwrap().status, 200);
    region.world.check_invariants().unwrap();
}

#[test]
fn what_cannot_be_registered_says_why() {
    let mut region = Region::roomy();
    let mut why = |known| region.world.register(&known).unwrap_err();
    let image = |ocid: &str| Known::Image { ocid: ocid.into(), arm: None };
    assert_eq!(why(image("ami-1")), "ami-1: an OCID starts with `ocid1.`");
    assert_eq!(why(image(SUBNET)), format!("{SUBNET} is the OCID of a subnet, not of a image"));
    let ad = |name: &str| Known::AvailabilityDomain { name: name.into() };
    assert!(why(ad("kIdK:PHX-AD-4")).starts_with("the region has no availability domain kIdK:PHX-AD-4"));
    assert!(
        why(ad("kIdK:EU-FRANKFURT-1-AD-1")).contains("it has Uocm:PHX-AD-1, Uocm:PHX-AD-2, Uocm:PHX-AD-3")
    );
    let other = Known::Other { ocid: SUBNET.into() };
    assert!(
        why(other).starts_with(&format!("{SUBNET} is the OCID of a subnet; known by their OCID only are"))
    );
    let subnet = Known::Subnet { ocid: SUBNET.into(), compartment: Some(COMPARTMENT.into()), public: true };
    assert_eq!(why(subnet), format!("compartment {COMPARTMENT} must be registered first"));
}

#[test]
fn callers_are_admitted_under_the_registered_ocid() {
    let mut region = Region::roomy();
    let old = region.request(Operation::ListAvailabilityDomains).query("compartmentId", TENANCY);
    register(&mut region.world);
    assert_eq!(region.world.handle(&old).unwrap_err().status, 404);
    let mut new = old;
    new.caller = Caller { tenancy: TENANCY.into(), user: "ocid1.user.oc1..theirs".into() };
    let ads = region.world.handle(&new).unwrap().json();
    assert_eq!(ads[0]["name"], "kIdK:PHX-AD-1");
}

#[test]
fn a_launch_may_name_registered_groups_and_keys() {
    let mut region = Region::roomy();
    let [group, key, cluster] = [
        "ocid1.networksecuritygroup.oc1.phx.theirs",
        "ocid1.key.oc1.phx.vault.theirs",
        "ocid1.computecluster.oc1.phx.theirs",
    ];
    for ocid in [group, key, cluster] {
        region.world.register(&Known::Other { ocid: ocid.into() }).unwrap();
    }
    let mut details = region.details("theirs");
    details["createVnicDetails"]["nsgIds"] = serde_json::json!([group]);
    details["sourceDetails"]["kmsKeyId"] = key.into();
    details["computeClusterId"] = cluster.into();
    details["launchVolumeAttachments"] = serde_json::json!([{
        "type": "paravirtualized",
        "launchCreateVolumeDetails": {"volumeCreationType": "ATTRIBUTES", "sizeInGBs": 50, "kmsKeyId": key},
    }]);
    assert_eq!(region.launch(&details).unwrap().status, 200);
}
