//! Random operations on addresses, VNICs and the instances that have them: whatever is accepted leaves books that balance.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One operation. The numbers choose among what there is.
#[derive(Clone, Debug)]
enum RandomAddress {
    Launch { reserved: Option<usize>, public: bool },
    Attach { instance: usize, reserved: Option<usize> },
    Detach { which: usize },
    Private { vnic: usize, address: Option<u8>, reserved: bool },
    Reserve { address: Option<u8> },
    Bulk { vnic: usize, count: u8 },
    MovePrivate { which: usize, vnic: Option<usize> },
    Rename { which: usize },
    Public { private: Option<usize>, reserved: bool },
    MovePublic { which: usize, private: Option<usize> },
    DeletePrivate { which: usize },
    DeletePublic { which: usize },
    Terminate { which: usize },
    Wait { seconds: u32 },
}

fn random_address() -> impl Strategy<Value = RandomAddress> {
    use RandomAddress as R;
    let number = any::<usize>;
    let maybe = || proptest::option::of(any::<usize>());
    let address = || proptest::option::of(0..40_u8);
    let flag = || proptest::bool::ANY;
    prop_oneof![
        (maybe(), flag()).prop_map(|(reserved, public)| R::Launch { reserved, public }),
        (number(), maybe()).prop_map(|(instance, reserved)| R::Attach { instance, reserved }),
        number().prop_map(|which| R::Detach { which }),
        (number(), address(), flag()).prop_map(|(vnic, address, reserved)| R::Private {
            vnic,
            address,
            reserved
        }),
        address().prop_map(|address| R::Reserve { address }),
        (number(), 0..6_u8).prop_map(|(vnic, count)| R::Bulk { vnic, count }),
        (number(), maybe()).prop_map(|(which, vnic)| R::MovePrivate { which, vnic }),
        number().prop_map(|which| R::Rename { which }),
        (maybe(), flag()).prop_map(|(private, reserved)| R::Public { private, reserved }),
        (number(), maybe()).prop_map(|(which, private)| R::MovePublic { which, private }),
        number().prop_map(|which| R::DeletePrivate { which }),
        number().prop_map(|which| R::DeletePublic { which }),
        number().prop_map(|which| R::Terminate { which }),
        (0..200_u32).prop_map(|seconds| R::Wait { seconds }),
    ]
}

struct Player {
    region: Region,
}

impl Player {
    fn new(seed: u64) -> Self {
        let lag = if seed.is_multiple_of(2) { 0.0 } else { 3.0 };
        let settings =
            WorldSettings { subnet_prefix_length: 27, list_lag_seconds: lag, ..WorldSettings::default() };
        Self { region: Region::seeded(settings, seed) }
    }

