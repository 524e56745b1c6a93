//! Resource principals (version 2.2): a function or another resource has a token and a key, which its platform replaces.
//!
//! Each is given as a value or as an absolute path. Paths are kept and read again, because a token lives for some hours only.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::auth_host::{Network, lasting};
use super::renewing::{Pair, Renewing, TokenSource};
use super::token::{Due, Token};
use super::{CredentialsError, Environment, PrivateKey, Signer, Subject};

const VERSION: &str = "OCI_RESOURCE_PRINCIPAL_VERSION";
const TOKEN: &str = "OCI_RESOURCE_PRINCIPAL_RPST";
const KEY: &str = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM";
const PASSPHRASE: &str = "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE";
pub(super) const REGION: &str = "OCI_RESOURCE_PRINCIPAL_REGION";

/// Whether the environment describes a resource principal.
pub(super) fn is_configured(env: Environment<'_>) -> bool {
    env(VERSION).is_some_and(|version| !version.is_empty()) && env(TOKEN).is_some()
}

/// A value, or the absolute path of a file with it.
enum Given {
    Value(Zeroizing<String>),
    File(PathBuf),
}

/// A resource with a token and a key.
pub(super) struct Resource {
    token: Given,
    key: Given,
    passphrase: Option<Given>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resource(..)")
    }
}

impl Given {
    fn new(text: String) -> Self {
        if Path::new(&text).is_absolute() {
            Self::File(text.into())
        } else {
            Self::Value(Zeroizing::new(text))
        }
    }

    fn read(&self, variable: &str) -> Result<Zeroizing<String>, CredentialsError> {
        match self {
            Self::Value(text) => Ok(text.clone()),
            Self::File(path) => std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
                lasting(format!("the file {} that {variable} names cannot be read: {error}", path.display()))
            }),
        }
    }
}

impl Resource {
    /// Reads the variables.
    pub fn new(env: Environment<'_>) -> Result<Self, CredentialsError> {
        let value = |name: &str| env(name).filter(|value| !value.trim().is_empty());
        match value(VERSION).as_deref() {
            Some("2.2") => {}
            Some(other) => {
                return Err(lasting(format!(
                    "{VERSION} is {:?}, but only version 2.2 of resource principals is supported",
                    crate::text::plain(other, 40)
                )));
            }
            None => {
                return Err(lasting(format!(
                    "{VERSION} is not set: this program does not run in a function or another resource with a principal. \
                     Choose another way to sign in with --auth"
                )));
            }
        }
        let needed = |name: &str| {
            value(name)
                .map(Given::new)
                .ok_or_else(|| lasting(format!("{name} is not set, but {VERSION} is 2.2")))
        };
        Ok(Self { token: needed(TOKEN)?, key: needed(KEY)?, passphrase: value(PASSPHRASE).map(Given::new) })
    }

    /// Signs with the resource's tokens. The returned token tells the tenancy.
    pub fn sign_in(self, network: &Network) -> Result<(Arc<dyn Signer>, Token), CredentialsError> {
        let pair = self.pair()?;
        let token = pair.token.clone();
        let signer = Renewing::new(self, Some(pair), Arc::clone(&network.clock), network.seed);
        Ok((Arc::new(signer), token))
    }

    fn pair(&self) -> Result<Pair, CredentialsError> {
        let passphrase = self.passphrase.as_ref().map(|given| given.read(PASSPHRASE)).transpose()?;
        let passphrase = passphrase.as_ref().map(|text| text.trim());
        let token = Token::parse(&self.token.read(TOKEN)?)
            .map_err(|why| lasting(format!("{TOKEN} does not contain a token ({why})")))?;
        let key = PrivateKey::from_pem(self.key.read(KEY)?.as_bytes(), passphrase, KEY)?;
        Ok(Pair { token, key: Arc::new(key), on_behalf_of: None })
    }
}

impl TokenSource for Resource {
    const DUE: Due = Due::AtHalfLife;
    const SUBJECT: Subject = Subject::Resource;

    fn obtain<'a>(&'a self, held: Option<&'a Pair>) -> BoxFuture<'a, Result<Pair, CredentialsError>> {
        // The platform replaces two files, one after the other: what cannot be used now may be complete soon.
        let later = |text: String| CredentialsError::SignInFailed { text, temporary: true };
        let pair = self.pair().map_err(|error| later(error.to_string())).and_then(|pair| match held {
            Some(held) if held.token.key_id == pair.token.key_id => {
                Err(later(format!("the platform has not replaced the token of {TOKEN} yet")))
            }
            _ => Ok(pair),
        });
        std::future::ready(pair).boxed()
    }

    fn describe(&self, held: Option<&Pair>) -> String {
        let name = held.and_then(|held| held.token.subject.as_deref()).unwrap_or("this program runs in");
        format!("signed as the resource {}", crate::text::plain(name, 120))
    }

    fn ended(&self, held: Option<&Pair>) -> CredentialsError {
        let ended = held.map(|held| format!(" ended at {}", held.token.expires)).unwrap_or_default();
        lasting(format!("the token of {TOKEN}{ended} and was not replaced"))
    }
}
