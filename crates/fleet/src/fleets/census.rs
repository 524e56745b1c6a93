//! Counts the present members of a fleet: the compartment's list filtered by the fleet's tag, corrected by the ledger.
//!
//! Lists lag behind launches and terminations. Recently launched or ended instances about which the list and the ledger
//! disagree are therefore read individually, and the census waits where the service cannot tell yet, because it would otherwise
//! lead to a fleet of the wrong size.

use super::identity::{FleetKey, of_fleet};
use super::unlisted::{UnlistedMember, in_unlisted_regions};
use crate::cleanup::expiry;
use crate::engine::env::Environment;
use crate::launch::LONGEST_LAG;
use crate::plan::{Across, FLEET_TAG, FleetSpec, RUN_TAG, SpreadDomain, number_in};
use crate::query::select::{Machine, Texts};
use crate::tuning::{CENSUS_PAUSE, LISTS_CATCH_UP, MAY_BE_UNSEEN};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunHead, RunId, RunKind, RunState};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::services::compute::InstanceFilter;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet};

/// Up to this many instances are read individually; for more, the list is read again later.
const FEW: usize = 50;
/// The maximum number of requests in flight.
const AT_ONCE: usize = 8;
/// The number of list reads while too many instances are uncertain.
const LOOKS: u32 = LONGEST_LAG.as_secs().div_ceil(CENSUS_PAUSE.as_secs()) as u32;

/// A member of a fleet: it exists and is not terminating.
#[derive(Clone, Debug, PartialEq)]
pub struct FleetMember {
    /// The instance.
    pub machine: Machine,
    /// The number in its name, if its name still belongs to the fleet.
    pub number: Option<u32>,
    /// Whether its launch was given up before it ran.
    pub never_ran: bool,
}

impl FleetMember {
    /// Its domain in a spread.
    pub(super) fn domain(&self, across: Across) -> SpreadDomain {
        across.domain(&self.machine.availability_domain, self.machine.fault_domain.as_deref())
    }
}

/// The present state of a fleet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Census {
    /// Its members.
    pub members: Vec<FleetMember>,
    /// Instances of this program with names of the fleet that belong to no fleet, for example those of older runs.
    pub candidates: Vec<Machine>,
    /// Every number that a name of the fleet has in the compartment, whatever fleet the instance belongs to.
    pub numbers: BTreeSet<u32>,
    /// The expiry of the last listed instance of each number, existing or not, from its tag; `None` if it has no such tag.
    pub expires: BTreeMap<u32, Option<Timestamp>>,
    /// Instances of the compartment that are still listed but terminated or terminating.
    pub ended: BTreeSet<String>,
    /// Unfinished launches of the fleet without a process.
    pub unfinished: Vec<RunId>,
    /// How many instances these launches may have created without a record.
    pub in_doubt: u32,
    /// Runs of the fleet on which a process is working.
    pub at_work: Vec<RunId>,
    /// When the list was asked for that shows the members. Until its response came, this machine may have slept.
    pub asked: Timestamp,
    /// What recent runs launched in regions that the fleet does not list. These instances are not counted.
    pub unlisted: Vec<UnlistedMember>,
}

/// Why a fleet could not be counted.
#[derive(Debug, thiserror::Error)]
pub enum CensusError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The service did not respond, and a part of the list would be a guess.
    #[error(transparent)]
    Failure(#[from] Box<Failure>),
    /// One of several regions did not respond. The members in the others say nothing about those in it.
    #[error("the members in {region} cannot be listed: {failure}")]
    Region {
        /// The region.
        region: String,
        /// Why not.
        failure: Box<Failure>,
    },
}

impl CensusError {
    /// Whether the login was refused.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Failure(failure) | Self::Region { failure, .. } => {
                failure.class == FailureClass::Authentication
            }
            Self::Ledger(_) => false,
        }
    }
}

impl Census {
    /// The number of members.
    pub fn count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }
}

/// What the ledger knows about a fleet.
#[derive(Default)]
struct FleetPast {
    /// Instances that runs of the fleet created recently, with the time.
    launched: BTreeMap<String, Timestamp>,
    /// Instances that runs ended, or may have ended, recently.
    ended: BTreeSet<String>,
    unfinished: Vec<RunId>,
    in_doubt: u32,
    at_work: Vec<RunId>,
    unlisted: Vec<UnlistedMember>,
}

