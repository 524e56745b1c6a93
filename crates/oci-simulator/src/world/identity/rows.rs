//! What somebody makes in a tenancy: users, groups, policies, tags. All kinds are one kind of row.

use crate::world::ids::{Id, Kind};
use crate::world::network::{Common, Phase};
use crate::world::pairs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::world) struct IamRow {
    pub compartment: u32,
    pub name: String,
    pub description: String,
    pub created: Timestamp,
    pub common: Common,
    /// Whether a scenario or `/_sim/policies` has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given: bool,
    pub content: IamContent,
}

/// What a row of its kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::world) enum IamContent {
    User {
        email: Option<String>,
    },
    Group,
    DynamicGroup {
        rule: String,
    },
    Policy {
        statements: Vec<String>,
        version_date: Option<Timestamp>,
    },
    TagNamespace {
        retired: bool,
    },
    Tag {
        namespace: u32,
        retired: bool,
        counts_costs: bool,
        values: Option<Vec<String>>,
    },
    TagDefault {
        tag: u32,
        value: String,
        required: bool,
    },
    /// A user in a group, by OCID, or by the name that a scenario has.
    Membership {
        group: u32,
        user: String,
    },
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::world) struct Iam {
    #[serde(with = "pairs")]
    pub rows: BTreeMap<Id, IamRow>,
    made: u32,
    /// Incremented by every change, so that a region knows whether another one is ahead.
    pub changes: u64,
    /// Whether policies decide what callers may do. Otherwise everybody may do everything.
    pub enforced: bool,
}

impl Iam {
    pub fn is_unused(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, kind: Kind, row: IamRow) -> Id {
        let id = Id(kind, self.made);
        self.made += 1;
        self.add_as(id, row);
        id
    }

    /// Adds a row with a number of its own.
    pub fn add_as(&mut self, id: Id, row: IamRow) {
        self.rows.insert(id, row);
        self.changes += 1;
    }

    /// The living rows of a kind.
    pub fn living(&self, kind: Kind) -> impl Iterator<Item = (u32, &IamRow)> {
        let rows = self.rows.range(Id(kind, 0)..=Id(kind, u32::MAX));
        rows.filter(|(_, row)| row.common.lives()).map(|(id, row)| (id.1, row))
    }

    /// The living row with this name. Names ignore case.
    pub fn named(&self, kind: Kind, name: &str) -> Option<(u32, &IamRow)> {
        self.living(kind).find(|(_, row)| row.name.eq_ignore_ascii_case(name))
    }

    /// Forgets the rows that a scenario or `/_sim/policies` has given, and those with a name that is given again.
    pub fn forget_given(&mut self, keep_made: bool, names: &[&str]) {
        let is_access = |kind: Kind| {
            matches!(kind, Kind::Group | Kind::DynamicGroup | Kind::Policy | Kind::GroupMembership)
        };
        let is_named = |row: &IamRow| {
            row.content.is_group() && names.iter().any(|name| row.name.eq_ignore_ascii_case(name))
        };
        self.rows.retain(|id, row| !is_access(id.0) || (keep_made && !row.given && !is_named(row)));
        let groups: Vec<u32> = self.living(Kind::Group).map(|(number, _)| number).collect();
        self.rows.retain(|_, row| match &row.content {
            IamContent::Membership { group, .. } => groups.contains(group),
            _ => true,
        });
        self.changes += 1;
    }
}

impl IamContent {
    pub fn is_group(&self) -> bool {
        matches!(self, Self::Group | Self::DynamicGroup { .. })
    }
}

/// A state as the Identity service calls it.
pub(super) fn state_of(phase: Option<Phase>) -> &'static str {
    match phase {
        Some(Phase::Provisioning) => "CREATING",
        Some(Phase::Available) => "ACTIVE",
        Some(Phase::Terminating) => "DELETING",
        None => "DELETED",
    }
}
