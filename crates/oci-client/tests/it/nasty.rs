//! Misbehaving servers, over real sockets.

use std::sync::Arc;
use std::time::Duration;

use crate::fake::launch;
use oci_client::transport::{Https, HttpsLimits};
use oci_client::{Client, Endpoints, Failure, FailureClass, RetryPolicy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the server does after it has read a request.
#[derive(Clone)]
enum Then {
    /// Sends this text and closes the connection.
    Close(String),
    /// Sends this text and then nothing more.
    Hang(String),
    /// Sends this text repeatedly until the client stops reading.
    Flood(String),
}

/// Starts a server; returns its port and the requests it receives.
async fn serve(then: Then) -> (u16, Arc<std::sync::Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (then, requests) = (then.clone(), Arc::clone(&requests));
            tokio::spawn(async move {
                let request = read_request(&mut socket).await;
                requests.lock().unwrap().push(request);
                match then {
                    Then::Close(text) => {
                        let _ = socket.write_all(text.as_bytes()).await;
                    }
                    Then::Hang(text) => {
                        let _ = socket.write_all(text.as_bytes()).await;
                        std::future::pending::<()>().await;
                    }
                    Then::Flood(text) => while socket.write_all(text.as_bytes()).await.is_ok() {},
                }
            });
        }
    });
    (port, seen)
}

/// Reads the head of a request and a body of the declared length.
async fn read_request(socket: &mut tokio::net::TcpStream) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = socket.read(&mut buffer).await.unwrap_or(0);
        text.extend_from_slice(&buffer[..read]);
        let request = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            if read == 0 {
                return request;
            }
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok()
            })
            .unwrap_or(0);
        if body.len() >= length || read == 0 {
            return request;
        }
    }
}

fn client(port: u16) -> Client {
    let limits =
        HttpsLimits { connect: Duration::from_secs(5), read: Duration::from_secs(5), body: 64 << 10 };
    let endpoints = Endpoints::at(&format!("http://127.0.0.1:{port}")).unwrap();
    Client::builder(endpoints, Arc::new(Https::with(limits).unwrap()))
        .attempt_limit(Duration::from_millis(400))
        .retry(RetryPolicy::never())
        .build()
}

/// Sends a launch and a read to such a server.
async fn both(then: Then) -> (Failure, Failure) {
    let (port, _) = serve(then).await;
    let client = client(port);
    let write = launch(&client, "t").await.unwrap_err();
    (write, client.get_instance("i").await.unwrap_err())
}

async fn classes(then: Then) -> (FailureClass, FailureClass) {
    let (write, read) = both(then).await;
    (write.class, read.class)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

#[tokio::test]
async fn a_page_of_html_is_no_success() {
    let html = answer("200 OK", "content-type: text/html\r\n", "<html><body>Please log in</body></html>");
    assert_eq!(classes(Then::Close(html)).await, (FailureClass::Ambiguous, FailureClass::Service));
}

#[tokio::test]
async fn an_answer_that_breaks_off_leaves_a_launch_ambiguous() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"id\":\"ocid1.instance",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"id\"\r\n",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "",
        "rubbish\r\n\r\n",
    ] {
        let got = classes(Then::Close(text.into())).await;
        assert_eq!(got, (FailureClass::Ambiguous, FailureClass::Network), "{text:?}");
    }
}

