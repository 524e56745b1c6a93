use super::support::{Call, identity, message, refusal, region, rfc1123, shapes_target};
use jiff::{SignedDuration, Timestamp};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::Authorization;
use proptest::prelude::*;

const LAUNCH: &str = r#"{"compartmentId":"ocid1.compartment.oc1..x","availabilityDomain":"AD-1"}"#;
const MISSING: &str =
    "The required information to complete authentication was not provided or was incorrect.";
const NOT_VERIFIED: &str = "Failed to verify the HTTP(S) Signature";

async fn send(request: http::Request<bytes::Bytes>) -> http::Response<bytes::Bytes> {
    region(&Scenario::default()).exchange(request).await.unwrap()
}

async fn refused(request: http::Request<bytes::Bytes>) -> String {
    let response = send(request).await;
    assert_eq!(refusal(&response), (401, "NotAuthenticated".to_owned()));
    message(&response)
}

#[tokio::test(start_paused = true)]
async fn a_signed_request_is_let_in_with_and_without_a_body() {
    let response = send(Call::get(shapes_target()).sign()).await;
    assert_eq!(response.status(), 200, "{:?}", response.body());
    let response = send(Call::new("POST", "/20160918/instances", LAUNCH).sign()).await;
    assert_ne!(response.status(), 401);
    let action = Call::new("POST", "/20160918/instances/ocid1.instance.oc1.phx.x?action=STOP", "");
    assert_eq!(refusal(&send(action.sign()).await).0, 404);
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_request_is_refused_first() {
    for target in ["/20160918/instances", "/nowhere"] {
        let request = http::Request::get(target).body(bytes::Bytes::new()).unwrap();
        assert_eq!(refused(request).await, MISSING);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_must_match_what_was_signed() {
    let signed = || Call::get(shapes_target()).sign();
    let mut request = signed();
    *request.uri_mut() = format!("{}&limit=5", shapes_target()).parse().unwrap();
    assert_eq!(refused(request).await, NOT_VERIFIED);
    let mut request = signed();
    *request.method_mut() = http::Method::DELETE;
    assert_eq!(refused(request).await, NOT_VERIFIED);
    let mut request = signed();
    request.headers_mut().insert("host", "localhost".parse().unwrap());
    assert_eq!(refused(request).await, NOT_VERIFIED);
    let mut request = signed();
    request.headers_mut().insert("date", "Sun, 22 Nov 2026 12:00:01 GMT".parse().unwrap());
    assert_eq!(refused(request).await, NOT_VERIFIED);
}

#[tokio::test(start_paused = true)]
async fn an_altered_body_is_refused_even_if_its_length_is_the_same() {
    let request = Call::new("POST", "/20160918/instances", LAUNCH).sign();
    let (parts, body) = request.into_parts();
    let altered = String::from_utf8(body.to_vec()).unwrap().replace("AD-1", "AD-2");
    assert_eq!(refused(http::Request::from_parts(parts.clone(), altered.into())).await, NOT_VERIFIED);
    assert_eq!(refused(http::Request::from_parts(parts.clone(), "{}".into())).await, NOT_VERIFIED);
    // The case of the method is not signed, but changing it does not bypass the check of the body.
    let mut lower = http::Request::from_parts(parts, "{}".into());
    *lower.method_mut() = "post".parse().unwrap();
    assert_eq!(refused(lower).await, NOT_VERIFIED);
}

#[tokio::test(start_paused = true)]
async fn a_replay_outside_five_minutes_is_refused_in_both_directions() {
    let start: Timestamp = super::support::START.parse().unwrap();
    for (seconds, is_let_in) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let date = rfc1123(start + SignedDuration::from_secs(seconds));
        let request = Call { date, ..Call::get(shapes_target()) }.sign();
        assert_eq!(send(request).await.status() == 200, is_let_in, "{seconds}");
    }
    let request = Call { date: "yesterday".into(), ..Call::get(shapes_target()) }.sign();
    assert_eq!(refused(request).await, MISSING);
}

#[tokio::test(start_paused = true)]
async fn every_header_that_must_be_signed_is_demanded() {
    for signed in ["(request-target) host", "date host", "date (request-target)"] {
        let request = Call { signed: Some(signed), ..Call::get(shapes_target()) }.sign();
        assert_eq!(refused(request).await, MISSING, "{signed}");
    }
    for signed in [
        "date (request-target) host",
        "date (request-target) host content-type x-content-sha256",
        "date (request-target) host content-length x-content-sha256",
        "date (request-target) host content-length content-type",
    ] {
        let call = Call::new("POST", "/20160918/instances", LAUNCH);
        assert_eq!(refused(Call { signed: Some(signed), ..call }.sign()).await, MISSING, "{signed}");
    }
}

#[tokio::test(start_paused = true)]
async fn x_date_takes_the_place_of_date_where_it_is_signed() {
    let date = rfc1123(super::support::START.parse().unwrap());
    let call = Call {
        date: "Thu, 01 Jan 1970 00:00:00 GMT".into(),
        signed: Some("x-date (request-target) host"),
        extra: vec![("x-date", date)],
        ..Call::get(shapes_target())
    };
    assert_eq!(send(call.sign()).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn only_registered_keys_and_tokens_are_accepted() {
    let call = Call { key_id: "ST$token".into(), ..Call::get(shapes_target()) };
    assert_eq!(refused(call.sign()).await, MISSING);
    let region = region(&Scenario::default());
    region.add_session_token("token", identity().caller.clone(), identity().public_key.clone());
    assert_eq!(region.exchange(call.sign()).await.unwrap().status(), 200);
}

#[tokio::test(start_paused = true)]
async fn two_authorization_headers_are_refused() {
    let mut request = Call::get(shapes_target()).sign();
    let value = request.headers()["authorization"].clone();
    request.headers_mut().append("authorization", value);
    assert_eq!(refused(request).await, MISSING);
}

#[tokio::test(start_paused = true)]
async fn a_header_that_is_said_to_be_signed_must_be_there() {
    let call = Call { signed: Some("date (request-target) host x-more"), ..Call::get(shapes_target()) };
    assert_eq!(refused(call.sign()).await, MISSING);
}

/// A part of a header that is taken from another request, damaged, or left unchanged.
#[derive(Clone, Debug)]
enum Part {
    As,
    Other(String),
    FlippedAt(usize),
}

fn part(other: &'static str) -> impl Strategy<Value = Part> {
    prop_oneof![
        3 => Just(Part::As),
        1 => other.prop_map(Part::Other),
        1 => any::<usize>().prop_map(Part::FlippedAt),
    ]
}

impl Part {
    fn of(&self, good: &str) -> String {
        match self {
            Self::As => good.to_owned(),
            Self::Other(text) => text.clone(),
            Self::FlippedAt(at) => {
                let mut bytes = good.as_bytes().to_vec();
                let at = at % bytes.len();
                // Not a letter, because header names ignore case.
                bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
                String::from_utf8(bytes).unwrap()
            }
        }
    }
}

/// A change to a whole request after it was signed.
#[derive(Clone, Debug)]
enum Change {
    Method(&'static str),
    Target(Part),
    Body(Part),
    /// Replaces the value of a header if it is sent, or adds a second one.
    Header {
        at: usize,
        value: Part,
        second: bool,
    },
}

fn change() -> impl Strategy<Value = Change> {
    let methods = vec!["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "get", "post", "Odd"];
    prop_oneof![
        1 => proptest::sample::select(methods).prop_map(Change::Method),
        1 => part("/[a-z0-9/]{0,30}([?][a-z=&%]{0,20})?").prop_map(Change::Target),
        1 => part("[ -~]{0,80}").prop_map(Change::Body),
        3 => (any::<usize>(), part("[ -~]{0,60}"), any::<bool>())
            .prop_map(|(at, value, second)| Change::Header { at, value, second }),
    ]
}

impl Change {
    fn make(&self, request: &mut http::Request<bytes::Bytes>) {
        match self {
            Self::Method(name) => *request.method_mut() = name.parse().unwrap(),
            Self::Target(part) => {
                if let Ok(uri) = part.of(&request.uri().to_string()).parse() {
                    *request.uri_mut() = uri;
                }
            }
            Self::Body(part) if request.body().is_empty() => {
                if let Part::Other(text) = part {
                    *request.body_mut() = text.clone().into();
                }
            }
            Self::Body(part) => {
                let body = String::from_utf8(request.body().to_vec()).unwrap();
                *request.body_mut() = part.of(&body).into();
            }
            Self::Header { at, value, second } => {
                let names: Vec<http::HeaderName> = request.headers().keys().cloned().collect();
                let name = &names[at % names.len()];
                let good = request.headers()[name].to_str().unwrap().to_owned();
                let Ok(value) = if good.is_empty() { good } else { value.of(&good) }.parse() else { return };
                if *second {
                    request.headers_mut().append(name, value);
                } else {
                    request.headers_mut().insert(name, value);
                }
            }
        }
    }
}

/// What a request means, for a server that checks its signature.
///
/// The authorization is read, since its text may change and its meaning stay: parameters of unknown
/// names are ignored, and the version may be left out.
fn vouched(request: &http::Request<bytes::Bytes>, has_body: bool) -> impl PartialEq + std::fmt::Debug {
    let trimmed = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.as_str().to_owned(), value.to_str().unwrap_or("no text").trim().to_owned())
    };
    let (authorizations, mut headers): (Vec<_>, Vec<_>) =
        request.headers().iter().map(trimmed).partition(|(name, _)| name == "authorization");
    headers.sort();
    let read = |(_, text): &(String, String)| Authorization::parse(text);
    let authorizations: Vec<_> = authorizations.iter().map(read).collect();
    let body = has_body.then(|| request.body().clone());
    let method = request.method().as_str().to_uppercase();
    (method, request.uri().to_string(), headers, authorizations, body)
}

/// Each byte in turn, so that the draws of the properties below find no kind of change first.
#[test]
fn each_changed_byte_is_refused_unless_it_means_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let good = Call::get(shapes_target()).sign();
    let mut let_in = Vec::new();
    for (name, value) in good.headers() {
        let value = value.to_str().unwrap();
        for at in 0..value.len() {
            let mut changed = Call::get(shapes_target()).sign();
            let text = Part::FlippedAt(at).of(value);
            changed.headers_mut().insert(name, text.parse().unwrap());
            let same = vouched(&changed, false) == vouched(&good, false);
            let status = runtime.block_on(send(changed)).status();
            assert_eq!(status == 200, same, "{status} for {name}: {text}");
            assert!(same || status == 401, "{status} for {name}: {text}");
            let_in.extend(same.then_some(text));
        }
    }
    let unnamed = |text: &String| !text.contains("version=\"1\"") && text.contains("=\"1\"");
    assert_eq!(let_in.len(), "version".len(), "{let_in:?}");
    assert!(let_in.iter().all(unnamed), "{let_in:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_authorization_header_gets_in_or_breaks_the_server(value in "(Signature )?[ -~]{0,300}") {
        let mut request = Call::get(shapes_target()).sign();
        if let Ok(value) = value.parse() {
            request.headers_mut().insert("authorization", value);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            prop_assert_eq!(runtime.block_on(send(request)).status(), 401);
        }
    }

    /// Well-formed headers, which reach the signature check itself.
    #[test]
    fn a_header_of_which_any_part_was_changed_does_not_get_in(
        key_id in part("[a-z0-9./]{1,60}"),
        headers in part("(date|x-date|host|\\(request-target\\)|x-more)( (date|host|\\(request-target\\)|x-more)){0,5}"),
        signature in part("[A-Za-z0-9+/]{0,344}={0,2}"),
    ) {
        let mut request = Call::get(shapes_target()).sign();
        let good = Authorization::parse(request.headers()["authorization"].to_str().unwrap()).unwrap();
        let names = good.headers.join(" ");
        let changed = [key_id.of(&good.key_id), headers.of(&names), signature.of(&good.signature)];
        let same = changed == [good.key_id, names, good.signature];
        let [key_id, headers, signature] = changed;
        let value = format!(
            r#"Signature version="1",keyId="{key_id}",algorithm="rsa-sha256",headers="{headers}",signature="{signature}""#
        );
        request.headers_mut().insert("authorization", value.parse().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let status = runtime.block_on(send(request)).status();
        prop_assert_eq!(status == 200, same, "{} {}", status, value);
        prop_assert!(same || status == 401);
    }

    /// Whole requests: no change to any signed part is accepted.
    #[test]
    fn a_tampered_request_is_refused(
        with_body in any::<bool>(),
        changes in proptest::collection::vec(change(), 0..4),
    ) {
        let target = "/20160918/instances/ocid1.instance.oc1.phx.x?action=STOP";
        let call = if with_body { Call::new("POST", target, LAUNCH) } else { Call::get(target) };
        let good = call.sign();
        let mut changed = call.sign();
        for change in &changes {
            change.make(&mut changed);
        }
        let same = vouched(&changed, with_body) == vouched(&good, with_body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(send(changed));
        // Two content types are refused from every caller.
        let refused = answer.status() == 401 || (answer.status() == 400 && answer.body().is_empty());
        prop_assert_eq!(!refused, same, "{}", answer.status());
        prop_assert!(answer.status().as_u16() < 500);
    }
}
