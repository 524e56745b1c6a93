//! Preemptible instances: when others want their room they are given notice, and are terminated after it.
//!
//! That they may go at any time, and two minutes of notice, are Oracle's ("Preemptible Instances"). Whom it hits is not
//! published: here it is the youngest that run in the same availability domain on the same shape family.

use super::World;
use super::capacity::Need;
use super::ids::{Id, Kind};
use super::instances::State;
use super::schedule::{Step, Task};
use super::time::seconds;
use oci_api::models::PreemptionAction;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The preemptible instances that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Preemptibles {
    living: BTreeSet<u32>,
    /// Those of them that have been given notice.
    noticed: BTreeSet<u32>,
}

impl World {
    /// Plans when they are taken back whoever wants their room, at the beginning of the world.
    pub(super) fn plan_reclaims(&mut self) {
        for (setting, reclaim) in (0..).zip(&self.settings.reclaims) {
            self.schedule.at(self.now + seconds(reclaim.after_seconds), Task::Reclaim { setting });
        }
    }

    /// Keeps an instance in mind, if it is preemptible.
    pub(super) fn know_preemptible(&mut self, number: u32) {
        if self.is_preemptible(number) {
            self.preemptibles.living.insert(number);
        }
    }

    /// It is gone, whoever terminated it.
    pub(super) fn forget_preemptible(&mut self, number: u32) {
        self.preemptibles.living.remove(&number);
        self.preemptibles.noticed.remove(&number);
    }

    fn is_preemptible(&self, number: u32) -> bool {
        let row = self.instances.get(number);
        row.is_some_and(|row| self.instances.extras.get(row.extras).preemptible_instance_config.is_some())
    }

    /// Somebody who does not pay less found no room: as many preemptible instances are given notice as hold so much.
    /// What earlier notices will free counts, so that a caller who asks again and again does not clear the region.
    pub(super) fn want_room(&mut self, ad: u8, fd: Option<u8>, family: u8, need: Need) {
        let mut wanted = u64::from(need.ocpus);
        let mut told = Vec::new();
        for number in self.preemptibles.living.iter().rev() {
            let Some(row) = self.instances.get(*number) else { continue };
            let here = row.ad == ad && row.shape.get().family == family && fd.is_none_or(|fd| row.fd == fd);
            let noticed = self.preemptibles.noticed.contains(number);
            if here && (noticed || row.state == State::Running) {
                wanted = wanted.saturating_sub(u64::from(row.need.ocpus));
                told.extend((!noticed).then_some(*number));
            }
            if wanted == 0 {
                break;
            }
        }
        self.give_notice(&told);
    }

    /// The settings' n-th reclaim is due.
    pub(super) fn reclaim(&mut self, setting: u32) {
        let Some(reclaim) = self.settings.reclaims.get(setting as usize).cloned() else { return };
        let ad = reclaim.availability_domain.map(|number| number.saturating_sub(1));
        let all: Vec<u32> = self
            .preemptibles
            .living
            .difference(&self.preemptibles.noticed)
            .copied()
            .filter(|number| {
                let row = self.instances.get(*number);
                row.is_some_and(|row| row.state == State::Running && ad.is_none_or(|ad| row.ad == ad))
            })
            .collect();
        let share = (all.len() as f64 * reclaim.share.clamp(0.0, 1.0)).ceil() as usize;
        let told = all.get(all.len() - share.min(all.len())..).unwrap_or_default().to_vec();
        self.give_notice(&told);
        if let Some(every) = reclaim.every_seconds {
            // Settings are checked to have a positive interval; this keeps a bad one from looping for ever.
            self.schedule.at(self.now + seconds(every.max(0.001)), Task::Reclaim { setting });
        }
    }

    fn give_notice(&mut self, numbers: &[u32]) {
        let notice = seconds(self.settings.preemption_notice_seconds);
        for number in numbers {
            self.preemptibles.noticed.insert(*number);
            self.log.push(self.now, "preemption_notice", Some(Id(Kind::Instance, *number)), None);
            self.after(*number, notice, Step::Preempted);
        }
    }

    /// The notice is over.
    pub(super) fn preempt(&mut self, number: u32) {
        let Some(row) = self.instances.get(number) else { return };
        let config = self.instances.extras.get(row.extras).preemptible_instance_config.as_ref();
        let keep_boot = match config.and_then(|config| config.preemption_action.as_deref()) {
            Some(PreemptionAction::Terminate(action)) => action.preserve_boot_volume.unwrap_or(false),
            _ => false,
        };
        // Data volumes stay unless a request says otherwise, and there is none.
        self.terminate(number, keep_boot, true);
    }

    /// Checks that those that are kept in mind are there.
    pub(super) fn check_preemptibles(&self) -> Result<(), String> {
        let live = |number: &u32| self.instances.get(*number).is_some_and(|row| row.live);
        match self.preemptibles.living.iter().find(|number| !live(number)) {
            Some(number) => Err(format!("instance {number} is gone and still counted as preemptible")),
            None if !self.preemptibles.noticed.is_subset(&self.preemptibles.living) => {
                Err("an instance that is not there was given notice".to_owned())
            }
            None => Ok(()),
        }
    }
}
