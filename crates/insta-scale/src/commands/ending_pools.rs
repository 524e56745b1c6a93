//! The end of the instance pools of a fleet, for `scale 0`, and of those that a termination leaves without members. In a `scale 0`, members leave first, then the pools and their configurations are deleted.
//!
//! A pool that is not at rest lets no member leave and would replace those that are terminated, so it is deleted first, with its members.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::reporter::ActionReporter;
use crate::output::summary::describe;
use crate::output::text::{clean, count};
use fleet::cleanup::{self, LeftPart, Leftovers};
use fleet::history::read_past;
use fleet::plan::{ENGINE_TAG, is_of_pool};
use fleet::pool;
use fleet::select::Machine;
use fleet::{Environment, FleetSpec};
use ledger::{EnginePart, LedgerError, RunId, RunKind};
use std::collections::{BTreeMap, BTreeSet};

/// The pools and configurations of a fleet.
#[derive(Debug)]
pub struct EndingPools {
    parts: Vec<LeftPart>,
    /// Whether a pool is not at rest.
    busy: bool,
}

impl EndingPools {
    /// What the fleet has; `None` if neither its engine makes pools nor an earlier one of this ledger did, or there are none.
    pub async fn find(connection: &Connection<'_>, fleet: &FleetSpec) -> Result<Option<Self>, CommandError> {
        if !fleet.engine.is_pooled() && !had_pools(connection, fleet).await? {
            return Ok(None);
        }
        let client = connection.questions.at(None);
        let pools = connection.ask(pool::with_owners(&client, &fleet.compartment)).await?;
        let rows = connection.ask(pool::configurations(&client, &fleet.compartment)).await?;
        let is_ours =
            |row: &pool::EngineRow| row.fleet.is_some() && row.fleet.as_deref() == fleet.tagged_name();
        let pools: Vec<_> = pools.into_iter().filter(|(pool, _)| is_ours(&pool.row)).collect();
        let busy = pools.iter().any(|(pool, _)| pool.state != "RUNNING" && pool.state != "STOPPED");
        let pools = pools.into_iter().map(|(_, (kind, owner))| part(kind, owner));
        let rows = rows.into_iter().filter(is_ours).map(|row| part(EnginePart::InstanceConfiguration, row));
        let parts: Vec<LeftPart> = pools.chain(rows).collect();
        Ok((!parts.is_empty()).then_some(Self { parts, busy }))
    }

    /// The pools that have no member once these instances have left them, with their configurations.
    pub async fn emptied_by(
        connection: &Connection<'_>,
        machines: &[Machine],
    ) -> Result<Option<Self>, CommandError> {
        let leaving = machines.iter().map(|machine| machine.ocid.as_str()).collect();
        let parts = emptied_parts(connection, machines, &leaving).await?;
        Ok((!parts.is_empty()).then_some(Self { parts, busy: false }))
    }

    /// Deletes what is still empty: others may have let a pool grow since.
    pub async fn delete_emptied(
        &self,
        connection: &Connection<'_>,
        env: &Environment,
        machines: &[Machine],
    ) -> Result<Exit, CommandError> {
        let now = emptied_parts(connection, machines, &BTreeSet::new()).await?;
        let (ending, kept): (Vec<_>, Vec<_>) =
            self.parts.iter().cloned().partition(|part| now.iter().any(|still| still.ocid == part.ocid));
        for part in kept {
            let what = part.part.what();
            console::line(&format!("note: {what} {} is kept: it is in use again", clean(&part.name)));
        }
        if ending.is_empty() { Ok(Exit::Done) } else { delete(ending, connection, env).await }
    }

    /// Whether a pool lets no member leave, so that it is deleted first.
    pub fn is_busy(&self) -> bool {
        self.busy
    }

    /// What is deleted, for a proposal.
    pub fn row(&self) -> (&'static str, String) {
        let rows =
            self.parts.iter().filter(|one| one.part == EnginePart::InstanceConfiguration).count() as u64;
        let pools = self.parts.len() as u64 - rows;
        let is_network = self.parts.iter().any(|one| one.part == EnginePart::ClusterNetwork);
        let noun = if is_network { EnginePart::ClusterNetwork } else { EnginePart::InstancePool }.what();
        let when = if self.busy { "first, because a pool is not at rest" } else { "after the instances" };
        let what = format!("{} and {}", count(pools, noun), count(rows, "instance configuration"));
        ("engine", format!("deletes {what}, pools {when}"))
    }

