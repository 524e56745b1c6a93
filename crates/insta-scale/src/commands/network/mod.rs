//! What a launch makes first: the network of a fleet that its config asks for (`network: create`) and its compute cluster (`engine:
//! compute-cluster`). Both are found before a plan, made after the confirmation, and ended by `scale 0` (`--network` for the network).

mod cluster;
mod ending;
mod making;

pub use cluster::{end_after_rollback, tell_left_clusters};
pub use ending::EndingNetwork;

use cluster::ClusterToMake;
use making::{hidden, make, not_complete, take_turn};

use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::clean;
use crate::session::Session;
use fleet::FleetSpec;
use fleet::network::{self, FindError, NetworkStanding, NetworkSummary};
use fleet::plan::network::NetworkPlan;
use ledger::{Outcome, RunId, Store};
use oci_client::Client;
use std::sync::Arc;

/// What a launch has to make first.
#[derive(Clone, Debug, Default)]
pub struct Prerequisites {
    network: Option<NetworkToMake>,
    cluster: Option<ClusterToMake>,
}

impl Prerequisites {
    /// What is still to be made, in words; `None` if everything exists.
    pub fn missing(&self) -> Option<&'static str> {
        let network = self.network.as_ref().map(|_| "network");
        network.or_else(|| self.cluster.as_ref().map(|_| "compute cluster"))
    }

    /// What a person should know before it is made.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let cluster = self.cluster.as_ref().and_then(ClusterToMake::note);
        self.network.as_ref().and_then(NetworkToMake::note).into_iter().chain(cluster)
    }

    /// Makes what is missing, and puts the fleet into it.
    ///
    /// # Errors
    /// When something could not be made. Nothing has been launched then, and the same command continues.
    pub async fn make(
        &self,
        connection: &Connection<'_>,
        store: &Arc<dyn Store>,
        fleet: &mut FleetSpec,
    ) -> Result<(), CommandError> {
        if let Some(network) = &self.network {
            let subnet = network.make(connection, store.clone()).await?;
            fleet.enter_subnet(&subnet);
        }
        if let Some(cluster) = &self.cluster {
            let ocid = cluster.make(connection, store.clone(), fleet).await?;
            fleet.enter_cluster(&ocid);
        }
        Ok(())
    }
}

/// A network that a launch has to make first.
#[derive(Clone, Debug)]
struct NetworkToMake {
    plan: NetworkPlan,
    /// The run that has begun to make it.
    run: Option<RunId>,
}

/// Puts the fleet into its network and its compute cluster if they exist; otherwise returns what has to be made.
///
/// # Errors
/// When it cannot be told whether one exists, because a second one must not be made.
pub async fn enter(
    connection: &mut Connection<'_>,
    store: Option<&dyn Store>,
) -> Result<Prerequisites, CommandError> {
    let (session, client) = (connection.session, connection.questions.clone());
    enter_with(session, &client, &mut connection.settings, store).await
}

/// The same with a client and settings that no connection has.
pub async fn enter_with(
    session: &Session,
    client: &Client,
    settings: &mut Settings,
    store: Option<&dyn Store>,
) -> Result<Prerequisites, CommandError> {
    let network = Box::pin(enter_network(session, client, settings, store)).await?;
    let cluster = Box::pin(cluster::enter(session, client, settings, store)).await?;
    Ok(Prerequisites { network, cluster })
}

