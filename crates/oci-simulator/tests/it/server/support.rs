//! A caller with a signer of its own, and plain sockets.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use oci_simulator::scenario::{Scenario, Signatures};
use oci_simulator::server::{Identity, Options, PublicKey, Region, Running, ScaledClock, start};
use oci_simulator::world::{Caller, Known};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const START: &str = "2026-11-22T12:00:00Z";
pub const COMPARTMENT: &str = "ocid1.compartment.oc1..rehearsal";

/// One key for all tests, made by the first of them: making one takes a while.
pub fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("region-test-key.pem");
        if let Ok(private_key_pem) = std::fs::read_to_string(&file)
            && let Ok(public_key) = PublicKey::from_pem(&private_key_pem)
        {
            let caller = Caller {
                tenancy: "ocid1.tenancy.oc1..rehearsal".into(),
                user: "ocid1.user.oc1..rehearsal".into(),
            };
            let fingerprint = public_key.fingerprint();
            return Identity {
                caller,
                region: "us-phoenix-1".into(),
                fingerprint,
                private_key_pem,
                public_key,
            };
        }
        let identity = Identity::generate(None, "us-phoenix-1").unwrap();
        // Put in place as a whole, since other tests run at the same time.
        let beside = file.with_extension(std::process::id().to_string());
        std::fs::write(&beside, &identity.private_key_pem).unwrap();
        std::fs::rename(&beside, &file).unwrap();
        identity
    })
}

/// What is sent, before it is signed.
#[derive(Clone)]
pub struct Call {
    pub method: &'static str,
    pub target: String,
    pub body: Vec<u8>,
    pub date: String,
    pub key_id: String,
    /// Names of the signed headers; the usual ones when `None`.
    pub signed: Option<&'static str>,
    pub extra: Vec<(&'static str, String)>,
}

pub fn rfc1123(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub fn key_id() -> String {
    let Identity { caller, fingerprint, .. } = identity();
    format!("{}/{}/{fingerprint}", caller.tenancy, caller.user)
}

impl Call {
    pub fn new(method: &'static str, target: impl Into<String>, body: &str) -> Self {
        Self {
            method,
            target: target.into(),
            body: body.into(),
            date: rfc1123(START.parse().unwrap()),
            key_id: key_id(),
            signed: None,
            extra: Vec::new(),
        }
    }

    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target, "")
    }

    /// The signed request, for `exchange`.
    pub fn sign(&self) -> Request<Bytes> {
        let mut headers = vec![("host", "127.0.0.1:12620".to_owned()), ("date", self.date.clone())];
        let has_body = matches!(self.method, "POST" | "PUT" | "PATCH");
        if has_body {
            headers.push(("content-length", self.body.len().to_string()));
            headers.push(("content-type", "application/json".to_owned()));
            headers.push(("x-content-sha256", STANDARD.encode(digest(&SHA256, &self.body))));
        }
        headers.extend(self.extra.clone());
        let names = self.signed.unwrap_or(if has_body {
            "date (request-target) host content-length content-type x-content-sha256"
        } else {
            "date (request-target) host"
        });
        let lines: Vec<String> = names
            .split(' ')
            .map(|name| match name {
                "(request-target)" => format!("{name}: {} {}", self.method.to_lowercase(), self.target),
                name => {
                    let value = headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
                    format!("{name}: {}", value.map_or("", String::as_str))
                }
            })
            .collect();
        let signature = STANDARD.encode(rsa_sign(lines.join("\n").as_bytes()));
        let authorization = format!(
            r#"Signature algorithm="rsa-sha256",headers="{names}",keyId="{}",signature="{signature}",version="1""#,
            self.key_id
        );
        let mut request = Request::builder().method(self.method).uri(&self.target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.header("authorization", authorization).body(self.body.clone().into()).unwrap()
    }

    /// The signed request as text, for a socket.
    pub fn wire(&self) -> Vec<u8> {
        let request = self.sign();
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in request.headers() {
            text.extend_from_slice(format!("{name}: ").as_bytes());
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&self.body);
        text
    }

    /// As [`Call::wire`], dated now, for a server that goes by the system's clock.
    pub fn wire_now(&self) -> Vec<u8> {
        Self { date: rfc1123(wall_clock()), ..self.clone() }.wire()
    }
}

#[expect(clippy::disallowed_methods, reason = "a server on a socket compares dates with the system's clock")]
pub fn wall_clock() -> Timestamp {
    Timestamp::now()
}

fn rsa_sign(message: &[u8]) -> Vec<u8> {
    let lines = identity().private_key_pem.lines().skip(1);
    let pem: String = lines.take_while(|line| !line.starts_with("-----END")).collect();
    let pair = KeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

/// A region in this process that checks signatures, with the test's key and compartment.
pub fn region(scenario: &Scenario) -> Region {
    let clock = Arc::new(ScaledClock::in_process(START.parse().unwrap()));
    let region = Region::new(scenario, 1, clock);
    let caller = identity().caller.clone();
    region.register(&Known::Tenancy { ocid: caller.tenancy.clone() }).unwrap();
    region.register(&Known::User { ocid: caller.user.clone() }).unwrap();
    region.register(&Known::Compartment { ocid: COMPARTMENT.into(), parent: None }).unwrap();
    region.add_key(caller.clone(), identity().public_key.clone());
    region.set_anonymous_caller(caller);
    region
}

/// The same, without signatures.
pub fn open_region(yaml: &str) -> Region {
    let scenario = Scenario::from_yaml(yaml, "test").unwrap();
    region(&Scenario { signatures: Signatures::Unchecked, ..scenario })
}

/// A server on a free port, which knows the test's key and compartment.
pub async fn server(yaml: &str) -> Running {
    let scenario = Scenario::from_yaml(yaml, "test").unwrap();
    let caller: Caller = identity().caller.clone();
    let options = Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        scenario,
        identity: Some(caller.clone()),
        known: vec![Known::Compartment { ocid: COMPARTMENT.into(), parent: None }],
        callers: vec![(caller, identity().public_key.clone())],
        ..Options::default()
    };
    start(options).await.unwrap()
}

/// Sends bytes and reads until the other side closes.
pub async fn talk(address: SocketAddr, bytes: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A request that asks for the connection to be closed afterwards.
pub fn closing(mut call: Call) -> Call {
    call.extra.push(("connection", "close".to_owned()));
    call
}

pub fn shapes_target() -> String {
    format!("/20160918/shapes?compartmentId={COMPARTMENT}")
}

/// Status and code of an error answer.
pub fn refusal(response: &http::Response<Bytes>) -> (u16, String) {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    (response.status().as_u16(), body["code"].as_str().unwrap_or_default().to_owned())
}

pub fn message(response: &http::Response<Bytes>) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    body["message"].as_str().unwrap_or_default().to_owned()
}
