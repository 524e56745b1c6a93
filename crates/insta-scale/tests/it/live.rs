//! The page of `watch`: who may see it, and what it says. A browser opens it in conformance.

use crate::hunt::EXAMPLE;
use crate::program::Workplace;
use crate::sim_serve::{region, signal};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

/// A `watch` that ends with the test, and its address.
struct Watch {
    child: Child,
    address: String,
    path: String,
}

impl Watch {
    fn start(place: &Workplace, words: &[&str]) -> Self {
        let mut child = place.command(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rest = line.trim().strip_prefix("http://").expect(&line);
        let (address, path) = rest.split_once('/').unwrap();
        Self { child, address: address.to_owned(), path: format!("/{path}") }
    }

    /// The response to a request with these headers.
    fn ask(&self, method: &str, path: &str, host: &str, more: &str) -> String {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        write!(socket, "{method} {path} HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n")
            .unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        response
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_live_page_is_shown_only_at_its_address() {
    let place = Workplace::empty();
    let none = place.run(&["watch", "--simulated"]);
    assert_eq!(none.code, 2, "{}", none.stderr);
    let launched =
        place.run(&["launch", "--config", EXAMPLE, "--simulate", "--speed", "1000", "--count", "2"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let unknown = place.run(&["watch", "--simulated", "nothing"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    let blank = place.run(&["watch", "--simulated", ""]);
    assert_eq!(blank.code, 2, "{}", blank.stderr);

    let watch = Watch::start(&place, &["watch", "--simulated"]);
    let (host, path) = (watch.address.as_str(), watch.path.as_str());
    let page = watch.ask("GET", path, host, "");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(page.contains(r#""live":"Ended: complete""#), "{page}");
    let (headers, _) = page.split_once("\r\n\r\n").unwrap();
    for header in [
        "connect-src 'self'; frame-ancestors 'none'",
        "cache-control: no-store",
        "referrer-policy: no-referrer",
    ] {
        assert!(headers.contains(header), "{headers}");
    }
    let port = host.rsplit(':').next().unwrap();
    let cases = [
        ("GET", "/", host, "", 404),
        ("GET", "/events", host, "", 404),
        ("GET", &path[..path.len() - 2], host, "", 404),
        ("GET", &path.replace('/', "//"), host, "", 404),
        ("POST", path, host, "", 405),
        ("GET", path, "evil.example", "", 403),
        ("GET", path, &format!("localhost.evil.example:{port}"), "", 403),
        ("GET", path, host, "origin: http://evil.example\r\n", 403),
        ("GET", path, host, "origin: null\r\n", 403),
        ("GET", path, &format!("localhost:{port}"), "", 200),
    ];
    for (method, path, host, more, status) in cases {
        let response = watch.ask(method, path, host, more);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status}")),
            "{method} {path} {host} {more}: {response}"
        );
    }
    let other = Watch::start(&place, &["watch", "--simulated"]);
    assert_ne!(other.path, watch.path, "the word in the address is new each time");
    let taken = place.run(&["watch", "--simulated", "--listen", port]);
    assert_eq!(taken.code, 2, "{}", taken.stderr);
    assert!(taken.stderr.contains("--listen"), "{}", taken.stderr);
}

#[test]
fn the_page_of_a_maintained_fleet_shows_what_was_replaced() {
    let (place, _region) = region(&[]);
    let launched = place.run(&["launch", "--count", "3", "--yes"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let members = || -> Vec<String> {
        let listed = place.run(&["instances", "list", "--output", "json"]).json();
        let rows = listed["instances"].as_array().unwrap().iter();
        rows.map(|row| row["ocid"].as_str().unwrap().to_owned()).collect()
    };
    let before = members();
    let mut keeper = place
        .command(&["maintain", "--every", "10s", "--yes"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let watch = Watch::start(&place, &["watch", "rehearsal"]);
    let ask = || watch.ask("GET", &watch.path, &watch.address, "");
    // The page states the beginning that all OCIDs have in common once.
    let shows = |ocid: &str| ask().contains(&ocid[ocid.len() - 20..]);
    assert!(shows(&before[1]));
    let ended = place.run(&["instances", "terminate", &before[1], "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let since = tokio::time::Instant::now();
    while !members().iter().any(|ocid| !before.contains(ocid) && shows(ocid)) {
        assert!(since.elapsed() < Duration::from_mins(2), "no replacement is shown: {}", ask());
        std::thread::sleep(Duration::from_millis(300));
    }
    // Once the replacement runs, no launch is at work, but the fleet has not ended: it is maintained still.
    let rests = r#""live":"No launch is at work; the last one ended: complete"#;
    while !ask().contains(rests) {
        let page = ask();
        assert!(!page.contains(r#""live":"Ended"#), "{page}");
        assert!(since.elapsed() < Duration::from_mins(2), "{page}");
        std::thread::sleep(Duration::from_millis(300));
    }
    signal(&keeper);
    keeper.wait().unwrap();
}
