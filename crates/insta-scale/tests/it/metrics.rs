//! Metrics of the real program: while it runs, in a file, and when they cannot be published.

use crate::program::Workplace;
use crate::sim_serve::{region, region_at};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

/// The response to a GET, with its headers.
fn get(address: &str, path: &str, host: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    response
}

fn value<'a>(text: &'a str, name: &str) -> &'a str {
    let line = text.lines().find(|line| line.starts_with(&format!("oci_insta_scale_{name}{{")));
    line.unwrap_or_else(|| panic!("{name}: {text}")).rsplit(' ').next().unwrap()
}

#[test]
fn metrics_that_cannot_be_published_launch_nothing() {
    let (place, _region) = region(&[]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    place.write("file", "");
    let flags = [
        ["--metrics-listen", &port],
        ["--metrics-listen", "nowhere:1"],
        ["--metrics-listen", ""],
        ["--metrics-file", "missing/run.prom"],
        ["--metrics-file", "file/run.prom"],
        ["--metrics-file", "."],
        ["--metrics-file", ""],
    ];
    for flag in flags {
        for words in [
            ["launch", "--yes"].as_slice(),
            &["hunt", "--yes"],
            &["scale", "2", "--yes"],
            &["maintain", "--yes"],
            &["resume"],
        ] {
            let refused = place.run(&[words, &flag].concat());
            assert_eq!(refused.code, 2, "{words:?} {flag:?}: {}", refused.stderr);
            assert!(refused.stderr.contains(flag[0]), "{words:?} {flag:?}: {}", refused.stderr);
        }
    }
    let listed = place.run(&["instances", "list", "--output", "json"]).json();
    assert_eq!(listed["instances"].as_array().unwrap().len(), 0, "{listed}");
    assert_eq!(std::fs::read(place.path().join("file")).unwrap(), b"");
}

#[test]
fn a_launch_tells_its_metrics_while_it_runs() {
    let (place, _region) = region_at("20", &[]);
    let file = place.path().join("run.prom");
    let words = [
        "launch",
        "--count",
        "2",
        "--metrics-listen",
        "0",
        "--metrics-file",
        file.to_str().unwrap(),
        "--yes",
    ];
    let mut child = place.command(&words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let told =
        lines.find_map(|line| line.unwrap().strip_prefix("metrics: http://").map(str::to_owned)).unwrap();
    let address = told.strip_suffix("/metrics").unwrap();
    // A full pipe must not block the program.
    std::thread::spawn(move || lines.count());
    // Until the run begins, there are none.
    let text = loop {
        let text = get(address, "/metrics", address);
        if text.contains("oci_insta_scale_instances_wanted") {
            break text;
        }
    };
    assert!(text.contains("content-type: text/plain; version=0.0.4"), "{text}");
    assert_eq!((value(&text, "instances_wanted"), value(&text, "instances_running")), ("2", "0"));
    assert!(get(address, "/metrics", "evil.example").starts_with("HTTP/1.1 403"));
    assert!(get(address, "/", address).starts_with("HTTP/1.1 404"));
    assert!(child.wait().unwrap().success());
    let last = std::fs::read_to_string(&file).unwrap();
    assert_eq!((value(&last, "instances_running"), value(&last, "runs_total")), ("2", "1"));
    assert_eq!(value(&last, "time_to_running_seconds_count"), "2");
    assert!(!last.contains("ocid1."), "{last}");
}

#[test]
fn a_maintained_fleet_tells_its_size() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["scale", "2", "--yes", "--metrics-file", "scale.prom"]).code, 0);
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    assert_eq!(value(&read("scale.prom"), "launches_total"), "2");
    let kept = place.run(&["maintain", "--once", "--yes", "--metrics-file", "fleet.prom"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let text = read("fleet.prom");
    assert_eq!((value(&text, "fleet_members"), value(&text, "fleet_wanted")), ("2", "2"));
    let shrunk = place.run(&["scale", "1", "--yes", "--metrics-file", "scale.txt"]);
    assert_eq!(shrunk.code, 0, "{}", shrunk.stderr);
    assert!(shrunk.stderr.contains("reads only files that end in `.prom`"), "{}", shrunk.stderr);
    let text = read("scale.txt");
    assert!(text.contains("action=\"terminate\",outcome=\"accepted\"} 1"), "{text}");
    assert!(!text.contains("oci_insta_scale_instances_wanted"), "{text}");
}

#[test]
fn units_publish_the_metrics_that_were_asked_for() {
    let place = Workplace::empty();
    place.write("config.yaml", crate::bad_config::GOOD);
    for command in ["hunt", "maintain"] {
        let words = [command, "--print-unit", "--metrics-listen", "9464", "--metrics-file", "a.prom"];
        let unit = place.run(&words).stdout;
        let file = place.path().join("a.prom");
        let flags = format!(" --metrics-listen 127.0.0.1:9464 --metrics-file {} ", file.display());
        assert!(unit.contains(&flags), "{unit}");
    }
}