#[tokio::test]
async fn a_server_that_goes_silent_is_given_up() {
    for text in ["", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"] {
        let (write, read) = both(Then::Hang(text.into())).await;
        assert_eq!((write.class, read.class), (FailureClass::Ambiguous, FailureClass::Network), "{text:?}");
        assert_eq!(write.code, "Timeout");
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let declared = "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n{".to_owned();
    let (write, read) = both(Then::Hang(declared)).await;
    assert_eq!((write.class, read.class), (FailureClass::Ambiguous, FailureClass::Invalid));
    assert_eq!((write.code.as_str(), read.code.as_str()), ("AnswerTooLong", "AnswerTooLong"));
    let flood = format!("HTTP/1.1 200 OK\r\n\r\n{}", " ".repeat(4096));
    let (write, _) = both(Then::Flood(flood)).await;
    assert_eq!((write.class, write.code.as_str()), (FailureClass::Ambiguous, "AnswerTooLong"));
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_asked_for_once() {
    let declared = "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n{".to_owned();
    let (port, _) = serve(Then::Hang(declared)).await;
    let endpoints = Endpoints::at(&format!("http://127.0.0.1:{port}")).unwrap();
    let client = Client::builder(endpoints, Arc::new(Https::new().unwrap())).build();
    let failure = client.get_instance("i").await.unwrap_err();
    assert_eq!(failure.attempts, 1);
    assert!(failure.message.contains("longer than 16777216 bytes"), "{failure}");
}

#[tokio::test]
async fn a_redirect_takes_no_signature_elsewhere() {
    let (elsewhere, stolen) = serve(Then::Close(answer("200 OK", "", "{}"))).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: http://127.0.0.1:{elsewhere}/20160918/instances\r\n");
        let (write, read) = both(Then::Close(answer(status, &location, ""))).await;
        // What the service did before something in between redirected its response is unknown.
        assert_eq!((write.class, read.class), (FailureClass::Ambiguous, FailureClass::Invalid));
        assert!(write.message.contains(&format!("redirects to http://127.0.0.1:{elsewhere}/")), "{write}");
    }
    assert!(stolen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn errors_without_the_services_json_keep_their_class() {
    for (status, body, write, read) in [
        ("502 Bad Gateway", "<html>Bad Gateway</html>", FailureClass::Ambiguous, FailureClass::Service),
        ("504 Gateway Timeout", "", FailureClass::Ambiguous, FailureClass::Service),
        ("400 Bad Request", "", FailureClass::Invalid, FailureClass::Invalid),
        ("401 Unauthorized", "nope", FailureClass::Authentication, FailureClass::Authentication),
        ("429 Too Many Requests", "", FailureClass::Throttled, FailureClass::Throttled),
    ] {
        let got = classes(Then::Close(answer(status, "connection: close\r\n", body))).await;
        assert_eq!(got, (write, read), "{status}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_certainly_got_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = launch(&client(port), "t").await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Network, "ConnectionRefused"));
}

#[tokio::test]
async fn a_plain_server_where_tls_is_expected_certainly_got_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    });
    let endpoints = Endpoints::at(&format!("https://127.0.0.1:{port}")).unwrap();
    let client =
        Client::builder(endpoints, Arc::new(Https::new().unwrap())).retry(RetryPolicy::never()).build();
    let failure = launch(&client, "t").await.unwrap_err();
    assert_eq!((failure.class, failure.code.as_str()), (FailureClass::Blocked, "NotTls"), "{failure}");
}

#[tokio::test]
async fn what_is_on_the_wire_is_what_was_signed() {
    let (port, seen) = serve(Then::Close(answer("200 OK", "", "{}"))).await;
    launch(&client(port), "t").await.unwrap();
    client(port)
        .instance_action("i", oci_client::services::compute::InstanceAction::Stop, None, None)
        .await
        .unwrap();
    client(port).get_resource_availability("c", "compute", "x y'(z)", Some("Uocm:PHX-AD-1")).await.unwrap();
    let requests = seen.lock().unwrap().clone();
    for (request, lengths) in requests.iter().zip([1, 1, 0]) {
        let head = request.to_ascii_lowercase();
        let count = |name: &str| head.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!((count("host: "), count("content-length: "), count("date: ")), (1, lengths, 1), "{head}");
        assert!(head.contains(&format!("\r\nhost: 127.0.0.1:{port}\r\n")), "{head}");
        assert!(count("content-type: ") == lengths && count("transfer-encoding") == 0, "{head}");
    }
    let line = requests[2].lines().next().unwrap();
    insta::assert_snapshot!(line, @"GET /20190729/services/compute/limits/x%20y%27%28z%29/resourceAvailability?compartmentId=c&availabilityDomain=Uocm%3APHX-AD-1 HTTP/1.1");
}

#[test]
fn a_proxy_is_not_asked_for_what_is_on_this_machine() {
    let run = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nasty::what_is_on_the_wire_is_what_was_signed"])
        .envs([("HTTP_PROXY", "http://127.0.0.1:1"), ("http_proxy", "http://127.0.0.1:1")])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
