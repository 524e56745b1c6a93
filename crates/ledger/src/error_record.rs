//! A failure as a run records it.

use crate::class::ErrorClass;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A failure as it is stored and shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorRecord {
    /// The class: `capacity`, `throttled`, …
    pub class: ErrorClass,
    /// The HTTP status, if there was a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's code, or one of the client's (`Timeout`) if there was no response.
    pub code: String,
    /// The service's text, free of control characters.
    pub message: String,
    /// The id of the request, which Oracle's support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opc_request_id: Option<String>,
}

impl ErrorRecord {
    /// Whether it is identical to an earlier failure, apart from the request id.
    pub fn has_words_of(&self, before: &Self) -> bool {
        (&self.class, &self.code, &self.message) == (&before.class, &before.code, &before.message)
    }

    /// The failure with the message of an earlier one if it was recorded without: repeated refusals are recorded that way.
    #[must_use]
    pub fn with_words_of(&self, before: Option<&Self>) -> Self {
        let same = |before: &&Self| (&self.class, &self.code) == (&before.class, &before.code);
        match before.filter(same) {
            Some(before) if self.message.is_empty() => {
                Self { message: before.message.clone(), ..self.clone() }
            }
            _ => self.clone(),
        }
    }
}
