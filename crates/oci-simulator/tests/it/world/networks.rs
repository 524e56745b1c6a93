//! Networks that somebody makes: what fits together, what is refused, and what a launch can do there.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, World};
use serde_json::{Value, json};

/// The parameter of a path that names a resource of this kind.
const NAMES: [(Operation, &str); 26] = [
    (Operation::GetVcn, "vcnId"),
    (Operation::DeleteVcn, "vcnId"),
    (Operation::UpdateVcn, "vcnId"),
    (Operation::AddVcnCidr, "vcnId"),
    (Operation::RemoveVcnCidr, "vcnId"),
    (Operation::GetSubnet, "subnetId"),
    (Operation::UpdateSubnet, "subnetId"),
    (Operation::DeleteSubnet, "subnetId"),
    (Operation::DeleteInternetGateway, "igId"),
    (Operation::DeleteServiceGateway, "serviceGatewayId"),
    (Operation::GetRouteTable, "rtId"),
    (Operation::UpdateRouteTable, "rtId"),
    (Operation::DeleteRouteTable, "rtId"),
    (Operation::GetSecurityList, "securityListId"),
    (Operation::DeleteSecurityList, "securityListId"),
    (Operation::DeleteDhcpOptions, "dhcpId"),
    (Operation::DeleteNetworkSecurityGroup, "networkSecurityGroupId"),
    (Operation::AddNetworkSecurityGroupSecurityRules, "networkSecurityGroupId"),
    (Operation::ListNetworkSecurityGroupSecurityRules, "networkSecurityGroupId"),
    (Operation::UpdateVnic, "vnicId"),
    (Operation::GetVolume, "volumeId"),
    (Operation::UpdateVolume, "volumeId"),
    (Operation::DeleteVolume, "volumeId"),
    (Operation::UpdateBootVolume, "bootVolumeId"),
    (Operation::GetVolumeAttachment, "volumeAttachmentId"),
    (Operation::DetachVolume, "volumeAttachmentId"),
];

/// A region in which networks are made.
pub struct Ground {
    pub region: Region,
}

impl Ground {
    pub fn new() -> Self {
        Self { region: Region::roomy() }
    }

