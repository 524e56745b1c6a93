//! Who we are to the service: keys and tokens, and how they sign. Knows nothing of requests.
//!
//! Secrets are read once, live in memory that is wiped when freed, and never appear in `Debug` or in an error.

use jiff::Timestamp;

/// Signs requests in somebody's name.
pub trait Signer: Send + Sync + std::fmt::Debug {
    /// Signs `text` at time `now`.
    ///
    /// # Errors
    /// When the credentials are known to be of no use any more (a token that has expired).
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError>;

    /// Called after the service refused a signature: looks for newer credentials, and says whether there are any.
    fn refresh(&self) -> bool {
        false
    }
}

/// A signature, and by whom.
#[derive(Clone, Debug)]
pub struct Signature {
    /// The service's name for the key: `<tenancy>/<user>/<fingerprint>` or `ST$<token>`. The latter is a secret.
    pub key_id: std::sync::Arc<str>,
    /// RSA PKCS#1 v1.5 over SHA-256.
    pub bytes: Vec<u8>,
}

/// Why credentials cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// placeholder
    #[error("{0}")]
    Other(String),
}
