//! What is remembered of one subject: a fold over the responses to launches. Pure.

use super::{Subject, Tallies};
use crate::{ErrorClass, ErrorRecord};
use jiff::{SignedDuration, Timestamp};

/// The minutes for which a target is avoided after 1, 2, 3 … consecutive refusals, while others still provide instances.
const WAITS: [i64; 5] = [1, 2, 5, 10, 15];
/// The wait after a refusal by a limit or a quota, which lasts until somebody raises the limit or releases resources.
const LIMIT_WAIT_MINUTES: i64 = 60;
/// A random addition of up to this share of a wait, so that two machines do not probe at the same time.
const JITTER: f64 = 0.1;
/// The longest possible wait; a longer one was written before the clock was set back.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(LIMIT_WAIT_MINUTES * 11 / 10 + 1);
/// A larger budget would no longer limit anything.
const LARGEST_BUDGET: u32 = 1 << 20;
/// The weight of a response is multiplied by this for each day of its age.
const WEIGHT_OF_A_DAY: f64 = 0.7;

/// The kinds of responses.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The launch was refused.
    Refused(ErrorRecord),
    /// The launch was accepted. Whether there is capacity is known only when the instance runs.
    Accepted,
    /// The launch was accepted but failed later for lack of capacity.
    FailedLate(ErrorRecord),
    /// An instance is running.
    Yielded,
    /// The capacity report says that there is capacity. It may be wrong, so it shortens a wait but changes nothing else.
    Reported,
}

/// One response about one subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// The subject.
    pub subject: Subject,
    /// The time of the response, by the wall clock.
    pub at: Timestamp,
    /// The response.
    pub answer: Answer,
    /// A number between 0 and 1, drawn by the observer, that spreads the ends of waits.
    pub chance: f64,
}

/// The memory of one subject.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// The last refusal.
    pub refusal: Option<ErrorRecord>,
    /// When it was last refused.
    pub refused_at: Option<Timestamp>,
    /// When it last provided an instance.
    pub yielded_at: Option<Timestamp>,
    /// The number of refusals since it last provided an instance.
    pub streak: u32,
    /// When to try it again, while others still provide instances.
    pub next_probe: Option<Timestamp>,
    /// How many launches may be in flight at once; absent if it never refused.
    pub budget: Option<u32>,
    /// How often it was asked and provided instances, by time.
    pub tallies: Tallies,
}

impl Remembered {
    /// Applies one more response.
    pub fn apply(&mut self, observation: &Observation) {
        let Observation { subject, at, answer, chance } = observation;
        match answer {
            Answer::Refused(error) => {
                self.tallies.ask(*at);
                self.refuse(subject, *at, error, *chance);
            }
            Answer::FailedLate(error) => self.refuse(subject, *at, error, *chance),
            Answer::Accepted => self.tallies.ask(*at),
            Answer::Yielded => {
                self.tallies.give(*at);
                self.yielded_at = self.yielded_at.max(Some(*at));
                self.streak = 0;
                self.next_probe = None;
                self.budget = self.budget.map(|budget| budget.saturating_mul(2).min(LARGEST_BUDGET));
            }
            Answer::Reported => self.next_probe = self.next_probe.map(|next| next.min(*at)),
        }
    }

    fn refuse(&mut self, subject: &Subject, at: Timestamp, error: &ErrorRecord, chance: f64) {
        self.streak = self.streak.saturating_add(1);
        self.budget = Some(1);
        self.refused_at = Some(at);
        let nth = usize::try_from(self.streak).unwrap_or(usize::MAX).clamp(1, WAITS.len());
        let minutes = match subject {
            Subject::Target { .. } => WAITS[nth - 1],
            Subject::Limit { .. } | Subject::Quota { .. } => LIMIT_WAIT_MINUTES,
        };
        let wait = SignedDuration::from_mins(minutes);
        let more = wait.as_secs_f64() * JITTER * chance.clamp(0.0, 1.0);
        let wait = wait + SignedDuration::from_millis((more * 1000.0) as i64);
        self.next_probe = at.checked_add(wait).ok();
        self.refusal = Some(error.with_words_of(self.refusal.as_ref()));
    }

