//! Credentials: keys, tokens, and signing with them. This module must not know about requests.
//!
//! Secrets are read once, live in memory that is wiped when freed, and never appear in `Debug` output or errors.

mod api_key;
mod auth_host;
mod config_file;
mod delegation;
mod environment;
mod error;
mod instance;
mod method;
mod private_files;
mod private_key;
mod profile;
mod renewing;
mod resource;
mod session_token;
mod token;
mod values;
mod workload;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub use api_key::{ApiKey, ApiKeySettings};
pub use auth_host::Network;
pub use config_file::{ConfigFile, ConfigFileError, Profile};
pub use environment::{Environment, config_file_path, expand_home, variables_suffice};
pub use error::CredentialsError;
pub use method::AuthMethod;
pub use private_key::{KeyFile, PrivateKey};
pub use profile::{Login, LoginFacts};
pub use session_token::SessionFiles;
pub use token::Token;
pub use values::LoginSettings;

/// Signs requests for a user.
pub trait Signer: Send + Sync + fmt::Debug {
    /// Signs `text` at time `now`.
    ///
    /// # Errors
    /// When the credentials are known to be invalid, for example because a token has expired.
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError>;

    /// Describes who signs and which local checks have passed, for people to read after a refusal. It contains no secret.
    fn describe(&self) -> String {
        String::new()
    }

    /// What is known about who signs, for hints.
    fn facts(&self) -> SignerFacts {
        SignerFacts::default()
    }

    /// Waits until there is something to sign with. It returns at once while a token lives, and renews one that will end soon
    /// beside the requests.
    fn prepare(&self) -> BoxFuture<'_, Result<(), CredentialsError>> {
        std::future::ready(Ok(())).boxed()
    }

    /// Looks for other credentials than those with the key id `refused`, which the service or [`Self::sign`] refused, and
    /// returns whether there are any.
    ///
    /// # Errors
    /// When others should have been obtained and could not.
    fn renew<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<bool, CredentialsError>> {
        let _ = refused;
        std::future::ready(Ok(false)).boxed()
    }

    /// The token of the user for whom an instance acts. Requests carry it in the header `opc-obo-token`, which is signed.
    fn on_behalf_of(&self) -> Option<Arc<str>> {
        None
    }

    /// How many times a token was renewed.
    fn renewals(&self) -> u64 {
        0
    }
}

/// Whom a policy has to name, so that requests with a signature are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subject {
    /// A user, who is in groups.
    #[default]
    User,
    /// An instance, which is in dynamic groups.
    Instance,
    /// A function or another resource, which is in dynamic groups.
    Resource,
    /// The service account of a pod.
    Workload,
}

/// What is known about who signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerFacts {
    /// Whom a policy has to name.
    pub subject: Subject,
    /// When the token ends, if it is one.
    pub ends: Option<Timestamp>,
    /// The command by which a person logs in again, if that is the way to another token.
    pub log_in: Option<String>,
}

/// A signature and the id of the key that made it.
#[derive(Clone)]
pub struct Signature {
    /// The service's name for the key: `<tenancy>/<user>/<fingerprint>`, or `ST$<token>`, which is a secret.
    pub key_id: Arc<str>,
    /// RSA PKCS#1 v1.5 over SHA-256.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}
