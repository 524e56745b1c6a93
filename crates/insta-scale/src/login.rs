//! Creates a signer from the settings: the config's key, a profile, or a passphrase typed on a terminal.
//!
//! It must not send anything.

use crate::config::{CredentialSource, ProfileFacts};
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::tuning::PASSPHRASE_TRIES;
use jiff::Timestamp;
use oci_client::credentials::{
    ApiKey, ApiKeySettings, CredentialsError, Login, LoginFacts, LoginSettings, Signature, Signer,
};
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The variable for the passphrase of an encrypted key that the config does not contain.
const PASSPHRASE: &str = "OCI_INSTA_SCALE_PASSPHRASE";

/// A signer and its warnings.
pub struct SignedIn {
    /// The signer.
    pub signer: Arc<dyn Signer>,
    /// Warnings for people.
    pub warnings: Vec<String>,
}

/// The region and tenancy that a profile or the variables of the CLI state. No key is read.
pub fn profile_facts(source: &CredentialSource) -> Result<ProfileFacts, CredentialsError> {
    let Some(settings) = login_settings(source, None) else { return Ok(ProfileFacts::default()) };
    let LoginFacts { region, region_from, tenancy } = LoginFacts::read(&settings, &environment::variable)?;
    Ok(ProfileFacts { region, region_from, tenancy })
}

/// The login settings of the official tools; `None` if the config contains the credentials.
fn login_settings(source: &CredentialSource, passphrase: Option<Zeroizing<String>>) -> Option<LoginSettings> {
    match source {
        CredentialSource::Simulated | CredentialSource::Fields(_) => None,
        CredentialSource::Variables => Some(LoginSettings { passphrase, ..LoginSettings::default() }),
        CredentialSource::Profile { file, name } => {
            Some(LoginSettings { config_file: file.clone(), profile: Some(name.clone()), passphrase })
        }
    }
}

/// Reads the key and checks that it has the configured fingerprint.
pub fn sign_in(source: &CredentialSource) -> Result<Option<SignedIn>, CommandError> {
    let given = environment::variable(PASSPHRASE).map(Zeroizing::new);
    let signed_in = match attempt(source, given) {
        Err(CredentialsError::PassphraseNeeded { source_name, .. }) if console::can_ask() => {
            typed(source, &source_name, &console::ask_secret)
        }
        other => Ok(other?),
    }?;
    Ok(signed_in.map(|SignedIn { signer, warnings }| {
        let signer = Renewable { source: source.clone(), signer: Mutex::new(signer) };
        SignedIn { signer: Arc::new(signer), warnings }
    }))
}

/// Signs with the credentials on disk, even after they were replaced, because a hunt runs for weeks.
#[derive(Debug)]
struct Renewable {
    source: CredentialSource,
    signer: Mutex<Arc<dyn Signer>>,
}

