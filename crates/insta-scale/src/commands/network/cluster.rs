//! The compute cluster of a fleet with `engine: compute-cluster`: found before a plan, made after the confirmation, and ended when a
//! launch is rolled back.

use super::ending::EndingNetwork;
use super::making::{hidden, make, not_complete, take_turn};
use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::clean;
use crate::session::Session;
use fleet::network::{ClusterStanding, FleetCluster, find_cluster, had_cluster, others_in_cluster};
use fleet::plan::FLEET_TAG;
use fleet::plan::network::NetworkPlan;
use fleet::select::Machine;
use fleet::{Environment, FleetSpec, RunSummary};
use ledger::{Outcome, RunId, Store};
use oci_client::Client;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A compute cluster that a launch has to make first.
#[derive(Clone, Debug)]
pub struct ClusterToMake {
    /// The run that has begun to make it.
    pub run: Option<RunId>,
}

/// Puts the fleet into its compute cluster if it exists; otherwise returns that it has to be made. `None`: there is nothing to make.
pub async fn enter(
    session: &Session,
    client: &Client,
    settings: &mut Settings,
    store: Option<&dyn Store>,
) -> Result<Option<ClusterToMake>, CommandError> {
    let fleet = &settings.fleet;
    let origin = session.origin(settings).filter(|_| !session.simulated);
    let plan = fleet.needs_cluster().and_then(|_| fleet.cluster_plan(origin.as_ref()));
    let Some(plan) = plan else { return Ok(None) };
    // A region that was created for this command has no cluster of the fleet.
    let Some(store) = store.filter(|_| !session.simulated) else {
        return Ok(Some(ClusterToMake { run: None }));
    };
    let found = session.ask(find_cluster(client, store, &plan)).await;
    match found.map_err(|error| hidden(client, &plan, error))? {
        ClusterStanding::Absent => Ok(Some(ClusterToMake { run: None })),
        ClusterStanding::Unfinished(run) => Ok(Some(ClusterToMake { run: Some(run) })),
        ClusterStanding::Complete(found) => match check_domain(&plan, &found) {
            Ok(()) => {
                settings.fleet.enter_cluster(&found.ocid);
                Ok(None)
            }
            // A launch is refused when it would make another; `scale 0` has to work.
            Err(error) => {
                if !session.is_quiet() {
                    console::line(&format!("warning: {error}"));
                }
                Ok(Some(ClusterToMake { run: None }))
            }
        },
    }
}

/// Refuses a cluster of another availability domain than that of the config, which may have changed. The config may name the domain
/// without the prefix of the tenancy.
fn check_domain(plan: &NetworkPlan, found: &FleetCluster) -> Result<(), CommandError> {
    let Some(wanted) = &plan.cluster else { return Ok(()) };
    let number = |name: &str| name.rsplit('-').next().map(str::to_owned);
    if number(&wanted.availability_domain) == number(&found.availability_domain) {
        return Ok(());
    }
    Err(CommandError::usage(
        format!(
            "the compute cluster of fleet {} ({}) is in {}, but the config names {}",
            clean(&plan.fleet),
            clean(&found.ocid),
            clean(&found.availability_domain),
            clean(&wanted.availability_domain)
        ),
        "`oci-insta-scale scale 0` ends the fleet with its cluster; the next launch makes another",
    ))
}

impl ClusterToMake {
    /// What a person should know before it is made.
    pub fn note(&self) -> Option<String> {
        let run = self.run?;
        Some(format!("run {run} has begun to make the compute cluster, and is continued first"))
    }

    /// Makes it, or continues to; returns its OCID. It is looked for once more, because the question may have waited for hours.
    ///
    /// # Errors
    /// When it was not made. Nothing has been launched then, and the same command continues.
    pub async fn make(
        &self,
        connection: &Connection<'_>,
        store: Arc<dyn Store>,
        fleet: &FleetSpec,
    ) -> Result<String, CommandError> {
        let session = connection.session;
        let origin = session.origin(&connection.settings).filter(|_| !session.simulated);
        let Some(plan) = fleet.cluster_plan(origin.as_ref()) else { return Ok(String::new()) };
        let mut begun = self.run;
        let mut turn = None;
        if !session.simulated {
            turn = Some(take_turn(session, &*store, &plan).await?);
            let found = session.ask(find_cluster(&connection.questions, &*store, &plan)).await;
            match found.map_err(|error| hidden(&connection.questions, &plan, error))? {
                ClusterStanding::Complete(found) => {
                    check_domain(&plan, &found)?;
                    return Ok(found.ocid);
                }
                ClusterStanding::Unfinished(run) => begun = Some(run),
                ClusterStanding::Absent => begun = None,
            }
        }
        let summary = make(connection, store, &plan, begun).await?;
        drop(turn);
        match summary.compute_cluster() {
            Some(ocid) => Ok(ocid.to_owned()),
            None => Err(not_complete(&summary)),
        }
    }
}

/// Says which compute clusters a termination leaves without instances; the next launch of the fleet uses them again.
pub async fn tell_left_clusters(
    connection: &Connection<'_>,
    environment: &Environment,
    machines: &[Machine],
) {
    let session = connection.session;
    let origin = session.origin(&connection.settings).filter(|_| !session.simulated);
    let of = |one: &Machine| Some((one.tags.get(FLEET_TAG)?.to_owned(), one.compartment.to_string()));
    let fleets: BTreeSet<(String, String)> = machines.iter().filter_map(of).collect();
    for (name, compartment) in fleets {
        let region = connection.settings.fleet.region.clone();
        let fleet = FleetSpec { name: name.clone(), region, compartment, ..FleetSpec::default() };
        let plan = fleet.earlier_cluster_plan(origin.as_ref());
        let store = &*environment.store;
        if !had_cluster(store, &plan).await.unwrap_or_default() {
            continue;
        }
        let client = environment.client.at(None);
        // The termination is done, and only a note is at stake.
        let Ok(ClusterStanding::Complete(found)) = find_cluster(&client, store, &plan).await else {
            continue;
        };
        let others = others_in_cluster(&client, &plan.compartment, &found.ocid, &BTreeSet::new()).await;
        if others.is_ok_and(|others| others.is_none()) {
            console::line(&format!(
                "note: the compute cluster of fleet {} stays for its next launch and costs nothing; `scale 0` deletes it",
                clean(&name)
            ));
        }
    }
}

/// Deletes the cluster of a fleet whose launch was rolled back, if no other instance is in it.
pub async fn end_after_rollback(
    connection: &Connection<'_>,
    environment: &Environment,
    fleet: &FleetSpec,
    summary: &RunSummary,
) {
    if summary.outcome != Some(Outcome::GivenBack) {
        return;
    }
    let session = connection.session;
    let origin = session.origin(&connection.settings).filter(|_| !session.simulated);
    let Some(plan) = fleet.cluster_plan(origin.as_ref()) else { return };
    let nobody = BTreeSet::new();
    let ended = match EndingNetwork::find_cluster(connection, environment, &plan, &nobody).await {
        // There is none, or other members of the fleet are in it.
        Ok(None) => return,
        Ok(Some(ending)) => ending.delete(connection, environment).await,
        Err(error) => Err(error),
    };
    let why = match ended {
        Ok(ended) if ended.is_gone() => {
            if !session.is_quiet() {
                console::line("rolled back: the compute cluster was deleted");
            }
            return;
        }
        Ok(ended) => ended.line().trim_end().to_owned(),
        Err(error) => error.to_string(),
    };
    console::line(&format!(
        "warning: the compute cluster is left, which costs nothing; `cleanup` deletes it: {why}"
    ));
}
