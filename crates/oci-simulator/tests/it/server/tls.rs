//! TLS under the host names of the real services.

use oci_simulator::scenario::Scenario;
use oci_simulator::server::{Options, Running, StartError, start};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

async fn serve(home: &Path, scenario: &str) -> Running {
    let any = "127.0.0.1:0".parse().unwrap();
    let scenario = Scenario::from_yaml(scenario, "test").unwrap();
    let options = Options {
        listen: any,
        tls_listen: Some(any),
        home: Some(home.to_owned()),
        scenario,
        ..Options::default()
    };
    start(options).await.unwrap()
}

/// The response to a request without a signature, or why there is none.
async fn ask(running: &Running, name: &str, path: &str) -> Result<String, std::io::Error> {
    let (address, environment) = running.tls.as_ref().unwrap();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(environment.file.with_file_name("ca.pem")).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let stream = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn every_service_answers_under_its_real_name() {
    let home = tempfile::tempdir().unwrap();
    let running = serve(&home.path().join("sim"), "{}").await;
    let names = running.tls.as_ref().unwrap().1.names.clone();
    assert!(names.contains(&"iaas.us-phoenix-1.oraclecloud.com".to_owned()), "{names:?}");
    for name in names {
        let answer = ask(&running, &name, "/20160918/instances").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 401"), "{name}: {answer}");
    }
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_host_name_leads_to_its_own_region() {
    let home = tempfile::tempdir().unwrap();
    let regions = "regions: [{world: {region: us-ashburn-1}}, {world: {region: uk-london-1}}]";
    let running = serve(&home.path().join("sim"), regions).await;
    for region in ["us-ashburn-1", "uk-london-1", "us-ashburn-1"] {
        ask(&running, &format!("query.{region}.oci.oraclecloud.com"), "/20160918/instances").await.unwrap();
    }
    let requests = |name: &str| running.further_region(name).unwrap().stats().requests;
    assert_eq!((requests("us-ashburn-1"), requests("uk-london-1")), (2, 1));
    assert_eq!(running.region().stats().requests, 0);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_name_of_another_service_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let running = serve(&home.path().join("sim"), "{}").await;
    for name in ["iaas.us-ashburn-1.oraclecloud.com", "streaming.us-phoenix-1.oraclecloud.com", "example.com"]
    {
        assert!(ask(&running, name, "/").await.is_err(), "{name}");
    }
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn tls_is_refused_where_it_cannot_be_safe() {
    let tls = |address: &str, home| Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        tls_listen: Some(address.parse().unwrap()),
        home,
        ..Options::default()
    };
    let refused = start(tls("127.0.0.1:0", None)).await.unwrap_err();
    assert!(matches!(refused, StartError::TlsWithoutHome), "{refused}");
    let home = tempfile::tempdir().unwrap();
    let refused = start(tls("0.0.0.0:0", Some(home.path().join("sim")))).await.unwrap_err();
    assert!(matches!(refused, StartError::NotLoopback(_)), "{refused}");
}

/// Sends bytes to the port of TLS and reads until the region closes the connection.
async fn talk_to_tls(running: &Running, bytes: &[u8]) -> Vec<u8> {
    let (address, _) = running.tls.as_ref().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // Closing a connection with unread bytes may reset it, after the answer.
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// The first message of a client whose newest version is this one. It names its signature algorithms, which the region asks for
/// before it looks at the version.
fn hello(version: [u8; 2]) -> Vec<u8> {
    let mut body = version.to_vec();
    body.extend([7; 32]);
    // No session, two cipher suites (ECDHE_RSA and RSA with AES_128_CBC_SHA), no compression.
    body.extend([0, 0, 4, 0xc0, 0x13, 0x00, 0x2f, 1, 0]);
    body.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 1]);
    let mut message = vec![1, 0, 0, u8::try_from(body.len()).unwrap()];
    message.extend(body);
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    record
}

#[tokio::test]
async fn old_versions_of_tls_and_plain_text_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let running = serve(&home.path().join("sim"), "{}").await;
    for version in [[3, 0], [3, 1], [3, 2]] {
        let answer = talk_to_tls(&running, &hello(version)).await;
        // A fatal alert: protocol_version (RFC 5246, section 7.2).
        assert_eq!((answer[0], &answer[5..]), (0x15, &[2, 70][..]), "{version:?}: {answer:?}");
    }
    for bytes in [
        &b"GET /20160918/instances HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        &[0x80, 0x2e, 1, 0, 2],
        &[0xff; 3000],
    ] {
        let answer = talk_to_tls(&running, bytes).await;
        assert!(!answer.starts_with(b"HTTP") && answer.len() < 100, "{answer:?}");
    }
    // The region goes on.
    let answer = ask(&running, "iaas.us-phoenix-1.oraclecloud.com", "/20160918/instances").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(running.region().stats().requests, 1, "nothing was taken for a request");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_expired_authority_is_replaced_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("sim");
    serve(&home, "{}").await.shutdown().await.unwrap();
    let authority = || std::fs::read_to_string(home.join("ca.pem")).unwrap();
    let first = authority();
    serve(&home, "{}").await.shutdown().await.unwrap();
    assert_eq!(authority(), first, "kept while it is valid");
    let record = std::fs::read_to_string(home.join("tls.json")).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["expires"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(home.join("tls.json"), record.to_string()).unwrap();
    let running = serve(&home, "{}").await;
    assert_ne!(authority(), first);
    assert!(running.notes.iter().any(|note| note.contains("ca.pem is new")), "{:?}", running.notes);
    ask(&running, "iaas.us-phoenix-1.oraclecloud.com", "/20160918/instances").await.unwrap();
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn two_regions_cannot_share_a_home_under_tls() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("sim");
    let running = serve(&home, "{}").await;
    let files = || {
        ["ca.pem", "tls.pem", "tls_key.pem", "env.sh", "hosts"]
            .map(|file| std::fs::read(home.join(file)).unwrap())
    };
    let before = files();
    let any = "127.0.0.1:0".parse().unwrap();
    let scenario = Scenario::from_yaml("world: {region: us-ashburn-1}", "test").unwrap();
    let second = Options {
        listen: any,
        tls_listen: Some(any),
        home: Some(home.clone()),
        scenario,
        ..Options::default()
    };
    let refused = start(second).await.unwrap_err();
    assert!(matches!(refused, StartError::Home(_)), "{refused}");
    assert!(before == files(), "the refused region changed a file");
    ask(&running, "iaas.us-phoenix-1.oraclecloud.com", "/20160918/instances").await.unwrap();
    running.shutdown().await.unwrap();
}
