//! Decides when requests are sent: actions at the rate that the service accepts, and polls when they are worth their requests.

use super::Verb;
use super::calls::{self, ActionRequest, PolledInstance};
use super::decide::transitional;
use super::engine::{ActionEngine, Halt};
use super::look::{self, Look, View};
use super::slot::{Slot, Stage};
use crate::engine::cloud::KeepVolumes;
use crate::pace::{Next, QueuePosition, Ticket};
use crate::plan::retry_token;
use ledger::Event;
use std::time::Duration;
use tokio::time::Instant;

impl ActionEngine<'_> {
    /// Appends an instance's action to the queue.
    pub(super) fn queue(&mut self, index: usize) {
        let position = self.queue.position();
        self.queue_at(index, position);
    }

    /// Returns a refused action to its previous queue position.
    pub(super) fn queue_at(&mut self, index: usize, position: QueuePosition) {
        self.set_stage(index, Stage::Queued);
        self.queue.join(position, index);
    }

    /// Sends an instance's action again after its pause.
    pub(super) fn pause(&mut self, index: usize) {
        if let Some(slot) = self.slots.get(index) {
            self.paused.insert((Instant::now() + slot.pause(), index));
            self.set_stage(index, Stage::Paused);
        }
    }

    /// Sends what may be sent now, and polls if it is time. Returns when to call it again if nothing else happens first.
    pub(super) async fn dispatch(&mut self) -> Instant {
        let now = Instant::now();
        let mut wake = now + Duration::from_mins(1);
        if self.halt.is_some() {
            return wake;
        }
        while let Some(&(at, index)) = self.paused.first() {
            if at > now {
                wake = wake.min(at);
                break;
            }
            self.paused.pop_first();
            // It may have been given up meanwhile.
            if self.slots.get(index).is_some_and(|slot| slot.stage == Stage::Paused) {
                self.queue(index);
            }
        }
        if let Some(at) = self.probe_if_due() {
            wake = wake.min(at);
        }
        let mut requests = Vec::new();
        while let Some(&index) = self.queue.first().map(|(_, index)| index) {
            if self.slots.get(index).is_none_or(|slot| slot.stage != Stage::Queued) {
                // Given up while it waited.
                self.queue.pop();
                continue;
            }
            match self.pace.next(self.now()) {
                Next::Now(ticket) => {
                    let Some((position, index)) = self.queue.pop() else { break };
                    requests.extend(self.request(index, ticket).map(|request| (position, request)));
                }
                Next::At(at) => {
                    wake = wake.min(self.started + at);
                    break;
                }
                Next::WhenOneReturns => break,
            }
        }
        self.send(requests).await;
        if let Some(at) = self.look_if_due() {
            wake = wake.min(at);
        }
        if !self.tally.is_over() {
            wake = wake.min(self.next_expiry);
        }
        // A time in the past would make this loop spin.
        wake.max(now + Duration::from_millis(1))
    }

    fn request(&mut self, index: usize, ticket: Ticket) -> Option<ActionRequest> {
        self.set_stage(index, Stage::Sent);
        let slot = self.slots.get_mut(index)?;
        slot.since.get_or_insert_with(Instant::now);
        Some(ActionRequest {
            index,
            ticket,
            ocid: slot.machine.ocid.clone(),
            action: slot.action(self.options.verb, self.options.grace.is_some()),
            token: retry_token(self.run, slot.number, slot.attempt),
            pool: self.pools.get(&slot.machine.ocid).cloned(),
            keep: KeepVolumes { boot: self.options.keep_boot_volumes, data: self.options.keep_data_volumes },
        })
    }

    /// Records all intents in one append, and then sends the calls.
    async fn send(&mut self, requests: Vec<(QueuePosition, ActionRequest)>) {
        let intents = requests.iter().map(|(_, request)| Event::ActionIntended {
            slot: self.number(request.index),
            ocid: request.ocid.clone(),
            action: request.action.map_or("TERMINATE", |action| action.as_str()).to_owned(),
        });
        let intents = intents.collect();
        if self.journal.intend_all(intents).await.is_err() {
            self.halt.get_or_insert(Halt::LedgerFailed);
            return;
        }
        for (position, request) in requests {
            let client = self.env.client.clone();
            self.calls.spawn(async move { (position, calls::send(client, request).await) });
        }
    }

    pub(super) fn number(&self, index: usize) -> u32 {
        self.slots.get(index).map_or(0, |slot| slot.number)
    }

    /// How long after an accepted soft action the hard one follows, if it does.
    pub(super) fn grace(&self, slot: &Slot) -> Option<Duration> {
        let softened = matches!(self.options.verb, Verb::Stop | Verb::Reboot) && !slot.hard;
        self.options.grace.filter(|_| softened && slot.stage == Stage::Accepted && self.options.wait)
    }

    /// Reads each of these instances, later if a poll is already in progress.
    pub(super) fn ask_for(&mut self, overdue: &[usize]) {
        if overdue.is_empty() || !self.looks.is_empty() {
            return;
        }
        let watched: Vec<PolledInstance> =
            overdue.iter().filter_map(|index| self.slots.get(*index)).map(PolledInstance::of).collect();
        self.looks.spawn(calls::look(self.env.client.clone(), Look::Overdue, watched, None));
    }

    /// Starts a poll if it is time; otherwise returns when the next one is due.
    fn look_if_due(&mut self) -> Option<Instant> {
        if !self.looks.is_empty() {
            return None;
        }
        if self.tally.watched() == 0 {
            (self.looked, self.listed) = (None, None);
            return None;
        }
        let now = Instant::now();
        let since = *self.looked.get_or_insert(now);
        let listed = *self.listed.get_or_insert(now);
        let (look, pause) = look::next(View {
            watched: self.tally.watched(),
            fresh: self.fresh,
            sending: self.tally.is_sending(),
            has_transition: transitional(self.options.verb).is_some(),
            pages: self.pages,
            on_the_way: self.on_the_way,
            since_list: listed.elapsed(),
            lists: self.lists,
            base: self.options.poll,
        });
        let pause = pause + self.options.poll * self.look_failures.min(5);
        if now < since + pause {
            return Some(since + pause);
        }
        let watched: Vec<PolledInstance> =
            self.slots.iter().filter(|slot| slot.is_watched()).map(PolledInstance::of).collect();
        let on_the_way = transitional(self.options.verb).filter(|_| look == Look::OnTheWay);
        self.looks.spawn(calls::look(self.env.client.clone(), look, watched, on_the_way));
        None
    }
}
