//! Token buckets that decide whether another request of a class is admitted, per user and per tenancy.
//!
//! Budgets refill in the caller's time, not in simulated time, because the caller's waits do not get shorter either.

use crate::scenario::{Budget, Budgets, OperationClass, ThrottleSettings};
use crate::world::Caller;
use std::collections::BTreeMap;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Throttled {
    /// The user's budget is used up.
    User,
    /// The tenancy's budget is used up.
    Tenancy,
    /// The user was refused recently.
    Penalty,
}

impl Throttled {
    /// The text of the service (seen in public reports).
    pub fn message(self) -> &'static str {
        match self {
            Self::User => "Too many requests for the user",
            Self::Tenancy => "Too many requests for the tenant",
            Self::Penalty => "User-rate limit exceeded.",
        }
    }
}

/// The buckets of all callers. Times are seconds since the server started.
#[derive(Debug)]
pub(super) struct Throttle {
    settings: ThrottleSettings,
    users: BTreeMap<(String, OperationClass), Bucket>,
    tenancies: BTreeMap<(String, OperationClass), Bucket>,
    penalties: BTreeMap<(String, OperationClass), f64>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: f64,
}

impl Bucket {
    /// Refills the bucket for the time since its last use.
    fn refill(&mut self, now: f64, budget: Budget, factor: f64) {
        let most = if factor > 0.0 { (budget.burst * factor).max(1.0) } else { 0.0 };
        let more = (now - self.at).max(0.0) * budget.per_second * factor;
        self.tokens = (self.tokens + more).min(most);
        self.at = now;
    }

    /// Whether it contains a whole token, apart from rounding errors.
    fn has_one(self) -> bool {
        self.tokens > 1.0 - 1e-9
    }
}

impl Throttle {
    pub fn new(settings: &ThrottleSettings) -> Self {
        Self {
            settings: settings.resolved(),
            users: BTreeMap::new(),
            tenancies: BTreeMap::new(),
            penalties: BTreeMap::new(),
        }
    }

    /// Admits or refuses one request. A refused request takes no tokens.
    pub fn admit(&mut self, caller: &Caller, class: OperationClass, now: f64) -> Result<(), Throttled> {
        let user = (caller.user.clone(), class);
        if self.penalties.get(&user).is_some_and(|until| now < *until) {
            return Err(Throttled::Penalty);
        }
        let factor = self.factor(now);
        let tenancy = (caller.tenancy.clone(), class);
        let of_user = pick(&self.settings.user, class);
        let of_tenancy = pick(&self.settings.tenancy, class);
        let verdict = if !ready(&mut self.users, &user, of_user, now, 1.0) {
            Err(Throttled::User)
        } else if !ready(&mut self.tenancies, &tenancy, of_tenancy, now, factor) {
            Err(Throttled::Tenancy)
        } else {
            take(&mut self.users, &user);
            take(&mut self.tenancies, &tenancy);
            Ok(())
        };
        if verdict.is_err()
            && let Some(penalty) = self.settings.penalty_seconds
        {
            self.penalties.insert(user, now + penalty);
        }
        verdict
    }

    /// The value of `Retry-After` in a refusal, in seconds; `None` to omit it.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.settings.retry_after_seconds
    }

    /// The share of the tenancy's budgets that other tenants leave.
    fn factor(&self, now: f64) -> f64 {
        let past = self.settings.other_load.iter().take_while(|step| step.after_seconds <= now);
        past.last().map_or(1.0, |step| step.factor)
    }
}

fn pick(budgets: &Budgets, class: OperationClass) -> Option<Budget> {
    match class {
        OperationClass::Launch => budgets.launch,
        OperationClass::Write => budgets.write,
        OperationClass::Read => budgets.read,
    }
}

