//! Systemd units that run a command permanently: `maintain` and `hunt`.

use crate::args::{MaintainArgs, MetricsFlags, Pace};
use crate::config::Layers;
use crate::error::CommandError;
use crate::output::text::shell_word;
use crate::session::Session;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The parts in which units differ.
pub struct Unit<'a> {
    /// The command.
    pub command: &'a str,
    /// Its flags, apart from those for the location, each with a leading space.
    pub flags: String,
    /// The description before the path of the config.
    pub description: &'a str,
    /// The description after the path.
    pub description_end: &'a str,
    /// When systemd restarts it.
    pub restart: &'a str,
    /// The exit codes that prevent a restart.
    pub no_restart: &'a str,
}

/// The unit of `maintain`.
///
/// # Errors
/// As for [`text`].
pub fn maintain(session: &Session, args: &MaintainArgs) -> Result<String, CommandError> {
    let restart_stopped = if args.restart_stopped { " --restart-stopped" } else { "" };
    let (every, metrics) = (args.every.as_secs(), metrics(&args.metrics)?);
    let flags = format!("{restart_stopped} --every {every}s{metrics}{}", pace(&args.pace));
    text(
        session,
        &Unit {
            command: "maintain",
            flags,
            description: "Keep the OCI fleet of",
            description_end: " at its size",
            restart: "always",
            no_restart: "2 5",
        },
    )
}

/// The unit, for `~/.config/systemd/user/` or `/etc/systemd/system/`.
///
/// # Errors
/// When the path of the program or the config is unknown or not valid text.
pub fn text(session: &Session, unit: &Unit<'_>) -> Result<String, CommandError> {
    let program = std::env::current_exe()
        .map_err(|source| CommandError::System { what: "the path of this program is unknown", source })?;
    let layers = session.layers();
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map_err(|source| CommandError::System { what: "the path of the config is unknown", source })
    };
    let files: Vec<PathBuf> = layers.files.iter().map(absolute).collect::<Result<_, _>>()?;
    let mut command = format!("{} {} --yes", word(&program)?, unit.command);
    for file in &files {
        // Writing to a String cannot fail, so the results are ignored.
        let _ = write!(command, " --config {}", word(file)?);
    }
    for value in &layers.set {
        let _ = write!(command, " --set {}", escaped(&shell_word(value)));
    }
    // A service has another environment, so the unit names the ledger that contains the wanted size.
    let folder = std::path::absolute(session.state_folder()?).map_err(|source| CommandError::System {
        what: "the path of the state directory is unknown",
        source,
    })?;
    let _ = write!(command, " --state-dir {}", word(&folder)?);
    let ledger = session.flags.ledger.as_ref().map(ToString::to_string);
    let given = [
        ("--profile", &session.flags.profile),
        ("--endpoint", &session.flags.endpoint),
        ("--ledger", &ledger),
    ];
    for (flag, value) in given {
        if let Some(value) = value {
            let _ = write!(command, " {flag} {}", escaped(&shell_word(value)));
        }
    }
    command.push_str(&unit.flags);
    // Relative paths in values of `--set` start at the current folder.
    let of_first = files.first().and_then(|file| file.parent()).unwrap_or(Path::new("/"));
    let folder = if layers.set.is_empty() { of_first } else { &layers.folder };
    Ok(format!(
        "# Save as ~/.config/systemd/user/oci-insta-scale-{name}.service, then:\n\
         #   systemctl --user daemon-reload\n\
         #   systemctl --user enable --now oci-insta-scale-{name}\n\
         # `loginctl enable-linger` keeps it running after you log out.\n\
         [Unit]\n\
         Description={what} {description}{end}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         WorkingDirectory={folder}\n\
         ExecStart={command}\n\
         # After these exit codes, another start would end the same way.\n\
         Restart={restart}\n\
         RestartSec=60\n\
         RestartPreventExitStatus={no_restart}\n\
         KillSignal=SIGINT\n\
         # What the program ends with when it is interrupted.\n\
         SuccessExitStatus=130\n\
         TimeoutStopSec=120\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        name = unit.command,
        what = unit.description,
        end = unit.description_end,
        restart = unit.restart,
        no_restart = unit.no_restart,
        description = escaped(&Layers { files: files.clone(), ..Layers::default() }.to_string()),
        folder = escaped(&folder.display().to_string()),
    ))
}

/// A flag that names a file, by its absolute path.
///
/// # Errors
/// When the path is unknown, or a unit cannot contain it.
pub fn file(flag: &str, file: Option<&Path>) -> Result<String, CommandError> {
    let Some(file) = file else { return Ok(String::new()) };
    let file = std::path::absolute(file).map_err(|source| CommandError::System {
        what: "the path of a file for the unit is unknown",
        source,
    })?;
    Ok(format!(" {flag} {}", word(&file)?))
}

/// The flags for metrics.
///
/// # Errors
/// As for [`file`].
pub fn metrics(flags: &MetricsFlags) -> Result<String, CommandError> {
    let listen =
        flags.metrics_listen.map_or_else(String::new, |address| format!(" --metrics-listen {address}"));
    Ok(listen + &file("--metrics-file", flags.metrics_file.as_deref())?)
}

/// The flags for launching replacements.
pub fn pace(pace: &Pace) -> String {
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
    for (flag, is_set) in [(" --no-wait", pace.no_wait), (" --no-notify", pace.no_notify)] {
        if is_set {
            flags.push_str(flag);
        }
    }
    flags
}

/// A path as a word of a unit.
///
/// # Errors
/// When a unit cannot contain it.
pub fn word(path: &Path) -> Result<String, CommandError> {
    let text = path.to_str().filter(|text| !text.contains(['\n', '"', '\'', '\\'])).ok_or_else(|| {
        CommandError::usage(
            format!("{} holds characters that a systemd unit cannot hold", path.display()),
            "move it to a path of plain characters",
        )
    })?;
    Ok(if text.contains(' ') { format!("\"{}\"", escaped(text)) } else { escaped(text) })
}

/// Escapes `%`, which starts a specifier in systemd, and `$`, which starts a variable.
fn escaped(text: &str) -> String {
    text.replace('%', "%%").replace('$', "$$")
}
