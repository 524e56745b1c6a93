//! `ledger prune`: removes old runs of which nothing is left.

use super::{is_gone, own};
use crate::args::PruneLedger;
use crate::commands::consent::has_to_ask;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::records::{KeptRun, LedgerPrune};
use crate::output::text::count;
use crate::session::Session;
use fleet::Plan;
use fleet::history::read_records;
use ledger::{Archive, Event, Outcome, Record, RunHead, RunId, RunKind};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::services::compute::InstanceFilter;
use std::collections::{BTreeMap, BTreeSet};

/// Removes old runs after consent.
pub async fn prune(session: &Session, args: &PruneLedger) -> Result<Exit, CommandError> {
    let asks = if args.dry_run { false } else { has_to_ask(args.yes)? };
    let mut found = LedgerPrune { removed: Vec::new(), kept: Vec::new(), dry_run: args.dry_run };
    if let Some(store) = own(session)? {
        let mut living = Living::default();
        for head in old(&store.runs().await?, session, args) {
            match why_it_stays(&*store, &head, session, &mut living).await? {
                Some(reason) => found.kept.push(KeptRun { run: head.run, reason }),
                None => found.removed.push(head.run),
            }
        }
        if asks && !found.removed.is_empty() {
            let number = count(found.removed.len() as u64, "run");
            for run in &found.removed {
                console::line(&format!("  {run}"));
            }
            console::line("their reports, costs and histories are lost; no instance is touched");
            if !console::ask_yes_or_no(&format!("Remove {number} from the ledger?"), &session.stop).await? {
                return Err(CommandError::Declined);
            }
        }
        if !args.dry_run {
            for run in &found.removed {
                store.remove(*run).await?;
            }
        }
    }
    console::data(&found.text(session.output))?;
    Ok(Exit::Done)
}

/// The runs that are old enough, the oldest first.
fn old(heads: &[RunHead], session: &Session, args: &PruneLedger) -> Vec<RunHead> {
    let limit = session.now() - args.older_than;
    let old = heads.iter().filter(|head| head.last_at < limit).cloned();
    let mut old: Vec<RunHead> = old.collect();
    old.reverse();
    old
}

/// Why a run must not be removed; `None` if nothing of it is left.
async fn why_it_stays(
    store: &dyn Archive,
    head: &RunHead,
    session: &Session,
    living: &mut Living,
) -> Result<Option<String>, CommandError> {
    if head.held {
        return Ok(Some("a process is working on it".to_owned()));
    }
    if head.outcome.is_none_or(Outcome::is_unfinished) {
        return Ok(Some("it has not ended".to_owned()));
    }
    let records = match store.records(head.run).await {
        Err(error) if is_gone(&error) => return Ok(None),
        records => records?,
    };
    if !records.unreadable.is_empty() {
        return Ok(Some("some of its records cannot be read".to_owned()));
    }
    match head.kind {
        Some(RunKind::Launch) => {}
        // It is how the fleet finds its network.
        Some(RunKind::Network) => return Ok(Some("it made the network of a fleet".to_owned())),
        _ => return Ok(None),
    }
    let made = made_by(&records.records);
    if made.is_empty() {
        return Ok(None);
    }
    let Ok((_, plan)) = read_records(head.run, &records) else {
        return Ok(Some("its plan cannot be read".to_owned()));
    };
    living.why(session, &plan, &made, head.run).await
}

/// The instances that a run has ever had.
fn made_by(records: &[Record]) -> BTreeSet<String> {
    let ocids = records.iter().filter_map(|record| match &record.event {
        Event::Launched { ocid, .. } | Event::Running { ocid, .. } => Some(ocid.clone()),
        _ => None,
    });
    ocids.collect()
}

/// The instances of each compartment that was asked about: those that live, or why that is unknown.
#[derive(Default)]
struct Living(BTreeMap<(String, String), Result<BTreeSet<String>, String>>);

impl Living {
    /// Says why a run stays, if one of its instances lives or nobody can tell.
    async fn why(
        &mut self,
        session: &Session,
        plan: &Plan,
        made: &BTreeSet<String>,
        run: RunId,
    ) -> Result<Option<String>, CommandError> {
        if !plan.fleet.regions.is_empty() {
            return Ok(Some("it launched in several regions: remove it when its fleet is gone".to_owned()));
        }
        let key = (plan.fleet.region.clone(), plan.fleet.compartment.clone());
        if !self.0.contains_key(&key) {
            let asked = ask(session, &key).await?;
            self.0.insert(key.clone(), asked);
        }
        Ok(match &self.0[&key] {
            Err(reason) => Some(format!("whether its instances live is unknown: {reason}")),
            Ok(living) => {
                let left = made.intersection(living).count() as u64;
                tracing::debug!(%run, left, "instances of an old run");
                (left > 0).then(|| format!("{} of it left", count(left, "instance")))
            }
        })
    }
}

/// The living instances of a compartment.
async fn ask(
    session: &Session,
    (region, compartment): &(String, String),
) -> Result<Result<BTreeSet<String>, String>, CommandError> {
    let settings = match session.read_credentials() {
        Ok(settings) => settings,
        Err(error) => return Ok(Err(error.to_string().lines().next().unwrap_or_default().to_owned())),
    };
    if settings.fleet.region != *region {
        return Ok(Err(format!("it launched in {region}, and the config is for {}", settings.fleet.region)));
    }
    let connection = Connection::open(session, settings).await?;
    let filter = InstanceFilter { compartment_id: compartment.clone(), ..InstanceFilter::default() };
    let listed =
        connection.ask(async { Ok::<_, CommandError>(connection.questions.list_instances(&filter).await) });
    Ok(match listed.await? {
        Err(failure) => Err(failure.to_string()),
        Ok(instances) => {
            let lives =
                instances.into_iter().filter(|instance| instance.lifecycle_state != State::Terminated);
            Ok(lives.map(|instance| instance.id).collect())
        }
    })
}
