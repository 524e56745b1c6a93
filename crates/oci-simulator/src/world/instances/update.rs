//! UpdateInstance: changes names, tags and settings at once, and the size or the reservation with a reboot.

use super::State;
use super::extras::Extra;
use super::resize::Change;
use super::tags::Tags;
use super::validate::{ShapeConfig, Texts, check_metadata, check_tags};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest};
use crate::world::chance::Chance;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::schedule::Step;
use crate::world::state::World;
use crate::world::time::trim;
use crate::world::work_requests::{ResourceAction, Status};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct UpdateBody<'a> {
    display_name: Option<&'a str>,
    freeform_tags: Option<Texts<'a>>,
    metadata: Option<Texts<'a>>,
    shape: Option<&'a str>,
    #[serde(borrow)]
    shape_config: Option<ShapeConfig<'a>>,
    capacity_reservation_id: Option<&'a str>,
    fault_domain: Option<&'a str>,
}

/// The fields that replace those of the [`Extra`].
const REPLACED: &[&str] = &[
    "metadata",
    "extendedMetadata",
    "definedTags",
    "securityAttributes",
    "agentConfig",
    "instanceOptions",
    "availabilityConfig",
    "launchOptions",
    "isAIEnterpriseEnabled",
    "dedicatedVmHostId",
];

impl World {
    pub(in crate::world) fn update_instance(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let raw = request.body.as_ref().ok_or_else(error::unparsable)?;
        let body = UpdateBody::deserialize(raw).map_err(|_| error::unparsable())?;
        let (number, row) = self.instance_to_change(request)?;
        let ocid = request.in_path("instanceId");
        if matches!(row.state, State::Terminating | State::Terminated) {
            return Err(error::incorrect_state(format!(
                "instance {ocid} is in state {}",
                row.state.as_str()
            )));
        }
        if row.state.is_passing() {
            return Err(error::busy(ocid));
        }
        let compartment = row.compartment;
        let extra = self.updated_extra(number, raw, &body)?;
        let change = Change {
            shape: body.shape,
            config: body.shape_config.as_ref(),
            reservation: body.capacity_reservation_id,
            fault_domain: body.fault_domain,
        };
        let resized = self.resize(number, &change)?;
        let extras = self.instances.extras.keep(extra)?;
        if let Some(name) = body.display_name {
            self.instances.rename(number, name);
        }
        if let Some(row) = self.instances.get_mut(number) {
            row.version += 1;
            row.extras = extras;
            row.retagged |= raw.get("definedTags").is_some_and(|tags| !tags.is_null());
            if let Some(tags) = &body.freeform_tags {
                let tags = tags.iter().map(|(key, value)| (&**key, &**value));
                row.tags = Tags::of(tags, Some(&row.tags));
            }
        }
        let id = Id(Kind::Instance, number);
        self.log.push(self.now, "instance_updated", Some(id), None);
        let work =
            self.open_work_request("UpdateInstance", compartment, id, ResourceAction::Update, self.now);
        let running = self.instances.get(number).is_some_and(|row| row.state == State::Running);
        if resized && running {
            self.reboot(number, work);
        } else {
            self.close_work_request(work, Status::Succeeded, None);
        }
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let answer = self.instance_answer(request.operation, number, row)?;
        Ok((answer.with_work_request(self.work_request_ocid(work)), Some(id)))
    }

    fn reboot(&mut self, number: u32, work: u32) {
        if let Some(row) = self.instances.get_mut(number) {
            row.work = work;
        }
        let epoch = self.instances.get(number).map_or(0, |row| row.epoch);
        let mut chance = Chance::of(self.seed, "resize", number ^ epoch << 20);
        let delay = trim(self.settings.stop_seconds.draw(&mut chance));
        self.turn(number, State::Stopping, delay, Step::Restarted);
    }

    fn updated_extra(&self, number: u32, raw: &Value, body: &UpdateBody<'_>) -> Result<Extra, ApiError> {
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let old = self.instances.extras.get(row.extras);
        check_preemptible(old, raw)?;
        if let Some(tags) = &body.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (&**key, &**value)))?;
        }
        if let Some(metadata) = &body.metadata {
            check_metadata(metadata, raw.get("extendedMetadata").map_or(0, |value| value.to_string().len()))?;
            check_first_boot(old, metadata)?;
        }
        let mut fields = serde_json::to_value(old).map_err(|_| error::unparsable())?;
        for field in REPLACED {
            if let Some(value) = raw.get(field).filter(|value| !value.is_null()) {
                fields[*field] = value.clone();
            }
        }
        Extra::deserialize(fields).map_err(|_| error::unparsable())
    }
}

/// Refuses changes that are not possible after the launch: `user_data` and SSH keys must be sent unchanged (Oracle:
/// UpdateInstanceDetails; text invented).
fn check_first_boot(old: &Extra, metadata: &Texts<'_>) -> Result<(), ApiError> {
    for key in ["ssh_authorized_keys", "user_data"] {
        let is = old.metadata.as_ref().and_then(|metadata| metadata.get(key)).map(String::as_str);
        if metadata.get(key).map(|value| &**value) != is {
            return Err(error::invalid(format!(
                "metadata.{key} cannot be added, changed or removed after the instance has launched"
            )));
        }
    }
    Ok(())
}

/// Refuses every change of a preemptible instance except a new name (Oracle: "Preemptible Instances"; code and text invented).
fn check_preemptible(old: &Extra, raw: &Value) -> Result<(), ApiError> {
    let mut changes = raw.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    match changes.find(|(field, _)| *field != "displayName") {
        Some((field, _)) if old.preemptible_instance_config.is_some() => Err(error::invalid(format!(
            "{field} of a preemptible instance cannot be changed, only displayName"
        ))),
        _ => Ok(()),
    }
}
