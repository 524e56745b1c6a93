//! Gives the members of pools to slots, and follows them until they run.

use super::super::adopt::is_dead;
use super::super::context::Halted;
use super::Pools;
use crate::engine::cloud;
use crate::engine::failure::own_error;
use crate::engine::pacer::Class;
use crate::pool::{self, PoolMember};
use ledger::{EnginePart, ErrorClass, ErrorRecord, Event, Next, Phase, SlotNumber};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::FailureClass;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

impl Pools<'_> {
    /// Reads the pools and, if it is time, their members. Returns whether anything has changed.
    pub(super) async fn look(&mut self) -> Result<bool, Halted> {
        let (mut running, mut settled) = (0, true);
        let pools = self.existing();
        for (number, ocid) in &pools {
            let read = self.context.pacer.call(Class::Read, pool::pool(&self.client, ocid));
            match self.context.ask(read).await? {
                Ok((state, _, _)) if !pool::lives(&state) => self.gone(ocid).await,
                Ok((state, size, now)) => {
                    self.check_size(*number, ocid, size).await;
                    let has = self.now.get(ocid).map_or(0, |(_, has)| *has);
                    self.now.insert(ocid.clone(), (size, has));
                    running += now;
                    settled &= state == "RUNNING";
                }
                Err(failure) if failure.class == FailureClass::Authentication => {
                    self.failed(&failure);
                    return Err(Halted);
                }
                // The next look may succeed.
                Err(_) => settled = false,
            }
        }
        if !self.lists_now(running, settled) {
            return Ok(false);
        }
        let compartment = &self.context.plan.fleet.compartment;
        let mut members = BTreeMap::new();
        for (_, ocid) in &pools {
            let listing = pool::members(&self.client, compartment, ocid);
            let listing = self.context.pacer.call(Class::Read, listing);
            let Ok(listed) = self.context.ask(listing).await? else { return Ok(false) };
            if let Some(known) = self.now.get_mut(ocid) {
                known.1 = count(&listed);
            }
            for (place, member) in listed.into_iter().enumerate() {
                members.insert((member.created, place, member.ocid.clone()), member);
            }
        }
        self.listed = Some(Instant::now());
        self.running = running;
        let members: Vec<PoolMember> = members.into_values().collect();
        let changed = self.give_out(&members).await;
        Ok(self.check_missing(&members).await? || changed)
    }

    /// Tells a size that this run has not set: somebody changed it, or OCI gave up.
    async fn check_size(&mut self, number: u32, ocid: &str, size: u32) {
        let known = self.context.journal.state(|state| state.engine.part(EnginePart::InstancePool, number));
        // A pool that the fleet had keeps its size until the run sets one.
        let as_set = known.size == 0 || known.size == size;
        if known.resizing || as_set || self.sizes.insert(ocid.to_owned(), size) == Some(size) {
            return;
        }
        let message = format!(
            "instance pool {ocid} has the size {size}, and this run asked for {}: OCI gave up, or somebody changed it",
            known.size
        );
        if size < known.size {
            let error = own_error(ErrorClass::Changed, "SizeChanged", &message);
            self.shortage.get_or_insert(error);
        }
        self.context.journal.record(vec![Event::Warning { message }]).await;
    }

    /// Records what is new about known members, and gives slots to new ones, oldest first.
    async fn give_out(&mut self, members: &[PoolMember]) -> bool {
        let fleet = &self.context.plan.fleet;
        let (mut events, mut launched) = (Vec::new(), 0);
        self.context.journal.state(|state| {
            let others: BTreeSet<&str> =
                state.engine.parts.values().flat_map(|part| &part.members).map(String::as_str).collect();
            let owners: BTreeMap<&str, SlotNumber> = state
                .slots
                .iter()
                .filter_map(|(slot, known)| Some((known.ocid.as_deref()?, *slot)))
                .collect();
            let gone: BTreeSet<&str> =
                state.slots.values().flat_map(|slot| &slot.gone).map(String::as_str).collect();
            let mut free = state.remaining().filter_map(|(slot, next)| match next {
                Next::Launch { attempt } => Some((slot, attempt)),
                _ => None,
            });
            for member in members {
                if let Some(slot) = owners.get(member.ocid.as_str()) {
                    let known = state.slot(*slot);
                    follow(*slot, member, known.phase, known.state.as_deref(), &mut events);
                } else if !others.contains(member.ocid.as_str())
                    && !gone.contains(member.ocid.as_str())
                    && !is_dead(&member.state)
                    && let Some((slot, attempt)) = free.next()
                {
                    launched += 1;
                    events.push(Event::Launched {
                        slot,
                        attempt,
                        ocid: member.ocid.clone(),
                        name: member.name.clone(),
                        state: member.state.to_string(),
                        placement: fleet
                            .pool_placement(&member.availability_domain, member.fault_domain.clone()),
                        work_request: None,
                        adopted: false,
                        differs: None,
                    });
                    follow(slot, member, Phase::Launched, Some(member.state.as_str()), &mut events);
                }
            }
        });
        if launched > 0 {
            self.progress = Instant::now();
        }
        let changed = !events.is_empty();
        self.context.journal.record_and_see(events).await;
        changed
    }

    /// Reads the members of slots that no pool lists: they were terminated or detached by somebody else, or a list lags.
    async fn check_missing(&mut self, members: &[PoolMember]) -> Result<bool, Halted> {
        let listed: BTreeSet<&str> = members.iter().map(|member| member.ocid.as_str()).collect();
        let missing: Vec<(SlotNumber, String)> = self.context.journal.state(|state| {
            let with = state.slots.iter().filter_map(|(slot, known)| Some((*slot, known.ocid.clone()?)));
            with.filter(|(_, ocid)| !listed.contains(ocid.as_str())).collect()
        });
        let mut changed = false;
        for (slot, ocid) in missing {
            if self.detached.contains(&ocid) {
                continue;
            }
            let get = self.context.pacer.call(Class::Read, cloud::get(&self.context.env.client, &ocid));
            // One that is not found may be listed late; a later look tells.
            let Ok(instance) = self.context.ask(get).await? else { continue };
            changed = true;
            if is_dead(&instance.lifecycle_state) {
                let died = Event::InstanceDied { slot, ocid: ocid.clone(), error: ended(&ocid) };
                self.context.journal.record_and_see(vec![died]).await;
                continue;
            }
            let message =
                format!("{ocid} has left its pool and is {}: somebody detached it", instance.lifecycle_state);
            let running = (instance.lifecycle_state == State::Running
                && self.context.journal.state(|state| state.slot(slot).phase == Phase::Launched))
            .then(|| Event::Running { slot, ocid: ocid.clone() });
            self.detached.insert(ocid);
            let events = running.into_iter().chain([Event::Warning { message }]);
            self.context.journal.record_and_see(events.collect()).await;
        }
        Ok(changed)
    }
}

/// How many members exist and are not terminating.
pub(super) fn count(members: &[PoolMember]) -> u32 {
    let staying = members.iter().filter(|member| !is_dead(&member.state));
    u32::try_from(staying.count()).unwrap_or(u32::MAX)
}

/// What is new about the member of a slot.
fn follow(slot: SlotNumber, member: &PoolMember, phase: Phase, seen: Option<&str>, events: &mut Vec<Event>) {
    let ocid = member.ocid.clone();
    if is_dead(&member.state) {
        events.push(Event::InstanceDied { slot, error: ended(&ocid), ocid });
    } else if member.state == State::Running && phase == Phase::Launched {
        events.push(Event::Running { slot, ocid });
    } else if seen != Some(member.state.as_str()) && member.state != State::Running {
        let state = member.state.to_string();
        events.push(Event::StateSeen { slot, ocid, state, fault_domain: member.fault_domain.clone() });
    }
}

/// Why the slot of a member is free again.
fn ended(ocid: &str) -> ErrorRecord {
    own_error(
        ErrorClass::Gone,
        "InstanceGone",
        &format!("{ocid} was terminated; its pool launches another member"),
    )
}
