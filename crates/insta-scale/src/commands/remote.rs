//! The connection of a command to OCI: settings, client, the signal to stop, and a simulated region if requested.
//!
//! Must not know what the command does with them.

use super::session;
use super::simulated_region::SimulatedRegion;
use crate::args::Global;
use crate::config::Settings;
use crate::error::CommandError;
use crate::runtime;
use fleet::reservation::Patience;
use oci_client::Client;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A command's way to the service.
pub struct Remote {
    /// The config.
    pub settings: Settings,
    /// The client.
    pub client: Client,
    /// The client for questions that somebody waits for.
    pub questions: Client,
    /// Cancelled when the user wants to stop.
    pub stop: CancellationToken,
    region: Option<SimulatedRegion>,
}

impl Remote {
    /// Reads the config and signs in, or starts the simulated region.
    pub async fn connect(
        global: &Global,
        settings: Settings,
        simulate: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        runtime::say_when_stopped(
            stop,
            "stopping: nothing new is started; press Ctrl-C again to leave at once",
        );
        let region = match simulate {
            Some(scenario) => Some(SimulatedRegion::start(global, scenario, None, &settings.fleet).await?),
            None => None,
        };
        let (endpoints, signer) = match &region {
            Some(region) => (region.endpoints()?, Some(region.signer()?)),
            None => (session::endpoints(&settings)?, session::sign_in(global, &settings, stop).await?),
        };
        let (client, _) = session::client(global, endpoints, signer)?;
        let questions = session::asking(&client);
        Ok(Self { settings, client, questions, stop: stop.clone(), region })
    }

    /// Does something that changes nothing; ends when the user wants to stop.
    pub async fn ask<T, E: Into<CommandError>>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            answer = question => answer.map_err(Into::into),
            () = self.stop.cancelled() => Err(CommandError::Interrupted),
        }
    }

    /// How long a wait may take.
    pub fn patience(&self, limit: Duration) -> Patience {
        Patience::new(limit, self.stop.clone())
    }

    /// The compartment of the config.
    ///
    /// # Errors
    /// When the config, or the profile in its place, names none.
    pub fn compartment(&self) -> Result<&str, CommandError> {
        let compartment = self.settings.fleet.compartment.as_str();
        if compartment.is_empty() {
            return Err(CommandError::usage(
                format!("{} sets no compartment", self.settings.file),
                "add `compartment_id:`; `oci-insta-scale find compartments` lists compartments",
            ));
        }
        Ok(compartment)
    }

    /// The compartment that holds everything of the region: the tenancy.
    pub fn root(&self) -> &str {
        let fleet = &self.settings.fleet;
        if fleet.tenancy.is_empty() { &fleet.compartment } else { &fleet.tenancy }
    }

    /// The full names of the availability domains of the region.
    pub async fn domains(&self) -> Result<Vec<String>, CommandError> {
        let rows = self.ask(self.questions.list_availability_domains(self.root())).await?;
        Ok(rows.into_iter().filter_map(|row| row.name).collect())
    }

    /// The full names of the domains that are meant, each once; all that there are when none is named.
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
