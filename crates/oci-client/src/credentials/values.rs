//! The values of a profile after the CLI's variables have overridden them, each checked for its form.
//!
//! This module does not sign and does not read keys.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::config_file::ConfigFileError;
use super::environment::{Environment, config_file_path, expand_home, variables_suffice};
use super::{AuthMethod, ConfigFile, CredentialsError, Profile};
use crate::regions::AddedRegions;
use crate::text::plain;

/// Choices made by flag or setting. Everything else comes from the environment and the default paths.
#[derive(Clone, Debug, Default)]
pub struct LoginSettings {
    /// The configuration file.
    pub config_file: Option<PathBuf>,
    /// The profile.
    pub profile: Option<String>,
    /// The passphrase of an encrypted key, if somebody typed it.
    pub passphrase: Option<Zeroizing<String>>,
    /// The way of signing in, if it is not that of the profile.
    pub method: Option<AuthMethod>,
    /// Regions that this machine describes in addition to the built-in ones.
    pub added_regions: AddedRegions,
}

/// The keys that are read, each with the variable that overrides it.
const KEYS: &[(&str, &str)] = &[
    ("authentication_type", "OCI_CLI_AUTH"),
    ("delegation_token_file", "OCI_CLI_DELEGATION_TOKEN_FILE"),
    ("fingerprint", "OCI_CLI_FINGERPRINT"),
    ("key_file", "OCI_CLI_KEY_FILE"),
    (PASSPHRASE, "OCI_CLI_PASSPHRASE"),
    ("region", "OCI_CLI_REGION"),
    ("security_token_file", "OCI_CLI_SECURITY_TOKEN_FILE"),
    ("tenancy", "OCI_CLI_TENANCY"),
    ("user", "OCI_CLI_USER"),
];

/// The key whose value is never shown.
const PASSPHRASE: &str = "pass_phrase";

/// The variable from which the SDKs take the region if neither the profile nor the CLI's variable names one.
const SDK_REGION: &str = "OCI_REGION";

/// A profile with the CLI variables that override it, or the variables alone if they suffice.
pub(super) struct Values<'a> {
    file: Option<ConfigFile>,
    path: PathBuf,
    profile: String,
    env: Environment<'a>,
}

