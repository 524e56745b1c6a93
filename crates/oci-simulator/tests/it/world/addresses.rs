//! Addresses and VNICs that somebody makes: where they come to be, what is refused, and what outlives an instance.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, World, WorldSettings};
use serde_json::{Value, json};

/// The parameter of a path that names a resource of this kind.
const NAMES: [(Operation, &str); 15] = [
    (Operation::GetVnic, "vnicId"),
    (Operation::UpdateVnic, "vnicId"),
    (Operation::GetVnicAttachment, "vnicAttachmentId"),
    (Operation::DetachVnic, "vnicAttachmentId"),
    (Operation::GetPrivateIp, "privateIpId"),
    (Operation::UpdatePrivateIp, "privateIpId"),
    (Operation::DeletePrivateIp, "privateIpId"),
    (Operation::GetPublicIp, "publicIpId"),
    (Operation::UpdatePublicIp, "publicIpId"),
    (Operation::DeletePublicIp, "publicIpId"),
    (Operation::GetIpv6, "ipv6Id"),
    (Operation::UpdateIpv6, "ipv6Id"),
    (Operation::DeleteIpv6, "ipv6Id"),
    (Operation::DeleteSubnet, "subnetId"),
    (Operation::DeleteVcn, "vcnId"),
];

struct Place {
    region: Region,
}

type Answer = Result<Value, ApiError>;

impl Place {
    fn new() -> Self {
        Self { region: Region::new(WorldSettings { subnet_prefix_length: 24, ..WorldSettings::default() }) }
    }

