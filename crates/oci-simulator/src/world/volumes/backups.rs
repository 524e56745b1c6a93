//! Backups of block volumes and boot volumes. A backup outlives its volume, and volumes are made of it.

use super::manage::PREPARING;
use super::{BackupRow, VolumeRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::Spaces;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::network::{Common, Labels, Phase};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use jiff::Timestamp;
use oci_api::models::{BootVolumeBackup, BootVolumeBackupSourceType, VolumeBackup, VolumeBackupSourceType};
use serde::Deserialize;

/// What a request to make a backup of either kind has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewBackup {
    volume_id: Option<String>,
    boot_volume_id: Option<String>,
    kms_key_id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(flatten)]
    labels: Labels,
}

impl BackupRow {
    /// Its state; `None` once it is gone.
    fn state(&self, now: Timestamp) -> Option<&'static str> {
        match self.common.phase(self.created, now)? {
            Phase::Terminating => Some("TERMINATING"),
            _ if now < self.created + PREPARING => Some("CREATING"),
            _ => Some("AVAILABLE"),
        }
    }

    /// The kind of this backup.
    fn kind(&self) -> Kind {
        if self.of.0 == Kind::BootVolume { Kind::BootVolumeBackup } else { Kind::VolumeBackup }
    }
}

/// The parameter of a path that names a backup of this kind.
fn parameter(kind: Kind) -> &'static str {
    if kind == Kind::BootVolumeBackup { "bootVolumeBackupId" } else { "volumeBackupId" }
}

impl World {
    /// The row of a volume of either kind.
    pub(super) fn volume_row(&self, Id(kind, number): Id) -> Option<&VolumeRow> {
        let rows = if kind == Kind::BootVolume { &self.volumes.boots } else { &self.volumes.data };
        rows.get(number as usize)
    }

    /// The available volume of either kind with this OCID, or 404.
    pub(super) fn available_volume(&self, ocid: &str) -> Result<Id, ApiError> {
        let id = match self.ids.find(ocid) {
            Some(Id(Kind::BootVolume, _)) => Id(Kind::BootVolume, self.boot_volume(ocid)?),
            _ => Id(Kind::Volume, self.data_volume(ocid)?),
        };
        match self.volume_row(id) {
            Some(row) if row.available => Ok(id),
            _ => Err(error::not_found()),
        }
    }

    /// Makes a backup of a volume of either kind (Oracle: "Overview of Block Volume Backups").
    pub(in crate::world) fn create_backup(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: NewBackup = request.details()?;
        new.labels.check()?;
        self.check_other(new.kms_key_id.as_deref())?;
        let ocid = new.volume_id.or(new.boot_volume_id).ok_or_else(|| error::missing("volumeId"))?;
        let of = self.available_volume(&ocid)?;
        let row = self.volume_row(of).ok_or_else(error::not_found)?;
        if row.state(self.now) != "AVAILABLE" {
            return Err(error::incorrect_state(format!("volume {ocid} is in state {}", row.state(self.now))));
        }
        let (compartment, size_in_gbs, image) = (row.compartment, row.size_in_gbs, row.image);
        self.check_counted(compartment, None, &[(Thing::Backups, 1)])?;
        let name = new.labels.display_name.clone();
        let row = BackupRow {
            of,
            compartment,
            name: name.unwrap_or_else(|| format!("backup{}", stamp(self.now))),
            full: new.kind.is_some_and(|kind| kind == "FULL"),
            size_in_gbs,
            image,
            created: self.now,
            common: self.common_of_volume(new.labels, request),
        };
        let id = Id(row.kind(), self.volumes.backups.len() as u32);
        self.volumes.backups.push(row);
        self.log.push(self.now, &format!("{}_created", id.0.as_str()), Some(id), None);
        Ok((self.backup_answer(request, id)?, Some(id)))
    }

    /// What a new backup or group has from its request.
    pub(super) fn common_of_volume(&mut self, labels: Labels, request: &ApiRequest) -> Common {
        let defined_tags: Spaces = self.defined_tags_of_new(labels.defined_tags.as_ref(), &request.caller);
        Common { tags: labels.freeform_tags.unwrap_or_default(), defined_tags, ..Common::default() }
    }

    /// The backup of this kind with this OCID, or 404.
    fn backup(&self, kind: Kind, ocid: &str) -> Result<(Id, &BackupRow), ApiError> {
        let number = self.ids.number(kind, ocid).ok_or_else(error::not_found)?;
        let row = self.volumes.backups.get(number as usize);
        let row = row.filter(|row| row.kind() == kind && row.state(self.now).is_some());
        row.map(|row| (Id(kind, number), row)).ok_or_else(error::not_found)
    }

    /// The backup from which a volume is made.
    pub(super) fn restorable(&self, kind: Kind, ocid: &str) -> Result<(u32, &BackupRow), ApiError> {
        let (id, row) = self.backup(kind, ocid)?;
        match row.state(self.now) {
            Some("AVAILABLE") => Ok((id.1, row)),
            state => {
                let state = state.unwrap_or_default();
                Err(error::incorrect_state(format!("backup {ocid} is in state {state}")))
            }
        }
    }

