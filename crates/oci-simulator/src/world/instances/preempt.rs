//! Preemptible instances: when others need their capacity, they receive notice and are then terminated.
//!
//! Oracle documents that they can be terminated at any time, two minutes after the notice ("Preemptible Instances"), but not
//! which ones are chosen: here, the youngest that run in the same availability domain on the same family.

use crate::world::capacity::Need;
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::schedule::{Step, Task};
use crate::world::state::World;
use crate::world::time::seconds;
use oci_api::models::PreemptionAction;

impl World {
    /// Schedules the reclaims of the settings when the region starts.
    pub(in crate::world) fn plan_reclaims(&mut self) {
        for (setting, reclaim) in (0..).zip(&self.settings.reclaims) {
            self.schedule.at(self.now + seconds(reclaim.after_seconds), Task::Reclaim { setting });
        }
    }

    /// Registers a new instance if it is preemptible.
    pub(in crate::world) fn note_preemptible(&mut self, number: u32) {
        if self.is_preemptible(number) {
            self.preemptibles.insert(number);
        }
    }

    fn is_preemptible(&self, number: u32) -> bool {
        let row = self.instances.get(number);
        row.is_some_and(|row| self.instances.extras.get(row.extras).preemptible_instance_config.is_some())
    }

    /// A launch at the full price found no capacity: gives notice to as many preemptible instances as hold that much. Capacity
    /// that earlier notices will free counts, so that a caller who repeats the request does not clear the region.
    pub(in crate::world) fn make_room(&mut self, ad: u8, fd: Option<u8>, family: u8, need: Need) {
        let mut wanted = u64::from(need.ocpus);
        let mut told = Vec::new();
        for number in self.preemptibles.youngest_first() {
            let Some(row) = self.instances.get(number) else { continue };
            let here = row.ad == ad && row.shape.get().family == family && fd.is_none_or(|fd| row.fd == fd);
            let noticed = self.preemptibles.has_notice(number);
            if here && (noticed || row.state == State::Running) {
                wanted = wanted.saturating_sub(u64::from(row.need.ocpus));
                told.extend((!noticed).then_some(number));
            }
            if wanted == 0 {
                break;
            }
        }
        self.give_notice(&told);
    }

    /// Takes back a share of the preemptible instances, according to the n-th reclaim of the settings.
    pub(in crate::world) fn reclaim(&mut self, setting: u32) {
        let Some(reclaim) = self.settings.reclaims.get(setting as usize).cloned() else { return };
        let ad = reclaim.availability_domain.map(|number| number.saturating_sub(1));
        let all: Vec<u32> = self
            .preemptibles
            .without_notice()
            .filter(|number| {
                let row = self.instances.get(*number);
                row.is_some_and(|row| row.state == State::Running && ad.is_none_or(|ad| row.ad == ad))
            })
            .collect();
        let share = (all.len() as f64 * reclaim.share.clamp(0.0, 1.0)).ceil() as usize;
        let told = all.get(all.len() - share.min(all.len())..).unwrap_or_default().to_vec();
        self.give_notice(&told);
        if let Some(every) = reclaim.every_seconds {
            // Checked settings have a positive interval; this prevents an endless loop with unchecked ones.
            self.schedule.at(self.now + seconds(every.max(0.001)), Task::Reclaim { setting });
        }
    }

    fn give_notice(&mut self, numbers: &[u32]) {
        let notice = seconds(self.settings.preemption_notice_seconds);
        for number in numbers {
            self.preemptibles.give_notice(*number);
            self.log.push(self.now, "preemption_notice", Some(Id(Kind::Instance, *number)), None);
            self.after(*number, notice, Step::Preempted);
        }
    }

    /// Terminates an instance whose notice has expired.
    pub(in crate::world) fn preempt(&mut self, number: u32) {
        let Some(row) = self.instances.get(number) else { return };
        let config = self.instances.extras.get(row.extras).preemptible_instance_config.as_ref();
        let keep_boot = match config.and_then(|config| config.preemption_action.as_deref()) {
            Some(PreemptionAction::Terminate(action)) => action.preserve_boot_volume.unwrap_or(false),
            _ => false,
        };
        // Data volumes stay unless a request says otherwise, and here there is no request.
        self.terminate(number, keep_boot, true);
    }
}
