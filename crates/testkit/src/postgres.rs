//! A PostgreSQL server of a test's own: a real one, on loopback, that can be stopped, killed and paused.
//!
//! It needs the server's programs (Debian: `postgresql`). The server does not run as root, so that a test which does uses the
//! account `postgres` of the package.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How many times a server that starts is asked, every tenth of a second.
const ATTEMPTS: u32 = 600;

/// A server, ended with this value.
pub struct PostgresServer {
    folder: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
}

/// A command of the server's package, run by an account that may.
fn command(program: &str) -> Command {
    let path = programs().join(program);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(path);
    command
}

/// Whether this process may do everything, which servers refuse to be.
pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|this| std::os::unix::fs::MetadataExt::uid(&this) == 0)
}

/// The folder of the newest server on this machine.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    versions.retain(|folder| folder.join("initdb").exists());
    versions.sort();
    versions.pop().expect("PostgreSQL is needed for this test: apt-get install postgresql")
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("the program can be run");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
}

/// Makes the account of the server the owner of a folder with its contents.
pub fn give_with_contents(folder: &Path) {
    for file in fs::read_dir(folder).expect("it can be read").flatten() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(file.path(), mode).expect("it is ours");
    }
    if is_root() {
        run(Command::new("chown").arg("-R").arg("postgres").arg(folder));
    }
}

impl PostgresServer {
    /// A server with a database `fleet`, whose user `ann` has the password `secret`.
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// The same with settings of its own: `ssl=on`.
    pub fn with(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("postgres").tempdir().expect("a folder can be made");
        give(folder.path());
        let port = free_port();
        let settings = settings.iter().map(ToString::to_string).collect();
        let server = Self { folder, port, settings };
        let password = server.folder.path().join("password");
        fs::write(&password, "secret").expect("the folder can be written");
        give(&password);
        run(command("initdb")
            .args(["--username=ann", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("-D")
            .arg(server.data()));
        server.go_on();
        server.sql("postgres", "CREATE DATABASE fleet");
        server
    }

    /// The folder of the server, for certificates.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its port on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of its database.
    pub fn address(&self) -> String {
        format!("postgres://ann:secret@127.0.0.1:{}/fleet", self.port)
    }

    /// Starts it again, and waits until it answers.
    pub fn go_on(&self) {
        let mut options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off -c max_wal_size=200MB",
            self.port,
            self.folder.path().display()
        );
        for setting in &self.settings {
            options.push_str(" -c ");
            options.push_str(setting);
        }
        let log = self.folder.path().join("log");
        let mut start = command("pg_ctl");
        start.args(["start", "--wait", "--silent", "-t", "60", "-D"]).arg(self.data());
        start.arg("-l").arg(&log).arg("-o").arg(options);
        let started = start.stdin(Stdio::null()).stdout(Stdio::null()).status();
        let said = || fs::read_to_string(&log).unwrap_or_default();
        assert!(started.is_ok_and(|status| status.success()), "the server does not start: {}", said());
    }

    /// Starts it if it has ended by itself, and waits until it answers.
    pub fn restart_if_down(&self) {
        let mut asked = command("pg_ctl");
        asked.args(["status", "-D"]).arg(self.data()).stdout(Stdio::null());
        if !asked.status().is_ok_and(|status| status.success()) {
            self.go_on();
        }
    }

    /// Stops it in order (`fast`), or as a power cut does (`immediate`).
    pub fn stop(&self, mode: &str) {
        run(command("pg_ctl").args(["stop", "--wait", "--silent", "-m", mode, "-D"]).arg(self.data()));
    }

    /// Ends it with `kill -9`, and waits until nothing of it is left.
    pub fn kill(&self) {
        let noted = fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        let process = noted.lines().next().expect("its first line is the process").trim().to_owned();
        run(Command::new("kill").args(["-9", &process]));
        for _ in 0..ATTEMPTS {
            let processes = fs::read_dir("/proc").expect("it can be read").flatten();
            let is_left = processes.into_iter().any(|process| is_of(&process.path(), &self.data()));
            if !is_left {
                // A process that nobody has waited for would still count as the server.
                let socket = self.folder.path().join(format!(".s.PGSQL.{}.lock", self.port));
                for lock in [self.data().join("postmaster.pid"), socket] {
                    fs::remove_file(lock).expect("it is there");
                }
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("processes of the server stay");
    }

    /// Keeps a copy of what the server has at present, as a standby that gets nothing from now on.
    pub fn leave_a_standby(&self) {
        self.stop("fast");
        run(Command::new("cp").arg("-a").arg(self.data()).arg(self.standby()));
        self.go_on();
    }

    /// The server is lost, and the standby takes over with another timeline: it lacks everything since it was left.
    pub fn fail_over(&self) {
        self.stop("immediate");
        fs::rename(self.data(), self.folder.path().join("lost")).expect("the folder can be written");
        fs::rename(self.standby(), self.data()).expect("there is a standby");
        self.promote();
    }

    fn standby(&self) -> PathBuf {
        self.folder.path().join("standby")
    }

    /// Moves its log of transactions to this folder, which the account of the server may write to.
    pub fn move_log_to(&self, folder: &Path) {
        self.stop("fast");
        let (log, moved) = (self.data().join("pg_wal"), folder.join("pg_wal"));
        run(Command::new("cp").arg("-a").arg(&log).arg(&moved));
        fs::rename(&log, self.folder.path().join("old_log")).expect("the folder can be written");
        std::os::unix::fs::symlink(&moved, &log).expect("the folder can be written");
        self.go_on();
    }

    /// Makes a copy of it the server, as when a standby takes over: it goes on with another timeline.
    pub fn promote_a_copy(&self) {
        self.stop("fast");
        self.promote();
    }

    fn promote(&self) {
        fs::write(self.data().join("standby.signal"), "").expect("the folder can be written");
        give(&self.data().join("standby.signal"));
        self.go_on();
        run(command("pg_ctl").args(["promote", "--wait", "--silent", "-D"]).arg(self.data()));
    }

    /// Runs statements as the user `ann`, and returns what is printed.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        for _ in 0..ATTEMPTS {
            let mut client = Command::new("psql");
            client.env("PGPASSWORD", "secret").args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "ann",
            ]);
            client.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", statements]);
            let output = client.output().expect("psql can be run");
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains("starting up"), "{statements}: {said}");
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the server does not start");
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = command("pg_ctl")
            .args(["stop", "--wait", "--silent", "-m", "immediate", "-D"])
            .arg(self.data())
            .stderr(Stdio::null())
            .status();
    }
}

/// A free port that the system gives to nobody by itself: a server that is away for a moment finds its port free.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = std::iter::repeat_with(|| {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().wrapping_mul(37));
        u16::try_from(10_000 + turn % 22_000).expect("it is small enough")
    });
    let mut ports = ports.take(22_000);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a port is free")
}

/// Whether a process works in this folder, as all processes of a server do in that of its data.
fn is_of(process: &Path, folder: &Path) -> bool {
    fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == folder)
}

/// Makes the account of the server the owner.
pub(crate) fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(path));
    }
}
