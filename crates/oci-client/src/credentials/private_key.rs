//! RSA private keys: parsing PEM, fingerprints, and signing. This module does not know about tenancies.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::CredentialsError;

/// No private key is larger than this.
const LARGEST_FILE: u64 = 64 << 10;

/// A private key, ready to sign.
pub struct PrivateKey {
    pair: KeyPair,
}

/// A key read from a file, with a possible warning about the file.
#[derive(Debug)]
pub struct KeyFile {
    /// The key.
    pub key: PrivateKey,
    /// A warning for people, if other users can read the file.
    pub warning: Option<String>,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

impl PrivateKey {
    /// Reads a key file.
    pub fn read(path: &Path, passphrase: Option<&str>) -> Result<KeyFile, CredentialsError> {
        let unreadable = |error: &std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => CredentialsError::KeyMissing { path: path.to_owned() },
            _ => CredentialsError::KeyUnreadable { path: path.to_owned(), why: error.to_string() },
        };
        let file = std::fs::File::open(path).map_err(|error| unreadable(&error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&error))?;
        if !metadata.is_file() {
            let why = "it is not a file".to_owned();
            return Err(CredentialsError::KeyUnreadable { path: path.to_owned(), why });
        }
        // Allocated once: a growing buffer would leave copies of the key behind.
        let room = usize::try_from(metadata.len().min(LARGEST_FILE)).unwrap_or_default();
        let mut pem = Zeroizing::new(Vec::with_capacity(room + 1));
        file.take(room as u64).read_to_end(&mut pem).map_err(|error| unreadable(&error))?;
        let key = Self::from_pem(&pem, passphrase, &path.display().to_string())?;
        Ok(KeyFile { key, warning: open_to_others(path, &metadata) })
    }

    /// Parses a key from PEM text: PKCS#1, PKCS#8, or encrypted PKCS#8. Text outside the PEM block is ignored (OCI's own keys
    /// end with a line `OCI_API_KEY`). Errors call the text `source_name`.
    pub fn from_pem(
        pem: &[u8],
        passphrase: Option<&str>,
        source_name: &str,
    ) -> Result<Self, CredentialsError> {
        let source_name = source_name.to_owned();
        let Some(Block { label, text }) = Block::find(pem) else {
            return Err(without_armour(pem, source_name));
        };
        let is_legacy = find(text, b"Proc-Type:").is_some();
        match label {
            "RSA PRIVATE KEY" if is_legacy => Err(CredentialsError::LegacyEncryption { source_name }),
            "RSA PRIVATE KEY" => {
                let der = decode(text, &source_name)?;
                Self::accepted(KeyPair::from_der(&der), source_name)
            }
            "PRIVATE KEY" => {
                let der = decode(text, &source_name)?;
                Self::accepted(KeyPair::from_pkcs8(&der), source_name)
            }
            "ENCRYPTED PRIVATE KEY" => {
                let der = decode(text, &source_name)?;
                Self::decrypt(&der, passphrase, source_name)
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {
                Err(CredentialsError::PublicKey { source_name })
            }
            "OPENSSH PRIVATE KEY" => Err(CredentialsError::WrongKind {
                remedy: format!("rewrite it as PEM with `ssh-keygen -p -m PEM -f {source_name}`"),
                what: "a private key in the OpenSSH format".to_owned(),
                source_name,
            }),
            other => Err(CredentialsError::WrongKind {
                what: format!("a block called {:?}", crate::text::plain(other, 60)),
                remedy: "use the RSA private key of the API key (PEM)".to_owned(),
                source_name,
            }),
        }
    }

    fn decrypt(der: &[u8], passphrase: Option<&str>, source_name: String) -> Result<Self, CredentialsError> {
        // The parser does not recognise schemes older than PBES2.
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| {
            let why = "its scheme is not PBES2".to_owned();
            CredentialsError::UnknownEncryption { source_name: source_name.clone(), why }
        })?;
        let Some(passphrase) = passphrase else {
            return Err(CredentialsError::PassphraseNeeded { source_name });
        };
        match encrypted.decrypt(passphrase) {
            // With a wrong passphrase, 1 decryption in 256 yields valid padding around garbage.
            Ok(plain) => KeyPair::from_pkcs8(plain.as_bytes())
                .map(|pair| Self { pair })
                .map_err(|_| CredentialsError::WrongPassphrase { source_name }),
            Err(pkcs8::Error::EncryptedPrivateKey(error)) if is_unknown_scheme(error) => {
                Err(CredentialsError::UnknownEncryption { source_name, why: error.to_string() })
            }
            Err(_) => Err(CredentialsError::WrongPassphrase { source_name }),
        }
    }

