//! Creates a signer from the settings: the config's key, a profile, or a passphrase typed on a terminal.
//!
//! It sends only what obtains the first token of a principal.

use crate::config::{CredentialSource, ProfileFacts};
use crate::environment;
use crate::error::CommandError;
use crate::network::{Sends, network};
use crate::output::console;
use crate::tuning::PASSPHRASE_TRIES;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use oci_client::SystemClock;
use oci_client::credentials::{
    ApiKey, ApiKeySettings, ConfigFileError, CredentialsError, Login, LoginFacts, LoginSettings, Network,
    Signature, Signer, SignerFacts,
};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
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

/// The region and tenancy that a profile or the variables of the CLI state, or that a principal has. No key of a user is read.
pub fn profile_facts(source: &CredentialSource) -> Result<ProfileFacts, CredentialsError> {
    let Some(settings) = login_settings(source, None) else { return Ok(ProfileFacts::default()) };
    let LoginFacts { region, region_from, tenancy } = match settings.method {
        Some(method) if method.is_principal() => facts_of_principal(settings)?,
        _ => LoginFacts::read(&settings, &environment::variable)?,
    };
    Ok(ProfileFacts { region, region_from, tenancy })
}

/// Asks where this program runs, on a thread of its own, because reading a config is no asynchronous matter.
fn facts_of_principal(settings: LoginSettings) -> Result<LoginFacts, CredentialsError> {
    let failed = |why: String| CredentialsError::SignInFailed { text: why, temporary: false };
    let ask = move || {
        let network = network(Arc::new(SystemClock), None, Sends::Something)
            .map_err(|error| failed(error.to_string()))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        runtime.block_on(LoginFacts::find(&settings, &environment::variable, &network))
    };
    let asked = std::thread::Builder::new().name("principal".to_owned()).spawn(ask);
    let asked = asked.map_err(|error| failed(format!("threads cannot be started: {error}")))?;
    asked.join().unwrap_or_else(|_| Err(failed("the metadata service could not be asked".to_owned())))
}

/// The login settings of the official tools; `None` if the config contains the credentials.
fn login_settings(source: &CredentialSource, passphrase: Option<Zeroizing<String>>) -> Option<LoginSettings> {
    let settings =
        LoginSettings { passphrase, added_regions: environment::added_regions(), ..LoginSettings::default() };
    match source {
        CredentialSource::Simulated(_) | CredentialSource::Fields(_) => None,
        CredentialSource::Variables => Some(settings),
        CredentialSource::Principal(method) => {
            let config_file = environment::variable("OCI_CLI_CONFIG_FILE").map(Into::into);
            Some(LoginSettings { config_file, method: Some(*method), ..settings })
        }
        CredentialSource::Profile { file, name, method } => Some(LoginSettings {
            config_file: file.clone(),
            profile: Some(name.clone()),
            method: *method,
            ..settings
        }),
    }
}

/// Reads the key and checks that it has the configured fingerprint, or obtains the first token. Blocks, but not the thread of
/// `runtime`.
pub fn sign_in(
    source: &CredentialSource,
    network: &Network,
    runtime: &Handle,
) -> Result<Option<SignedIn>, CommandError> {
    let given = environment::variable(PASSPHRASE).map(Zeroizing::new);
    let signed_in = match attempt(source, given, network, Some(runtime)) {
        Err(CredentialsError::PassphraseNeeded { source_name, .. }) if console::can_ask() => {
            typed(source, &source_name, network, &console::ask_secret)
        }
        other => Ok(other?),
    }?;
    Ok(signed_in.map(|SignedIn { signer, warnings }| {
        let (source, network) = (source.clone(), network.clone());
        let signer = Replaceable { source, network, signer: Mutex::new(signer) };
        SignedIn { signer: Arc::new(signer), warnings }
    }))
}

/// Signs with the credentials on disk, even after they were replaced, because a hunt runs for weeks.
#[derive(Debug)]
struct Replaceable {
    source: CredentialSource,
    network: Network,
    signer: Mutex<Arc<dyn Signer>>,
}

impl Replaceable {
    fn current(&self) -> Arc<dyn Signer> {
        self.signer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over other credentials if the files have any.
    fn replace(&self, current: &dyn Signer) -> bool {
        // A typed passphrase is not stored, so such a key cannot be read again.
        let given = environment::variable(PASSPHRASE).map(Zeroizing::new);
        let Ok(Some(found)) = attempt(&self.source, given, &self.network, None) else { return false };
        let is_new = !sign_alike(current, &*found.signer);
        if is_new {
            *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = found.signer;
        }
        is_new
    }
}

impl Signer for Replaceable {
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError> {
        self.current().sign(text, now)
    }

    fn describe(&self) -> String {
        self.current().describe()
    }

    fn facts(&self) -> SignerFacts {
        self.current().facts()
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), CredentialsError>> {
        let current = self.current();
        async move { current.prepare().await }.boxed()
    }

    fn renew<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<bool, CredentialsError>> {
        let current = self.current();
        async move {
            match current.renew(refused).await {
                Ok(true) => Ok(true),
                // Somebody may have corrected the profile, or logged in with another one.
                other => {
                    if self.replace(&*current) {
                        Ok(true)
                    } else {
                        other
                    }
                }
            }
        }
        .boxed()
    }