async fn enter_network(
    session: &Session,
    client: &Client,
    settings: &mut Settings,
    store: Option<&dyn Store>,
) -> Result<Option<NetworkToMake>, CommandError> {
    let fleet = &settings.fleet;
    if fleet.needs_network().is_none() {
        return Ok(None);
    }
    let origin = session.origin(settings).filter(|_| !session.simulated);
    let Some(plan) = fleet.network_plan(origin.as_ref()) else { return Ok(None) };
    // A region that was created for this command has no network of the fleet.
    let Some(store) = store.filter(|_| !session.simulated) else {
        return Ok(Some(NetworkToMake { plan, run: None }));
    };
    let found = session.ask(network::find(client, store, &plan)).await;
    match found.map_err(|error| hidden(client, &plan, error))? {
        NetworkStanding::Absent => Ok(Some(NetworkToMake { plan, run: None })),
        NetworkStanding::Unfinished { run, .. } => Ok(Some(NetworkToMake { plan, run: Some(run) })),
        NetworkStanding::Complete(found) => {
            if !session.is_quiet() {
                for difference in &found.differences {
                    let fleet = clean(&plan.fleet);
                    let difference = clean(difference);
                    console::line(&format!(
                        "warning: the network of fleet {fleet} exists and is used as it is, but differs from the config: {difference} \
                         (`scale 0 --network` ends it, and the next launch makes another)"
                    ));
                }
            }
            settings.fleet.enter_subnet(&found.subnet);
            Ok(None)
        }
        NetworkStanding::Incomplete { vcn, run } => Err(incomplete(&plan, &vcn, run)),
    }
}

impl NetworkToMake {
    /// What a person should know before it is made.
    fn note(&self) -> Option<String> {
        let run = self.run?;
        Some(format!("run {run} has begun to make the network, and is continued first"))
    }

    /// Makes it, or continues to; returns its subnet. It is looked for once more, because the question may have waited for hours.
    ///
    /// # Errors
    /// When it is not complete. Nothing has been launched then, and the same command continues.
    async fn make(&self, connection: &Connection<'_>, store: Arc<dyn Store>) -> Result<String, CommandError> {
        let session = connection.session;
        let mut begun = self.run;
        let mut turn = None;
        if !session.simulated {
            turn = Some(take_turn(session, &*store, &self.plan).await?);
            let found = session.ask(network::find(&connection.questions, &*store, &self.plan)).await;
            match found.map_err(|error| hidden(&connection.questions, &self.plan, error))? {
                NetworkStanding::Complete(found) => return Ok(found.subnet),
                NetworkStanding::Unfinished { run, .. } => begun = Some(run),
                NetworkStanding::Incomplete { vcn, run } => return Err(incomplete(&self.plan, &vcn, run)),
                NetworkStanding::Absent => begun = None,
            }
        }
        let summary = make(connection, store, &self.plan, begun).await?;
        drop(turn);
        match summary.subnet() {
            Some(subnet) => Ok(subnet.to_owned()),
            None => Err(not_complete(&summary)),
        }
    }
}

/// The error of a network that cannot be used and must not be made again.
fn incomplete(plan: &NetworkPlan, vcn: &str, run: Option<RunId>) -> CommandError {
    let run = run.map_or_else(|| "a run".to_owned(), |run| format!("run {run}"));
    CommandError::usage(
        format!(
            "the network of fleet {} ({}) has no subnet: {run} has not finished it on another machine, or somebody deleted the subnet",
            clean(&plan.fleet),
            clean(vcn)
        ),
        "finish it there with `resume`, or delete the rest with `cleanup --networks`; the next launch makes another",
    )
}

/// Continues a run that makes a network, for `resume`.
pub async fn resume(
    connection: &Connection<'_>,
    store: Arc<dyn Store>,
    run: RunId,
    plan: &NetworkPlan,
) -> Result<NetworkSummary, CommandError> {
    let summary = make(connection, store, plan, Some(run)).await?;
    if summary.outcome != Some(Outcome::Complete) {
        return Err(not_complete(&summary));
    }
    Ok(summary)
}

impl From<FindError> for CommandError {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Ledger(error) => error.into(),
            FindError::Failure(failure) => Self::from(failure).of_compartment(),
        }
    }
}

/// Like [`enter`], for a command that makes nothing and leaves nothing on disk.
pub async fn foresee(connection: &mut Connection<'_>) -> Result<(), CommandError> {
    let store = past(connection.session)?;
    enter(connection, Some(&*store)).await.map(drop)
}

/// The store of past runs, for a command that creates none.
pub fn past(session: &Session) -> Result<Arc<dyn Store>, CommandError> {
    let store = session.ledger_of_the_past()?;
    Ok(store.unwrap_or_else(|| Arc::new(ledger::MemoryStore::new())))
}