    fn send(&mut self, operation: Operation, id: Option<(&'static str, &Value)>, body: Value) {
        let mut request = self.region.request(operation);
        if let Some((name, id)) = id {
            request = request.path(name, id.as_str().unwrap());
        }
        if !body.is_null() {
            request = request.body(body);
        }
        let _ = self.region.world.handle(&request);
    }

    fn privates(&mut self) -> Vec<Value> {
        let subnet = self.region.defaults.public_subnet.clone();
        self.region.pages(&self.region.request(Operation::ListPrivateIps).query("subnetId", subnet))
    }

    fn private(&mut self, which: usize) -> Option<Value> {
        one(self.privates(), which).map(|row| row["id"].clone())
    }

    /// A reserved private address, whether it is free or not.
    fn reserved(&mut self, which: usize) -> Option<Value> {
        let mut rows = self.privates();
        rows.retain(|row| row["lifetime"] == "RESERVED");
        one(rows, which).map(|row| row["id"].clone())
    }

    fn public(&mut self, which: usize) -> Option<Value> {
        let compartment = self.region.defaults.compartment.clone();
        let domain = self.region.defaults.availability_domains[0].clone();
        let all = |scope: &str| {
            let request = self.region.request(Operation::ListPublicIps).query("scope", scope);
            request.query("compartmentId", compartment.clone()).query("availabilityDomain", domain.clone())
        };
        let requests = [all("REGION"), all("AVAILABILITY_DOMAIN")];
        let rows = requests.iter().flat_map(|request| self.region.pages(request)).collect();
        one(rows, which).map(|row| row["id"].clone())
    }

    fn vnic(&mut self, which: usize) -> Option<Value> {
        let mut rows = self.region.list(Operation::ListVnicAttachments);
        rows.retain(|row| row["lifecycleState"] == "ATTACHED");
        one(rows, which).map(|row| row["vnicId"].clone())
    }

    fn try_play(&mut self, operation: &RandomAddress) -> Option<()> {
        use RandomAddress as R;
        let subnet = self.region.defaults.public_subnet.clone();
        let compartment = self.region.defaults.compartment.clone();
        let text = |address: &Option<u8>| address.map(|last| format!("10.0.0.{last}"));
        match operation {
            R::Launch { reserved, public } => {
                let mut details = self.region.details("n");
                details["shapeConfig"]["ocpus"] = 4.into();
                details["shapeConfig"]["memoryInGBs"] = 16.into();
                let reserved = reserved.and_then(|which| self.reserved(which));
                details["createVnicDetails"] =
                    json!({"subnetId": subnet, "assignPublicIp": public, "privateIpId": reserved});
                let _ = self.region.launch(&details);
            }
            R::Attach { instance, reserved } => {
                let instance = one(self.region.list(Operation::ListInstances), *instance)?;
                let reserved = reserved.and_then(|which| self.reserved(which));
                let vnic = json!({"subnetId": subnet, "privateIpId": reserved});
                let body = json!({"instanceId": instance["id"], "createVnicDetails": vnic});
                self.send(Operation::AttachVnic, None, body);
            }
            R::Detach { which } => {
                let row = one(self.region.list(Operation::ListVnicAttachments), *which)?;
                self.send(Operation::DetachVnic, Some(("vnicAttachmentId", &row["id"])), Value::Null);
            }
            R::Private { vnic, address, reserved } => {
                let lifetime = if *reserved { "RESERVED" } else { "EPHEMERAL" };
                let vnic = self.vnic(*vnic)?;
                let body = json!({"vnicId": vnic, "ipAddress": text(address), "lifetime": lifetime});
                self.send(Operation::CreatePrivateIp, None, body);
            }
            R::Reserve { address } => {
                let body = json!({"subnetId": subnet, "ipAddress": text(address), "lifetime": "RESERVED"});
                self.send(Operation::CreatePrivateIp, None, body);
            }
            R::Bulk { vnic, count } => {
                let items = vec![json!({}); usize::from(*count)];
                let body = json!({"vnicId": self.vnic(*vnic)?, "bulkCreatePrivateIpItem": items});
                self.send(Operation::BulkCreatePrivateIps, None, body);
            }
            R::MovePrivate { which, vnic } => {
                let private = self.private(*which)?;
                let vnic = vnic.and_then(|vnic| self.vnic(vnic)).unwrap_or_else(|| json!(""));
                let about = Some(("privateIpId", &private));
                self.send(Operation::UpdatePrivateIp, about, json!({"vnicId": vnic}));
            }
            R::Rename { which } => {
                let private = self.private(*which)?;
                let body = json!({"displayName": "renamed", "hostnameLabel": "host"});
                self.send(Operation::UpdatePrivateIp, Some(("privateIpId", &private)), body);
            }
            R::Public { private, reserved } => {
                let private = private.and_then(|which| self.private(which));
                let lifetime = if *reserved { "RESERVED" } else { "EPHEMERAL" };
                let body =
                    json!({"compartmentId": compartment, "lifetime": lifetime, "privateIpId": private});
                self.send(Operation::CreatePublicIp, None, body);
            }
            R::MovePublic { which, private } => {
                let public = self.public(*which)?;
                let private = private.and_then(|which| self.private(which)).unwrap_or_else(|| json!(""));
                let about = Some(("publicIpId", &public));
                self.send(Operation::UpdatePublicIp, about, json!({"privateIpId": private}));
            }
            R::DeletePrivate { which } => {
                let private = self.private(*which)?;
                self.send(Operation::DeletePrivateIp, Some(("privateIpId", &private)), Value::Null);
            }
            R::DeletePublic { which } => {
                let public = self.public(*which)?;
                self.send(Operation::DeletePublicIp, Some(("publicIpId", &public)), Value::Null);
            }
            R::Terminate { which } => {
                let instance = one(self.region.list(Operation::ListInstances), *which)?;
                self.region.terminate(instance["id"].as_str()?);
            }
            R::Wait { seconds } => self.region.advance(f64::from(*seconds)),
        }
        Some(())
    }

    fn play(&mut self, operation: &RandomAddress) {
        // Nothing to do where there is nothing of the kind.
        let _ = self.try_play(operation);
    }
}

fn one(mut rows: Vec<Value>, which: usize) -> Option<Value> {
    let at = which.checked_rem(rows.len())?;
    Some(rows.swap_remove(at))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_lose_no_address(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_address(), 1..120),
    ) {
        let mut player = Player::new(seed);
        for operation in &operations {
            player.play(operation);
            if let Err(problem) = player.region.world.check_invariants() {
                panic!("after {operation:?}: {problem}");
            }
        }
        let saved = serde_json::to_string(&player.region.world.snapshot()).unwrap();
        let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
    }
}

/// Without this test, the property above would also hold for a region that refuses everything.
#[test]
fn random_addresses_reach_every_change_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let operations = proptest::collection::vec(random_address(), 150);
        let operations = operations.new_tree(&mut runner).unwrap().current();
        let mut player = Player::new(seed);
        for operation in &operations {
            player.play(operation);
        }
        let events = player.region.world.events(0);
        seen.extend(events.flat_map(|event| [Some(event.event), event.detail]).flatten());
    }
    let wanted = [
        "vnic_attached",
        "vnic_detached",
        "privateip_created",
        "privateip_updated",
        "privateip_deleted",
        "publicip_created",
        "publicip_updated",
        "publicip_deleted",
        "AttachVnic 400 InvalidParameter",
        "DetachVnic 400 InvalidParameter",
        "CreatePrivateIp 400 InvalidParameter",
        "UpdatePrivateIp 400 InvalidParameter",
        "DeletePrivateIp 400 InvalidParameter",
        "CreatePublicIp 409 Conflict",
        "UpdatePublicIp 409 Conflict",
        "LaunchInstance 409 Conflict",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|wanted| !seen.contains(*wanted)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}
