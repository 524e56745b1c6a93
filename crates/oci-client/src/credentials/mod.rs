//! Credentials: keys, tokens, and signing with them. This module must not know about requests.
//!
//! Secrets are read once, live in memory that is wiped when freed, and never appear in `Debug` output or errors.

mod api_key;
mod config_file;
mod environment;
mod error;
mod private_key;
mod profile;
mod session_token;
mod values;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

pub use api_key::{ApiKey, ApiKeySettings};
pub use config_file::{ConfigFile, ConfigFileError, Profile};
pub use environment::{Environment, config_file_path, expand_home, variables_suffice};
pub use error::CredentialsError;
pub use private_key::{KeyFile, PrivateKey};
pub use profile::{Login, LoginFacts};
pub use session_token::SessionToken;
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

    /// Looks for newer credentials after the service or [`Self::sign`] refused, and returns whether there are any.
    fn refresh(&self) -> bool {
        false
    }
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
