//! Creates, attaches, keeps and deletes the volumes of instances.

use super::{AttachmentRow, NewVolume, NewVolumeDetails, VolumeRow};
use crate::world::api::ApiError;
use crate::world::automatic_tags::Creator;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::limits::USUAL_BOOT_SIZE_GBS;
use crate::world::state::World;
use crate::world::time::seconds;
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Whether lists still show a volume: it exists, or was deleted recently.
    pub(in crate::world) fn shows_volume(&self, row: &VolumeRow) -> bool {
        row.available || row.changed + seconds(self.settings.terminated_listed_hours * 3600.0) > self.now
    }

    /// The boot volume with this OCID, or 404.
    pub(in crate::world) fn boot_volume(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::BootVolume, ocid);
        let row = number.and_then(|number| Some((number, self.volumes.boots.get(number as usize)?)));
        row.filter(|(_, row)| self.shows_volume(row)).map(|(number, _)| number).ok_or_else(error::not_found)
    }

    /// The data volume with this OCID, or 404.
    pub(in crate::world) fn data_volume(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::Volume, ocid);
        let row = number.and_then(|number| Some((number, self.volumes.data.get(number as usize)?)));
        row.filter(|(_, row)| self.shows_volume(row)).map(|(number, _)| number).ok_or_else(error::not_found)
    }

    /// The boot volume with this OCID, if an instance in this availability domain can boot from it.
    pub(in crate::world) fn launchable_boot_volume(&self, ocid: &str, ad: u8) -> Result<u32, ApiError> {
        let number = self.boot_volume(ocid)?;
        let row = &self.volumes.boots[number as usize];
        if !row.available || row.ad != ad {
            return Err(error::not_found());
        }
        match row.used_by {
            Some(_) => {
                Err(error::incorrect_state(format!("boot volume {ocid} is attached to another instance")))
            }
            None => Ok(number),
        }
    }

    /// Adds a boot volume that no instance uses.
    pub(in crate::world) fn add_boot_volume(&mut self, compartment: u32, ad: u8) -> u32 {
        let number = self.volumes.boots.len() as u32;
        self.volumes.boots.push(VolumeRow {
            compartment,
            ad,
            name: format!("boot-volume-{}", number + 1).into(),
            image: None,
            size_in_gbs: USUAL_BOOT_SIZE_GBS,
            vpus_per_gb: 10,
            creator: Creator::NONE,
            created: self.now,
            changed: self.now,
            version: 0,
            available: true,
            used_by: None,
            own: None,
        });
        number
    }

    pub(in crate::world) fn claim_boot_volume(&mut self, volume: u32, instance: u32) {
        if let Some(row) = self.volumes.boots.get_mut(volume as usize) {
            row.used_by = Some(instance);
            row.version += 1;
        }
    }

    pub(in crate::world) fn check_new_volumes(&self, wanted: &[NewVolume], ad: u8) -> Result<(), ApiError> {
        let mut named = BTreeSet::new();
        for new in wanted {
            if let Some(ocid) = &new.volume_id {
                if !named.insert(ocid) {
                    return Err(error::invalid(format!("launchVolumeAttachments names volume {ocid} twice")));
                }
                let row = &self.volumes.data[self.data_volume(ocid)? as usize];
                if row.ad != ad || !row.available {
                    return Err(error::not_found());
                }
                if row.used_by.is_some() || self.is_detaching(self.data_volume(ocid)?) {
                    return Err(error::incorrect_state(format!("volume {ocid} is attached already")));
                }
            }
            if let Some(details) = &new.launch_create_volume_details {
                if !(50..=32_768).contains(&details.size_in_gbs) {
                    return Err(error::invalid(
                        "launchCreateVolumeDetails.sizeInGBs must be between 50 and 32768",
                    ));
                }
                if let Some(compartment) = &details.compartment_id {
                    self.compartment(compartment)?;
                }
                self.check_other(details.kms_key_id.as_deref())?;
            }
        }
        Ok(())
    }

    /// Records the data volumes that an instance will have, and claims those that exist.
    pub(in crate::world) fn plan_data_volumes(&mut self, instance: u32, wanted: &[NewVolume]) {
        if wanted.is_empty() {
            return;
        }
        for ocid in wanted.iter().filter_map(|new| new.volume_id.as_ref()) {
            if let Ok(number) = self.data_volume(ocid) {
                self.volumes.data[number as usize].used_by = Some(instance);
            }
        }
        self.volumes.planned.insert(instance, wanted.to_vec());
    }

    /// Creates and attaches the volumes of an instance that has been placed.
    pub(in crate::world) fn attach_volumes(&mut self, instance: u32) {
        let now = self.now;
        let Some(row) = self.instances.get_mut(instance) else { return };
        row.placed = true;
        if row.boot_volume.is_none() {
            let number = self.volumes.boots.len() as u32;
            row.boot_volume = Some(number);
            let (compartment, ad, image, creator) = (row.compartment, row.ad, row.image, row.creator);
            let name = format!("{} (Boot Volume)", row.name).into();
            let source = self.instances.extras.get(self.instances.get(instance).map_or(0, |row| row.extras));
            let source = source.source_details.clone().unwrap_or_default();
            self.volumes.boots.push(VolumeRow {
                compartment,
                ad,
                name,
                image,
                size_in_gbs: source.boot_volume_size_in_gbs.unwrap_or(USUAL_BOOT_SIZE_GBS),
                vpus_per_gb: source.boot_volume_vpus_per_gb.unwrap_or(10),
                creator,
                created: now,
                changed: now,
                version: 0,
                available: true,
                used_by: Some(instance),
                own: None,
            });
        }
        for new in self.volumes.planned.remove(&instance).unwrap_or_default() {
            let existing = new.volume_id.as_deref().and_then(|ocid| self.data_volume(ocid).ok());
            let Some(volume) = existing.or_else(|| self.make_data_volume(instance, &new)) else { continue };
            let number = self.volumes.attachments.len() as u32;
            let attachment = AttachmentRow {
                instance,
                volume,
                wanted: new,
                created: now,
                attached: true,
                forgotten: false,
                by_request: false,
                detached: None,
            };
            self.volumes.attachments.push(attachment);
            self.volumes.of_instance.entry(instance).or_default().push(number);
        }
    }

    /// Creates a data volume and attaches it to an instance at once, as a user does in two requests. Returns its OCID; `None` if the instance does not exist.
    pub fn attach_another_volume(&mut self, instance: &str, size_in_gbs: i64) -> Option<String> {
        let instance = self.ids.number(Kind::Instance, instance)?;
        let details = NewVolumeDetails { size_in_gbs, ..NewVolumeDetails::default() };
        let new = NewVolume { launch_create_volume_details: Some(details), ..NewVolume::default() };
        let volume = self.make_data_volume(instance, &new)?;
        let ocid = self.ids.text(Id(Kind::Volume, volume));
        // The attachment looks like that of a volume that existed before.
        let wanted = NewVolume { volume_id: Some(ocid.clone()), ..NewVolume::default() };
        let number = self.volumes.attachments.len() as u32;
        let row = AttachmentRow {
            instance,
            volume,
            wanted,
            created: self.now,
            attached: true,
            forgotten: false,
            by_request: false,
            detached: None,
        };
        self.volumes.attachments.push(row);
        self.volumes.of_instance.entry(instance).or_default().push(number);
        Some(ocid)
    }

    fn make_data_volume(&mut self, instance: u32, new: &NewVolume) -> Option<u32> {
        let row = self.instances.get(instance)?;
        let details = new.launch_create_volume_details.as_ref()?;
        let other = details.compartment_id.as_ref().and_then(|ocid| self.compartment(ocid).ok());
        let number = self.volumes.data.len() as u32;
        let name = details.display_name.clone().unwrap_or_else(|| format!("{} (Volume {number})", row.name));
        self.volumes.data.push(VolumeRow {
            compartment: other.unwrap_or(row.compartment),
            ad: row.ad,
            name: name.into(),
            image: None,
            size_in_gbs: details.size_in_gbs,
            vpus_per_gb: details.vpus_per_gb.unwrap_or(10),
            creator: row.creator,
            created: self.now,
            changed: self.now,
            version: 0,
            available: true,
            used_by: Some(instance),
            own: None,
        });
        Some(number)
    }

    /// Detaches the volumes of a terminated instance, and deletes those that need not be kept.
    pub(in crate::world) fn release_volumes(&mut self, instance: u32) {
        let now = self.now;
        for new in self.volumes.planned.remove(&instance).unwrap_or_default() {
            if let Some(number) = new.volume_id.as_deref().and_then(|ocid| self.data_volume(ocid).ok()) {
                self.volumes.data[number as usize].used_by = None;
            }
        }
        let Some(row) = self.instances.get(instance) else { return };
        let (keep_boot, keep_data) = (row.keep_boot, row.keep_data);
        // A launch that failed late deletes no volume that existed before it.
        let keep_boot = keep_boot || !row.placed;
        if let Some(volume) = row.boot_volume.and_then(|number| self.volumes.boots.get_mut(number as usize)) {
            let number = row.boot_volume.unwrap_or_default();
            volume.let_go(keep_boot, now);
            if keep_boot {
                self.log.push(now, "boot_volume_kept", Some(Id(Kind::BootVolume, number)), None);
            }
        }
        for number in self.volumes.of_instance.get(&instance).into_iter().flatten() {
            let attachment = &mut self.volumes.attachments[*number as usize];
            if attachment.detached.is_some() {
                // Somebody detached the volume before. It no longer goes with the instance, and may be in use elsewhere.
                continue;
            }
            attachment.attached = false;
            let made = attachment.wanted.volume_id.is_none();
            if let Some(volume) = self.volumes.data.get_mut(attachment.volume as usize) {
                volume.let_go(keep_data || !made, now);
            }
        }
        self.leave_groups();
    }

    /// Checks that data volumes, attachments and instances agree, and that volumes to be deleted with their instance were
    /// deleted.
    pub(in crate::world) fn check_data_volumes(&self) -> Result<(), String> {
        let mut users: BTreeMap<u32, u32> = BTreeMap::new();
        let mut uses = |volume, instance| match users.insert(volume, instance) {
            Some(other) => Err(format!("data volume {volume} is used by instances {other} and {instance}")),
            None => Ok(()),
        };
        for (instance, new) in self.volumes.planned.iter().flat_map(|(instance, all)| {
            all.iter().filter_map(|new| Some((*instance, new.volume_id.as_deref()?)))
        }) {
            let volume = self.data_volume(new).map_err(|_| format!("planned data volume {new} is gone"))?;
            uses(volume, instance)?;
        }
        for (row, number) in self.volumes.attachments.iter().zip(0_u32..).filter(|(row, _)| !row.forgotten) {
            let volume = self.volumes.data.get(row.volume as usize);
            let instance = self.instances.get(row.instance);
            let (Some(volume), Some(instance)) = (volume, instance) else {
                return Err(format!("attachment {number} is of a volume or an instance that is not there"));
            };
            if row.attached {
                uses(row.volume, row.instance)?;
            } else if !instance.keep_data
                && row.wanted.volume_id.is_none()
                && row.detached.is_none()
                && volume.available
            {
                return Err(format!("data volume {} was to go with its instance", row.volume));
            }
        }
        for (volume, number) in self.volumes.data.iter().zip(0..) {
            let user = users.get(&number).copied();
            if volume.used_by != user || (user.is_some() && !volume.available) {
                return Err(format!("data volume {number} is used by {:?}, not by {user:?}", volume.used_by));
            }
        }
        match users.values().find(|instance| !self.instances.get(**instance).is_some_and(|row| row.live)) {
            Some(instance) => Err(format!("instance {instance} is gone and still has a data volume")),
            None => Ok(()),
        }
    }

    /// Removes the attachments of an instance from the lists.
    pub(in crate::world) fn forget_attachments(&mut self, instance: u32) {
        for number in self.volumes.of_instance.remove(&instance).unwrap_or_default() {
            self.volumes.attachments[number as usize].forgotten = true;
        }
    }
}