    /// Creates something in the compartment; `body` has what is special about it.
    pub fn make(&mut self, operation: Operation, mut body: Value) -> Result<Value, ApiError> {
        if operation != Operation::AttachVolume {
            body["compartmentId"] = self.region.defaults.compartment.clone().into();
        }
        let request = self.region.request(operation).body(body);
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    /// Sends a request about the resource with this OCID.
    pub fn about(&mut self, operation: Operation, id: &Value, body: Value) -> Result<Value, ApiError> {
        let (_, name) = NAMES.iter().find(|(known, _)| *known == operation).unwrap();
        let mut request = self.region.request(operation).path(name, id.as_str().unwrap());
        if !body.is_null() {
            request = request.body(body);
        }
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    fn vcn(&mut self, block: &str) -> Value {
        self.make(Operation::CreateVcn, json!({"cidrBlocks": [block], "dnsLabel": "own"})).unwrap()
    }

    fn subnet(&mut self, vcn: &Value, block: &str) -> Result<Value, ApiError> {
        self.make(Operation::CreateSubnet, json!({"vcnId": vcn["id"], "cidrBlock": block}))
    }

    fn gateway(&mut self, vcn: &Value) -> Result<Value, ApiError> {
        self.make(Operation::CreateInternetGateway, json!({"vcnId": vcn["id"], "isEnabled": true}))
    }

    fn launch(&mut self, subnet: &Value, vnic: Value) -> Result<Value, ApiError> {
        let mut details = self.region.details("one");
        details["createVnicDetails"] = vnic;
        details["createVnicDetails"]["subnetId"] = subnet["id"].clone();
        self.region.launch(&details).map(|answer| answer.json())
    }

    fn checked(&self) -> &World {
        self.region.world.check_invariants().unwrap();
        &self.region.world
    }
}

/// Status, code and text of a refusal.
fn refusal(result: Result<Value, ApiError>) -> (u16, &'static str, String) {
    let error = result.unwrap_err();
    (error.status, error.code, error.message)
}

#[test]
fn a_network_has_its_default_parts_and_states() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    assert_eq!(vcn["lifecycleState"], "PROVISIONING");
    assert_eq!(vcn["vcnDomainName"], "own.oraclevcn.com");
    ground.region.advance(2.0);
    let shown = ground.about(Operation::GetVcn, &vcn["id"], Value::Null).unwrap();
    assert_eq!((&shown["lifecycleState"], &shown["cidrBlock"]), (&json!("AVAILABLE"), &json!("10.9.0.0/16")));
    let table = ground.about(Operation::GetRouteTable, &vcn["defaultRouteTableId"], Value::Null).unwrap();
    assert_eq!(table["routeRules"], json!([]));
    let list = ground.about(Operation::GetSecurityList, &vcn["defaultSecurityListId"], Value::Null).unwrap();
    assert_eq!(list["ingressSecurityRules"].as_array().unwrap().len(), 3);
    assert_eq!(list["ingressSecurityRules"][0]["tcpOptions"]["destinationPortRange"]["min"], 22);
    let subnet = ground.subnet(&vcn, "10.9.1.0/24").unwrap();
    assert_eq!(subnet["routeTableId"], vcn["defaultRouteTableId"]);
    assert_eq!(subnet["securityListIds"], json!([vcn["defaultSecurityListId"]]));
    assert_eq!(subnet["virtualRouterIp"], "10.9.1.1");
    assert_eq!((&subnet["dnsLabel"], &subnet["prohibitPublicIpOnVnic"]), (&Value::Null, &json!(false)));
}

#[test]
fn blocks_of_networks_and_subnets_fit_together() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    ground.subnet(&vcn, "10.9.0.0/24").unwrap();
    for (block, why) in [
        ("10.9.0.128/25", "it overlaps 10.9.0.0/24"),
        ("10.9.0.0/23", "it overlaps 10.9.0.0/24"),
        ("10.10.0.0/24", "it is not within the VCN's CIDR 10.9.0.0/16"),
        ("10.9.1.7/24", "CIDR IP 10.9.1.7 does not match network IP 10.9.1.0"),
        ("10.9.1.0/31", "its size must be /16 to /30"),
        ("everything", "it is no IPv4 block such as 10.0.0.0/16"),
    ] {
        let text = format!("The requested CIDR {block} is invalid: {why}.");
        assert_eq!(refusal(ground.subnet(&vcn, block)), (400, "InvalidParameter", text));
    }
    let more = json!({"cidrBlock": "10.10.0.0/16"});
    ground.about(Operation::AddVcnCidr, &vcn["id"], more.clone()).unwrap();
    let subnet = ground.subnet(&vcn, "10.10.0.0/24").unwrap();
    let (status, code, _) = refusal(ground.about(Operation::RemoveVcnCidr, &vcn["id"], more.clone()));
    assert_eq!((status, code), (409, "Conflict"));
    ground.about(Operation::DeleteSubnet, &subnet["id"], Value::Null).unwrap();
    ground.about(Operation::RemoveVcnCidr, &vcn["id"], more).unwrap();
    let last = ground.about(Operation::RemoveVcnCidr, &vcn["id"], json!({"cidrBlock": "10.9.0.0/16"}));
    assert_eq!(refusal(last).0, 400);
}

