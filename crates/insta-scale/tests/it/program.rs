//! Runs the real program in a separate folder, without this machine's environment.

use crate::published;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with its own state directory, in which commands run.
pub struct Workplace {
    folder: TempDir,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The JSON document on stdout.
    pub fn json(&self) -> serde_json::Value {
        let document = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr));
        published::check_any(&document);
        document
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Workplace {
    /// An empty folder.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A folder with this `config.yaml`.
    pub fn with_config(text: &str) -> Self {
        let place = Self::empty();
        place.write("config.yaml", text);
        place
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A command that is ready to run, with `--yes` if it changes something in the cloud.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.unconfirmed(arguments);
        command.args(consent(arguments));
        command
    }

    /// The same without `--yes`.
    pub fn unconfirmed(&self, arguments: &[&str]) -> Command {
        self.command_of(env!("CARGO_BIN_EXE_oci-insta-scale"), arguments)
    }

    /// The same for another of the programs.
    pub fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("OCI_INSTA_SCALE_STATE_DIR", self.folder.path().join("state"))
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, with `--yes` if it changes something in the cloud.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        let ended: Ended = self.command(arguments).output().unwrap().into();
        published::check(arguments, &ended.stdout);
        ended
    }
}

/// `--yes`, if a command needs it without a terminal and does not have it yet.
fn consent(arguments: &[&str]) -> Option<&'static str> {
    let has = |words: &[&str]| arguments.iter().any(|word| words.contains(word));
    let simulated = arguments.iter().any(|word| word.trim_start_matches('-').starts_with("simulate"));
    let agreed = simulated || has(&["--yes", "-yes", "-y", "--dry-run", "-dry-run", "--help", "-help"]);
    let changes = match arguments.first() {
        None | Some(&("launch" | "resume" | "cleanup" | "scale")) => true,
        Some(&"instances") => has(&["start", "stop", "reboot", "terminate", "extend"]),
        Some(&"reservation") => has(&["create", "update", "wait", "delete"]),
        // Flags come first: `launch` is inserted unless a command follows.
        Some(first) => {
            first.starts_with('-')
                && !has(&["runs", "show", "plan", "instances", "reservation", "sim", "status", "fleets"])
        }
    };
    (changes && !agreed).then_some("--yes")
}
