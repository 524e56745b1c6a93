//! One poll: how the instances are read, and what each response means.

use super::super::{adopt, context::Halted, termination, watch_table::Watched};
use super::{LIST_AGAIN, LOOK_AT_ALL, LOST_AFTER, SCOUTS, Watcher, look::PollKind};
use crate::engine::{
    cloud,
    pacer::Class,
    poll::{ListPoll, Observation, PagesRead, Until},
};
use ledger::{ErrorClass, ErrorRecord, Event};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Call, Failure, FailureClass};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;

/// The maximum number of events that are written at once, so that they and their records need not be in memory several times
/// when thousands of instances run at the same time.
const AT_ONCE: usize = 512;

/// The result of a poll.
#[derive(Default)]
pub(super) struct PollResult {
    /// Instances that were found, by OCID.
    met: BTreeMap<Arc<str>, Observation>,
    /// Instances that a GET does not know, sorted.
    unknown: Vec<Arc<str>>,
    /// What the list says about those, if it was read.
    list: List,
}

/// The outcome of a request for the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum List {
    #[default]
    Unread,
    /// It was read to the end, or until all were found. What it does not show is missing since no later than it was asked for:
    /// until the response came, this machine may have slept.
    Read {
        asked: Instant,
    },
    Refused,
}

impl Watcher<'_> {
    /// Reads the states of what is watched. A failure leaves the rest for the next poll.
    pub(super) async fn look(&mut self) -> PollResult {
        let (look, wanted) = self.wanted();
        let mut seen = PollResult::default();
        let missing = match look {
            PollKind::OneByOne | PollKind::Scouts => wanted,
            // What is not in this list may be in any other state.
            PollKind::Running { at_most } => match self.read_running(&wanted, at_most, &mut seen).await {
                Ok(List::Refused) => wanted,
                Ok(List::Read { .. } | List::Unread) | Err(Halted) => return seen,
            },
            PollKind::All => match self.read_list(&wanted, &mut seen).await {
                Ok(List::Read { .. }) => {
                    wanted.into_iter().filter(|ocid| !seen.met.contains_key(ocid)).collect()
                }
                Ok(List::Refused) => wanted,
                Ok(List::Unread) | Err(Halted) => return seen,
            },
        };
        let mut failures = 0;
        for ocid in missing {
            let Ok(answer) = self.context.ask(self.get(&ocid)).await else { break };
            match answer {
                Ok(instance) => {
                    seen.met.insert(ocid, instance);
                }
                Err(failure) if failure.class == FailureClass::NotFound => seen.unknown.push(ocid),
                Err(failure) => {
                    self.poll_failed(&failure).await;
                    // A single instance may cause the failure and must not hide the others; a failing service is left alone.
                    failures += 1;
                    if failures == 3 {
                        break;
                    }
                }
            }
        }
        self.look_before_lost(&mut seen).await;
        seen
    }

    /// A GET that does not know an instance is no proof, because a policy may hide it. Before an instance is called lost, the
    /// list is read for all unknown instances: more of them may reach the age for that meanwhile. A list that was asked for before
    /// they had the age is read again.
    async fn look_before_lost(&mut self, seen: &mut PollResult) {
        let asked = match seen.list {
            List::Unread => None,
            List::Read { asked } => Some(asked),
            List::Refused => return,
        };
        let now = Instant::now();
        let unproven =
            |watched: &Watched| watched.is_lost(now) && asked.is_none_or(|asked| !watched.is_lost(asked));
        let any_unproven = {
            let table = self.context.watch.lock();
            seen.unknown.iter().any(|ocid| table.get(ocid).is_some_and(unproven))
        };
        if !any_unproven {
            return;
        }
        let unknown = seen.unknown.clone();
        // When halted, it returns nothing, and nothing follows.
        if self.read_list(&unknown, seen).await.is_ok() {
            let PollResult { met, unknown, .. } = seen;
            unknown.retain(|ocid| !met.contains_key(ocid));
        }
    }

    /// How to read, and the OCIDs to read, sorted.
    fn wanted(&mut self) -> (PollKind, Vec<Arc<str>>) {
        let table = self.context.watch.lock();
        let full = self.saw_all_at.elapsed() >= LOOK_AT_ALL;
        let refused = self.list_refused.is_some_and(|at| at.elapsed() < LIST_AGAIN);
        let look = self.lists.next(table.len(), !self.one_ran, full);
        let look = match look {
            PollKind::All | PollKind::Running { .. } if refused && (full || self.one_ran) => {
                PollKind::OneByOne
            }
            PollKind::All | PollKind::Running { .. } if refused => PollKind::Scouts,
            look => look,
        };
        if look != PollKind::Scouts {
            if !matches!(look, PollKind::Running { .. }) {
                self.saw_all_at = Instant::now();
            }
            return (look, table.keys().cloned().collect());
        }
        let mut oldest: Vec<(Instant, &Arc<str>)> =
            table.iter().map(|(ocid, watched)| (watched.since, ocid)).collect();
        oldest.sort_unstable();
        let mut scouts: Vec<Arc<str>> =
            oldest.into_iter().take(SCOUTS).map(|(_, ocid)| Arc::clone(ocid)).collect();
        scouts.sort_unstable();
        (look, scouts)
    }

    async fn get(&self, ocid: &str) -> Result<Observation, Failure> {
        let question = cloud::get(&self.context.env.client, ocid);
        let answer = self.context.pacer.call(Class::Read, question).await;
        answer.map(Observation::from)
    }

    /// Reads the list of all states until every wanted instance was found, and reports a failure.
    async fn read_list(&mut self, wanted: &[Arc<str>], seen: &mut PollResult) -> Result<List, Halted> {
        let list = cloud::poll(&self.context.plan.fleet.compartment);
        let (outcome, read) = self.read_pages(list, wanted, Until::AllMet, seen).await?;
        seen.list = outcome;
        if let Some(read) = read {
            self.lists.all_read(read.pages);
        }
        Ok(outcome)
    }

    /// Reads the list of those that run. `List::Read` says nothing about those that it does not show.
    async fn read_running(
        &mut self,
        wanted: &[Arc<str>],
        at_most: usize,
        seen: &mut PollResult,
    ) -> Result<List, Halted> {
        let list = cloud::poll_in(&self.context.plan.fleet.compartment, &State::Running);
        let (outcome, read) = self.read_pages(list, wanted, Until::Pages(at_most), seen).await?;
        if let Some(read) = read {
            self.lists.running_read(read.rows, read.ended);
        }
        Ok(outcome)
    }

    /// Reads pages of a list, and reports a failure.
    async fn read_pages(
        &mut self,
        list: Call,
        wanted: &[Arc<str>],
        until: Until,
        seen: &mut PollResult,
    ) -> Result<(List, Option<PagesRead>), Halted> {
        let context = self.context;
        let (client, pacer, asked) = (&context.env.client, Some(&context.pacer), Instant::now());
        let poll = ListPoll { client, pacer, list, wanted, until };
        match context.ask(poll.read(&mut seen.met)).await? {
            Ok(read) => {
                self.list_refused = None;
                Ok((List::Read { asked }, Some(read)))
            }
            Err(failure) => {
                self.poll_failed(&failure).await;
                let refused = failure.class == FailureClass::NotFound;
                if refused {
                    self.list_refused = Some(Instant::now());
                }
                Ok((if refused { List::Refused } else { List::Unread }, None))
            }
        }
    }

    /// Records the result of the poll. Returns whether anything has changed.
    ///
    /// An instance leaves the table after its events are written and its slot was sent back, because an empty table may end the
    /// run.
    pub(super) async fn settle(&mut self, seen: PollResult) -> bool {
        let mut events = Vec::new();
        let mut over = Vec::new();
        let mut dead = Vec::new();
        let now = Instant::now();
        {
            let mut table = self.context.watch.lock();
            for (ocid, instance) in seen.met {
                let Some(watched) = table.get_mut(&ocid) else { continue };
                watched.missing_since = None;
                if instance.lifecycle_state == State::Running {
                    let took = watched.since.elapsed();
                    self.quickest = Some(self.quickest.map_or(took, |least| least.min(took)));
                }
                if !observe(watched, &ocid, &instance, &mut events) {
                    continue;
                }
                if adopt::is_dead(&instance.lifecycle_state) {
                    dead.push((ocid, watched.clone(), false));
                } else {
                    over.push(ocid);
                }
            }
            for ocid in seen.unknown {
                let Some(watched) = table.get_mut(&ocid) else { continue };
                watched.missing_since.get_or_insert(now);
                match seen.list {
                    List::Read { asked } if watched.is_lost(asked) => {
                        dead.push((ocid, watched.clone(), true));
                    }
                    List::Refused if watched.is_lost(now) => {
                        let (slot, state) = (watched.slot, watched.state.to_string());
                        let error = Some(hidden_error(&ocid));
                        events.push(Event::WaitEnded { slot, ocid: ocid.as_ref().into(), state, error });
                        over.push(ocid);
                    }
                    // A failed list says nothing.
                    _ => {}
                }
            }
        }
        let changed = !events.is_empty() || !dead.is_empty();
        self.one_ran |= events.iter().any(|event| matches!(event, Event::Running { .. }));
        let mut events = events.into_iter();
        loop {
            let some: Vec<Event> = events.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                break;
            }
            self.context.journal.record(some).await;
        }
        for (ocid, watched, lost) in dead {
            let (class, error) = if lost {
                (FailureClass::NotFound, lost_error(&ocid))
            } else {
                let work_request =
                    self.context.journal.state(|state| state.slot(watched.slot).work_request.clone());
                termination::cause(self.context, &ocid, work_request.as_deref()).await
            };
            self.died(ocid.as_ref().into(), watched.slot, class, error).await;
            over.push(ocid);
        }
        let mut table = self.context.watch.lock();
        for ocid in over {
            table.remove(&ocid);
        }
        changed
    }
}

