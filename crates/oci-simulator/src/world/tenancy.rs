//! One tenancy in several regions: its OCIDs, users and compartments are the same in each of them, and everything else belongs to
//! one region.

use super::ids::{Id, Kind};
use super::state::World;

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
        self.identity.users = home.identity.users;
        self.identity.compartments.clone_from(&home.identity.compartments);
        let users = (0..home.identity.users).map(|number| Id(Kind::User, number));
        let compartments = (1..).zip(home.identity.compartments.iter().skip(1));
        let compartments = compartments.map(|(number, _)| Id(Kind::Compartment, number));
        for id in users.chain(compartments) {
            self.ids.name(id, &home.ids.text(id));
        }
    }

    /// Sets the regions that the tenancy is subscribed to, its home region first.
    pub fn subscribe(&mut self, regions: &[String]) {
        self.subscriptions = regions.to_vec();
    }
}
