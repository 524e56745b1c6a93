//! A systemd unit that maintains a fleet.

use crate::args::{MaintainArgs, Pace};
use crate::error::CommandError;
use crate::output::text::shell_word;
use crate::session::Session;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// The unit, for `~/.config/systemd/user/` or `/etc/systemd/system/`.
///
/// # Errors
/// When the path of the program or of the config is not known, or is not text.
pub fn text(session: &Session, args: &MaintainArgs) -> Result<String, CommandError> {
    let program = std::env::current_exe()
        .map_err(|source| CommandError::System { what: "the path of this program is unknown", source })?;
    let config = std::path::absolute(session.config_file())
        .map_err(|source| CommandError::System { what: "the path of the config is unknown", source })?;
    let mut command = format!("{} maintain --yes --config {}", word(&program)?, word(&config)?);
    // A service has another environment: the ledger that holds the wanted size is named.
    let folder = std::path::absolute(session.state_folder()?).map_err(|source| CommandError::System {
        what: "the path of the state directory is unknown",
        source,
    })?;
    // Writing to a String cannot fail, so the results are ignored.
    let _ = write!(command, " --state-dir {}", word(&folder)?);
    for (flag, value) in [("--profile", &session.flags.profile), ("--endpoint", &session.flags.endpoint)] {
        if let Some(value) = value {
            let _ = write!(command, " {flag} {}", escaped(&shell_word(value)));
        }
    }
    if args.restart_stopped {
        command.push_str(" --restart-stopped");
    }
    let _ = write!(command, " --every {}s", args.every.as_secs());
    command.push_str(&pace(&args.pace));
    let folder = config.parent().unwrap_or(Path::new("/"));
    Ok(format!(
        "# Save as ~/.config/systemd/user/oci-insta-scale-maintain.service, then:\n\
         #   systemctl --user daemon-reload\n\
         #   systemctl --user enable --now oci-insta-scale-maintain\n\
         # `loginctl enable-linger` keeps it running after you log out.\n\
         [Unit]\n\
         Description=Keep the OCI fleet of {description} at its size\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         WorkingDirectory={folder}\n\
         ExecStart={command}\n\
         # Invalid usage (2) and a refused login (5) do not mend themselves.\n\
         Restart=always\n\
         RestartSec=60\n\
         RestartPreventExitStatus=2 5\n\
         KillSignal=SIGINT\n\
         # What the program ends with when it is interrupted.\n\
         SuccessExitStatus=130\n\
         TimeoutStopSec=120\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        description = escaped(&config.display().to_string()),
        folder = escaped(&folder.display().to_string()),
    ))
}

/// The flags that say how replacements are launched.
fn pace(pace: &Pace) -> String {
    let mut flags = String::new();
    let seconds = |time: Option<Duration>| time.map(|time| format!("{}s", time.as_secs()));
    let given = [
        ("--rate", pace.rate.map(|rate| rate.to_string())),
        ("--max-concurrency", Some(pace.max_concurrency.to_string())),
        ("--wait-timeout", seconds((!pace.no_wait).then_some(pace.wait_timeout))),
        ("--retry-for", seconds(pace.retry_for)),
        ("--deadline", seconds(pace.deadline)),
    ];
    for (flag, value) in given {
        if let Some(value) = value {
            let _ = write!(flags, " {flag} {value}");
        }
    }
    if pace.no_wait {
        flags.push_str(" --no-wait");
    }
    flags
}

fn word(path: &Path) -> Result<String, CommandError> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '"', '\'', '\\'])).ok_or_else(|| {
        CommandError::usage(
            format!("{} holds characters that a systemd unit cannot hold", path.display()),
            "move it to a path of plain characters",
        )
    })?;
    Ok(if text.contains(' ') { format!("\"{}\"", escaped(text)) } else { escaped(text) })
}

/// `%` begins a specifier of systemd, and `$` a variable.
fn escaped(text: &str) -> String {
    text.replace('%', "%%").replace('$', "$$")
}
