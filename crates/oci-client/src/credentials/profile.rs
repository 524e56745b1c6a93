//! From a profile of the OCI configuration file to somebody who can sign.
//!
//! Which file and which profile follows the official SDKs and CLI; the environment is passed in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    ApiKey, ApiKeySettings, ConfigFile, CredentialsError, PrivateKey, Profile, SessionToken, Signer,
};

/// Looks a variable up in the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What was asked for by flag or setting; the rest comes from the environment and the usual places.
#[derive(Clone, Debug, Default)]
pub struct LoginSettings {
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// The profile.
    pub profile: Option<String>,
    /// What opens an encrypted key, if somebody typed it.
    pub passphrase: Option<Zeroizing<String>>,
}

/// Somebody who can sign, and what the profile says about them.
#[derive(Debug)]
pub struct Login {
    /// Who signs.
    pub signer: Arc<dyn Signer>,
    /// The tenancy's OCID.
    pub tenancy: String,
    /// The user's OCID; `None` for a session token, which knows its user itself.
    pub user: Option<String>,
    /// The region, if the profile or the environment names one.
    pub region: Option<String>,
    /// What should be told to people.
    pub warnings: Vec<String>,
}

/// Where the configuration file is: as asked for; else `OCI_CLI_CONFIG_FILE`; else `~/.oci/config` if it is there; else
/// `OCI_CONFIG_FILE`; else `~/.oraclebmc/config` if it is there; else `~/.oci/config`, which then is not found.
pub fn config_file_path(asked: Option<&Path>, env: Environment<'_>) -> PathBuf {
    if let Some(path) = asked {
        return expand_home(path, env);
    }
    let variable =
        |name| env(name).filter(|value| !value.is_empty()).map(|path| expand_home(Path::new(&path), env));
    let usual = expand_home(Path::new("~/.oci/config"), env);
    let old = expand_home(Path::new("~/.oraclebmc/config"), env);
    variable("OCI_CLI_CONFIG_FILE")
        .or_else(|| usual.exists().then(|| usual.clone()))
        .or_else(|| variable("OCI_CONFIG_FILE"))
        .or_else(|| old.exists().then_some(old))
        .unwrap_or(usual)
}

/// A path with a leading `~` replaced by the home directory.
pub fn expand_home(path: &Path, env: Environment<'_>) -> PathBuf {
    let home = || env("HOME").or_else(|| env("USERPROFILE")).filter(|home| !home.is_empty());
    match path.strip_prefix("~") {
        Ok(rest) => home().map_or_else(|| path.to_owned(), |home| Path::new(&home).join(rest)),
        Err(_) => path.to_owned(),
    }
}

/// The keys that are read.
const KEYS: &[&str] = &[
    "authentication_type",
    "fingerprint",
    "key_file",
    "pass_phrase",
    "region",
    "security_token_file",
    "tenancy",
    "user",
];

/// A profile under the variables with which the CLI overrides it.
struct Values<'a> {
    profile: Profile<'a>,
    env: Environment<'a>,
}

impl Values<'_> {
    /// The variable if it is set, else the profile's value.
    fn get(&self, key: &str, variable: &str) -> Option<String> {
        (self.env)(variable)
            .filter(|value| !value.is_empty())
            .or_else(|| self.profile.get(key).map(str::to_owned))
    }

    fn path(&self, key: &str, variable: &str) -> Option<PathBuf> {
        self.get(key, variable).map(|path| expand_home(Path::new(&path), self.env))
    }

    fn passphrase(&self, asked: Option<Zeroizing<String>>) -> Option<Zeroizing<String>> {
        asked.or_else(|| self.get("pass_phrase", "OCI_CLI_PASSPHRASE").map(Zeroizing::new))
    }

    /// No setting here has two lines: one that does was indented by mistake.
    fn refuse_continued(&self) -> Result<(), CredentialsError> {
        for key in KEYS {
            if let Some((value, _)) = self.profile.get(key).and_then(|value| value.split_once('\n')) {
                return Err(CredentialsError::SettingRefused {
                    place: self.profile.place_of(key),
                    key,
                    value: if *key == "pass_phrase" { "..".to_owned() } else { value.to_owned() },
                    why: "the line after it is indented deeper, which makes it part of this value; align the two",
                });
            }
        }
        Ok(())
    }

    /// A fingerprint that is none, with the place that gave it.
    fn bad_fingerprint(&self, error: CredentialsError) -> CredentialsError {
        let variable = "OCI_CLI_FINGERPRINT";
        match error {
            CredentialsError::BadFingerprint { configured } => CredentialsError::SettingRefused {
                place: match (self.env)(variable).filter(|value| !value.is_empty()) {
                    Some(_) => variable.to_owned(),
                    None => self.profile.place_of("fingerprint"),
                },
                key: "fingerprint",
                value: configured,
                why: "a fingerprint is 16 pairs of hex digits joined by colons, as the console shows it beside the key",
            },
            error => error,
        }
    }

    fn missing(&self, keys: Vec<&'static str>) -> CredentialsError {
        CredentialsError::SettingsMissing { place: self.profile.place(), keys }
    }
}

