//! What a new volume is made of, and how boot volumes are made.

use super::manage::{PREPARING, VolumeChange};
use super::{OwnVolume, VolumeRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{BootVolumeSourceDetails, CreateBootVolumeDetails, VolumeSourceDetails};

/// The volume or the backup of which a volume is made.
pub(super) struct VolumeSource {
    /// A clone is in the availability domain of its source; a backup is restored in any.
    pub ad: Option<u8>,
    pub size_in_gbs: i64,
    pub image: Option<u32>,
    pub volume: Option<u32>,
    pub backup: Option<u32>,
}

impl World {
    /// The source of a new block volume. Everything else that a volume can be made of does not exist here.
    pub(super) fn source_of_volume(&self, source: &VolumeSourceDetails) -> Result<VolumeSource, ApiError> {
        match source {
            VolumeSourceDetails::Volume(source) => self.cloned(Kind::Volume, &source.id),
            VolumeSourceDetails::VolumeBackup(source) => self.restored(Kind::VolumeBackup, &source.id),
            _ => Err(error::not_found()),
        }
    }

    fn source_of_boot(&self, source: &BootVolumeSourceDetails) -> Result<VolumeSource, ApiError> {
        match source {
            BootVolumeSourceDetails::BootVolume(source) => self.cloned(Kind::BootVolume, &source.id),
            BootVolumeSourceDetails::BootVolumeBackup(source) => {
                self.restored(Kind::BootVolumeBackup, &source.id)
            }
            _ => Err(error::not_found()),
        }
    }

    fn cloned(&self, kind: Kind, ocid: &str) -> Result<VolumeSource, ApiError> {
        let id = self.available_volume(ocid)?;
        let row = self.volume_row(id).filter(|_| id.0 == kind).ok_or_else(error::not_found)?;
        let (size_in_gbs, image) = (row.size_in_gbs, row.image);
        Ok(VolumeSource { ad: Some(row.ad), size_in_gbs, image, volume: Some(id.1), backup: None })
    }

    pub(super) fn restored(&self, kind: Kind, ocid: &str) -> Result<VolumeSource, ApiError> {
        let (number, row) = self.restorable(kind, ocid)?;
        let (size_in_gbs, image) = (row.size_in_gbs, row.image);
        Ok(VolumeSource { ad: None, size_in_gbs, image, volume: None, backup: Some(number) })
    }

    /// The availability domain of a new volume.
    pub(super) fn ad_of_new(
        &self,
        name: Option<&str>,
        source: Option<&VolumeSource>,
    ) -> Result<u8, ApiError> {
        let of_source = source.and_then(|source| source.ad);
        let ad = match (name.filter(|name| !name.is_empty()), of_source) {
            (Some(name), _) => self.ad(name)?,
            (None, Some(ad)) => ad,
            (None, None) => return Err(error::missing("availabilityDomain")),
        };
        if of_source.is_some_and(|own| own != ad) {
            return Err(error::invalid("a volume is cloned within its availability domain only"));
        }
        Ok(ad)
    }

    /// Makes a boot volume, of another one or of a backup (Oracle: CreateBootVolume).
    pub(in crate::world) fn create_boot_volume(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateBootVolumeDetails = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let source = new.source_details.as_deref().ok_or_else(|| error::missing("sourceDetails"))?;
        let source = self.source_of_boot(source)?;
        let ad = self.ad_of_new(new.availability_domain.as_deref(), Some(&source))?;
        let size = new.size_in_gbs.unwrap_or(source.size_in_gbs);
        let change = VolumeChange::of_new(new.freeform_tags, size, new.vpus_per_gb, new.is_auto_tune_enabled);
        change.check(source.size_in_gbs)?;
        self.check_other(new.kms_key_id.as_deref())?;
        self.check_counted(compartment, Some(ad), &[(Thing::Volumes, 1), (Thing::StorageInGbs, size)])?;
        let number = self.volumes.boots.len() as u32;
        let creator = self.creator(&request.caller);
        let own = OwnVolume {
            defined_tags: new.defined_tags,
            ready: Some(self.now + PREPARING),
            source: source.volume,
            backup: source.backup,
            ..change.own()
        };
        self.volumes.boots.push(VolumeRow {
            compartment,
            ad,
            name: new.display_name.unwrap_or_else(|| format!("bootvolume{}", stamp(self.now))).into(),
            image: source.image,
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
        let id = Id(Kind::BootVolume, number);
        self.log.push(self.now, "boot_volume_created", Some(id), None);
        Ok((self.boot_volume_answer(request, number)?, Some(id)))
    }
}
