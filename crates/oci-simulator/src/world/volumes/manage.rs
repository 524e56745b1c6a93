//! Creates and updates block volumes, and updates boot volumes.

use super::{OwnVolume, VolumeRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::{Creator, Spaces};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::limits::Thing;
use crate::world::state::World;
use crate::world::time::stamp;
use jiff::{SignedDuration, Timestamp};
use oci_api::models::CreateVolumeDetails;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How long a volume is PROVISIONING after it was created or resized (invented).
pub(super) const PREPARING: SignedDuration = SignedDuration::from_secs(5);
/// The size of a volume without one (Oracle: CreateVolumeDetails, likely).
const USUAL_SIZE_GBS: i64 = 1024;

/// What an update of either kind of volume can change.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct VolumeChange {
    #[serde(rename = "displayName")]
    name: Option<String>,
    #[serde(rename = "freeformTags")]
    tags: Option<BTreeMap<String, String>>,
    defined_tags: Option<Spaces>,
    #[serde(rename = "sizeInGBs")]
    size_in_gbs: Option<i64>,
    #[serde(rename = "vpusPerGB")]
    vpus_per_gb: Option<i64>,
    #[serde(rename = "isAutoTuneEnabled")]
    auto_tuned: Option<bool>,
}

impl VolumeChange {
    /// What a request to make a volume says of these.
    pub fn of_new(
        tags: Option<BTreeMap<String, String>>,
        size: i64,
        vpus_per_gb: Option<i64>,
        auto_tuned: Option<bool>,
    ) -> Self {
        Self { tags, size_in_gbs: Some(size), vpus_per_gb, auto_tuned, ..Self::default() }
    }

    /// What a new volume has of these.
    pub fn own(self) -> OwnVolume {
        OwnVolume {
            tags: self.tags.unwrap_or_default(),
            auto_tuned: self.auto_tuned.unwrap_or(false),
            ..OwnVolume::default()
        }
    }

    pub fn check(&self, size_in_gbs: i64) -> Result<(), ApiError> {
        if let Some(tags) = &self.tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        if let Some(size) = self.size_in_gbs {
            check_size(size)?;
            if size < size_in_gbs {
                return Err(error::invalid(format!(
                    "sizeInGBs must not be less than the present size of {size_in_gbs} GB"
                )));
            }
        }
        self.vpus_per_gb.map_or(Ok(()), check_performance)
    }

    fn apply(self, row: &mut VolumeRow, now: Timestamp) {
        let own = row.own.get_or_insert_with(Box::default);
        if let Some(tags) = self.tags {
            own.tags = tags;
        }
        if let Some(tags) = self.defined_tags {
            // The tags that the tenancy added are gone, unless they are among these.
            own.defined_tags = Some(tags);
            row.creator = Creator::NONE;
        }
        own.auto_tuned = self.auto_tuned.unwrap_or(own.auto_tuned);
        if self.size_in_gbs.is_some_and(|size| size != row.size_in_gbs) {
            own.ready = Some(now + PREPARING);
        }
        if let Some(name) = self.name {
            row.name = name.into();
        }
        row.size_in_gbs = self.size_in_gbs.unwrap_or(row.size_in_gbs);
        row.vpus_per_gb = self.vpus_per_gb.unwrap_or(row.vpus_per_gb);
        row.version += 1;
    }
}

fn check_size(size: i64) -> Result<(), ApiError> {
    if (50..=32_768).contains(&size) {
        return Ok(());
    }
    Err(error::invalid(format!("sizeInGBs must be between 50 and 32768, not {size}")))
}

fn check_performance(vpus: i64) -> Result<(), ApiError> {
    if (0..=120).contains(&vpus) && vpus % 10 == 0 {
        return Ok(());
    }
    Err(error::invalid(format!("vpusPerGB must be a multiple of 10 between 0 and 120, not {vpus}")))
}