    fn accepted(
        pair: Result<KeyPair, aws_lc_rs::error::KeyRejected>,
        source_name: String,
    ) -> Result<Self, CredentialsError> {
        pair.map(|pair| Self { pair }).map_err(|error| {
            let why = match error.to_string().as_str() {
                "WrongAlgorithm" => "it is not an RSA key".to_owned(),
                "TooSmall" => "it is too short".to_owned(),
                other => other.to_owned(),
            };
            CredentialsError::KeyRejected { source_name, why }
        })
    }

    /// The fingerprint by which OCI identifies the key: MD5 of the public key's SubjectPublicKeyInfo in DER, as 16 lower-case
    /// hexadecimal pairs joined by colons (Oracle: "Required Keys and OCIDs"). It is an identifier, not a security measure.
    pub fn fingerprint(&self) -> Result<String, CredentialsError> {
        let pairs: Vec<String> =
            Md5::digest(self.public_der()?).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(pairs.join(":"))
    }

    /// A key that was made in this process.
    pub(super) fn of(pair: KeyPair) -> Self {
        Self { pair }
    }

    /// The public half as a SubjectPublicKeyInfo in DER.
    pub(super) fn public_der(&self) -> Result<Vec<u8>, CredentialsError> {
        let public: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().map_err(|_| CredentialsError::SigningFailed)?;
        Ok(public.as_ref().to_vec())
    }

    /// Signs with RSA PKCS#1 v1.5 over SHA-256.
    pub fn sign(&self, text: &[u8]) -> Result<Vec<u8>, CredentialsError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature)
            .map_err(|_| CredentialsError::SigningFailed)?;
        Ok(signature)
    }
}

/// The content between a pair of PEM delimiters.
struct Block<'a> {
    label: &'a str,
    text: &'a [u8],
}

impl<'a> Block<'a> {
    /// Finds the first private key. Without one, returns the first block of any kind so that the error can say what the text
    /// contains.
    fn find(pem: &'a [u8]) -> Option<Self> {
        let mut first = None;
        let mut rest = pem;
        while let Some((block, after)) = Self::next(rest) {
            if block.label.ends_with("PRIVATE KEY") {
                return Some(block);
            }
            first.get_or_insert(block);
            rest = after;
        }
        first
    }

    /// The first block of a text, and the text after it.
    fn next(pem: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let begin = find(pem, b"-----BEGIN ")? + b"-----BEGIN ".len();
        let rest = &pem[begin..];
        let end = find(rest, b"-----")?;
        let label = std::str::from_utf8(&rest[..end]).ok()?;
        let text = &rest[end + 5..];
        let footer = format!("-----END {label}-----");
        let end = find(text, footer.as_bytes())?;
        Some((Self { label, text: &text[..end] }, &text[end + footer.len()..]))
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Decodes a block into memory that is wiped when freed.
fn decode(text: &[u8], source_name: &str) -> Result<Zeroizing<Vec<u8>>, CredentialsError> {
    let mut packed = Zeroizing::new(Vec::with_capacity(text.len()));
    packed.extend(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
    let mut der = Zeroizing::new(Vec::with_capacity(packed.len()));
    STANDARD.decode_vec(packed.as_slice(), &mut der).map_err(|_| CredentialsError::NotAKey {
        source_name: source_name.to_owned(),
        why: "the text between its BEGIN and END lines is not base64".to_owned(),
    })?;
    Ok(der)
}

/// The error for a text without a complete PEM block.
fn without_armour(text: &[u8], source_name: String) -> CredentialsError {
    let start = String::from_utf8_lossy(&text[..text.len().min(64)]);
    if ["ssh-rsa ", "ssh-ed25519 ", "ecdsa-"].iter().any(|prefix| start.trim_start().starts_with(prefix)) {
        return CredentialsError::PublicKey { source_name };
    }
    let why = if text.trim_ascii().is_empty() {
        "it is empty"
    } else if find(text, b"-----BEGIN ").is_some() {
        "its END line is missing: it was cut off"
    } else {
        "it has no BEGIN line"
    };
    CredentialsError::NotAKey { source_name, why: why.to_owned() }
}

/// Whether decryption failed because of the scheme rather than the passphrase.
fn is_unknown_scheme(error: pkcs8::pkcs5::Error) -> bool {
    use pkcs8::pkcs5::Error;
    matches!(
        error,
        Error::AlgorithmParametersInvalid { .. }
            | Error::NoPbes1CryptSupport
            | Error::UnsupportedAlgorithm { .. }
    )
}

/// A warning if other users can read a key file.
#[cfg(unix)]
fn open_to_others(path: &Path, metadata: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let path = path.display();
        format!("the key file {path} can be read by others (mode {mode:04o}): run `chmod 600 {path}`")
    })
}

#[cfg(not(unix))]
fn open_to_others(_: &Path, _: &std::fs::Metadata) -> Option<String> {
    None
}
