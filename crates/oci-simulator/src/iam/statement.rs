//! One statement of a policy: `Allow <whom> to <verb> <resource> in <where> [where <condition>]` (Oracle: "Policy Syntax").

use super::condition::Clause;
use super::resources::{Verb, read_resource};
use super::text::{NotUnderstood, Words};

/// Whom a statement allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Users and every other principal.
    Anyone,
    /// The users of these groups.
    Groups(Vec<String>),
    /// The members of these dynamic groups.
    DynamicGroups(Vec<String>),
    /// The members of the groups or dynamic groups with these OCIDs.
    Ids(Vec<String>),
    /// A service of OCI, which calls nothing here.
    Service,
}

/// Where a statement applies: there and in all compartments below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Everywhere.
    Tenancy,
    /// In the compartment with this OCID.
    Id(String),
    /// In the compartment with this path of names from the tenancy.
    Path(Vec<String>),
}

/// A statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(super) subject: Subject,
    /// Where the subject is named, for messages.
    pub(super) subject_column: usize,
    pub(super) verb: Verb,
    pub(super) resource: &'static str,
    pub location: Location,
    pub(super) condition: Option<Clause>,
}

/// The variables of a condition that have a value here.
pub(super) const REQUEST: [&str; 10] = [
    "request.principal.type",
    "request.principal.id",
    "request.principal.compartment.id",
    "request.principal.namespace",
    "request.principal.service_account",
    "request.principal.cluster_id",
    "request.user.id",
    "request.operation",
    "request.region",
    "target.compartment.id",
];

impl Grant {
    /// The same at another place.
    pub fn at(self, location: Location) -> Self {
        Self { location, ..self }
    }

    /// The same with the names of its groups, where it has OCIDs.
    pub fn named(mut self, name_of: impl Fn(&str) -> Option<String>) -> Self {
        if let Subject::Ids(ids) = &self.subject {
            let names = ids.iter().map(|id| name_of(id).unwrap_or_else(|| id.clone())).collect();
            // A dynamic group has an OCID of its own kind.
            let is_dynamic = ids.iter().any(|id| id.starts_with("ocid1.dynamicgroup."));
            self.subject = if is_dynamic { Subject::DynamicGroups(names) } else { Subject::Groups(names) };
        }
        self
    }

    pub fn read(text: &str) -> Result<Self, NotUnderstood> {
        let mut words = Words::of(text)?;
        let words = &mut words;
        if !words.takes("allow") {
            return Err(words.wrong("`Allow`, the only kind of statement that is simulated"));
        }
        let subject_column = words.peek().map_or(1, |word| word.column);
        let subject = Subject::read(words)?;
        words.expect("to")?;
        if words.peek().is_some_and(|word| word.text == "{") {
            return Err(words.wrong("a verb, since single permissions are not simulated"));
        }
        let verb = Verb::read(words)?;
        let resource = read_resource(words)?;
        words.expect("in")?;
        let location = Location::read(words)?;
        let condition = words.takes("where").then(|| Clause::read(words, &REQUEST)).transpose()?;
        if words.is_at_end() {
            Ok(Self { subject, subject_column, verb, resource, location, condition })
        } else {
            Err(words.wrong("`where` or the end"))
        }
    }
}

impl Subject {
    fn read(words: &mut Words) -> Result<Self, NotUnderstood> {
        if words.takes("any-user") {
            return Ok(Self::Anyone);
        }
        if words.takes("service") {
            names(words)?;
            return Ok(Self::Service);
        }
        let is_dynamic = words.takes("dynamic-group");
        if !is_dynamic && !words.takes("group") {
            return Err(words.wrong("any-user, group, dynamic-group or service"));
        }
        if words.takes("id") {
            return Ok(Self::Ids(names(words)?));
        }
        let names = names(words)?;
        Ok(if is_dynamic { Self::DynamicGroups(names) } else { Self::Groups(names) })
    }
}

fn names(words: &mut Words) -> Result<Vec<String>, NotUnderstood> {
    let mut names = vec![words.name("a name")?];
    while words.takes(",") {
        names.push(words.name("a name")?);
    }
    Ok(names)
}

impl Location {
    fn read(words: &mut Words) -> Result<Self, NotUnderstood> {
        if words.takes("tenancy") {
            return Ok(Self::Tenancy);
        }
        if !words.takes("compartment") {
            return Err(words.wrong("`tenancy` or `compartment`"));
        }
        if words.takes("id") {
            return Ok(Self::Id(words.name("an OCID")?));
        }
        let path = words.name("the name of a compartment")?;
        Ok(Self::Path(path.split(':').map(|name| name.trim().to_owned()).collect()))
    }
}
