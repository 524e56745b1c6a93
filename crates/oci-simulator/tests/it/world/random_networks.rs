//! Random operations on networks: whatever is accepted leaves networks that fit together.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One operation on networks.
#[derive(Clone, Debug)]
enum RandomNetwork {
    Vcn { block: u8 },
    Subnet { vcn: usize, block: u8, table: Option<usize> },
    Part { vcn: usize, kind: usize },
    Route { table: usize, gateway: usize },
    Launch { subnet: usize, group: Option<usize> },
    Resize { subnet: usize, prefix: u8 },
    Block { vcn: usize, block: u8, add: bool },
    Delete { kind: usize, which: usize },
    Terminate { which: usize },
    Wait { seconds: u32 },
}

/// The kinds: how to list, create and delete them, and the parameter that names one.
const KINDS: [(Operation, Operation, Operation, &str); 9] = [
    (Operation::ListVcns, Operation::CreateVcn, Operation::DeleteVcn, "vcnId"),
    (Operation::ListSubnets, Operation::CreateSubnet, Operation::DeleteSubnet, "subnetId"),
    (
        Operation::ListInternetGateways,
        Operation::CreateInternetGateway,
        Operation::DeleteInternetGateway,
        "igId",
    ),
    (Operation::ListNatGateways, Operation::CreateNatGateway, Operation::DeleteNatGateway, "natGatewayId"),
    (
        Operation::ListServiceGateways,
        Operation::CreateServiceGateway,
        Operation::DeleteServiceGateway,
        "serviceGatewayId",
    ),
    (Operation::ListRouteTables, Operation::CreateRouteTable, Operation::DeleteRouteTable, "rtId"),
    (
        Operation::ListSecurityLists,
        Operation::CreateSecurityList,
        Operation::DeleteSecurityList,
        "securityListId",
    ),
    (Operation::ListDhcpOptions, Operation::CreateDhcpOptions, Operation::DeleteDhcpOptions, "dhcpId"),
    (
        Operation::ListNetworkSecurityGroups,
        Operation::CreateNetworkSecurityGroup,
        Operation::DeleteNetworkSecurityGroup,
        "networkSecurityGroupId",
    ),
];

fn random_network() -> impl Strategy<Value = RandomNetwork> {
    let any = any::<usize>;
    prop_oneof![
        (0..4_u8).prop_map(|block| RandomNetwork::Vcn { block }),
        (any(), 0..8_u8, proptest::option::of(any())).prop_map(|(vcn, block, table)| RandomNetwork::Subnet {
            vcn,
            block,
            table
        }),
        (any(), 2..9_usize).prop_map(|(vcn, kind)| RandomNetwork::Part { vcn, kind }),
        (any(), any()).prop_map(|(table, gateway)| RandomNetwork::Route { table, gateway }),
        (any(), proptest::option::of(any()))
            .prop_map(|(subnet, group)| RandomNetwork::Launch { subnet, group }),
        (any(), 15..31_u8).prop_map(|(subnet, prefix)| RandomNetwork::Resize { subnet, prefix }),
        (any(), 0..4_u8, proptest::bool::ANY).prop_map(|(vcn, block, add)| RandomNetwork::Block {
            vcn,
            block,
            add
        }),
        (0..9_usize, any()).prop_map(|(kind, which)| RandomNetwork::Delete { kind, which }),
        any().prop_map(|which| RandomNetwork::Terminate { which }),
        (0..200_u32).prop_map(|seconds| RandomNetwork::Wait { seconds }),
    ]
}

/// One of a list.
fn one(region: &mut Region, list: Operation, which: usize) -> Option<Value> {
    let mut rows = region.list(list);
    let at = which.checked_rem(rows.len())?;
    Some(rows.swap_remove(at))
}

