//! What holds of a tenancy, whatever somebody makes and deletes in it.

use super::rows::{IamContent, IamRow};
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use std::collections::BTreeSet;

impl World {
    /// Checks that names are taken once, that everything belongs to something that is there, and that a deleted compartment is
    /// empty.
    pub(in crate::world) fn check_identity(&self) -> Result<(), String> {
        self.check_compartments()?;
        let living = self.identity.iam.rows.iter().filter(|(_, row)| row.common.lives());
        let mut names = BTreeSet::new();
        for (id, row) in living {
            let told = |what: &str| Err(format!("{} {} ({}) {what}", id.0.as_str(), id.1, row.name));
            if !self.compartment_exists(row.compartment) {
                return told("is in a compartment that is not there");
            }
            if !self.has_its_owner(row) {
                return told("belongs to something that is not there");
            }
            if let Some(scope) = scope_of_name(*id, row)
                && !names.insert((scope, row.name.to_lowercase()))
            {
                return told("has a name that is taken");
            }
        }
        Ok(())
    }

    fn check_compartments(&self) -> Result<(), String> {
        for (row, number) in self.identity.compartments.iter().zip(0_u32..).skip(1) {
            if row.exists(self.now) {
                if !self.compartment_exists(row.parent) {
                    return Err(format!("compartment {number} is below one that is not there"));
                }
            } else if let Some(content) = self.first_in_compartment(number) {
                return Err(format!("compartment {number} is deleted and has {content}"));
            }
        }
        Ok(())
    }

    fn compartment_exists(&self, number: u32) -> bool {
        let row = self.identity.compartments.get(number as usize);
        row.is_some_and(|row| row.exists(self.now))
    }

    fn has_its_owner(&self, row: &IamRow) -> bool {
        let lives = |kind, number| {
            let owner = self.identity.iam.rows.get(&Id(kind, number));
            owner.is_some_and(|owner| owner.common.lives())
        };
        match &row.content {
            IamContent::Membership { group, user } => {
                // A scenario may name users that nobody has made.
                let user = self.ids.number(Kind::User, user);
                lives(Kind::Group, *group) && user.is_none_or(|user| self.user_exists(user))
            }
            IamContent::Tag { namespace, .. } => lives(Kind::TagNamespace, *namespace),
            // The defaults of a deleted tag stay (Oracle: "Deleting a Tag Key Definition").
            IamContent::TagDefault { tag, .. } => {
                self.identity.iam.rows.contains_key(&Id(Kind::TagDefinition, *tag))
            }
            _ => true,
        }
    }
}

/// Where the name of a row must be unique: the kind, and a number of what it belongs to. `None` for what has no name of its own.
fn scope_of_name(id: Id, row: &IamRow) -> Option<(Kind, u32)> {
    match row.content {
        // Users may also be known to a scenario only.
        IamContent::User { .. } | IamContent::Membership { .. } | IamContent::TagDefault { .. } => None,
        // Both kinds of group share their names.
        IamContent::Group | IamContent::DynamicGroup { .. } => Some((Kind::Group, 0)),
        IamContent::Policy { .. } => Some((id.0, row.compartment)),
        IamContent::TagNamespace { .. } => Some((id.0, 0)),
        IamContent::Tag { namespace, .. } => Some((id.0, namespace)),
    }
}