    fn send(&mut self, operation: Operation, body: &Value) -> Answer {
        let request = self.region.request(operation).body(body.clone());
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    fn about(&mut self, operation: Operation, id: &Value, body: &Value) -> Answer {
        let (_, name) = NAMES.iter().find(|(known, _)| *known == operation).unwrap();
        let mut request = self.region.request(operation).path(name, id.as_str().unwrap());
        if !body.is_null() {
            request = request.body(body.clone());
        }
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    fn get(&mut self, operation: Operation, id: &Value) -> Value {
        self.about(operation, id, &Value::Null).unwrap()
    }

    fn delete(&mut self, operation: Operation, id: &Value) -> Answer {
        self.about(operation, id, &Value::Null)
    }

    fn listed(&mut self, operation: Operation, name: &'static str, id: &Value) -> Vec<Value> {
        let request = self.region.request(operation).query(name, id.as_str().unwrap());
        self.region.pages(&request)
    }

    /// A running instance of this many OCPUs, and the OCID of its VNIC.
    fn instance(&mut self, ocpus: u32, vnic: &Value) -> (String, Value) {
        let mut details = self.region.details("one");
        details["shapeConfig"]["ocpus"] = ocpus.into();
        details["shapeConfig"]["memoryInGBs"] = (6 * ocpus).into();
        for (name, value) in vnic.as_object().unwrap() {
            details["createVnicDetails"][name] = value.clone();
        }
        let id = self.region.launch(&details).unwrap().json()["id"].as_str().unwrap().to_owned();
        self.region.advance(300.0);
        let request = self.region.request(Operation::ListVnicAttachments);
        let request = request
            .query("compartmentId", self.region.defaults.compartment.clone())
            .query("instanceId", id.clone());
        let vnic = self.region.pages(&request)[0]["vnicId"].clone();
        (id, vnic)
    }

    fn attach(&mut self, instance: &str, vnic: &Value) -> Answer {
        let mut vnic = vnic.clone();
        if vnic.get("subnetId").is_none() {
            vnic["subnetId"] = self.region.defaults.public_subnet.clone().into();
        }
        self.send(Operation::AttachVnic, &json!({"instanceId": instance, "createVnicDetails": vnic}))
    }

    fn reserve(&mut self, private: Option<&Value>) -> Answer {
        let compartment = self.region.defaults.compartment.clone();
        self.send(
            Operation::CreatePublicIp,
            &json!({"compartmentId": compartment, "lifetime": "RESERVED", "privateIpId": private}),
        )
    }

    fn first_of(&mut self, vnic: &Value) -> Value {
        self.listed(Operation::ListPrivateIps, "vnicId", vnic)[0].clone()
    }

    fn end(&mut self, instance: &str) {
        self.region.terminate(instance);
        self.region.advance(300.0);
        self.checked();
    }

    fn checked(&self) -> &World {
        self.region.world.check_invariants().unwrap();
        &self.region.world
    }
}

fn refusal(answer: Answer) -> (u16, String) {
    let error = answer.unwrap_err();
    (error.status, error.message)
}

#[test]
fn a_secondary_vnic_is_attached_shown_and_detached() {
    let mut place = Place::new();
    let (instance, _) = place.instance(2, &json!({}));
    let attached =
        place.attach(&instance, &json!({"displayName": "second", "hostnameLabel": "two"})).unwrap();
    assert_eq!((&attached["lifecycleState"], attached.get("vnicId")), (&json!("ATTACHING"), None));
    place.region.advance(2.0);
    let attached = place.get(Operation::GetVnicAttachment, &attached["id"]);
    assert_eq!(attached["lifecycleState"], "ATTACHED");
    let vnic = place.get(Operation::GetVnic, &attached["vnicId"]);
    assert_eq!((&vnic["isPrimary"], &vnic["displayName"]), (&json!(false), &json!("second")));
    assert_eq!((&vnic["hostnameLabel"], vnic["publicIp"].is_string()), (&json!("two"), true));
    let private = place.first_of(&vnic["id"]);
    assert_eq!((&private["ipAddress"], &private["isPrimary"]), (&vnic["privateIp"], &json!(true)));
    assert_eq!(place.region.list(Operation::ListVnicAttachments).len(), 2);

    let (status, text) = refusal(place.attach(&instance, &json!({})));
    assert_eq!(status, 400);
    assert!(text.contains("maximum of its shape"), "{text}");
    assert_eq!(refusal(place.delete(Operation::DeletePrivateIp, &private["id"])).0, 400);
    place.delete(Operation::DetachVnic, &attached["id"]).unwrap();
    assert_eq!(refusal(place.delete(Operation::GetVnic, &vnic["id"])).0, 404);
    assert_eq!(place.get(Operation::GetVnicAttachment, &attached["id"])["lifecycleState"], "DETACHING");
    place.region.advance(2.0);
    assert_eq!(place.get(Operation::GetVnicAttachment, &attached["id"])["lifecycleState"], "DETACHED");
    place.checked();
}

#[test]
fn a_primary_vnic_and_its_address_stay() {
    let mut place = Place::new();
    let (_, vnic) = place.instance(1, &json!({}));
    let attachment = place.region.list(Operation::ListVnicAttachments)[0]["id"].clone();
    assert_eq!(refusal(place.delete(Operation::DetachVnic, &attachment)).0, 400);
    let private = place.first_of(&vnic);
    assert_eq!(refusal(place.delete(Operation::DeletePrivateIp, &private["id"])).0, 400);
    // It gets a name, and keeps its OCID and its address.
    let change = json!({"displayName": "main", "freeformTags": {"a": "b"}});
    let named = place.about(Operation::UpdatePrivateIp, &private["id"], &change).unwrap();
    assert_eq!((&named["id"], &named["ipAddress"]), (&private["id"], &private["ipAddress"]));
    assert_eq!((&named["displayName"], &named["freeformTags"]["a"]), (&json!("main"), &json!("b")));
    assert_eq!(place.listed(Operation::ListPrivateIps, "vnicId", &vnic), [named]);
    place.checked();
}

#[test]
fn an_address_is_free_and_in_its_subnet() {
    let mut place = Place::new();
    let (_, vnic) = place.instance(1, &json!({}));
    let create = |place: &mut Place, address: Value| {
        place.send(Operation::CreatePrivateIp, &json!({"vnicId": vnic, "ipAddress": address}))
    };
    let made = create(&mut place, json!("10.0.0.77")).unwrap();
    assert_eq!((&made["ipAddress"], &made["isPrimary"]), (&json!("10.0.0.77"), &json!(false)));
    for taken in ["10.0.0.77", "10.0.0.0", "10.0.0.1", "10.0.0.255", "10.9.0.5"] {
        assert_eq!(refusal(create(&mut place, json!(taken))).0, 400, "{taken}");
    }
    assert_eq!(refusal(create(&mut place, json!("10.0.0.0/28"))).0, 400);
    place.delete(Operation::DeletePrivateIp, &made["id"]).unwrap();
    create(&mut place, json!("10.0.0.77")).unwrap();
    for _ in 0..30 {
        create(&mut place, Value::Null).unwrap();
    }
    let (_, text) = refusal(create(&mut place, Value::Null));
    assert!(text.contains("private-ip-per-vnic-count"), "{text}");
    assert_eq!(place.listed(Operation::ListPrivateIps, "vnicId", &vnic).len(), 32);
    place.checked();
}

#[test]
fn several_addresses_are_made_at_once_or_none() {
    let mut place = Place::new();
    let (_, vnic) = place.instance(1, &json!({}));
    let bulk = |place: &mut Place, items: Value| {
        place
            .send(Operation::BulkCreatePrivateIps, &json!({"vnicId": vnic, "bulkCreatePrivateIpItem": items}))
    };
    bulk(&mut place, json!([{}, {"ipAddress": "10.0.0.3"}, {"displayName": "c"}])).unwrap();
    assert_eq!(place.listed(Operation::ListPrivateIps, "vnicId", &vnic).len(), 4);
    assert_eq!(refusal(bulk(&mut place, json!([{}, {"ipAddress": "10.0.0.3"}]))).0, 400);
    assert_eq!(refusal(bulk(&mut place, json!([]))).0, 400);
    assert_eq!(place.listed(Operation::ListPrivateIps, "vnicId", &vnic).len(), 4);
    place.checked();
}

#[test]
fn a_reserved_public_address_moves_and_outlives_instances() {
    let mut place = Place::new();
    let (one, vnic) = place.instance(1, &json!({"assignPublicIp": false}));
    let (_, other) = place.instance(1, &json!({"assignPublicIp": false}));
    let free = place.reserve(None).unwrap();
    assert_eq!(free["lifecycleState"], "PROVISIONING");
    place.region.advance(2.0);
    assert_eq!(place.get(Operation::GetPublicIp, &free["id"])["lifecycleState"], "AVAILABLE");
    let (private, far) = (place.first_of(&vnic), place.first_of(&other));
    let to = |private: &Value| json!({"privateIpId": private});
    let moved = place.about(Operation::UpdatePublicIp, &free["id"], &to(&private["id"])).unwrap();
    assert_eq!((&moved["lifecycleState"], &moved["scope"]), (&json!("ASSIGNING"), &json!("REGION")));
    place.region.advance(2.0);
    assert_eq!(place.get(Operation::GetPublicIp, &free["id"])["lifecycleState"], "ASSIGNED");
    assert_eq!(place.get(Operation::GetVnic, &vnic)["publicIp"], free["ipAddress"]);
    let found = place.send(Operation::GetPublicIpByIpAddress, &json!({"ipAddress": free["ipAddress"]}));
    assert_eq!(found.unwrap()["assignedEntityId"], private["id"]);
    assert_eq!(refusal(place.reserve(Some(&private["id"]))).0, 409);
    place.about(Operation::UpdatePublicIp, &free["id"], &to(&far["id"])).unwrap();
    place.about(Operation::UpdatePublicIp, &free["id"], &to(&private["id"])).unwrap();
    place.end(&one);
    let kept = place.get(Operation::GetPublicIp, &free["id"]);
    assert_eq!((&kept["lifecycleState"], kept.get("privateIpId")), (&json!("AVAILABLE"), None));
    let (_, next) = place.instance(1, &json!({"assignPublicIp": false}));
    let next = place.first_of(&next);
    place.about(Operation::UpdatePublicIp, &free["id"], &to(&next["id"])).unwrap();
    place.delete(Operation::DeletePublicIp, &free["id"]).unwrap();
    place.region.advance(2.0);
    assert_eq!(refusal(place.delete(Operation::GetPublicIp, &free["id"])).0, 404);
    place.checked();
}

#[test]
fn an_ephemeral_public_address_ends_with_its_assignment() {
    let mut place = Place::new();
    let (instance, vnic) = place.instance(1, &json!({}));
    let private = place.first_of(&vnic);
    let of_private = json!({"privateIpId": private["id"]});
    let own = place.send(Operation::GetPublicIpByPrivateIpId, &of_private).unwrap();
    assert_eq!((&own["lifetime"], &own["scope"]), (&json!("EPHEMERAL"), &json!("AVAILABILITY_DOMAIN")));
    assert_eq!(refusal(place.reserve(Some(&private["id"]))).0, 409);
    place.delete(Operation::DeletePublicIp, &own["id"]).unwrap();
    assert_eq!(place.get(Operation::GetVnic, &vnic).get("publicIp"), None);
    assert_eq!(refusal(place.send(Operation::GetPublicIpByPrivateIpId, &of_private)).0, 404);
    let compartment = place.region.defaults.compartment.clone();
    let ephemeral =
        json!({"compartmentId": compartment, "lifetime": "EPHEMERAL", "privateIpId": private["id"]});
    let again = place.send(Operation::CreatePublicIp, &ephemeral).unwrap();
    assert_eq!(place.get(Operation::GetVnic, &vnic)["publicIp"], again["ipAddress"]);
    let second = place.send(Operation::CreatePrivateIp, &json!({"vnicId": vnic})).unwrap();
    let wrong = json!({"compartmentId": compartment, "lifetime": "EPHEMERAL", "privateIpId": second["id"]});
    assert_eq!(refusal(place.send(Operation::CreatePublicIp, &wrong)).0, 400);
    place.end(&instance);
    assert_eq!(refusal(place.delete(Operation::GetPublicIp, &again["id"])).0, 404);
}

#[test]
fn a_private_subnet_takes_no_public_address() {
    let mut place = Place::new();
    let private_subnet = place.region.defaults.private_subnet.clone();
    let (instance, _) = place.instance(2, &json!({"subnetId": private_subnet}));
    let vnic = json!({"subnetId": private_subnet, "assignPublicIp": true});
    assert_eq!(refusal(place.attach(&instance, &vnic)).0, 400);
    let attached = place.attach(&instance, &json!({"subnetId": private_subnet})).unwrap();
    place.region.advance(2.0);
    let vnic = place.get(Operation::GetVnicAttachment, &attached["id"])["vnicId"].clone();
    let private = place.first_of(&vnic);
    let (status, text) = refusal(place.reserve(Some(&private["id"])));
    assert!(status == 400 && text.contains("prohibits public IPs"), "{status} {text}");
}

#[test]
fn a_reserved_private_address_serves_one_launch_after_another() {
    let mut place = Place::new();
    let subnet = place.region.defaults.public_subnet.clone();
    let reserved = json!({"subnetId": subnet, "lifetime": "RESERVED", "ipAddress": "10.0.0.50"});
    let made = place.send(Operation::CreatePrivateIp, &reserved).unwrap();
    assert_eq!((&made["ipState"], made.get("vnicId")), (&json!("AVAILABLE"), None));
    let ephemeral = json!({"subnetId": subnet});
    assert_eq!(refusal(place.send(Operation::CreatePrivateIp, &ephemeral)).0, 400);
    for _ in 0..2 {
        let (instance, vnic) = place.instance(1, &json!({"privateIpId": made["id"]}));
        assert_eq!(place.get(Operation::GetVnic, &vnic)["privateIp"], "10.0.0.50");
        assert_eq!(place.first_of(&vnic)["id"], made["id"]);
        let mut details = place.region.details("two");
        details["createVnicDetails"]["privateIpId"] = made["id"].clone();
        assert_eq!(place.region.launch(&details).unwrap_err().status, 409);
        place.end(&instance);
        assert_eq!(place.get(Operation::GetPrivateIp, &made["id"])["ipState"], "AVAILABLE");
    }
    place.delete(Operation::DeletePrivateIp, &made["id"]).unwrap();
    place.checked();
}

#[test]
fn a_secondary_address_moves_within_its_subnet() {
    let mut place = Place::new();
    let (_, one) = place.instance(1, &json!({}));
    let (_, two) = place.instance(1, &json!({}));
    let private_subnet = place.region.defaults.private_subnet.clone();
    let (_, far) = place.instance(1, &json!({"subnetId": private_subnet}));
    let made = place.send(Operation::CreatePrivateIp, &json!({"vnicId": one})).unwrap();
    let public = place.reserve(Some(&made["id"])).unwrap();
    let to = |vnic: &Value| json!({"vnicId": vnic});
    let moved = place.about(Operation::UpdatePrivateIp, &made["id"], &to(&two)).unwrap();
    assert_eq!(moved["vnicId"], two);
    assert_eq!(place.get(Operation::GetPublicIp, &public["id"])["privateIpId"], made["id"]);
    assert_eq!(refusal(place.about(Operation::UpdatePrivateIp, &made["id"], &to(&far))).0, 400);
    assert_eq!(refusal(place.about(Operation::UpdatePrivateIp, &made["id"], &json!({"vnicId": ""}))).0, 400);
    let first = place.first_of(&one);
    assert_eq!(refusal(place.about(Operation::UpdatePrivateIp, &first["id"], &to(&two))).0, 400);
    // A reserved one may belong to no VNIC, and then has no public address.
    let free = json!({"vnicId": "", "lifetime": "RESERVED"});
    place.about(Operation::UpdatePrivateIp, &made["id"], &free).unwrap();
    assert_eq!(place.get(Operation::GetPublicIp, &public["id"]).get("privateIpId"), None);
    place.checked();
}

#[test]
fn ipv6_addresses_need_a_subnet_with_a_block() {
    let mut place = Place::new();
    let (_, old) = place.instance(1, &json!({}));
    assert_eq!(refusal(place.send(Operation::CreateIpv6, &json!({"vnicId": old}))).0, 400);
    let compartment = place.region.defaults.compartment.clone();
    let vcn = json!({"compartmentId": compartment, "cidrBlocks": ["10.8.0.0/16"], "isIpv6Enabled": true});
    let vcn = place.send(Operation::CreateVcn, &vcn).unwrap();
    let block = vcn["ipv6CidrBlocks"][0].as_str().unwrap().replace("/56", "/64");
    let subnet = |block: &str, at: u8| {
        json!({
            "compartmentId": compartment, "vcnId": vcn["id"], "cidrBlock": format!("10.8.{at}.0/24"),
            "ipv6CidrBlock": block,
        })
    };
    let made = place.send(Operation::CreateSubnet, &subnet(&block, 0)).unwrap();
    for wrong in [block.as_str(), "fd00::/64", "2603:c020::/56", "10.0.0.0/24", "x"] {
        assert_eq!(refusal(place.send(Operation::CreateSubnet, &subnet(wrong, 1))).0, 400, "{wrong}");
    }
    place.region.advance(2.0);
    let (instance, vnic) = place.instance(1, &json!({"subnetId": made["id"], "assignIpv6Ip": true}));
    let shown = place.get(Operation::GetVnic, &vnic)["ipv6Addresses"][0].clone();
    let own = place.listed(Operation::ListIpv6s, "vnicId", &vnic);
    assert_eq!((own.len(), &own[0]["ipAddress"]), (1, &shown));
    let wanted = block.replace("/64", "abcd");
    let second = json!({"vnicId": vnic, "ipAddress": wanted});
    assert_eq!(place.send(Operation::CreateIpv6, &second).unwrap()["ipAddress"], json!(wanted));
    assert_eq!(refusal(place.send(Operation::CreateIpv6, &second)).0, 400);
    let kept = json!({"vnicId": vnic, "lifetime": "RESERVED"});
    let kept = place.send(Operation::CreateIpv6, &kept).unwrap();
    place.end(&instance);
    assert_eq!(place.get(Operation::GetIpv6, &kept["id"])["ipState"], "AVAILABLE");
    assert_eq!(refusal(place.delete(Operation::DeleteSubnet, &made["id"])).0, 409);
    place.delete(Operation::DeleteIpv6, &kept["id"]).unwrap();
    place.delete(Operation::DeleteSubnet, &made["id"]).unwrap();
    place.checked();
}

#[test]
fn a_subnet_with_an_address_in_use_is_not_deleted() {
    let mut place = Place::new();
    let subnet = json!(place.region.defaults.private_subnet);
    let reserved = json!({"subnetId": subnet, "lifetime": "RESERVED"});
    let made = place.send(Operation::CreatePrivateIp, &reserved).unwrap();
    let (status, text) = refusal(place.delete(Operation::DeleteSubnet, &subnet));
    assert!(status == 409 && text.contains("PrivateIp"), "{status} {text}");
    place.delete(Operation::DeletePrivateIp, &made["id"]).unwrap();
    place.delete(Operation::DeleteSubnet, &subnet).unwrap();
}

#[test]
fn an_instance_frees_its_vnics_and_addresses() {
    let mut place = Place::new();
    let free = |place: &mut Place| {
        let subnet = json!(place.region.defaults.public_subnet);
        place.listed(Operation::ListPrivateIps, "subnetId", &subnet).len()
    };
    let (instance, vnic) = place.instance(4, &json!({}));
    let attached = place.attach(&instance, &json!({})).unwrap();
    place.region.advance(2.0);
    let card = place.get(Operation::GetVnicAttachment, &attached["id"])["vnicId"].clone();
    for on in [&vnic, &card] {
        place.send(Operation::CreatePrivateIp, &json!({"vnicId": on})).unwrap();
    }
    let reserved = place.reserve(None).unwrap();
    let private = place.listed(Operation::ListPrivateIps, "vnicId", &card)[1].clone();
    let to = json!({"privateIpId": private["id"]});
    place.about(Operation::UpdatePublicIp, &reserved["id"], &to).unwrap();
    assert_eq!(free(&mut place), 4);
    place.end(&instance);
    assert_eq!(free(&mut place), 0);
    assert_eq!(place.get(Operation::GetPublicIp, &reserved["id"])["lifecycleState"], "AVAILABLE");
}

#[test]
fn reserved_public_addresses_have_a_limit_and_survive_saving() {
    let mut place = Place::new();
    let made: Vec<Value> = (0..50).map(|_| place.reserve(None).unwrap()).collect();
    let (status, text) = refusal(place.reserve(None));
    assert!(status == 400 && text.contains("reserved-public-ip-count"), "{status} {text}");
    let saved = serde_json::to_string(&place.region.world.snapshot()).unwrap();
    place.region.world = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
    let compartment = place.region.defaults.compartment.clone();
    let request = place.region.request(Operation::ListPublicIps);
    let request = request.query("compartmentId", compartment).query("scope", "REGION").query("limit", "20");
    let listed = place.region.pages(&request);
    let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].clone()).collect::<Vec<Value>>();
    assert_eq!(ids(&listed), ids(&made));
}
