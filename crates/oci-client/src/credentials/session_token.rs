//! Session tokens as `oci session authenticate` stores them: a token and the key pair for which it was issued.
//!
//! A token lives for an hour at most and can be renewed until a day after the log-in. Another process may renew it as well, so
//! the files are read again before each renewal, and the renewed token is written over the old one.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::auth_host::{Network, SignedBy};
use super::private_files::replace;
use super::renewing::{Pair, Renewing, TokenSource};
use super::token::{Due, Token};
use super::{CredentialsError, PrivateKey, Signer, Subject};
use crate::endpoint::Base;

/// The files of a session, and how to log in again.
#[derive(Clone)]
pub struct SessionFiles {
    /// The file with the token.
    pub token: PathBuf,
    /// The private key for which the token was issued.
    pub key: PathBuf,
    /// The passphrase of the key, if it is encrypted.
    pub passphrase: Option<Zeroizing<String>>,
    /// The tenancy that the profile names.
    pub tenancy: Option<String>,
    /// The command that logs in again.
    pub log_in: String,
}

impl fmt::Debug for SessionFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFiles")
            .field("token", &self.token)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Source {
    files: SessionFiles,
    network: Network,
    auth: Option<Base>,
}

impl SessionFiles {
    /// Reads the token and its key, and signs with them. The returned text, if any, is a warning about the key file. Without an
    /// auth host, the token is read again when it was replaced, but never renewed.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn sign_in(
        self,
        network: Network,
        auth: Option<Base>,
    ) -> Result<(Arc<dyn Signer>, Option<String>), CredentialsError> {
        let (pair, warning) = self.read()?;
        let (clock, seed) = (Arc::clone(&network.clock), network.seed);
        let signer = Renewing::new(Source { files: self, network, auth }, Some(pair), clock, seed);
        Ok((Arc::new(signer), warning))
    }

    fn read(&self) -> Result<(Pair, Option<String>), CredentialsError> {
        let path = || self.token.clone();
        let text =
            std::fs::read_to_string(&self.token).map_err(|error| CredentialsError::TokenUnreadable {
                path: path(),
                why: error.to_string(),
                log_in: self.log_in.clone(),
            })?;
        let token = Token::parse(&Zeroizing::new(text)).map_err(|why| CredentialsError::NotAToken {
            path: path(),
            why,
            log_in: self.log_in.clone(),
        })?;
        if let (Some(theirs), Some(ours)) = (&token.tenancy, &self.tenancy)
            && theirs != ours
        {
            return Err(CredentialsError::TokenOfAnotherTenancy {
                path: path(),
                theirs: crate::text::plain(theirs, 120),
                ours: ours.clone(),
                log_in: self.log_in.clone(),
            });
        }
        let file = PrivateKey::read(&self.key, self.passphrase.as_ref().map(|secret| secret.as_str()))?;
        Ok((Pair { token, key: Arc::new(file.key), on_behalf_of: None }, file.warning))
    }

    fn expired(&self, expired: Timestamp) -> CredentialsError {
        CredentialsError::TokenExpired { path: self.token.clone(), expired, log_in: self.log_in.clone() }
    }
}

impl Source {
    /// The pair on disk, if it is another one than the held pair and still lives.
    fn newer(&self, held: Option<&Pair>, now: Timestamp) -> Option<Pair> {
        // A file that is being replaced may be half written: the held token counts until the next look.
        let (pair, _) = self.files.read().ok()?;
        // A log-in replaces both files one after the other, so a pair may have been read that does not belong together.
        let is_same = |held: &Pair| {
            held.token.key_id == pair.token.key_id && held.key.public_der().ok() == pair.key.public_der().ok()
        };
        let is_new = !held.is_some_and(is_same);
        (is_new && pair.token.expires > now).then_some(pair)
    }

    async fn renewed(&self, held: Option<&Pair>) -> Result<Pair, CredentialsError> {
        let now = self.network.clock.now();
        if let Some(pair) = self.newer(held, now) {
            return Ok(pair);
        }
        let Some(held) = held.filter(|held| held.token.expires > now) else { return Err(self.ended(held)) };
        let over = || CredentialsError::SessionOver {
            path: self.files.token.clone(),
            log_in: self.files.log_in.clone(),
        };
        let Some(auth) = &self.auth else { return Err(over()) };
        let what = format!("the auth host {auth}");
        let by = SignedBy { key_id: &held.token.key_id, key: &held.key, host: true };
        let body = json!({"currentToken": held.token.text()}).to_string().into_bytes();
        let told = self.network.post(auth, "/v1/authentication/refresh", body, by).await?;
        if told.status == 401 {
            // Another process may have renewed it at the same time.
            return self.newer(Some(held), self.network.clock.now()).ok_or_else(over);
        }
        let token = told.token(&what)?;
        let path = self.files.token.display();
        if let Err(error) = replace(&self.files.token, token.text().as_bytes()) {
            // The token in memory is as good; other programs log in again.
            tracing::warn!(%path, %error, "the renewed session token could not be written");
        }
        Ok(Pair { token, key: Arc::clone(&held.key), on_behalf_of: None })
    }
}

impl TokenSource for Source {
    const DUE: Due = Due::AtHalfLife;
    const SUBJECT: Subject = Subject::User;

    fn obtain<'a>(&'a self, held: Option<&'a Pair>) -> BoxFuture<'a, Result<Pair, CredentialsError>> {
        self.renewed(held).boxed()
    }

    fn describe(&self, held: Option<&Pair>) -> String {
        let path = self.files.token.display();
        let until = held.map(|held| format!(", which is valid until {}", held.token.expires));
        format!("signed with the session token {path}{}", until.unwrap_or_default())
    }

    fn log_in(&self) -> Option<String> {
        Some(self.files.log_in.clone())
    }

    fn ended(&self, held: Option<&Pair>) -> CredentialsError {
        self.files.expired(held.map_or(Timestamp::MIN, |held| held.token.expires))
    }
}
