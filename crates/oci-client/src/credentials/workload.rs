//! OKE workload identity: the service account of a pod is exchanged for tokens at the cluster's own endpoint.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderValue};
use serde_json::json;
use zeroize::Zeroizing;

use super::auth_host::{Network, Told, lasting};
use super::instance::session_key;
use super::renewing::{Pair, Renewing, TokenSource};
use super::token::{Due, Token};
use super::{CredentialsError, Environment, Signer, Subject};
use crate::transport::Transport;

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const CERTIFICATE: &str = "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH";
const TOKEN_FILE: &str = "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH";
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Whether the environment is that of a pod with a workload identity.
pub(super) fn is_configured(env: Environment<'_>) -> bool {
    env(HOST).is_some_and(|host| !host.is_empty()) && env(super::resource::REGION).is_some()
}

/// A pod of an OKE cluster.
#[derive(Debug)]
pub(super) struct Workload {
    url: http::Uri,
    /// The file with the token of the service account, which Kubernetes replaces.
    account: PathBuf,
    network: Network,
}

impl Workload {
    /// Reads the variables, and trusts the certificate authority of the cluster.
    pub fn new(env: Environment<'_>, network: Network) -> Result<Self, CredentialsError> {
        let value = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        let host = value(HOST).ok_or_else(|| {
            lasting(format!(
                "{HOST} is not set: this program does not run in a Kubernetes pod. Choose another way to sign in with --auth"
            ))
        })?;
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let url = format!("https://{host}:12250/resourcePrincipalSessionTokens");
        let url = url.parse().map_err(|_| lasting(format!("{HOST} is no host name")))?;
        let beside = |name: &str| Path::new(ACCOUNT).join(name);
        let authority = value(CERTIFICATE).map_or_else(|| beside("ca.crt"), PathBuf::from);
        let account = value(TOKEN_FILE).map_or_else(|| beside("token"), PathBuf::from);
        let transport: Option<Arc<dyn Transport>> =
            network.transport.trusting(&authority).map_err(lasting)?;
        let network =
            Network { transport: transport.unwrap_or_else(|| Arc::clone(&network.transport)), ..network };
        Ok(Self { url, account, network })
    }

    /// Signs with the pod's tokens.
    pub fn signer(self) -> Arc<dyn Signer> {
        let (clock, seed) = (Arc::clone(&self.network.clock), self.network.seed);
        Arc::new(Renewing::new(self, None, clock, seed))
    }

    async fn exchange(&self) -> Result<Pair, CredentialsError> {
        let account = std::fs::read_to_string(&self.account).map(Zeroizing::new).map_err(|error| {
            lasting(format!(
                "the service account token {} cannot be read ({error}): mount it, or name it in {TOKEN_FILE}",
                self.account.display()
            ))
        })?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", account.trim()))
            .map_err(|_| lasting(format!("{} does not contain a token", self.account.display())))?;
        bearer.set_sensitive(true);
        let (key, public) = session_key().await?;
        let body = json!({"podKey": STANDARD.encode(&public)}).to_string();
        let mut request = http::Request::new(Bytes::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let what = self.url.to_string();
        let told = self.network.send(&what, request).await?;
        if told.status == 403 {
            return Err(lasting(format!(
                "{what} responded 403: workload identity needs an enhanced cluster. Upgrade the cluster, or choose another \
                 way to sign in with --auth"
            )));
        }
        let token = token(&told, &what)?;
        Ok(Pair { token, key: Arc::new(key), on_behalf_of: None })
    }
}

/// The token of a response, which is base64 of JSON whose token begins with `ST$`.
fn token(told: &Told, what: &str) -> Result<Token, CredentialsError> {
    if told.status != 200 {
        return Err(told.refusal(what));
    }
    let failed = |why: &str| CredentialsError::SignInFailed {
        text: format!("{what} responded without a token ({why})"),
        temporary: true,
    };
    let text = told.body.trim_ascii();
    let text = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let json = STANDARD.decode(text).map_err(|_| failed("the response is not base64"))?;
    let json: serde_json::Value =
        serde_json::from_slice(&json).map_err(|_| failed("the response is not JSON"))?;
    let token = json["token"].as_str().ok_or_else(|| failed("it has no `token`"))?;
    Token::parse(token.strip_prefix("ST$").unwrap_or(token)).map_err(failed)
}

impl TokenSource for Workload {
    const DUE: Due = Due::AtHalfLife;
    const SUBJECT: Subject = Subject::Workload;

    fn obtain<'a>(&'a self, _: Option<&'a Pair>) -> BoxFuture<'a, Result<Pair, CredentialsError>> {
        self.exchange().boxed()
    }

    fn describe(&self, held: Option<&Pair>) -> String {
        let name = held.and_then(|held| held.token.subject.as_deref()).unwrap_or("this program runs in");
        format!("signed as the workload {}", crate::text::plain(name, 120))
    }

    fn ended(&self, _: Option<&Pair>) -> CredentialsError {
        CredentialsError::SignInFailed {
            text: "the token of the workload ended and was not renewed".to_owned(),
            temporary: true,
        }
    }
}
