//! Cloud Shell, functions and pods.

use super::site::Site;
use ledger::Outcome;
use oci_client::credentials::AuthMethod;
use oci_simulator::server::PublicKey;
use std::time::Duration;

fn key_text() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem");
    std::fs::read_to_string(path).unwrap()
}

/// A token of the region's user, for the test key.
fn token(site: &Site) -> String {
    site.world.region.log_in(&site.world.caller(), PublicKey::from_pem(&key_text()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn cloud_shell_acts_for_its_user() {
    // The instance itself may do nothing.
    let mut site = Site::new("sign_in: {policy_for_seconds: 0}");
    let file = site.path("delegation_token");
    std::fs::write(&file, format!("{}\n", token(&site))).unwrap();
    let config = site.path("config");
    let text = format!(
        "[DEFAULT]\nauthentication_type=instance_principal\ndelegation_token_file={}\nregion=us-phoenix-1\ntenancy={}\n",
        file.display(),
        site.world.defaults.tenancy
    );
    std::fs::write(&config, text).unwrap();
    site.variables.insert("OCI_CLI_CONFIG_FILE", config.display().to_string());
    site.variables.insert("OCI_CLI_AUTH", "instance_obo_user".to_owned());
    let login = site.login(AuthMethod::Auto).await.unwrap();
    let summary = site.launch(&login.signer, 1).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
    let (client, _) = site.client(&site.instance().await);
    let error = site.ask(&client).await.unwrap_err();
    assert!(error.contains("NotAuthorizedOrNotFound"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_function_takes_up_the_files_that_its_platform_replaces() {
    let mut site = Site::new("sign_in: {session_token_life_seconds: 600}");
    let (rpst, pem) = (site.path("rpst"), site.path("private.pem"));
    std::fs::write(&rpst, token(&site)).unwrap();
    std::fs::write(&pem, key_text()).unwrap();
    for (name, value) in [
        ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2"),
        ("OCI_RESOURCE_PRINCIPAL_REGION", "us-phoenix-1"),
        ("OCI_RESOURCE_PRINCIPAL_RPST", rpst.to_str().unwrap()),
        ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", pem.to_str().unwrap()),
    ] {
        site.variables.insert(name, value.to_owned());
    }
    let login = site.login(AuthMethod::Auto).await.unwrap();
    assert_eq!(login.tenancy, site.world.defaults.tenancy);
    let (client, requests) = site.client(&login.signer);
    for minute in 0..60 {
        if minute % 5 == 4 {
            std::fs::write(&rpst, token(&site)).unwrap();
        }
        site.ask(&client).await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(super::site::failed(&requests), 0);
    assert!(login.signer.renewals() >= 10, "{}", login.signer.renewals());
}

#[tokio::test(start_paused = true)]
async fn a_pod_signs_in_with_its_service_account() {
    let mut site = Site::new("sign_in: {}");
    let account = site.path("account");
    std::fs::write(&account, "e30.e30.c2ln\n").unwrap();
    for (name, value) in [
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("OCI_RESOURCE_PRINCIPAL_REGION", "us-phoenix-1"),
        ("OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH", account.to_str().unwrap()),
    ] {
        site.variables.insert(name, value.to_owned());
    }
    let login = site.login(AuthMethod::Auto).await.unwrap();
    let summary = site.launch(&login.signer, 1).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 1));
}

#[tokio::test(start_paused = true)]
async fn a_missing_variable_of_a_principal_is_named() {
    let mut site = Site::new("sign_in: {}");
    let told = async |site: &Site, method| site.login(method).await.unwrap_err().to_string();
    let error = told(&site, AuthMethod::ResourcePrincipal).await;
    assert!(error.contains("OCI_RESOURCE_PRINCIPAL_VERSION is not set"), "{error}");
    let error = told(&site, AuthMethod::OkeWorkloadIdentity).await;
    assert!(error.contains("KUBERNETES_SERVICE_HOST is not set"), "{error}");
    site.variables.insert("OCI_RESOURCE_PRINCIPAL_VERSION", "1.1".to_owned());
    let error = told(&site, AuthMethod::ResourcePrincipal).await;
    assert!(error.contains("only version 2.2"), "{error}");
}
