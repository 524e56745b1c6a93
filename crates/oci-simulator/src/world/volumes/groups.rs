//! Volume groups: volumes of one availability domain that belong together (Oracle: "Volume Groups").

use super::{GroupRow, OwnVolume, VolumeRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::network::{Labels, Phase};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    CreateVolumeGroupDetails, UpdateVolumeGroupDetails, VolumeGroup, VolumeGroupSourceDetails,
    VolumeGroupSourceFromVolumeGroupDetails, VolumeGroupSourceFromVolumesDetails,
};
use std::collections::BTreeSet;

/// The maximum number of volumes in a group (Oracle: "Volume Groups").
const VOLUMES_MAX: usize = 32;

impl World {
    /// The living group that has a volume.
    pub(super) fn group_of(&self, volume: Id) -> Option<u32> {
        let mut groups = self.volumes.groups.iter().zip(0..);
        let found = groups.find(|(row, _)| row.common.lives() && row.volumes.contains(&volume));
        found.map(|(_, number)| number)
    }

    /// The OCID of the group that has a volume.
    pub(super) fn group_ocid(&self, volume: Id) -> Option<String> {
        self.group_of(volume).map(|group| self.ids.text(Id(Kind::VolumeGroup, group)))
    }

    /// Whether a list that asks for the volumes of one group shows this one.
    pub(super) fn is_in_wanted_group(&self, request: &ApiRequest, volume: Id) -> bool {
        request.in_query("volumeGroupId").is_none_or(|ocid| {
            let group = self.ids.number(Kind::VolumeGroup, ocid);
            group.is_some() && group == self.group_of(volume)
        })
    }

    /// The volumes of a new or changed group (texts invented).
    fn volumes_of_group(&self, ocids: &[String], ad: u8, own: Option<u32>) -> Result<Vec<Id>, ApiError> {
        if ocids.len() > VOLUMES_MAX {
            return Err(error::invalid(format!(
                "volumeIds has {} volumes; a volume group can have at most {VOLUMES_MAX}",
                ocids.len()
            )));
        }
        let mut all = Vec::new();
        for ocid in ocids {
            let id = self.available_volume(ocid)?;
            if self.volume_row(id).is_some_and(|row| row.ad != ad) {
                return Err(error::invalid(format!(
                    "volume {ocid} is in another availability domain than its group"
                )));
            }
            if let Some(other) = self.group_of(id).filter(|group| Some(*group) != own) {
                let other = self.ids.text(Id(Kind::VolumeGroup, other));
                return Err(ApiError::new(
                    409,
                    "Conflict",
                    format!("volume {ocid} is in volume group {other}"),
                ));
            }
            all.push(id);
        }
        let apart: BTreeSet<Id> = all.iter().copied().collect();
        if apart.len() < all.len() {
            return Err(error::invalid("volumeIds names a volume twice"));
        }
        Ok(all)
    }

    pub(in crate::world) fn create_volume_group(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateVolumeGroupDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let ad = self.ad(&new.availability_domain)?;
        let (volumes, source) = match new.source_details.as_deref() {
            Some(VolumeGroupSourceDetails::VolumeIds(source)) => {
                (self.volumes_of_group(&source.volume_ids, ad, None)?, None)
            }
            Some(VolumeGroupSourceDetails::VolumeGroupId(source)) => {
                let (number, row) = self.volume_group(&source.volume_group_id)?;
                if row.ad != ad {
                    return Err(error::invalid("a group is cloned within its availability domain only"));
                }
                let sizes =
                    row.volumes.iter().filter_map(|id| self.volume_row(*id)).filter(|row| row.available);
                let (count, size) =
                    sizes.fold((0, 0), |(count, sum), row| (count + 1, sum + row.size_in_gbs));
                let more = [(Thing::Volumes, count), (Thing::StorageInGbs, size)];
                self.check_counted(compartment, Some(ad), &more)?;
                (self.clone_volumes(number), Some(number))
            }
            // The region has neither backups nor replicas of groups, so the OCID names none.
            Some(_) => return Err(error::not_found()),
            None => return Err(error::missing("sourceDetails")),
        };
        let name = labels.display_name.clone();
        let row = GroupRow {
            compartment,
            ad,
            name: name.unwrap_or_else(|| format!("volumegroup{}", stamp(self.now))),
            volumes,
            source,
            created: self.now,
            common: self.common_of_volume(labels, request),
        };
        let id = Id(Kind::VolumeGroup, self.volumes.groups.len() as u32);
        self.volumes.groups.push(row);
        if let Some(row) = self.volumes.groups.last_mut() {
            row.common.made = true;
        }
        self.log.push(self.now, "volumegroup_created", Some(id), None);
        Ok((self.volume_group_answer(request, id.1)?, Some(id)))
    }

