//! What the process gets from outside: environment variables, the home folder, time and chance.
//!
//! The only module that reads them; it passes them on.

use crate::error::CommandError;
use crate::output::console;
use oci_client::regions::AddedRegions;
use std::path::PathBuf;

/// A variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a variable is set, and holds nothing but blanks.
pub fn is_blank(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value.trim().is_empty())
}

/// The regions that this machine describes in the way of the official SDKs. A description that cannot be read is told, and
/// adds none.
pub fn added_regions() -> AddedRegions {
    oci_client::regions::added_regions(&variable).unwrap_or_else(|error| {
        console::line(&format!("warning: {}", crate::output::text::clean(&error.to_string())));
        AddedRegions::default()
    })
}

/// The user's home folder.
pub fn home() -> Option<PathBuf> {
    std::env::home_dir()
}

/// Where runs are remembered: as asked for, else the XDG state folder. Simulated runs have a folder of their own.
pub fn state_dir(asked: Option<PathBuf>, simulated: bool) -> Result<PathBuf, CommandError> {
    let xdg = || variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = || xdg().or_else(|| home().map(|home| home.join(".local/state")));
    // Set to nothing is not set, as with every variable here.
    let asked = asked.filter(|folder| !folder.as_os_str().is_empty());
    let base = asked.or_else(|| usual().map(|path| path.join("oci-insta-scale"))).ok_or_else(|| {
        CommandError::usage(
            "there is no home directory to keep the records of runs in",
            "name a directory with --state-dir",
        )
    })?;
    Ok(if simulated { base.join("simulated") } else { base })
}

/// A seed that differs every time.
pub fn seed() -> u64 {
    // The only source of randomness; everything else receives a generator seeded here.
    rand::random()
}

/// Whether this process was started to outlive its terminal, as `nohup` does it: with SIGHUP ignored. Whoever catches the
/// signal undoes that. Only Linux tells (proc(5), `SigIgn` in `/proc/PID/status`: a mask in which SIGHUP is the lowest bit).
pub fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
