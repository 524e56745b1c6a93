//! The errors of credentials, each with its remedy.

use std::path::PathBuf;

use super::config_file::ConfigFileError;

/// Why credentials cannot be used. The texts never contain a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The key file does not exist.
    #[error("there is no key file at {}: put the private key there, or correct the path", path.display())]
    KeyMissing {
        /// The expected path.
        path: PathBuf,
    },
    /// The key file cannot be read.
    #[error("the key file {} cannot be read: {why}", path.display())]
    KeyUnreadable {
        /// Its path.
        path: PathBuf,
        /// The text of the operating system.
        why: String,
    },
    /// The file contains the public half of a key pair.
    #[error(
        "{source_name} contains a public key; signing needs the private key, which is usually next to it without \
             `_public` in its name"
    )]
    PublicKey {
        /// The file, or the setting that contains the key.
        source_name: String,
    },
    /// The file contains no key.
    #[error(
        "{source_name} contains no private key ({why}): it should have a line `-----BEGIN PRIVATE KEY-----` or \
             `-----BEGIN RSA PRIVATE KEY-----`"
    )]
    NotAKey {
        /// The file, or the setting that contains the key.
        source_name: String,
        /// What it contains instead.
        why: String,
    },
    /// The file contains a private key of a type that OCI does not accept.
    #[error("{source_name} contains {what}, which OCI does not accept: {remedy}")]
    WrongKind {
        /// The file, or the setting that contains the key.
        source_name: String,
        /// What it contains.
        what: String,
        /// The remedy.
        remedy: String,
    },
    /// The key uses OpenSSL's encryption from before PKCS#8, which derives the encryption key with one round of MD5.
    #[error(
        "{source_name} uses the old encryption of OpenSSL (Proc-Type: 4,ENCRYPTED), which is too weak to be supported. {}",
        convert(source_name)
    )]
    LegacyEncryption {
        /// The file, or the setting that contains the key.
        source_name: String,
    },
    /// The encryption scheme is not supported.
    #[error("{source_name} uses an unsupported encryption ({why}). {}", convert(source_name))]
    UnknownEncryption {
        /// The file, or the setting that contains the key.
        source_name: String,
        /// The part that is not supported.
        why: String,
    },
    /// The key is encrypted, and no passphrase was given.
    #[error("{source_name} is encrypted, but no passphrase was given")]
    PassphraseNeeded {
        /// The file, or the setting that contains the key.
        source_name: String,
    },
    /// The passphrase does not decrypt the key.
    #[error("the passphrase does not open {source_name}")]
    WrongPassphrase {
        /// The file, or the setting that contains the key.
        source_name: String,
    },
    /// The key is not a usable RSA key.
    #[error("the key in {source_name} cannot be used ({why}): OCI accepts RSA keys of 2048 bits or more")]
    KeyRejected {
        /// The file, or the setting that contains the key.
        source_name: String,
        /// The text of the crypto library.
        why: String,
    },
    /// The fingerprint is malformed.
    #[error(
        "the fingerprint {configured:?} is not 16 pairs of hex digits separated by colons, as in \
             12:34:56:78:9a:bc:de:f0:12:34:56:78:9a:bc:de:f0"
    )]
    BadFingerprint {
        /// The given fingerprint.
        configured: String,
    },
    /// The fingerprint belongs to another key.
    #[error(
        "the key at {source_name} has fingerprint {actual}, but the config has {configured}: use the key with that \
             fingerprint, or correct the fingerprint"
    )]
    FingerprintMismatch {
        /// The file, or the setting that contains the key.
        source_name: String,
        /// The fingerprint of the key.
        actual: String,
        /// The given fingerprint.
        configured: String,
    },
    /// There is no session to sign in with.
    #[error("{why}: log in with `{log_in}`")]
    NoSession {
        /// What is missing.
        why: String,
        /// The command that logs in.
        log_in: String,
    },
    /// A setting is missing.
    #[error("{place} has no {}", keys.join(", no "))]
    SettingsMissing {
        /// File and profile.
        place: String,
        /// The missing keys.
        keys: Vec<&'static str>,
    },
    /// A setting that is not supported.
    #[error("{place} has {key} = {value:?}: {why}")]
    SettingRefused {
        /// File and line.
        place: String,
        /// Its key.
        key: &'static str,
        /// Its value.
        value: String,
        /// Why it is refused.
        why: String,
    },
    /// The configuration file cannot be used.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// The session token cannot be read.
    #[error("the session token {} cannot be read ({why}): log in again with `{log_in}`", path.display())]
    TokenUnreadable {
        /// Its path.
        path: PathBuf,
        /// The text of the operating system.
        why: String,
        /// The command that logs in again.
        log_in: String,
    },
    /// The file holds no session token.
    #[error("{} does not contain a session token ({why}): log in again with `{log_in}`", path.display())]
    NotAToken {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
        /// The command that logs in again.
        log_in: String,
    },
    /// The session token belongs to another tenancy than its profile.
    #[error(
        "the session token {} is of the tenancy {theirs}, but its profile has {ours}: correct `tenancy`, or log in again with \
             `{log_in}`",
        path.display()
    )]
    TokenOfAnotherTenancy {
        /// Its path.
        path: PathBuf,
        /// The tenancy of the token.
        theirs: String,
        /// The tenancy of the profile.
        ours: String,
        /// The command that logs in again.
        log_in: String,
    },
    /// The session token has expired.
    #[error("the session token {} expired at {expired}: log in again with `{log_in}`", path.display())]
    TokenExpired {
        /// Its path.
        path: PathBuf,
        /// When it expired.
        expired: jiff::Timestamp,
        /// The command that logs in again.
        log_in: String,
    },
    /// The session is over: OCI renews its token no further.
    #[error("OCI does not renew the session token {} any further: log in again with `{log_in}`", path.display())]
    SessionOver {
        /// Its path.
        path: PathBuf,
        /// The command that logs in again.
        log_in: String,
    },
    /// No token could be obtained.
    #[error("{text}")]
    SignInFailed {
        /// What happened, and the remedy if there is one.
        text: String,
        /// Whether another attempt may succeed.
        temporary: bool,
    },
    /// The crypto library failed to sign.
    #[error("the request could not be signed")]
    SigningFailed,
}

impl CredentialsError {
    /// Whether another attempt may succeed without anybody changing something.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::SignInFailed { temporary: true, .. })
    }
}

/// How to convert a key to a supported format: every OpenSSL since 1.0 and LibreSSL has the command, and all of their default
/// encryption schemes are supported.
fn convert(source_name: &str) -> String {
    let quoted = quote(source_name);
    match source_name {
        KEY_CONTENT => format!(
            "Save it to a file KEY.pem, run `openssl pkcs8 -topk8 -v2 aes256 -in KEY.pem`, and set {KEY_CONTENT} to \
                 the output"
        ),
        _ => format!(
            "Run `openssl pkcs8 -topk8 -v2 aes256 -in {quoted} -out {}`, and use the new file instead",
            quote(&format!("{source_name}.new"))
        ),
    }
}

/// Quotes a path for a shell.
pub(super) fn quote(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,~".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// The variable that can hold a private key.
pub(super) const KEY_CONTENT: &str = "OCI_CLI_KEY_CONTENT";
