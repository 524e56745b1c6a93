//! A PostgreSQL server of a test's own: a real one, on loopback, that can be stopped, killed and paused.
//!
//! It needs the server's programs (Debian: `postgresql`). The server does not run as root, so that a test which does uses the
//! account `postgres` of the package.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        drop(listener);
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
        run(command("pg_ctl")
            .args(["start", "--wait", "--silent", "-t", "60", "-D"])
            .arg(self.data())
            .arg("-l")
            .arg(&log)
            .arg("-o")
            .arg(options)
            .stdout(Stdio::null()));
    }

    /// Stops it in order (`fast`), or as a power cut does (`immediate`).
    pub fn stop(&self, mode: &str) {
        run(command("pg_ctl").args(["stop", "--wait", "--silent", "-m", mode, "-D"]).arg(self.data()));
    }

    /// Makes a copy of it the server, as when a standby takes over: it goes on with another timeline.
    pub fn promote_a_copy(&self) {
        self.stop("fast");
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

/// Makes the account of the server the owner.
fn give(path: &Path) {
    if is_root() {
        run(Command::new("chown").arg("postgres").arg(path));
    }
}
