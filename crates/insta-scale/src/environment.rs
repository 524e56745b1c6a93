//! The inputs of the process: environment variables, the home folder, time and random numbers.
//!
//! Only this module reads them; it passes them on.

use crate::error::CommandError;
use crate::output::console;
use oci_client::regions::AddedRegions;
use std::path::PathBuf;

/// A variable that is set and not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a variable is set to blanks only.
pub fn is_blank(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| value.trim().is_empty())
}

/// The regions that this machine describes in the format of the official SDKs. An invalid description is reported and adds
/// none.
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

/// The state directory: the requested one, otherwise the XDG state directory. Simulated runs have their own.
pub fn state_dir(asked: Option<PathBuf>, simulated: bool) -> Result<PathBuf, CommandError> {
    let xdg = || variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = || xdg().or_else(|| home().map(|home| home.join(".local/state")));
    // As with every variable here, an empty value counts as unset.
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

/// A word that nobody can guess.
pub fn secret_word() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// Whether this process was started to outlive its terminal with SIGHUP ignored, as `nohup` does; catching the signal would
/// undo that. Only Linux tells (proc(5), `SigIgn` in `/proc/PID/status`: a mask in which SIGHUP is the lowest bit).
pub fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
