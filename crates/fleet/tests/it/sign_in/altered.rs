//! A metadata service whose answers come from elsewhere: another machine's, a web page, or damaged.

use super::site::Site;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci_client::credentials::{AuthMethod, CredentialsError, Login, LoginSettings, Network};
use oci_client::transport::{Transport, TransportError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Replaces answers of the metadata service.
struct Altered {
    inner: Arc<dyn Transport>,
    /// The end of a path → the text that is answered with 200 instead.
    texts: BTreeMap<&'static str, String>,
    /// What answers for the metadata service instead.
    elsewhere: Mutex<Option<Arc<dyn Transport>>>,
}

impl Altered {
    fn of(site: &Site, texts: &[(&'static str, &str)]) -> Arc<Self> {
        let texts = texts.iter().map(|(path, text)| (*path, (*text).to_owned())).collect();
        Arc::new(Self { inner: site.world.wire(), texts, elsewhere: Mutex::default() })
    }
}

impl Transport for Altered {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let path = request.uri().path().to_owned();
        if let Some((_, text)) = self.texts.iter().find(|(end, _)| path.ends_with(**end)) {
            let answer = http::Response::new(Bytes::from(text.clone()));
            return async { Ok(answer) }.boxed();
        }
        let elsewhere = self.elsewhere.lock().unwrap().clone().filter(|_| path.starts_with("/opc/v2"));
        match elsewhere {
            Some(other) => async move { other.send(request).await }.boxed(),
            None => self.inner.send(request),
        }
    }
}

async fn login(site: &Site, transport: Arc<Altered>) -> Result<Login, CredentialsError> {
    let settings = LoginSettings { method: Some(AuthMethod::InstancePrincipal), ..LoginSettings::default() };
    let network = Network { transport, ..site.network() };
    Login::open(settings, &|name| site.variables.get(name).cloned(), &network).await
}

#[tokio::test(start_paused = true)]
async fn what_is_no_metadata_is_refused_by_name() {
    let key = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem");
    let key = std::fs::read_to_string(key).unwrap();
    let cut_off = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n";
    let no_certificate = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    let page = "<!DOCTYPE html><title>Log in to the network</title>";
    for (path, text, said) in [
        ("/instance/region", page, "responds with a web page instead of metadata"),
        ("/instance/region", "", "which is no region"),
        ("/identity/cert.pem", page, "responds with a web page instead of metadata"),
        ("/identity/cert.pem", "", "cert.pem cannot be used: it has no line BEGIN CERTIFICATE"),
        ("/identity/cert.pem", cut_off, "cert.pem cannot be used: its END line is missing: it was cut off"),
        ("/identity/cert.pem", no_certificate, "cert.pem cannot be used: it is no X.509 certificate"),
        (
            "/identity/key.pem",
            key.as_str(),
            "key.pem cannot be used: the key does not belong to the certificate",
        ),
        ("/identity/key.pem", "", "key.pem cannot be used"),
        ("/identity/intermediate.pem", cut_off, "intermediate.pem cannot be used: its END line is missing"),
    ] {
        let site = Site::new("sign_in: {}");
        let error = login(&site, Altered::of(&site, &[(path, text)])).await.unwrap_err().to_string();
        assert!(error.contains(said), "{path} {text:.20}: {error}");
        let secret = key.lines().find(|line| line.len() == 64).unwrap();
        assert!(!error.contains(secret), "{error}");
        assert_eq!(site.world.region.tokens_issued(), 0, "{path} {text:.20}");
    }
}

/// A snapshot of an instance that starts elsewhere, or a proxy that answers for the wrong machine.
#[tokio::test(start_paused = true)]
async fn nothing_is_signed_for_another_tenancy() {
    let (site, other) = (Site::new("sign_in: {token_life_seconds: 1200}"), Site::seeded("sign_in: {}", 2));
    assert_ne!(site.world.defaults.tenancy, other.world.defaults.tenancy);
    let transport = Altered::of(&site, &[]);
    let signer = login(&site, Arc::clone(&transport)).await.unwrap().signer;
    let (client, _) = site.client(&signer);
    site.ask(&client).await.unwrap();
    *transport.elsewhere.lock().unwrap() = Some(other.world.wire());
    // The old token is good until it ends, and then nothing is sent.
    tokio::time::sleep(Duration::from_mins(10)).await;
    site.ask(&client).await.unwrap();
    tokio::time::sleep(Duration::from_mins(30)).await;
    let error = site.ask(&client).await.unwrap_err();
    assert!(error.contains("nothing is signed for another tenancy"), "{error}");
    assert!(error.contains(&other.world.defaults.tenancy), "{error}");
    assert_eq!((site.world.region.tokens_issued(), other.world.region.tokens_issued()), (1, 0));
}