    /// The result of an operation that shows one backup.
    pub(in crate::world) fn backup_answer(&self, request: &ApiRequest, id: Id) -> ApiResult {
        let row = self.volumes.backups.get(id.1 as usize).filter(|row| row.state(self.now).is_some());
        let row = row.ok_or_else(error::not_found)?;
        let etag = self.etag(id, row.common.version);
        let shown = match id.0 {
            Kind::BootVolumeBackup => answer(request.operation, &self.boot_backup_model(id, row))?,
            _ => answer(request.operation, &self.backup_model(id, row))?,
        };
        Ok(shown.with_etag(etag))
    }

    fn backup_model(&self, id: Id, row: &BackupRow) -> VolumeBackup {
        VolumeBackup {
            id: self.ids.text(id),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: row.name.clone(),
            freeform_tags: Some(row.common.tags.clone()),
            lifecycle_state: row.state(self.now).unwrap_or("TERMINATED").into(),
            size_in_gbs: Some(row.size_in_gbs),
            size_in_mbs: Some(row.size_in_gbs * 1024),
            source_type: Some(VolumeBackupSourceType::Manual),
            time_created: Some(row.created),
            time_request_received: Some(row.created),
            r#type: if row.full { "FULL" } else { "INCREMENTAL" }.into(),
            unique_size_in_gbs: Some(1),
            unique_size_in_mbs: Some(1024),
            volume_id: Some(self.ids.text(row.of)),
            ..VolumeBackup::default()
        }
    }

    fn boot_backup_model(&self, id: Id, row: &BackupRow) -> BootVolumeBackup {
        BootVolumeBackup {
            id: self.ids.text(id),
            boot_volume_id: Some(self.ids.text(row.of)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: row.name.clone(),
            freeform_tags: Some(row.common.tags.clone()),
            image_id: row.image.map(|image| self.ids.text(Id(Kind::Image, image))),
            lifecycle_state: row.state(self.now).unwrap_or("TERMINATED").into(),
            size_in_gbs: Some(row.size_in_gbs),
            source_type: Some(BootVolumeBackupSourceType::Manual),
            time_created: Some(row.created),
            time_request_received: Some(row.created),
            r#type: Some(if row.full { "FULL" } else { "INCREMENTAL" }.into()),
            unique_size_in_gbs: Some(1),
            ..BootVolumeBackup::default()
        }
    }

    pub(in crate::world) fn get_backup(&self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let (id, _) = self.backup(kind, request.in_path(parameter(kind)))?;
        self.backup_answer(request, id)
    }

    pub(in crate::world) fn list_backups(&mut self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let volume = request.in_query("volumeId").or_else(|| request.in_query("bootVolumeId"));
        let volume = volume.map(|ocid| self.ids.find(ocid));
        let is_copy = ["sourceVolumeBackupId", "sourceBootVolumeBackupId"]
            .iter()
            .any(|name| request.in_query(name).is_some());
        let (name, state) = (request.in_query("displayName"), request.in_query("lifecycleState"));
        let horizon = self.list_horizon();
        let rows = self.volumes.backups.iter().zip(0..).filter(|(row, _)| {
            row.kind() == kind
                && row.compartment == compartment
                && row.created <= horizon
                && !is_copy
                && volume.is_none_or(|volume| volume == Some(row.of))
                && name.is_none_or(|name| name == row.name)
                && row
                    .state(self.now)
                    .is_some_and(|own| state.is_none_or(|state| state.eq_ignore_ascii_case(own)))
        });
        let cursor = |row: &BackupRow, number| Cursor { group: 0, name: row.name.clone(), number };
        let order = Order::read(request);
        if kind == Kind::BootVolumeBackup {
            let rows = rows
                .map(|(row, number)| (cursor(row, number), self.boot_backup_model(Id(kind, number), row)));
            return page.answer_small(request, order, rows.collect());
        }
        let rows = rows.map(|(row, number)| (cursor(row, number), self.backup_model(Id(kind, number), row)));
        page.answer_small(request, order, rows.collect())
    }

    fn changed_backup(&self, kind: Kind, request: &ApiRequest) -> Result<Id, ApiError> {
        let ocid = request.in_path(parameter(kind));
        let (id, row) = self.backup(kind, ocid)?;
        request.check_etag(&self.etag(id, row.common.version))?;
        if row.common.lives() {
            return Ok(id);
        }
        Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")))
    }

    pub(in crate::world) fn update_backup(&mut self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let id = self.changed_backup(kind, request)?;
        let labels: Labels = request.details()?;
        labels.check()?;
        if let Some(row) = self.volumes.backups.get_mut(id.1 as usize) {
            labels.apply(&mut row.name, &mut row.common);
        }
        self.log.push(self.now, &format!("{}_updated", kind.as_str()), Some(id), None);
        self.backup_answer(request, id)
    }

    pub(in crate::world) fn delete_backup(&mut self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let id = self.changed_backup(kind, request)?;
        let now = self.now;
        if let Some(row) = self.volumes.backups.get_mut(id.1 as usize) {
            row.common.deleted = Some(now);
            row.common.version += 1;
        }
        self.log.push(now, &format!("{}_deleted", kind.as_str()), Some(id), None);
        Ok(empty(request.operation))
    }
}