    /// Clones the volumes of a group.
    fn clone_volumes(&mut self, group: u32) -> Vec<Id> {
        let volumes = self.volumes.groups.get(group as usize).map(|row| row.volumes.clone());
        let now = self.now;
        let mut all = Vec::new();
        for id in volumes.unwrap_or_default() {
            let Some(row) = self.volume_row(id).filter(|row| row.available) else { continue };
            let own = OwnVolume {
                source: Some(id.1),
                ready: Some(now + super::manage::PREPARING),
                ..OwnVolume::default()
            };
            let copy = VolumeRow {
                created: now,
                changed: now,
                version: 0,
                used_by: None,
                own: Some(Box::new(own)),
                ..row.clone()
            };
            let rows =
                if id.0 == Kind::BootVolume { &mut self.volumes.boots } else { &mut self.volumes.data };
            rows.push(copy);
            all.push(Id(id.0, rows.len() as u32 - 1));
        }
        all
    }

    fn volume_group(&self, ocid: &str) -> Result<(u32, &GroupRow), ApiError> {
        let number = self.ids.number(Kind::VolumeGroup, ocid).ok_or_else(error::not_found)?;
        let row = self.volumes.groups.get(number as usize);
        let row = row.filter(|row| row.common.phase(row.created, self.now).is_some());
        row.map(|row| (number, row)).ok_or_else(error::not_found)
    }