    /// Deletes the pools alone, with their members.
    pub async fn delete_pools(
        &self,
        connection: &Connection<'_>,
        env: &Environment,
    ) -> Result<Exit, CommandError> {
        let pools = self.parts.iter().filter(|part| part.part != EnginePart::InstanceConfiguration);
        delete(pools.cloned().collect(), connection, env).await
    }

    /// Deletes what is left.
    pub async fn delete(&self, connection: &Connection<'_>, env: &Environment) -> Result<Exit, CommandError> {
        delete(self.parts.clone(), connection, env).await
    }
}

fn part(part: EnginePart, row: pool::EngineRow) -> LeftPart {
    LeftPart {
        part,
        ocid: row.ocid,
        name: row.name,
        run: row.run.map(|run| run.to_string()).unwrap_or_default(),
        why: String::new(),
    }
}

/// The pools of these instances that have no member beside `leaving`, with their configurations.
async fn emptied_parts(
    connection: &Connection<'_>,
    machines: &[Machine],
    leaving: &BTreeSet<&str>,
) -> Result<Vec<LeftPart>, CommandError> {
    let mut marks: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for machine in machines {
        if let Some(mark) = machine.tags.get(ENGINE_TAG).filter(|mark| is_of_pool(mark)) {
            marks.entry(&machine.compartment).or_default().insert(mark);
        }
    }
    let client = connection.questions.at(None);
    let mut parts = Vec::new();
    for (compartment, marks) in marks {
        let found = connection.ask(pool::emptied(&client, compartment, &marks, leaving)).await?;
        parts.extend(found.into_iter().map(|(kind, row)| part(kind, row)));
    }
    Ok(parts)
}

/// Whether a run of this ledger has launched the fleet by pools: its config may have had another engine.
async fn had_pools(connection: &Connection<'_>, fleet: &FleetSpec) -> Result<bool, CommandError> {
    let Some(store) = connection.session.ledger_of_the_past()? else { return Ok(false) };
    for head in store.runs().await?.into_iter().filter(|head| head.kind == Some(RunKind::Launch)) {
        let Ok((_, plan)) = read_past(&*store, head.run).await else { continue };
        let same = (&plan.fleet.name, &plan.fleet.compartment) == (&fleet.name, &fleet.compartment);
        if same && plan.fleet.engine.is_pooled() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn delete(
    parts: Vec<LeftPart>,
    connection: &Connection<'_>,
    env: &Environment,
) -> Result<Exit, CommandError> {
    let runs: BTreeSet<RunId> = parts.iter().filter_map(|part| part.run.parse().ok()).collect();
    let mut read_to = BTreeMap::new();
    for run in runs {
        match env.store.records(run).await {
            Ok(found) => read_to.extend(found.records.last().map(|record| (run, record.seq))),
            // Another machine made it.
            Err(LedgerError::UnknownRun { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let session = connection.session;
    let left = Leftovers { parts, read_to, ..Leftovers::default() };
    let mut reporter = None;
    let watch =
        |run, names: &[String]| match ActionReporter::start(session, run, "pool or configuration", names) {
            Ok((sink, started)) => {
                reporter = Some(started);
                sink
            }
            Err(error) => {
                // The deletion was confirmed, whether or not its progress can be shown.
                console::line(&format!("warning: {error}"));
                fleet::no_sink()
            }
        };
    let deleted = cleanup::delete(env, &left, watch, session.stop.clone()).await;
    if let Some(reporter) = reporter {
        reporter.finish();
    }
    let deleted = deleted?;
    for (ocid, error) in &deleted.failed {
        console::line(&format!("failed: {}: {}", clean(ocid), describe(error)));
    }
    if !session.is_quiet() {
        let all = deleted.deleted.len() + deleted.failed.len() + deleted.left.len();
        console::line(&format!(
            "instance pools and configurations: {} of {all} deleted",
            deleted.deleted.len()
        ));
    }
    Ok(match deleted.failed.len() + deleted.left.len() {
        0 => Exit::Done,
        _ if session.stop.is_cancelled() => Exit::Interrupted,
        _ => Exit::SomeFailed,
    })
}
