//! What the groups and policies of the tenancy allow: those that a scenario has, and those that somebody made, are the same rows.

use super::rows::{Iam, IamContent, IamRow};
use crate::iam::{Access, DynamicGroup, Grant, Location, Policies, UserGroup, read_statement};
use crate::world::identity::compartment_ocid;
use crate::world::ids::Kind;
use crate::world::network::Common;
use crate::world::state::World;

/// The name of the policy with the statements of a scenario or of `/_sim/policies`.
const GIVEN: &str = "simulated-region";

impl World {
    /// Puts the groups and policies of a scenario or of `/_sim/policies` in place of those that were given before; `None` allows
    /// everybody everything. What somebody made stays if `keep_made` says so.
    pub(crate) fn give_policies(&mut self, policies: Option<&Policies>, keep_made: bool) {
        let names: Vec<&str> = policies.iter().flat_map(|policies| policies.names()).collect();
        let was = self.identity.iam.enforced;
        if policies.is_none() && !was && !self.identity.iam.has_given() {
            return;
        }
        let iam = &mut self.identity.iam;
        iam.forget_given(keep_made, &names);
        iam.enforced = policies.is_some();
        let Some(policies) = policies else { return };
        let created = self.now;
        let mut add = |kind: Kind, name: &str, content: IamContent| {
            let row = IamRow {
                compartment: 0,
                name: name.to_owned(),
                description: "Given to the simulated region".to_owned(),
                created,
                common: Common::default(),
                given: true,
                content,
            };
            iam.add(kind, row).1
        };
        for group in &policies.groups {
            let number = add(Kind::Group, &group.name, IamContent::Group);
            for user in &group.users {
                let content = IamContent::Membership { group: number, user: user.clone() };
                add(Kind::GroupMembership, "", content);
            }
        }
        for group in &policies.dynamic_groups {
            let rule = group.matching_rule.clone();
            add(Kind::DynamicGroup, &group.name, IamContent::DynamicGroup { rule });
        }
        let statements = policies.statements.clone();
        add(Kind::Policy, GIVEN, IamContent::Policy { statements, version_date: None });
    }

    /// The groups and policies in force; `None` if everybody may do everything.
    pub(crate) fn policies(&self) -> Option<Policies> {
        let iam = &self.identity.iam;
        let statements = iam.living(Kind::Policy).filter_map(|(_, row)| match &row.content {
            IamContent::Policy { statements, .. } => Some(statements.clone()),
            _ => None,
        });
        iam.enforced.then(|| Policies {
            groups: user_groups(iam),
            dynamic_groups: dynamic_groups(iam),
            statements: statements.flatten().collect(),
        })
    }

    /// What they allow, as far as they are understood; `None` if everybody may do everything.
    pub(crate) fn access(&self) -> Option<Access> {
        let iam = &self.identity.iam;
        if !iam.enforced {
            return None;
        }
        let mut access = Access::of(user_groups(iam), &dynamic_groups(iam));
        for (_, row) in iam.living(Kind::Policy) {
            let IamContent::Policy { statements, .. } = &row.content else { continue };
            for text in statements {
                let Ok(Some(grant)) = read_statement(text) else { continue };
                let Some(location) = self.place_from(row.compartment, &grant.location) else { continue };
                access.grant(grant.at(location).named(|ocid| self.group_named_by(ocid)));
            }
        }
        Some(access)
    }

    /// The name of the group or dynamic group with this OCID.
    fn group_named_by(&self, ocid: &str) -> Option<String> {
        let id = self.ids.find(ocid)?;
        let row = self.identity.iam.rows.get(&id).filter(|row| row.content.is_group())?;
        row.common.lives().then(|| row.name.clone())
    }

    /// The first group in a statement that does not exist.
    pub(super) fn unknown_group(&self, grant: &Grant) -> Option<String> {
        let named = grant.clone().named(|ocid| self.group_named_by(ocid));
        let iam = &self.identity.iam;
        named.unknown_group(&user_groups(iam), &dynamic_groups(iam))
    }

    /// Where a statement of a policy applies: paths begin at the compartment of the policy. `None` if there is no such compartment
    /// at or below it. The region's own places are looked up when they are needed, because compartments come and go.
    pub(super) fn place_from(&self, compartment: u32, location: &Location) -> Option<Location> {
        if compartment == 0 {
            // Places of given statements were checked when they were given.
            return self.place_of(location).map(|_| location.clone());
        }
        let place = match location {
            Location::Tenancy => return None,
            Location::Id(_) => self.place_of(location)?,
            Location::Path(path) => self.below(compartment, path).or_else(|| {
                // The compartment may name itself.
                let (first, rest) = path.split_first()?;
                let own = self.identity.compartments.get(compartment as usize)?;
                own.name.eq_ignore_ascii_case(first).then(|| self.below(compartment, rest))?
            })?,
        };
        self.is_below(place, compartment).then(|| Location::Id(compartment_ocid(&self.ids, place)))
    }
}

impl Iam {
    fn has_given(&self) -> bool {
        self.rows.values().any(|row| row.given)
    }
}

fn user_groups(iam: &Iam) -> Vec<UserGroup> {
    let members = |number: u32| {
        iam.living(Kind::GroupMembership).filter_map(move |(_, row)| match &row.content {
            IamContent::Membership { group, user } if *group == number => Some(user.clone()),
            _ => None,
        })
    };
    let groups = iam.living(Kind::Group);
    groups
        .map(|(number, row)| UserGroup { name: row.name.clone(), users: members(number).collect() })
        .collect()
}

fn dynamic_groups(iam: &Iam) -> Vec<DynamicGroup> {
    let groups = iam.living(Kind::DynamicGroup).filter_map(|(_, row)| match &row.content {
        IamContent::DynamicGroup { rule } => {
            Some(DynamicGroup { name: row.name.clone(), matching_rule: rule.clone() })
        }
        _ => None,
    });
    groups.collect()
}