fn ready(
    buckets: &mut BTreeMap<(String, OperationClass), Bucket>,
    whose: &(String, OperationClass),
    budget: Option<Budget>,
    now: f64,
    factor: f64,
) -> bool {
    let Some(budget) = budget else { return true };
    let bucket = match buckets.get_mut(whose) {
        Some(bucket) => bucket,
        None => buckets.entry(whose.clone()).or_insert(Bucket { tokens: budget.burst, at: now }),
    };
    bucket.refill(now, budget, factor);
    bucket.has_one()
}

fn take(buckets: &mut BTreeMap<(String, OperationClass), Bucket>, whose: &(String, OperationClass)) {
    if let Some(bucket) = buckets.get_mut(whose) {
        bucket.tokens = (bucket.tokens - 1.0).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{LoadStep, ThrottlePreset};
    use proptest::prelude::*;

    fn caller(user: &str) -> Caller {
        Caller { tenancy: "t".into(), user: user.into() }
    }

    fn tight() -> ThrottleSettings {
        ThrottleSettings { preset: ThrottlePreset::Tight, ..ThrottleSettings::default() }
    }

    #[test]
    fn a_burst_passes_and_then_one_launch_in_ten_seconds() {
        let mut throttle = Throttle::new(&tight());
        let mut launch = |now| throttle.admit(&caller("u"), OperationClass::Launch, now);
        assert_eq!(launch(0.0), Ok(()));
        assert_eq!(launch(0.0), Ok(()));
        assert_eq!(launch(0.0), Err(Throttled::User));
        assert_eq!(launch(9.9), Err(Throttled::User));
        assert_eq!(launch(10.0), Ok(()));
        assert_eq!(launch(10.1), Err(Throttled::User));
    }

    #[test]
    fn users_share_the_tenancys_budget_and_classes_do_not_share() {
        let mut throttle = Throttle::new(&tight());
        for user in ["a", "b"] {
            for _ in 0..2 {
                assert_eq!(throttle.admit(&caller(user), OperationClass::Launch, 0.0), Ok(()));
            }
        }
        assert_eq!(throttle.admit(&caller("c"), OperationClass::Launch, 0.0), Err(Throttled::Tenancy));
        assert_eq!(throttle.admit(&caller("c"), OperationClass::Read, 0.0), Ok(()));
    }

    #[test]
    fn after_a_refusal_the_user_waits_out_the_penalty() {
        let mut throttle = Throttle::new(&ThrottleSettings { penalty_seconds: Some(60.0), ..tight() });
        let mut launch = |now| throttle.admit(&caller("u"), OperationClass::Launch, now);
        assert!(launch(0.0).is_ok() && launch(0.0).is_ok());
        assert_eq!(launch(1.0), Err(Throttled::User));
        assert_eq!(launch(30.0), Err(Throttled::Penalty));
        assert_eq!(launch(61.0), Ok(()));
    }

    #[test]
    fn other_tenants_load_moves_the_limit_during_a_run() {
        let step = |after_seconds, factor| LoadStep { after_seconds, factor };
        let settings = ThrottleSettings { other_load: vec![step(10.0, 0.0), step(20.0, 1.0)], ..tight() };
        let mut throttle = Throttle::new(&settings);
        let mut write = |now| throttle.admit(&caller("u"), OperationClass::Write, now);
        assert_eq!(write(0.0), Ok(()));
        assert_eq!(write(11.0), Err(Throttled::Tenancy));
        assert_eq!(write(19.0), Err(Throttled::Tenancy));
        assert_eq!(write(21.0), Ok(()));
    }

    proptest! {
        #[test]
        fn never_more_pass_than_the_burst_and_the_rate_allow(
            gaps in proptest::collection::vec(0.0..5.0_f64, 1..200)
        ) {
            let mut throttle = Throttle::new(&tight());
            let (mut now, mut passed) = (0.0, 0);
            for gap in gaps {
                now += gap;
                if throttle.admit(&caller("u"), OperationClass::Launch, now).is_ok() {
                    passed += 1;
                }
                prop_assert!(f64::from(passed) <= 2.0 + now * 0.1 + 1e-6);
            }
        }
    }
}
