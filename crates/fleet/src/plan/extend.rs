//! The names of a fleet that are in use, so that an extension continues after them.

use super::naming::NamePattern;
use super::spec::FleetSpec;
use super::{ENGINE_TAG, FLEET_TAG, Plan, RUN_TAG, is_of_pool};
use crate::engine::cloud;
use futures_util::TryStreamExt as _;
use ledger::RunState;
use oci_api::models::{Instance, InstanceLifecycleState};
use oci_client::{Client, Failure};
use std::collections::BTreeSet;

/// The number in a name of the fleet. A number that no fleet reaches, such as a date, belongs to another name.
pub(crate) fn number_in(fleet: &FleetSpec, name: &str) -> Option<u32> {
    match &fleet.naming {
        Some(naming) => naming.number_in(name, &fleet.name_prefix),
        None => NamePattern::usual().number_in(name, &fleet.name_prefix),
    }
}

/// The names of a fleet that are taken in its compartment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenNames {
    /// The highest number in a name; 0 if there is none. Terminated instances count while the service shows them (12 hours,
    /// OpenAPI of the Core Services), because two instances with one name cannot be told apart.
    pub highest: u32,
    /// The number of existing instances with such a name.
    pub living: u32,
    /// The OCIDs of all instances with such a name, existing or terminated.
    pub ocids: BTreeSet<String>,
    /// The runs that launched the existing ones, by their tags.
    pub runs: BTreeSet<String>,
}

/// Reads the taken names of the fleet from all pages of its compartment's list.
///
/// # Errors
/// When the compartment cannot be listed.
pub async fn taken(client: &Client, fleet: &FleetSpec) -> Result<TakenNames, Failure> {
    let mut taken = TakenNames::default();
    let mut pages = std::pin::pin!(client.pages::<Instance>(cloud::list(&fleet.compartment)));
    while let Some(page) = pages.try_next().await? {
        for instance in &page.value {
            taken.count(fleet, instance);
        }
    }
    Ok(taken)
}

impl TakenNames {
    fn count(&mut self, fleet: &FleetSpec, instance: &Instance) {
        let name = instance.display_name.as_deref().unwrap_or_default();
        match number_in(fleet, name) {
            Some(number) => self.highest = self.highest.max(number),
            None if is_member_of_a_pool(fleet, instance) => {}
            None => return,
        }
        self.ocids.insert(instance.id.clone());
        if matches!(
            instance.lifecycle_state,
            InstanceLifecycleState::Terminating | InstanceLifecycleState::Terminated
        ) {
            return;
        }
        self.living += 1;
        let tags = instance.freeform_tags.iter().flatten();
        self.runs.extend(tags.filter(|(key, _)| *key == RUN_TAG).map(|(_, run)| run.clone()));
    }
}

/// Whether a pool of the fleet has launched the instance. Its name is the pool's choice.
fn is_member_of_a_pool(fleet: &FleetSpec, instance: &Instance) -> bool {
    let Some(tags) = &instance.freeform_tags else { return false };
    let is_ours = fleet.tagged_name().is_some_and(|name| tags.get(FLEET_TAG).is_some_and(|tag| tag == name));
    is_ours && tags.get(ENGINE_TAG).is_some_and(|mark| is_of_pool(mark))
}

/// The highest number that a run has assigned to an instance, or may still assign when it is resumed; 0 if there is none.
///
/// Lists of instances lag behind launches, so recently created ones may not be listed.
pub fn highest_of_run(state: &RunState, plan: &Plan, unfinished: bool) -> u32 {
    let tried = || {
        let slots = state.slots.iter();
        slots.filter(|(_, slot)| slot.ocid.is_some() || slot.unsettled.is_some() || !slot.gone.is_empty())
    };
    let last = if unfinished {
        Some(state.requested.max(plan.fleet.slots()))
    } else {
        tried().map(|(number, _)| *number).max()
    };
    let numbers = (1..=last.unwrap_or(0)).map(|slot| plan.fleet.number(slot));
    numbers.max().map_or(0, |highest| u32::try_from(highest).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::number_in;
    use crate::plan::FleetSpec;

    #[test]
    fn only_whole_names_of_the_fleet_have_a_number() {
        let cases = [
            ("web-7", Some(7)),
            ("web-0012", Some(12)),
            ("web-", None),
            ("web-7a", None),
            ("web-+7", None),
            ("web-7-1", None),
            ("web2-7", None),
            ("other-7", None),
            ("web-20261122235959", None),
            ("web-99999999", None),
        ];
        let fleet = FleetSpec { name_prefix: "web".to_owned(), ..FleetSpec::default() };
        for (name, number) in cases {
            assert_eq!(number_in(&fleet, name), number, "{name}");
        }
    }
}