#[test]
fn another_network_may_have_the_same_blocks() {
    let mut ground = Ground::new();
    let (one, two) = (ground.vcn("10.9.0.0/16"), ground.vcn("10.9.0.0/16"));
    ground.subnet(&one, "10.9.0.0/24").unwrap();
    ground.subnet(&two, "10.9.0.0/24").unwrap();
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    let subnet = ground.subnet(&vcn, "10.9.0.0/24").unwrap();
    let gateway = ground.gateway(&vcn).unwrap();
    let rules = json!([{"destination": "0.0.0.0/0", "networkEntityId": gateway["id"]}]);
    let table =
        ground.make(Operation::CreateRouteTable, json!({"vcnId": vcn["id"], "routeRules": rules})).unwrap();
    let of_subnet = json!({"routeTableId": table["id"]});
    ground.about(Operation::UpdateSubnet, &subnet["id"], of_subnet).unwrap();
    let group = ground.make(Operation::CreateNetworkSecurityGroup, json!({"vcnId": vcn["id"]})).unwrap();
    let instance = ground.launch(&subnet, json!({"nsgIds": [group["id"]]})).unwrap();
    ground.region.advance(300.0);

    let conflict = |what: &str, by: &str| {
        format!(
            "The {what} references the {by}. You must remove the reference to proceed with this operation."
        )
    };
    let vnics = ground.region.list(Operation::ListVnicAttachments);
    let vnic = vnics[0]["vnicId"].as_str().unwrap();
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let delete =
        |ground: &mut Ground, operation, value: &Value| ground.about(operation, &value["id"], Value::Null);
    assert_eq!(
        refusal(delete(&mut ground, Operation::DeleteSubnet, &subnet)),
        (409, "Conflict", conflict(&format!("Subnet {}", id(&subnet)), &format!("VNIC {vnic}")))
    );
    assert_eq!(
        refusal(delete(&mut ground, Operation::DeleteVcn, &vcn)),
        (409, "Conflict", conflict(&format!("Vcn {}", id(&vcn)), &format!("Subnet {}", id(&subnet))))
    );
    assert_eq!(
        refusal(delete(&mut ground, Operation::DeleteInternetGateway, &gateway)),
        (
            409,
            "Conflict",
            conflict(&format!("InternetGateway {}", id(&gateway)), &format!("RouteTable {}", id(&table)))
        )
    );
    assert_eq!(
        refusal(delete(&mut ground, Operation::DeleteRouteTable, &table)),
        (409, "IncorrectState", format!("{} is associated with Subnet that is in use", id(&table)))
    );
    assert_eq!(refusal(delete(&mut ground, Operation::DeleteNetworkSecurityGroup, &group)).1, "Conflict");

    ground.region.terminate(instance["id"].as_str().unwrap());
    ground.region.advance(300.0);
    delete(&mut ground, Operation::DeleteSubnet, &subnet).unwrap();
    assert_eq!(
        refusal(delete(&mut ground, Operation::DeleteVcn, &vcn)),
        (409, "IncorrectState", format!("{} is associated with Gateway that is in use", id(&vcn)))
    );
    delete(&mut ground, Operation::DeleteRouteTable, &table).unwrap();
    delete(&mut ground, Operation::DeleteInternetGateway, &gateway).unwrap();
    assert_eq!(refusal(delete(&mut ground, Operation::DeleteVcn, &vcn)).1, "IncorrectState");
    delete(&mut ground, Operation::DeleteNetworkSecurityGroup, &group).unwrap();
    delete(&mut ground, Operation::DeleteVcn, &vcn).unwrap();
    let shown = ground.about(Operation::GetVcn, &vcn["id"], Value::Null).unwrap();
    assert_eq!(shown["lifecycleState"], "TERMINATING");
    ground.region.advance(2.0);
    assert_eq!(refusal(ground.about(Operation::GetVcn, &vcn["id"], Value::Null)).0, 404);
    let default = ground.about(Operation::GetRouteTable, &vcn["defaultRouteTableId"], Value::Null);
    assert_eq!(refusal(default).0, 404, "defaults end with their network");
    ground.checked();
}

#[test]
fn default_parts_are_changed_but_not_deleted() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    let gateway = ground.gateway(&vcn).unwrap();
    let rules = json!({"routeRules": [{"cidrBlock": "0.0.0.0/0", "networkEntityId": gateway["id"]}]});
    let table = ground.about(Operation::UpdateRouteTable, &vcn["defaultRouteTableId"], rules).unwrap();
    let rule = &table["routeRules"][0];
    assert_eq!((&rule["destination"], &rule["destinationType"]), (&json!("0.0.0.0/0"), &json!("CIDR_BLOCK")));
    for (operation, name) in [
        (Operation::DeleteRouteTable, "defaultRouteTableId"),
        (Operation::DeleteSecurityList, "defaultSecurityListId"),
        (Operation::DeleteDhcpOptions, "defaultDhcpOptionsId"),
    ] {
        assert_eq!(refusal(ground.about(operation, &vcn[name], Value::Null)).1, "IncorrectState");
    }
}

#[test]
fn parts_of_another_network_are_refused() {
    let mut ground = Ground::new();
    let (one, two) = (ground.vcn("10.9.0.0/16"), ground.vcn("10.8.0.0/16"));
    let gateway = ground.gateway(&one).unwrap();
    let rules = json!([{"destination": "0.0.0.0/0", "networkEntityId": gateway["id"]}]);
    let table = ground.make(Operation::CreateRouteTable, json!({"vcnId": two["id"], "routeRules": rules}));
    assert!(refusal(table).2.contains("does not belong to VCN"));
    let subnet =
        json!({"vcnId": two["id"], "cidrBlock": "10.8.0.0/24", "routeTableId": one["defaultRouteTableId"]});
    assert!(refusal(ground.make(Operation::CreateSubnet, subnet)).2.contains("does not belong to VCN"));
    let group = ground.make(Operation::CreateNetworkSecurityGroup, json!({"vcnId": one["id"]})).unwrap();
    let subnet = ground.subnet(&two, "10.8.0.0/24").unwrap();
    let launch = ground.launch(&subnet, json!({"nsgIds": [group["id"]]}));
    assert!(refusal(launch).2.contains("does not belong to the VCN of the subnet"));
}

