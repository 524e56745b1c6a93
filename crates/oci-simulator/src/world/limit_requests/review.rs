//! The review of limit increase requests: when it begins and ends, and what it decides.

use super::{Comment, ItemState};
use crate::world::chance::Chance;
use crate::world::ids::{Id, Kind};
use crate::world::schedule::{Review, Task};
use crate::world::settings::LimitIncreaseOutcome;
use crate::world::state::World;
use crate::world::time::seconds;

/// What Oracle asks if the scenario says so (invented).
const QUESTION: &str = "What is the workload, and for how long do you need the increase?";

impl World {
    /// Schedules the review of a new request.
    pub(super) fn plan_review(&mut self, number: u32) {
        let starts = self.now + seconds(self.settings.limit_increases.start_seconds);
        self.schedule.at(starts, Task::LimitRequest { number, step: Review::Begins });
    }

    /// The review of a request begins or ends. Ignored if the request was canceled or deleted since.
    pub(in crate::world) fn review_limit_request(&mut self, number: u32, step: Review) {
        let (now, settings) = (self.now, self.settings.limit_increases);
        let Some(row) = self.limit_requests.rows.get_mut(&number).filter(|row| row.is_open()) else { return };
        match step {
            Review::Begins => {
                row.move_items(now, |_| ItemState::InProgress);
                if settings.asks {
                    row.comments.push(Comment { text: QUESTION.into(), at: now, by_oracle: true });
                } else {
                    self.plan_decision(number);
                }
            }
            Review::Ends => {
                row.move_items(now, |at| match settings.outcome {
                    LimitIncreaseOutcome::Granted => ItemState::Succeeded,
                    LimitIncreaseOutcome::Partly if at % 2 == 0 => ItemState::Succeeded,
                    LimitIncreaseOutcome::Partly | LimitIncreaseOutcome::Rejected => ItemState::Failed,
                });
                let granted = row.items.iter().filter(|item| item.state == ItemState::Succeeded);
                for item in granted {
                    let increase = (item.value - item.current) as f64 * settings.granted_share;
                    self.limits.raise(item.limit, item.current + increase.floor() as i64);
                }
                let state = row.state();
                let id = Id(Kind::LimitsIncreaseRequest, number);
                self.log.push(now, "limit_request_decided", Some(id), Some(state.as_str()));
            }
        }
    }

    /// Schedules the decision about a request under review. How long it takes depends on the seed and the request alone.
    pub(super) fn plan_decision(&mut self, number: u32) {
        let duration = self.settings.limit_increases.decide_seconds;
        let mut chance = Chance::of(self.seed, "limit requests", number);
        let decided = self.now + seconds(chance.between(duration.min, duration.max));
        self.schedule.at(decided, Task::LimitRequest { number, step: Review::Ends });
    }
}
