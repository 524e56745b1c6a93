//! Instance principals: the certificate of the instance that this program runs on is exchanged for tokens.
//!
//! The service replaces certificate and key long before they end, so all three documents are read for each renewal.

mod certificate;
mod metadata;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::json;

use super::auth_host::{Network, SignedBy, lasting};
use super::renewing::{Pair, Renewing, TokenSource};
use super::token::Due;
use super::{CredentialsError, Environment, PrivateKey, Signer, Subject};
use crate::endpoint::{Base, Endpoints};
use crate::regions::AddedRegions;
use certificate::Leaf;
pub(super) use metadata::Metadata;

/// The variable with the whole URL of the exchange, as the CLI reads it.
const FEDERATION: &str = "OCI_CLI_FEDERATION_ENDPOINT";

/// The path of the exchange.
const EXCHANGE: &str = "/v1/x509";

/// The instance that this program runs on.
#[derive(Debug)]
pub(super) struct Instance {
    metadata: Metadata,
    network: Network,
    /// Where the metadata service responded.
    address: String,
    auth: Base,
    /// The file with the token of the user for whom the instance acts.
    delegation: Option<PathBuf>,
    identity: Mutex<Option<Leaf>>,
}

/// What an instance knows about itself.
pub(super) struct InstanceFacts {
    pub region: String,
    pub tenancy: String,
}

impl Instance {
    /// Finds the metadata service. Tells within a second when there is none.
    pub async fn find(
        env: Environment<'_>,
        network: Network,
        added: &AddedRegions,
        delegation: Option<PathBuf>,
    ) -> Result<(Self, InstanceFacts), CredentialsError> {
        let metadata = Metadata::new(env, network.clone())?;
        let federation = env(FEDERATION).filter(|url| !url.trim().is_empty());
        let federation = federation.map(|url| federation_of(&url)).transpose()?;
        let (region, address) = metadata.find().await?;
        let auth = match federation.or_else(|| network.auth.clone()) {
            Some(base) => base,
            None => {
                Endpoints::for_region_or(&region, added).map_err(|error| lasting(error.to_string()))?.auth()
            }
        };
        let region = oci_api::Region::find(&region).map_or(region, |known| known.name.to_owned());
        let instance = Self { metadata, network, address, auth, delegation, identity: Mutex::default() };
        let (leaf, ..) = instance.documents().await?;
        Ok((instance, InstanceFacts { region, tenancy: leaf.tenancy }))
    }

    /// Signs with the instance's tokens.
    pub fn signer(self) -> Arc<dyn Signer> {
        let (clock, seed) = (Arc::clone(&self.network.clock), self.network.seed);
        Arc::new(Renewing::new(self, None, clock, seed))
    }

    /// The certificate, its key and the intermediate certificate. They are separate documents, so they are read once more when
    /// they were replaced in between.
    async fn documents(&self) -> Result<(Leaf, PrivateKey, String), CredentialsError> {
        let mut read_before = false;
        loop {
            let document = |name| self.metadata.read(&self.address, name);
            let pem = document("/identity/cert.pem").await?;
            let key = document("/identity/key.pem").await?;
            let intermediate = document("/identity/intermediate.pem").await?;
            let wrong = |name: &str, why: String| CredentialsError::SignInFailed {
                text: format!("{}/identity/{name} cannot be used: {why}", self.address),
                temporary: true,
            };
            let leaf = Leaf::parse(&pem).map_err(|why| wrong("cert.pem", why))?;
            let key = PrivateKey::from_pem(key.as_bytes(), None, "the key of the instance")
                .map_err(|error| wrong("key.pem", error.to_string()))?;
            if key.public_der()? != leaf.public_key {
                if std::mem::replace(&mut read_before, true) {
                    return Err(wrong(
                        "key.pem",
                        "the key does not belong to the certificate cert.pem".to_owned(),
                    ));
                }
                continue;
            }
            let intermediate =
                certificate::bare(&intermediate).map_err(|why| wrong("intermediate.pem", why))?;
            self.keep(&leaf)?;
            return Ok((leaf, key, intermediate));
        }
    }

    /// Keeps who the instance is. An instance never moves to another tenancy, so another one means another machine.
    fn keep(&self, leaf: &Leaf) -> Result<(), CredentialsError> {
        let mut known = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        match &*known {
            Some(known) if known.tenancy != leaf.tenancy => Err(lasting(format!(
                "the instance's certificate is of the tenancy {}, but it was of {} before: nothing is signed for another \
                 tenancy",
                crate::text::plain(&leaf.tenancy, 120),
                known.tenancy
            ))),
            _ => {
                *known = Some(leaf.clone());
                Ok(())
            }
        }
    }

    async fn exchange(&self) -> Result<Pair, CredentialsError> {
        let (leaf, key, intermediate) = self.documents().await?;
        let on_behalf_of = self.delegation.as_deref().map(super::delegation::read).transpose()?;
        let (session, public) = session_key().await?;
        let body = json!({
            "certificate": leaf.bare(),
            "publicKey": STANDARD.encode(&public),
            "intermediateCertificates": [intermediate],
            "fingerprintAlgorithm": "SHA256",
        });
        let key_id = format!("{}/fed-x509-sha256/{}", leaf.tenancy, leaf.fingerprint());
        let by = SignedBy { key_id: &key_id, key: &key, host: false };
        let told = self.network.post(&self.auth, EXCHANGE, body.to_string().into_bytes(), by).await?;
        let token = told.token(&format!("the auth host {}", self.auth))?;
        Ok(Pair { token, key: Arc::new(session), on_behalf_of })
    }
}

impl TokenSource for Instance {
    const DUE: Due = Due::BeforeItEnds;
    const SUBJECT: Subject = Subject::Instance;

    fn obtain<'a>(&'a self, _: Option<&'a Pair>) -> BoxFuture<'a, Result<Pair, CredentialsError>> {
        self.exchange().boxed()
    }

    fn describe(&self, _: Option<&Pair>) -> String {
        let known = self.identity.lock().unwrap_or_else(PoisonError::into_inner);
        let name = known.as_ref().and_then(|leaf| leaf.instance.clone());
        let name = name.map_or_else(|| "this machine".to_owned(), |ocid| crate::text::plain(&ocid, 120));
        match &self.delegation {
            Some(path) => {
                format!("signed as the instance {name} on behalf of the user in {}", path.display())
            }
            None => format!("signed as the instance {name}"),
        }
    }

    fn ended(&self, held: Option<&Pair>) -> CredentialsError {
        CredentialsError::SignInFailed {
            text: match held {
                Some(held) => {
                    format!("the token of the instance ended at {} and was not renewed", held.token.expires)
                }
                None => "there is no token of the instance yet".to_owned(),
            },
            temporary: true,
        }
    }
}

/// A new key for one token, and its public half as a SubjectPublicKeyInfo in DER. Making one takes some tenths of a second of
/// work, which must not keep requests waiting.
pub(super) async fn session_key() -> Result<(PrivateKey, Vec<u8>), CredentialsError> {
    let made = tokio::task::spawn_blocking(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| CredentialsError::SigningFailed)?;
        let key = PrivateKey::of(pair);
        let public = key.public_der()?;
        Ok((key, public))
    });
    made.await.map_err(|_| CredentialsError::SigningFailed)?
}

/// The base URL of the auth host in the whole URL of the exchange.
fn federation_of(url: &str) -> Result<Base, CredentialsError> {
    let base = url.trim().trim_end_matches('/');
    let base = base.strip_suffix(EXCHANGE).unwrap_or(base);
    Base::parse(base).map_err(|error| lasting(format!("{FEDERATION}: {error}")))
}