#[test]
fn a_network_has_one_gateway_of_each_kind() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    ground.gateway(&vcn).unwrap();
    let (_, code, text) = refusal(ground.gateway(&vcn));
    assert_eq!(code, "InvalidParameter");
    let vcn = vcn["id"].as_str().unwrap();
    assert_eq!(
        text,
        format!("The maximum limit of 1 for Internet gateway per VCN has been exceeded in VCN {vcn}")
    );
}

#[test]
fn a_service_gateway_takes_routes_to_its_services_only() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    let services = ground.region.request(Operation::ListVirtualNetworkServices);
    let services = ground.region.pages(&services);
    assert_eq!(services[0]["cidrBlock"], "all-phx-services-in-oracle-services-network");
    let body = json!({"vcnId": vcn["id"], "services": [{"serviceId": services[1]["id"]}]});
    let gateway = ground.make(Operation::CreateServiceGateway, body).unwrap();
    assert_eq!(gateway["services"][0]["serviceName"], "OCI PHX Object Storage");
    let mut route = |destination: &str, kind: &str| {
        let rules =
            json!([{"destination": destination, "destinationType": kind, "networkEntityId": gateway["id"]}]);
        ground.make(Operation::CreateRouteTable, json!({"vcnId": vcn["id"], "routeRules": rules}))
    };
    route("oci-phx-objectstorage", "SERVICE_CIDR_BLOCK").unwrap();
    assert!(
        refusal(route("all-phx-services-in-oracle-services-network", "SERVICE_CIDR_BLOCK"))
            .2
            .contains("not a service")
    );
    assert!(refusal(route("0.0.0.0/0", "CIDR_BLOCK")).2.contains("SERVICE_CIDR_BLOCK"));
}

#[test]
fn rules_of_groups_are_checked_and_lose_validity() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    let mut group =
        || ground.make(Operation::CreateNetworkSecurityGroup, json!({"vcnId": vcn["id"]})).unwrap();
    let (one, two) = (group(), group());
    let mut add = |rules: Value| {
        let body = json!({"securityRules": rules});
        ground.about(Operation::AddNetworkSecurityGroupSecurityRules, &one["id"], body)
    };
    for (rule, why) in [
        (json!({"direction": "INGRESS", "protocol": "6"}), "securityRules.source is required"),
        (
            json!({"direction": "INGRESS", "protocol": "tcp", "source": "0.0.0.0/0"}),
            "'all' or a protocol number",
        ),
        (
            json!({"direction": "EGRESS", "protocol": "6", "source": "0.0.0.0/0"}),
            "not allowed for direction EGRESS",
        ),
        (
            json!({"direction": "INGRESS", "protocol": "6", "source": "10.0.0.1/8"}),
            "does not match network IP",
        ),
        (
            json!({"direction": "INGRESS", "protocol": "17", "source": "0.0.0.0/0", "tcpOptions": {}}),
            "tcpOptions is not allowed with protocol 17",
        ),
    ] {
        assert!(refusal(add(json!([rule]))).2.contains(why), "{why}");
    }
    let peer = json!({"direction": "INGRESS", "protocol": "all", "source": two["id"], "sourceType": "NETWORK_SECURITY_GROUP"});
    let added = add(json!([peer])).unwrap();
    assert_eq!(added["securityRules"][0]["isValid"], true);
    let many = json!({"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"});
    let (_, code, text) = refusal(add(json!(vec![many; 120])));
    assert_eq!(
        (code, &*text),
        ("InvalidParameter", "Total security rules count 121 cannot be greater than 120.")
    );
    ground.about(Operation::DeleteNetworkSecurityGroup, &two["id"], Value::Null).unwrap();
    let rules =
        ground.about(Operation::ListNetworkSecurityGroupSecurityRules, &one["id"], Value::Null).unwrap();
    assert_eq!(rules[0]["isValid"], false, "the group that it names is gone");
}

