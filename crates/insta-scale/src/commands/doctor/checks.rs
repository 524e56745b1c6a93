//! The checks in their order, and which depend on which: what cannot be checked says so, and why.

use crate::output::doctor::{Check, State};

/// Every check, in the order in which a launch needs them, with those on which it depends. A check is listed in any case if one
/// of these failed; what several depend on comes first.
const ORDER: &[(&str, &[&str])] = &[
    ("version", &[]),
    ("records", &[]),
    ("permissions", &[]),
    ("space", &[]),
    ("runs", &["records"]),
    ("config", &[]),
    ("proxy", &[]),
    ("certificates", &[]),
    ("dns", &["proxy", "certificates", "config"]),
    ("network", &["proxy", "certificates", "dns", "config"]),
    ("clock", &["network"]),
    ("login", &["network", "clock"]),
    ("tenancy", &[]),
    ("compartment", &[]),
    ("placement", &[]),
    ("shape", &[]),
    ("image", &["login", "config", "tenancy", "placement"]),
    ("subnet", &["login", "config", "tenancy", "placement"]),
    ("reservation", &[]),
    ("resource", &[]),
    ("policy", &["login", "config", "tenancy", "placement"]),
    ("limits", FLEET),
    ("capacity", FLEET),
    ("leftovers", &["login", "records", "config", "tenancy", "compartment"]),
];

/// What has to be right before it matters how many instances could be launched.
const FLEET: &[&str] = &[
    "login",
    "config",
    "tenancy",
    "compartment",
    "placement",
    "shape",
    "image",
    "subnet",
    "reservation",
    "resource",
];

/// The checks that were made so far.
#[derive(Debug, Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    /// Adds a check.
    pub fn push(&mut self, check: Check) {
        self.0.push(check);
    }

    /// Adds several.
    pub fn extend(&mut self, checks: impl IntoIterator<Item = Check>) {
        self.0.extend(checks);
    }

    /// Whether a check of this name failed.
    pub fn has_failed(&self, name: &str) -> bool {
        self.0.iter().any(|check| check.check == name && check.state == State::Failed)
    }

    /// Whether nothing failed on which a check depends.
    pub fn may(&self, name: &str) -> bool {
        let row = ORDER.iter().find(|(known, _)| *known == name);
        row.is_none_or(|(_, dependencies)| !dependencies.iter().any(|other| self.has_failed(other)))
    }

    /// All of them in order, with those that could not be made.
    pub fn finish(mut self) -> Vec<Check> {
        let mut causes: Vec<(&str, &str)> = Vec::new();
        for (name, dependencies) in ORDER {
            if self.0.iter().any(|check| check.check == *name) {
                continue;
            }
            let cause = dependencies.iter().find_map(|other| {
                if self.has_failed(other) {
                    return Some(*other);
                }
                causes.iter().find(|(skipped, _)| skipped == other).map(|(_, cause)| *cause)
            });
            if let Some(cause) = cause {
                causes.push((name, cause));
                self.push(Check::new(*name, State::Skipped, format!("not checked: depends on {cause}")));
            }
        }
        let rank = |check: &Check| ORDER.iter().position(|(name, _)| check.check == *name);
        self.0.sort_by_key(|check| rank(check).unwrap_or(ORDER.len()));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(made: &[(&str, State)]) -> Vec<String> {
        let mut checks = Checks::default();
        checks.extend(made.iter().map(|(name, state)| Check::new(*name, *state, "")));
        let skipped = checks.finish().into_iter().filter(|check| check.state == State::Skipped);
        skipped.map(|check| format!("{}: {}", check.check, check.found)).collect()
    }

    #[test]
    fn what_depends_on_a_failed_check_names_it() {
        let skipped = finished(&[("certificates", State::Ok), ("proxy", State::Failed)]);
        let names: Vec<&str> =
            skipped.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
        assert_eq!(
            names,
            [
                "dns",
                "network",
                "clock",
                "login",
                "image",
                "subnet",
                "policy",
                "limits",
                "capacity",
                "leftovers"
            ]
        );
        assert!(skipped.iter().all(|line| line.ends_with(": not checked: depends on proxy")), "{skipped:?}");
        assert_eq!(finished(&[("dns", State::Ok), ("network", State::Warning)]), [""; 0]);
    }

    #[test]
    fn every_dependency_is_a_check_before_its_dependants() {
        for (at, (name, dependencies)) in ORDER.iter().enumerate() {
            for dependency in *dependencies {
                assert!(ORDER[..at].iter().any(|(earlier, _)| earlier == dependency), "{name}: {dependency}");
            }
        }
    }
}
