//! Time: starts a region, advances its clock, and runs everything that is due in order.

use super::schedule::Task;
use super::settings::WorldSettings;
use super::state::World;
use super::time::{end_of_time, whole};
use jiff::Timestamp;

impl World {
    /// A region with these settings, whose time starts here. Settings outside their ranges are moved to the nearest bound; use
    /// [`WorldSettings::problems`] first to find them.
    pub fn new(settings: WorldSettings, seed: u64, start: Timestamp) -> Self {
        let mut world = Self::blank(settings, seed, start);
        world.plan_capacity_events();
        world.plan_reclaims();
        world
    }

    /// Advances time to `now` and runs everything that is due until then in order. Time never goes back, and never beyond the
    /// year 5138.
    pub fn advance_to(&mut self, now: Timestamp) {
        let now = whole(now).min(end_of_time()).max(self.now);
        while let Some((when, task)) = self.schedule.pop_due(now) {
            self.now = self.now.max(when);
            self.run(task);
        }
        self.now = now;
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Instance { number, epoch, step } => {
                if let Some(pool) = self.instance_step(number, epoch, step) {
                    self.wake_pool(pool);
                }
            }
            Task::Reservation { number, epoch } => self.finish_reservation(number, epoch),
            Task::ForgetReservation { number } => {
                self.reservations.remove(&number);
            }
            Task::Pool { number, epoch } => self.check_pool(number, epoch),
            Task::ForgetToken => {
                if let Some(due) = self.tokens.forget_due(self.now) {
                    self.schedule.at(due, Task::ForgetToken);
                }
            }
            Task::ReturnCapacity { setting, times } => self.return_capacity(setting, times),
            Task::OtherTenants => self.move_other_tenants(),
            Task::Outage { setting, begins } => self.turn_outage(setting, begins),
            Task::Reclaim { setting } => self.reclaim(setting),
            Task::Compartment { number, work } => self.finish_compartment(number, work),
            Task::LimitRequest { number, step } => self.review_limit_request(number, step),
        }
    }

    /// The time of the next scheduled event; `None` if nothing is scheduled.
    pub fn next_event_at(&self) -> Option<Timestamp> {
        self.schedule.next_at()
    }
}
