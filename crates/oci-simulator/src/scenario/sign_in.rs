//! How the region signs in those who have no API key: the lives of tokens, and the faults of the services that issue them.

use super::FaultRule;
use serde::{Deserialize, Serialize};

/// The lives of tokens, and the faults of the auth host and of the metadata service. Times are the caller's, in seconds since the
/// server started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignIn {
    /// How long a token of an instance or another principal lives.
    pub token_life_seconds: i64,
    /// How long a session token lives.
    pub session_token_life_seconds: i64,
    /// How long after the log-in a session token is renewed.
    pub session_seconds: i64,
    /// When all tokens issued until then stop working.
    pub revoke_at_seconds: Vec<f64>,
    /// How often the certificate of the instance and its key are replaced; never if omitted.
    pub certificate_rotates_every_seconds: Option<f64>,
    /// How long a policy allows the instance to do anything; always if omitted, never if 0.
    pub policy_for_seconds: Option<f64>,
    /// Faults of the auth host.
    pub auth_faults: Vec<FaultRule>,
    /// Faults of the metadata service.
    pub metadata_faults: Vec<FaultRule>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            token_life_seconds: 1200,
            session_token_life_seconds: 3600,
            session_seconds: 86_400,
            revoke_at_seconds: Vec::new(),
            certificate_rotates_every_seconds: None,
            policy_for_seconds: None,
            auth_faults: Vec::new(),
            metadata_faults: Vec::new(),
        }
    }
}

impl SignIn {
    pub(super) fn check(&self) -> Result<(), String> {
        let lives = [
            ("token_life_seconds", self.token_life_seconds),
            ("session_token_life_seconds", self.session_token_life_seconds),
            ("session_seconds", self.session_seconds),
        ];
        if let Some((name, _)) = lives.iter().find(|(_, life)| !(1..=1_000_000).contains(life)) {
            return Err(format!("sign_in: {name} must be between 1 and 1000000"));
        }
        if self.certificate_rotates_every_seconds.is_some_and(|every| !(1.0..=1e9).contains(&every)) {
            return Err("sign_in: certificate_rotates_every_seconds must be between 1 and 1e9".into());
        }
        let times = self.revoke_at_seconds.iter().copied().chain(self.policy_for_seconds);
        if !times.into_iter().all(|time| (0.0..=1e9).contains(&time)) {
            return Err("sign_in: revoke_at_seconds and policy_for_seconds must be between 0 and 1e9".into());
        }
        for (name, rules) in [("auth_faults", &self.auth_faults), ("metadata_faults", &self.metadata_faults)]
        {
            for (at, rule) in rules.iter().enumerate() {
                rule.check().map_err(|problem| format!("sign_in: {name}[{at}]: {problem}"))?;
                if !rule.operations.is_empty() {
                    return Err(format!(
                        "sign_in: {name}[{at}]: operations cannot be chosen here: remove them"
                    ));
                }
            }
        }
        Ok(())
    }
}
