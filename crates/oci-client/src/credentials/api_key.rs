//! API keys: a key pair that a user uploaded, named by tenancy, user and fingerprint.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{CredentialsError, PrivateKey, Signature, Signer};

/// The fields that define an API key.
#[derive(Clone)]
pub struct ApiKeySettings {
    /// The tenancy's OCID.
    pub tenancy: String,
    /// The user's OCID.
    pub user: String,
    /// The key's fingerprint, as the console shows it.
    pub fingerprint: String,
    /// The path of the private key. `~` is not expanded here: see [`super::expand_home`].
    pub key_path: PathBuf,
    /// The passphrase of the private key, if it is encrypted.
    pub passphrase: Option<Zeroizing<String>>,
}

impl fmt::Debug for ApiKeySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeySettings")
            .field("tenancy", &self.tenancy)
            .field("user", &self.user)
            .field("fingerprint", &self.fingerprint)
            .field("key_path", &self.key_path)
            .field("passphrase", &self.passphrase.as_ref().map(|_| ".."))
            .finish()
    }
}

/// Signs with an API key.
#[derive(Debug)]
pub struct ApiKey {
    key_id: Arc<str>,
    key: PrivateKey,
}

impl ApiKey {
    /// Reads the key file and checks that its key has the configured fingerprint. The returned text, if any, is a warning about
    /// the file.
    pub fn load(settings: &ApiKeySettings) -> Result<(Self, Option<String>), CredentialsError> {
        // The cheap check comes first: a malformed fingerprint can be refused without reading the key.
        let configured = parse_fingerprint(&settings.fingerprint)?;
        let passphrase = settings.passphrase.as_ref().map(|secret| secret.as_str());
        let file = PrivateKey::read(&settings.key_path, passphrase)?;
        let source_name = settings.key_path.display().to_string();
        let key = Self::with_key(&settings.tenancy, &settings.user, configured, file.key, source_name)?;
        Ok((key, file.warning))
    }

    /// An API key whose private key is already loaded. Errors call it `source_name`.
    pub fn new(
        tenancy: &str,
        user: &str,
        fingerprint: &str,
        key: PrivateKey,
        source_name: &str,
    ) -> Result<Self, CredentialsError> {
        Self::with_key(tenancy, user, parse_fingerprint(fingerprint)?, key, source_name.to_owned())
    }

    fn with_key(
        tenancy: &str,
        user: &str,
        configured: String,
        key: PrivateKey,
        source_name: String,
    ) -> Result<Self, CredentialsError> {
        let actual = key.fingerprint()?;
        if actual != configured {
            return Err(CredentialsError::FingerprintMismatch { source_name, actual, configured });
        }
        Ok(Self { key_id: format!("{tenancy}/{user}/{actual}").into(), key })
    }

    /// `<tenancy>/<user>/<fingerprint>`, which is not a secret.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

impl Signer for ApiKey {
    fn sign(&self, text: &[u8], _: Timestamp) -> Result<Signature, CredentialsError> {
        Ok(Signature { key_id: Arc::clone(&self.key_id), bytes: self.key.sign(text)? })
    }

    fn describe(&self) -> String {
        let mut parts = self.key_id.rsplit('/');
        let (fingerprint, user) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("signed with the API key {fingerprint} of {user}; the private key has this fingerprint")
    }
}

/// Returns a fingerprint in lower case if it is well formed.
fn parse_fingerprint(text: &str) -> Result<String, CredentialsError> {
    if is_fingerprint(text) {
        Ok(text.trim().to_ascii_lowercase())
    } else {
        Err(CredentialsError::BadFingerprint { configured: text.to_owned() })
    }
}

/// Whether a text is 16 pairs of hex digits joined by colons.
pub(super) fn is_fingerprint(text: &str) -> bool {
    let is_pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.trim().split(':').count() == 16 && text.trim().split(':').all(is_pair)
}
