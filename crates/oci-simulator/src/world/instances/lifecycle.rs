//! The transitions of instances over time: PROVISIONING to RUNNING, STOPPING to STOPPED, TERMINATING to TERMINATED.

use super::State;
use crate::world::chance::Chance;
use crate::world::error::OUT_OF_CAPACITY;
use crate::world::error::limit_text;
use crate::world::ids::{Id, Kind};
use crate::world::limits::{Usage, limit_names};
use crate::world::schedule::{Step, Task};
use crate::world::state::World;
use crate::world::time::{seconds, trim};
use crate::world::work_requests::Status;
use jiff::SignedDuration;

/// The interval at which a waiting step checks whether the outage of its availability domain is over.
const OUTAGE_POLL_SECONDS: i64 = 10;

impl World {
    /// Schedules the next step of an instance.
    pub(in crate::world) fn after(&mut self, number: u32, delay: SignedDuration, step: Step) {
        let Some(row) = self.instances.get_mut(number) else { return };
        row.epoch += 1;
        let task = Task::Instance { number, epoch: row.epoch, step };
        self.schedule.at(self.now + delay, task);
    }

    /// Changes the state of an instance and logs the change.
    pub(in crate::world) fn enter(&mut self, number: u32, state: State) {
        if let Some(before) = self.instances.set_state(number, state, self.now) {
            let change = format!("{} -> {}", before.as_str(), state.as_str());
            self.log.push(self.now, "instance_state", Some(Id(Kind::Instance, number)), Some(&change));
        }
    }

    /// Runs a step that is due. Returns the instance pool that has to check its member.
    pub(in crate::world) fn instance_step(&mut self, number: u32, epoch: u32, step: Step) -> Option<u32> {
        let row = self.instances.get(number).filter(|row| row.epoch == epoch)?;
        let (ad, work, pool) = (row.ad, row.work, row.pool);
        let waits = matches!(step, Step::Placed | Step::Running | Step::Stopped | Step::Restarted);
        if waits && self.capacity.is_out(ad) {
            self.after(number, SignedDuration::from_secs(OUTAGE_POLL_SECONDS), step);
            return None;
        }
        let mut chance = Chance::of(self.seed, "step", number ^ epoch << 20);
        match step {
            Step::Placed => {
                self.enter(number, State::Starting);
                self.attach_volumes(number);
                let rest = self.row_boot_rest(number, &mut chance);
                self.after(number, rest, Step::Running);
            }
            Step::Failed => self.fail_launch(number, work),
            Step::Running | Step::Moved => {
                self.enter(number, State::Running);
                self.close_work_request(work, Status::Succeeded, None);
            }
            Step::NotStarted => self.fail_start(number, work),
            Step::Stopped => {
                self.enter(number, State::Stopped);
                self.release_stopped(number);
                self.close_work_request(work, Status::Succeeded, None);
            }
            Step::Restarted => {
                self.enter(number, State::Starting);
                let delay = trim(self.settings.start_seconds.draw(&mut chance));
                self.after(number, delay, Step::Running);
            }
            Step::Terminated => {
                self.enter(number, State::Terminated);
                self.release(number);
                self.close_work_request(work, Status::Succeeded, None);
                let listed = seconds(self.settings.terminated_listed_hours * 3600.0);
                self.after(number, listed, Step::Forgotten);
            }
            Step::Preempted => self.preempt(number),
            Step::Forgotten => self.forget_instance(number),
        }
        pool
    }

    /// The time from STARTING to RUNNING: the rest of the time that the work request of the launch expects.
    fn row_boot_rest(&self, number: u32, chance: &mut Chance) -> SignedDuration {
        let work = self.instances.get(number).map(|row| row.launch_work);
        let expected =
            work.and_then(|work| self.work_requests.get(work as usize)).map(|work| work.expected.time());
        match expected {
            Some(expected) if expected > self.now => expected.duration_since(self.now),
            _ => trim(self.settings.start_seconds.draw(chance)),
        }
    }

    fn fail_launch(&mut self, number: u32, work: u32) {
        let Some(row) = self.instances.get_mut(number) else { return };
        row.failed = true;
        let family = row.shape.get().family;
        let share = self.settings.late_failure.limit_share;
        self.enter(number, State::Terminated);
        self.release(number);
        if Chance::of(self.seed, "late limit", number).happens(share) {
            let text = limit_text(&limit_names(family));
            self.close_work_request(work, Status::Failed, Some(("LimitExceeded", &text)));
        } else {
            self.close_work_request(work, Status::Failed, Some(("InternalError", OUT_OF_CAPACITY)));
        }
        let listed = seconds(self.settings.terminated_listed_hours * 3600.0);
        self.after(number, listed, Step::Forgotten);
    }

    /// An accepted start found no capacity: the instance returns to its old state, and the work request states the reason.
    fn fail_start(&mut self, number: u32, work: u32) {
        self.enter(number, State::Stopped);
        self.close_work_request(work, Status::Failed, Some(("InternalError", OUT_OF_CAPACITY)));
    }

    /// Releases the host of a stopped instance, unless a reservation holds it or its local disks would be lost.
    fn release_stopped(&mut self, number: u32) {
        let Some(row) = self.instances.get_mut(number) else { return };
        let keeps = row.reservation.is_some() || row.shape.get().billed_when_stopped;
        if let Some(held) = row.held.take_if(|_| !keeps) {
            self.capacity.give_back(held);
        }
    }

    /// Takes capacity for a stopped instance that starts. Returns false if there is none.
    pub(in crate::world) fn regain_capacity(&mut self, number: u32) -> bool {
        let Some(row) = self.instances.get(number) else { return false };
        if row.held.is_some() {
            return true;
        }
        let (ad, need, family) = (row.ad, row.need, row.shape.get().family);
        // An instance moves to another fault domain if its own has no capacity.
        let held = self
            .capacity
            .take(ad, Some(row.fd), family, need)
            .or_else(|| self.capacity.take(ad, None, family, need));
        let Some((held, row)) = held.zip(self.instances.get_mut(number)) else { return false };
        row.fd = held.fault_domain();
        row.held = Some(held);
        true
    }

    /// Releases everything that a TERMINATED instance held.
    fn release(&mut self, number: u32) {
        let Some(row) = self.instances.get_mut(number).filter(|row| row.live) else { return };
        row.live = false;
        let held = row.held.take();
        let (reservation, config) = (row.reservation, row.config);
        let (compartment, ad, family, need) = (row.compartment, row.ad, row.shape.get().family, row.need);
        let (subnet, address, pool) = (row.subnet, row.address, row.pool);
        match (reservation.zip(config), held) {
            (Some((reservation, config)), Some(held)) => {
                self.return_reserved(reservation, config, held, number);
            }
            (None, Some(held)) => self.capacity.give_back(held),
            (_, None) => {}
        }
        self.limits.count(compartment, ad, family, Usage::of(need), -1);
        let is_freed = self.end_addresses(number);
        if let Some(subnet) = self.network.subnets.get_mut(subnet as usize) {
            if !is_freed {
                subnet.release(address);
            }
            subnet.members.remove(&number);
        }
        self.release_volumes(number);
        self.preemptibles.remove(number);
        if let Some(pool) = pool {
            self.member_is_gone(pool, number);
        }
    }

    fn forget_instance(&mut self, number: u32) {
        self.forget_attachments(number);
        self.forget_cards(number);
        self.instances.remove(number);
        self.log.push(self.now, "instance_forgotten", Some(Id(Kind::Instance, number)), None);
    }
}
