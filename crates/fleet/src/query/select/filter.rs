//! Which instances match. All kinds of filters must match; within one kind any value suffices, but every tag must match.
//!
//! The service can filter only by an exact display name and by one state (Oracle: ListInstances), so this module filters every
//! page. Pure: it must not know how the list was read.

use super::{Machine, Named};
use oci_api::models::InstanceLifecycleState as State;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which instances are selected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// The display name starts with this. Case matters, as in the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// A run of this tool launched the instance, according to its tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// It has all of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// It is in one of these states, spelled as in the service: `STOPPED`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// It is in one of these availability domains: full names, or `AD-1`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub availability_domains: Vec<String>,
    /// It has one of these shapes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shapes: Vec<String>,
    /// It is one of these. `None` does not restrict; an empty list selects nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<Vec<Named>>,
    /// Its OCID is one of these, on which a run acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among: Option<BTreeSet<String>>,
    /// Whether terminated instances that the service still lists are selected as well.
    pub terminated: bool,
    /// Whether a terminated instance is selected if it is named and no existing one has that name.
    pub named_though_gone: bool,
}

/// A tag that an instance must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// A free-form key, or `Namespace.key` for a defined tag.
    pub key: String,
    /// Its value; `None` if any value matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

/// The states of an instance, for messages and for suggestions.
pub const STATES: [&str; 9] = [
    "MOVING",
    "PROVISIONING",
    "RUNNING",
    "STARTING",
    "STOPPING",
    "STOPPED",
    "CREATING_IMAGE",
    "TERMINATING",
    "TERMINATED",
];

impl std::str::FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.trim().is_empty() {
            return Err(format!("{text:?} has no key: write `key=value`, or `key` for any value"));
        }
        Ok(Self { key: key.to_owned(), value })
    }
}

impl Tag {
    /// Whether the instance has the tag.
    pub fn is_on(&self, machine: &Machine) -> bool {
        machine
            .tags
            .get(&self.key)
            .is_some_and(|found| self.value.as_ref().is_none_or(|wanted| wanted == found))
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.key),
            None => f.write_str(&self.key),
        }
    }
}

impl Filter {
    /// Whether the instance is selected.
    pub fn matches(&self, machine: &Machine) -> bool {
        self.matches_but_for_names(machine)
            && self.named.as_ref().is_none_or(|named| named.iter().any(|one| one.is(machine)))
    }

    /// Whether everything except [`Filter::named`] matches the instance; with thousands of names, that one is looked up
    /// separately.
    pub(super) fn matches_but_for_names(&self, machine: &Machine) -> bool {
        self.state(&machine.state) && self.matches_but_for_state(machine)
    }

    /// Whether it is terminated, excluded only for that reason, and may be selected by its name.
    pub(super) fn may_mean_though_gone(&self, machine: &Machine) -> bool {
        let gone = machine.state == State::Terminated && self.states.is_empty();
        self.named_though_gone && gone && self.matches_but_for_state(machine)
    }

    fn matches_but_for_state(&self, machine: &Machine) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| machine.name.starts_with(prefix))
            && self.among.as_ref().is_none_or(|among| among.contains(&machine.ocid))
            && self
                .run
                .as_ref()
                .is_none_or(|run| machine.tags.get(crate::plan::RUN_TAG) == Some(run.as_str()))
            && self.tags.iter().all(|tag| tag.is_on(machine))
            && any(&self.availability_domains, |wanted| is_domain(wanted, &machine.availability_domain))
            && any(&self.shapes, |wanted| wanted.eq_ignore_ascii_case(&machine.shape))
    }

    /// Whether nothing restricts the selection, so that every instance of the compartment is selected.
    pub fn is_everything(&self) -> bool {
        // Every name starts with an empty prefix.
        let narrows = |prefix: &String| !prefix.trim().is_empty();
        let Self { terminated, named_though_gone, .. } = *self;
        let prefix = self.prefix.clone().filter(narrows);
        Self { prefix, ..self.clone() } == Self { terminated, named_though_gone, ..Self::default() }
    }

    /// A terminated instance stays in the list for at least 12 hours, so it is selected only on request.
    fn state(&self, state: &State) -> bool {
        if self.states.is_empty() {
            return self.terminated || *state != State::Terminated;
        }
        self.states.iter().any(|wanted| wanted.eq_ignore_ascii_case(state.as_str()))
            || (self.terminated && *state == State::Terminated)
    }
}