    fn on_behalf_of(&self) -> Option<Arc<str>> {
        self.current().on_behalf_of()
    }

    fn renewals(&self) -> u64 {
        self.current().renewals()
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
    network: &Network,
    ask: &dyn Fn(&str) -> Result<Zeroizing<String>, CommandError>,
) -> Result<Option<SignedIn>, CommandError> {
    let mut question = format!("Passphrase of {key}: ");
    for _ in 1..PASSPHRASE_TRIES {
        match attempt(source, Some(ask(&question)?), network, None) {
            Err(CredentialsError::WrongPassphrase { .. }) => {
                question = format!("Wrong passphrase. Passphrase of {key}: ");
            }
            other => return Ok(other?),
        }
    }
    Ok(attempt(source, Some(ask(&question)?), network, None)?)
}

/// How to get a key that works in place of an unusable one. A new file has no login that `init` would keep, and no `--profile` is
/// needed.
const NEW_KEY: &str = "on a terminal, `init NEW.yaml` makes another key and its profile (choose `new key`)";

/// The remedy for unusable credentials if the error text does not contain it.
pub fn remedy(error: &CredentialsError) -> Option<String> {
    match error {
        CredentialsError::PassphraseNeeded { .. } => Some(format!(
            "set private_key_passphrase in the config (pass_phrase in a profile, OCI_CLI_PASSPHRASE with the other \
                 variables of the CLI) or {PASSPHRASE}; on a terminal, the command asks for it"
        )),
        CredentialsError::ConfigFile(ConfigFileError::Unreadable { .. }) => Some(
            "`oci-insta-scale init` makes a key and a profile, as does `oci setup config`; if the profile is in another file, set \
                 OCI_CLI_CONFIG_FILE"
                .to_owned(),
        ),
        CredentialsError::SettingsMissing { .. } => Some(format!(
            "add them; {NEW_KEY}; without a file, set OCI_CLI_USER, OCI_CLI_TENANCY, OCI_CLI_FINGERPRINT, OCI_CLI_REGION, and \
                 OCI_CLI_KEY_FILE or OCI_CLI_KEY_CONTENT"
        )),
        CredentialsError::KeyMissing { .. } => Some(format!("if the key is lost: {NEW_KEY}")),
        CredentialsError::NotAKey { .. } => {
            Some(format!("name the file of the private key; if it is lost: {NEW_KEY}"))
        }
        CredentialsError::KeyRejected { .. } => Some(NEW_KEY.to_owned()),
        CredentialsError::KeyUnreadable { .. } => {
            Some("make it readable for this user, or correct the path".to_owned())
        }
        CredentialsError::WrongPassphrase { .. } => Some(format!(
            "it comes from private_key_passphrase in the config (pass_phrase in a profile), otherwise from {PASSPHRASE}"
        )),
        _ => None,
    }
}

/// Without a runtime, nothing is sent, so only credentials in files are found.
fn attempt(
    source: &CredentialSource,
    passphrase: Option<Zeroizing<String>>,
    network: &Network,
    runtime: Option<&Handle>,
) -> Result<Option<SignedIn>, CredentialsError> {
    match source {
        CredentialSource::Simulated(_) => Ok(None),
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
        CredentialSource::Profile { .. } | CredentialSource::Variables | CredentialSource::Principal(_) => {
            let settings = login_settings(source, passphrase).unwrap_or_default();
            let login = match runtime {
                Some(runtime) => {
                    Some(runtime.block_on(Login::open(settings, &environment::variable, network))?)
                }
                None => Login::from_files(settings, &environment::variable, network)?,
            };
            Ok(login.map(|Login { signer, warnings, .. }| SignedIn { signer, warnings }))
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
        match typed(
            &source,
            "key.pem",
            &network(Arc::new(SystemClock), None, Sends::Something).unwrap(),
            &ask,
        ) {
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

    #[tokio::test]
    async fn a_replaced_key_is_read_again_after_a_refusal() {
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
        let source = CredentialSource::Profile {
            file: Some(config.clone()),
            name: "DEFAULT".to_owned(),
            method: None,
        };
        let network = network(Arc::new(SystemClock), None, Sends::Something).unwrap();
        let runtime = Handle::current();
        let signing_in =
            std::thread::spawn(move || sign_in(&source, &network, &runtime).unwrap().unwrap().signer);
        let signer = tokio::task::spawn_blocking(|| signing_in.join().unwrap()).await.unwrap();
        assert_eq!(signer.renew(None).await, Ok(false), "nothing is new");
        let before = signer.sign(b"text", Timestamp::UNIX_EPOCH).unwrap().key_id;
        write("bbbb");
        assert_eq!(signer.renew(None).await, Ok(true));
        assert_ne!(signer.sign(b"text", Timestamp::UNIX_EPOCH).unwrap().key_id, before);
        assert_eq!(signer.renew(None).await, Ok(false));
        std::fs::remove_file(&config).unwrap();
        assert_eq!(signer.renew(None).await, Ok(false), "what is in use stays");
    }
}
