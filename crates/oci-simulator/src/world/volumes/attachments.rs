//! Attaches block volumes to instances, and detaches them.

use super::{AttachmentRow, NewVolume};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::work_requests::{ResourceAction, Status};
use jiff::SignedDuration;
use serde::Deserialize;

/// How long an attachment is ATTACHING, and then DETACHING (invented).
pub(super) const SETTLING: SignedDuration = SignedDuration::from_secs(5);
/// The maximum number of volumes of an instance (Oracle: "Attaching a Block Volume to an Instance").
const VOLUMES_MAX: usize = 32;

/// What all types of attachments have.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentBody {
    instance_id: String,
    volume_id: String,
    #[serde(rename = "type")]
    kind: String,
    device: Option<String>,
    display_name: Option<String>,
    is_read_only: Option<bool>,
    is_shareable: Option<bool>,
}

impl AttachmentRow {
    /// Whether it is on its way out.
    fn is_detaching(&self, now: jiff::Timestamp) -> bool {
        self.detached.is_some_and(|detached| now < detached + SETTLING)
    }
}

impl World {
    pub(in crate::world) fn attach_volume(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let wanted: AttachmentBody = request.details()?;
        let (instance, row) = self.instance(&wanted.instance_id)?;
        if !matches!(row.state, State::Running | State::Stopped) {
            return Err(match row.state {
                State::Terminating | State::Terminated => error::not_found(),
                _ => error::busy(&wanted.instance_id),
            });
        }
        let (ad, compartment, is_metal) = (row.ad, row.compartment, row.shape.get().is_bare_metal());
        let volume = self.data_volume(&wanted.volume_id)?;
        self.check_attachable(volume, &wanted.volume_id, ad)?;
        let own = self.volumes.of_instance.get(&instance).into_iter().flatten();
        if own.filter(|number| self.volumes.attachments[**number as usize].attached).count() >= VOLUMES_MAX {
            return Err(error::limit_exceeded(&["volume-attachment-count".to_owned()]));
        }
        let kind = match (wanted.kind.as_str(), is_metal) {
            ("iscsi" | "service_determined", true) | ("iscsi", false) => "iscsi",
            (_, true) => return Err(error::invalid("type must be iscsi for an instance on bare metal")),
            (_, false) => "paravirtualized",
        };
        let number = self.volumes.attachments.len() as u32;
        self.volumes.attachments.push(AttachmentRow {
            instance,
            volume,
            wanted: NewVolume {
                kind: kind.to_owned(),
                device: wanted.device,
                display_name: wanted.display_name,
                is_read_only: wanted.is_read_only,
                is_shareable: wanted.is_shareable,
                volume_id: Some(wanted.volume_id),
                launch_create_volume_details: None,
            },
            created: self.now,
            attached: true,
            forgotten: false,
            by_request: true,
            detached: None,
        });
        self.volumes.of_instance.entry(instance).or_default().push(number);
        self.volumes.data[volume as usize].used_by = Some(instance);
        let id = Id(Kind::VolumeAttachment, number);
        self.log.push(self.now, "volume_attached", Some(id), None);
        let answer = self.attachment_answer(request, number)?;
        Ok((answer.with_work_request(self.attachment_work(request, compartment, id)), Some(id)))
    }

    /// Refuses a volume that is not free (texts invented).
    fn check_attachable(&self, volume: u32, ocid: &str, ad: u8) -> Result<(), ApiError> {
        let row = &self.volumes.data[volume as usize];
        if !row.available {
            return Err(error::not_found());
        }
        if row.ad != ad {
            return Err(error::invalid(format!(
                "volume {ocid} is in another availability domain than the instance"
            )));
        }
        if row.state(self.now) != "AVAILABLE" {
            return Err(error::incorrect_state(format!("volume {ocid} is in state {}", row.state(self.now))));
        }
        if row.used_by.is_some() || self.is_detaching(volume) {
            return Err(error::incorrect_state(format!("volume {ocid} is attached already")));
        }
        Ok(())
    }

    /// Whether a volume is still being detached from an instance.
    pub(super) fn is_detaching(&self, volume: u32) -> bool {
        self.volumes.attachments.iter().any(|row| row.volume == volume && row.is_detaching(self.now))
    }

    /// The result of an operation that shows one attachment.
    pub(in crate::world) fn attachment_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.volumes.attachments.get(number as usize).filter(|row| !row.forgotten);
        let row = row.ok_or_else(error::not_found)?;
        let model = self.volume_attachment(number, row).ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::VolumeAttachment, number), u32::from(row.attached));
        Ok(answer(request.operation, &model)?.with_etag(etag))
    }

    /// A work request for a change that is done at once.
    fn attachment_work(&mut self, request: &ApiRequest, compartment: u32, id: Id) -> String {
        let work = self.open_work_request(
            request.operation.name(),
            compartment,
            id,
            ResourceAction::Update,
            self.now,
        );
        self.close_work_request(work, Status::Succeeded, None);
        self.work_request_ocid(work)
    }

    pub(in crate::world) fn detach_volume(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("volumeAttachmentId");
        let number = self.ids.number(Kind::VolumeAttachment, ocid);
        let row = number.and_then(|number| Some((number, self.volumes.attachments.get(number as usize)?)));
        let (number, row) =
            row.filter(|(_, row)| !row.forgotten && row.attached).ok_or_else(error::not_found)?;
        request.check_etag(&self.etag(Id(Kind::VolumeAttachment, number), 1))?;
        let instance = self.instances.get(row.instance).ok_or_else(error::not_found)?;
        if !matches!(instance.state, State::Running | State::Stopped) {
            return Err(error::busy(&self.ids.text(Id(Kind::Instance, row.instance))));
        }
        let (compartment, volume, now) = (instance.compartment, row.volume, self.now);
        let row = &mut self.volumes.attachments[number as usize];
        row.attached = false;
        row.detached = Some(now);
        if let Some(volume) = self.volumes.data.get_mut(volume as usize) {
            volume.used_by = None;
            volume.version += 1;
        }
        let id = Id(Kind::VolumeAttachment, number);
        self.log.push(now, "volume_detached", Some(id), None);
        let work = self.attachment_work(request, compartment, id);
        Ok(empty(request.operation).with_work_request(work))
    }
}
