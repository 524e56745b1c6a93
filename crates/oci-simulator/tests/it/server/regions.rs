//! Several regions of one tenancy.

use super::support::{Call, closing, identity, rfc1123, talk, wall_clock};
use oci_simulator::scenario::{Scenario, Signatures};
use oci_simulator::server::{Forgettable, Options, Region, ScaledClock, SimClock, start};
use oci_simulator::world::Caller;
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

const TWO: &str = "regions: [{world: {region: us-ashburn-1, hosts: {per_fault_domain: 1}}}]";

fn two_regions() -> Vec<Region> {
    let scenario = Scenario::from_yaml(TWO, "test").unwrap();
    let scenario = Scenario { signatures: Signatures::Unchecked, ..scenario };
    let clock: Arc<dyn SimClock> = Arc::new(ScaledClock::in_process("2026-11-22T12:00:00Z".parse().unwrap()));
    let regions = Region::all(&scenario, 7, &clock);
    for region in &regions {
        let defaults = region.world().defaults();
        region.set_anonymous_caller(Caller { tenancy: defaults.tenancy, user: defaults.user });
    }
    regions
}

async fn get(region: &Region, target: &str) -> (u16, Value) {
    let request = http::Request::builder().uri(target).body(bytes::Bytes::new()).unwrap();
    let response = region.exchange(request).await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

async fn launch(region: &Region) -> String {
    let defaults = region.world().defaults();
    let body = serde_json::json!({
        "compartmentId": defaults.compartment,
        "availabilityDomain": defaults.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
        "sourceDetails": {"sourceType": "image", "imageId": defaults.image},
        "createVnicDetails": {"subnetId": defaults.public_subnet},
    });
    let request = http::Request::builder().method("POST").uri("/20160918/instances");
    let response = region.exchange(request.body(body.to_string().into()).unwrap()).await.unwrap();
    let made: Value = serde_json::from_slice(response.body()).unwrap();
    made["id"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_unknown_in_another_region() {
    let regions = two_regions();
    let made = launch(&regions[1]).await;
    assert!(made.starts_with("ocid1.instance.oc1.iad."), "{made}");
    let target = format!("/20160918/instances/{made}");
    assert_eq!(get(&regions[1], &target).await.0, 200);
    assert_eq!(get(&regions[0], &target).await.0, 404);
    let compartment = regions[0].world().defaults().compartment;
    let list = format!("/20160918/instances?compartmentId={compartment}");
    let rows = |answer: (u16, Value)| answer.1.as_array().map(Vec::len);
    assert_eq!(rows(get(&regions[0], &list).await), Some(0));
    assert_eq!(rows(get(&regions[1], &list).await), Some(1), "the compartment is the same in both");
}

#[tokio::test(start_paused = true)]
async fn every_region_lists_all_subscriptions() {
    for region in two_regions() {
        let defaults = region.world().defaults();
        let target = format!("/20160918/tenancies/{}/regionSubscriptions", defaults.tenancy);
        let (_, rows) = get(&region, &target).await;
        let rows = rows.as_array().unwrap();
        let row = |at: usize| (rows[at]["regionName"].clone(), rows[at]["isHomeRegion"].clone());
        assert_eq!(rows.len(), 2);
        assert_eq!(row(0), ("us-phoenix-1".into(), true.into()));
        assert_eq!(row(1), ("us-ashburn-1".into(), false.into()));
        let (_, tenancy) = get(&region, &format!("/20160918/tenancies/{}", defaults.tenancy)).await;
        assert_eq!(tenancy["homeRegionKey"], "PHX");
    }
}

#[tokio::test(start_paused = true)]
async fn regions_have_hosts_and_networks_of_their_own() {
    let regions = two_regions();
    let defaults = |at: usize| regions[at].world().defaults();
    assert_ne!(defaults(0).public_subnet, defaults(1).public_subnet);
    assert_ne!(defaults(0).availability_domains, defaults(1).availability_domains);
    assert_eq!(defaults(0).tenancy, defaults(1).tenancy);
    assert_eq!(defaults(0).user, defaults(1).user);
}

#[test]
fn a_region_that_is_listed_twice_is_refused() {
    for twice in ["regions: [{}]", "regions: [{world: {region: eu-milan-1}}, {world: {region: eu-milan-1}}]"]
    {
        let error = Scenario::from_yaml(twice, "test").unwrap_err().to_string();
        assert!(error.contains("is listed twice: name another region"), "{error}");
    }
}

#[tokio::test]
async fn a_tenancy_is_served_saved_and_forgotten_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("saved.json");
    let options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        home: Some(folder.path().join("home")),
        scenario: Scenario::from_yaml(TWO, "test").unwrap(),
        callers: vec![(identity().caller.clone(), identity().public_key.clone())],
        save: Some(save.clone()),
        ..Options::default()
    };
    let running = start(options.clone()).await.unwrap();
    let [(name, endpoint)] = running.further().try_into().unwrap();
    assert_eq!(name, "us-ashburn-1");
    assert_ne!(endpoint, running.endpoint());
    let yaml = std::fs::read_to_string(folder.path().join("home/config.yaml")).unwrap();
    assert!(yaml.contains(&format!("  - region: us-ashburn-1\n    endpoint: {endpoint}\n")), "{yaml}");
    let home = running.region().world().defaults();
    let there = running.further_region("us-ashburn-1").unwrap().world().defaults();
    assert_eq!((&home.tenancy, &home.compartment), (&there.tenancy, &there.compartment));
    // The same keys are accepted there.
    let address = endpoint.trim_start_matches("http://").parse().unwrap();
    let mut call = closing(Call::get(format!("/20160918/instances?compartmentId={}", there.compartment)));
    call.date = rfc1123(wall_clock());
    let answer = talk(address, &call.wire()).await.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 401"), "{answer}");
    running.shutdown().await.unwrap();

    let again = start(options).await.unwrap();
    assert!(again.restored);
    let [(_, moved)] = again.further().try_into().unwrap();
    let yaml = std::fs::read_to_string(folder.path().join("home/config.yaml")).unwrap();
    assert!(yaml.contains(&format!("    endpoint: {moved}\n")) && !yaml.contains(&endpoint), "{yaml}");
    assert_eq!(again.further_region("us-ashburn-1").unwrap().world().defaults(), there);
    again.shutdown().await.unwrap();
    let saved = Forgettable::find_all(&save).unwrap();
    assert_eq!(saved.len(), 2);
    for saved in saved {
        saved.forget().unwrap();
    }
    assert!(Forgettable::find_all(&save).unwrap().is_empty());
}