fn any(wanted: &[String], matches: impl Fn(&str) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(|one| matches(one))
}

/// `Uocm:PHX-AD-1` matches its full name, `PHX-AD-1` and `AD-1`, but never part of a number.
fn is_domain(wanted: &str, name: &str) -> bool {
    if wanted.eq_ignore_ascii_case(name) {
        return true;
    }
    let (wanted, name) = (wanted.to_ascii_uppercase(), name.to_ascii_uppercase());
    name.strip_suffix(&wanted).is_some_and(|rest| rest.ends_with([':', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(name: &str, state: &str) -> Machine {
        Machine {
            name: name.into(),
            ocid: format!("ocid1.instance.oc1.phx.{name}"),
            state: state.into(),
            availability_domain: "Uocm:PHX-AD-1".into(),
            shape: "VM.Standard.E4.Flex".into(),
            tags: [("team".into(), "blue".into()), ("Ops.owner".into(), "ann".into())].into(),
            ..Machine::default()
        }
    }

    #[test]
    fn a_prefix_is_a_prefix_and_not_an_exact_name() {
        let filter = Filter { prefix: Some("instance-".into()), ..Filter::default() };
        assert!(filter.matches(&machine("instance-1", "RUNNING")));
        assert!(filter.matches(&machine("instance-", "RUNNING")));
        assert!(!filter.matches(&machine("my-instance-1", "RUNNING")));
        assert!(!filter.matches(&machine("Instance-1", "RUNNING")));
    }

    #[test]
    fn terminated_instances_are_hidden_unless_asked_for() {
        let gone = machine("web-1", "TERMINATED");
        assert!(!Filter::default().matches(&gone));
        assert!(Filter { terminated: true, ..Filter::default() }.matches(&gone));
        assert!(Filter { states: vec!["terminated".into()], ..Filter::default() }.matches(&gone));
        assert!(Filter::default().matches(&machine("web-1", "TERMINATING")));
    }

    #[test]
    fn filters_combine() {
        let filter = Filter {
            prefix: Some("web".into()),
            states: vec!["running".into(), "STOPPED".into()],
            tags: vec!["team=blue".parse().unwrap(), "Ops.owner".parse().unwrap()],
            ..Filter::default()
        };
        assert!(filter.matches(&machine("web-1", "RUNNING")));
        assert!(filter.matches(&machine("web-1", "STOPPED")));
        assert!(!filter.matches(&machine("web-1", "STARTING")));
        assert!(!filter.matches(&machine("db-1", "RUNNING")));
        let other = Filter { tags: vec!["team=red".parse().unwrap()], ..Filter::default() };
        assert!(!other.matches(&machine("web-1", "RUNNING")));
    }

    #[test]
    fn a_domain_is_known_by_its_end_but_not_by_part_of_its_number() {
        assert!(is_domain("AD-1", "Uocm:PHX-AD-1"));
        assert!(is_domain("phx-ad-1", "Uocm:PHX-AD-1"));
        assert!(is_domain("Uocm:PHX-AD-1", "Uocm:PHX-AD-1"));
        assert!(!is_domain("AD-1", "Uocm:PHX-AD-11"));
        assert!(!is_domain("D-1", "Uocm:PHX-AD-1"));
    }

    #[test]
    fn an_empty_list_of_names_means_none() {
        let filter = Filter { named: Some(Vec::new()), ..Filter::default() };
        assert!(!filter.matches(&machine("web-1", "RUNNING")));
        assert!(!filter.is_everything());
        assert!(Filter::default().is_everything());
    }

    #[test]
    fn an_empty_prefix_narrows_nothing() {
        for (prefix, everything) in [("", true), (" \t", true), ("web", false)] {
            let filter = Filter { prefix: Some(prefix.to_owned()), ..Filter::default() };
            assert_eq!(filter.is_everything(), everything, "{prefix:?}");
        }
        let shape = vec!["VM.Standard.E4.Flex".to_owned()];
        let filter = Filter { prefix: Some(String::new()), shapes: shape, ..Filter::default() };
        assert!(!filter.is_everything());
    }
}
