use super::support::{Call, START, closing, open_region, refusal, server, shapes_target, talk};
use bytes::Bytes;
use http::{Request, Response};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use oci_simulator::server::{ConnectionReset, Dropped, Region};
use std::time::Duration;
use tower::ServiceExt;

async fn shapes(region: &Region, more: &str) -> Result<Response<Bytes>, Dropped> {
    let target = format!("{}{more}", shapes_target());
    region.exchange(Request::get(target).body(Bytes::new()).unwrap()).await
}

#[tokio::test]
async fn errors_come_with_oracles_body_a_gateways_page_or_nothing() {
    let region = open_region(
        "faults:
  - {nth: [1], fault: {answer: {status: 503}}}
  - {nth: [1], fault: {answer: {status: 502, body: html}}}
  - {nth: [1], fault: {answer: {status: 500, body: empty}}}
  - {nth: [1], fault: {answer: {status: 400, code: Bad Request, message: odd}}}
  - {nth: [1], fault: expired_credentials}
",
    );
    let mut seen = Vec::new();
    for _ in 0..6 {
        let response = shapes(&region, "").await.unwrap();
        assert!(response.headers().contains_key("opc-request-id"));
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        let (status, code) = refusal(&response);
        seen.push(format!("{status} {} {code}", kind.unwrap_or_default()));
    }
    assert_eq!(
        seen[..5],
        [
            "503 application/json ServiceUnavailable",
            "502 text/html ",
            "500  ",
            "400 application/json Bad Request",
            "401 application/json NotAuthenticated"
        ]
    );
    assert!(seen[5].starts_with("200"));
}

