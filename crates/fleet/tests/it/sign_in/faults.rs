//! What the metadata service and the auth host may do wrong, and clocks.

use super::site::Site;
use oci_client::credentials::AuthMethod;
use std::time::Duration;

/// The error of signing in as an instance, and after how many seconds it came.
async fn refusal(yaml: &str) -> (String, i64) {
    let site = Site::new(yaml);
    let error = site.login(AuthMethod::InstancePrincipal).await.unwrap_err();
    (error.to_string(), site.seconds())
}

#[tokio::test(start_paused = true)]
async fn a_machine_outside_oci_is_told_within_a_second() {
    let (error, seconds) = refusal("sign_in: {metadata_faults: [{fault: hang}]}").await;
    assert!(error.starts_with("this machine is not an OCI instance") && error.contains("--auth"), "{error}");
    assert!(seconds <= 1, "{seconds}");
    let (error, seconds) = refusal("sign_in: {metadata_faults: [{fault: reset_before}]}").await;
    assert!(error.starts_with("this machine is not an OCI instance"), "{error}");
    assert!(seconds <= 1, "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_web_page_is_no_metadata() {
    let mut site = Site::new("sign_in: {}");
    site.variables.insert("OCI_METADATA_BASE_URL", "http://192.0.2.1/opc/v2".to_owned());
    let error = site.login(AuthMethod::InstancePrincipal).await.unwrap_err().to_string();
    assert!(error.contains("plain http to another machine"), "{error}");
    let page = "{answer: {status: 404, code: x, message: y, body: html}}";
    let (error, _) = refusal(&format!("sign_in: {{metadata_faults: [{{fault: {page}}}]}}")).await;
    assert!(error.starts_with("this machine is not an OCI instance") && error.contains("404"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn short_gaps_of_the_metadata_service_are_waited_out() {
    for status in [404, 429, 503] {
        let fault = format!("{{times: 2, fault: {{answer: {{status: {status}, code: x, message: y}}}}}}");
        let site = Site::new(&format!("sign_in: {{metadata_faults: [{fault}]}}"));
        site.login(AuthMethod::InstancePrincipal).await.unwrap();
        assert!(site.seconds() <= 2, "{}", site.seconds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_exchange_says_what_the_host_said() {
    let fault = "{answer: {status: 400, code: InvalidParameter, message: bad certificate}}";
    let (error, _) = refusal(&format!("sign_in: {{auth_faults: [{{fault: {fault}}}]}}")).await;
    assert!(error.contains("responded 400 (InvalidParameter: bad certificate)"), "{error}");
    let fault = "{answer: {status: 502, code: x, message: y, body: html}}";
    let (error, _) = refusal(&format!("sign_in: {{auth_faults: [{{fault: {fault}}}]}}")).await;
    assert!(error.contains("responded 502") && !error.contains('<'), "{error}");
    let (error, seconds) = refusal("sign_in: {auth_faults: [{fault: hang}]}").await;
    assert!(error.contains("did not respond within 10 s") && seconds <= 10, "{seconds} {error}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_clock_is_told_with_both_times() {
    let (error, _) = refusal("sign_in: {auth_faults: [{fault: {clock_skew: {seconds: 600}}}]}").await;
    assert!(
        error.contains("Date 'Sun, 22 Nov 2026 12:00:00 GMT' is not within allowed clock skew")
            && error.contains("Current 'Sun, 22 Nov 2026 12:10:00 GMT'"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_a_policy_finds_nothing() {
    let site = Site::new("sign_in: {policy_for_seconds: 60}");
    let signer = site.instance().await;
    let (client, _) = site.client(&signer);
    site.ask(&client).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let error = site.ask(&client).await.unwrap_err();
    assert!(error.contains("404 NotAuthorizedOrNotFound"), "{error}");
    assert_eq!(signer.renewals(), 1, "a new token would not help");
}

#[tokio::test(start_paused = true)]
async fn a_token_survives_an_auth_host_that_is_down() {
    // Down for the last four minutes and more, but up again before the token ends.
    let site = Site::new("sign_in: {auth_faults: [{after_seconds: 890, for_seconds: 240, fault: hang}]}");
    let signer = site.instance().await;
    let (client, requests) = site.client(&signer);
    for _ in 0..2000 {
        site.ask(&client).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!((super::site::failed(&requests), signer.renewals()), (0, 2));
}