impl Watched {
    /// Whether it had been missing for so long by then that it is lost, unless a list that was asked for then shows it.
    fn is_lost(&self, at: Instant) -> bool {
        self.missing_since.is_some_and(|since| at.saturating_duration_since(since) >= LOST_AFTER)
    }
}

/// Applies the current state of an instance. Returns whether the wait for it is over.
fn observe(watched: &mut Watched, ocid: &str, instance: &Observation, events: &mut Vec<Event>) -> bool {
    let slot = watched.slot;
    let state = &instance.lifecycle_state;
    let placed = instance.fault_domain.is_some() && instance.fault_domain != watched.fault_domain;
    if placed {
        watched.fault_domain.clone_from(&instance.fault_domain);
    }
    if *state != watched.state || placed {
        watched.state.clone_from(state);
        // RUNNING has its own event; this one is for a fault domain that comes with it.
        if *state != State::Running || placed {
            let (ocid, state) = (ocid.to_owned(), state.to_string());
            let fault_domain = instance.fault_domain.clone().map(Into::into);
            events.push(Event::StateSeen { slot, ocid, state, fault_domain });
        }
    }
    match state {
        State::Running => {
            events.push(Event::Running { slot, ocid: ocid.to_owned() });
            true
        }
        State::Terminating | State::Terminated => true,
        // It exists, so another launch would create a second one; but it is not running, and nothing starts it.
        State::Stopping | State::Stopped => {
            events.push(Event::SlotFailed { slot, error: stopped_error(ocid, state) });
            true
        }
        State::Moving
        | State::Provisioning
        | State::Starting
        | State::CreatingImage
        | State::Unrecognized(_) => false,
    }
}

