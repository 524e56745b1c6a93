//! Cluster networks: their states, their pool, and what they refuse.

use super::clusters::rdma_details;
use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiAnswer, ApiError, WorldSettings};
use serde_json::{Value, json};

fn configuration(region: &mut Region, launch: &Value) -> String {
    let request = region.request(Operation::CreateInstanceConfiguration).body(json!({
        "source": "NONE", "compartmentId": region.defaults.compartment,
        "instanceDetails": {"instanceType": "compute", "launchDetails": launch},
    }));
    region.world.handle(&request).unwrap().json()["id"].as_str().unwrap().to_owned()
}

fn create(
    region: &mut Region,
    size: u32,
    change: impl FnOnce(&mut Value),
) -> Result<(String, String), ApiError> {
    let launch = rdma_details(region, "ignored");
    let mut body = json!({
        "compartmentId": region.defaults.compartment, "displayName": "net",
        "instancePools": [{"instanceConfigurationId": configuration(region, &launch), "size": size}],
        "placementConfiguration": {
            "availabilityDomain": region.defaults.availability_domains[0],
            "primarySubnetId": region.defaults.private_subnet,
        },
    });
    change(&mut body);
    let request = region.request(Operation::CreateClusterNetwork).body(body);
    let made = region.world.handle(&request)?;
    Ok((made.json()["id"].as_str().unwrap().to_owned(), made.work_request.unwrap()))
}

fn show(region: &mut Region, id: &str) -> Value {
    region.get(Operation::GetClusterNetwork, "clusterNetworkId", id).unwrap().json()
}

fn resize(region: &mut Region, id: &str, size: u32) -> Result<ApiAnswer, ApiError> {
    let pool = show(region, id)["instancePools"][0]["id"].clone();
    let request = region
        .request(Operation::UpdateClusterNetwork)
        .path("clusterNetworkId", id)
        .body(json!({"instancePools": [{"id": pool, "size": size}]}));
    region.world.handle(&request)
}