impl World {
    pub(in crate::world) fn create_volume(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateVolumeDetails = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let source = match (&new.source_details, &new.volume_backup_id) {
            (Some(source), _) => Some(self.source_of_volume(source)?),
            (None, Some(backup)) => Some(self.restored(Kind::VolumeBackup, backup)?),
            (None, None) => None,
        };
        let ad = self.ad_of_new(new.availability_domain.as_deref(), source.as_ref())?;
        let least = source.as_ref().map_or(50, |source| source.size_in_gbs);
        let asked = new.size_in_gbs.or(new.size_in_mbs.map(|size| size / 1024));
        let size =
            asked.unwrap_or_else(|| source.as_ref().map_or(USUAL_SIZE_GBS, |source| source.size_in_gbs));
        let change = VolumeChange::of_new(new.freeform_tags, size, new.vpus_per_gb, new.is_auto_tune_enabled);
        change.check(least)?;
        self.check_other(new.kms_key_id.as_deref())?;
        self.check_counted(compartment, Some(ad), &[(Thing::Volumes, 1), (Thing::StorageInGbs, size)])?;
        let number = self.volumes.data.len() as u32;
        let creator = self.creator(&request.caller);
        let own = OwnVolume {
            defined_tags: new.defined_tags,
            ready: Some(self.now + PREPARING),
            source: source.as_ref().and_then(|source| source.volume),
            backup: source.as_ref().and_then(|source| source.backup),
            ..change.own()
        };
        self.volumes.data.push(VolumeRow {
            compartment,
            ad,
            name: new.display_name.unwrap_or_else(|| format!("volume{}", stamp(self.now))).into(),
            image: None,
            size_in_gbs: size,
            vpus_per_gb: new.vpus_per_gb.unwrap_or(10),
            creator,
            created: self.now,
            changed: self.now,
            version: 0,
            available: true,
            used_by: None,
            own: Some(Box::new(own)),
        });
        let id = Id(Kind::Volume, number);
        self.log.push(self.now, "volume_created", Some(id), None);
        Ok((self.volume_answer(request, number)?, Some(id)))
    }

    pub(in crate::world) fn update_volume(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.data_volume(request.in_path("volumeId"))?;
        let id = Id(Kind::Volume, number);
        let etag = self.etag(id, self.volumes.data[number as usize].version);
        self.check_growth(request, &self.volumes.data[number as usize])?;
        change(request, &etag, &mut self.volumes.data[number as usize], self.now)?;
        self.log.push(self.now, "volume_updated", Some(id), None);
        self.volume_answer(request, number)
    }

    pub(in crate::world) fn update_boot_volume(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.boot_volume(request.in_path("bootVolumeId"))?;
        let id = Id(Kind::BootVolume, number);
        let etag = self.etag(id, self.volumes.boots[number as usize].version);
        self.check_growth(request, &self.volumes.boots[number as usize])?;
        change(request, &etag, &mut self.volumes.boots[number as usize], self.now)?;
        self.log.push(self.now, "boot_volume_updated", Some(id), None);
        self.get_boot_volume(request)
    }

    /// Refuses a size that the limits do not allow.
    fn check_growth(&self, request: &ApiRequest, row: &VolumeRow) -> Result<(), ApiError> {
        let size = request.details::<VolumeChange>()?.size_in_gbs.unwrap_or(row.size_in_gbs);
        let more = [(Thing::StorageInGbs, size.saturating_sub(row.size_in_gbs))];
        self.check_counted(row.compartment, Some(row.ad), &more)
    }
}

/// Changes a volume of either kind.
fn change(request: &ApiRequest, etag: &str, row: &mut VolumeRow, now: Timestamp) -> Result<(), ApiError> {
    if !row.available {
        return Err(error::not_found());
    }
    request.check_etag(etag)?;
    let change: VolumeChange = request.details()?;
    change.check(row.size_in_gbs)?;
    change.apply(row, now);
    Ok(())
}
