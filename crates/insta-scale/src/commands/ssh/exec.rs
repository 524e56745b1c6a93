//! The one place where this program starts another: it becomes ssh when the person types `ssh NAME --exec`.
//!
//! No config, variable or answer of the service leads here, and the words come from [`crate::ssh::Login::command`].

use crate::error::CommandError;

/// Replaces this process by ssh. Returns only when that is impossible.
#[cfg(unix)]
pub(super) fn replace_by(words: &[String]) -> CommandError {
    use std::os::unix::process::CommandExt as _;
    // Signals and their masks are as at the beginning of a program: `exec` of the standard library sees to that.
    let source = std::process::Command::new("ssh").args(words.iter().skip(1)).exec();
    CommandError::System { what: "ssh cannot be started", source }
}

/// Says that it cannot be done here.
#[cfg(not(unix))]
pub(super) fn replace_by(words: &[String]) -> CommandError {
    CommandError::usage(
        "--exec works on Unix only",
        format!("run the command yourself: {}", crate::ssh::shell_line(words)),
    )
}
