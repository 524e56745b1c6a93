//! Commands that need a number of instances, and refuse a config that wants totals in place of it.

use crate::config::Settings;
use crate::error::CommandError;

/// Refuses a config with wanted totals.
///
/// # Errors
/// When the config wants totals.
pub fn refuse_want(settings: &Settings, command: &str) -> Result<(), CommandError> {
    if settings.fleet.want.is_none() {
        return Ok(());
    }
    Err(CommandError::usage(
        format!("{command} needs a number of instances, but {} has `want`", settings.file),
        "replace `want` by `count`, or use `launch`, `hunt`, `resume` and `instances` with this config",
    ))
}
