//! The body of an error response.

use serde::{Deserialize, Serialize};

/// The JSON body of a status of 400 or above (Oracle: "API Errors"; the set of codes is open).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorBody {
    /// A short code: `NotAuthorizedOrNotFound`.
    pub code: String,
    /// A text for people.
    pub message: String,
    /// The original text, if the service replaced it and says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_message: Option<String>,
}
