use super::support::{COMPARTMENT, Call, closing, server, shapes_target, talk, wall_clock};
use jiff::Timestamp;
use oci_simulator::server::{Options, StartError, start};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_answer_has_the_headers_of_the_service() {
    let server = server("").await;
    let mut call = closing(Call::get(shapes_target()));
    call.extra.push(("opc-request-id", "ABC123".into()));
    let answer = talk(server.address, &call.wire_now()).await.unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("\r\nopc-request-id: abc123\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: application/json\r\n"), "{answer}");
    server.shutdown().await.unwrap();
}

/// Programs that compare ages, such as reapers, need it (docs/simulator.md, "Simulated and real time").
#[tokio::test]
async fn at_speed_one_ages_agree_with_the_callers_clock() {
    let server = server("speed: 1").await;
    let known = server.region().world().defaults();
    let body = serde_json::json!({
        "compartmentId": COMPARTMENT,
        "availabilityDomain": known.availability_domains[0],
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1},
        "createVnicDetails": {"subnetId": known.public_subnet},
        "sourceDetails": {"sourceType": "image", "imageId": known.image},
    });
    let launch = closing(Call::new("POST", "/20160918/instances", &body.to_string()));
    let before = wall_clock();
    let answer = talk(server.address, &launch.wire_now()).await.unwrap();
    let after = wall_clock();
    let body = answer.split("\r\n\r\n").nth(1).unwrap();
    let instance: serde_json::Value = serde_json::from_str(body).unwrap();
    let created: Timestamp = instance["timeCreated"].as_str().unwrap().parse().unwrap();
    // The clock of the region follows a monotonic one, which the machine's clock may leave a little.
    let slack = jiff::SignedDuration::from_secs(1);
    assert!(before - slack <= created && created <= after + slack, "{before} {created} {after}");
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn oversized_headers_and_bodies_get_oracles_answer() {
    let server = server("").await;
    let mut call = closing(Call::get(shapes_target()));
    call.extra.push(("x-much", "a".repeat(11_000)));
    let answer = talk(server.address, &call.wire_now()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    assert!(
        answer.contains("RequestHeaderFieldsTooLarge") && answer.contains("opc-request-id: "),
        "{answer}"
    );

    let body = " ".repeat(2_000_001);
    let call = Call::new("POST", "/20160918/instances", &body);
    let answer = talk(server.address, &call.wire_now()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("PayloadTooLarge") && answer.contains("connection: close"), "{answer}");
    assert!(answer.contains("opc-request-id: "), "{answer}");

    // The same without a declared length.
    let mut chunked =
        b"POST /20160918/instances HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..30 {
        chunked.extend_from_slice(format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000)).as_bytes());
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = talk(server.address, &chunked).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");

    // hyper itself cuts off endless headers.
    let mut endless = b"GET / HTTP/1.1\r\nx: ".to_vec();
    endless.extend_from_slice("a".repeat(200_000).as_bytes());
    if let Ok(answer) = talk(server.address, &endless).await {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    let stats = server.region().stats();
    assert_eq!(stats.requests, 3, "all but those that hyper refused are counted: {stats:?}");
    assert_eq!(stats.operations["LaunchInstance"].by_status[&413], 2);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_is_not_http_is_refused_and_the_server_lives_on() {
    let server = server("").await;
    for noise in ["hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{0}\u{1}\u{2}\r\n\r\n"] {
        let answer = talk(server.address, noise.as_bytes()).await;
        assert!(answer.as_ref().is_ok_and(|answer| answer.is_empty() || answer.starts_with("HTTP/1.1 4")));
    }
    let call = closing(Call::get(shapes_target()));
    assert!(talk(server.address, &call.wire_now()).await.unwrap().starts_with("HTTP/1.1 200"));
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn slow_callers_keep_nobody_else_waiting() {
    let server = server("").await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nx-never: ").await.unwrap();
        slow.push(stream);
    }
    let call = closing(Call::get(shapes_target()));
    let call = call.wire_now();
    let quick = tokio::time::timeout(Duration::from_secs(5), talk(server.address, &call));
    assert!(quick.await.unwrap().unwrap().starts_with("HTTP/1.1 200"));
    let stopped = tokio::time::timeout(Duration::from_secs(20), server.shutdown());
    stopped.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_is_being_answered_ends_before_the_server_does() {
    let server = server("latency: {min_ms: 300, max_ms: 300}").await;
    let address = server.address;
    let call = Call::get(shapes_target()).wire_now();
    let asking = tokio::spawn(async move { talk(address, &call).await });
    while server.region().stats().peak_concurrency == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.shutdown().await.unwrap();
    assert!(asking.await.unwrap().unwrap().starts_with("HTTP/1.1 200"));
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = server("").await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(&Call::get("/20160918/nothing").wire_now()).await.unwrap();
        let mut answer = vec![0; 4096];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(String::from_utf8_lossy(&answer[..length]).starts_with("HTTP/1.1 404"));
    }
    drop(stream);
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_busy_port_is_named_with_the_way_out() {
    let server = server("").await;
    let options = Options { listen: server.address, ..Options::default() };
    let error = start(options).await.unwrap_err().to_string();
    let expected = format!(
        "cannot listen on {}: the port is in use. Choose another with --listen 127.0.0.1:PORT; 0 picks a free one",
        server.address
    );
    assert_eq!(error, expected);
    // The port for TLS has another flag, and nothing is left behind.
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let listen = "127.0.0.1:0".parse().unwrap();
    let options =
        Options { listen, tls_listen: Some(server.address), home: Some(home.clone()), ..Options::default() };
    let error = start(options).await.unwrap_err().to_string();
    assert_eq!(error, expected.replace("--listen", "--tls-listen"));
    assert!(!home.exists());
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn other_machines_are_not_let_in_unless_told() {
    let options = Options { listen: "0.0.0.0:0".parse().unwrap(), ..Options::default() };
    assert!(matches!(start(options).await.unwrap_err(), StartError::NotLoopback(_)));
}

#[tokio::test]
async fn two_content_types_get_an_empty_400() {
    let server = server("").await;
    let request = b"POST /20160918/instances HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        content-type: application/json\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let answer = talk(server.address, request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("opc-request-id: "), "{answer}");
    server.shutdown().await.unwrap();
}

#[tokio::test]
async fn simulator_pages_answer_to_local_names_only() {
    let server = server("").await;
    let port = server.address.port();
    for (host, status) in [
        ("localhost", 200),
        ("127.0.0.1", 200),
        ("[::1]", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil", 403),
    ] {
        let request = format!("GET /_sim/stats HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
        let answer = talk(server.address, request.as_bytes()).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{host}: {answer}");
    }
    let list =
        "POST /_sim/faults HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]";
    let answer = talk(server.address, list.as_bytes()).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("it is an array"), "{answer}");
    server.shutdown().await.unwrap();
}
