//! A region that verifies signatures, and a machine whose environment leads to it.

use fleet::{Environment, LaunchOptions, Plan, RunSummary};
use ledger::RunId;
use oci_client::credentials::{AuthMethod, CredentialsError, Login, LoginSettings, Network, Signer};
use oci_client::{Base, Client, Clock as _, Endpoints, RequestCounts};
use oci_simulator::scenario::Scenario;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub const ADDRESS: &str = "http://127.0.0.1:1";

/// A region and a folder for the files of a machine.
pub struct Site {
    pub world: testkit::World,
    pub folder: tempfile::TempDir,
    pub variables: BTreeMap<&'static str, String>,
}

impl Site {
    pub fn new(yaml: &str) -> Self {
        Self::seeded(yaml, 1)
    }

    /// A region of another tenancy.
    pub fn seeded(yaml: &str, seed: u64) -> Self {
        let scenario = Scenario::from_yaml(yaml, "test").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let variables = BTreeMap::from([
            ("HOME", folder.path().display().to_string()),
            ("OCI_METADATA_BASE_URL", format!("{ADDRESS}/opc/v2")),
            ("OCI_CLI_FEDERATION_ENDPOINT", format!("{ADDRESS}/v1/x509")),
        ]);
        Self { world: testkit::World::signed(&scenario, seed), folder, variables }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn network(&self) -> Network {
        Network {
            transport: self.world.wire(),
            clock: self.world.clock.clone(),
            seed: 1,
            auth: Some(Base::parse(ADDRESS).unwrap()),
        }
    }

    pub async fn login(&self, method: AuthMethod) -> Result<Login, CredentialsError> {
        let settings = LoginSettings { method: Some(method), ..LoginSettings::default() };
        Login::open(settings, &|name| self.variables.get(name).cloned(), &self.network()).await
    }

    pub async fn instance(&self) -> Arc<dyn Signer> {
        self.login(AuthMethod::InstancePrincipal).await.unwrap().signer
    }

    pub fn client(&self, signer: &Arc<dyn Signer>) -> (Client, Arc<RequestCounts>) {
        let requests = Arc::new(RequestCounts::default());
        let client = Client::builder(Endpoints::at(ADDRESS).unwrap(), self.world.wire())
            .clock(self.world.clock.clone())
            .seed(1)
            .observer(requests.clone())
            .signer(Arc::clone(signer))
            .build();
        (client, requests)
    }

    pub fn environment(&self, signer: &Arc<dyn Signer>) -> Environment {
        let (client, requests) = self.client(signer);
        Environment { client, requests: Some(requests), ..self.world.environment() }
    }

    pub async fn launch(&self, signer: &Arc<dyn Signer>, count: u32) -> RunSummary {
        let plan = Plan::offline(self.world.fleet_of("VM.Standard.E5.Flex", count, &[1, 2, 3])).unwrap();
        let env = self.environment(signer);
        let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
        fleet::launch(&env, env.new_run_id(), &plan, &options, Arc::new(|_| {}), stop).await.unwrap()
    }

    pub async fn resume(&self, signer: &Arc<dyn Signer>, run: RunId) -> RunSummary {
        let env = self.environment(signer);
        let (options, stop) = (LaunchOptions::default(), CancellationToken::new());
        fleet::resume(&env, run, &options, Arc::new(|_| {}), stop).await.unwrap()
    }

    /// One request; the error of a failure.
    pub async fn ask(&self, client: &Client) -> Result<(), String> {
        let compartment = &self.world.defaults.compartment;
        let answered = client.get_compartment(compartment).await;
        answered.map(drop).map_err(|failure| failure.to_string())
    }

    pub fn seconds(&self) -> i64 {
        self.world.clock.now().as_second() - testkit::start().as_second()
    }
}

/// How many requests were refused or failed.
pub fn failed(requests: &RequestCounts) -> u64 {
    requests.snapshot().values().map(|of| of.failed + of.throttled).sum()
}