    /// Whether other targets should be tried first at `now`.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        self.next_probe.is_some_and(|next| next > now && next.duration_since(now) <= LONGEST_WAIT)
    }

    /// The share of requests that provided an instance, with recent requests weighing more; `None` before the first.
    pub fn score(&self, now: Timestamp) -> Option<f64> {
        let (mut asked, mut yielded) = (0.0, 0.0);
        for (age, tally) in self.tallies.by_age(now) {
            let weight = WEIGHT_OF_A_DAY.powi(i32::try_from(age).unwrap_or(i32::MAX));
            asked += f64::from(tally.asked) * weight;
            yielded += f64::from(tally.yielded) * weight;
        }
        (asked > 0.0).then(|| (yielded / asked).min(1.0))
    }

    /// The class of the last refusal, if nothing has been obtained since.
    pub fn refusing(&self) -> Option<&ErrorClass> {
        self.refusal.as_ref().filter(|_| self.streak > 0).map(|error| &error.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CapacityType;

    fn target() -> Subject {
        Subject::Target {
            availability_domain: "AD-1".to_owned(),
            fault_domain: None,
            shape: "S".to_owned(),
            size: String::new(),
            capacity_type: CapacityType::OnDemand,
            reservation: None,
        }
    }

    fn seen(subject: Subject, minute: i64, answer: Answer) -> Observation {
        let at = Timestamp::from_second(1_800_000_000 + minute * 60).unwrap();
        Observation { subject, at, answer, chance: 0.0 }
    }

    fn refused() -> Answer {
        Answer::Refused(ErrorRecord { class: ErrorClass::Capacity, ..ErrorRecord::default() })
    }

    fn waited_minutes(known: &Remembered) -> i64 {
        known.next_probe.unwrap().duration_since(known.refused_at.unwrap()).as_mins()
    }

    #[test]
    fn waits_grow_with_each_refusal_up_to_a_bound() {
        let mut known = Remembered::default();
        let waits: Vec<i64> = (0..7)
            .map(|minute| {
                known.apply(&seen(target(), minute, refused()));
                waited_minutes(&known)
            })
            .collect();
        assert_eq!(waits, [1, 2, 5, 10, 15, 15, 15]);
        known.apply(&seen(target(), 8, Answer::Yielded));
        assert_eq!((known.streak, known.next_probe), (0, None));
        known.apply(&seen(target(), 9, refused()));
        assert_eq!(waited_minutes(&known), 1);
    }

    #[test]
    fn a_refusal_sets_the_budget_to_one_launch() {
        let mut known = Remembered::default();
        known.apply(&seen(target(), 0, Answer::Yielded));
        assert_eq!(known.budget, None, "a target that never refused is not held back");
        let mut budgets = Vec::new();
        for answer in [refused(), Answer::Yielded, Answer::Yielded, Answer::Accepted, refused()] {
            known.apply(&seen(target(), 1, answer));
            budgets.push(known.budget.unwrap());
        }
        assert_eq!(budgets, [1, 2, 4, 4, 1]);
    }

    #[test]
    fn a_limit_is_left_alone_for_an_hour() {
        let limit = Subject::Limit { name: "a1-core-count".to_owned(), shape: "S".to_owned() };
        let mut known = Remembered::default();
        known.apply(&seen(limit, 0, refused()));
        assert_eq!(waited_minutes(&known), 60);
    }

    #[test]
    fn a_capacity_report_only_shortens_a_wait() {
        let mut known = Remembered::default();
        known.apply(&seen(target(), 0, Answer::Reported));
        assert_eq!(known, Remembered::default());
        known.apply(&seen(target(), 0, refused()));
        let before = known.clone();
        known.apply(&seen(target(), 0, Answer::Reported));
        assert!(!known.is_waiting(before.refused_at.unwrap()));
        assert_eq!((known.streak, known.budget), (1, Some(1)));
        let shortened = known.next_probe;
        known.apply(&seen(target(), 30, Answer::Reported));
        assert_eq!(known.next_probe, shortened, "never longer");
    }

    #[test]
    fn a_wait_from_before_a_clock_jump_is_ignored() {
        let mut known = Remembered::default();
        known.apply(&seen(target(), 10_000, refused()));
        let back = Timestamp::from_second(1_800_000_000).unwrap();
        assert!(!known.is_waiting(back));
    }

    #[test]
    fn young_answers_weigh_more_than_old_ones() {
        let mut known = Remembered::default();
        for day in 0..4 {
            known.apply(&seen(target(), day * 24 * 60, Answer::Accepted));
            if day == 3 {
                known.apply(&seen(target(), day * 24 * 60, Answer::Yielded));
            }
        }
        let now = Timestamp::from_second(1_800_000_000 + 3 * 24 * 3600).unwrap();
        let score = known.score(now).unwrap();
        assert!(score > 0.3, "{score}");
        assert_eq!(Remembered::default().score(now), None);
    }
}