    fn volume_group_model(&self, number: u32, row: &GroupRow) -> VolumeGroup {
        let state = row.common.phase(row.created, self.now).map_or("TERMINATED", Phase::as_str);
        let size: i64 =
            row.volumes.iter().filter_map(|id| self.volume_row(*id)).map(|row| row.size_in_gbs).sum();
        let ocids: Vec<String> = row.volumes.iter().map(|id| self.ids.text(*id)).collect();
        let source = match row.source {
            Some(group) => VolumeGroupSourceDetails::VolumeGroupId(VolumeGroupSourceFromVolumeGroupDetails {
                volume_group_id: self.ids.text(Id(Kind::VolumeGroup, group)),
                ..VolumeGroupSourceFromVolumeGroupDetails::default()
            }),
            None => VolumeGroupSourceDetails::VolumeIds(VolumeGroupSourceFromVolumesDetails {
                volume_ids: ocids.clone(),
                ..VolumeGroupSourceFromVolumesDetails::default()
            }),
        };
        VolumeGroup {
            id: self.ids.text(Id(Kind::VolumeGroup, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: row.name.clone(),
            freeform_tags: Some(row.common.tags.clone()),
            is_hydrated: Some(true),
            lifecycle_state: state.into(),
            size_in_gbs: Some(size),
            size_in_mbs: size * 1024,
            source_details: Some(Box::new(source)),
            time_created: Some(row.created),
            volume_ids: ocids,
            ..VolumeGroup::default()
        }
    }

    /// The result of an operation that shows one group.
    pub(in crate::world) fn volume_group_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.volumes.groups.get(number as usize).ok_or_else(error::not_found)?;
        if row.common.phase(row.created, self.now).is_none() {
            return Err(error::not_found());
        }
        let etag = self.etag(Id(Kind::VolumeGroup, number), row.common.version);
        Ok(answer(request.operation, &self.volume_group_model(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_volume_group(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.volume_group(request.in_path("volumeGroupId"))?;
        self.volume_group_answer(request, number)
    }

    pub(in crate::world) fn list_volume_groups(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let (name, state) = (request.in_query("displayName"), request.in_query("lifecycleState"));
        let horizon = self.list_horizon();
        let rows = self.volumes.groups.iter().zip(0..).filter(|(row, _)| {
            let phase = row.common.phase(row.created, self.now);
            row.compartment == compartment
                && row.created <= horizon
                && ad.is_none_or(|ad| ad == row.ad)
                && name.is_none_or(|name| name == row.name)
                && phase
                    .is_some_and(|phase| state.is_none_or(|state| state.eq_ignore_ascii_case(phase.as_str())))
        });
        let rows = rows.map(|(row, number)| {
            (Cursor { group: 0, name: row.name.clone(), number }, self.volume_group_model(number, row))
        });
        page.answer_small(request, Order::read(request), rows.collect())
    }

    fn changed_group(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let ocid = request.in_path("volumeGroupId");
        let (number, row) = self.volume_group(ocid)?;
        request.check_etag(&self.etag(Id(Kind::VolumeGroup, number), row.common.version))?;
        if row.common.lives() {
            return Ok(number);
        }
        Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")))
    }

    pub(in crate::world) fn update_volume_group(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_group(request)?;
        let new: UpdateVolumeGroupDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let ad = self.volumes.groups[number as usize].ad;
        let volumes =
            new.volume_ids.map(|ocids| self.volumes_of_group(&ocids, ad, Some(number))).transpose()?;
        let row = &mut self.volumes.groups[number as usize];
        row.volumes = volumes.unwrap_or_else(|| std::mem::take(&mut row.volumes));
        labels.apply(&mut row.name, &mut row.common);
        self.log.push(self.now, "volumegroup_updated", Some(Id(Kind::VolumeGroup, number)), None);
        self.volume_group_answer(request, number)
    }

    /// Deletes a group. Its volumes stay.
    pub(in crate::world) fn delete_volume_group(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_group(request)?;
        let now = self.now;
        let row = &mut self.volumes.groups[number as usize];
        row.common.deleted = Some(now);
        row.common.version += 1;
        self.log.push(now, "volumegroup_deleted", Some(Id(Kind::VolumeGroup, number)), None);
        Ok(empty(request.operation))
    }

    /// Refuses to delete a volume that is in a group (Oracle: DeleteVolume, likely; text invented).
    pub(super) fn check_in_no_group(&self, volume: Id) -> Result<(), ApiError> {
        match self.group_ocid(volume) {
            Some(group) => {
                let ocid = self.ids.text(volume);
                Err(error::incorrect_state(format!("volume {ocid} is in volume group {group}")))
            }
            None => Ok(()),
        }
    }

    /// A volume of a living group that ends with its instance leaves its group.
    pub(in crate::world) fn leave_groups(&mut self) {
        let Self { volumes, .. } = self;
        for row in volumes.groups.iter_mut().filter(|row| row.common.lives()) {
            let (boots, data) = (&volumes.boots, &volumes.data);
            row.volumes.retain(|id| {
                let rows = if id.0 == Kind::BootVolume { boots } else { data };
                rows.get(id.1 as usize).is_some_and(|row| row.available)
            });
        }
    }

    /// Checks that groups have available volumes of their own domain, each in one group only.
    pub(in crate::world) fn check_volume_groups(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for (row, number) in self.volumes.groups.iter().zip(0_u32..).filter(|(row, _)| row.common.lives()) {
            for id in &row.volumes {
                if !seen.insert(*id) {
                    return Err(format!("{id:?} is in two volume groups"));
                }
                let volume = self.volume_row(*id);
                if !volume.is_some_and(|volume| volume.available && volume.ad == row.ad) {
                    return Err(format!("volume group {number} has {id:?}, which is gone or elsewhere"));
                }
            }
        }
        Ok(())
    }
}
