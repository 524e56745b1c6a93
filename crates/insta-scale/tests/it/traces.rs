//! Traces of the real program: they arrive, and whatever their receiver does, the command ends as without them.

use crate::program::{Ended, Workplace};
use crate::sim_serve::region_at;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The head and the body of a request.
fn read(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A receiver that answers every request with `answer`, or never. Its address, and the requests.
fn receiver(answer: Option<&'static str>) -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://user:hunter2@{}", listener.local_addr().unwrap());
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let send = send.clone();
            std::thread::spawn(move || {
                while let Some(request) = read(&stream) {
                    let _ = send.send(request);
                    let Some(status) = answer else {
                        std::thread::park();
                        return;
                    };
                    let _ = write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                }
            });
        }
    });
    (address, requests)
}

fn traced(place: &Workplace, words: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command: Command = place.command(words);
    Ended::from(command.envs(variables.iter().copied()).output().unwrap())
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn spans_of_a_launch_arrive_with_the_headers_asked_for() {
    let (place, _region) = region_at("1000", &[]);
    let (address, requests) = receiver(Some("200 OK"));
    let headers = "OTEL_EXPORTER_OTLP_HEADERS";
    let words = ["launch", "--count", "2", "--yes", "--output", "json"];
    let launch = traced(&place, &words, &[(ENDPOINT, &address), (headers, "x-scope=secret%20one")]);
    assert_eq!(launch.code, 0, "{}", launch.stderr);
    assert!(!launch.stderr.contains("traces"), "{}", launch.stderr);
    let received: Vec<_> = requests.try_iter().collect();
    let (head, _) = received.first().unwrap();
    assert!(head.starts_with("post /v1/traces http/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf"), "{head}");
    assert!(head.contains("x-scope: secret one"), "{head}");
    let bodies: Vec<u8> = received.into_iter().flat_map(|(_, body)| body).collect();
    for text in ["oci-insta-scale", "service.name", "LaunchInstance", "attempt", "slot", "host.id"] {
        assert!(contains(&bodies, text), "{text}");
    }
    assert!(contains(&bodies, launch.json()["run_id"].as_str().unwrap()));
}

#[test]
fn a_receiver_that_fails_changes_nothing_and_is_told_once() {
    let (place, _region) = region_at("1000", &[]);
    let (refusing, _requests) = receiver(Some("400 Bad Request"));
    let (hanging, _asked) = receiver(None);
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://user:hunter2@{}", listener.local_addr().unwrap())
    };
    let plain = place.run(&["instances", "list", "--output", "json"]);
    let cases = [
        (vec![(ENDPOINT, &*refusing)], "400"),
        (vec![(ENDPOINT, &*hanging)], "traces"),
        (vec![(ENDPOINT, &*dead)], "traces"),
        (vec![(ENDPOINT, "no address hunter2")], "traces"),
        (vec![(ENDPOINT, &*refusing), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "http/protobuf"),
    ];
    for (variables, word) in cases {
        let listed = traced(&place, &["instances", "list", "--output", "json"], &variables);
        assert_eq!((listed.code, &listed.stdout), (0, &plain.stdout), "{variables:?}: {}", listed.stderr);
        assert!(listed.stderr.contains(word), "{variables:?}: {}", listed.stderr);
        assert!(!listed.stderr.contains("hunter2"), "{variables:?}: {}", listed.stderr);
        let quiet = traced(&place, &["instances", "list", "--quiet"], &variables);
        assert!(!quiet.stderr.contains(word), "{variables:?}: {}", quiet.stderr);
    }
}

#[test]
fn a_command_that_asks_nothing_says_nothing_of_traces() {
    let place = Workplace::empty();
    for words in [["runs"].as_slice(), &["config", "schema"], &["prices"]] {
        let ended = traced(&place, words, &[(ENDPOINT, "no address")]);
        assert!(!ended.stderr.contains("traces"), "{words:?}: {}", ended.stderr);
    }
}
