//! The interface of a store of capacity memory, and an implementation that is lost at exit.

use super::{Claim, Observation, Remembered, Scope, Subject, claim_at, floor::floor_key};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Why the memory cannot be used. A run continues without it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the capacity memory {} cannot be used: {reason}", path.display())]
pub struct MemoryError {
    /// The file.
    pub path: PathBuf,
    /// The text of SQLite or of the operating system.
    pub reason: String,
    /// Whether the file is damaged.
    pub is_damaged: bool,
}

/// Remembers how targets responded. Calls are short and block: the memory is small, and its transactions need no sync.
pub trait CapacityMemory: Send + Sync {
    /// Folds responses into the memory of their subjects.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn observe(&self, scope: &Scope, observations: &[Observation]) -> Result<(), MemoryError>;

    /// The memory of a scope.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn recall(&self, scope: &Scope) -> Result<BTreeMap<Subject, Remembered>, MemoryError>;

    /// The memory of some targets, and of all limits and quotas of their scope: what one run needs.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn recall_for(
        &self,
        scope: &Scope,
        targets: &BTreeSet<Subject>,
    ) -> Result<BTreeMap<Subject, Remembered>, MemoryError>;

    /// All scopes with a memory.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scopes(&self) -> Result<Vec<Scope>, MemoryError>;

    /// Forgets all subjects of a scope and returns their number.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget(&self, scope: &Scope) -> Result<usize, MemoryError>;

    /// Claims a probe now, unless this or another process sent one for the same tenancy less than `gap` ago. [`Self::forget`]
    /// does not affect claims.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn claim_probe(&self, scope: &Scope, now: Timestamp, gap: Duration) -> Result<Claim, MemoryError>;
}

type Known = BTreeMap<(Scope, Subject), Remembered>;

/// A memory that ends with its process, for tests and for launches in a simulated region of their own.
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
        let key = floor_key(scope);
        let (claim, last) = claim_at(probes.get(&key).copied(), now, gap);
        probes.extend(last.map(|last| (key, last)));
        Ok(claim)
    }
}
