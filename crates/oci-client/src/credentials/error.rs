//! Why credentials cannot be used, each with what to do about it.

use std::path::PathBuf;

use super::config_file::ConfigFileError;

/// Why credentials cannot be used. The texts never hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The key file is not there.
    #[error("there is no key file at {}: check the path, or create a key with `oci setup keys`", path.display())]
    KeyMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key file cannot be read.
    #[error("the key file {} cannot be read: {why}", path.display())]
    KeyUnreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is the public half.
    #[error(
        "{source_name} contains a public key; signing needs the private key, which is usually next to it without \
             `_public` in its name"
    )]
    PublicKey {
        /// The file, or the setting that held it.
        source_name: String,
    },
    /// It holds no key.
    #[error(
        "{source_name} contains no private key ({why}): it should have a line `-----BEGIN PRIVATE KEY-----` or \
             `-----BEGIN RSA PRIVATE KEY-----`"
    )]
    NotAKey {
        /// The file, or the setting that held it.
        source_name: String,
        /// What it holds instead.
        why: String,
    },
    /// It is a private key in a form that OCI does not take.
    #[error("{source_name} contains {what}, which OCI does not accept: {remedy}")]
    WrongKind {
        /// The file, or the setting that held it.
        source_name: String,
        /// What it holds.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// It is encrypted in the way of OpenSSL before PKCS#8, which derives the key with one round of MD5.
    #[error(
        "{source_name} uses the old encryption of OpenSSL (Proc-Type: 4,ENCRYPTED), which is too weak to be supported. {}",
        convert(source_name)
    )]
    LegacyEncryption {
        /// The file, or the setting that held it.
        source_name: String,
    },
    /// It is encrypted in a way that is not known here.
    #[error("{source_name} uses an unsupported encryption ({why}). {}", convert(source_name))]
    UnknownEncryption {
        /// The file, or the setting that held it.
        source_name: String,
        /// What is not known.
        why: String,
    },
    /// It is encrypted, and no passphrase was given.
    #[error("{source_name} is encrypted, but no passphrase was given")]
    PassphraseNeeded {
        /// The file, or the setting that held it.
        source_name: String,
    },
    /// The passphrase is not the key's.
    #[error("the passphrase does not open {source_name}")]
    WrongPassphrase {
        /// The file, or the setting that held it.
        source_name: String,
    },
    /// It is not a usable RSA key.
    #[error("the key in {source_name} cannot be used ({why}): OCI accepts RSA keys of 2048 bits or more")]
    KeyRejected {
        /// The file, or the setting that held it.
        source_name: String,
        /// What the library says.
        why: String,
    },
    /// The fingerprint is not written as one.
    #[error(
        "the fingerprint {configured:?} is not 16 pairs of hex digits separated by colons, as in \
             12:34:56:78:9a:bc:de:f0:12:34:56:78:9a:bc:de:f0"
    )]
    BadFingerprint {
        /// What was given.
        configured: String,
    },
    /// The fingerprint is another key's.
    #[error(
        "the key at {source_name} has fingerprint {actual}, but the config has {configured}: use the key with that \
             fingerprint, or correct the fingerprint"
    )]
    FingerprintMismatch {
        /// The file, or the setting that held it.
        source_name: String,
        /// The key's.
        actual: String,
        /// The one that was given.
        configured: String,
    },
    /// A setting is missing.
    #[error("{place} has no {}", keys.join(", no "))]
    SettingsMissing {
        /// File and profile.
        place: String,
        /// What is missing.
        keys: Vec<&'static str>,
    },
    /// A setting that is not supported.
    #[error("{place} has {key} = {value:?}: {why}")]
    SettingRefused {
        /// File and line.
        place: String,
        /// Its name.
        key: &'static str,
        /// What it says.
        value: String,
        /// Why it is refused.
        why: String,
    },
    /// The configuration file.
    #[error(transparent)]
    ConfigFile(#[from] ConfigFileError),
    /// The session token cannot be read.
    #[error("the session token {} cannot be read ({why}): {LOG_IN}", path.display())]
    TokenUnreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file holds no session token.
    #[error("{} does not contain a session token ({why}): {LOG_IN}", path.display())]
    NotAToken {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The session is over.
    #[error("the session token {} expired at {expired}: {LOG_IN}", path.display())]
    TokenExpired {
        /// Where it is.
        path: PathBuf,
        /// When it expired.
        expired: jiff::Timestamp,
    },
    /// The library refused to sign.
    #[error("the request could not be signed")]
    SigningFailed,
}

/// How a key becomes one that can be read: every OpenSSL since 1.0 and LibreSSL know the command, and each of their default
/// schemes for it is read.
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

/// A path as a shell takes it.
pub(super) fn quote(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,~".contains(c);
    if path.chars().all(plain) { path.to_owned() } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// The variable that can hold a private key.
pub(super) const KEY_CONTENT: &str = "OCI_CLI_KEY_CONTENT";

const LOG_IN: &str = "log in again with `oci session authenticate`";