/// Counts the members of a fleet. Waits if the service cannot tell yet whether an instance exists.
///
/// # Errors
/// When the ledger, or the compartment in any region of the fleet, cannot be read to the end: a part of the members would look
/// lost.
pub async fn take_census(
    env: &Environment,
    fleet: &FleetSpec,
    key: &FleetKey,
) -> Result<Census, CensusError> {
    let past = read_past(env, fleet, key).await?;
    let mut looks = 0;
    loop {
        looks += 1;
        let asked = env.clock.now();
        let mut listed = list(env, fleet).await?;
        let unlisted = past.launched.keys().filter(|ocid| !listed.contains_key(*ocid));
        let is_living = |ocid: &&String| listed.get(*ocid).is_some_and(is_living);
        let ask: Vec<String> = unlisted.chain(past.ended.iter().filter(is_living)).cloned().collect();
        let wait = if ask.len() > FEW && looks <= LOOKS {
            true
        } else {
            !settle(env, &past, ask, &mut listed, (asked, looks > LOOKS)).await?
        };
        if !wait {
            let census = count(env, fleet, key, past, listed).await?;
            return Ok(Census { asked, ..census });
        }
        tokio::time::sleep(CENSUS_PAUSE).await;
    }
}

/// The instances of the compartment in each region of the fleet.
async fn list(env: &Environment, fleet: &FleetSpec) -> Result<BTreeMap<String, Machine>, CensusError> {
    let mut listed = BTreeMap::new();
    list_at(&env.client.at(None), &fleet.compartment, &mut listed).await.map_err(|failure| {
        // With one region, its name says nothing.
        if fleet.regions.is_empty() { failure.into() } else { in_region(&fleet.region, failure) }
    })?;
    for region in &fleet.regions {
        let client = env.client.at(Some(&region.region));
        let read = list_at(&client, &region.compartment, &mut listed).await;
        read.map_err(|failure| in_region(&region.region, failure))?;
    }
    Ok(listed)
}

async fn list_at(
    client: &Client,
    compartment: &str,
    listed: &mut BTreeMap<String, Machine>,
) -> Result<(), Box<Failure>> {
    let mut pages = std::pin::pin!(client.instance_pages(&InstanceFilter::in_compartment(compartment)));
    let mut texts = Texts::default();
    while let Some(page) = pages.try_next().await.map_err(Box::new)? {
        let machines = page.value.into_iter().map(|instance| Machine::of(instance, &mut texts));
        listed.extend(machines.map(|machine| (machine.ocid.clone(), machine)));
    }
    Ok(())
}

fn in_region(region: &str, failure: Box<Failure>) -> CensusError {
    CensusError::Region { region: region.to_owned(), failure }
}

