//! What making a network and making a compute cluster have in common: the run, the lock, and the words about what went wrong.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::instances::reporter::ActionReporter;
use crate::output::simulated;
use crate::output::summary::describe;
use crate::output::text::clean;
use crate::session::Session;
use fleet::network::{self, NetworkSummary};
use fleet::plan::network::{NetworkPlan, PartKind};
use fleet::policy::{PolicyScope, statement};
use ledger::{Lease, Locked, Outcome, RunId, Store};
use oci_client::Client;
use std::sync::Arc;

/// A compartment whose networks may not be listed needs a statement, not another OCID.
pub(super) fn hidden(client: &Client, plan: &NetworkPlan, error: CommandError) -> CommandError {
    let subject = client.signer_facts().subject;
    let scope = PolicyScope::Compartment(&plan.compartment);
    let (what, key, resource) = if plan.cluster.is_some() {
        ("compute clusters", "engine", "compute-clusters")
    } else {
        ("networks", "network", "virtual-network-family")
    };
    match error {
        CommandError::Compartment(failure) => CommandError::usage(
            format!("the {what} of the compartment cannot be read: {failure}"),
            format!("`{key}` needs the statement: {}", statement(subject, "manage", resource, scope)),
        ),
        other => other,
    }
}

/// The lock that keeps two launches of one fleet with this ledger from making two networks, also with `--new`.
pub(super) async fn take_turn(
    session: &Session,
    store: &dyn Store,
    plan: &NetworkPlan,
) -> Result<Lease, CommandError> {
    let key = [plan.what(), &plan.region, &plan.compartment, &plan.fleet].join("\n");
    match store.lock(&key, session.now()).await? {
        Locked::Ours(turn) => Ok(turn),
        Locked::Theirs(holder) => {
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Err(CommandError::usage(
                format!("{holder} is making the {} of fleet {}", plan.what(), clean(&plan.fleet)),
                "wait until it has finished, and repeat the command",
            ))
        }
    }
}

/// Carries out a run that makes a network.
pub(super) async fn make(
    connection: &Connection<'_>,
    store: Arc<dyn Store>,
    plan: &NetworkPlan,
    begun: Option<RunId>,
) -> Result<NetworkSummary, CommandError> {
    let session = connection.session;
    let environment = connection.environment(store);
    let run = begun.unwrap_or_else(|| environment.new_run_id());
    let names: Vec<String> = plan.parts().iter().map(|kind| kind.what().to_owned()).collect();
    let noun = if plan.cluster.is_some() { "compute cluster" } else { "network part" };
    let mut plan = plan.clone();
    // Later readers of the run must see that it is simulated.
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    let (sink, reporter) = ActionReporter::start(session, run, noun, &names)?;
    let made = match begun {
        Some(run) => network::resume(&environment, run, sink, &session.stop).await,
        None => network::make(&environment, run, &plan, sink, &session.stop).await,
    };
    reporter.finish();
    Ok(made?)
}

/// Why the network is not complete, and what to do.
pub(super) fn not_complete(summary: &NetworkSummary) -> CommandError {
    let fleet = clean(&summary.fleet);
    let part = summary.parts.iter().find(|part| part.ocid.is_none());
    let what = part.map_or("VCN", |part| part.part.what());
    let whole = if summary.cluster.is_some() { "compute cluster" } else { "network" };
    let why = part.and_then(|part| part.error.as_ref()).map(|error| format!(": {}", describe(error)));
    let again = "run the same command again: it continues where this one stopped".to_owned();
    let (message, hint) = match summary.outcome {
        Some(Outcome::Interrupted) => {
            (format!("the {whole} of fleet {fleet} is not complete: interrupted before the {what}"), again)
        }
        Some(Outcome::InDoubt) => (
            format!(
                "the {whole} of fleet {fleet} is not complete: it is unknown whether the {what} was made{}",
                why.unwrap_or_default()
            ),
            again,
        ),
        _ => (
            format!(
                "the {whole} of fleet {fleet} could not be made: the {what} failed{}",
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
