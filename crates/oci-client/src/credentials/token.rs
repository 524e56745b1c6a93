//! The tokens that OCI issues, as far as a client reads them: when they were issued, when they end, and for which tenancy.
//!
//! A client never checks the signature of a token: only the service can.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::tuning::RENEW_BEFORE_END;

/// A token, which is a secret until it ends.
#[derive(Clone)]
pub struct Token {
    /// `ST$` and the token, as requests name it.
    pub(super) key_id: Arc<str>,
    /// When it was issued, if it says so.
    pub issued: Option<Timestamp>,
    /// When it ends.
    pub expires: Timestamp,
    /// The OCID of the tenancy for which it was issued, if it says so.
    pub tenancy: Option<String>,
    /// The OCID of the user, instance or other resource that it stands for, if it says so.
    pub subject: Option<String>,
}

/// The claims that are read from a token's payload.
struct Claims {
    exp: i64,
    iat: Option<i64>,
    sub: Option<String>,
    tenant: Option<String>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires", &self.expires).finish_non_exhaustive()
    }
}

impl Token {
    /// Reads a token; blanks around it are ignored. The error says what is wrong without showing any part of the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let token = text.trim();
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte)) {
            return Err("it contains invalid characters");
        }
        let mut parts = token.split('.');
        let (Some(_), Some(payload), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("it does not have three parts");
        };
        if signature.is_empty() {
            return Err("it was cut off");
        }
        let payload = URL_SAFE_NO_PAD
            .decode(payload.trim_end_matches('='))
            .map_err(|_| "its middle part is not base64")?;
        let claims: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&payload).map_err(|_| "it does not say when it expires")?;
        let claims = Claims::of(&claims).ok_or("it does not say when it expires")?;
        let expires = Timestamp::from_second(claims.exp).map_err(|_| "it does not say when it expires")?;
        Ok(Self {
            key_id: format!("ST${token}").into(),
            issued: claims.iat.and_then(|second| Timestamp::from_second(second).ok()),
            expires,
            tenancy: claims.tenant,
            subject: claims.sub,
        })
    }

    /// The token itself.
    pub(super) fn text(&self) -> &str {
        &self.key_id["ST$".len()..]
    }

    /// When a renewal is due. Without a time of issue, only `latest` counts.
    pub(super) fn due(&self, rule: Due) -> Timestamp {
        let five_minutes = earlier(self.expires, RENEW_BEFORE_END);
        let half = self.issued.map(|issued| {
            let life = self.expires.duration_since(issued);
            earlier(self.expires, life / 2)
        });
        match (rule, half) {
            (Due::AtHalfLife, Some(half)) => half.min(five_minutes),
            (Due::BeforeItEnds, Some(half)) => half.max(five_minutes),
            (_, None) => five_minutes,
        }
    }
}

impl Claims {
    fn of(claims: &serde_json::Map<String, serde_json::Value>) -> Option<Self> {
        let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        Some(Self {
            exp: claims.get("exp")?.as_i64()?,
            iat: claims.get("iat").and_then(serde_json::Value::as_i64),
            sub: text("sub"),
            tenant: ["tenant", "res_tenant", "opc-tenant"].into_iter().find_map(text),
        })
    }
}

/// When a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// When half of its life has passed, and at the latest five minutes before it ends.
    AtHalfLife,
    /// Five minutes before it ends; when half of its life has passed if it lives for less than ten minutes.
    BeforeItEnds,
}

fn earlier(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> Result<Token, &'static str> {
        Token::parse(&format!("e30.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn renewal_is_due_in_time_for_any_life() {
        let due = |life: i64, rule| {
            let token = token(&format!(r#"{{"iat":0,"exp":{life}}}"#)).unwrap();
            token.due(rule).as_second()
        };
        assert_eq!(due(1200, Due::BeforeItEnds), 900);
        assert_eq!(due(300, Due::BeforeItEnds), 150);
        assert_eq!(due(3600, Due::AtHalfLife), 1800);
        assert_eq!(due(480, Due::AtHalfLife), 180);
        assert_eq!(token(r#"{"exp":1200}"#).unwrap().due(Due::AtHalfLife).as_second(), 900);
    }

    #[test]
    fn a_token_that_was_cut_off_is_refused() {
        let whole = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(r#"{"exp":1200}"#));
        for end in 0..whole.len() - 3 {
            assert!(Token::parse(&whole[..end]).is_err(), "{end}");
        }
        let token =
            token(r#"{"exp":9,"tenant":"ocid1.tenancy.oc1..t","opc-tenant":"x","sub":"ocid1.user.oc1..u"}"#);
        let token = token.unwrap();
        assert_eq!(token.tenancy.as_deref(), Some("ocid1.tenancy.oc1..t"));
        assert!(!format!("{token:?}").contains("e30"), "{token:?}");
    }
}
