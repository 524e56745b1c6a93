//! How many requests a region admits. Oracle publishes no numbers; those of the presets are invented.

use serde::{Deserialize, Serialize};

/// How many requests are admitted, per user and per tenancy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThrottleSettings {
    /// The preset that the other keys modify.
    pub preset: ThrottlePreset,
    /// Budgets of each user.
    pub user: Budgets,
    /// Budgets of the tenancy, shared by its users.
    pub tenancy: Budgets,
    /// Real seconds after a refusal during which the user is refused in the same class, whatever the budget contains.
    pub penalty_seconds: Option<f64>,
    /// The value of the header `Retry-After` in a refusal; not sent if omitted, as in the real service.
    pub retry_after_seconds: Option<u32>,
    /// How the load of other tenants changes the tenancy's budgets over time.
    pub other_load: Vec<LoadStep>,
}

/// Named sets of budgets. The numbers are invented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottlePreset {
    /// Nothing is refused.
    #[default]
    Off,
    /// 1 launch in 10 s, burst 2.
    Tight,
    /// 10 launches a second, burst 20.
    Paid,
}

/// One budget for each class of operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budgets {
    /// Launches.
    pub launch: Option<Budget>,
    /// Other requests that change something.
    pub write: Option<Budget>,
    /// Requests that only read.
    pub read: Option<Budget>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// The sustained rate, in requests per second.
    pub per_second: f64,
    /// The number of requests that a full bucket admits at once.
    pub burst: f64,
}

/// The share of their settings to which the tenancy's budgets change at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadStep {
    /// Real seconds since the server started.
    pub after_seconds: f64,
    /// The share: 0.25 leaves a quarter, 0 admits nothing, 1 is normal.
    pub factor: f64,
}

impl ThrottleSettings {
    /// The settings, with missing budgets taken from the preset.
    #[must_use]
    pub fn resolved(&self) -> Self {
        let (user, tenancy) = match self.preset {
            ThrottlePreset::Off => (Budgets::default(), Budgets::default()),
            ThrottlePreset::Tight => (Budgets::of((0.1, 2.0), (1.0, 5.0), (5.0, 20.0)), {
                Budgets::of((0.2, 4.0), (2.0, 10.0), (10.0, 40.0))
            }),
            ThrottlePreset::Paid => (Budgets::of((10.0, 20.0), (20.0, 40.0), (50.0, 100.0)), {
                Budgets::of((20.0, 40.0), (40.0, 80.0), (100.0, 200.0))
            }),
        };
        Self { user: self.user.or(user), tenancy: self.tenancy.or(tenancy), ..self.clone() }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let sane = |number: f64| (0.0..=1.0e9).contains(&number);
        for (whose, budgets) in [("user", &self.user), ("tenancy", &self.tenancy)] {
            for (class, budget) in
                [("launch", budgets.launch), ("write", budgets.write), ("read", budgets.read)]
            {
                let Some(budget) = budget else { continue };
                if !sane(budget.per_second) || !sane(budget.burst) || budget.burst < 1.0 {
                    return Err(format!(
                        "throttle.{whose}.{class}: per_second must be at least 0 and burst at least 1"
                    ));
                }
            }
        }
        if !self.penalty_seconds.is_none_or(sane) {
            return Err("throttle.penalty_seconds must be at least 0".into());
        }
        if self.other_load.iter().any(|step| !sane(step.after_seconds) || !sane(step.factor)) {
            return Err("throttle.other_load: after_seconds and factor must be at least 0".into());
        }
        if !self.other_load.is_sorted_by(|a, b| a.after_seconds <= b.after_seconds) {
            return Err("throttle.other_load must be in order of after_seconds".into());
        }
        Ok(())
    }
}

impl Budgets {
    fn of(launch: (f64, f64), write: (f64, f64), read: (f64, f64)) -> Self {
        let budget = |(per_second, burst)| Some(Budget { per_second, burst });
        Self { launch: budget(launch), write: budget(write), read: budget(read) }
    }

    fn or(self, other: Self) -> Self {
        Self {
            launch: self.launch.or(other.launch),
            write: self.write.or(other.write),
            read: self.read.or(other.read),
        }
    }
}
