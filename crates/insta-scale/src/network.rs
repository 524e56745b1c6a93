//! What commands send requests with: HTTPS, with the proxies and certificates of the environment.
//!
//! It must not know who signs.

use crate::environment;
use crate::error::CommandError;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci_client::credentials::Network;
use oci_client::transport::{Https, Surroundings, Transport, TransportError};
use oci_client::{Base, Clock};
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// The variable with the base URL of the auth host, as the Go SDK reads it.
const AUTH_HOST: &str = "OCI_SDK_AUTH_CLIENT_REGION_URL";

/// HTTPS with the default limits.
fn https() -> Result<Https, CommandError> {
    Https::new().map_err(|error| CommandError::System {
        what: "HTTPS cannot be set up",
        source: std::io::Error::other(error),
    })
}

/// Whether a command sends requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    /// It does.
    Something,
    /// It does not, except for what obtains the first token of a principal. Proxies are checked and certificates looked for, but
    /// not read.
    Nothing,
}

/// What signing in needs of this machine. `auth` is the auth host, if a config replaces the region's.
pub fn network(clock: Arc<dyn Clock>, auth: Option<Base>, sends: Sends) -> Result<Network, CommandError> {
    let named = environment::variable(AUTH_HOST).map(|url| {
        Base::parse(&url)
            .map_err(|error| CommandError::usage(format!("{AUTH_HOST}: {error}"), "correct it, or unset it"))
    });
    let auth = named.transpose()?.or(auth);
    let is_plain = auth.as_ref().is_some_and(|auth| auth.scheme.as_str() == "http");
    let transport: Arc<dyn Transport> = match sends {
        Sends::Something => Arc::new(transport(is_plain)?),
        Sends::Nothing => {
            if !is_plain {
                Surroundings::check(&environment::variable)?;
            }
            Arc::new(Unneeded { is_plain, https: OnceLock::new() })
        }
    };
    Ok(Network { transport, clock, seed: environment::seed(), auth })
}

/// HTTPS with the proxies and certificates of the environment, which are irrelevant to plain http: that goes only to this machine.
pub fn transport(is_plain: bool) -> Result<Https, CommandError> {
    if is_plain { https() } else { Ok(https()?.in_surroundings(Surroundings::read(&environment::variable)?)) }
}

/// A transport that is made when a request is sent nevertheless: reading the certificates of a usual machine takes longer than
/// everything else that a command does which sends nothing.
struct Unneeded {
    is_plain: bool,
    https: OnceLock<Https>,
}

impl Unneeded {
    fn https(&self) -> Result<&Https, CommandError> {
        if let Some(https) = self.https.get() {
            return Ok(https);
        }
        let https = transport(self.is_plain)?;
        Ok(self.https.get_or_init(|| https))
    }
}

impl Transport for Unneeded {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        match self.https() {
            Ok(https) => https.send(request),
            Err(error) => {
                std::future::ready(Err(TransportError::lasting("TlsSetup", error.to_string()))).boxed()
            }
        }
    }

    fn trusting(&self, pem: &Path) -> Result<Option<Arc<dyn Transport>>, String> {
        self.https().map_err(|error| error.to_string())?.trusting(pem)
    }
}
