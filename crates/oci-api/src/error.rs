//! The body of an error answer.

use serde::{Deserialize, Serialize};

/// The JSON that comes with a status of 400 and above (Oracle: "API Errors"; the set of codes is open).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ErrorBody {
    /// A short code: `NotAuthorizedOrNotFound`.
    pub code: String,
    /// A text for people.
    pub message: String,
    /// The text before the service put its own in place of it, when it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_message: Option<String>,
}
