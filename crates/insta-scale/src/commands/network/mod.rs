//! The network of a fleet that its config asks for (`network: create`): found before a plan, made after the confirmation, and ended by
//! `scale 0 --network`.

mod ending;

pub use ending::EndingNetwork;

use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::instances::reporter::ActionReporter;
use crate::output::simulated;
use crate::output::summary::describe;
use crate::output::text::clean;
use crate::session::Session;
use fleet::network::{self, FindError, NetworkStanding, NetworkSummary};
use fleet::plan::network::{NetworkPlan, PartKind};
use fleet::policy::{PolicyScope, statement};
use ledger::{Lease, Locked, Outcome, RunId, Store};
use oci_client::Client;
use std::sync::Arc;

/// A network that a launch has to make first.
#[derive(Clone, Debug)]
pub struct NetworkToMake {
    plan: NetworkPlan,
    /// The run that has begun to make it.
    run: Option<RunId>,
}

/// Puts the fleet into its network if it exists; otherwise returns what has to be made. `None`: there is nothing to make.
///
/// # Errors
/// When it cannot be told whether it exists, because a second one must not be made.
pub async fn enter(
    connection: &mut Connection<'_>,
    store: Option<&dyn Store>,
) -> Result<Option<NetworkToMake>, CommandError> {
    let (session, client) = (connection.session, connection.questions.clone());
    enter_with(session, &client, &mut connection.settings, store).await
}

/// The same with a client and settings that no connection has.
pub async fn enter_with(
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

/// A compartment whose networks may not be listed needs a statement, not another OCID.
fn hidden(client: &Client, plan: &NetworkPlan, error: CommandError) -> CommandError {
    let subject = client.signer_facts().subject;
    let scope = PolicyScope::Compartment(&plan.compartment);
    match error {
        CommandError::Compartment(failure) => CommandError::usage(
            format!("the networks of the compartment cannot be read: {failure}"),
            format!(
                "`network` needs the statement: {}",
                statement(subject, "manage", "virtual-network-family", scope)
            ),
        ),
        other => other,
    }
}

impl NetworkToMake {
    /// What a person should know before it is made.
    pub fn note(&self) -> Option<String> {
        let run = self.run?;
        Some(format!("run {run} has begun to make the network, and is continued first"))
    }

    /// Makes it, or continues to; returns its subnet. It is looked for once more, because the question may have waited for hours.
    ///
    /// # Errors
    /// When it is not complete. Nothing has been launched then, and the same command continues.
    pub async fn make(
        &self,
        connection: &Connection<'_>,
        store: Arc<dyn Store>,
    ) -> Result<String, CommandError> {
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

/// The lock that keeps two launches of one fleet with this ledger from making two networks, also with `--new`.
async fn take_turn(session: &Session, store: &dyn Store, plan: &NetworkPlan) -> Result<Lease, CommandError> {
    let key = ["network", &plan.region, &plan.compartment, &plan.fleet].join("\n");
    match store.lock(&key, session.now()).await? {
        Locked::Ours(turn) => Ok(turn),
        Locked::Theirs(holder) => {
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Err(CommandError::usage(
                format!("{holder} is making the network of fleet {}", clean(&plan.fleet)),
                "wait until it has finished, and repeat the command",
            ))
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

/// Carries out a run that makes a network.
async fn make(
    connection: &Connection<'_>,
    store: Arc<dyn Store>,
    plan: &NetworkPlan,
    begun: Option<RunId>,
) -> Result<NetworkSummary, CommandError> {
    let session = connection.session;
    let environment = connection.environment(store);
    let run = begun.unwrap_or_else(|| environment.new_run_id());
    let names: Vec<String> = plan.network.parts().iter().map(|kind| kind.what().to_owned()).collect();
    let mut plan = plan.clone();
    // Later readers of the run must see that it is simulated.
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    let (sink, reporter) = ActionReporter::start(session, run, "network part", &names)?;
    let made = match begun {
        Some(run) => network::resume(&environment, run, sink, &session.stop).await,
        None => network::make(&environment, run, &plan, sink, &session.stop).await,
    };
    reporter.finish();
    Ok(made?)
}

/// Continues a run that makes a network, for `resume`.
pub async fn resume(
    connection: &Connection<'_>,
    store: Arc<dyn Store>,
    run: RunId,
    plan: &NetworkPlan,
) -> Result<NetworkSummary, CommandError> {
    let summary = make(connection, store, plan, Some(run)).await?;
    if summary.subnet().is_none() {
        return Err(not_complete(&summary));
    }
    Ok(summary)
}

/// Why the network is not complete, and what to do.
fn not_complete(summary: &NetworkSummary) -> CommandError {
    let fleet = clean(&summary.fleet);
    let part = summary.parts.iter().find(|part| part.ocid.is_none());
    let what = part.map_or("VCN", |part| part.part.what());
    let why = part.and_then(|part| part.error.as_ref()).map(|error| format!(": {}", describe(error)));
    let again = "run the same command again: it continues where this one stopped".to_owned();
    let (message, hint) = match summary.outcome {
        Some(Outcome::Interrupted) => {
            (format!("the network of fleet {fleet} is not complete: interrupted before the {what}"), again)
        }
        Some(Outcome::InDoubt) => (
            format!(
                "the network of fleet {fleet} is not complete: it is unknown whether the {what} was made{}",
                why.unwrap_or_default()
            ),
            again,
        ),
        _ => (
            format!(
                "the network of fleet {fleet} could not be made: the {what} failed{}",
                why.unwrap_or_default()
            ),
            format!(
                "correct the cause and run the same command again: it continues there. `policy` prints the statements that it \
                 needs{}",
                if summary.ocid(PartKind::Vcn).is_some() {
                    "; `scale 0 --network` deletes what was made"
                } else {
                    ""
                }
            ),
        ),
    };
    CommandError::Network { message, hint, outcome: summary.outcome }
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