/// Reads each instance about which list and ledger disagree. Returns `false` if one of them is still uncertain. The list was
/// `asked` for at this time; an instance that it shows alive after it must have `caught_up` is alive, whatever a single
/// response says.
async fn settle(
    env: &Environment,
    past: &FleetPast,
    ask: Vec<String>,
    listed: &mut BTreeMap<String, Machine>,
    (asked, caught_up): (Timestamp, bool),
) -> Result<bool, CensusError> {
    let answers: Vec<_> = stream::iter(ask)
        .map(|ocid| async move {
            let answer = env.client.get_instance(&ocid).await;
            (ocid, answer)
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut all_known = true;
    for (ocid, answer) in answers {
        match answer {
            Ok(answered) => {
                listed.insert(ocid, Machine::from(answered.value));
            }
            Err(failure) if failure.class == FailureClass::NotFound => {
                let made = past.launched.get(&ocid);
                let young = made.is_some_and(|made| asked.duration_since(*made) < MAY_BE_UNSEEN);
                let alive = listed.get(&ocid).is_some_and(is_living);
                // "Not found" alone proves nothing, because it can temporarily be returned for an existing instance.
                all_known &= if alive { caught_up } else { !young || past.ended.contains(&ocid) };
            }
            Err(failure) => return Err(Box::new(failure).into()),
        }
    }
    Ok(all_known)
}

async fn read_past(env: &Environment, fleet: &FleetSpec, key: &FleetKey) -> Result<FleetPast, LedgerError> {
    let now = env.clock.now();
    let mut past = FleetPast::default();
    for head in env.store.runs().await? {
        let recent = now.duration_since(head.last_at) < LISTS_CATCH_UP;
        match head.kind {
            Some(RunKind::Terminate | RunKind::Cleanup) if recent => {
                let records = env.store.records(head.run).await?.records;
                past.ended.extend(records.into_iter().filter_map(|record| match record.event {
                    Event::ActionIntended { ocid, .. }
                    | Event::ActionAccepted { ocid, .. }
                    | Event::ActionDone { ocid, .. } => Some(ocid),
                    _ => None,
                }));
            }
            Some(RunKind::Launch) if recent || head.held || head.unfinished() => {
                if let Some((state, _)) = of_fleet(&*env.store, head.run, key).await? {
                    past.launch(&head, &state, fleet);
                }
            }
            _ => {}
        }
    }
    Ok(past)
}

impl FleetPast {
    fn launch(&mut self, head: &RunHead, state: &RunState, fleet: &FleetSpec) {
        if head.held {
            self.at_work.push(head.run);
        } else if head.unfinished() {
            self.unfinished.push(head.run);
            self.in_doubt += state.counts.unsettled;
        }
        self.unlisted.extend(in_unlisted_regions(state, fleet));
        for slot in state.slots.values() {
            let made = slot.launched_at.unwrap_or(head.created_at);
            let region = slot.placement.as_ref().and_then(|placement| placement.region.as_deref());
            // A region that the config does not list cannot be asked.
            let ocid = slot.ocid.clone().filter(|_| fleet.lists(region));
            self.launched.extend(ocid.map(|ocid| (ocid, made)));
            // Instances that were terminated before they ran, and instances that were rolled back.
            self.ended.extend(slot.gone.iter().cloned());
        }
    }
}

/// Whether an instance exists and is not terminating.
fn is_living(machine: &Machine) -> bool {
    !matches!(machine.state, State::Terminated | State::Terminating)
}

async fn count(
    env: &Environment,
    fleet: &FleetSpec,
    key: &FleetKey,
    past: FleetPast,
    listed: BTreeMap<String, Machine>,
) -> Result<Census, CensusError> {
    let mut census = Census {
        unfinished: past.unfinished,
        in_doubt: past.in_doubt,
        at_work: past.at_work,
        unlisted: past.unlisted,
        ..Census::default()
    };
    let mut runs = Runs { env, key, known: BTreeMap::new() };
    census.expires = expiries(fleet, key, listed.values());
    for machine in listed.into_values() {
        if !is_living(&machine) {
            census.ended.insert(machine.ocid);
            continue;
        }
        let number = number_in(fleet, &machine.name);
        census.numbers.extend(number);
        let is_ours = match machine.tags.get(FLEET_TAG) {
            Some(name) => name == key.name,
            // The config leaves no space for the tag, or did not when the instance was launched: the run tells the fleet.
            None => runs.of(&machine).await?.is_some_and(|of| !of.tags || fleet.tagged_name().is_none()),
        };
        if is_ours {
            let never_ran = runs.never_ran(&machine).await?;
            census.members.push(FleetMember { machine, number, never_ran });
        } else if number.is_some()
            && machine.tags.get(FLEET_TAG).is_none()
            && machine.tags.get(RUN_TAG).is_some()
        {
            census.candidates.push(machine);
        }
    }
    census.members.sort_by(|a, b| (a.number, &a.machine.ocid).cmp(&(b.number, &b.machine.ocid)));
    Ok(census)
}

/// When the newest instance of each number of the fleet expires.
fn expiries<'a>(
    fleet: &FleetSpec,
    key: &FleetKey,
    machines: impl Iterator<Item = &'a Machine>,
) -> BTreeMap<u32, Option<Timestamp>> {
    let ours = machines.filter(|machine| machine.tags.get(FLEET_TAG) == Some(key.name.as_str()));
    let mut dated: Vec<_> = ours
        .filter_map(|machine| Some((machine.created, number_in(fleet, &machine.name)?, expiry(machine))))
        .collect();
    dated.sort_unstable();
    dated.into_iter().map(|(_, number, expiry)| (number, expiry)).collect()
}

/// The runs that instances name in their tags, each read once.
struct Runs<'a> {
    env: &'a Environment,
    key: &'a FleetKey,
    known: BTreeMap<RunId, Option<RunOfFleet>>,
}

/// A run of the fleet.
struct RunOfFleet {
    state: RunState,
    /// Whether its instances received the tag of the fleet, or could have: instances of runs from before the tag are only
    /// adopted.
    tags: bool,
}

impl Runs<'_> {
    /// The run of the fleet that launched an instance.
    async fn of(&mut self, machine: &Machine) -> Result<Option<&RunOfFleet>, LedgerError> {
        let Some(run) = machine.tags.get(RUN_TAG).and_then(|run| run.parse().ok()) else { return Ok(None) };
        if !self.known.contains_key(&run) {
            let state = match of_fleet(&*self.env.store, run, self.key).await {
                Ok(found) => found.map(|(state, plan)| {
                    let tags = plan.fleet.name.is_empty() || plan.fleet.tagged_name().is_some();
                    RunOfFleet { state, tags }
                }),
                // A run of another machine.
                Err(LedgerError::UnknownRun { .. }) => None,
                Err(error) => return Err(error),
            };
            self.known.insert(run, state);
        }
        Ok(self.known.get(&run).and_then(Option::as_ref))
    }

    /// Whether an instance does not run yet and its run no longer waits for it.
    async fn never_ran(&mut self, machine: &Machine) -> Result<bool, LedgerError> {
        if !matches!(machine.state, State::Provisioning | State::Starting) {
            return Ok(false);
        }
        let Some(run) = self.of(machine).await? else { return Ok(false) };
        let slot = run.state.slots.values().find(|slot| slot.ocid.as_deref() == Some(&*machine.ocid));
        Ok(slot.is_some_and(|slot| slot.running_at.is_none() && slot.wait_ended))
    }
}
