//! Whatever text an `Authorization` header holds, it is read or refused, and what was read can be written and read
//! again. And whatever is changed in a whole request that was signed with a registered key, it is let in only if all that
//! was signed is as it was.

#![no_main]

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use libfuzzer_sys::fuzz_target;
use oci_client::credentials::PrivateKey;
use oci_client::signing::{BodyHeaders, ToSign, http_date};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::{Authorization, Identity, Region, ScaledClock};
use std::sync::{Arc, LazyLock};

const HOST: &str = "127.0.0.1:12620";
const TARGET: &str = "/20160918/instances/ocid1.instance.oc1.phx.x?action=STOP";

/// A region that knows a key, and two requests that are signed with it.
struct Ground {
    region: Region,
    runtime: tokio::runtime::Runtime,
    get: Signed,
    post: Signed,
}

/// A signed request, in the parts that are changed.
#[derive(Clone, PartialEq)]
struct Signed {
    method: Method,
    uri: Uri,
    headers: http::HeaderMap,
    authorization: Authorization,
    body: String,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let start = "2026-11-22T12:00:00Z".parse().unwrap();
    let region = Region::new(&Scenario::default(), 1, Arc::new(ScaledClock::in_process(start)));
    let identity = Identity::generate(None, "us-phoenix-1").unwrap();
    let key = PrivateKey::from_pem(identity.private_key_pem.as_bytes(), None, "fuzz").unwrap();
    let caller = &identity.caller;
    let key_id = format!("{}/{}/{}", caller.tenancy, caller.user, identity.fingerprint);
    region.add_key(caller.clone(), identity.public_key.clone());
    // Time stands still: the requests are signed once.
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let signed = |method: Method, body: Option<&str>| {
        let date = http_date(start);
        let body_headers = body.map(|body| BodyHeaders::of(body.as_bytes()));
        let to_sign = ToSign {
            method: method.as_str(),
            target: TARGET,
            host: Some(HOST),
            date: &date,
            body: body_headers.as_ref(),
            on_behalf_of: None,
        };
        let text = to_sign.authorization(&key_id, &key.sign(to_sign.text().as_bytes()).unwrap());
        let mut headers = http::HeaderMap::new();
        // The headers are the lines that were signed, but for the first word of the request.
        for line in to_sign.text().lines().filter(|line| !line.starts_with('(')) {
            let (name, value) = line.split_once(": ").unwrap();
            headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        }
        let authorization = Authorization::parse(&text).unwrap();
        let (uri, body) = (TARGET.parse().unwrap(), body.unwrap_or_default().to_owned());
        Signed { method, uri, headers, authorization, body }
    };
    let (get, post) =
        (signed(Method::GET, None), signed(Method::POST, Some("{\"actionType\": \"softreset\"}")));
    Ground { region, runtime, get, post }
});

impl Signed {
    /// One change: a letter that says of what, and the new text.
    fn change(&mut self, line: &str) -> Option<()> {
        let mut letters = line.chars();
        let (what, text) = (letters.next()?, letters.as_str());
        match what {
            'm' => self.method = text.parse().ok()?,
            't' => self.uri = text.parse().ok()?,
            'b' => text.clone_into(&mut self.body),
            'k' => text.clone_into(&mut self.authorization.key_id),
            's' => self.authorization.headers = text.split(' ').map(str::to_owned).collect(),
            'g' => text.clone_into(&mut self.authorization.signature),
            'h' | 'H' => {
                let (name, value) = text.split_once(':')?;
                let (name, value) = (HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
                if what == 'h' {
                    self.headers.insert(name, value);
                } else {
                    self.headers.append(name, value);
                }
            }
            _ => return None,
        }
        Some(())
    }

    fn request(&self) -> Option<Request<Bytes>> {
        let mut request = Request::new(Bytes::from(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let authorization = HeaderValue::try_from(written(&self.authorization)).ok()?;
        request.headers_mut().append("authorization", authorization);
        Some(request)
    }

    /// Whether all that the other signed is the same here, as far as a signature can tell.
    fn is_signed_by(&self, good: &Self) -> bool {
        let has_body = good.method == Method::POST;
        let values = |from: &Self, name: &str| -> Vec<String> {
            let values = from.headers.get_all(name).iter();
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned()).collect()
        };
        let mut headers = good.headers.keys();
        self.method.as_str().eq_ignore_ascii_case(good.method.as_str())
            && self.uri.path_and_query() == good.uri.path_and_query()
            && headers.all(|name| values(self, name.as_str()) == values(good, name.as_str()))
            && Authorization::parse(&written(&self.authorization)).as_ref() == Ok(&good.authorization)
            && (!has_body || self.body == good.body)
    }
}

fn written(authorization: &Authorization) -> String {
    format!(
        r#"Signature algorithm="rsa-sha256",headers="{}",keyId="{}",signature="{}",version="1""#,
        authorization.headers.join(" "),
        authorization.key_id,
        authorization.signature
    )
}

/// The first line says which request, each other one changes it.
fn whole_request(text: &str) {
    let mut lines = text.lines();
    let good =
        if lines.next().is_some_and(|line| line.starts_with('P')) { &GROUND.post } else { &GROUND.get };
    let mut changed = good.clone();
    for line in lines {
        let _ = changed.change(line);
    }
    let Some(request) = changed.request() else { return };
    let Ok(answer) = GROUND.runtime.block_on(GROUND.region.exchange(request)) else {
        panic!("a region without faults cut a connection");
    };
    let status = answer.status().as_u16();
    assert!(status < 500, "answered {status}");
    // These are answered to anybody: too large, or two types of content.
    let is_let_in = ![401, 413, 431].contains(&status) && !(status == 400 && answer.body().is_empty());
    if is_let_in {
        assert!(changed.is_signed_by(good), "let in with another signature than its own");
    }
    if changed == *good {
        assert!(is_let_in, "refused with its own signature: {status}");
    }
}

fuzz_target!(|text: &str| {
    whole_request(text);
    let Ok(read) = Authorization::parse(text) else { return };
    assert_eq!(Authorization::parse(&written(&read)), Ok(read));
});
