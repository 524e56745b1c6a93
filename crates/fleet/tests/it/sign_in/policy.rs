//! What a principal may do: dynamic groups and policies of the simulated region, and a policy that is lost in the middle of a run.

use super::site::Site;
use ledger::{ErrorClass, Outcome};
use oci_client::credentials::{AuthMethod, Signer};
use oci_simulator::iam::{DynamicGroup, Policies};
use oci_simulator::server::PublicKey;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What `policy` prints for a plain fleet.
const NEEDED: [&str; 5] = [
    "manage instances in compartment compute",
    "read instance-images in compartment compute",
    "use subnets in compartment compute",
    "use vnics in compartment compute",
    "inspect compartments in tenancy",
];

/// Policies that allow the members of a rule this.
fn allow(rule: &str, what: &[&str]) -> Policies {
    Policies {
        dynamic_groups: vec![DynamicGroup { name: "hunters".to_owned(), matching_rule: rule.to_owned() }],
        statements: what.iter().map(|what| format!("Allow dynamic-group hunters to {what}")).collect(),
        ..Policies::default()
    }
}

/// The rule for instances of the compartment of the simulated instance.
fn own_compartment(site: &Site) -> String {
    format!("instance.compartment.id = '{}'", site.world.defaults.compartment)
}

#[tokio::test(start_paused = true)]
async fn an_instance_launches_as_far_as_its_group_may() {
    let site = Site::new("{}");
    let signer = site.instance().await;
    let rule = own_compartment(&site);
    site.world.region.set_policies(Some(&allow("instance.id = 'ocid1.instance.oc1..x'", &NEEDED))).unwrap();
    let refused = site.launch(&signer, 1).await;
    assert_eq!((refused.outcome, refused.launched), (Some(Outcome::Nothing), 0));
    site.world.region.set_policies(Some(&allow(&rule, &NEEDED))).unwrap();
    let launched = site.launch(&signer, 2).await;
    assert_eq!((launched.outcome, launched.running), (Some(Outcome::Complete), 2));
}

#[tokio::test(start_paused = true)]
async fn a_policy_lost_in_mid_run_loses_no_instance() {
    // Only three launches are admitted until the policy is gone.
    let nth: Vec<String> = (4..=999).map(|nth| nth.to_string()).collect();
    let throttled = "{answer: {status: 429, code: TooManyRequests, message: busy}}";
    let site = Site::new(&format!(
        "faults: [{{operations: [LaunchInstance], nth: [{}], fault: {throttled}}}]\n\
         world: {{boot_seconds: {{min: 600, max: 600}}}}",
        nth.join(", ")
    ));
    let rule = own_compartment(&site);
    let region = &site.world.region;
    region.set_policies(Some(&allow(&rule, &NEEDED))).unwrap();
    let signer = site.instance().await;
    let lose = async {
        while region.world().instances().count() < 3 {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        region.set_policies(Some(&allow(&rule, &[]))).unwrap();
        region.replace_faults(&[]);
    };
    let (summary, ()) = tokio::join!(site.launch(&signer, 8), lose);
    assert_eq!((summary.launched, summary.running), (3, 0), "{summary:#?}");
    let of = |class: ErrorClass| {
        let has = |error: &ledger::ErrorRecord| error.class == class;
        summary.instances.iter().filter(|row| row.error.as_deref().is_some_and(has)).count()
    };
    assert_eq!((of(ErrorClass::Hidden), of(ErrorClass::NotFound)), (3, 5), "each slot has its reason");

    region.set_policies(Some(&allow(&rule, &NEEDED))).unwrap();
    let resumed = site.resume(&signer, summary.run_id).await;
    assert_eq!((resumed.outcome, resumed.running), (Some(Outcome::Complete), 8));
    let names: BTreeSet<String> = region.world().instances().map(|instance| instance.name).collect();
    assert_eq!((names.len(), region.world().instances().count()), (8, 8), "none is lost or doubled");
}

#[tokio::test(start_paused = true)]
async fn a_function_is_in_the_group_of_its_type() {
    let mut site = Site::new("{}");
    let key = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem");
    let public = PublicKey::from_pem(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let (token, _) = site.world.region.resource_token("fnfunc", None, public).unwrap();
    let rpst = site.path("rpst");
    std::fs::write(&rpst, token).unwrap();
    for (name, value) in [
        ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"),
        ("OCI_RESOURCE_PRINCIPAL_REGION", "us-phoenix-1"),
        ("OCI_RESOURCE_PRINCIPAL_RPST", rpst.to_str().unwrap()),
        ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", key.to_str().unwrap()),
    ] {
        site.variables.insert(name, value.to_owned());
    }
    let signer = site.login(AuthMethod::ResourcePrincipal).await.unwrap().signer;
    both_ways(&site, &signer, "resource.type = 'fnfunc'", "resource.type = 'instance'").await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_known_by_its_service_account() {
    let mut site = Site::new("{}");
    let account = site.path("account");
    // The payload is {"sub":"system:serviceaccount:hpc:hunter"}.
    std::fs::write(&account, "e30.eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6aHBjOmh1bnRlciJ9.c2ln\n").unwrap();
    for (name, value) in [
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("OCI_RESOURCE_PRINCIPAL_REGION", "us-phoenix-1"),
        ("OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH", account.to_str().unwrap()),
    ] {
        site.variables.insert(name, value.to_owned());
    }
    let signer = site.login(AuthMethod::OkeWorkloadIdentity).await.unwrap().signer;
    let (client, _) = site.client(&signer);
    for (namespace, allowed) in [("hpc", true), ("web", false)] {
        let statement = format!(
            "Allow any-user to inspect compartments in tenancy where all {{request.principal.type = 'workload', \
             request.principal.namespace = '{namespace}', request.principal.service_account = 'hunter'}}"
        );
        let policies = Policies { statements: vec![statement], ..Policies::default() };
        site.world.region.set_policies(Some(&policies)).unwrap();
        assert_eq!(site.ask(&client).await.is_ok(), allowed, "{namespace}");
    }
}

/// A request is allowed under the first rule and refused under the second.
async fn both_ways(site: &Site, signer: &Arc<dyn Signer>, good: &str, bad: &str) {
    let (client, _) = site.client(signer);
    for (rule, allowed) in [(good, true), (bad, false)] {
        let policies = allow(rule, &["inspect compartments in tenancy"]);
        site.world.region.set_policies(Some(&policies)).unwrap();
        let answered = site.ask(&client).await;
        assert_eq!(answered.is_ok(), allowed, "{rule}: {answered:?}");
        assert!(answered.err().is_none_or(|error| error.contains("404 NotAuthorizedOrNotFound")));
    }
}
