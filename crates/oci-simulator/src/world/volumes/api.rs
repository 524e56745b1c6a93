//! Boot volumes, data volumes and their attachments, as the API shows them.

use super::attachments::SETTLING;
use crate::world::api::{ApiRequest, ApiResult};
use crate::world::automatic_tags::Spaces;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::{InstanceRow, State};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::volumes::{AttachmentRow, VolumeRow};
use oci_api::models::{
    BootVolume, BootVolumeAttachment, BootVolumeAttachmentLifecycleState, BootVolumeSourceDetails,
    BootVolumeSourceFromBootVolumeBackupDetails, BootVolumeSourceFromBootVolumeDetails,
    IScsiVolumeAttachment, IScsiVolumeAttachmentLifecycleState, ParavirtualizedVolumeAttachment,
    ParavirtualizedVolumeAttachmentLifecycleState, Volume, VolumeAttachment, VolumeSourceDetails,
    VolumeSourceFromVolumeBackupDetails, VolumeSourceFromVolumeDetails,
};

impl World {
    fn boot_volume_model(&self, number: u32, row: &VolumeRow) -> BootVolume {
        BootVolume {
            id: self.ids.text(Id(Kind::BootVolume, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(self.volume_tags(row)),
            display_name: Some(row.name.to_string()),
            freeform_tags: Some(row.own.as_ref().map(|own| own.tags.clone()).unwrap_or_default()),
            image_id: row.image.map(|image| self.ids.text(Id(Kind::Image, image))),
            is_hydrated: Some(true),
            source_details: self.source_of_boot_shown(row),
            volume_group_id: self.group_ocid(Id(Kind::BootVolume, number)),
            vpus_per_gb: Some(row.vpus_per_gb),
            lifecycle_state: row.state(self.now).into(),
            size_in_gbs: Some(row.size_in_gbs),
            size_in_mbs: row.size_in_gbs * 1024,
            time_created: Some(row.created),
            is_auto_tune_enabled: Some(row.own.as_ref().is_some_and(|own| own.auto_tuned)),
            ..BootVolume::default()
        }
    }

    pub(in crate::world) fn get_boot_volume(&self, request: &ApiRequest) -> ApiResult {
        let number = self.boot_volume(request.in_path("bootVolumeId"))?;
        self.boot_volume_answer(request, number)
    }

    /// The result of an operation that shows one boot volume.
    pub(in crate::world) fn boot_volume_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = &self.volumes.boots[number as usize];
        let etag = self.etag(Id(Kind::BootVolume, number), row.version);
        Ok(answer(request.operation, &self.boot_volume_model(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn list_boot_volumes(&mut self, request: &ApiRequest) -> ApiResult {
        let ad = self.ad_in(request)?;
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let start = page.after.as_ref().map_or(0, |after| after.number.saturating_add(1));
        let end = self.volumes.boots.len() as u32;
        let horizon = self.list_horizon();
        let rows = (start..end).map(|number| Cursor { group: 0, name: String::new(), number });
        let row = |cursor: &Cursor| &self.volumes.boots[cursor.number as usize];
        let keep = |cursor: &Cursor| {
            let row = row(cursor);
            row.compartment == compartment
                && ad.is_none_or(|ad| ad == row.ad)
                && row.created <= horizon
                && self.shows_volume(row)
                && self.is_in_wanted_group(request, Id(Kind::BootVolume, cursor.number))
        };
        page.answer(request, rows, keep, |cursor| self.boot_volume_model(cursor.number, row(cursor)))
    }

    pub(in crate::world) fn delete_boot_volume(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.boot_volume(request.in_path("bootVolumeId"))?;
        let etag = self.etag(Id(Kind::BootVolume, number), self.volumes.boots[number as usize].version);
        let now = self.now;
        self.check_in_no_group(Id(Kind::BootVolume, number))?;
        let done = delete(request, &etag, &mut self.volumes.boots[number as usize], now)?;
        self.log.push(now, "boot_volume_deleted", Some(Id(Kind::BootVolume, number)), None);
        Ok(done)
    }

    fn boot_volume_attachment(&self, number: u32, row: &InstanceRow) -> BootVolumeAttachment {
        let boot_volume = row.boot_volume.unwrap_or_default();
        let state = match (row.live, row.placed, row.state) {
            (false, ..) => BootVolumeAttachmentLifecycleState::Detached,
            (true, _, State::Terminating) => BootVolumeAttachmentLifecycleState::Detaching,
            (true, false, _) => BootVolumeAttachmentLifecycleState::Attaching,
            (true, true, _) => BootVolumeAttachmentLifecycleState::Attached,
        };
        BootVolumeAttachment {
            id: self.ids.text(Id(Kind::BootVolumeAttachment, number)),
            availability_domain: self.identity.ad_name(row.ad),
            boot_volume_id: self.ids.text(Id(Kind::BootVolume, boot_volume)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            display_name: Some(format!("Remote boot attachment for instance {}", row.name)),
            instance_id: self.ids.text(Id(Kind::Instance, number)),
            lifecycle_state: state,
            time_created: Some(row.created),
            time_updated: Some(row.changed),
            is_pv_encryption_in_transit_enabled: Some(false),
            ..BootVolumeAttachment::default()
        }
    }

    pub(in crate::world) fn list_boot_volume_attachments(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad(request.in_query("availabilityDomain").unwrap_or_default())?;
        let page = self.page(request)?;
        let instance = request.in_query("instanceId").map(|ocid| self.ids.number(Kind::Instance, ocid));
        let volume = request.in_query("bootVolumeId").map(|ocid| self.ids.number(Kind::BootVolume, ocid));
        let rows: Box<dyn Iterator<Item = Cursor>> = match instance {
            // The attachments of one instance are looked up directly instead of searched for.
            Some(number) => Box::new(
                number
                    .filter(|_| page.after.is_none())
                    .filter(|number| {
                        let row = self.instances.get(*number);
                        row.is_some_and(|row| row.compartment == compartment && row.ad == ad)
                    })
                    .into_iter()
                    .map(|number| Cursor { group: ad, name: String::new(), number }),
            ),
            None => Box::new(self.instances_after(compartment, Some(ad), page.after.as_ref())),
        };
        let keep = |cursor: &Cursor| {
            self.listed(cursor.number).is_some_and(|row| {
                row.boot_volume.is_some()
                    && volume.is_none_or(|wanted| wanted.is_some() && wanted == row.boot_volume)
            })
        };
        page.answer(request, rows, keep, |cursor| {
            self.instances.get(cursor.number).map(|row| self.boot_volume_attachment(cursor.number, row))
        })
    }

    pub(in crate::world) fn get_boot_volume_attachment(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::BootVolumeAttachment, request.in_path("bootVolumeAttachmentId"));
        let row = number.and_then(|number| Some((number, self.instances.get(number)?)));
        let (number, row) = row.filter(|(_, row)| row.boot_volume.is_some()).ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::BootVolumeAttachment, number), row.version);
        Ok(answer(request.operation, &self.boot_volume_attachment(number, row))?.with_etag(etag))
    }

    fn volume_model(&self, number: u32, row: &VolumeRow) -> Volume {
        Volume {
            id: self.ids.text(Id(Kind::Volume, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(self.volume_tags(row)),
            display_name: row.name.to_string(),
            freeform_tags: Some(row.own.as_ref().map(|own| own.tags.clone()).unwrap_or_default()),
            is_hydrated: Some(true),
            vpus_per_gb: Some(row.vpus_per_gb),
            lifecycle_state: row.state(self.now).into(),
            source_details: self.source_of(row),
            volume_group_id: self.group_ocid(Id(Kind::Volume, number)),
            size_in_gbs: Some(row.size_in_gbs),
            size_in_mbs: row.size_in_gbs * 1024,
            time_created: Some(row.created),
            is_auto_tune_enabled: Some(row.own.as_ref().is_some_and(|own| own.auto_tuned)),
            ..Volume::default()
        }
    }

    fn volume_tags(&self, row: &VolumeRow) -> Spaces {
        let own = row.own.as_ref().and_then(|own| own.defined_tags.as_ref());
        self.defined_tags(own, row.creator, row.created)
    }

    fn source_of(&self, row: &VolumeRow) -> Option<Box<VolumeSourceDetails>> {
        let own = row.own.as_ref()?;
        if let Some(backup) = own.backup {
            let id = self.ids.text(Id(Kind::VolumeBackup, backup));
            let source =
                VolumeSourceFromVolumeBackupDetails { id, ..VolumeSourceFromVolumeBackupDetails::default() };
            return Some(Box::new(VolumeSourceDetails::VolumeBackup(source)));
        }
        let id = self.ids.text(Id(Kind::Volume, own.source?));
        let source = VolumeSourceFromVolumeDetails { id, ..VolumeSourceFromVolumeDetails::default() };
        Some(Box::new(VolumeSourceDetails::Volume(source)))
    }

    fn source_of_boot_shown(&self, row: &VolumeRow) -> Option<Box<BootVolumeSourceDetails>> {
        let own = row.own.as_ref()?;
        if let Some(backup) = own.backup {
            let id = self.ids.text(Id(Kind::BootVolumeBackup, backup));
            let source = BootVolumeSourceFromBootVolumeBackupDetails {
                id,
                ..BootVolumeSourceFromBootVolumeBackupDetails::default()
            };
            return Some(Box::new(BootVolumeSourceDetails::BootVolumeBackup(source)));
        }
        let id = self.ids.text(Id(Kind::BootVolume, own.source?));
        let source =
            BootVolumeSourceFromBootVolumeDetails { id, ..BootVolumeSourceFromBootVolumeDetails::default() };
        Some(Box::new(BootVolumeSourceDetails::BootVolume(source)))
    }

    pub(in crate::world) fn get_volume(&self, request: &ApiRequest) -> ApiResult {
        let number = self.data_volume(request.in_path("volumeId"))?;
        self.volume_answer(request, number)
    }

    /// The result of an operation that shows one volume.
    pub(in crate::world) fn volume_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = &self.volumes.data[number as usize];
        let etag = self.etag(Id(Kind::Volume, number), row.version);
        Ok(answer(request.operation, &self.volume_model(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn list_volumes(&mut self, request: &ApiRequest) -> ApiResult {
        let ad = self.ad_in(request)?;
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let placed = request.in_query("clusterPlacementGroupId").is_some();
        let horizon = self.list_horizon();
        let rows = self.volumes.data.iter().zip(0..).filter(|(row, number)| {
            let shown = row.state(self.now);
            row.compartment == compartment
                && ad.is_none_or(|ad| ad == row.ad)
                && name.is_none_or(|name| *name == *row.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(shown))
                && row.created <= horizon
                && self.shows_volume(row)
                && !placed
                && self.is_in_wanted_group(request, Id(Kind::Volume, *number))
        });
        let rows = rows
            .map(|(row, number)| {
                (Cursor { group: 0, name: row.name.to_string(), number }, self.volume_model(number, row))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    pub(in crate::world) fn delete_volume(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.data_volume(request.in_path("volumeId"))?;
        let etag = self.etag(Id(Kind::Volume, number), self.volumes.data[number as usize].version);
        let now = self.now;
        if self.is_detaching(number) {
            let ocid = request.in_path("volumeId");
            return Err(error::incorrect_state(format!("volume {ocid} is being detached from an instance")));
        }
        self.check_in_no_group(Id(Kind::Volume, number))?;
        let done = delete(request, &etag, &mut self.volumes.data[number as usize], now)?;
        self.log.push(now, "volume_deleted", Some(Id(Kind::Volume, number)), None);
        Ok(done)
    }

    pub(super) fn volume_attachment(&self, number: u32, row: &AttachmentRow) -> Option<VolumeAttachment> {
        let instance = self.instances.get(row.instance)?;
        let id = self.ids.text(Id(Kind::VolumeAttachment, number));
        let availability_domain = self.identity.ad_name(instance.ad);
        let compartment_id = compartment_ocid(&self.ids, instance.compartment);
        let instance_id = self.ids.text(Id(Kind::Instance, row.instance));
        let volume_id = self.ids.text(Id(Kind::Volume, row.volume));
        let name = row.wanted.display_name.clone().unwrap_or_else(|| format!("volumeattachment{number}"));
        let made = Some(row.wanted.volume_id.is_none());
        if row.wanted.kind == "iscsi" {
            return Some(VolumeAttachment::Iscsi(IScsiVolumeAttachment {
                availability_domain,
                compartment_id,
                device: row.wanted.device.clone(),
                display_name: Some(name),
                id,
                instance_id,
                is_read_only: Some(row.wanted.is_read_only.unwrap_or(false)),
                is_shareable: Some(row.wanted.is_shareable.unwrap_or(false)),
                lifecycle_state: IScsiVolumeAttachmentLifecycleState::from(attachment_state(
                    row, instance, self.now,
                )),
                time_created: Some(row.created),
                volume_id,
                is_volume_created_during_launch: made,
                ipv4: "169.254.2.2".into(),
                iqn: format!("iqn.2015-12.com.oracleiaas:{number:032x}"),
                port: 3260,
                ..IScsiVolumeAttachment::default()
            }));
        }
        Some(VolumeAttachment::Paravirtualized(ParavirtualizedVolumeAttachment {
            availability_domain,
            compartment_id,
            device: row.wanted.device.clone(),
            display_name: Some(name),
            id,
            instance_id,
            is_read_only: Some(row.wanted.is_read_only.unwrap_or(false)),
            is_shareable: Some(row.wanted.is_shareable.unwrap_or(false)),
            lifecycle_state: ParavirtualizedVolumeAttachmentLifecycleState::from(attachment_state(
                row, instance, self.now,
            )),
            time_created: Some(row.created),
            volume_id,
            is_volume_created_during_launch: made,
            ..ParavirtualizedVolumeAttachment::default()
        }))
    }

    pub(in crate::world) fn get_volume_attachment(&self, request: &ApiRequest) -> ApiResult {
        let number = self.ids.number(Kind::VolumeAttachment, request.in_path("volumeAttachmentId"));
        self.attachment_answer(request, number.ok_or_else(error::not_found)?)
    }

    pub(in crate::world) fn list_volume_attachments(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let instance = request.in_query("instanceId").map(|ocid| self.ids.number(Kind::Instance, ocid));
        let volume = request.in_query("volumeId").map(|ocid| self.ids.number(Kind::Volume, ocid));
        let start = page.after.as_ref().map_or(0, |after| after.number.saturating_add(1));
        let end = self.volumes.attachments.len() as u32;
        let rows = (start..end).map(|number| Cursor { group: 0, name: String::new(), number });
        let row = |cursor: &Cursor| &self.volumes.attachments[cursor.number as usize];
        let keep = |cursor: &Cursor| {
            let row = row(cursor);
            let owner = self.listed(row.instance);
            !row.forgotten
                && instance.is_none_or(|wanted| wanted == Some(row.instance))
                && volume.is_none_or(|wanted| wanted == Some(row.volume))
                && owner.is_some_and(|owner| {
                    owner.compartment == compartment && ad.is_none_or(|ad| ad == owner.ad)
                })
        };
        page.answer(request, rows, keep, |cursor| self.volume_attachment(cursor.number, row(cursor)))
    }
}

fn attachment_state(row: &AttachmentRow, instance: &InstanceRow, now: jiff::Timestamp) -> &'static str {
    let is_settling = |since: jiff::Timestamp| now < since + SETTLING;
    match (row.attached, instance.state) {
        (false, _) if row.detached.is_some_and(is_settling) => "DETACHING",
        (false, _) => "DETACHED",
        (true, State::Terminating) => "DETACHING",
        (true, _) if row.by_request && is_settling(row.created) => "ATTACHING",
        (true, _) => "ATTACHED",
    }
}

fn delete(request: &ApiRequest, etag: &str, row: &mut VolumeRow, now: jiff::Timestamp) -> ApiResult {
    if !row.available {
        return Err(error::not_found());
    }
    request.check_etag(etag)?;
    if row.used_by.is_some() {
        let ocid = request.path.values().next().map_or("", String::as_str);
        return Err(error::incorrect_state(format!("volume {ocid} is attached to an instance")));
    }
    row.delete(now);
    Ok(empty(request.operation))
}