impl<'a> Values<'a> {
    /// Finds the file and the profile. If the variables suffice and no profile was requested, no file is needed, and an
    /// existing one provides at most the region.
    pub fn open(settings: &LoginSettings, env: Environment<'a>) -> Result<Self, CredentialsError> {
        let path = config_file_path(settings.config_file.as_deref(), env);
        let profile = settings
            .profile
            .clone()
            .or_else(|| env("OCI_CLI_PROFILE").filter(|name| !name.is_empty()))
            .unwrap_or_else(|| "DEFAULT".to_owned());
        let is_principal = settings.method.is_some_and(AuthMethod::is_principal);
        let alone = settings.profile.is_none() && (variables_suffice(env) || is_principal && !path.exists());
        let no_session = |error: ConfigFileError| match settings.method {
            // A session brings its own profile and key, so an API key would not help.
            Some(AuthMethod::SecurityToken) if !matches!(error, ConfigFileError::Line { .. }) => {
                let values = Self { file: None, path: path.clone(), profile: profile.clone(), env };
                CredentialsError::NoSession { why: error.to_string(), log_in: values.log_in() }
            }
            _ => error.into(),
        };
        let file = if alone { None } else { Some(ConfigFile::read(&path).map_err(no_session)?) };
        let file = match file {
            // A principal needs no profile, so the default one may be missing.
            Some(file) if is_principal && settings.profile.is_none() && file.profile(&profile).is_err() => {
                None
            }
            other => other,
        };
        if let Some(file) = &file {
            file.profile(&profile).map_err(no_session)?;
        }
        let values = Self { file, path, profile, env };
        values.check()?;
        Ok(values)
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.is_empty())
    }

    /// The variable if it is set, otherwise the profile's value.
    pub fn get(&self, key: &str) -> Option<String> {
        self.overriding(key).map(|(_, value)| value).or_else(|| self.profile()?.get(key).map(str::to_owned))
    }

    /// The value as a path, with `~` expanded.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).map(|path| expand_home(Path::new(&path), self.env))
    }

    /// The region, and the file or variable that names it.
    pub fn region(&self) -> Option<(String, String)> {
        let named = self.get("region").map(|region| (region, self.place_of("region")));
        named.or_else(|| self.variable(SDK_REGION).map(|region| (region, SDK_REGION.to_owned())))
    }

    /// The command that logs in again to the session of this profile.
    pub fn log_in(&self) -> String {
        use super::error::quote;
        let mut command = format!("oci session authenticate --profile-name {}", quote(&self.profile));
        if let Some((region, _)) = self.region() {
            command.push_str(" --region ");
            command.push_str(&quote(&region));
        }
        if self.path != expand_home(Path::new("~/.oci/config"), self.env) {
            command.push_str(" --config-location ");
            command.push_str(&quote(&self.path.display().to_string()));
        }
        command
    }

    /// Whether a profile was found.
    pub fn has_profile(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the profile has the key itself rather than inheriting it.
    pub fn is_own(&self, key: &str) -> bool {
        self.profile().is_some_and(|profile| profile.is_own(key))
    }

    /// The error for a setting that cannot be used, with its location.
    pub fn refused(&self, key: &'static str, value: &str, why: impl Into<String>) -> CredentialsError {
        let value = if key == PASSPHRASE { "..".to_owned() } else { plain(value, 120) };
        CredentialsError::SettingRefused { place: self.place_of(key), key, value, why: why.into() }
    }

    /// The error for missing settings of a session, which come from logging in rather than from `oci setup config`.
    pub fn no_session(&self, keys: Vec<&'static str>) -> CredentialsError {
        CredentialsError::NoSession { why: self.missing(keys).to_string(), log_in: self.log_in() }
    }

    /// The error for missing settings.
    pub fn missing(&self, keys: Vec<&'static str>) -> CredentialsError {
        let place = self.profile().map_or_else(|| "the environment".to_owned(), |profile| profile.place());
        CredentialsError::SettingsMissing { place, keys }
    }

    fn profile(&self) -> Option<Profile<'_>> {
        // Opening the file has already checked that the profile exists.
        self.file.as_ref()?.profile(&self.profile).ok()
    }

    fn overriding(&self, key: &str) -> Option<(&'static str, String)> {
        let (_, variable) = KEYS.iter().find(|(name, _)| *name == key)?;
        Some((variable, self.variable(variable)?))
    }

    /// The variable that provides a value, or the file and line.
    fn place_of(&self, key: &str) -> String {
        match self.overriding(key) {
            Some((variable, _)) => variable.to_owned(),
            None => self.profile().map_or_else(String::new, |profile| profile.place_of(key)),
        }
    }

    /// Checks everything that the text alone can show, before anything is sent.
    fn check(&self) -> Result<(), CredentialsError> {
        for (key, _) in KEYS {
            let Some(value) = self.get(key) else { continue };
            // No setting here has two lines: a second line was indented by mistake.
            if let Some((first, _)) = value.split_once('\n') {
                let why = "the next line is indented deeper, which makes it part of this value; align the two lines";
                return Err(self.refused(key, first, why));
            }
            let quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
            if *key != PASSPHRASE && (quoted('"') || quoted('\'')) {
                return Err(self.refused(
                    key,
                    &value,
                    "the quotes are part of the value here; leave them out",
                ));
            }
        }
        self.check_ocid("user", "tenancy")?;
        self.check_ocid("tenancy", "user")?;
        match self.get("fingerprint") {
            Some(fingerprint) if !super::api_key::is_fingerprint(&fingerprint) => Err(self.refused(
                "fingerprint",
                &fingerprint,
                "a fingerprint is 16 pairs of hex digits joined by colons, as the console shows it beside the key",
            )),
            _ => Ok(()),
        }
    }

    /// Checks that `key` holds the OCID of the named resource type, as strictly as the official SDKs check every OCID.
    fn check_ocid(&self, key: &'static str, other: &str) -> Result<(), CredentialsError> {
        let Some(value) = self.get(key) else { return Ok(()) };
        let parts: Vec<&str> = value.trim().split(['.', ':']).collect();
        let word =
            |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let ends = [parts.first(), parts.last()];
        let is_ocid = parts.len() > 4
            && parts.iter().all(word)
            && ends.into_iter().all(|part| part.is_some_and(|part| !part.is_empty()));
        let kind = match parts.as_slice() {
            ["ocid1" | "ocidv1", kind, ..] => Some(*kind),
            _ => None,
        };
        let why = if value.contains('@') {
            format!("that is an e-mail address; the console shows the {key}'s OCID (`ocid1.{key}.oc1..…`)")
        } else if !is_ocid {
            format!("that is no OCID; the {key}'s looks like `ocid1.{key}.oc1..…`")
        } else if kind == Some(other) {
            format!("that is the OCID of a {other}; are `{key}` and `{other}` swapped?")
        } else if let Some(kind) = kind.filter(|kind| *kind != key) {
            format!("that is the OCID of another kind of resource ({kind}); the {key}'s is wanted")
        } else {
            return Ok(());
        };
        Err(self.refused(key, &value, why))
    }
}
