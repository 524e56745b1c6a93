//! Decides which faults hit a request. The same seed and the same requests in the same order produce the same faults.

use crate::scenario::{FaultKind, FaultRule};
use crate::world::chance::Chance;
use oci_api::Operation;
use std::time::Duration;

/// The rules and their counts so far. Times are seconds since the server started.
#[derive(Debug)]
pub(super) struct Faults {
    seed: u64,
    added: u64,
    rules: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    rule: FaultRule,
    chance: Chance,
    since: f64,
    seen: u64,
    hit: u64,
}

/// The faults that hit one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Met {
    /// The additional delay of the response.
    pub delay: Duration,
    /// The fault that hits it, apart from delays.
    pub fault: Option<FaultKind>,
}

impl Faults {
    pub fn new(seed: u64, rules: &[FaultRule]) -> Self {
        let mut faults = Self { seed, added: 0, rules: Vec::new() };
        faults.add(rules, 0.0);
        faults
    }

    /// Adds rules, whose times start now.
    pub fn add(&mut self, rules: &[FaultRule], now: f64) {
        for rule in rules {
            let chance = Chance::new(self.seed, &format!("fault {}", self.added));
            self.added += 1;
            self.rules.push(Armed { rule: rule.clone(), chance, since: now, seen: 0, hit: 0 });
        }
    }

    /// Replaces all rules by these.
    pub fn replace(&mut self, rules: &[FaultRule], now: f64) {
        self.rules.clear();
        self.add(rules, now);
    }

    /// The rules in force.
    pub fn rules(&self) -> Vec<FaultRule> {
        self.rules.iter().map(|armed| armed.rule.clone()).collect()
    }

    /// How many seconds the region's clock is ahead when this request arrives.
    pub fn clock_skew(&mut self, operation: Option<Operation>, now: f64) -> f64 {
        let mut skew = 0.0;
        for armed in &mut self.rules {
            if let FaultKind::ClockSkew { seconds } = armed.rule.fault
                && operation.map_or(armed.rule.operations.is_empty(), |one| armed.rule.covers(one))
                && armed.strikes(now)
            {
                skew += seconds;
            }
        }
        skew
    }

    /// The faults that hit a request which is for no operation of the API, and how many seconds the clock is ahead.
    pub fn meet_any(&mut self, now: f64) -> (Met, f64) {
        let (mut met, mut skew) = (Met::default(), 0.0);
        for armed in &mut self.rules {
            match armed.rule.fault.clone() {
                FaultKind::ClockSkew { seconds } if armed.strikes(now) => skew += seconds,
                FaultKind::Delay { seconds } if armed.strikes(now) => {
                    met.delay += Duration::try_from_secs_f64(seconds).unwrap_or_default();
                }
                FaultKind::ClockSkew { .. } | FaultKind::Delay { .. } => {}
                fault if met.fault.is_none() => met.fault = armed.strikes(now).then_some(fault),
                _ => {}
            }
        }
        (met, skew)
    }

    /// The faults that hit an admitted request for this operation. Delays add up; of all other faults, the first that hits
    /// wins.
    pub fn meet(&mut self, operation: Operation, now: f64) -> Met {
        let mut met = Met::default();
        for armed in self.rules.iter_mut().filter(|armed| armed.rule.covers(operation)) {
            match &armed.rule.fault {
                FaultKind::ClockSkew { .. } => {}
                FaultKind::Delay { seconds } => {
                    let delay = Duration::try_from_secs_f64(*seconds).unwrap_or_default();
                    if armed.strikes(now) {
                        met.delay += delay;
                    }
                }
                fault if met.fault.is_none() => {
                    let fault = fault.clone();
                    met.fault = armed.strikes(now).then_some(fault);
                }
                _ => {}
            }
        }
        met
    }
}

impl Armed {
    /// Counts a matching request and returns whether the rule hits it.
    fn strikes(&mut self, now: f64) -> bool {
        let rule = &self.rule;
        let from = self.since + rule.after_seconds.unwrap_or(0.0);
        let until = rule.for_seconds.map_or(f64::INFINITY, |seconds| from + seconds);
        if now < from || now >= until {
            return false;
        }
        self.seen += 1;
        let struck = (rule.nth.is_empty() || rule.nth.contains(&self.seen))
            && rule.every.is_none_or(|every| self.seen.is_multiple_of(every))
            && rule.times.is_none_or(|times| self.hit < times)
            && self.chance.happens(rule.probability);
        self.hit += u64::from(struck);
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{OperationClass, Selector};

    fn hits(rule: FaultRule, operations: &[Operation]) -> Vec<bool> {
        let mut faults = Faults::new(1, &[rule]);
        operations.iter().map(|operation| faults.meet(*operation, 0.0).fault.is_some()).collect()
    }

    #[test]
    fn the_nth_matching_request_is_hit_and_no_other() {
        use Operation::{GetInstance as Get, LaunchInstance as Launch};
        let rule = FaultRule {
            operations: vec![Selector::Class(OperationClass::Launch)],
            nth: vec![2],
            ..FaultRule::always(FaultKind::ResetAfter)
        };
        assert_eq!(hits(rule, &[Launch, Get, Launch, Launch]), [false, false, true, false]);
        let rule = FaultRule { every: Some(2), times: Some(1), ..FaultRule::always(FaultKind::Hang) };
        assert_eq!(hits(rule, &[Get, Get, Get, Get]), [false, true, false, false]);
    }

    #[test]
    fn a_window_opens_and_closes_and_counts_from_when_the_rule_came() {
        let rule = FaultRule {
            after_seconds: Some(10.0),
            for_seconds: Some(5.0),
            ..FaultRule::always(FaultKind::ResetBefore)
        };
        let mut faults = Faults::new(1, &[]);
        faults.add(&[rule], 100.0);
        let mut hit = |now| faults.meet(Operation::GetInstance, now).fault.is_some();
        assert_eq!([hit(109.9), hit(110.0), hit(114.9), hit(115.0)], [false, true, true, false]);
    }

    #[test]
    fn delays_add_up_and_come_on_top_of_the_first_other_fault() {
        let delay = FaultRule::always(FaultKind::Delay { seconds: 1.5 });
        let rules = [
            delay.clone(),
            FaultRule::always(FaultKind::Hang),
            delay,
            FaultRule::always(FaultKind::ResetAfter),
        ];
        let met = Faults::new(1, &rules).meet(Operation::GetInstance, 0.0);
        assert_eq!(met.delay, Duration::from_secs(3));
        assert_eq!(met.fault, Some(FaultKind::Hang));
    }

    #[test]
    fn the_same_seed_meets_the_same_faults() {
        let rule = FaultRule { probability: 0.1, ..FaultRule::always(FaultKind::ResetAfter) };
        let draw = |seed| {
            let mut faults = Faults::new(seed, std::slice::from_ref(&rule));
            (0..2000).map(|_| faults.meet(Operation::GetInstance, 0.0).fault.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(draw(5), draw(5));
        assert_ne!(draw(5), draw(6));
        let struck = draw(5).iter().filter(|hit| **hit).count();
        assert!((150..250).contains(&struck), "{struck}");
    }
}
