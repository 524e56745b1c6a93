//! Creations of networks, volumes and identity whose answer is lost, or that never arrive: sent again with the same token, each is
//! made exactly once.

use super::in_process::get;
use super::support::{COMPARTMENT, open_region};
use bytes::Bytes;
use http::Request;
use oci_simulator::scenario::{FaultRule, Scenario};
use oci_simulator::server::Region;
use serde_json::{Value, json};
use std::time::Duration;

/// Faults after which the resource is there.
const AFTER: [&str; 3] =
    ["reset_after", "{answer: {status: 504, body: html, after_effect: true}}", "{truncate: {bytes: 5}}"];
/// Faults after which it is not.
const BEFORE: [&str; 5] = [
    "reset_before",
    "hang",
    "{answer: {status: 429}}",
    "{answer: {status: 503, body: empty}}",
    "{answer: {status: 500}}",
];

/// A kind of resource: its operation, its path, and what its body has besides the compartment and the name. `{vcn}`, `{volume}` and
/// so on stand for OCIDs of resources that exist.
type Creation = (&'static str, &'static str, Value);

fn creations() -> Vec<Creation> {
    let policy = "Allow any-user to inspect instances in tenancy";
    let server = json!({"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"});
    vec![
        ("CreateVcn", "vcns", json!({"cidrBlocks": ["10.9.0.0/16"]})),
        ("CreateSubnet", "subnets", json!({"vcnId": "{vcn}", "cidrBlock": "10.9.1.0/24"})),
        ("CreateInternetGateway", "internetGateways", json!({"vcnId": "{vcn}", "isEnabled": true})),
        ("CreateNatGateway", "natGateways", json!({"vcnId": "{vcn}"})),
        ("CreateServiceGateway", "serviceGateways", json!({"vcnId": "{vcn}", "services": []})),
        ("CreateRouteTable", "routeTables", json!({"vcnId": "{vcn}", "routeRules": []})),
        (
            "CreateSecurityList",
            "securityLists",
            json!({"vcnId": "{vcn}", "ingressSecurityRules": [], "egressSecurityRules": []}),
        ),
        ("CreateDhcpOptions", "dhcps", json!({"vcnId": "{vcn}", "options": [server]})),
        ("CreateNetworkSecurityGroup", "networkSecurityGroups", json!({"vcnId": "{vcn}"})),
        ("CreatePublicIp", "publicIps", json!({"lifetime": "RESERVED"})),
        ("CreateVolume", "volumes", json!({"availabilityDomain": "{domain}", "sizeInGBs": 50})),
        ("CreateVolumeBackup", "volumeBackups", json!({"volumeId": "{volume}"})),
        (
            "CreateVolumeGroup",
            "volumeGroups",
            json!({"availabilityDomain": "{domain}", "sourceDetails": {"type": "volumeIds", "volumeIds": []}}),
        ),
        ("CreateCompartment", "compartments", json!({"description": "d"})),
        ("CreateUser", "users", json!({"description": "d"})),
        ("CreateGroup", "groups", json!({"description": "d"})),
        (
            "CreateDynamicGroup",
            "dynamicGroups",
            json!({"description": "d", "matchingRule": "instance.id = 'x'"}),
        ),
        ("CreatePolicy", "policies", json!({"description": "d", "statements": [policy]})),
        ("CreateTagNamespace", "tagNamespaces", json!({"description": "d"})),
    ]
}

struct Ground {
    region: Region,
    /// The number of creations so far, for names and tokens.
    made: u32,
}

impl Ground {
    async fn post(&self, path: &str, token: &str, body: &Value) -> Option<Value> {
        let request = Request::post(format!("/20160918/{path}"))
            .header("opc-retry-token", token)
            .body(Bytes::from(body.to_string()));
        let sent = self.region.exchange(request.unwrap());
        let answer = tokio::time::timeout(Duration::from_secs(30), sent).await.ok()?.ok()?;
        (answer.status() == 200).then(|| serde_json::from_slice(answer.body()).unwrap())
    }

    async fn made(&mut self, path: &str, body: Value) -> Value {
        self.made += 1;
        let token = format!("token-{}", self.made);
        self.post(path, &token, &body).await.unwrap_or_else(|| panic!("{path} refuses {body}"))
    }

    /// The body of a creation, with a name that nothing else has.
    async fn body(&mut self, identity: bool, text: &Value) -> (Value, String) {
        let mut text = text.to_string();
        if text.contains("{vcn}") {
            let vcn = json!({"compartmentId": COMPARTMENT, "cidrBlocks": ["10.9.0.0/16"]});
            text = text.replace("{vcn}", self.made("vcns", vcn).await["id"].as_str().unwrap());
        }
        let domains =
            get(&self.region, &format!("/20160918/availabilityDomains?compartmentId={COMPARTMENT}")).await;
        let domain = domains[0]["name"].as_str().unwrap();
        if text.contains("{volume}") {
            let volume = json!({"compartmentId": COMPARTMENT, "availabilityDomain": domain, "sizeInGBs": 50});
            text = text.replace("{volume}", self.made("volumes", volume).await["id"].as_str().unwrap());
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        self.made += 1;
        let name = format!("name-{}", self.made);
        let mut body: Value = serde_json::from_str(&text.replace("{domain}", domain)).unwrap();
        body["compartmentId"] = place(identity).into();
        body[if identity { "name" } else { "displayName" }] = name.clone().into();
        (body, name)
    }

    async fn count(&self, path: &str, identity: bool, name: &str) -> usize {
        // There are more networks than a page has.
        let filter = match (path, identity) {
            ("publicIps", _) => "&scope=REGION&lifetime=RESERVED".to_owned(),
            (_, true) => String::new(),
            (_, false) => format!("&displayName={name}"),
        };
        let target = format!("/20160918/{path}?compartmentId={}&limit=100{filter}", place(identity));
        let rows = get(&self.region, &target).await;
        let field = if identity { "name" } else { "displayName" };
        rows.as_array().unwrap().iter().filter(|row| row[field] == name).count()
    }
}

/// The compartment of what is made: users, groups and so on are in the tenancy.
fn place(identity: bool) -> String {
    if identity { "ocid1.tenancy.oc1..rehearsal".to_owned() } else { COMPARTMENT.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn what_a_fault_hides_is_made_once_by_its_token() {
    let many = "world: {limits: {named: [{name: vcn-count, value: 1000}]}}";
    let mut ground = Ground { region: open_region(many), made: 0 };
    for (operation, path, text) in creations() {
        let identity = text["description"] == "d";
        let faults = AFTER.iter().map(|fault| (*fault, 1)).chain(BEFORE.iter().map(|fault| (*fault, 0)));
        for (fault, there) in faults {
            let (body, name) = ground.body(identity, &text).await;
            let yaml = format!("faults: [{{operations: [{operation}], times: 1, fault: {fault}}}]");
            let rules: Vec<FaultRule> = Scenario::from_yaml(&yaml, "fault").unwrap().faults;
            ground.region.replace_faults(&rules);
            let told = format!("{operation} with {fault}");
            assert_eq!(ground.post(path, &name, &body).await, None, "{told}");
            assert_eq!(ground.count(path, identity, &name).await, there, "{told}: after the fault");
            let made = ground.post(path, &name, &body).await.unwrap_or_else(|| panic!("{told}: again"));
            let again = ground.post(path, &name, &body).await.unwrap_or_else(|| panic!("{told}: twice"));
            assert_eq!(made["id"], again["id"], "{told}");
            assert_eq!(ground.count(path, identity, &name).await, 1, "{told}: after the retry");
        }
    }
}
