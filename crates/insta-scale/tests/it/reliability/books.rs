//! A run of the real program against a region in another process, and that region's own counters.

use crate::program::{Ended, Workplace};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

/// A `sim serve` that ends with the test. Its files for users are in the folder `sim`.
pub struct Region {
    child: Child,
    endpoint: String,
}

impl Region {
    pub fn start(place: &Workplace, more: &[&str]) -> Self {
        let mut arguments = vec!["sim", "serve", "--listen", "127.0.0.1:0", "--home", "sim"];
        arguments.extend(more);
        let mut command = place.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, endpoint }
    }

    /// Its URL: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The region's own counters.
pub fn stats(region: &Region) -> Value {
    stats_at(&region.endpoint)
}

/// The counters of the region at this address.
pub fn stats_at(endpoint: &str) -> Value {
    let address = endpoint.trim_start_matches("http://");
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    write!(socket, "GET /_sim/stats HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The number of instances that exist and are not terminating.
pub fn live(region: &Region) -> u64 {
    let stats = stats(region);
    let states = stats["instances"].as_object().unwrap().iter();
    states.filter(|(state, _)| !state.starts_with("TERMINAT")).map(|(_, count)| count.as_u64().unwrap()).sum()
}

/// The number of requested launches, whatever their result.
pub fn launches(region: &Region) -> u64 {
    stats(region)["operations"]["LaunchInstance"]["requests"].as_u64().unwrap_or(0)
}

/// Resumes the last run and checks that exactly `count` instances then exist, each with its own number.
pub fn resume_to(place: &Workplace, region: &Region, count: u64) {
    let resumed = place.run(&["resume", "--config", "sim/config.yaml", "--output", "json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["running"], count);
    complete(place, region, count);
}

/// Checks that exactly `count` instances exist, each with its own number.
pub fn complete(place: &Workplace, region: &Region, count: u64) {
    assert_eq!(live(region), count);
    let listed =
        place.run(&["instances", "list", "--no-ips", "--config", "sim/config.yaml", "--output", "json"]);
    let rows = listed.json();
    let mut names: Vec<u64> = rows["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["name"].as_str().unwrap().rsplit_once('-').unwrap().1.parse().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, (1..=count).collect::<Vec<_>>());
}

/// A running program, and its output so far.
pub struct AtWork {
    pub child: Child,
    stderr: BufReader<ChildStderr>,
    pub told: String,
}

impl AtWork {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, told: String::new() }
    }

    /// Reads until the output contains this text.
    pub fn until(&mut self, said: &str) {
        while !self.told.contains(said) {
            assert_ne!(self.stderr.read_line(&mut self.told).unwrap(), 0, "{}", self.told);
        }
    }

    pub fn send(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Stops reading its output.
    pub fn hang_up(self) -> Child {
        self.child
    }

    /// Waits for it to end.
    pub fn end(mut self) -> Ended {
        self.stderr.read_to_string(&mut self.told).unwrap();
        let mut ended = Ended::from(self.child.wait_with_output().unwrap());
        ended.stderr = self.told;
        ended
    }
}
