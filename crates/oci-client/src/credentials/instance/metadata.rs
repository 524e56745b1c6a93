//! The metadata service of an OCI instance (version 2), as far as signing in needs it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use zeroize::Zeroizing;

use super::super::auth_host::{Network, lasting};
use super::super::{CredentialsError, Environment};
use crate::endpoint::is_loopback;
use crate::text::plain;
use crate::tuning::{METADATA_BASE, METADATA_CAP, METADATA_FIRST, METADATA_TRIES};

/// The addresses of the service, in the order in which they are tried.
const ADDRESSES: [&str; 2] = ["http://169.254.169.254/opc/v2", "http://[fd00:c1::a9fe:a9fe]/opc/v2"];

/// The variable that replaces the addresses, for tests and proxies.
const OVERRIDE: &str = "OCI_METADATA_BASE_URL";

/// Reads the metadata service.
#[derive(Debug)]
pub(in crate::credentials) struct Metadata {
    addresses: Vec<String>,
    network: Network,
}

/// Why a document could not be read.
enum Unread {
    /// Nothing responds there.
    NoAnswer(String),
    /// The service has it not now, but may have it soon.
    NotNow(String),
    /// What responds is not the metadata service.
    Foreign(String),
}

impl Metadata {
    /// The service that the environment names, or that of this machine.
    pub fn new(env: Environment<'_>, network: Network) -> Result<Self, CredentialsError> {
        let given = env(OVERRIDE).filter(|url| !url.trim().is_empty());
        let addresses = match given {
            Some(url) => vec![checked(url.trim().trim_end_matches('/'))?],
            None => ADDRESSES.map(str::to_owned).to_vec(),
        };
        Ok(Self { addresses, network })
    }

    /// The region of the instance, and the address at which the service responded. Tells within a second when there is none.
    pub async fn find(&self) -> Result<(String, String), CredentialsError> {
        let mut last = String::new();
        for address in &self.addresses {
            match self.patiently(address, "/instance/region", METADATA_FIRST).await {
                Ok(text) => return Ok((region(&text, address)?, address.clone())),
                Err(Unread::Foreign(why) | Unread::NotNow(why)) => return Err(lasting(not_on_oci(&why))),
                Err(Unread::NoAnswer(why)) => last = why,
            }
        }
        Err(lasting(not_on_oci(&last)))
    }

    /// A document of the service at an address where it has responded before.
    pub async fn read(
        &self,
        address: &str,
        document: &'static str,
    ) -> Result<Zeroizing<String>, CredentialsError> {
        self.patiently(address, document, crate::tuning::AUTH_ATTEMPT).await.map_err(|unread| match unread {
            Unread::NoAnswer(why) | Unread::NotNow(why) => CredentialsError::SignInFailed {
                text: format!("the metadata service cannot be read: {why}"),
                temporary: true,
            },
            Unread::Foreign(why) => lasting(not_on_oci(&why)),
        })
    }

    /// Asks again when the service says that it will have the document later, which it does for moments while an instance starts.
    async fn patiently(
        &self,
        address: &str,
        document: &'static str,
        limit: Duration,
    ) -> Result<Zeroizing<String>, Unread> {
        let mut tries = 0;
        loop {
            let told = tokio::time::timeout(limit, self.get(address, document)).await.unwrap_or_else(|_| {
                Err(Unread::NoAnswer(format!("{address} did not respond within {} s", limit.as_secs_f64())))
            });
            tries += 1;
            match told {
                Err(Unread::NotNow(_)) if tries < METADATA_TRIES => {
                    let wait = METADATA_BASE.saturating_mul(2u32.saturating_pow(tries - 1));
                    tokio::time::sleep(wait.min(METADATA_CAP)).await;
                }
                other => return other,
            }
        }
    }

    async fn get(&self, address: &str, document: &'static str) -> Result<Zeroizing<String>, Unread> {
        let url = format!("{address}{document}");
        let foreign = |why: &str| Unread::Foreign(format!("{url} {why}"));
        let mut request = http::Request::new(Bytes::new());
        *request.uri_mut() = url.parse().map_err(|_| foreign("is no address"))?;
        if let Some(host) =
            request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())
        {
            request.headers_mut().insert(http::header::HOST, host);
        }
        // The service refuses requests without it, as a guard against requests that a web server was tricked into.
        request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer Oracle"));
        let answer = self.network.transport.send(request).await;
        let answer = answer.map_err(|error| Unread::NoAnswer(format!("{address}: {}", error.text)))?;
        let status = answer.status().as_u16();
        match status {
            200 => {
                let body = answer.into_body();
                let text = std::str::from_utf8(&body)
                    .map_err(|_| foreign("responds with something that is no text"))?;
                if text.trim_start().starts_with('<') {
                    return Err(foreign("responds with a web page instead of metadata"));
                }
                Ok(Zeroizing::new(text.to_owned()))
            }
            404 | 429 | 500.. => Err(Unread::NotNow(format!("{url} responds {status}"))),
            _ => Err(foreign(&format!("responds {status}"))),
        }
    }
}

/// The region's name or key, in lower case.
fn region(text: &str, address: &str) -> Result<String, CredentialsError> {
    let region = text.trim().to_ascii_lowercase();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if region.is_empty() || region.len() > 64 || !region.bytes().all(is_name) {
        let why =
            format!("{address}/instance/region responds with {:?}, which is no region", plain(text, 60));
        return Err(lasting(not_on_oci(&why)));
    }
    Ok(region)
}

fn not_on_oci(why: &str) -> String {
    format!(
        "this machine is not an OCI instance, or its metadata service is switched off ({why}): choose another way to sign in with --auth"
    )
}

/// Refuses an address at which others could read the key of the instance.
fn checked(url: &str) -> Result<String, CredentialsError> {
    let wrong = |why: &str| lasting(format!("{OVERRIDE} is {:?}, {why}", plain(url, 200)));
    let uri: http::Uri = url.parse().map_err(|_| wrong("which is no URL"))?;
    let host = uri.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_near = is_loopback(host) || bare == "169.254.169.254" || bare == "fd00:c1::a9fe:a9fe";
    match uri.scheme_str() {
        Some("https") if !host.is_empty() => Ok(url.to_owned()),
        Some("http") if is_near => Ok(url.to_owned()),
        Some("http") => {
            Err(wrong("which is plain http to another machine: others could read the key of the instance"))
        }
        _ => Err(wrong("which is no URL of the form http://host[:port]/opc/v2")),
    }
}
