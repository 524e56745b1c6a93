//! The tokens that the region has issued. All regions of a tenancy accept them.

use super::super::auth::{PublicKey, TokenKeys, private_key};
use crate::world::Caller;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

/// The tokens of a tenancy.
#[derive(Debug, Default)]
pub(in crate::server) struct IssuedTokens {
    state: Mutex<Register>,
    /// Signs the certificates of instances.
    authority: OnceLock<Arc<KeyPair>>,
    /// Signs the tokens.
    secret: OnceLock<hmac::Key>,
}

#[derive(Debug, Default)]
struct Register {
    issued: u64,
    /// IssuedTokens that were issued until then stop working.
    revoked_until: Option<Timestamp>,
    by_text: HashMap<String, IssuedToken>,
}

/// One token.
#[derive(Clone, Debug)]
pub(in crate::server) struct IssuedToken {
    pub caller: Caller,
    pub key: PublicKey,
    /// When the caller logged in.
    pub since: Timestamp,
    begins: Timestamp,
    expires: Timestamp,
}

/// What a token says.
pub(in crate::server) struct Claims<'a> {
    pub caller: &'a Caller,
    pub life_seconds: i64,
    /// When the caller logged in.
    pub since: Timestamp,
    /// Further claims.
    pub more: Value,
}

impl IssuedTokens {
    fn state(&self) -> MutexGuard<'_, Register> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Issues a token for a key.
    pub fn issue(&self, claims: &Claims<'_>, key: PublicKey, now: Timestamp) -> String {
        let expires =
            now.checked_add(SignedDuration::from_secs(claims.life_seconds)).unwrap_or(Timestamp::MAX);
        let mut state = self.state();
        state.issued += 1;
        let mut payload = json!({
            "sub": claims.caller.user,
            "tenant": claims.caller.tenancy,
            "iss": "authService.oracle.com",
            "aud": "oci",
            "iat": now.as_second(),
            "exp": expires.as_second(),
            "jti": format!("{:032x}", state.issued),
        });
        if let (Some(payload), Some(more)) = (payload.as_object_mut(), claims.more.as_object()) {
            payload.extend(more.clone());
        }
        let head = json!({"alg": "RS256", "typ": "JWT", "kid": "simulated"});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(&payload));
        let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.signature(&signed)));
        // Ends long ago: nobody can use them any more.
        state.by_text.retain(|_, issued| issued.expires >= now);
        let caller = claims.caller.clone();
        state
            .by_text
            .insert(token.clone(), IssuedToken { caller, key, since: claims.since, begins: now, expires });
        token
    }

    /// Accepts a token that was issued elsewhere.
    pub fn accept(&self, token: &str, caller: Caller, key: PublicKey, now: Timestamp, expires: Timestamp) {
        let issued = IssuedToken { caller, key, since: now, begins: now, expires };
        self.state().by_text.insert(token.to_owned(), issued);
    }

    /// The token with this text, if it still works.
    pub fn find(&self, text: &str, now: Timestamp) -> Option<IssuedToken> {
        let state = self.state();
        let found = state.by_text.get(text)?;
        let is_revoked = state.revoked_until.is_some_and(|until| found.begins <= until);
        (now < found.expires && !is_revoked).then(|| found.clone())
    }

    /// Makes all tokens that were issued until a time stop working.
    pub fn revoke_until(&self, time: Timestamp) {
        let mut state = self.state();
        state.revoked_until = state.revoked_until.max(Some(time));
    }

    /// How many tokens were issued.
    pub fn issued(&self) -> u64 {
        self.state().issued
    }

    /// The tokens under which this one is shared.
    pub fn shared() -> Arc<Self> {
        Arc::default()
    }

    /// As long as an RSA signature, but made without a random number: the first one of a process takes most of the time in which a
    /// region with a home starts. Nobody can check it, because the service publishes no key: clients read the claims only, and the region
    /// knows its tokens by their text.
    fn signature(&self, text: &str) -> Vec<u8> {
        let secret = self.secret.get_or_init(|| {
            let mut random = [0; 32];
            // Fails only when the machine has no random numbers. Then a token is signed by what others know, and still known by its text.
            let _ = aws_lc_rs::rand::fill(&mut random);
            hmac::Key::new(hmac::HMAC_SHA256, &random)
        });
        let part = |number: u8| {
            let mut of = hmac::Context::with_key(secret);
            of.update(&[number]);
            of.update(text.as_bytes());
            of.sign().as_ref().to_vec()
        };
        (0..8).flat_map(part).collect()
    }

    /// The key of the authority that signs certificates.
    pub fn authority(&self) -> Arc<KeyPair> {
        Arc::clone(self.authority.get_or_init(of_this_process))
    }

    /// Signs with this key in PEM form from now on, unless something is signed already.
    ///
    /// Making a key takes some tenths of a second. A home has one, and nobody checks who signed.
    pub fn sign_with(&self, pem: &str) {
        if let Ok(key) = private_key(pem) {
            let _ = self.authority.set(Arc::new(key));
        }
        let _ = self.secret.set(hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes()));
    }
}

impl TokenKeys for IssuedTokens {
    fn key_of(&self, token: &str, now: Timestamp) -> Option<Arc<(Caller, PublicKey)>> {
        let issued = self.find(token, now)?;
        Some(Arc::new((issued.caller, issued.key)))
    }
}

/// A key for all regions of this process that have no home, since making one is slow.
fn of_this_process() -> Arc<KeyPair> {
    static KEY: LazyLock<Arc<KeyPair>> = LazyLock::new(|| {
        #[expect(
            clippy::expect_used,
            reason = "fails only when the machine has no random numbers, as TLS would"
        )]
        Arc::new(KeyPair::generate(KeySize::Rsa2048).expect("a key can be made"))
    });
    Arc::clone(&KEY)
}

/// Signs with RSA PKCS#1 v1.5 over SHA-256.
pub(super) fn sign(key: &KeyPair, text: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    // Fails only for a buffer of another length.
    let _ = key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text, &mut signature);
    signature
}