#[test]
fn a_launch_has_what_its_network_allows() {
    let mut ground = Ground::new();
    let vcn = ground.make(Operation::CreateVcn, json!({"cidrBlock": "10.9.0.0/16"})).unwrap();
    let domains = ground.region.defaults.availability_domains.clone();
    let body = json!({"vcnId": vcn["id"], "cidrBlock": "10.9.0.0/29", "availabilityDomain": domains[1], "prohibitPublicIpOnVnic": true});
    let elsewhere = ground.make(Operation::CreateSubnet, body).unwrap();
    assert!(refusal(ground.launch(&elsewhere, json!({}))).2.contains("another availability domain"));
    let plain = ground.subnet(&vcn, "10.9.1.0/29").unwrap();
    let named = ground.launch(&plain, json!({"hostnameLabel": "web"}));
    assert!(refusal(named).2.contains("has no dnsLabel"), "a network without a domain");
    let label = json!({"vcnId": vcn["id"], "cidrBlock": "10.9.2.0/24", "dnsLabel": "app"});
    assert!(refusal(ground.make(Operation::CreateSubnet, label)).2.contains("the VCN has no dnsLabel"));
    for _ in 0..5 {
        ground.launch(&plain, json!({})).unwrap();
    }
    assert!(refusal(ground.launch(&plain, json!({}))).2.contains("enough free IP addresses"));
    ground.region.advance(300.0);
    let smaller = json!({"cidrBlock": "10.9.1.0/30"});
    assert_eq!(refusal(ground.about(Operation::UpdateSubnet, &plain["id"], smaller)).0, 400);
    ground.about(Operation::UpdateSubnet, &plain["id"], json!({"cidrBlock": "10.9.1.0/28"})).unwrap();
    ground.launch(&plain, json!({})).unwrap();
    ground.checked();
}

#[test]
fn a_vnic_is_updated_with_groups_of_its_network() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    let body = json!({"vcnId": vcn["id"], "cidrBlock": "10.9.0.0/24", "dnsLabel": "app"});
    let subnet = ground.make(Operation::CreateSubnet, body).unwrap();
    ground.launch(&subnet, json!({"hostnameLabel": "one"})).unwrap();
    ground.region.advance(300.0);
    let group = ground.make(Operation::CreateNetworkSecurityGroup, json!({"vcnId": vcn["id"]})).unwrap();
    let vnic = ground.region.list(Operation::ListVnicAttachments)[0]["vnicId"].clone();
    let change = json!({"nsgIds": [group["id"]], "hostnameLabel": "two", "displayName": "eth0", "skipSourceDestCheck": true});
    let shown = ground.about(Operation::UpdateVnic, &vnic, change).unwrap();
    assert_eq!((&shown["hostnameLabel"], &shown["nsgIds"][0]), (&json!("two"), &group["id"]));
    let plain = ground.about(Operation::UpdateVnic, &vnic, json!({"hostnameLabel": ""})).unwrap();
    assert_eq!((&plain["hostnameLabel"], &plain["displayName"]), (&Value::Null, &json!("eth0")));
    let six = vec![group["id"].clone(); 6];
    assert_eq!(refusal(ground.about(Operation::UpdateVnic, &vnic, json!({"nsgIds": six}))).0, 400);
}

#[test]
fn a_changed_network_survives_saving() {
    let mut ground = Ground::new();
    let vcn = ground.vcn("10.9.0.0/16");
    ground.subnet(&vcn, "10.9.0.0/24").unwrap();
    ground.gateway(&vcn).unwrap();
    let own = ground.region.defaults.vcn.clone();
    ground.about(Operation::UpdateVcn, &own.into(), json!({"freeformTags": {"team": "a"}})).unwrap();
    let saved = serde_json::to_string(&ground.region.world.snapshot()).unwrap();
    let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
    assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
}

#[test]
fn a_repeated_request_makes_one_network() {
    let mut ground = Ground::new();
    let body = json!({"cidrBlock": "10.9.0.0/16", "compartmentId": ground.region.defaults.compartment});
    let request = ground.region.request(Operation::CreateVcn).body(body).retry_token("once");
    let one = ground.region.world.handle(&request).unwrap().json();
    ground.region.advance(5.0);
    let two = ground.region.world.handle(&request).unwrap().json();
    assert_eq!((&one["id"], &two["lifecycleState"]), (&two["id"], &json!("AVAILABLE")));
    ground.about(Operation::DeleteVcn, &one["id"], Value::Null).unwrap();
    ground.region.advance(5.0);
    assert_eq!(ground.region.world.handle(&request).unwrap_err().code, "InvalidatedRetryToken");
}
