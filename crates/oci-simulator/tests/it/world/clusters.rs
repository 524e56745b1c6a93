//! Compute clusters: what may be launched in them, and when they can be deleted.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, SavedWorld, World, WorldSettings};
use serde_json::{Value, json};

/// A launch of a shape with RDMA.
pub fn rdma_details(region: &Region, name: &str) -> Value {
    let mut details = region.details(name);
    details["shape"] = "BM.Optimized3.36".into();
    details.as_object_mut().unwrap().remove("shapeConfig");
    details
}

pub fn cluster(region: &mut Region) -> String {
    let request = region.request(Operation::CreateComputeCluster).body(json!({
        "compartmentId": region.defaults.compartment, "displayName": "ring",
        "availabilityDomain": region.defaults.availability_domains[0],
    }));
    region.world.handle(&request).unwrap().json()["id"].as_str().unwrap().to_owned()
}

/// The OCID of an instance in a cluster, with a change to its launch.
pub fn launch_in(
    region: &mut Region,
    cluster: &str,
    change: impl FnOnce(&Region, &mut Value),
) -> Result<String, ApiError> {
    let mut details = rdma_details(region, "node");
    details["computeClusterId"] = cluster.into();
    change(region, &mut details);
    let launched = region.launch(&details)?.json();
    Ok(launched["id"].as_str().unwrap().to_owned())
}

fn members(region: &mut Region, cluster: &str) -> Vec<String> {
    let request = region
        .request(Operation::ListInstances)
        .query("compartmentId", region.defaults.compartment.clone())
        .query("computeClusterId", cluster);
    region.pages(&request).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

fn delete(region: &mut Region, cluster: &str) -> Result<u16, ApiError> {
    let deleted = region.get(Operation::DeleteComputeCluster, "computeClusterId", cluster);
    deleted.map(|answer| answer.status)
}

#[test]
fn a_cluster_takes_instances_of_its_place_with_rdma() {
    let mut region = Region::roomy();
    let ring = cluster(&mut region);
    let refused = |result: Result<String, ApiError>| {
        let error = result.unwrap_err();
        assert_eq!((error.status, error.code), (400, "InvalidParameter"), "{}", error.message);
        error.message
    };
    let elsewhere = launch_in(&mut region, &ring, |region, details| {
        details["availabilityDomain"] = region.defaults.availability_domains[1].clone().into();
    });
    assert!(refused(elsewhere).contains("is in availability domain Uocm:PHX-AD-1"));
    let other = launch_in(&mut region, &ring, |region, details| {
        details["compartmentId"] = region.defaults.tenancy.clone().into();
    });
    assert!(refused(other).contains("must be in the compartment of its compute cluster"));
    let ordinary = launch_in(&mut region, &ring, |region, details| {
        *details = region.details("node");
        details["computeClusterId"] = ring.clone().into();
    });
    assert!(refused(ordinary).contains("VM.Standard.E4.Flex is not supported in a compute cluster"));
    let node = launch_in(&mut region, &ring, |_, _| {}).unwrap();
    region.launch(&rdma_details(&region, "alone")).unwrap();
    assert_eq!(members(&mut region, &ring), [node]);
    region.world.check_invariants().unwrap();
}

#[test]
fn a_cluster_with_an_instance_is_not_deleted() {
    let mut region = Region::roomy();
    let ring = cluster(&mut region);
    let node = launch_in(&mut region, &ring, |_, _| {}).unwrap();
    region.advance(1300.0);
    let refused = delete(&mut region, &ring).unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "IncorrectState"));
    region.terminate(&node);
    assert_eq!(delete(&mut region, &ring).unwrap_err().status, 409, "it is still TERMINATING");
    region.advance(120.0);
    assert_eq!(delete(&mut region, &ring).unwrap(), 204);
    let shown = region.get(Operation::GetComputeCluster, "computeClusterId", &ring).unwrap().json();
    assert_eq!(shown["lifecycleState"], "DELETED");
    assert_eq!(launch_in(&mut region, &ring, |_, _| {}).unwrap_err().status, 404);
    assert_eq!(delete(&mut region, &ring).unwrap_err().status, 404);
    region.advance(2.0 * 3600.0);
    let gone = region.get(Operation::GetComputeCluster, "computeClusterId", &ring).unwrap_err();
    assert_eq!(gone.status, 404);
    region.world.check_invariants().unwrap();
}

#[test]
fn a_retry_token_makes_one_cluster() {
    let mut region = Region::roomy();
    let request = region
        .request(Operation::CreateComputeCluster)
        .body(json!({
            "compartmentId": region.defaults.compartment,
            "availabilityDomain": region.defaults.availability_domains[0],
        }))
        .retry_token("one");
    let first = region.world.handle(&request).unwrap().json();
    assert_eq!(first["lifecycleState"], "ACTIVE");
    assert_eq!(region.world.handle(&request).unwrap().json()["id"], first["id"]);
    delete(&mut region, first["id"].as_str().unwrap()).unwrap();
    assert_eq!(region.world.handle(&request).unwrap_err().code, "InvalidatedRetryToken");
}

#[test]
fn a_cluster_has_the_hosts_of_one_block() {
    let mut region = Region::new(WorldSettings { rdma_blocks: vec![7, 12], ..WorldSettings::default() });
    let fill = |region: &mut Region, ring: &str| {
        let launched = (0..16).map(|_| launch_in(region, ring, |_, _| {}));
        let (made, refused): (Vec<_>, Vec<_>) = launched.partition(Result::is_ok);
        assert!(refused.iter().all(|result| result.as_ref().unwrap_err().status == 500));
        made.len()
    };
    let first = cluster(&mut region);
    assert_eq!(fill(&mut region, &first), 12);
    let second = cluster(&mut region);
    assert_eq!(fill(&mut region, &second), 7);
    region.world.check_invariants().unwrap();
    // The first cluster stays in its block, also after it was emptied.
    for node in members(&mut region, &first) {
        region.terminate(&node);
    }
    region.advance(120.0);
    assert_eq!(fill(&mut region, &first), 12);
    let saved = serde_json::to_string(&region.world.snapshot()).unwrap();
    let restored = World::restore(serde_json::from_str::<SavedWorld>(&saved).unwrap()).unwrap();
    restored.check_invariants().unwrap();
    assert_eq!(serde_json::to_string(&restored.snapshot()).unwrap(), saved);
}

#[test]
fn what_is_moved_is_listed_in_its_new_compartment() {
    let mut region = Region::roomy();
    let ring = cluster(&mut region);
    let tenancy = region.defaults.tenancy.clone();
    let request = region
        .request(Operation::ChangeComputeClusterCompartment)
        .path("computeClusterId", &*ring)
        .body(json!({"compartmentId": tenancy}))
        .retry_token("move");
    let moved = region.world.handle(&request).unwrap();
    assert_eq!((moved.status, &moved.body), (200, &None));
    assert_eq!(region.world.handle(&request).unwrap().etag, moved.etag, "a repeated move");
    let list = region.request(Operation::ListComputeClusters).query("compartmentId", tenancy);
    let listed = region.world.handle(&list).unwrap().json();
    assert_eq!(listed["items"][0]["id"], *ring);
    let refused = launch_in(&mut region, &ring, |_, _| {}).unwrap_err();
    assert!(refused.message.contains("must be in the compartment"), "{}", refused.message);
}
