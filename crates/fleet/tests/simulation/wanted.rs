//! The resources that should exist according to the records of a run: the newest ledger, and what people have kept by hand.

use crate::books;
use fleet::action::ActionPlan;
use fleet::cleanup::EXPIRY_TAG;
use fleet::plan::{RUN_TAG, SLOT_TAG};
use jiff::Timestamp;
use ledger::{MemoryStore, Outcome, Phase, RunId, RunKind, RunState, Store as _};
use oci_simulator::server::Region;
use std::collections::BTreeSet;

/// The launch and the terminations according to the ledger.
pub struct Books {
    launch: RunState,
    ended: BTreeSet<String>,
    kept: BTreeSet<String>,
}

impl Books {
    pub async fn read(store: &MemoryStore, launch: RunId) -> Self {
        let mut books = Self {
            launch: RunState::fold(launch, &store.snapshot(launch)),
            ended: BTreeSet::new(),
            kept: BTreeSet::new(),
        };
        for head in store.runs().await.unwrap() {
            if head.kind != Some(RunKind::Terminate) {
                continue;
            }
            let state = RunState::fold(head.run, &store.snapshot(head.run));
            let sent = [Phase::ActionIntended, Phase::ActionAccepted, Phase::ActionDone];
            let slots = state.slots.values().filter(|slot| sent.contains(&slot.phase));
            books.ended.extend(slots.filter_map(|slot| slot.ocid.clone()));
            let plan: ActionPlan = serde_json::from_value(state.plan.clone()).unwrap();
            books.kept.extend(plan.kept_volumes.into_iter().map(|kept| kept.volume));
        }
        books
    }

    /// Volumes that terminations have kept on purpose.
    pub fn kept(&self) -> &BTreeSet<String> {
        &self.kept
    }

    pub fn is_rolled_back(&self) -> bool {
        self.launch.giving_back.is_some() || self.launch.outcome == Some(Outcome::GivenBack)
    }

    /// The OCIDs of everything that only its owner may delete. A named run is in scope, finished or not.
    pub fn wanted(&self, region: &Region, now: Timestamp, named: bool) -> BTreeSet<String> {
        let mut wanted = self.kept.clone();
        let instances = self.instances(region, now);
        let volumes = region.world().boot_volumes().collect::<Vec<_>>();
        let used = volumes
            .into_iter()
            .filter(|volume| volume.used_by.as_ref().is_some_and(|instance| instances.contains(instance)));
        wanted.extend(used.map(|volume| volume.id));
        // A resumed run launches into its reservations, unless every slot has its instance.
        let open = (1..=self.launch.requested).any(|slot| self.launch.slot(slot).ocid.is_none());
        let unfinished = self.launch.outcome.is_none_or(Outcome::is_unfinished) && open;
        // An instance that is being terminated is counted as a use of its reservation, but needs it no longer.
        let reserved: BTreeSet<String> =
            region.world().live_instances().filter_map(|entry| entry.reservation).collect();
        let reservations = region.world().reservations().collect::<Vec<_>>();
        let needed =
            reservations.into_iter().filter(|entry| reserved.contains(&entry.id) || (unfinished && !named));
        wanted.extend(needed.map(|entry| entry.id));
        wanted.extend(instances);
        wanted
    }

    /// The instances that the launch has, or will adopt when it is resumed.
    fn instances(&self, region: &Region, now: Timestamp) -> BTreeSet<String> {
        let run = self.launch.run.to_string();
        let live: Vec<_> = region.world().live_instances().collect();
        let by_slot = books::live(region, self.launch.run);
        live.into_iter()
            .filter(|entry| entry.tags.get(RUN_TAG) == Some(&run) && !self.is_rolled_back())
            .filter(|entry| {
                let until = entry.tags.get(EXPIRY_TAG).map(|until| until.parse::<Timestamp>().unwrap());
                until.is_none_or(|until| until > now)
            })
            .filter(|entry| {
                let number = entry.tags[SLOT_TAG].parse().unwrap();
                let slot = self.launch.slot(number);
                let has = slot.ocid.as_ref();
                let lives = |ocid: &String| by_slot[&number].iter().any(|(live, _)| live == ocid);
                let ended = self.ended.contains(&entry.id) || slot.gone.contains(&entry.id);
                !ended && (has == Some(&entry.id) || !has.is_some_and(lives))
            })
            .map(|entry| entry.id)
            .collect()
    }
}
