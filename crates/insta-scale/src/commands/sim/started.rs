//! What a program needs that starts a simulated region: a file that says that it is ready, and a region that ends with its parent.

use crate::error::CommandError;
use crate::files;
use crate::tuning::PARENT_LOOKS;
use std::path::{Path, PathBuf};

/// The file of `--ready-file`, before the region is ready.
pub struct ReadyFile(PathBuf);

/// The file while the region runs, with what was written. Deletes it at the end.
pub struct Ready {
    path: PathBuf,
    text: String,
}

impl ReadyFile {
    /// Deletes what an earlier region left behind, so that nobody takes it for this one, and refuses any other file.
    pub fn at(path: &Path) -> Result<Self, CommandError> {
        match std::fs::read(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self(path.to_owned())),
            Err(error) => return Err(cannot("read", path, &error)),
            Ok(text) if is_of_a_region(&text) => {}
            Ok(_) => {
                return Err(CommandError::usage(
                    format!("--ready-file: {} exists, and no region wrote it", path.display()),
                    "name another file, or remove this one",
                ));
            }
        }
        std::fs::remove_file(path).map_err(|error| cannot("replace", path, &error))?;
        Ok(Self(path.to_owned()))
    }

    /// Writes the whole file at once.
    pub fn write(self, text: String) -> Result<Ready, CommandError> {
        files::replace(&self.0, text.as_bytes()).map_err(|error| cannot("write", &self.0, &error))?;
        Ok(Ready { path: self.0, text })
    }
}

/// Whether a text is what a region writes when it is ready.
fn is_of_a_region(text: &[u8]) -> bool {
    let document = serde_json::from_slice::<serde_json::Value>(text).unwrap_or_default();
    document["simulated"] == true && document["endpoint"].is_string() && document["pid"].is_u64()
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Another region may have taken the name since.
        if std::fs::read(&self.path).is_ok_and(|text| text == self.text.as_bytes()) {
            // Whoever reads it later finds that nothing listens there.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn cannot(action: &str, path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::usage(
        format!("--ready-file: cannot {action} {}: {error}", path.display()),
        "name a file in a directory that can be written",
    )
}

/// The process of `--parent-pid`.
pub struct Parent {
    #[cfg(unix)]
    pid: rustix::process::Pid,
    #[cfg(unix)]
    is_own: bool,
}

impl Parent {
    /// Finds the process.
    #[cfg(unix)]
    pub fn watch(pid: i32) -> Result<Self, CommandError> {
        let found = rustix::process::Pid::from_raw(pid)
            .map(|pid| Self { pid, is_own: rustix::process::getppid() == Some(pid) })
            .filter(Self::lives);
        found.ok_or_else(|| {
            CommandError::usage(
                format!("--parent-pid: there is no process {pid}"),
                "name the process that starts the region, such as $$ in a shell",
            )
        })
    }

    /// Elsewhere there is no such number.
    #[cfg(not(unix))]
    pub fn watch(_pid: i32) -> Result<Self, CommandError> {
        Err(CommandError::usage("--parent-pid needs Unix", "end the region yourself"))
    }

    /// Whether it still runs. The number of one's own parent changes when it ends, even if nobody has waited for it yet.
    #[cfg(unix)]
    fn lives(&self) -> bool {
        if self.is_own {
            return rustix::process::getppid() == Some(self.pid);
        }
        rustix::process::test_kill_process(self.pid) != Err(rustix::io::Errno::SRCH)
    }

    #[cfg(not(unix))]
    fn lives(&self) -> bool {
        true
    }
}

/// Waits until the process has ended; for ever without one.
pub async fn ended(parent: Option<Parent>) {
    let Some(parent) = parent else { return std::future::pending().await };
    while parent.lives() {
        tokio::time::sleep(PARENT_LOOKS).await;
    }
}
