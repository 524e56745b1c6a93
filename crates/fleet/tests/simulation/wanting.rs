//! Launches for totals of OCPUs and memory, in the same histories as launches of a number of instances: choices of several sizes,
//! refusals, kills. A run reaches its totals or is judged by `--min`, and never has more than its totals need.

use crate::{
    books::{self, Live},
    region::{OTHER_SHAPE, SHAPE},
    setup::{Setup, pick},
};
use fleet::plan::{RUN_TAG, Totals, WantedTotals};
use fleet::{FleetSpec, Plan, Strategy};
use ledger::{Amount, Phase, Placement, PlacementSize, RunId, RunState};
use oci_simulator::server::Region;
use oci_simulator::world::State;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// All choices have as much memory for each OCPU, so that the instance with the most of one has the most of the other.
const MEMORY_EACH: f64 = 6.0;

/// Wanted totals, and the choices of the config.
#[derive(Debug)]
pub struct Wanting {
    pub totals: WantedTotals,
    /// Shapes and OCPUs, best first.
    choices: Vec<(&'static str, f64)>,
    /// Whether a run below its totals is rolled back.
    pub whole: bool,
}

/// A history of a launch for totals.
pub fn drawn(seed: u64, most: u32) -> Setup {
    let mut setup = Setup::drawn(seed, most);
    let mut chance = StdRng::seed_from_u64(seed ^ 0x3A27_ED00);
    let mut choices = vec![(SHAPE, *pick(&mut chance, &[1.0, 2.0, 4.0, 8.0]))];
    for _ in 0..chance.random_range(0..3) {
        let choice = (*pick(&mut chance, &[SHAPE, OTHER_SHAPE]), *pick(&mut chance, &[1.0, 2.0, 3.0, 8.0]));
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    // The first choice reaches the totals with at most so many instances; smaller ones may need more than are allowed.
    let slots = chance.random_range(1..=most);
    let ocpus = chance.random_range(1..=u32::max(1, slots * choices[0].1 as u32));
    let memory_gb = Some(f64::from(ocpus) * MEMORY_EACH + f64::from(chance.random_range(-3..=3)));
    let totals = *pick(
        &mut chance,
        &[
            WantedTotals { ocpus: Some(f64::from(ocpus)), memory_gb: None, max_instances: 0 },
            WantedTotals { ocpus: Some(f64::from(ocpus)), memory_gb, max_instances: 0 },
            WantedTotals { ocpus: None, memory_gb, max_instances: 0 },
        ],
    );
    let max_instances = slots + 1 + *pick(&mut chance, &[0, 2, 30]);
    let whole = chance.random_bool(0.2);
    setup.min = if whole { None } else { setup.min.map(|_| chance.random_range(1..=slots)) };
    setup.wanting = Some(Wanting { totals: WantedTotals { max_instances, ..totals }, choices, whole });
    // The books of a rebuilt run know no totals, and what lost records knew counts twice at most.
    (setup.reserve, setup.amnesia, setup.damage) = (false, false, 0.0);
    (setup.preemptible, setup.other_shape) = (false, false);
    setup
}

impl Wanting {
    /// The plan of a fleet with these choices in each of its places.
    pub fn plan(&self, fleet: &FleetSpec, min: Option<u32>) -> Plan {
        let at = |(shape, ocpus): (&str, f64), place: &Placement| Placement {
            shape: shape.to_owned(),
            size: Some(PlacementSize {
                ocpus: Some(Amount(ocpus)),
                memory_gb: Some(Amount(ocpus * MEMORY_EACH)),
                baseline: None,
            }),
            ..place.clone()
        };
        let everywhere = |choice: &(&'static str, f64)| {
            let choice = *choice;
            fleet.placements.iter().map(move |place| at(choice, place)).collect::<Vec<_>>()
        };
        let placements = self.choices.iter().flat_map(everywhere).collect();
        let mut fleet = FleetSpec { placements, want: Some(self.totals), ..fleet.clone() };
        fleet.count_by_want();
        let min = min.map(|min| min.min(fleet.count));
        let strategy = if self.whole { Strategy::AllOrNothing } else { Strategy::default() };
        Plan { min, strategy, ..Plan::offline(fleet).unwrap() }
    }

    /// Whether what lives reaches the totals, and must not be rolled back.
    pub fn is_reached(&self, region: &Region, run: RunId) -> bool {
        self.totals.is_reached(amounts(region, run).0)
    }

    /// Must hold at any moment: without its largest instance, a run is below its totals.
    pub fn no_more_than_needed(&self, region: &Region, run: RunId, live: &Live) -> Result<(), String> {
        let (sum, largest) = amounts(region, run);
        if live.len() > self.totals.max_instances as usize {
            return Err(format!(
                "{} instances live, {} are the maximum",
                live.len(),
                self.totals.max_instances
            ));
        }
        if !live.is_empty() && self.totals.is_reached(sum.minus(largest)) {
            return Err(format!("{sum:?} live, more than {:?} need", self.totals));
        }
        Ok(())
    }

    /// Must hold at the end, when faults have stopped and a process has had enough time.
    pub fn settled(&self, region: &Region, live: &Live, state: &RunState, roomy: bool) -> Result<(), String> {
        for (slot, known) in &state.slots {
            let has = live.get(slot).map(|instances| &instances[0]);
            if has.map(|(ocid, _)| ocid) != known.ocid.as_ref() {
                return Err(format!(
                    "slot {slot}: the ledger knows {:?}, the region has {has:?}",
                    known.ocid
                ));
            }
            let running = has.is_some_and(|(_, is)| *is == State::Running);
            if running != (known.phase == Phase::Running) && known.phase != Phase::GivenBack {
                return Err(format!(
                    "slot {slot} is {:?} to the ledger; the region has {has:?}",
                    known.phase
                ));
            }
        }
        // Nothing lives then, as every history checks.
        if state.giving_back.is_some() {
            return Ok(());
        }
        let is_full = live.len() >= self.totals.max_instances as usize;
        if self.is_reached(region, state.run) || is_full {
            return Ok(());
        }
        if self.whole && !live.is_empty() {
            return Err(format!(
                "{} instances are left below the totals, all or nothing were wanted",
                live.len()
            ));
        }
        // A slot that gave up keeps counting, so that the last process may not have needed all slots of earlier ones.
        let slots = state
            .slots
            .iter()
            .filter(|(slot, known)| !live.contains_key(*slot) && known.given_up_at >= state.taken_up_at);
        let mut without = slots.peekable();
        if without.peek().is_none() {
            return Err("no slot says why the totals are not reached".to_owned());
        }
        match without.find(|(_, known)| roomy || !known.error.as_deref().is_some_and(books::lacks_room)) {
            Some((slot, known)) => Err(format!("slot {slot} does not run in a calm region: {known:?}")),
            None => Ok(()),
        }
    }
}

/// What the live instances of a run amount to, and the largest of them.
fn amounts(region: &Region, run: RunId) -> (Totals, Totals) {
    let run = run.to_string();
    let world = region.world();
    let own = world.live_instances().filter(|entry| entry.tags.get(RUN_TAG) == Some(&run));
    let each = own.map(|entry| Totals::of(Some(entry.ocpus), Some(entry.memory_in_gbs)));
    each.fold((Totals::default(), Totals::default()), |(sum, largest), one| {
        let larger = if one.ocpus() > largest.ocpus() { one } else { largest };
        (sum.plus(one), larger)
    })
}
