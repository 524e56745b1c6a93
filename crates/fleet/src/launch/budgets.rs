//! Limits the launches in flight at a target: one after a refusal, twice as many after each success, any number while it never
//! refused. A refusal then costs few other launches, and returned capacity is used within a few rounds.

use ledger::capacity::Subject;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// The budgets of one run.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    targets: Mutex<HashMap<Subject, Allowance>>,
    /// Wakes waiting launches when a launch has ended.
    pub freed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    most: u32,
    under_way: u32,
}

/// The answer to a request to launch at a target.
pub(crate) enum Entry<'a> {
    /// The launch may be sent, and counts until this is dropped.
    Open(UnderWay<'a>),
    /// The maximum number is in flight.
    Full,
}

/// A counted launch.
pub(crate) struct UnderWay<'a> {
    budgets: &'a Budgets,
    /// `None` if the target has no budget.
    target: Option<Subject>,
}

impl Budgets {
    /// Requests to launch. `remembered` is the budget that earlier runs left.
    pub fn enter(&self, target: Subject, remembered: Option<u32>) -> Entry<'_> {
        let mut targets = self.lock();
        if let Some(most) = remembered
            && !targets.contains_key(&target)
        {
            targets.insert(target.clone(), Allowance { most, under_way: 0 });
        }
        match targets.get_mut(&target) {
            None => Entry::Open(UnderWay { budgets: self, target: None }),
            Some(budget) if budget.under_way < budget.most => {
                budget.under_way += 1;
                Entry::Open(UnderWay { budgets: self, target: Some(target) })
            }
            Some(_) => Entry::Full,
        }
    }

    /// The total number of launches that may be in flight at these targets; unlimited if one of them never refused.
    pub fn room(&self, of: &[Subject]) -> usize {
        let targets = self.lock();
        let most = |target: &Subject| targets.get(target).map_or(usize::MAX, |budget| budget.most as usize);
        of.iter().map(most).fold(0, usize::saturating_add)
    }

    /// Records that the target refused a launch, at once or later.
    pub fn refused(&self, target: &Subject) {
        self.lock().entry(target.clone()).or_insert(Allowance { most: 1, under_way: 0 }).most = 1;
    }

    /// Records that the target accepted a launch.
    pub fn accepted(&self, target: &Subject) {
        if let Some(budget) = self.lock().get_mut(target) {
            budget.most = budget.most.saturating_mul(2);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Subject, Allowance>> {
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(target) = &self.target
            && let Some(budget) = self.budgets.lock().get_mut(target)
        {
            budget.under_way = budget.under_way.saturating_sub(1);
        }
        self.budgets.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(name: &str) -> Subject {
        Subject::Limit { name: name.to_owned(), shape: "S".to_owned() }
    }

    /// How many more launches may start now.
    fn room(budgets: &Budgets, target: &Subject) -> usize {
        let mut held = Vec::new();
        while let Entry::Open(one) = budgets.enter(target.clone(), None)
            && held.len() < 100
        {
            held.push(one);
        }
        held.len()
    }

    #[test]
    fn a_refused_target_opens_by_doubling() {
        let budgets = Budgets::default();
        let (one, other) = (limit("one"), limit("other"));
        assert_eq!(room(&budgets, &one), 100, "never refused, never held back");
        budgets.refused(&one);
        assert_eq!((room(&budgets, &one), room(&budgets, &other)), (1, 100));
        let rooms: Vec<usize> = (0..3)
            .map(|_| {
                budgets.accepted(&one);
                room(&budgets, &one)
            })
            .collect();
        assert_eq!(rooms, [2, 4, 8]);
        budgets.refused(&one);
        assert_eq!(room(&budgets, &one), 1);
    }

    #[test]
    fn the_budget_of_an_earlier_run_holds_at_first() {
        let budgets = Budgets::default();
        let Entry::Open(held) = budgets.enter(limit("one"), Some(1)) else { panic!("one may enter") };
        assert!(matches!(budgets.enter(limit("one"), Some(1)), Entry::Full));
        drop(held);
        assert!(matches!(budgets.enter(limit("one"), Some(1)), Entry::Open(_)));
    }
}
