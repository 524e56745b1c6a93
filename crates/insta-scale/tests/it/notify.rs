//! Notifications with the real program: receivers on this machine, and a config that names them.

use crate::program::Workplace;
use crate::sim_serve::region;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

/// A request as a receiver sees it: the path, the headers in lower case, and the body.
struct Request {
    path: String,
    headers: Vec<(String, String)>,
    body: serde_json::Value,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(header, _)| header == name).map_or("", |(_, value)| value)
    }
}

/// A receiver that gives every request the response `status`. Returns its URL and the requests.
fn receiver(status: &'static str) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let path = line.split(' ').nth(1).unwrap().to_owned();
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim().split_once(": ") else { break };
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            let length =
                headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body = serde_json::from_slice(&body).unwrap();
            let _ = sender.send(Request { path, headers, body });
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: /x\r\nconnection: close\r\n\r\n"
            );
        }
    });
    (address, requests)
}

fn add(place: &Workplace, notify: &str) {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", format!("{config}\nnotify:\n{notify}"));
}

#[test]
fn a_launch_tells_every_receiver_of_its_success() {
    let (place, _region) = region(&[]);
    let (address, requests) = receiver("200 OK");
    place.write("token", "tk_1\n");
    add(
        &place,
        &format!(
            "  - {{type: webhook, url: {address}/hook, secret_file: token}}\n  - type: ntfy\n    url: {address}/alerts\n    \
             token_file: token\n    on: success\n  - {{type: telegram, url: {address}, chat_id: -5, token_file: token}}\n"
        ),
    );
    let ended = place.run(&["launch", "--count", "2", "--new"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("notify"), "{}", ended.stderr);
    let got: Vec<Request> = requests.try_iter().collect();
    assert_eq!(got.len(), 3, "each is told once");
    let of = |path: &str| got.iter().find(|request| request.path == path).unwrap();
    let hook = of("/hook");
    assert!(hook.header("x-insta-scale-signature").starts_with("v1="));
    assert!(!hook.header("x-insta-scale-timestamp").is_empty());
    let body = &hook.body;
    assert_eq!(
        (&body["event"], &body["wanted"], &body["had"], &body["running"], &body["outcome"]),
        (&"success".into(), &2.into(), &2.into(), &2.into(), &"complete".into())
    );
    assert_eq!((&body["simulated"], &body["region"]), (&true.into(), &"us-phoenix-1".into()), "{body}");
    assert!(body["price_per_hour"].as_f64().unwrap() > 0.0, "{body}");
    assert!(body["title"].as_str().unwrap().starts_with("[simulated] "), "{body}");
    assert_eq!(of("/").header("authorization"), "Bearer tk_1");
    assert_eq!(of("/bottk_1/sendMessage").body["chat_id"], "-5");
    let quiet = place.run(&["launch", "--count", "1", "--new", "--no-notify"]);
    assert_eq!((quiet.code, requests.try_iter().count()), (0, 0), "{}", quiet.stderr);
}

#[test]
fn a_start_that_waits_for_capacity_tells_its_end() {
    let (place, _region) = region(&[]);
    let (address, requests) = receiver("200 OK");
    add(&place, &format!("  - {{type: webhook, url: {address}/}}\n"));
    assert_eq!(place.run(&["launch", "--count", "2", "--new", "--no-notify"]).code, 0);
    assert_eq!(place.run(&["instances", "stop", "--run", "last"]).code, 0);
    let started = place.run(&["instances", "start", "--run", "last", "--retry-for", "1m"]);
    assert_eq!(started.code, 0, "{}", started.stderr);
    let got: Vec<Request> = requests.try_iter().collect();
    assert_eq!(got.len(), 1, "only a start with --retry-for is told");
    let body = &got[0].body;
    assert_eq!(
        (&body["event"], &body["had"], &body["wanted"]),
        (&"success".into(), &2.into(), &2.into()),
        "{body}"
    );
    let vain = place.run(&["instances", "start", "--run", "last", "--no-notify"]);
    assert_eq!(vain.code, 2, "{}", vain.stderr);
}

#[test]
fn a_failing_receiver_is_one_warning_and_no_more() {
    let (place, _region) = region(&["--scenario", "stockout"]);
    let (address, requests) = receiver("301 Moved Permanently");
    place.write("address", format!("{address}/services/hunter2"));
    add(&place, "  - {type: slack, url_file: address}\n");
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let domain = config.lines().find(|line| line.trim_start().starts_with("availability_domain:")).unwrap();
    place.write("config.yaml", config.replace(domain, "  availability_domain: AD-1"));
    let ended = place.run(&["launch", "--count", "1", "--new"]);
    assert_eq!(ended.code, 4, "the code is that of the launch: {}", ended.stderr);
    assert_eq!(ended.stderr.matches("warning: notify `slack`").count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    let text = requests.try_iter().map(|request| request.body["text"].to_string()).collect::<String>();
    assert!(text.contains("Out of host capacity") && text.contains("everything failed"), "{text}");
}

#[test]
fn notify_test_reports_each_receiver() {
    let (place, _region) = region(&[]);
    let ((good, got), (bad, _)) = (receiver("204 No Content"), receiver("403 Forbidden"));
    add(
        &place,
        &format!(
            "  - {{name: good, type: webhook, url: {good}/}}\n  - {{name: bad, type: webhook, url: {bad}/}}\n"
        ),
    );
    let both = place.run(&["notify", "test", "--output", "json"]);
    assert_eq!(both.code, 3, "{}", both.stderr);
    let rows = both.json()["receivers"].clone();
    assert_eq!((&rows[0]["delivered"], &rows[1]["delivered"]), (&true.into(), &false.into()), "{rows}");
    assert_eq!((&rows[1]["tries"], &rows[1]["error"]), (&1.into(), &"403 Forbidden".into()), "{rows}");
    assert_eq!(got.try_iter().next().unwrap().body["event"], "test");
    assert_eq!(place.run(&["notify", "test", "--receiver", "good"]).code, 0);
    assert_eq!(place.run(&["notify", "test", "--receiver", "bad"]).code, 4);
    let none = place.run(&["notify", "test", "--receiver", "ugly"]);
    assert_eq!(none.code, 2);
    assert!(none.stderr.contains("the receivers are: good, bad"), "{}", none.stderr);
    let blank = place.run(&["notify", "test", "--receiver", ""]);
    assert_eq!(blank.code, 2, "{}", blank.stderr);
}

#[test]
fn a_secret_that_is_missing_stops_before_the_launch() {
    let (place, _region) = region(&[]);
    add(&place, "  - type: ntfy\n    url: https://example.com/alerts\n    token_env: NTFY_TOKEN\n");
    let ended = place.run(&["launch", "--count", "1", "--new"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("config.yaml:"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the variable that `token_env` names is not set"), "{}", ended.stderr);
    assert!(place.run(&["runs"]).stdout.contains("no runs") || place.run(&["runs"]).stdout.is_empty());
}

#[test]
fn literal_secrets_are_refused_and_not_shown() {
    let (place, _region) = region(&[]);
    let wrong = [
        "  - {type: ntfy, url: https://ntfy.sh/x, token: tk_hunter2}\n",
        "  - type: webhook\n    url: https://example.com/x\n    secret: hunter2\n",
        "  - type: slack\n    url: https://hooks.slack.com/services/hunter2\n",
        "  - {type: webhook, url: https://hooks.slack.com/services/hunter2, on: [nothing]}\n",
        "  - {type: discrod, url: https://discord.com/api/webhooks/1/hunter2}\n",
        "  - type: webhook\n    url: https://me:hunter2@example.com/x\n",
        "  - type: webhook\n    url: https://example.com/x?key=hunter2\n",
        "  - {type: telegram, chat_id: 1, token_env: 123:hunter2}\n",
        "  - {type: hunter2}\n",
        "  hunter2\n",
    ];
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    for notify in wrong {
        place.write("config.yaml", format!("{config}\nnotify:\n{notify}"));
        let ended = place.run(&["plan"]);
        assert_eq!(ended.code, 2, "{notify}: {}", ended.stderr);
        assert!(ended.stderr.contains("config.yaml:") && ended.stderr.contains("help:"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("hunter2"), "{notify}: {}", ended.stderr);
    }
}

#[test]
fn mistakes_in_receivers_name_place_and_remedy() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let wrong = [
        ("  - {type: ntfi, url: https://ntfy.sh/x}\n", "did you mean `ntfy`?"),
        ("  - {url: https://ntfy.sh/x}\n", "notify[0] lacks `type`"),
        ("  - {type: ntfy}\n", "notify[0] lacks `url`"),
        ("  - {type: telegram, token_env: T}\n", "notify[0] lacks `chat_id`"),
        ("  - {type: telegram, chat_id: 1}\n", "notify[0] lacks `token_file`"),
        ("  - {type: ntfy, url: http://ntfy.sh/x}\n", "must begin with https://"),
        ("  - {type: ntfy, url: https://ntfy.sh/x, on: [sucess]}\n", "did you mean `success`?"),
        ("  - {type: ntfy, url: https://ntfy.sh/x, chat_id: 1}\n", "has no meaning for the type ntfy"),
        ("  - {type: slack, url_file: a, url_env: B}\n", "name two secrets"),
        (
            "  - {type: slack, url_env: A}\n  - {type: slack, url_env: B}\n",
            "two receivers have the name \"slack\"",
        ),
        ("  - {type: email, from: a@example.com, to: b@example.com}\n", "notify[0] lacks `server`"),
        (
            "  - {type: email, server: s, from: nobody, to: b@example.com}\n",
            "notify[0].from is not an e-mail address",
        ),
        (
            "  - {type: email, server: s.example.com, tls: none, from: a@b.c, to: a@b.c}\n",
            "is for a server on this machine",
        ),
        ("  - {type: email, server: s, user: me, from: a@b.c, to: a@b.c}\n", "lacks `password_file`"),
        (
            "  - {type: email, server: s, port: 70000, from: a@b.c, to: a@b.c}\n",
            "a whole number from 1 to 65535",
        ),
        ("  type: ntfy\n", "notify must be a list of receivers"),
        ("  - {type: slack, url_env: NOT_SET}\n", "the variable that `url_env` names is not set"),
    ];
    for (notify, said) in wrong {
        place.write("config.yaml", format!("{config}\nnotify:\n{notify}"));
        let ended = place.run(&["notify", "test"]);
        assert_eq!(ended.code, 2, "{notify}");
        assert!(ended.stderr.contains(said), "{notify}: {}", ended.stderr);
        assert!(!ended.stderr.contains("--no-notify"), "the command has no such flag: {}", ended.stderr);
    }
}
