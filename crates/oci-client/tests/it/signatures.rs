//! Signatures are identical, byte for byte, to those of the official SDK.

use std::sync::Arc;

use oci_client::credentials::{ApiKey, ApiKeySettings, Signer};
use oci_client::signing::{BodyHeaders, ToSign, http_date};
use serde::Deserialize;

use crate::fake::{Fake, ok};

#[derive(Deserialize)]
struct Golden {
    tenancy: String,
    user: String,
    fingerprint: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    target: String,
    host: String,
    date: String,
    body: Option<String>,
    content_length: Option<String>,
    x_content_sha256: Option<String>,
    authorization: String,
}

fn vectors() -> Golden {
    serde_json::from_str(include_str!("../data/vectors.json")).unwrap()
}

fn key() -> ApiKey {
    let vectors = vectors();
    let settings = ApiKeySettings {
        tenancy: vectors.tenancy,
        user: vectors.user,
        fingerprint: vectors.fingerprint,
        key_path: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/test-key.pem").into(),
        passphrase: None,
    };
    ApiKey::load(&settings).unwrap().0
}

#[test]
fn every_request_is_signed_as_the_python_sdk_signs_it() {
    let (key, vectors) = (key(), vectors().vectors);
    assert_eq!(vectors.len(), 7);
    for vector in vectors {
        let body = vector.body.as_ref().map(|body| BodyHeaders::of(body.as_bytes()));
        let to_sign = ToSign {
            method: &vector.method,
            target: &vector.target,
            host: Some(&vector.host),
            date: &vector.date,
            body: body.as_ref(),
            on_behalf_of: None,
        };
        let signature = key.sign(to_sign.text().as_bytes(), jiff::Timestamp::UNIX_EPOCH).unwrap();
        let authorization = to_sign.authorization(&signature.key_id, &signature.bytes);
        assert_eq!(authorization, vector.authorization, "{}", vector.name);
        let (length, hash) = body.map(|body| (body.length, body.sha256)).unzip();
        assert_eq!((length, hash), (vector.content_length, vector.x_content_sha256), "{}", vector.name);
    }
}

#[test]
fn the_date_is_written_as_http_wants_it() {
    assert_eq!(http_date("1994-11-06T08:49:37.9Z".parse().unwrap()), "Sun, 06 Nov 1994 08:49:37 GMT");
}

#[tokio::test]
async fn a_request_carries_what_was_signed() {
    let fake = Fake::new([ok("{}")]);
    let client = fake.builder().signer(Arc::new(key())).build();
    let details = oci_api::models::LaunchInstanceDetails::default();
    client.launch_instance(&details, "token-1").await.unwrap();
    let request = fake.requests.lock().unwrap().remove(0);
    let header = |name: &str| request.headers()[name].to_str().unwrap();
    let body = BodyHeaders::of(request.body());
    assert_eq!((header("content-length"), header("x-content-sha256")), (&*body.length, &*body.sha256));
    assert_eq!(header("opc-retry-token"), "token-1");
    assert_eq!(header("date"), "Sun, 22 Nov 2026 12:00:00 GMT");
    let to_sign = ToSign {
        method: "POST",
        target: request.uri().path_and_query().unwrap().as_str(),
        host: Some(request.uri().authority().unwrap().as_str()),
        date: header("date"),
        body: Some(&body),
        on_behalf_of: None,
    };
    let signature = key().sign(to_sign.text().as_bytes(), jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(header("authorization"), to_sign.authorization(&signature.key_id, &signature.bytes));
    assert_eq!(header("host"), "iaas.us-phoenix-1.oraclecloud.com");
    assert_eq!(request.headers().get_all("content-type").iter().count(), 1);
    assert!(request.headers()["authorization"].is_sensitive(), "no log may print it");
}

proptest::proptest! {
    #[test]
    fn the_signed_text_has_one_line_per_header(
        target in "/[!-~]{0,40}", host in "[a-z.]{1,20}", date in "[ -~]{1,29}", body: Option<Vec<u8>>,
    ) {
        let headers = body.as_deref().map(BodyHeaders::of);
        let to_sign = ToSign {
            method: "POST",
            target: &target,
            host: Some(&host),
            date: &date,
            body: headers.as_ref(),
            on_behalf_of: None,
        };
        let text = to_sign.text();
        let lines = if body.is_some() { 6 } else { 3 };
        proptest::prop_assert_eq!(text.lines().count(), lines);
        proptest::prop_assert!(!text.ends_with('\n'));
        let longer = format!("{target}x");
        proptest::prop_assert_ne!(ToSign { target: &longer, ..to_sign }.text(), text.clone());
        let other = format!("{host}x");
        proptest::prop_assert_ne!(ToSign { host: Some(&other), ..to_sign }.text(), text.clone());
        let mut bytes = body.unwrap_or_default();
        bytes.push(b'x');
        let changed = BodyHeaders::of(&bytes);
        proptest::prop_assert_ne!(ToSign { body: Some(&changed), ..to_sign }.text(), text);
    }
}
