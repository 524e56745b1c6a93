//! The public keys that the region accepts, by key id.

use crate::world::Caller;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use md5::{Digest, Md5};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Arc, RwLock};

/// An RSA public key of 2048 to 8192 bits.
#[derive(Clone, Debug)]
pub struct PublicKey {
    parsed: ParsedPublicKey,
    der: Vec<u8>,
}

/// Why something is not a usable key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM of a known kind.
    #[error("not an unencrypted RSA key in PEM form")]
    Pem,
    /// The bytes of the PEM block are not an RSA key.
    #[error("not an RSA key")]
    Key,
}

impl PublicKey {
    /// Parses DER: a SubjectPublicKeyInfo or an `RSAPublicKey`.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::new(&rsa::PublicKey::from_der(der).map_err(|_| KeyError::Key)?)
    }

    /// Parses PEM: a public key, or an unencrypted private key (PKCS#1 or PKCS#8) whose public half is used.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        let (label, der) = decode_pem(pem).ok_or(KeyError::Pem)?;
        match label.as_str() {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Self::from_der(&der),
            _ => Self::of(&private_key(pem)?),
        }
    }

    /// The public half of a key pair.
    pub fn of(pair: &rsa::KeyPair) -> Result<Self, KeyError> {
        Self::new(pair.public_key())
    }

    fn new(key: &rsa::PublicKey) -> Result<Self, KeyError> {
        let der: PublicKeyX509Der<'_> = key.as_der().map_err(|_| KeyError::Key)?;
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der.as_ref());
        Ok(Self { parsed: parsed.map_err(|_| KeyError::Key)?, der: der.as_ref().to_vec() })
    }

    /// The fingerprint that Oracle's console shows: MD5 of the SubjectPublicKeyInfo, as pairs of hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let mut text = String::with_capacity(47);
        for byte in Md5::digest(&self.der) {
            let separator = if text.is_empty() { "" } else { ":" };
            // Writing to a String cannot fail.
            let _ = write!(text, "{separator}{byte:02x}");
        }
        text
    }

    /// The key as a SubjectPublicKeyInfo in DER.
    pub(in crate::server) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key as a SubjectPublicKeyInfo in PEM form.
    pub fn to_pem(&self) -> String {
        encode_pem("PUBLIC KEY", &self.der)
    }

    /// Whether this key signed the message (RSA PKCS#1 v1.5 with SHA-256).
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// Parses an unencrypted private key (PKCS#1 or PKCS#8) in PEM form.
pub(in crate::server) fn private_key(pem: &str) -> Result<rsa::KeyPair, KeyError> {
    let (label, der) = decode_pem(pem).ok_or(KeyError::Pem)?;
    match label.as_str() {
        "PRIVATE KEY" => rsa::KeyPair::from_pkcs8(&der).map_err(|_| KeyError::Key),
        "RSA PRIVATE KEY" => rsa::KeyPair::from_der(&der).map_err(|_| KeyError::Key),
        _ => Err(KeyError::Pem),
    }
}

/// The label and the bytes of the first PEM block of a text.
fn decode_pem(text: &str) -> Option<(String, Vec<u8>)> {
    let (_, rest) = text.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let body: String = body.split_ascii_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(body).ok()?))
}

/// Encodes bytes as a PEM block, in lines of 64 characters.
pub(in crate::server) fn encode_pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        // Base64 is ASCII, so every index is a character boundary.
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    let _ = writeln!(text, "-----END {label}-----");
    text
}

/// Tokens that stand for a caller and the key for which they were issued.
pub(in crate::server) trait TokenKeys: std::fmt::Debug + Send + Sync {
    /// The caller and key of a token that still works.
    fn key_of(&self, token: &str, now: Timestamp) -> Option<Known>;
}

/// The keys that the region accepts.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Keys {
    by_id: Arc<RwLock<HashMap<String, Known>>>,
    /// The tokens that are accepted as well.
    tokens: Option<Arc<dyn TokenKeys>>,
}

type Known = Arc<(Caller, PublicKey)>;

impl Keys {
    /// Accepts a key as `tenancy/user/fingerprint`.
    pub fn add(&self, caller: Caller, key: PublicKey) {
        let id = format!("{}/{}/{}", caller.tenancy, caller.user, key.fingerprint());
        self.add_as(id, caller, key);
    }

    /// Accepts a key under this id: `ST$` and a session token.
    pub fn add_as(&self, id: String, caller: Caller, key: PublicKey) {
        let mut keys = self.by_id.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        keys.insert(id, Arc::new((caller, key)));
    }

    /// The same keys, and these tokens.
    pub fn with(&self, tokens: Arc<dyn TokenKeys>) -> Self {
        Self { tokens: Some(tokens), ..self.clone() }
    }

    /// The key with this id, and its owner.
    pub fn find(&self, id: &str, now: Timestamp) -> Option<Known> {
        let known = self.by_id.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(id).cloned();
        known.or_else(|| self.tokens.as_ref()?.key_of(id.strip_prefix("ST$")?, now))
    }

    /// The owner of a token with which an instance acts for a user.
    pub fn owner(&self, token: &str, now: Timestamp) -> Option<Caller> {
        self.find(&format!("ST${token}"), now).map(|known| known.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_the_same_from_every_form_and_has_one_fingerprint() {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let key = PublicKey::of(&pair).unwrap();
        let private: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let private = encode_pem("PRIVATE KEY", private.as_ref());
        for pem in [&key.to_pem(), &private] {
            assert_eq!(PublicKey::from_pem(pem).unwrap().fingerprint(), key.fingerprint());
        }
        assert_eq!(key.fingerprint().len(), 47);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for pem in [
            "",
            "-----BEGIN ",
            "-----BEGIN X-----AAAA-----END X-----",
            "-----BEGIN PUBLIC KEY-----!-----END ",
        ] {
            assert_eq!(PublicKey::from_pem(pem).unwrap_err(), KeyError::Pem, "{pem}");
        }
        let pem = encode_pem("PUBLIC KEY", b"nonsense");
        assert_eq!(PublicKey::from_pem(&pem).unwrap_err(), KeyError::Key);
    }
}