fn send(region: &mut Region, operation: Operation, about: Option<(&'static str, &Value)>, mut body: Value) {
    if about.is_none() {
        body["compartmentId"] = region.defaults.compartment.clone().into();
    }
    let mut request = region.request(operation);
    if let Some((name, row)) = about {
        request = request.path(name, row["id"].as_str().unwrap());
    }
    if !body.is_null() {
        request = request.body(body);
    }
    let _ = region.world.handle(&request);
}

fn change_network(region: &mut Region, operation: &RandomNetwork) {
    // Nothing to do where there is nothing of the kind.
    let _ = try_change(region, operation);
}

fn try_change(region: &mut Region, operation: &RandomNetwork) -> Option<()> {
    match operation {
        RandomNetwork::Vcn { block } => {
            let body = json!({"cidrBlock": format!("10.{block}.0.0/16"), "dnsLabel": "own"});
            send(region, Operation::CreateVcn, None, body);
        }
        RandomNetwork::Subnet { vcn, block, table } => {
            let vcn = one(region, Operation::ListVcns, *vcn)?;
            // Of different sizes, so that some overlap.
            let text = format!("10.{}.{}.0/{}", block % 4, 16 * (block % 3), 20 + block % 5);
            let mut body = json!({"vcnId": vcn["id"], "cidrBlock": text});
            if let Some(table) = table.and_then(|table| one(region, Operation::ListRouteTables, table)) {
                body["routeTableId"] = table["id"].clone();
            }
            send(region, Operation::CreateSubnet, None, body);
        }
        RandomNetwork::Part { vcn, kind } => {
            let vcn = one(region, Operation::ListVcns, *vcn)?;
            let body = json!({
                "vcnId": vcn["id"], "isEnabled": true, "services": [], "routeRules": [],
                "ingressSecurityRules": [], "egressSecurityRules": [],
                "options": [{"type": "DomainNameServer", "serverType": "VcnLocal"}],
            });
            send(region, KINDS[*kind].1, None, body);
        }
        RandomNetwork::Route { table, gateway } => {
            let table = one(region, Operation::ListRouteTables, *table)?;
            let gateway = one(region, KINDS[2 + gateway % 2].0, *gateway)?;
            let body =
                json!({"routeRules": [{"destination": "0.0.0.0/0", "networkEntityId": gateway["id"]}]});
            send(region, Operation::UpdateRouteTable, Some(("rtId", &table)), body);
        }
        RandomNetwork::Launch { subnet, group } => {
            let subnet = one(region, Operation::ListSubnets, *subnet)?;
            let mut details = region.details("n");
            details["createVnicDetails"] = json!({"subnetId": subnet["id"]});
            if let Some(group) =
                group.and_then(|group| one(region, Operation::ListNetworkSecurityGroups, group))
            {
                details["createVnicDetails"]["nsgIds"] = json!([group["id"]]);
            }
            let _ = region.launch(&details);
        }
        RandomNetwork::Resize { subnet, prefix } => {
            let subnet = one(region, Operation::ListSubnets, *subnet)?;
            let address = subnet["cidrBlock"].as_str()?.split('/').next()?.to_owned();
            let body = json!({"cidrBlock": format!("{address}/{prefix}")});
            send(region, Operation::UpdateSubnet, Some(("subnetId", &subnet)), body);
        }
        RandomNetwork::Block { vcn, block, add } => {
            let vcn = one(region, Operation::ListVcns, *vcn)?;
            let operation = if *add { Operation::AddVcnCidr } else { Operation::RemoveVcnCidr };
            let body = json!({"cidrBlock": format!("10.{block}.0.0/16")});
            send(region, operation, Some(("vcnId", &vcn)), body);
        }
        RandomNetwork::Delete { kind, which } => {
            let (list, _, delete, name) = KINDS[*kind];
            let row = one(region, list, *which)?;
            send(region, delete, Some((name, &row)), Value::Null);
        }
        RandomNetwork::Terminate { which } => {
            let instance = one(region, Operation::ListInstances, *which)?;
            region.terminate(instance["id"].as_str()?);
        }
        RandomNetwork::Wait { seconds } => region.advance(f64::from(*seconds)),
    }
    Some(())
}

fn region(seed: u64) -> Region {
    let lag = if seed.is_multiple_of(2) { 0.0 } else { 3.0 };
    Region::seeded(
        WorldSettings { subnet_prefix_length: 28, list_lag_seconds: lag, ..WorldSettings::default() },
        seed,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_leave_networks_that_fit(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_network(), 1..120),
    ) {
        let mut region = region(seed);
        for operation in &operations {
            change_network(&mut region, operation);
            if let Err(problem) = region.world.check_invariants() {
                panic!("after {operation:?}: {problem}");
            }
        }
        let saved = serde_json::to_string(&region.world.snapshot()).unwrap();
        let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
    }
}

/// Without this test, the property above would also hold for a region that refuses everything.
#[test]
fn random_networks_reach_every_change_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let operations = proptest::collection::vec(random_network(), 150);
        let operations = operations.new_tree(&mut runner).unwrap().current();
        let mut region = region(seed);
        for operation in &operations {
            change_network(&mut region, operation);
        }
        seen.extend(region.world.events(0).flat_map(|event| [Some(event.event), event.detail]).flatten());
    }
    let wanted = [
        "vcn_created",
        "vcn_updated",
        "vcn_deleted",
        "subnet_created",
        "subnet_updated",
        "subnet_deleted",
        "internetgateway_created",
        "natgateway_deleted",
        "servicegateway_created",
        "routetable_updated",
        "securitylist_deleted",
        "dhcpoptions_created",
        "networksecuritygroup_deleted",
        "CreateSubnet 400 InvalidParameter",
        "CreateInternetGateway 400 InvalidParameter",
        "RemoveVcnCidr 409 Conflict",
        "DeleteVcn 409 Conflict",
        "DeleteVcn 409 IncorrectState",
        "DeleteSubnet 409 Conflict",
        "DeleteInternetGateway 409 Conflict",
        "DeleteRouteTable 409 IncorrectState",
        "DeleteNetworkSecurityGroup 409 Conflict",
        "LaunchInstance 400 InvalidParameter",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|wanted| !seen.contains(*wanted)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
}
