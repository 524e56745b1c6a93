//! Custom images: made from an instance, renamed, deleted.

use super::{ImageRow, OwnImage};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::instances::validate::check_tags;
use crate::world::request::empty;
use crate::world::state::World;
use crate::world::time::stamp;
use crate::world::work_requests::{ResourceAction, Status};
use jiff::SignedDuration;
use oci_api::models::{CreateImageDetails, UpdateImageDetails};

/// How long an image is PROVISIONING (invented; minutes in the service).
const COPYING: SignedDuration = SignedDuration::from_secs(60);
/// The maximum number of custom images in a region (Oracle: "Service Limits", Compute).
const IMAGES_MAX: usize = 100;

impl World {
    pub(in crate::world) fn create_image(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateImageDetails = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let tags = new.freeform_tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        // The region has no object storage from which an image could come.
        let ocid = new.instance_id.ok_or_else(|| error::missing("instanceId"))?;
        let (_, instance) = self.instance(&ocid)?;
        if !matches!(instance.state, State::Running | State::Stopped) {
            return Err(match instance.state {
                State::Terminating | State::Terminated => error::not_found(),
                _ => error::busy(&ocid),
            });
        }
        let base = instance.image.or_else(|| {
            let boot = instance.boot_volume?;
            self.volumes.boots.get(boot as usize)?.image
        });
        let base_row = base.and_then(|number| self.images.get(number as usize));
        let arm = instance.shape.get().family().arm;
        let (os, os_version) = base_row.map_or_else(
            || ("Custom".to_owned(), "custom".to_owned()),
            |row| (row.os.clone(), row.os_version.clone()),
        );
        let made = self.images.iter().filter(|row| row.own.as_ref().is_some_and(|own| own.deleted.is_none()));
        if made.count() >= IMAGES_MAX {
            return Err(error::limit_exceeded(&["custom-image-count".to_owned()]));
        }
        let own = OwnImage {
            compartment,
            tags,
            defined_tags: self.defined_tags_of_new(new.defined_tags.as_ref(), &request.caller),
            base,
            ready: self.now + COPYING,
            deleted: None,
            version: 0,
        };
        let number = self.images.len() as u32;
        self.images.push(ImageRow {
            name: new.display_name.unwrap_or_else(|| format!("image{}", stamp(self.now))),
            os,
            os_version,
            arm: Some(arm),
            gpu: base_row_gpu(base, &self.images),
            created: self.now,
            own: Some(Box::new(own)),
        });
        let id = Id(Kind::Image, number);
        let work = self.open_work_request("CreateImage", compartment, id, ResourceAction::Create, self.now);
        self.close_work_request(work, Status::Succeeded, None);
        self.log.push(self.now, "image_created", Some(id), None);
        let answer = self.image_answer(request, number)?;
        Ok((answer.with_work_request(self.work_request_ocid(work)), Some(id)))
    }

    /// A custom image that somebody can change, and its number.
    fn own_image(&mut self, request: &ApiRequest) -> Result<(u32, &mut ImageRow), ApiError> {
        let number = self.image(request.in_path("imageId")).map_err(|_| error::not_found())?;
        let etag = self.image_etag(number);
        request.check_etag(&etag)?;
        // Oracle's own images and those of a config belong to somebody else.
        let row = self.images.get_mut(number as usize).filter(|row| row.own.is_some());
        row.map(|row| (number, row)).ok_or_else(error::not_found)
    }

    pub(in crate::world) fn update_image(&mut self, request: &ApiRequest) -> ApiResult {
        let new: UpdateImageDetails = request.details()?;
        if let Some(tags) = &new.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let (number, row) = self.own_image(request)?;
        row.name = new.display_name.unwrap_or_else(|| row.name.clone());
        row.os = new.operating_system.unwrap_or_else(|| row.os.clone());
        row.os_version = new.operating_system_version.unwrap_or_else(|| row.os_version.clone());
        if let Some(own) = &mut row.own {
            own.tags = new.freeform_tags.unwrap_or_else(|| own.tags.clone());
            own.defined_tags = new.defined_tags.unwrap_or_else(|| own.defined_tags.clone());
            own.version += 1;
        }
        self.log.push(self.now, "image_updated", Some(Id(Kind::Image, number)), None);
        self.image_answer(request, number)
    }

    pub(in crate::world) fn delete_image(&mut self, request: &ApiRequest) -> ApiResult {
        let now = self.now;
        let (number, row) = self.own_image(request)?;
        if let Some(own) = &mut row.own {
            own.deleted = Some(now);
        }
        self.log.push(now, "image_deleted", Some(Id(Kind::Image, number)), None);
        Ok(empty(request.operation))
    }
}

fn base_row_gpu(base: Option<u32>, images: &[ImageRow]) -> bool {
    base.and_then(|number| images.get(number as usize)).is_some_and(|row| row.gpu)
}
