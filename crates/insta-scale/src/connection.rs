//! The connection of a command to the service: the config that describes it, and clients that are signed in. If requested, it
//! starts a simulated region.
//!
//! It must not know what the command does with it.

use crate::config::Settings;
use crate::environment;
use crate::error::CommandError;
use crate::output::simulated::{Announcing, Counting};
use crate::session::{Session, endpoints_of, endpoints_of_region};
use crate::simulated_region::SimulatedRegion;
use crate::traces;
use fleet::Environment;
use fleet::plan::RegionSpec;
use fleet::reservation::Patience;
use ledger::Store;
use oci_client::credentials::Signer;
use oci_client::{Client, Endpoints, QuestionLimits, RequestCounts};
use std::sync::Arc;
use std::time::Duration;

/// The connection of a command to the service.
pub struct Connection<'a> {
    /// The session that it belongs to.
    pub session: &'a Session,
    /// The config.
    pub settings: Settings,
    /// The compartment of the command. Empty if the config names none and the command does not need one.
    pub compartment: String,
    /// The client.
    pub client: Client,
    /// The client for queries before anything begins, for whose responses somebody waits.
    pub questions: Client,
    requests: Arc<RequestCounts>,
    signer: Option<Arc<dyn Signer>>,
    region: Option<SimulatedRegion>,
}

impl<'a> Connection<'a> {
    /// Signs in to the service that the settings name.
    pub async fn open(session: &'a Session, settings: Settings) -> Result<Self, CommandError> {
        let endpoints = endpoints_of(&settings)?;
        let signer = session.sign_in(&settings).await?;
        Self::build(session, settings, endpoints, signer.as_ref())
    }

    /// Signs in to a simulated region in this process that runs `scenario`; without a scenario, to the service.
    pub async fn open_simulated(
        session: &'a Session,
        settings: Settings,
        scenario: Option<&str>,
        speed: Option<f64>,
    ) -> Result<Self, CommandError> {
        let Some(scenario) = scenario else { return Self::open(session, settings).await };
        let region = SimulatedRegion::start(session, scenario, speed, &settings.fleet).await?;
        let mut settings = settings;
        for (name, endpoint) in region.further() {
            let known = settings.fleet.regions.iter_mut().find(|known| known.region == name);
            if let Some(known) = known {
                known.endpoint = Some(endpoint.clone());
            }
        }
        let connection = Self::build(session, settings, region.endpoints()?, Some(&region.signer()?))?;
        Ok(Self { region: Some(region), ..connection })
    }

    /// Signs in to work in a compartment: the given one, otherwise the config's.
    ///
    /// # Errors
    /// When neither is given.
    pub async fn open_in(session: &'a Session, compartment: Option<&str>) -> Result<Self, CommandError> {
        let settings = session.settled(|| session.read_credentials()).await?;
        let compartment = compartment.unwrap_or(&settings.fleet.compartment).trim().to_owned();
        if compartment.is_empty() {
            return Err(CommandError::usage(
                "no compartment is set, neither with -c nor as compartment_id in the config",
                "add `-c ocid1.compartment…`; `oci-insta-scale find compartments` lists them",
            ));
        }
        check_compartment(&compartment)?;
        let connection = Self::open(session, settings).await?;
        Ok(Self { compartment, ..connection })
    }

    fn build(
        session: &'a Session,
        settings: Settings,
        endpoints: Endpoints,
        signer: Option<&Arc<dyn Signer>>,
    ) -> Result<Self, CommandError> {
        let (client, requests) = client_everywhere(session, &settings, endpoints, signer)?;
        let questions = for_questions(&client);
        let compartment = settings.fleet.compartment.clone();
        let signer = signer.cloned();
        Ok(Self { session, settings, compartment, client, questions, requests, signer, region: None })
    }

