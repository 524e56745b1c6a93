//! What a call sends and how it handles the response.

use std::time::Duration;

use oci_api::Operation;
use oci_api::models::CreateComputeCapacityReportDetails;
use oci_client::services::compute::InstanceAction;
use oci_client::{Call, FailureClass};

use crate::fake::{Fake, answer, launch, ok, refusal};

#[tokio::test]
async fn a_success_comes_with_its_headers() {
    let headers =
        [("etag", "e1"), ("opc-work-request-id", "w1"), ("opc-request-id", "r1"), ("opc-next-page", "")];
    let fake = Fake::new([answer(200, &headers, r#"{"id":"i1","lifecycleState":"RUNNING"}"#)]);
    let answered = fake.client().get_instance("i1").await.unwrap();
    assert_eq!((answered.value.id.as_str(), answered.etag.as_deref()), ("i1", Some("e1")));
    assert_eq!(
        (answered.work_request_id.as_deref(), answered.request_id.as_deref()),
        (Some("w1"), Some("r1"))
    );
    assert_eq!(answered.next_page, None, "an empty token is none");
}

#[tokio::test]
async fn parameters_are_encoded_and_methods_are_the_tables() {
    let fake = Fake::new([ok("{}"), answer(204, &[], ""), ok("{}")]);
    let client = fake.client();
    client.instance_action("ocid1.i", InstanceAction::SoftStop, Some("t"), Some("e1")).await.unwrap();
    client.terminate_instance("ocid1.i", false, true, None).await.unwrap();
    client.get_resource_availability("c", "compute", "a limit", Some("Uocm:PHX-AD-1")).await.unwrap();
    insta::assert_snapshot!(fake.targets().join("\n"), @r"
https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances/ocid1.i?action=SOFTSTOP
https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances/ocid1.i?preserveBootVolume=false&preserveDataVolumesCreatedAtLaunch=true
https://limits.us-phoenix-1.oci.oraclecloud.com/20190729/services/compute/limits/a%20limit/resourceAvailability?compartmentId=c&availabilityDomain=Uocm%3APHX-AD-1
");
    let requests = fake.requests.lock().unwrap();
    let methods: Vec<_> = requests.iter().map(|request| request.method().as_str()).collect();
    assert_eq!(methods, ["POST", "DELETE", "GET"]);
    assert_eq!(requests[0].headers()["if-match"], "e1");
    assert_eq!(requests[0].headers()["content-length"], "0");
    assert!(!requests[1].headers().contains_key("content-length"));
}

#[tokio::test]
async fn a_value_that_would_leave_its_place_in_the_path_is_not_sent() {
    let fake = Fake::new([]);
    for id in ["", "..", "a/../../b", "a//b", "."] {
        let failure = fake.client().get_instance(id).await.unwrap_err();
        assert_eq!((failure.class, failure.attempts), (FailureClass::Invalid, 0), "{id:?}");
    }
    let failure = fake.client().call_empty(Call::new(Operation::GetInstance)).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Invalid);
    let call = Call::new(Operation::GetInstance).path("x").if_match(Some("a\r\nevil: 1"));
    let failure = fake.client().call_empty(call).await.unwrap_err();
    insta::assert_snapshot!(failure, @r#"GetInstance: BadCall: the request was not sent: the header if-match cannot be "a evil: 1""#);
    assert_eq!(fake.count(), 0);
}

#[tokio::test]
async fn a_refusal_keeps_the_servers_words_and_shows_them_safely() {
    let fake = Fake::new([refusal(400, "InvalidParameter", "Shape \u{1b}[31mX\u{1b}[0m is not valid\r\n")]);
    let failure = fake.client().get_instance("i").await.unwrap_err();
    assert!(failure.message.contains('\u{1b}'), "the text is kept as it came");
    insta::assert_snapshot!(failure, @"GetInstance: 400 InvalidParameter: Shape X is not valid (opc-request-id req-1)");
}

#[tokio::test]
async fn the_original_message_is_told_and_counts_for_capacity() {
    let body = r#"{"code":"InternalError","message":"Oops","originalMessage":"Out of host capacity."}"#;
    let fake = Fake::new([answer(500, &[], body)]);
    let failure = launch(&fake.client(), "t").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Capacity);
    assert_eq!(failure.message, "Oops (Out of host capacity.)");
}

#[tokio::test]
async fn a_body_that_is_not_the_services_is_told_as_it_looks() {
    let bodies = [
        (502, "<html><h1>Bad   Gateway</h1></html>"),
        (400, ""),
        (404, "[]"),
        (500, r#"{"code":7}"#),
        (403, r#"{"message":"only this","code":null}"#),
    ];
    let mut told = Vec::new();
    for (status, body) in bodies {
        let fake = Fake::new([answer(status, &[], body)]);
        told.push(launch(&fake.client(), "t").await.unwrap_err().to_string());
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
LaunchInstance: 502 BadGateway: the response is not JSON of OCI: <html><h1>Bad Gateway</h1></html>
LaunchInstance: 400 BadRequest: the response has no body
LaunchInstance: 404 NotFound: the response is not JSON of OCI: []
LaunchInstance: 500 InternalServerError: the response is not JSON of OCI: {"code":7}
LaunchInstance: 403 only this
"#);
}

#[tokio::test]
async fn a_success_that_cannot_be_read_leaves_a_launch_ambiguous() {
    for body in ["", "<html>log in</html>", r#"{"id":"ocid1"#, "[]"] {
        let fake = Fake::new([ok(body)]);
        let failure = launch(&fake.client(), "t").await.unwrap_err();
        assert_eq!((failure.class, failure.status), (FailureClass::Ambiguous, Some(200)), "{body}");
        assert!(failure.may_have_happened());
        assert_eq!(failure.opc_request_id.as_deref(), Some("req-ok"));
    }
    let fake = Fake::new([ok("<html>log in</html>")]);
    let client = fake.client().with_retry(oci_client::RetryPolicy::never());
    let failure = client.get_instance("i").await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Service);
    insta::assert_snapshot!(failure, @r#"GetInstance: 200 UnreadableAnswer: the response is not the expected JSON (expected value at line 1 column 1); it starts "<html>log in</html>" (opc-request-id req-ok)"#);
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let fake = Fake::new([answer(302, &[("location", "https://evil.example/")], "")]);
    let failure = fake.client().get_instance("i").await.unwrap_err();
    assert_eq!((failure.class, fake.count()), (FailureClass::Invalid, 1));
    insta::assert_snapshot!(failure, @"GetInstance: 302 Redirect: the server redirects to https://evil.example/, and \
         signed requests do not follow redirects. Is the region or endpoint correct, or does a proxy or login page \
         intercept requests?");
}

#[tokio::test]
async fn a_refused_login_says_how_far_the_clock_is_off() {
    let body = r#"{"code":"NotAuthenticated","message":"Failed to verify the HTTP(S) Signature"}"#;
    let fake = Fake::new([answer(401, &[("date", "Sun, 22 Nov 2026 11:53:00 GMT")], body)]);
    let failure = fake.client().get_instance("i").await.unwrap_err();
    assert_eq!((failure.class, failure.clock_ahead_s), (FailureClass::Authentication, Some(420)));
    assert_eq!(failure.attempts, 1);
    assert_eq!(failure.clock_error().unwrap(), "this machine's clock is 420 s ahead of the server's");
}

#[tokio::test]
async fn a_clock_that_is_right_is_not_named() {
    let body = r#"{"code":"NotAuthenticated","message":"x"}"#;
    for date in [&[("date", "Sun, 22 Nov 2026 11:56:00 GMT")][..], &[("date", "nonsense")], &[]] {
        let failure = Fake::new([answer(401, date, body)]).client().get_instance("i").await.unwrap_err();
        assert_eq!(failure.clock_error(), None, "{date:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let fake = Fake::new([]);
    let started = tokio::time::Instant::now();
    let failure = launch(&fake.client(), "t").await.unwrap_err();
    assert_eq!((failure.class, started.elapsed()), (FailureClass::Ambiguous, Duration::from_mins(1)));
    insta::assert_snapshot!(failure, @"LaunchInstance: Timeout: no answer of iaas.us-phoenix-1.oraclecloud.com: no response within 60 s");
}

#[tokio::test]
async fn an_axum_router_can_be_the_server() {
    use axum::routing::{get, post};
    use oci_client::transport::InProcess;
    let router = axum::Router::new()
        .route("/20160918/instances/{id}", get(|| async { r#"{"id":"i1"}"# }))
        .route("/20160918/computeCapacityReports", post(|body: String| async move { body }));
    let endpoints = oci_client::Endpoints::at("http://localhost").unwrap();
    let client = oci_client::Client::builder(endpoints, std::sync::Arc::new(InProcess::new(router))).build();
    assert_eq!(client.get_instance("i1").await.unwrap().value.id, "i1");
    let details = CreateComputeCapacityReportDetails { compartment_id: "c".into(), ..Default::default() };
    assert_eq!(client.create_capacity_report(&details).await.unwrap().value.compartment_id, "c");
}

proptest::proptest! {
    #[test]
    fn no_error_body_makes_a_call_panic(status in 300u16..=999, body: Vec<u8>, header in "[ -~]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut response = http::Response::builder().status(status);
            for name in ["location", "retry-after", "date", "opc-request-id"] {
                response = response.header(name, &header);
            }
            let fake = Fake::new([Ok(response.body(body.into()).unwrap())]);
            let client = fake.client().with_retry(oci_client::RetryPolicy::never());
            let failure = launch(&client, "t").await.unwrap_err();
            assert_eq!(failure.status, Some(status));
            assert!(failure.to_string().chars().all(|c| !c.is_control()));
        });
    }
}
