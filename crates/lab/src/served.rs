//! The simulated region as a separate process behind a socket: `oci-insta-scale sim serve`.

use crate::clock::Cpu;
use crate::process::beside;
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A region behind a socket of this machine, which ends when this value is dropped.
pub struct Served {
    process: Child,
    address: String,
    folder: TempDir,
}

impl Served {
    /// Starts a region on a free port, with this text as its scenario.
    ///
    /// # Errors
    /// When it could not be started.
    pub fn start(scenario: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("scenario.yaml");
        std::fs::write(&file, scenario)?;
        let mut process = Command::new(beside("oci-insta-scale")?)
            .args(["sim", "serve", "--listen", "127.0.0.1:0", "--scenario"])
            .arg(&file)
            .arg("--home")
            .arg(folder.path().join("home"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(out) = process.stdout.as_mut() {
            BufReader::new(out).read_line(&mut line)?;
        }
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            let _ = process.kill();
            return Err(io::Error::other(format!("the simulated region did not start: {line:?}")));
        };
        Ok(Self { address: address.to_owned(), process, folder })
    }

    /// Its address: host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The path of a config of a fleet in it, for `oci-insta-scale`.
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("home/config.yaml")
    }

    /// The path of the config of its user, for the official clients.
    pub fn oci_config(&self) -> PathBuf {
        self.folder.path().join("home/config")
    }

    /// A folder that is deleted with the region.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The value of a key of the fleet's config.
    ///
    /// # Errors
    /// When the config does not have the key.
    pub fn value(&self, key: &str) -> io::Result<String> {
        let text = std::fs::read_to_string(self.config())?;
        let value = text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(':'));
        let value = value.map(|value| value.trim().trim_matches('"').to_owned());
        value.ok_or_else(|| io::Error::other(format!("the region's config has no {key}")))
    }

    /// The processor time of its process so far, in seconds.
    pub fn cpu_s(&self) -> f64 {
        Cpu::of(self.process.id()).map_or(f64::NAN, Cpu::seconds)
    }

    /// The total number of requests that it has received.
    ///
    /// # Errors
    /// When the region does not respond.
    pub fn requests(&self) -> io::Result<u64> {
        Ok(self.stats()?["requests"].as_u64().unwrap_or(0))
    }

    /// The number of requests of an operation, and how many of them were refused with 429.
    ///
    /// # Errors
    /// When the region does not respond.
    pub fn counted(&self, operation: &str) -> io::Result<(u64, u64)> {
        let of = &self.stats()?["operations"][operation];
        Ok((of["requests"].as_u64().unwrap_or(0), of["throttled"].as_u64().unwrap_or(0)))
    }

    fn stats(&self) -> io::Result<Value> {
        Ok(serde_json::from_str(&self.page("/_sim/stats")?)?)
    }

    /// Reads one of the pages about the region itself.
    fn page(&self, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let (_, body) = text.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("half an answer"))?;
        Ok(body.to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
