//! Session tokens as `oci session authenticate` stores them: a token and the key pair for which it was issued.
//!
//! When the service refuses the token, the files are read again, because somebody may have renewed it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{CredentialsError, PrivateKey, Signature, Signer};

/// Signs with a session token.
pub struct SessionToken {
    token_path: PathBuf,
    key_path: PathBuf,
    passphrase: Option<Zeroizing<String>>,
    session: Mutex<Arc<Session>>,
}

/// One token and its key.
struct Session {
    key_id: Arc<str>,
    expires: Timestamp,
    key: PrivateKey,
}

/// The claims that are read from a token's payload.
#[derive(Deserialize)]
struct Claims {
    exp: i64,
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionToken").field("token_path", &self.token_path).finish_non_exhaustive()
    }
}

impl SessionToken {
    /// Reads the token and its key. The returned text, if any, is a warning about the key file.
    pub fn load(
        token_path: &Path,
        key_path: &Path,
        passphrase: Option<Zeroizing<String>>,
    ) -> Result<(Self, Option<String>), CredentialsError> {
        let (session, warning) = Session::read(token_path, key_path, passphrase.as_ref())?;
        let token = Self {
            token_path: token_path.to_owned(),
            key_path: key_path.to_owned(),
            passphrase,
            session: Mutex::new(Arc::new(session)),
        };
        Ok((token, warning))
    }

    /// When the token expires.
    pub fn expires(&self) -> Timestamp {
        self.current().expires
    }

    fn current(&self) -> Arc<Session> {
        Arc::clone(&self.session.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Session {
    fn read(
        token_path: &Path,
        key_path: &Path,
        passphrase: Option<&Zeroizing<String>>,
    ) -> Result<(Self, Option<String>), CredentialsError> {
        let text = std::fs::read_to_string(token_path).map_err(|error| {
            CredentialsError::TokenUnreadable { path: token_path.to_owned(), why: error.to_string() }
        })?;
        let text = Zeroizing::new(text);
        let token = text.trim();
        let not_a_token = |why| CredentialsError::NotAToken { path: token_path.to_owned(), why };
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte)) {
            return Err(not_a_token("it contains invalid characters"));
        }
        let payload = token.split('.').nth(1).ok_or_else(|| not_a_token("it does not have three parts"))?;
        let payload = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|_| not_a_token("its middle part is not base64"))?;
        let claims: Claims =
            serde_json::from_slice(&payload).map_err(|_| not_a_token("it does not say when it expires"))?;
        let expires =
            Timestamp::from_second(claims.exp).map_err(|_| not_a_token("it does not say when it expires"))?;
        let file = PrivateKey::read(key_path, passphrase.map(|secret| secret.as_str()))?;
        Ok((Self { key_id: format!("ST${token}").into(), expires, key: file.key }, file.warning))
    }
}

impl Signer for SessionToken {
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError> {
        let session = self.current();
        if session.expires <= now {
            let (path, expired) = (self.token_path.clone(), session.expires);
            return Err(CredentialsError::TokenExpired { path, expired });
        }
        Ok(Signature { key_id: Arc::clone(&session.key_id), bytes: session.key.sign(text)? })
    }

    fn describe(&self) -> String {
        let path = self.token_path.display();
        format!("signed with the session token {path}, which is valid until {}", self.expires())
    }

    fn refresh(&self) -> bool {
        let Ok((session, _)) = Session::read(&self.token_path, &self.key_path, self.passphrase.as_ref())
        else {
            return false;
        };
        let mut current = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = session.key_id != current.key_id;
        *current = Arc::new(session);
        is_new
    }
}