    /// Awaits something without side effects; stops waiting when the user interrupts.
    pub async fn ask<T, E: Into<CommandError>>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        self.session.ask(question).await
    }

    /// The environment of a run. The records of the run show retries, so the client need not report them.
    pub fn environment(&self, store: Arc<dyn Store>) -> Environment {
        Environment {
            // The run's first request may be the command's first and then announces a simulated region.
            client: self.client.with_observer(traces::of_requests(Arc::new(Announcing {
                inner: Counting(self.requests.clone()),
                quiet: self.session.is_quiet(),
            }))),
            requests: Some(self.requests.clone()),
            store,
            memory: self.session.capacity_memory(),
            clock: self.session.clock.clone(),
            seed: environment::seed(),
        }
    }

    /// Describes who signs, for people.
    pub fn signed_as(&self) -> String {
        self.signer.as_ref().map(|signer| signer.describe()).unwrap_or_default()
    }

    /// A client for queries in a region that the config does not list.
    pub fn questions_at(&self, region: &RegionSpec) -> Result<Client, CommandError> {
        let (client, _) = self.session.client(endpoints_of_region(region)?, self.signer.clone())?;
        Ok(for_questions(&client))
    }

    /// Simulated seconds per real second, if the region runs in this process.
    pub fn speed(&self) -> Option<f64> {
        self.region.as_ref().map(SimulatedRegion::speed)
    }

    /// The patience for a wait.
    pub fn patience(&self, limit: Duration) -> Patience {
        Patience::new(limit, self.session.stop.clone())
    }

    /// The compartment, for commands that need one.
    ///
    /// # Errors
    /// When neither the config nor its profile names one.
    pub fn required_compartment(&self) -> Result<&str, CommandError> {
        if self.compartment.is_empty() {
            return Err(CommandError::usage(
                format!("{} sets no compartment", self.settings.file),
                "add `compartment_id:`; `oci-insta-scale find compartments` lists compartments",
            ));
        }
        Ok(&self.compartment)
    }

    /// The root compartment, which is the tenancy.
    pub fn root(&self) -> &str {
        let tenancy = &self.settings.fleet.tenancy;
        if tenancy.is_empty() { &self.compartment } else { tenancy }
    }

    /// The full names of the availability domains of the region.
    pub async fn domains(&self) -> Result<Vec<String>, CommandError> {
        let rows = self.ask(self.questions.list_availability_domains(self.root())).await?;
        Ok(rows.into_iter().filter_map(|row| row.name).collect())
    }

    /// The full names of the given domains, without duplicates; all domains if none is given.
    pub async fn resolve_domains(&self, wanted: &[String]) -> Result<Vec<String>, CommandError> {
        let known = self.domains().await?;
        if wanted.is_empty() {
            return Ok(known);
        }
        let mut found: Vec<String> = Vec::new();
        for name in wanted {
            let full =
                known.iter().find(|full| fleet::plan::is_domain(full, name.trim())).ok_or_else(|| {
                    CommandError::usage(
                        format!("`{name}` is not an availability domain of this region"),
                        format!("there are: {}", known.join(", ")),
                    )
                })?;
            if !found.contains(full) {
                found.push(full.clone());
            }
        }
        Ok(found)
    }

    /// Stops the simulated region, if there is one.
    pub async fn close(self) -> Result<(), CommandError> {
        match self.region {
            Some(region) => region.stop().await,
            None => Ok(()),
        }
    }
}

/// A client of all regions of the config, and the counter of its requests. This is the only way to a client for the resources of a
/// config, so a name without an OCID cannot be sent. In a simulated region of this process, everything that a config names exists.
///
/// # Errors
/// When a name of the config has no OCID, or an endpoint is wrong.
pub fn client_everywhere(
    session: &Session,
    settings: &Settings,
    endpoints: Endpoints,
    signer: Option<&Arc<dyn Signer>>,
) -> Result<(Client, Arc<RequestCounts>), CommandError> {
    if !session.simulated {
        settings.check_names()?;
    }
    client_for_names(session, settings, endpoints, signer)
}

/// The same for looking up the names, which is done in the compartments that are known.
pub fn client_for_names(
    session: &Session,
    settings: &Settings,
    endpoints: Endpoints,
    signer: Option<&Arc<dyn Signer>>,
) -> Result<(Client, Arc<RequestCounts>), CommandError> {
    let fleet = &settings.fleet;
    let (mut client, requests) = session.client(endpoints, signer.cloned())?;
    for region in &fleet.regions {
        let (further, _) = session.client(endpoints_of_region(region)?, signer.cloned())?;
        let compartments = (fleet.compartment.as_str(), region.compartment.as_str());
        client = client.with_further(&region.region, &further, Some(compartments));
    }
    Ok((client, requests))
}

/// The client for queries before anything begins, for whose responses somebody waits.
pub fn for_questions(client: &Client) -> Client {
    client.with_question_limits(QuestionLimits::attended())
}

fn check_compartment(ocid: &str) -> Result<(), CommandError> {
    let wrong = |why: String| CommandError::usage(why, "copy the OCID of the compartment, or of the tenancy");
    match oci_api::Ocid::parse(ocid) {
        Err(error) => Err(wrong(format!("-c {ocid:?} is not an OCID: {error}"))),
        Ok(parsed) if !["compartment", "tenancy"].contains(&parsed.resource_type) => Err(wrong(format!(
            "-c needs the OCID of a compartment, but this is an OCID of `{}`",
            parsed.resource_type
        ))),
        Ok(_) => Ok(()),
    }
}
