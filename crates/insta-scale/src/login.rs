//! From the settings to somebody who signs: the config's own key, a profile, or a passphrase typed on a terminal.
//!
//! Must not send anything.

use crate::config::{CredentialSource, ProfileFacts};
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use oci_client::credentials::{
    ApiKey, ApiKeySettings, ConfigFile, CredentialsError, Login, LoginSettings, Signer, config_file_path,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The passphrase of an encrypted key, when the config has none.
const PASSPHRASE: &str = "OCI_INSTA_SCALE_PASSPHRASE";

/// Somebody who signs.
pub struct SignedIn {
    /// Who.
    pub signer: Arc<dyn Signer>,
    /// What should be told.
    pub warnings: Vec<String>,
}

/// What a profile says of region and tenancy, without reading its key.
pub fn profile_facts(source: &CredentialSource) -> Result<ProfileFacts, String> {
    let CredentialSource::Profile { file, name } = source else { return Ok(ProfileFacts::default()) };
    let path = config_file_path(file.as_deref(), &environment::variable);
    let file = ConfigFile::read(&path).map_err(|error| error.to_string())?;
    let profile = file.profile(name).map_err(|error| error.to_string())?;
    let get = |key: &str, variable: &str| {
        environment::variable(variable).or_else(|| profile.get(key).map(str::to_owned))
    };
    Ok(ProfileFacts { region: get("region", "OCI_CLI_REGION"), tenancy: get("tenancy", "OCI_CLI_TENANCY") })
}

/// Reads the key and checks that it is the one that the fingerprint names.
pub fn sign_in(source: &CredentialSource) -> Result<Option<SignedIn>, CommandError> {
    let given = environment::variable(PASSPHRASE).map(Zeroizing::new);
    match attempt(source, given) {
        Err(CredentialsError::PassphraseNeeded { source_name, .. }) if console::can_ask() => {
            let typed = console::ask_secret(&format!("Passphrase of {source_name}: "))?;
            Ok(attempt(source, Some(typed))?)
        }
        other => Ok(other?),
    }
}

fn attempt(
    source: &CredentialSource,
    passphrase: Option<Zeroizing<String>>,
) -> Result<Option<SignedIn>, CredentialsError> {
    match source {
        CredentialSource::Simulated => Ok(None),
        CredentialSource::Fields(fields) => {
            let (key, warning) = ApiKey::load(&ApiKeySettings {
                tenancy: fields.tenancy.clone(),
                user: fields.user.clone(),
                fingerprint: fields.fingerprint.clone(),
                key_path: fields.key_path.clone(),
                passphrase: fields.passphrase.clone().or(passphrase),
            })?;
            Ok(Some(SignedIn { signer: Arc::new(key), warnings: warning.into_iter().collect() }))
        }
        CredentialSource::Profile { file, name } => {
            let settings =
                LoginSettings { config_file: file.clone(), profile: Some(name.clone()), passphrase };
            let login = Login::from_profile(settings, &environment::variable)?;
            Ok(Some(SignedIn { signer: login.signer, warnings: login.warnings }))
        }
    }
}
