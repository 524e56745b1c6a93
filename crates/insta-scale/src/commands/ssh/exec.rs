//! `ssh NAME --exec` replaces this program with ssh. Only `sim exec` starts another program, too.
//!
//! No config, variable or response of the service leads here, and the words come from [`crate::ssh::Login::command`].

use crate::error::CommandError;

/// Replaces this process with ssh. Returns only if that is impossible.
#[cfg(unix)]
pub(super) fn replace_by(words: &[String]) -> CommandError {
    use std::os::unix::process::CommandExt as _;
    // `exec` of the standard library restores signals and their masks to their initial state.
    let source = std::process::Command::new("ssh").args(words.iter().skip(1)).exec();
    CommandError::System { what: "ssh cannot be started", source }
}

/// Reports that this platform does not support it.
#[cfg(not(unix))]
pub(super) fn replace_by(words: &[String]) -> CommandError {
    CommandError::usage(
        "--exec works on Unix only",
        format!("run the command yourself: {}", crate::ssh::shell_line(words)),
    )
}