impl Login {
    /// Finds the file and the profile, reads the key, and checks its fingerprint.
    pub fn from_profile(settings: LoginSettings, env: Environment<'_>) -> Result<Self, CredentialsError> {
        let path = config_file_path(settings.config_file.as_deref(), env);
        let file = ConfigFile::read(&path)?;
        let profile = settings
            .profile
            .or_else(|| env("OCI_CLI_PROFILE").filter(|name| !name.is_empty()))
            .unwrap_or_else(|| "DEFAULT".to_owned());
        let values = Values { profile: file.profile(&profile)?, env };
        values.refuse_continued()?;
        let region = values.get("region", "OCI_CLI_REGION").or_else(|| env("OCI_REGION"));
        let auth = values.get("authentication_type", "OCI_CLI_AUTH");
        let token = values.path("security_token_file", "OCI_CLI_SECURITY_TOKEN_FILE");
        match auth.as_deref() {
            None | Some("api_key" | "security_token") => {}
            Some(other) => {
                return Err(CredentialsError::SettingRefused {
                    place: values.profile.place_of("authentication_type"),
                    key: "authentication_type",
                    value: other.to_owned(),
                    why: "only API keys and session tokens (api_key, security_token) are supported",
                });
            }
        }
        match token {
            Some(token) if auth.as_deref() != Some("api_key") => {
                values.session(&token, settings.passphrase, region)
            }
            None if auth.as_deref() == Some("security_token") => {
                Err(values.missing(vec!["security_token_file"]))
            }
            _ => values.api_key(settings.passphrase, region),
        }
    }
}

impl Values<'_> {
    fn session(
        &self,
        token: &Path,
        passphrase: Option<Zeroizing<String>>,
        region: Option<String>,
    ) -> Result<Login, CredentialsError> {
        let key = self.path("key_file", "OCI_CLI_KEY_FILE");
        let tenancy = self.get("tenancy", "OCI_CLI_TENANCY");
        let (Some(key), Some(tenancy)) = (&key, &tenancy) else {
            return Err(self.missing(absent(&[("key_file", key.is_none()), ("tenancy", tenancy.is_none())])));
        };
        let (signer, warning) = SessionToken::load(token, key, self.passphrase(passphrase))?;
        Ok(Login {
            signer: Arc::new(signer),
            tenancy: tenancy.clone(),
            user: None,
            region,
            warnings: warning.into_iter().collect(),
        })
    }

    fn api_key(
        &self,
        passphrase: Option<Zeroizing<String>>,
        region: Option<String>,
    ) -> Result<Login, CredentialsError> {
        let user = self.get("user", "OCI_CLI_USER");
        let fingerprint = self.get("fingerprint", "OCI_CLI_FINGERPRINT");
        let tenancy = self.get("tenancy", "OCI_CLI_TENANCY");
        let content =
            (self.env)("OCI_CLI_KEY_CONTENT").filter(|content| !content.is_empty()).map(Zeroizing::new);
        let key_path = self.path("key_file", "OCI_CLI_KEY_FILE");
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
        let in_profile = |error| self.bad_fingerprint(error);
        let passphrase = self.passphrase(passphrase);
        let (signer, warning) = match (content, key_path) {
            (None, Some(key_path)) => ApiKey::load(&ApiKeySettings {
                tenancy: tenancy.clone(),
                user: user.clone(),
                fingerprint: fingerprint.clone(),
                key_path,
                passphrase,
            })
            .map_err(in_profile)?,
            (content, _) => {
                let name = "OCI_CLI_KEY_CONTENT";
                let content = content.unwrap_or_default();
                let key =
                    PrivateKey::from_pem(content.as_bytes(), passphrase.as_ref().map(|p| p.as_str()), name)?;
                (ApiKey::new(tenancy, user, fingerprint, key, name).map_err(in_profile)?, None)
            }
        };
        Ok(Login {
            signer: Arc::new(signer),
            tenancy: tenancy.clone(),
            user: Some(user.clone()),
            region,
            warnings: warning.into_iter().collect(),
        })
    }
}

/// The names of what is absent.
fn absent(keys: &[(&'static str, bool)]) -> Vec<&'static str> {
    keys.iter().filter(|(_, absent)| *absent).map(|(key, _)| *key).collect()
}
