//! A pod and the endpoint of its cluster, which has a certificate of the cluster's own authority. In real time, over TLS.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use oci_client::credentials::{AuthMethod, CredentialsError, Login, LoginSettings, Network, Signer};
use oci_client::transport::{Https, Transport, TransportError};
use oci_client::{Client, Endpoints, SystemClock};
use oci_simulator::server::{Options, Running, start};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Leads from the port of a cluster, which every client takes for granted, to the port of a region.
struct Cluster {
    inner: Arc<dyn Transport>,
    port: u16,
}

impl Transport for Cluster {
    fn send(
        &self,
        mut request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let uri = request.uri().to_string();
        assert!(uri.starts_with("https://127.0.0.1:12250/"), "{uri}");
        *request.uri_mut() = uri.replace(":12250/", &format!(":{}/", self.port)).parse().unwrap();
        self.inner.send(request)
    }

    fn trusting(&self, pem: &Path) -> Result<Option<Arc<dyn Transport>>, String> {
        let inner = self.inner.trusting(pem)?;
        Ok(inner.map(|inner| Arc::new(Self { inner, port: self.port }) as _))
    }
}

/// A region with TLS, whose home is in this folder.
async fn serve(home: PathBuf) -> Running {
    let any = "127.0.0.1:0".parse().unwrap();
    start(Options { listen: any, tls_listen: Some(any), home: Some(home), ..Options::default() })
        .await
        .unwrap()
}

/// Signs in as a pod that trusts this authority.
async fn sign_in(running: &Running, authority: &Path) -> Result<Arc<dyn Signer>, CredentialsError> {
    let folder = tempfile::tempdir().unwrap();
    let account = folder.path().join("token");
    std::fs::write(&account, "e30.e30.c2ln\n").unwrap();
    let variable = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("127.0.0.1".to_owned()),
        "OCI_RESOURCE_PRINCIPAL_REGION" => Some("us-phoenix-1".to_owned()),
        "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH" => Some(authority.display().to_string()),
        "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH" => Some(account.display().to_string()),
        _ => None,
    };
    let port = running.tls.as_ref().unwrap().0.port();
    let network = Network {
        transport: Arc::new(Cluster { inner: Arc::new(Https::new().unwrap()), port }),
        clock: Arc::new(SystemClock),
        seed: 1,
        auth: None,
    };
    let settings =
        LoginSettings { method: Some(AuthMethod::OkeWorkloadIdentity), ..LoginSettings::default() };
    let signer = Login::open(settings, &variable, &network).await?.signer;
    signer.prepare().await.map(|()| signer)
}

#[tokio::test]
async fn a_pod_trusts_the_authority_of_its_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let running = serve(folder.path().join("sim")).await;
    let signer = sign_in(&running, &folder.path().join("sim/ca.pem")).await.unwrap();
    let endpoints = Endpoints::at(&running.endpoint()).unwrap();
    let client = Client::builder(endpoints, Arc::new(Https::new().unwrap())).signer(signer).build();
    let compartment = running.region().world().defaults().compartment;
    client.get_compartment(&compartment).await.unwrap();
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_pod_sends_no_token_to_an_untrusted_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let running = serve(folder.path().join("sim")).await;
    let other = serve(folder.path().join("other")).await;
    let issued = running.region().tokens_issued();
    let own = |name: &str| folder.path().join(name);
    std::fs::write(own("page.pem"), "<!DOCTYPE html>").unwrap();
    for (authority, said) in [
        ("other/ca.pem", "the server's certificate is not trusted"),
        ("page.pem", "contains no certificate"),
        ("nowhere.pem", "does not exist"),
    ] {
        let error = sign_in(&running, &own(authority)).await.unwrap_err();
        let text = error.to_string();
        // The file that has to be corrected is named.
        assert!(text.contains(said) && text.contains(authority), "{text}");
        assert!(!error.is_temporary(), "another attempt would end like it: {text}");
    }
    assert_eq!(running.region().tokens_issued(), issued);
    assert_eq!(running.region().stats().requests, 0, "no byte of a request left");
    running.shutdown().await.unwrap();
    other.shutdown().await.unwrap();
}
