//! A disk that a test can fill: a file system in memory, mounted in a folder of its own.

use crate::postgres::{give, is_root};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A small disk, unmounted with this value.
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

/// A command of the system administrator: directly, or where `sudo` asks for no password.
fn privileged(program: &str) -> Command {
    if is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

impl SmallDisk {
    /// A disk of so many megabytes that the account of a test's server may write to. `None` if nothing may be mounted here, which
    /// is said.
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads the output of the tests has to see what was left out"
    )]
    pub fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("disk").tempdir().expect("a folder can be made");
        let mut mount = privileged("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m,mode=1777"), "none"]).arg(folder.path());
        let mounted = mount.stdin(Stdio::null()).output();
        if !mounted.as_ref().is_ok_and(|mounted| mounted.status.success()) {
            eprintln!("SKIPPED: a small disk needs root, or sudo without a password ({mounted:?})");
            return None;
        }
        Some(Self { folder })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A folder on it that belongs to the account of the server.
    pub fn folder(&self, name: &str) -> std::path::PathBuf {
        let folder = self.path().join(name);
        fs::create_dir(&folder).expect("the disk can be written");
        give(&folder);
        folder
    }

    /// Leaves no room on it.
    pub fn fill(&self) {
        let mut file = File::create(self.path().join("filler")).expect("the disk can be written");
        // The last bytes do not make a page.
        for size in [1 << 20, 1 << 12] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        fs::remove_file(self.path().join("filler")).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A server may still have files open there; the disk goes with the last of them.
        let _ = privileged("umount").arg("--lazy").arg(self.path()).status();
    }
}
