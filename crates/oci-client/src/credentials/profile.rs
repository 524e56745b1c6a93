//! Turns a profile of the OCI configuration file, or the CLI's variables, into a signer.
//!
//! Precedence follows the official SDKs and CLI. The environment is passed in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::environment::Environment;
use super::error::KEY_CONTENT;
use super::values::{LoginSettings, Values};
use super::{ApiKey, ApiKeySettings, CredentialsError, PrivateKey, SessionToken, Signer};

/// A signer, with the facts that its profile states.
#[derive(Debug)]
pub struct Login {
    /// The signer.
    pub signer: Arc<dyn Signer>,
    /// The tenancy's OCID.
    pub tenancy: String,
    /// The user's OCID; `None` for a session token, which contains its user.
    pub user: Option<String>,
    /// The region, if the profile or the environment names one.
    pub region: Option<String>,
    /// Warnings for people.
    pub warnings: Vec<String>,
}

/// The region and tenancy of a login, known without reading the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFacts {
    /// The region, if the profile or the environment names one.
    pub region: Option<String>,
    /// The file or variable that names the region.
    pub region_from: Option<String>,
    /// The tenancy's OCID.
    pub tenancy: Option<String>,
}

impl LoginFacts {
    /// Reads the profile and checks the form of its values.
    pub fn read(settings: &LoginSettings, env: Environment<'_>) -> Result<Self, CredentialsError> {
        let values = Values::open(settings, env)?;
        let (region, region_from) = values.region().unzip();
        Ok(Self { region, region_from, tenancy: values.get("tenancy") })
    }
}

/// How the login signs.
enum Way {
    ApiKey,
    Session(PathBuf),
}

impl Login {
    /// Finds the file and the profile, reads the key, and checks its fingerprint.
    pub fn from_profile(settings: LoginSettings, env: Environment<'_>) -> Result<Self, CredentialsError> {
        let values = Values::open(&settings, env)?;
        let passphrase = settings.passphrase.or_else(|| values.get("pass_phrase").map(Zeroizing::new));
        match values.way()? {
            Way::ApiKey => values.api_key(passphrase),
            Way::Session(token) => values.session(&token, passphrase),
        }
    }
}

impl Values<'_> {
    /// Chooses between an API key and a session token. The CLI uses a session only if `auth` says so; this also recognises a
    /// profile that `oci session authenticate` wrote. A token that a profile merely inherits does not override a user of its
    /// own.
    fn way(&self) -> Result<Way, CredentialsError> {
        let token = self.path("security_token_file");
        match (self.get("authentication_type").as_deref(), token) {
            (Some("security_token"), None) => Err(self.missing(vec!["security_token_file"])),
            (Some("security_token"), Some(token)) => Ok(Way::Session(token)),
            (Some("api_key"), _) | (None, None) => Ok(Way::ApiKey),
            (None, Some(token)) => {
                let is_session = self.is_own("security_token_file") || self.get("user").is_none();
                Ok(if is_session { Way::Session(token) } else { Way::ApiKey })
            }
            (Some(other), _) => Err(self.refused(
                "authentication_type",
                other,
                "only API keys and session tokens (api_key, security_token) are supported",
            )),
        }
    }

    fn session(
        &self,
        token: &Path,
        passphrase: Option<Zeroizing<String>>,
    ) -> Result<Login, CredentialsError> {
        let key = self.path("key_file");
        let tenancy = self.get("tenancy");
        let (Some(key), Some(tenancy)) = (&key, &tenancy) else {
            return Err(self.missing(absent(&[("key_file", key.is_none()), ("tenancy", tenancy.is_none())])));
        };
        let (signer, warning) = SessionToken::load(token, key, passphrase)?;
        Ok(Login {
            signer: Arc::new(signer),
            tenancy: tenancy.clone(),
            user: None,
            region: self.region().map(|(region, _)| region),
            warnings: warning.into_iter().collect(),
        })
    }

    fn api_key(&self, passphrase: Option<Zeroizing<String>>) -> Result<Login, CredentialsError> {
        let user = self.get("user");
        let fingerprint = self.get("fingerprint");
        let tenancy = self.get("tenancy");
        let content = self.variable(KEY_CONTENT).map(Zeroizing::new);
        let key_path = self.path("key_file");
        let no_key = key_path.is_none() && content.is_none();
        let (Some(user), Some(fingerprint), Some(tenancy), false) = (&user, &fingerprint, &tenancy, no_key)
        else {
            return Err(self.missing(absent(&[
                ("user", user.is_none()),
                ("fingerprint", fingerprint.is_none()),
                ("tenancy", tenancy.is_none()),
                ("key_file", no_key),
            ])));
        };
        let (signer, warning) = match (content, key_path) {
            (None, Some(key_path)) => ApiKey::load(&ApiKeySettings {
                tenancy: tenancy.clone(),
                user: user.clone(),
                fingerprint: fingerprint.clone(),
                key_path,
                passphrase,
            })?,
            (content, _) => {
                let content = content.unwrap_or_default();
                let passphrase = passphrase.as_ref().map(|secret| secret.as_str());
                let key = PrivateKey::from_pem(content.as_bytes(), passphrase, KEY_CONTENT)?;
                (ApiKey::new(tenancy, user, fingerprint, key, KEY_CONTENT)?, None)
            }
        };
        Ok(Login {
            signer: Arc::new(signer),
            tenancy: tenancy.clone(),
            user: Some(user.clone()),
            region: self.region().map(|(region, _)| region),
            warnings: warning.into_iter().collect(),
        })
    }
}

/// The names of the missing keys.
fn absent(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    keys.iter().filter(|(_, absent)| *absent).map(|(key, _)| *key).collect()
}
