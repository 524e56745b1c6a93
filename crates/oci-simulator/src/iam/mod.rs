//! Who may do what: groups, dynamic groups and policies of the tenancy, as far as the operations of the region need them.
//!
//! Pure: it decides about one permission at a time and must not know operations, rows or HTTP.

mod condition;
mod resources;
mod statement;
mod text;
mod unknown;

use condition::Clause;
use resources::includes;
use serde::{Deserialize, Serialize};
use statement::Subject;
use std::collections::BTreeMap;
use text::Words;

pub(crate) use resources::EVERYTHING;
pub use resources::Verb;
pub(crate) use statement::Grant;
pub use statement::Location;
pub(crate) use unknown::{check_rule, read_statement};

/// The groups and policies of a tenancy, as a scenario has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// Groups of users.
    pub groups: Vec<UserGroup>,
    /// Groups of instances, functions and other resources.
    pub dynamic_groups: Vec<DynamicGroup>,
    /// What they may do. Nobody may do what no statement allows.
    pub statements: Vec<String>,
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserGroup {
    /// Its name.
    pub name: String,
    /// OCIDs or names of its users.
    pub users: Vec<String>,
}

/// A dynamic group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicGroup {
    /// Its name.
    pub name: String,
    /// Which resources are in it.
    pub matching_rule: String,
}

/// Who sends a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// `user`, `instance`, `workload`, or the type of another resource such as `fnfunc`.
    pub kind: String,
    /// Its OCID.
    pub id: String,
    /// The name of a user.
    pub name: Option<String>,
    /// The OCID of the compartment of an instance or another resource.
    pub compartment: Option<String>,
    /// The namespace, service account and cluster of a pod, by the last part of their variables.
    pub pod: BTreeMap<&'static str, String>,
}

/// What a request needs, and what conditions can ask about it.
#[derive(Clone, Copy, Debug)]
pub struct Requirement<'a> {
    /// The verb.
    pub verb: Verb,
    /// The type of the resource.
    pub resource: &'static str,
    /// The name of the operation.
    pub operation: &'a str,
    /// The key of the region, in lower case.
    pub region: &'a str,
    /// The OCID of the compartment of the resource.
    pub compartment: &'a str,
}

/// Groups and policies that were understood.
#[derive(Clone, Debug, Default)]
pub struct Access {
    groups: Vec<UserGroup>,
    dynamic_groups: Vec<(String, Clause)>,
    grants: Vec<Grant>,
}

/// The variables of matching rules.
const MEMBERS: [&str; 5] =
    ["instance.id", "instance.compartment.id", "resource.type", "resource.id", "resource.compartment.id"];

impl Policies {
    /// Reads all rules and statements.
    ///
    /// # Errors
    /// The first one that is not understood, with its place.
    pub fn compile(&self) -> Result<Access, String> {
        let mut dynamic_groups = Vec::new();
        for (at, group) in self.dynamic_groups.iter().enumerate() {
            let rule = read_rule(&group.matching_rule)
                .map_err(|wrong| format!("dynamic_groups[{at}].matching_rule: {wrong}"))?;
            dynamic_groups.push((group.name.clone(), rule));
        }
        let names = self.groups.iter().map(|group| ("groups", &group.name));
        let names: Vec<_> =
            names.chain(self.dynamic_groups.iter().map(|group| ("dynamic_groups", &group.name))).collect();
        for (at, (list, name)) in names.iter().enumerate() {
            if name.trim().is_empty() {
                return Err(format!("{list}: a group needs a name"));
            }
            if names[..at].iter().any(|(_, other)| is_name(other, name)) {
                return Err(format!("{list}: two groups are called `{name}`: rename one"));
            }
        }
        let mut grants = Vec::new();
        for (at, text) in self.statements.iter().enumerate() {
            let grant = Grant::read(text).map_err(|wrong| format!("statements[{at}]: {wrong}"))?;
            self.check_groups(&grant)
                .map_err(|problem| format!("statements[{at}]: column {}: {problem}", grant.subject_column))?;
            grants.push(grant);
        }
        Ok(Access { groups: self.groups.clone(), dynamic_groups, grants })
    }

    /// A group that does not exist is a mistake: the statement would allow nobody anything.
    fn check_groups(&self, grant: &Grant) -> Result<(), String> {
        let (kind, named, known): (_, _, Vec<&str>) = match &grant.subject {
            Subject::Groups(names) => {
                ("group", names, self.groups.iter().map(|group| group.name.as_str()).collect())
            }
            Subject::DynamicGroups(names) => (
                "dynamic group",
                names,
                self.dynamic_groups.iter().map(|group| group.name.as_str()).collect(),
            ),
            Subject::Ids(ids) => {
                let id = ids.first().map_or("", String::as_str);
                return Err(format!("there is no group with the OCID {id}: a scenario names its groups"));
            }
            Subject::Anyone | Subject::Service => return Ok(()),
        };
        match named.iter().find(|name| !known.iter().any(|known| is_name(known, name))) {
            Some(name) => Err(format!("there is no {kind} `{name}`")),
            None => Ok(()),
        }
    }
}

