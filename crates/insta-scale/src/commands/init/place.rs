//! Where to launch: region, compartment and availability domains.

use super::access::{Access, Needs};
use super::asking::{Asking, Question};
use super::draft::Named;
use super::keeping::{Unlisted, propose};
use super::matching::{Candidate, Meaning, in_full, typed};
use crate::args::InitArgs;
use crate::error::CommandError;
use crate::output::instances::list::short_domain;
use crate::output::text::clean;
use fleet::plan::is_same_domain;
use fleet::policy::PolicyScope;
use oci_api::models::{Compartment, CompartmentLifecycleState, RegionSubscriptionStatus};
use std::collections::BTreeMap;

/// The name of the compartment that Oracle makes for its own platform services.
const OF_ORACLE: &str = "ManagedCompartmentForPaaS";
/// No tree of compartments is deeper (Oracle, "Managing Compartments": six levels).
const DEPTH_MAX: usize = 10;
/// The answer that means every availability domain.
const ALL: &str = "all";

/// Chooses the region among those that the tenancy uses.
pub async fn region(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
) -> Result<String, CommandError> {
    // That of the file, or else of the profile.
    let own = access.settings.fleet.region.clone();
    let question = Question {
        what: "region",
        flag: "--region",
        given: args.region.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    // A base URL belongs to one region.
    if access.settings.endpoint.is_some() && question.given.is_none() {
        asking.say(&format!("region: {} (that of the endpoint)", clean(&own)));
        return Ok(own);
    }
    let needs = Needs {
        what: "the regions of the tenancy",
        verb: "inspect",
        resource: "tenancies",
        scope: PolicyScope::Tenancy,
    };
    let listed =
        Box::pin(access.list(asking, needs, access.client.list_region_subscriptions(access.tenancy())))
            .await?;
    let Some(rows) = listed else {
        return asking.text(question, Some(own), &|text| Ok(text.to_owned())).await;
    };
    let ready = rows.into_iter().filter(|row| row.status == RegionSubscriptionStatus::Ready);
    let choices: Vec<Candidate> = ready
        .map(|row| {
            let about = if row.is_home_region { "home region" } else { "" };
            let also = vec![row.region_key.to_lowercase()];
            Candidate { also, ..Candidate::named(row.region_name, about) }
        })
        .collect();
    Ok(asking.choose(question, &choices, position(&choices, &own).or(Some(0))).await?.value)
}

/// Chooses the compartment of the instances.
pub async fn compartment(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    present: Option<&str>,
) -> Result<(Named, Vec<Candidate>), CommandError> {
    let needs = Needs {
        what: "the compartments of the tenancy",
        verb: "inspect",
        resource: "compartments",
        scope: PolicyScope::Tenancy,
    };
    let list = access.client.list_compartments(access.tenancy(), true);
    let rows = Box::pin(access.list(asking, needs, list)).await?;
    let is_listed = rows.is_some();
    // Who may not list compartments has one in mind, and it is hardly the root.
    let choices = rows.map(|rows| paths(access.tenancy(), &rows)).unwrap_or_default();
    let mut offered = choices.clone();
    let question = Question {
        what: "compartment",
        flag: "--compartment",
        given: args.compartment.as_deref(),
        kinds: &["compartment", "tenancy"],
        is_complete: is_listed,
    };
    let usual =
        choices.iter().position(|choice| choice.value != access.tenancy() && choice.name != OF_ORACLE);
    let proposed = propose(&mut offered, present, Unlisted::Ocid, usual.or(Some(0)));
    let question = Question { is_complete: is_listed && !proposed.is_lost, ..question };
    let chosen = asking.choose(question, &offered, proposed.at).await?;
    Ok((Named::beside(&chosen, proposed.present_in(&offered)), choices))
}

/// Every active compartment by its path, and the tenancy itself at the end.
fn paths(tenancy: &str, rows: &[Compartment]) -> Vec<Candidate> {
    let by_id: BTreeMap<&str, &Compartment> = rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let path = |row: &Compartment| {
        let mut parts = vec![row.name.as_str()];
        let mut at = row.compartment_id.as_deref();
        while let Some(parent) = at.and_then(|id| by_id.get(id)).filter(|_| parts.len() < DEPTH_MAX) {
            parts.push(&parent.name);
            at = parent.compartment_id.as_deref();
        }
        parts.reverse();
        parts.join("/")
    };
    let active = |row: &&Compartment| {
        matches!(row.lifecycle_state, CompartmentLifecycleState::Active) && row.id != tenancy
    };
    let mut choices: Vec<Candidate> = rows
        .iter()
        .filter(active)
        .map(|row| Candidate {
            value: row.id.clone(),
            name: path(row),
            also: vec![row.name.clone()],
            about: row.description.clone(),
        })
        .collect();
    choices.sort_by(|a, b| a.name.cmp(&b.name));
    choices.push(Candidate {
        value: tenancy.to_owned(),
        name: "root".to_owned(),
        also: Vec::new(),
        about: "the tenancy itself".to_owned(),
    });
    choices
}

/// Chooses availability domains in the order in which they are tried; none of them means all.
pub async fn domains(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    present: &[String],
) -> Result<TriedDomains, CommandError> {
    let rows = access.ask(access.client.list_availability_domains(access.tenancy())).await??;
    let known: Vec<String> = rows.into_iter().filter_map(|row| row.name).collect();
    let mut choices: Vec<Candidate> = known
        .iter()
        .map(|name| Candidate {
            value: name.clone(),
            name: in_config(name),
            also: vec![name.clone(), short_domain(name).to_owned()],
            about: name.clone(),
        })
        .collect();
    if choices.is_empty() {
        return Err(CommandError::usage(
            "the region lists no availability domain",
            "verify the region and that a policy lets your group inspect compartments in the tenancy",
        ));
    }
    if choices.len() > 1 {
        choices.insert(0, Candidate::named(ALL, "try them in order until one has capacity"));
    }
    let check = |text: &str| {
        some_of(&choices, text).map(|chosen| {
            let names: Vec<&str> = chosen.iter().map(|choice| choice.value.as_str()).collect();
            names.join(",")
        })
    };
    let given = (!args.availability_domain.is_empty()).then(|| args.availability_domain.join(","));
    let question = Question {
        what: "availability domain",
        flag: "--availability-domain",
        given: given.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    let chosen = if given.is_none() && choices.len() == 1 {
        asking.choose(question, &choices, None).await?.value
    } else {
        if asking.is_typed() && given.is_none() {
            for (number, choice) in choices.iter().enumerate() {
                asking.item(number + 1, &choice.line());
            }
        }
        // Domains that the region does not have are no default.
        let present = if present.is_empty() { Some(ALL.to_owned()) } else { Some(present.join(",")) };
        let short = |chosen: Vec<Candidate>| {
            chosen.into_iter().map(|choice| choice.name).collect::<Vec<_>>().join(",")
        };
        let default = present.and_then(|present| some_of(&choices, &present).ok()).map(short);
        asking.text(question, default, &check).await?
    };
    // A default that nobody typed is not in full yet.
    let chosen = some_of(&choices, &chosen).unwrap_or_default();
    let chosen: Vec<String> =
        chosen.into_iter().map(|choice| choice.value).filter(|value| value != ALL).collect();
    Ok(TriedDomains { chosen, known })
}

/// The choices that a list separated by commas means, by numbers or names.
fn some_of(choices: &[Candidate], text: &str) -> Result<Vec<Candidate>, String> {
    let shown: Vec<usize> = (0..choices.len()).collect();
    let mut chosen: Vec<Candidate> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Meaning::One(at) = typed(choices, &shown, part) else {
            let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
            return Err(format!("there is no {part}; there are: {}", names.join(", ")));
        };
        let found = &choices[at];
        if !chosen.contains(found) {
            chosen.push(found.clone());
        }
    }
    match chosen.as_slice() {
        [] => Err("no availability domain is named".to_owned()),
        [_, _, ..] if chosen.iter().any(|choice| choice.value == ALL) => {
            Err(format!("`{ALL}` cannot be combined with others"))
        }
        _ => Ok(chosen),
    }
}

/// The availability domains of the region, and those of the config.
#[derive(Clone, Debug, Default)]
pub struct TriedDomains {
    /// The full names of those that were chosen; empty for all.
    pub chosen: Vec<String>,
    /// The full names of all.
    pub known: Vec<String>,
}

impl TriedDomains {
    /// Whether a domain, as a config names it, is tried.
    pub fn is_tried(&self, written: &str) -> bool {
        self.tried().iter().any(|full| is_same_domain(full, written))
    }

    /// Those that a launch would try.
    pub fn tried(&self) -> &[String] {
        if self.chosen.is_empty() { &self.known } else { &self.chosen }
    }
}

/// `AD-1` of `Uocm:PHX-AD-1`, as configs name an availability domain.
pub fn in_config(domain: &str) -> String {
    domain.rfind("AD-").and_then(|at| domain.get(at..)).unwrap_or(domain).to_owned()
}

/// The position of the choice with this value or name.
pub fn position(choices: &[Candidate], present: &str) -> Option<usize> {
    match in_full(choices, present) {
        Meaning::One(at) => Some(at),
        _ => None,
    }
}
