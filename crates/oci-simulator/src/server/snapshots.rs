//! Snapshots of a running region, by name, so that a test begins where the one before it began.
//!
//! A snapshot has the world with its time and its policies, and the faults. Credentials, open connections, budgets of requests and
//! counts of requests are those of the server, and go on.

use super::kept::Kept;
use super::region::Region;
use serde::Serialize;

/// The snapshot that every region has: how it was when it was ready.
pub(super) const START: &str = "start";
/// The maximum number of snapshots, each as large as the region.
const SNAPSHOTS_MAX: usize = 100;
const NAME_MAX: usize = 64;

/// A snapshot as it is listed.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    name: String,
    simulated_time: String,
    instances: usize,
}

/// Why a snapshot cannot be made or restored: an HTTP status and a text.
pub(super) type Refused = (u16, String);

impl Region {
    /// Keeps the region as it is, in place of an older snapshot with the name.
    pub(super) fn keep(&self, name: &str) -> Result<(), Refused> {
        let is_good = (1..=NAME_MAX).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_good {
            return Err((
                400,
                format!("the name of a snapshot has 1 to {NAME_MAX} letters, digits, `-`, `_` and `.`"),
            ));
        }
        self.check_alone()?;
        let kept = Kept { world: self.world().clone(), faults: self.faults() };
        let mut all = self.snapshots();
        if all.0.len() >= SNAPSHOTS_MAX && !all.0.contains_key(name) {
            return Err((
                409,
                format!("there are {SNAPSHOTS_MAX} snapshots already; take one of their names"),
            ));
        }
        all.0.insert(name.to_owned(), kept);
        Ok(())
    }

    /// Keeps the region under its reserved name. A region with others beside it has no snapshots, because they share a clock.
    pub(super) fn keep_start(&self) {
        // Refused where there are several regions, as `restore` will be.
        let _ = self.keep(START);
    }

    /// Makes the region what it was, simulated time included.
    pub(super) fn restore(&self, name: &str) -> Result<(), Refused> {
        self.check_alone()?;
        let (world, faults) = {
            let all = self.snapshots();
            let kept = all.0.get(name).ok_or_else(|| {
                let names: Vec<&str> = all.0.keys().map(String::as_str).collect();
                (404, format!("there is no snapshot `{name}`; there are {}", names.join(", ")))
            })?;
            (kept.world.clone(), kept.faults.clone())
        };
        let now = world.now();
        self.replace_world(world, now);
        self.replace_faults(&faults);
        // Its policies are those of this world.
        self.spread_tenancy();
        Ok(())
    }

    /// All snapshots, by name.
    pub(super) fn list_snapshots(&self) -> Vec<Listed> {
        let all = self.snapshots();
        let listed = all.0.iter().map(|(name, kept)| Listed {
            name: name.clone(),
            simulated_time: kept.world.now().to_string(),
            instances: kept.world.live_instances().count(),
        });
        listed.collect()
    }

    fn check_alone(&self) -> Result<(), Refused> {
        if self.world().is_alone() {
            return Ok(());
        }
        Err((409, "snapshots are for one region only: these share their clock and their tenancy".to_owned()))
    }
}
