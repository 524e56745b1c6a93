//! Networks under abuse: thousands of rules, parts that name each other, and clients that delete in any order.

use super::networks::Ground;
use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::ApiError;
use serde_json::{Value, json};

fn send(
    region: &mut Region,
    operation: Operation,
    path: Option<(&'static str, &Value)>,
    body: Value,
) -> Result<Value, ApiError> {
    let mut request = region.request(operation);
    if let Some((name, id)) = path {
        request = request.path(name, id.as_str().unwrap());
    }
    if !body.is_null() {
        request = request.body(body);
    }
    region.world.handle(&request).map(|answer| answer.json())
}

/// A network with a gateway, a route table, a security list and a group, as (delete, parameter, OCID).
fn network(ground: &mut Ground) -> Vec<(Operation, &'static str, Value)> {
    let vcn = ground.make(Operation::CreateVcn, json!({"cidrBlock": "10.7.0.0/16"})).unwrap()["id"].clone();
    let mut make = |operation: Operation, mut body: Value| {
        body["vcnId"] = vcn.clone();
        ground.make(operation, body).unwrap()["id"].clone()
    };
    let table = make(Operation::CreateRouteTable, json!({"routeRules": []}));
    let gateway = make(Operation::CreateInternetGateway, json!({"isEnabled": true, "routeTableId": table}));
    let list =
        make(Operation::CreateSecurityList, json!({"ingressSecurityRules": [], "egressSecurityRules": []}));
    let group = make(Operation::CreateNetworkSecurityGroup, json!({}));
    let subnet = json!({"cidrBlock": "10.7.0.0/24", "routeTableId": table, "securityListIds": [list]});
    let subnet = make(Operation::CreateSubnet, subnet);
    vec![
        (Operation::DeleteVcn, "vcnId", vcn),
        (Operation::DeleteRouteTable, "rtId", table),
        (Operation::DeleteInternetGateway, "igId", gateway),
        (Operation::DeleteSecurityList, "securityListId", list),
        (Operation::DeleteNetworkSecurityGroup, "networkSecurityGroupId", group),
        (Operation::DeleteSubnet, "subnetId", subnet),
    ]
}

#[test]
fn ten_thousand_rules_are_refused_everywhere() {
    let mut ground = Ground::new();
    let parts = network(&mut ground);
    let (table, gateway, list, group) = (&parts[1].2, &parts[2].2, &parts[3].2, &parts[4].2);
    let ingress = vec![json!({"protocol": "all", "source": "0.0.0.0/0"}); 10_000];
    let rules = vec![json!({"direction": "INGRESS", "protocol": "all", "source": "0.0.0.0/0"}); 10_000];
    let routes: Vec<Value> = (0..10_000)
        .map(|at| json!({"destination": format!("10.{}.{}.0/24", at / 256, at % 256), "networkEntityId": gateway}))
        .collect();
    for (operation, name, id, body) in [
        (Operation::UpdateSecurityList, "securityListId", list, json!({"ingressSecurityRules": ingress})),
        (
            Operation::AddNetworkSecurityGroupSecurityRules,
            "networkSecurityGroupId",
            group,
            json!({"securityRules": rules}),
        ),
        (Operation::UpdateRouteTable, "rtId", table, json!({"routeRules": routes})),
    ] {
        let refused = send(&mut ground.region, operation, Some((name, id)), body).unwrap_err();
        assert_eq!(refused.status, 400, "{}", operation.name());
    }
    ground.region.world.check_invariants().unwrap();
}

#[test]
fn parts_that_name_each_other_end_once_one_lets_go() {
    let mut ground = Ground::new();
    let parts = network(&mut ground);
    let (table, gateway) = (&parts[1].2, &parts[2].2);
    let route = json!({"routeRules": [{"destination": "0.0.0.0/0", "networkEntityId": gateway}]});
    let region = &mut ground.region;
    send(region, Operation::UpdateRouteTable, Some(("rtId", table)), route).unwrap();
    for (operation, name, id) in
        [(Operation::DeleteRouteTable, "rtId", table), (Operation::DeleteInternetGateway, "igId", gateway)]
    {
        assert_eq!(send(region, operation, Some((name, id)), Value::Null).unwrap_err().status, 409);
    }
    send(region, Operation::UpdateRouteTable, Some(("rtId", table)), json!({"routeRules": []})).unwrap();
    send(region, Operation::DeleteInternetGateway, Some(("igId", gateway)), Value::Null).unwrap();
}

#[test]
fn eight_clients_delete_a_network_in_any_order() {
    let mut ground = Ground::new();
    for round in 0..6 {
        let mut left = network(&mut ground);
        for pass in 0.. {
            assert!(pass < 6, "{left:?} is never deleted");
            let first = round % left.len();
            left.rotate_left(first);
            let region = &mut ground.region;
            left.retain(|(operation, name, id)| {
                // Each of the clients asks once; at most one is told that it was the first.
                let answers: Vec<_> =
                    (0..8).map(|_| send(region, *operation, Some((name, id)), Value::Null)).collect();
                let done = answers.iter().filter(|answer| answer.is_ok()).count();
                let refusals = answers.iter().filter_map(|answer| answer.as_ref().err());
                assert!(done <= 1 && { refusals }.all(|refused| [404, 409].contains(&refused.status)));
                region.world.check_invariants().unwrap();
                done == 0
            });
            if left.is_empty() {
                break;
            }
            ground.region.advance(2.0);
        }
        ground.region.advance(2.0);
    }
}
