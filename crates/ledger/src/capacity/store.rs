//! What a store of capacity memory promises, and one that is forgotten at exit.

use super::{Observation, Remembered, Scope, Subject};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Why the memory cannot be used. A run goes on without it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the capacity memory {} cannot be used: {reason}", path.display())]
pub struct MemoryError {
    /// The file.
    pub path: PathBuf,
    /// The text of SQLite or the system.
    pub reason: String,
    /// Whether the file is damaged.
    pub is_damaged: bool,
}

/// The answer to the wish to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The probe may be sent now, and is counted.
    Granted,
    /// Not before this time.
    NotBefore(Timestamp),
}

/// Remembers what targets answered. Calls are short and block: the memory is small, and its transactions need no sync.
pub trait CapacityMemory: Send + Sync {
    /// Folds answers into what is known of their subjects.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn observe(&self, scope: &Scope, observations: &[Observation]) -> Result<(), MemoryError>;

    /// What is known in a scope.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn recall(&self, scope: &Scope) -> Result<BTreeMap<Subject, Remembered>, MemoryError>;

    /// What is known of some targets, and of all limits and quotas of their scope: what one run needs.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn recall_for(
        &self,
        scope: &Scope,
        targets: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Remembered>, MemoryError>;

    /// The scopes that something is known of.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scopes(&self) -> Result<Vec<Scope>, MemoryError>;

    /// Forgets all subjects of a scope, and says how many there were. When the last probe was sent is not forgotten.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget(&self, scope: &Scope) -> Result<usize, MemoryError>;

    /// Asks to send a probe at `now`. Between two probes of a tenancy, whichever process sends them, there are at least
    /// `gap`.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn claim_probe(&self, scope: &Scope, now: Timestamp, gap: Duration) -> Result<Claim, MemoryError>;
}

/// Decides about a probe by the last one: when it was sent, and the gap that its sender kept. The second value is what is
/// remembered.
///
/// A last probe in the future was sent before the clock was set back: one gap is waited out from now on.
pub fn claim_at(
    last: Option<(Timestamp, Duration)>,
    now: Timestamp,
    gap: Duration,
) -> (Claim, Option<(Timestamp, Duration)>) {
    let Some((sent, theirs)) = last else { return (Claim::Granted, Some((now, gap))) };
    let between = SignedDuration::try_from(gap.max(theirs)).unwrap_or(SignedDuration::MAX);
    let (sent, kept) = if sent > now { (now, Some((now, theirs))) } else { (sent, last) };
    match sent.checked_add(between) {
        Ok(next) if next <= now => (Claim::Granted, Some((now, gap))),
        Ok(next) => (Claim::NotBefore(next), kept),
        Err(_) => (Claim::NotBefore(Timestamp::MAX), kept),
    }
}

type Known = BTreeMap<(Scope, Subject), Remembered>;

/// A memory that is gone with its process: for tests, and for launches in a region of their own.
#[derive(Debug, Default)]
pub struct VolatileMemory {
    known: Mutex<Known>,
    probes: Mutex<BTreeMap<String, (Timestamp, Duration)>>,
}

impl VolatileMemory {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CapacityMemory for VolatileMemory {
    fn observe(&self, scope: &Scope, observations: &[Observation]) -> Result<(), MemoryError> {
        let mut known = self.lock();
        for observation in observations {
            let key = (scope.clone(), observation.subject.clone());
            known.entry(key).or_default().apply(observation);
        }
        Ok(())
    }

    fn recall(&self, scope: &Scope) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        let known = self.lock();
        let here = known.iter().filter(|((of, _), _)| of == scope);
        Ok(here.map(|((_, subject), known)| (subject.clone(), known.clone())).collect())
    }

    fn recall_for(
        &self,
        scope: &Scope,
        targets: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Remembered>, MemoryError> {
        let mut known = self.recall(scope)?;
        known.retain(|subject, _| !matches!(subject, Subject::Target { .. }) || targets.contains(subject));
        Ok(known)
    }

    fn scopes(&self) -> Result<Vec<Scope>, MemoryError> {
        let mut scopes: Vec<Scope> = self.lock().keys().map(|(scope, _)| scope.clone()).collect();
        scopes.dedup();
        Ok(scopes)
    }

    fn forget(&self, scope: &Scope) -> Result<usize, MemoryError> {
        let mut known = self.lock();
        let before = known.len();
        known.retain(|(of, _), _| of != scope);
        Ok(before - known.len())
    }

    fn claim_probe(&self, scope: &Scope, now: Timestamp, gap: Duration) -> Result<Claim, MemoryError> {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = scope.floor_key();
        let (claim, last) = claim_at(probes.get(&key).copied(), now, gap);
        probes.extend(last.map(|last| (key, last)));
        Ok(claim)
    }
}

impl Scope {
    /// The floor belongs to the tenancy, whatever the region.
    pub(super) fn floor_key(&self) -> String {
        format!("{}|{}", self.tenancy, self.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAP: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn two_probers_of_a_tenancy_share_one_floor() {
        let memory = VolatileMemory::default();
        let phoenix = Scope { tenancy: "t".into(), region: "phx".into(), service: String::new() };
        let ashburn = Scope { region: "iad".into(), ..phoenix.clone() };
        let other = Scope { tenancy: "u".into(), ..phoenix.clone() };
        assert_eq!(memory.claim_probe(&phoenix, at(0), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&ashburn, at(30), GAP).unwrap(), Claim::NotBefore(at(60)));
        assert_eq!(memory.claim_probe(&other, at(30), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&ashburn, at(60), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&phoenix, at(61), GAP).unwrap(), Claim::NotBefore(at(120)));
    }

    #[test]
    fn the_longer_gap_of_two_hunters_holds() {
        let ten = Duration::from_secs(10);
        let (claim, _) = claim_at(Some((at(0), GAP)), at(30), ten);
        assert_eq!(claim, Claim::NotBefore(at(60)));
        let (claim, _) = claim_at(Some((at(0), ten)), at(30), GAP);
        assert_eq!(claim, Claim::NotBefore(at(60)));
    }

    #[test]
    fn a_clock_set_back_delays_a_probe_by_one_gap() {
        let (claim, last) = claim_at(Some((at(100_000), GAP)), at(0), GAP);
        assert_eq!(claim, Claim::NotBefore(at(60)));
        let (claim, _) = claim_at(last, at(60), GAP);
        assert_eq!(claim, Claim::Granted);
    }
}
