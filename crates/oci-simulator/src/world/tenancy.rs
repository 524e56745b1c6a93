//! One tenancy in several regions: its OCIDs, users and compartments are the same in each of them, and everything else belongs to
//! one region.

use super::identity::{Directory, Iam};
use super::ids::{Id, Kind};
use super::state::World;

/// What the home region of a tenancy tells its other regions.
pub(crate) struct TenancyFacts {
    identity: Directory,
    names: Vec<(Id, String)>,
}

impl World {
    /// Whether the tenancy has no other region.
    pub(crate) fn is_alone(&self) -> bool {
        self.subscriptions.len() < 2
    }

    /// Takes over the tenancy, the users and the compartments of its home region. Compartments that were registered here alone
    /// are forgotten, so this comes before anything else is registered.
    pub fn join_tenancy(&mut self, home: &Self) {
        self.instances.forget_shown();
        self.ids.name(Id(Kind::Tenancy, 0), &home.ids.text(Id(Kind::Tenancy, 0)));
        // Nothing else was made here before.
        self.identity.iam = Iam::default();
        self.follow(&home.tenancy());
    }

    /// What the tenancy has, for its other regions.
    pub(crate) fn tenancy(&self) -> TenancyFacts {
        let identity = self.identity.clone();
        let users = (0..identity.users).map(|number| Id(Kind::User, number));
        let compartments =
            (1..identity.compartments.len() as u32).map(|number| Id(Kind::Compartment, number));
        let rows = identity.iam.rows.keys().copied();
        let names = users.chain(compartments).chain(rows).map(|id| (id, self.ids.text(id))).collect();
        TenancyFacts { identity, names }
    }

    /// Takes over what the tenancy has, unless it is older than what is known here.
    pub(crate) fn follow(&mut self, facts: &TenancyFacts) {
        if facts.identity.iam.changes < self.identity.iam.changes {
            return;
        }
        self.instances.forget_shown();
        self.identity.users = facts.identity.users;
        self.identity.compartments.clone_from(&facts.identity.compartments);
        self.identity.iam.clone_from(&facts.identity.iam);
        for (id, ocid) in &facts.names {
            if self.ids.text(*id) != *ocid {
                self.ids.name(*id, ocid);
            }
        }
    }

    /// Sets the regions that the tenancy is subscribed to, its home region first.
    pub fn subscribe(&mut self, regions: &[String]) {
        self.subscriptions = regions.to_vec();
    }
}
