//! Consent: the only way for a command to be allowed to change something in the cloud.
//!
//! `--yes` is consent; on a terminal the question is asked; anywhere else nothing is done.

use crate::error::CommandError;
use crate::output::console;

/// Whether a question has to be asked: not after `--yes`.
///
/// # Errors
/// When there is nobody to ask and `--yes` was not given.
pub fn has_to_ask(yes: bool) -> Result<bool, CommandError> {
    match (yes, console::can_ask()) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(nobody_asked()),
    }
}

fn nobody_asked() -> CommandError {
    CommandError::usage(
        "nothing was asked, so nothing was done: there is no terminal to confirm on",
        "add --yes (-y) to confirm without a question",
    )
}
