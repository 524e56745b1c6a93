//! The simulated region as a standalone server, and a run against it that is interrupted and resumed.

use crate::program::{Ended, Workplace};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

/// A `sim serve` that ends with the test.
pub struct Region {
    child: Child,
    pub endpoint: String,
}

impl Region {
    pub fn start(place: &Workplace, more: &[&str]) -> Self {
        Self::start_at(place, "127.0.0.1:0", more)
    }

    /// The same at an address.
    pub fn start_at(place: &Workplace, listen: &str, more: &[&str]) -> Self {
        let mut arguments = vec!["sim", "serve", "--listen", listen, "--home", "sim"];
        arguments.extend(more);
        let mut child =
            place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.trim().strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, endpoint }
    }

    /// Sends a request to its administration, which has to accept it, and returns the body of the answer.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> String {
        post_at(&self.endpoint, path, body)
    }

    /// The body of what its administration answers.
    pub fn get(&self, path: &str) -> String {
        let address = self.endpoint.trim_start_matches("http://");
        let mut socket = std::net::TcpStream::connect(address).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Stops it cleanly and returns its exit code.
    #[cfg(unix)]
    fn interrupt(mut self) -> Option<i32> {
        signal(&self.child);
        self.child.wait().unwrap().code()
    }
}

/// Sends a request to the administration at an endpoint, which has to accept it, and returns the body of the answer.
pub fn post_at(endpoint: &str, path: &str, body: &serde_json::Value) -> String {
    let address = endpoint.trim_start_matches("http://");
    let body = body.to_string();
    let length = body.len();
    let mut socket = std::net::TcpStream::connect(address).unwrap();
    write!(
            socket,
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// Makes the config of the region in `sim` the default config of this folder.
pub fn configure(place: &Workplace) {
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    place.write("config.yaml", config);
}

impl Drop for Region {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with the config of a served region, so that commands need no `--config`. Its time runs 300 times as fast.
pub fn region(more: &[&str]) -> (Workplace, Region) {
    region_at("300", more)
}

/// The same at another speed.
pub fn region_at(speed: &str, more: &[&str]) -> (Workplace, Region) {
    let place = Workplace::empty();
    let region = Region::start(&place, &[&["--speed", speed], more].concat());
    configure(&place);
    (place, region)
}

/// Sends Ctrl-C to a process.
#[cfg(unix)]
pub fn signal(child: &Child) {
    let sent = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
#[cfg(unix)]
fn a_served_region_takes_a_launch_with_its_config() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    assert!(region.endpoint.starts_with("http://127.0.0.1:"));
    let ended = place.run(&["--config", "sim/config.yaml", "--count", "5", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.json()["running"], 5);
    let config = std::fs::read_to_string(place.path().join("sim/config")).unwrap();
    assert!(config.starts_with("[DEFAULT]\n"), "{config}");
    assert_eq!(region.interrupt(), Some(0));
    assert_eq!(place.run(&["sim", "reset", "--home", "sim"]).code, 0);
    assert!(!place.path().join("sim").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_blank_program_starts_no_region() {
    let place = Workplace::empty();
    let ended = place.run(&["sim", "exec", "--home", "sim", "--", ""]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("<COMMAND>...' is blank"), "{}", ended.stderr);
    assert!(!place.path().join("sim").exists());
}

#[test]
fn a_refused_login_stops_the_run_with_a_code_of_its_own() {
    let place = Workplace::empty();
    let region = Region::start(&place, &[]);
    let other = Workplace::empty();
    let stranger = Region::start(&other, &[]);
    let config = std::fs::read_to_string(other.path().join("sim/config.yaml")).unwrap();
    place.write("config.yaml", config);
    let ended = place.run(&["--endpoint", &region.endpoint]);
    drop(stranger);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(ended.stderr.contains("hint: OCI does not recognise the key of this user"), "{}", ended.stderr);
}

#[test]
#[cfg(unix)]
fn an_interrupted_run_says_how_to_go_on_and_goes_on() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let arguments = ["--config", "sim/config.yaml", "--count", "30", "--rate", "10", "--output", "json"];
    let mut child = place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("[2/30] launched") {
        assert_ne!(lines.read_line(&mut told).unwrap(), 0, "{told}");
    }
    signal(&child);
    std::io::Read::read_to_string(&mut lines, &mut told).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, 130, "{told}");
    let document = ended.json();
    let launched = document["launched"].as_u64().unwrap();
    assert!((2..30).contains(&launched), "{launched}");
    assert!(told.contains("continue with: oci-insta-scale resume "), "{told}");

    let resumed = place.run(&["resume", "--config", "sim/config.yaml", "--output", "json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!((&resumed.json()["running"], &resumed.json()["run_id"]), (&30.into(), &document["run_id"]));
    drop(region);
}

#[test]
fn a_users_config_runs_against_a_served_region() {
    let place = Workplace::empty();
    // A key is needed, and the region's own serves as that of the config's user.
    drop(Region::start(&place, &[]));
    let key = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let fingerprint = key.lines().find(|line| line.starts_with("fingerprint")).unwrap();
    let config = crate::bad_config::GOOD
        .replace("fingerprint: 20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34", fingerprint)
        .replace("key.pem", "sim/oci_api_key.pem");
    place.write("config.yaml", config);
    let region = Region::start(&place, &["--config", "config.yaml", "--speed", "300"]);
    let ended = place.run(&["--endpoint", &region.endpoint, "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.json()["running"], 3);
}

#[test]
fn a_busy_port_says_which_and_how_to_choose_another() {
    let place = Workplace::empty();
    let region = Region::start(&place, &[]);
    let address = region.endpoint.trim_start_matches("http://").to_owned();
    let ended = place.run(&["sim", "serve", "--listen", &address, "--home", "other"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("--listen"), "{}", ended.stderr);
}

#[test]
fn the_scenarios_are_listed() {
    let place = Workplace::empty();
    let table = place.run(&["sim", "scenarios"]).stdout;
    assert!(table.starts_with("roomy "), "{table}");
    let rows = place.run(&["sim", "scenarios", "--output", "json"]).json();
    assert_eq!(rows["scenarios"].as_array().unwrap().len(), table.lines().count());
}

#[test]
#[cfg(unix)]
fn a_reset_removes_only_home_and_saved_state() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300", "--save", "world.json"]);
    let ended = place.run(&["--config", "sim/config.yaml", "--count", "2", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(region.interrupt(), Some(0));
    assert!(place.path().join("world.json").exists());
    place.write("mine.json", "{\"mine\": true}");
    place.write("sim/notes.txt", "mine too");

    let wrong = place.run(&["sim", "reset", "--home", "sim", "--save", "mine.json"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("mine.json is not a saved region: nothing was deleted"),
        "{}",
        wrong.stderr
    );
    assert!(place.path().join("mine.json").exists() && place.path().join("sim/config").exists());

    let reset = place.run(&["sim", "reset", "--home", "sim", "--save", "world.json"]);
    assert_eq!(reset.code, 0, "{}", reset.stderr);
    assert!(reset.stderr.contains("and its saved state"), "{}", reset.stderr);
    assert!(!place.path().join("world.json").exists() && !place.path().join("sim/config").exists());
    assert!(place.path().join("sim/notes.txt").exists(), "what is not the region's stays");
    // Having nothing to delete is not a failure.
    assert_eq!(place.run(&["sim", "reset", "--home", "sim", "--save", "world.json"]).code, 0);
}

#[test]
fn serve_and_reset_refuse_a_foreign_folder() {
    let place = Workplace::empty();
    let config = "[DEFAULT]\nuser=ocid1.user.oc1..real\n";
    std::fs::create_dir(place.path().join("oci")).unwrap();
    place.write("oci/config", config);
    place.write("oci/oci_api_key.pem", "a key");
    for command in [["sim", "serve", "--home", "oci"], ["sim", "reset", "--home", "oci"]] {
        let ended = place.run(&command);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("is not the home of a simulated region"), "{}", ended.stderr);
    }
    assert_eq!(std::fs::read_to_string(place.path().join("oci/config")).unwrap(), config);
    assert_eq!(std::fs::read_dir(place.path().join("oci")).unwrap().count(), 2);
}

#[test]
fn a_reset_leaves_the_home_of_a_running_region() {
    let place = Workplace::empty();
    let _region = Region::start(&place, &["--save", "world.json"]);
    let ended = place.run(&["sim", "reset", "--home", "sim"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("running simulated region"), "{}", ended.stderr);
    let ended = place.run(&["sim", "reset", "--home", "other", "--save", "world.json"]);
    assert!(ended.code == 2 && ended.stderr.contains("running simulated region"), "{}", ended.stderr);
    assert!(place.path().join("sim/config").exists() && place.path().join("world.json").exists());
}

#[test]
fn an_address_without_a_port_is_told_what_one_looks_like() {
    let place = Workplace::empty();
    let ended = place.run(&["sim", "serve", "--listen", "127.0.0.1"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("ADDRESS:PORT, such as 127.0.0.1:12620"), "{}", ended.stderr);
    let busy = Region::start(&place, &[]);
    let port = busy.endpoint.rsplit(':').next().unwrap();
    let ended = place.run(&["sim", "serve", "--listen", &format!("localhost:{port}"), "--home", "other"]);
    assert!(ended.stderr.contains(&format!("cannot listen on 127.0.0.1:{port}")), "{}", ended.stderr);
}

#[test]
fn a_region_larger_than_memory_is_refused_before_it_is_made() {
    let place = Workplace::empty();
    place.write("huge.yaml", "world: {hosts: {per_fault_domain: 4000000000}}\n");
    let ended = place.run(&["sim", "serve", "--scenario", "huge.yaml", "--listen", "127.0.0.1:0"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("hosts: there can be at most 1000000"), "{}", ended.stderr);
}

/// The home is claimed before the world is created, and a world of nearly a million hosts takes some time.
#[test]
#[cfg(unix)]
fn a_region_interrupted_at_start_leaves_no_lock() {
    let place = Workplace::empty();
    place.write("large.yaml", "world: {hosts: {per_fault_domain: 5800}}\n");
    let arguments = ["sim", "serve", "--listen", "127.0.0.1:0", "--home", "sim", "--save", "world.json"];
    let mut command = place.command(&arguments);
    command.args(["--scenario", "large.yaml"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while !place.path().join("sim/.oci-insta-scale-region").exists() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    signal(&child);
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (130, ""), "{}", ended.stderr);
    assert!(ended.stderr.contains("stopping the simulated region"), "{}", ended.stderr);
    assert!(!place.path().join("world.json").exists(), "half a world is not saved");
    let region = Region::start(&place, &["--save", "world.json"]);
    assert_eq!(region.interrupt(), Some(0));
}

/// A region that a test starts says where it is, begins anew for the next test, and ends with whoever started it.
#[cfg(unix)]
#[test]
fn a_region_for_tests_is_ready_reset_and_ends_with_its_parent() {
    let place = Workplace::empty();
    let mut parent = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = parent.id().to_string();
    let more = ["--ready-file", "ready.json", "--parent-pid", &pid];
    let mut region = Region::start(&place, &more);
    let ready = place.path().join("ready.json");
    let document: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    assert_eq!(document["endpoint"], region.endpoint);
    assert_eq!(document["pid"], region.child.id());
    let time =
        |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["simulated_time"].clone();
    let advanced = time(&region.post("/_sim/advance", &serde_json::json!({"seconds": 86_400})));
    let reset = time(&region.post("/_sim/reset", &serde_json::Value::Null));
    assert!(reset.as_str() < advanced.as_str(), "{reset} {advanced}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(region.child.wait().unwrap().code(), Some(0));
    assert!(!ready.exists(), "nothing is ready any more");
}

/// A file of somebody else's is neither deleted nor replaced; one that an earlier region left behind is.
#[test]
fn a_ready_file_replaces_only_that_of_a_region() {
    let place = Workplace::empty();
    let serve = ["sim", "serve", "--listen", "127.0.0.1:0", "--home", "sim", "--ready-file", "notes"];
    for text in ["my notes", "", "{}", "[1]"] {
        place.write("notes", text);
        let ended = place.run(&serve);
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        assert!(ended.stderr.contains("no region wrote it"), "{}", ended.stderr);
        assert_eq!(std::fs::read_to_string(place.path().join("notes")).unwrap(), text);
    }
    place.write("notes", r#"{"simulated": true, "endpoint": "http://127.0.0.1:1", "pid": 1}"#);
    let region = Region::start(&place, &["--ready-file", "notes"]);
    let document = std::fs::read_to_string(place.path().join("notes")).unwrap();
    assert!(document.contains(&region.endpoint), "{document}");
}

#[cfg(unix)]
#[test]
fn a_parent_that_is_not_there_starts_no_region() {
    let place = Workplace::empty();
    let ended = place.run(&[
        "sim",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--home",
        "sim",
        "--parent-pid",
        "2147483647",
    ]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no process 2147483647"), "{}", ended.stderr);
}