fn members(region: &mut Region, id: &str) -> Vec<String> {
    let request = region
        .request(Operation::ListClusterNetworkInstances)
        .path("clusterNetworkId", id)
        .query("compartmentId", region.defaults.compartment.clone())
        .query("sortBy", "TIMECREATED")
        .query("sortOrder", "ASC");
    let rows = region.pages(&request);
    let staying = rows.iter().filter(|row| !row["state"].as_str().unwrap().starts_with("Terminat"));
    staying.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_cluster_network_runs_when_all_its_members_do() {
    let mut region = Region::roomy();
    let (id, work) = create(&mut region, 4, |_| {}).unwrap();
    assert_eq!(show(&mut region, &id)["lifecycleState"], "PROVISIONING");
    assert_eq!(resize(&mut region, &id, 5).unwrap_err().code, "IncorrectState");
    region.advance(1300.0);
    let shown = show(&mut region, &id);
    let pool = &shown["instancePools"][0];
    assert_eq!((&shown["lifecycleState"], &pool["currentSize"]), (&json!("RUNNING"), &json!(4)));
    let work = region.work(&work);
    assert_eq!((&work["status"], &work["resources"][0]["identifier"]), (&json!("SUCCEEDED"), &json!(id)));
    let before = members(&mut region, &id);
    resize(&mut region, &id, 6).unwrap();
    assert_eq!(show(&mut region, &id)["lifecycleState"], "SCALING");
    region.advance(1300.0);
    assert_eq!(members(&mut region, &id)[..4], before[..]);
    resize(&mut region, &id, 3).unwrap();
    region.advance(300.0);
    let left = members(&mut region, &id);
    assert_eq!((left.len(), left[0].as_str()), (3, before[3].as_str()), "first in, first out");
    region.world.check_invariants().unwrap();
}

#[test]
fn a_cluster_network_ends_with_members_and_volumes() {
    let mut region = Region::roomy();
    let (id, made) = create(&mut region, 3, |_| {}).unwrap();
    region.advance(600.0);
    let end = region.get(Operation::TerminateClusterNetwork, "clusterNetworkId", &id).unwrap();
    assert_eq!(show(&mut region, &id)["lifecycleState"], "TERMINATING");
    assert_eq!(region.work(&made)["status"], "CANCELED");
    region.advance(120.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "TERMINATED");
    assert_eq!(region.work(&end.work_request.unwrap())["status"], "SUCCEEDED");
    assert_eq!((region.world.live_instances().count(), region.world.boot_volumes().count()), (0, 0));
    let again = region.get(Operation::TerminateClusterNetwork, "clusterNetworkId", &id).unwrap_err();
    assert_eq!(again.status, 404);
    region.advance(13.0 * 3600.0);
    assert_eq!(region.list(Operation::ListClusterNetworks), Vec::<Value>::new());
    region.world.check_invariants().unwrap();
}

#[test]
fn a_cluster_network_without_room_stays_provisioning() {
    let mut region = Region::new(WorldSettings { rdma_blocks: vec![3, 5], ..WorldSettings::default() });
    let (id, work) = create(&mut region, 8, |_| {}).unwrap();
    region.advance(3600.0);
    assert_eq!(show(&mut region, &id)["lifecycleState"], "PROVISIONING");
    let progress = region.work(&work);
    assert_eq!((&progress["status"], &progress["percentComplete"]), (&json!("IN_PROGRESS"), &json!(62.0)));
    region.advance(24.0 * 3600.0);
    let shown = show(&mut region, &id);
    assert_eq!(
        (&shown["lifecycleState"], &shown["instancePools"][0]["size"]),
        (&json!("RUNNING"), &json!(5))
    );
    assert_eq!(region.work(&work)["status"], "FAILED");
    let errors = region.get(Operation::ListWorkRequestErrors, "workRequestId", &work).unwrap().json();
    assert_eq!(errors[0]["code"], "OutOfCapacity");
}

#[test]
fn a_cluster_network_has_one_pool_of_its_own() {
    let mut region = Region::roomy();
    let refused = |result: Result<(String, String), ApiError>| result.unwrap_err().to_string();
    let two = create(&mut region, 1, |body| {
        let pool = body["instancePools"][0].clone();
        body["instancePools"].as_array_mut().unwrap().push(pool);
    });
    assert_eq!(refused(two), "400 InvalidParameter: instancePools must have one instance pool");
    let details = region.details("ordinary");
    let ordinary = configuration(&mut region, &details);
    let ordinary = create(&mut region, 1, |body| {
        body["instancePools"][0]["instanceConfigurationId"] = ordinary.into();
    });
    assert!(refused(ordinary).contains("VM.Standard.E4.Flex is not supported in a cluster network"));
    assert!(refused(create(&mut region, 501, |_| {})).contains("between 0 and 500"));
    let (id, _) = create(&mut region, 1, |_| {}).unwrap();
    region.advance(1300.0);
    let pool = show(&mut region, &id)["instancePools"][0]["id"].as_str().unwrap().to_owned();
    let ended = region.get(Operation::TerminateInstancePool, "instancePoolId", &pool).unwrap_err();
    assert_eq!((ended.status, ended.code), (409, "IncorrectState"));
    let single = region.launch_running("single");
    let attach = region
        .request(Operation::AttachInstancePoolInstance)
        .path("instancePoolId", &*pool)
        .body(json!({"instanceId": single}));
    assert_eq!(region.world.handle(&attach).unwrap_err().status, 400);
    for _ in 0..14 {
        create(&mut region, 1, |_| {}).unwrap();
    }
    assert!(refused(create(&mut region, 1, |_| {})).contains("LimitExceeded"));
    assert!(refused(create(&mut region, 1, |_| {})).contains("cluster-network-count"));
    region.world.check_invariants().unwrap();
}

#[test]
fn a_region_has_at_most_fifty_pools() {
    let mut region = Region::roomy();
    let details = region.details("ignored");
    let configuration = configuration(&mut region, &details);
    let request = region.request(Operation::CreateInstancePool).body(json!({
        "compartmentId": region.defaults.compartment, "instanceConfigurationId": configuration, "size": 0,
        "placementConfigurations": [{
            "availabilityDomain": region.defaults.availability_domains[0],
            "primarySubnetId": region.defaults.private_subnet,
        }],
    }));
    for _ in 0..50 {
        region.world.handle(&request).unwrap();
    }
    assert!(region.world.handle(&request).unwrap_err().message.contains("pool-count"));
}