impl Renewable {
    fn current(&self) -> Arc<dyn Signer> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Signer for Renewable {
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError> {
        self.current().sign(text, now)
    }

    fn describe(&self) -> String {
        self.current().describe()
    }

    fn refresh(&self) -> bool {
        let current = self.current();
        if current.refresh() {
            return true;
        }
        // A typed passphrase is not stored, so such a key cannot be read again.
        let given = environment::variable(PASSPHRASE).map(Zeroizing::new);
        let Ok(Some(found)) = attempt(&self.source, given) else { return false };
        let is_new = !sign_alike(&*current, &*found.signer);
        if is_new {
            *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = found.signer;
        }
        is_new
    }
}

/// Whether two signers have the same key and key id, compared by their deterministic signatures.
fn sign_alike(one: &dyn Signer, other: &dyn Signer) -> bool {
    let sign = |signer: &dyn Signer| signer.sign(b"the same?", Timestamp::UNIX_EPOCH);
    match (sign(one), sign(other)) {
        (Ok(one), Ok(other)) => one.key_id == other.key_id && one.bytes == other.bytes,
        // An expired signer may have been renewed.
        (one, other) => one.is_err() && other.is_err(),
    }
}

/// Asks for the passphrase until it decrypts the key.
fn typed(
    source: &CredentialSource,
    key: &str,
    ask: &dyn Fn(&str) -> Result<Zeroizing<String>, CommandError>,
) -> Result<Option<SignedIn>, CommandError> {
    let mut question = format!("Passphrase of {key}: ");
    for _ in 1..PASSPHRASE_TRIES {
        match attempt(source, Some(ask(&question)?)) {
            Err(CredentialsError::WrongPassphrase { .. }) => {
                question = format!("Wrong passphrase. Passphrase of {key}: ");
            }
            other => return Ok(other?),
        }
    }
    Ok(attempt(source, Some(ask(&question)?))?)
}

/// The remedy for unusable credentials if the error text does not contain it.
pub fn remedy(error: &CredentialsError) -> Option<String> {
    match error {
        CredentialsError::PassphraseNeeded { .. } => Some(format!(
            "set private_key_passphrase in the config (pass_phrase in a profile, OCI_CLI_PASSPHRASE with the other \
                 variables of the CLI) or {PASSPHRASE}; on a terminal, the command asks for it"
        )),
        CredentialsError::SettingsMissing { .. } => Some(
            "`oci setup config` writes a complete profile; without a file, set OCI_CLI_USER, OCI_CLI_TENANCY, \
                 OCI_CLI_FINGERPRINT, OCI_CLI_REGION, and OCI_CLI_KEY_FILE or OCI_CLI_KEY_CONTENT"
                .to_owned(),
        ),
        CredentialsError::WrongPassphrase { .. } => Some(format!(
            "it comes from private_key_passphrase in the config (pass_phrase in a profile), otherwise from {PASSPHRASE}"
        )),
        _ => None,
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
        CredentialSource::Profile { .. } | CredentialSource::Variables => {
            let settings = login_settings(source, passphrase).unwrap_or_default();
            let login = Login::from_profile(settings, &environment::variable)?;
            Ok(Some(SignedIn { signer: login.signer, warnings: login.warnings }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyFields;
    use std::cell::Cell;

    /// How many prompts there are, and the final error, if the `right` passphrase is typed at prompt number `right_at`.
    fn asked(right_at: usize) -> (usize, CommandError) {
        let keys = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/keys");
        let source = CredentialSource::Fields(KeyFields {
            tenancy: "ocid1.tenancy.oc1..a".to_owned(),
            user: "ocid1.user.oc1..a".to_owned(),
            // The fingerprint of another key, so that the error shows that the passphrase decrypted the key.
            fingerprint: "00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00".to_owned(),
            key_path: keys.join("encrypted-pbkdf2.pem"),
            passphrase: None,
        });
        let times = Cell::new(0);
        let ask = |_: &str| {
            times.set(times.get() + 1);
            let text = if times.get() == right_at { RIGHT } else { "wrong" };
            Ok(Zeroizing::new(text.to_owned()))
        };
        match typed(&source, "key.pem", &ask) {
            Err(error) => (times.get(), error),
            Ok(_) => panic!("the fingerprint is another key's"),
        }
    }

    const RIGHT: &str = "swordfish";

    #[test]
    fn a_passphrase_may_be_mistyped_twice() {
        let (times, error) = asked(3);
        let opened = matches!(error, CommandError::Credentials(CredentialsError::FingerprintMismatch { .. }));
        assert!(times == 3 && opened, "{times} {error}");
        let (times, error) = asked(4);
        let refused = matches!(error, CommandError::Credentials(CredentialsError::WrongPassphrase { .. }));
        assert!(times == 3 && refused, "{times} {error}");
    }

    #[test]
    fn a_replaced_key_is_read_again_after_a_refusal() {
        let folder = tempfile::tempdir().unwrap();
        let keys = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/keys");
        let config = folder.path().join("config");
        let write = |user: &str| {
            let text = format!(
                "[DEFAULT]\nuser=ocid1.user.oc1..{user}\ntenancy=ocid1.tenancy.oc1..a\nregion=us-phoenix-1\n\
                 fingerprint=b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2\nkey_file={}\n",
                keys.join("pkcs1.pem").display()
            );
            std::fs::write(&config, text).unwrap();
        };
        write("aaaa");
        let source = CredentialSource::Profile { file: Some(config.clone()), name: "DEFAULT".to_owned() };
        let signer = sign_in(&source).unwrap().unwrap().signer;
        assert!(!signer.refresh(), "nothing is new");
        let before = signer.sign(b"text", Timestamp::UNIX_EPOCH).unwrap().key_id;
        write("bbbb");
        assert!(signer.refresh());
        assert_ne!(signer.sign(b"text", Timestamp::UNIX_EPOCH).unwrap().key_id, before);
        assert!(!signer.refresh());
        std::fs::remove_file(&config).unwrap();
        assert!(!signer.refresh(), "what is in use stays");
    }
}
