//! Delegation tokens, with which an instance acts for a user, as in Cloud Shell.

use std::path::Path;
use std::sync::Arc;

use super::CredentialsError;
use super::auth_host::lasting;

/// Reads the token. Requests carry it as a header, so it must fit into one.
pub(super) fn read(path: &Path) -> Result<Arc<str>, CredentialsError> {
    let wrong = |why: &str| {
        lasting(format!(
            "the delegation token {} cannot be used ({why}): open a new session of Cloud Shell, or correct \
             `delegation_token_file`",
            path.display()
        ))
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("the file is empty"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("it contains invalid characters"));
    }
    Ok(text.into())
}