#[tokio::test]
async fn a_cut_connection_is_an_error_or_an_empty_answer() {
    let yaml = "faults: [{nth: [1], fault: reset_before}]";
    let region = open_region(yaml);
    assert_eq!(shapes(&region, "").await.unwrap_err(), Dropped::BeforeAnswer);
    assert!(shapes(&region, "").await.is_ok());

    let request = Request::get(shapes_target()).body(axum::body::Body::empty()).unwrap();
    let response = open_region(yaml).router().oneshot(request).await.unwrap();
    assert!(response.extensions().get::<ConnectionReset>().is_some());
    assert!(axum::body::to_bytes(response.into_body(), 1000).await.is_err(), "the body gives an error");

    let server = server(yaml).await;
    let call = closing(Call::get(shapes_target())).wire_now();
    assert_eq!(talk(server.address, &call).await.unwrap_or_default(), "");
    assert!(talk(server.address, &call).await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(server.region().stats().operations["ListShapes"].dropped, 1);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_truncated_answer_promises_more_than_comes() {
    let yaml = "faults: [{fault: {truncate: {bytes: 30}}}]";
    let server = server(yaml).await;
    let answer = talk(server.address, &closing(Call::get(shapes_target())).wire_now()).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let promised = head.to_lowercase();
    let promised = promised.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    assert!(promised.parse::<usize>().unwrap() > 30, "{head}");
    assert_eq!(body.len(), 30);
    assert!(head.starts_with("HTTP/1.1 200"));
    server.shutdown().await.unwrap();

    match shapes(&open_region(yaml), "").await.unwrap_err() {
        Dropped::InBody { status, received } => assert_eq!((status, received.len()), (200, 30)),
        Dropped::BeforeAnswer => panic!("the head should have arrived"),
    }
}

#[tokio::test]
async fn a_reset_before_has_no_effect_and_one_after_has() {
    for (fault, launched) in [
        ("reset_before", 0),
        ("hang", 0),
        ("{answer: {status: 504, body: html}}", 0),
        ("reset_after", 1),
        ("{answer: {status: 504, body: html, after_effect: true}}", 1),
        ("{truncate: {bytes: 5}}", 1),
    ] {
        let region = open_region(&format!("faults: [{{operations: [launch], fault: {fault}}}]"));
        let body = super::in_process::launch_body(&region).await;
        let request = Request::post("/20160918/instances").body(body).unwrap();
        let asked = tokio::time::timeout(Duration::from_millis(200), region.exchange(request)).await;
        assert!(!matches!(&asked, Ok(Ok(response)) if response.status() == 200), "{fault}");
        let instances: u64 = region.stats().instances.values().sum();
        assert_eq!(instances, launched, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn delays_and_hangs_take_the_callers_time_and_no_real_time() {
    let region = open_region("faults: [{nth: [1], fault: {delay: {seconds: 90}}}, {nth: [2], fault: hang}]");
    let before = tokio::time::Instant::now();
    assert!(shapes(&region, "").await.is_ok());
    assert_eq!(before.elapsed(), Duration::from_secs(90));
    assert!(tokio::time::timeout(Duration::from_hours(1), shapes(&region, "")).await.is_err());
    assert_eq!(region.stats().operations["ListShapes"].dropped, 1);
}

#[tokio::test]
async fn a_repeated_page_gives_the_token_it_was_asked_with() {
    let region = open_region("faults: [{nth: [2], fault: repeat_page}]");
    let first = shapes(&region, "&limit=1").await.unwrap();
    let token = first.headers()["opc-next-page"].to_str().unwrap().to_owned();
    let second = shapes(&region, &format!("&limit=1&page={token}")).await.unwrap();
    assert_eq!(second.headers()["opc-next-page"], token.as_str());
}

#[tokio::test]
async fn a_duplicated_page_comes_again_under_another_token() {
    let region = open_region("faults: [{nth: [2], fault: duplicate_page}]");
    let first = shapes(&region, "&limit=1").await.unwrap();
    let page = |response: &Response<Bytes>| response.headers()["opc-next-page"].to_str().unwrap().to_owned();
    let second = shapes(&region, &format!("&limit=1&page={}", page(&first))).await.unwrap();
    assert_ne!(page(&second), page(&first));
    let again = shapes(&region, &format!("&limit=1&page={}", page(&second))).await.unwrap();
    assert_eq!(again.body(), second.body());
    let third = shapes(&region, &format!("&limit=1&page={}", page(&again))).await.unwrap();
    assert_ne!(third.body(), second.body());
}

#[tokio::test(start_paused = true)]
async fn a_region_whose_clock_is_off_says_so_and_refuses() {
    for (seconds, status) in [(280.0, 200), (320.0, 401), (-320.0, 401)] {
        let yaml = format!("faults: [{{fault: {{clock_skew: {{seconds: {seconds:.1}}}}}}}]");
        let response = shapes(&open_region(&yaml), "").await.unwrap();
        assert_eq!(response.status(), status);
        // Callers that measure how far their clock is off read this header.
        let date = DateTimeParser::new().parse_timestamp(&response.headers()["date"]).unwrap();
        let start: Timestamp = START.parse().unwrap();
        assert_eq!(date.duration_since(start), SignedDuration::from_secs_f64(seconds));
        let scenario = oci_simulator::scenario::Scenario::from_yaml(&yaml, "test").unwrap();
        let signed = Call::get(shapes_target()).sign();
        assert_eq!(super::support::region(&scenario).exchange(signed).await.unwrap().status(), status);
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_requests_get_both_texts_and_a_closed_connection() {
    let region = open_region(
        "throttle:
  user: {read: {per_second: 0.001, burst: 3}}
  tenancy: {read: {per_second: 0.001, burst: 2}}
  retry_after_seconds: 7
",
    );
    let mut messages = Vec::new();
    for _ in 0..3 {
        let response = shapes(&region, "").await.unwrap();
        if response.status() == 429 {
            assert_eq!(response.headers()["connection"], "close");
            assert_eq!(response.headers()["retry-after"], "7");
            assert_eq!(refusal(&response).1, "TooManyRequests");
            messages.push(super::support::message(&response));
        }
    }
    assert_eq!(messages, ["Too many requests for the tenant"]);
    let region = open_region("throttle: {preset: tight}");
    for _ in 0..20 {
        assert_eq!(shapes(&region, "").await.unwrap().status(), 200);
    }
    let response = shapes(&region, "").await.unwrap();
    assert_eq!(super::support::message(&response), "Too many requests for the user");
    assert!(!response.headers().contains_key("retry-after"));
    assert_eq!(region.stats().throttled, 1);
}
