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
    for name in
        ["iaas.us-ashburn-1.oraclecloud.com", "objectstorage.us-phoenix-1.oraclecloud.com", "example.com"]
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