fn read_rule(text: &str) -> Result<Clause, text::NotUnderstood> {
    let mut words = Words::of(text)?;
    let rule = Clause::read(&mut words, &MEMBERS)?;
    if words.is_at_end() { Ok(rule) } else { Err(words.wrong("the end")) }
}

/// Names of groups ignore case; a name may be preceded by that of its identity domain.
fn is_name(known: &str, named: &str) -> bool {
    known.eq_ignore_ascii_case(named.strip_prefix("Default/").unwrap_or(named))
}

impl Actor {
    /// The value of a variable of a matching rule.
    fn member_value(&self, variable: &str) -> Option<String> {
        let is_instance = self.kind == "instance";
        match variable {
            "instance.id" if is_instance => Some(self.id.clone()),
            "instance.compartment.id" if is_instance => self.compartment.clone(),
            "resource.type" => Some(self.kind.clone()),
            "resource.id" => Some(self.id.clone()),
            "resource.compartment.id" => self.compartment.clone(),
            _ => None,
        }
    }

    fn request_value(&self, variable: &str, wanted: &Requirement<'_>) -> Option<String> {
        match variable {
            "request.principal.type" => Some(self.kind.clone()),
            "request.principal.id" => Some(self.id.clone()),
            "request.principal.compartment.id" => self.compartment.clone(),
            "request.user.id" => (self.kind == "user").then(|| self.id.clone()),
            "request.operation" => Some(wanted.operation.to_owned()),
            "request.region" => Some(wanted.region.to_owned()),
            "target.compartment.id" => Some(wanted.compartment.to_owned()),
            other => self.pod.get(other.rsplit('.').next()?).cloned(),
        }
    }
}

impl Policies {
    /// The names of all groups.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let dynamic = self.dynamic_groups.iter().map(|group| group.name.as_str());
        self.groups.iter().map(|group| group.name.as_str()).chain(dynamic)
    }
}

impl Grant {
    /// The first group that the statement names and that is not among these.
    pub(crate) fn unknown_group(&self, groups: &[UserGroup], dynamic: &[DynamicGroup]) -> Option<String> {
        let (named, known): (_, Vec<&str>) = match &self.subject {
            Subject::Groups(names) => (names, groups.iter().map(|group| group.name.as_str()).collect()),
            Subject::DynamicGroups(names) => {
                (names, dynamic.iter().map(|group| group.name.as_str()).collect())
            }
            Subject::Anyone | Subject::Service | Subject::Ids(_) => return None,
        };
        named.iter().find(|name| !known.iter().any(|known| is_name(known, name))).cloned()
    }
}

impl Access {
    /// What nobody may do anything with, until statements are added. Rules that are not understood have no members.
    pub(crate) fn of(groups: Vec<UserGroup>, dynamic: &[DynamicGroup]) -> Self {
        let rules = dynamic
            .iter()
            .filter_map(|group| Some((group.name.clone(), read_rule(&group.matching_rule).ok()?)));
        Self { groups, dynamic_groups: rules.collect(), grants: Vec::new() }
    }

    /// Adds a statement.
    pub(crate) fn grant(&mut self, grant: Grant) {
        self.grants.push(grant);
    }

    /// The places that the statements name, each with its index, to check that they exist.
    pub fn locations(&self) -> impl Iterator<Item = &Location> {
        self.grants.iter().map(|grant| &grant.location)
    }

    /// Whether a statement allows the actor what it wants. `covers` decides whether a place includes the compartment.
    pub fn allows(
        &self,
        actor: &Actor,
        wanted: &Requirement<'_>,
        covers: impl Fn(&Location) -> bool,
    ) -> bool {
        self.grants.iter().any(|grant| {
            grant.verb >= wanted.verb
                && includes(grant.resource, wanted.resource, wanted.verb)
                && self.is_meant(&grant.subject, actor)
                && covers(&grant.location)
                && grant.condition.as_ref().is_none_or(|condition| {
                    condition.holds(&|variable| actor.request_value(variable, wanted))
                })
        })
    }

    fn is_meant(&self, subject: &Subject, actor: &Actor) -> bool {
        match subject {
            Subject::Anyone => true,
            // Compiled policies have names.
            Subject::Service | Subject::Ids(_) => false,
            Subject::Groups(names) => {
                let mut own =
                    self.groups.iter().filter(|group| names.iter().any(|name| is_name(&group.name, name)));
                let is_user = |user: &String| *user == actor.id || actor.name.as_ref() == Some(user);
                actor.kind == "user" && own.any(|group| group.users.iter().any(is_user))
            }
            // Users are in no dynamic group.
            Subject::DynamicGroups(names) => {
                let mut own = self
                    .dynamic_groups
                    .iter()
                    .filter(|(known, _)| names.iter().any(|name| is_name(known, name)));
                actor.kind != "user"
                    && own.any(|(_, rule)| rule.holds(&|variable| actor.member_value(variable)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