fn stopped_error(ocid: &str, state: &State) -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Stopped,
        code: "InstanceStopped".to_owned(),
        message: format!(
            "{ocid} is {state} before it reached RUNNING: somebody stopped it. It exists; start or terminate it"
        ),
        ..ErrorRecord::default()
    }
}

/// It is unknown whether it runs, so nothing is launched in its place.
fn hidden_error(ocid: &str) -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Hidden,
        code: "InstanceHidden".to_owned(),
        message: format!(
            "{ocid} was launched, but this login may neither list the compartment nor read the instance"
        ),
        ..ErrorRecord::default()
    }
}

fn lost_error(ocid: &str) -> ErrorRecord {
    ErrorRecord {
        class: ErrorClass::Lost,
        code: "InstanceLost".to_owned(),
        message: format!(
            "{ocid} was launched, but neither the list nor a direct request has found it for {} minutes",
            LOST_AFTER.as_secs() / 60
        ),
        ..ErrorRecord::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::poll::named;

    fn observed(state: &str, fault_domain: Option<&str>) -> (bool, Vec<Event>) {
        let mut watched = Watched {
            slot: 7,
            state: State::Provisioning,
            fault_domain: None,
            since: Instant::now(),
            missing_since: None,
        };
        let instance = Observation {
            lifecycle_state: State::from(state),
            fault_domain: fault_domain.map(|name| named(name.to_owned())),
        };
        let mut events = Vec::new();
        let over = observe(&mut watched, "ocid", &instance, &mut events);
        (over, events)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_instance_ends_the_wait_and_keeps_its_slot() {
        for state in ["STOPPING", "STOPPED"] {
            let (over, events) = observed(state, None);
            assert!(over);
            let [Event::StateSeen { .. }, Event::SlotFailed { slot: 7, error }] = events.as_slice() else {
                panic!("{events:?}")
            };
            assert!(error.message.contains("somebody stopped it"), "{}", error.message);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn states_that_lead_to_running_and_unknown_ones_are_waited_out() {
        for state in ["STARTING", "MOVING", "CREATING_IMAGE", "HIBERNATING"] {
            let (over, events) = observed(state, None);
            assert!(!over, "{state}");
            assert_eq!(events.len(), 1, "{state}: {events:?}");
        }
        assert_eq!(observed("PROVISIONING", None), (false, Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_domain_is_noted_when_it_becomes_known() {
        let (over, events) = observed("RUNNING", Some("FAULT-DOMAIN-3"));
        assert!(over);
        let [Event::StateSeen { fault_domain: Some(seen), .. }, Event::Running { .. }] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!(seen, "FAULT-DOMAIN-3");
    }
}
