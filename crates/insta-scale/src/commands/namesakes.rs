//! Living instances that have the names which a launch is about to give. A second fleet of the same names is rarely meant.

use super::{earlier, past};
use crate::args::LaunchArgs;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, count};
use fleet::{FleetSpec, Origin};
use jiff::SignedDuration;
use ledger::{Event, Phase, RunId, RunKind, Store};
use oci_client::{Client, Clock as _, FailureClass, RetryPolicy, SystemClock};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// For so long what a run has made may be missing in lists (90 s are known), with room to spare.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// How long a dry run looks.
const BRIEF: Duration = Duration::from_secs(10);

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// Go on after the last name.
    Extend,
    /// Give the same names once more.
    New,
}

/// Living instances of the same names.
#[derive(Debug, PartialEq, Eq)]
pub struct Namesakes {
    prefix: String,
    living: u64,
    /// The runs that launched them, as far as tags and ledger tell.
    runs: BTreeSet<String>,
    /// The number that an extension begins with.
    next: u32,
}

/// Looks for them: in the compartment, and in the ledger, since lists lag behind launches. Those that are gone do not count.
///
/// # Errors
/// When the compartment cannot be listed, unless that is not allowed: then what the ledger knows has to do.
pub async fn find(
    client: &Client,
    store: Option<&Arc<dyn Store>>,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<Option<Namesakes>, CommandError> {
    let taken = match fleet::taken(client, fleet).await {
        Ok(taken) => taken,
        Err(failure) if failure.class == FailureClass::NotFound => {
            console::line(&format!(
                "warning: it is unknown whether instances named {}-* exist: you may not list the compartment",
                clean(&fleet.name_prefix)
            ));
            fleet::TakenNames::default()
        }
        Err(failure) => return Err(failure.into()),
    };
    let mut living = u64::from(taken.living);
    let mut runs = taken.runs;
    let mut highest = taken.highest;
    if let Some(store) = store {
        for (ocid, run) in launched_lately(store, fleet, origin).await? {
            if !taken.ocids.contains(&ocid) {
                living += 1;
                runs.insert(run.to_string());
            }
        }
        highest = highest.max(highest_known(store, fleet).await?);
    }
    let prefix = fleet.name_prefix.clone();
    Ok((living > 0).then(|| Namesakes { prefix, living, runs, next: highest.saturating_add(1) }))
}

/// Says what would stand in the way of a launch, for one that only shows what it would do.
pub async fn warn(
    args: &LaunchArgs,
    client: &Client,
    store: Option<&Arc<dyn Store>>,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) {
    if args.extend || args.new || args.simulate.is_some() {
        return;
    }
    let client = client.with_retry(RetryPolicy::never());
    let look = tokio::time::timeout(BRIEF, find(&client, store, fleet, origin));
    // The launch checks what cannot be checked now.
    if let Ok(Ok(Some(found))) = look.await {
        console::line(&format!(
            "warning: a launch would stop here: {} ({})",
            found.describe(),
            found.remedy()
        ));
    }
}

impl Namesakes {
    /// What there is.
    pub fn describe(&self) -> String {
        let runs: Vec<&str> = self.runs.iter().map(String::as_str).collect();
        let runs = match runs.as_slice() {
            [] => String::new(),
            [run] => format!(" (run {})", clean(run)),
            [first, rest @ ..] => format!(" (run {} and {} more)", clean(first), rest.len()),
        };
        let exist = if self.living == 1 { "exists" } else { "exist" };
        format!("{} named {}-* {exist}{runs}", count(self.living, "living instance"), clean(&self.prefix))
    }

    /// What can be meant.
    pub fn remedy(&self) -> String {
        format!(
            "`launch --extend` continues at {}-{}; `launch --new` creates a second fleet with the same names",
            clean(&self.prefix),
            self.next
        )
    }

    /// Asks which one to use, if there is a terminal.
    ///
    /// # Errors
    /// When nobody can be asked, or the answer is neither.
    pub async fn settle(&self, asks: bool, stop: &CancellationToken) -> Result<Meant, CommandError> {
        if !asks {
            return Err(CommandError::usage(self.describe(), self.remedy()));
        }
        console::line(&self.describe());
        let question = format!(
            "[e]xtend them from {}-{}, start a [n]ew fleet with the same names, or [c]ancel? [e/n/C]",
            clean(&self.prefix),
            self.next
        );
        match console::ask_text(&question, stop).await?.trim().to_ascii_lowercase().as_str() {
            "e" | "extend" => Ok(Meant::Extend),
            "n" | "new" => Ok(Meant::New),
            _ => Err(CommandError::Declined),
        }
    }
}

/// The number of the first name of an extension: above all that the compartment shows, and above those of our own runs.
pub async fn next_number(
    client: &Client,
    store: Option<&Arc<dyn Store>>,
    fleet: &FleetSpec,
) -> Result<u32, CommandError> {
    let listed = fleet::taken(client, fleet).await?.highest;
    let known = match store {
        Some(store) => highest_known(store, fleet).await?,
        None => 0,
    };
    Ok(listed.max(known).saturating_add(1))
}

/// The instances of the same names in the same place that runs have made lately, each with its run: lists may not show
/// them yet.
async fn launched_lately(
    store: &Arc<dyn Store>,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<BTreeMap<String, RunId>, CommandError> {
    let now = SystemClock.now();
    let mut launched = BTreeMap::new();
    let mut ended = BTreeSet::new();
    for head in store.runs().await? {
        if now.duration_since(head.last_at) >= RECENT {
            continue;
        }
        if matches!(head.kind, Some(RunKind::Terminate | RunKind::Cleanup)) {
            let records = store.records(head.run).await?.records;
            ended.extend(records.into_iter().filter_map(|record| match record.event {
                Event::ActionAccepted { ocid, .. } | Event::ActionDone { ocid, .. } => Some(ocid),
                _ => None,
            }));
        }
        if head.kind != Some(RunKind::Launch) {
            continue;
        }
        let Ok((state, plan)) = past::of_run(store, head.run).await else { continue };
        if earlier::is_of(&plan, fleet) && earlier::same_place(plan.origin.as_ref(), origin) {
            let ocids = state
                .slots
                .values()
                .filter(|slot| slot.phase != Phase::GivenBack)
                .filter_map(|slot| slot.ocid.clone());
            launched.extend(ocids.map(|ocid| (ocid, head.run)));
        }
    }
    // A list that does not show them is right: they were terminated.
    launched.retain(|ocid, _| !ended.contains(ocid));
    Ok(launched)
}

/// The highest number that names of the fleet hold by the ledger: what runs have just made may not be listed yet, and an
/// unfinished one will go on with its names.
async fn highest_known(store: &Arc<dyn Store>, fleet: &FleetSpec) -> Result<u32, CommandError> {
    let now = SystemClock.now();
    let mut highest = 0;
    for head in store.runs().await? {
        let recent = now.duration_since(head.last_at) < RECENT;
        if head.kind != Some(RunKind::Launch) || !(recent || head.held || head.unfinished()) {
            continue;
        }
        let Ok((state, plan)) = past::of_run(store, head.run).await else { continue };
        if earlier::is_of(&plan, fleet) {
            let goes_on = head.held || (head.unfinished() && earlier::has_made(&state));
            highest = highest.max(fleet::highest_of_run(&state, &plan, goes_on));
        }
    }
    Ok(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_there_and_what_can_be_meant_is_told() {
        let runs = |runs: &[&str]| runs.iter().map(|run| (*run).to_owned()).collect();
        let mut found = Namesakes { prefix: "web".to_owned(), living: 12, runs: runs(&["r1"]), next: 13 };
        assert_eq!(found.describe(), "12 living instances named web-* exist (run r1)");
        assert!(found.remedy().starts_with("`launch --extend` continues at web-13; "), "{}", found.remedy());
        (found.living, found.runs) = (1, runs(&["r1", "r2", "r3"]));
        assert_eq!(found.describe(), "1 living instance named web-* exists (run r1 and 2 more)");
    }
}
