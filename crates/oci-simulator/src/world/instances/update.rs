//! UpdateInstance: names, tags and settings at once; another size or reservation through a reboot.

use super::super::World;
use super::super::api::{ApiAnswer, ApiError, ApiRequest};
use super::super::chance::Chance;
use super::super::error;
use super::super::identity::find_fault_domain;
use super::super::ids::{Id, Kind};
use super::super::limits::Usage;
use super::super::reservations::Wish;
use super::super::schedule::Step;
use super::super::shapes::ShapeId;
use super::super::time::trim;
use super::super::work_requests::{Deed, Status};
use super::extras::Extra;
use super::validate::{ShapeConfig, Texts, check_metadata, check_tags, need_of};
use super::{Baseline, State};
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body<'a> {
    display_name: Option<&'a str>,
    freeform_tags: Option<Texts<'a>>,
    metadata: Option<Texts<'a>>,
    shape: Option<&'a str>,
    #[serde(borrow)]
    shape_config: Option<ShapeConfig<'a>>,
    capacity_reservation_id: Option<&'a str>,
    fault_domain: Option<&'a str>,
}

/// The fields that replace those of the extra.
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
    pub(in super::super) fn update_instance(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let raw = request.body.as_ref().ok_or_else(error::unparsable)?;
        let body = Body::deserialize(raw).map_err(|_| error::unparsable())?;
        let (number, row) = self.instance_to_change(request)?;
        let ocid = request.in_path("instanceId");
        if matches!(row.state, State::Terminating | State::Terminated) {
            return Err(error::incorrect_state(format!("instance {ocid} is in state {}", row.state.as_str())));
        }
        if row.state.is_passing() {
            return Err(error::busy(ocid));
        }
        let compartment = row.compartment;
        let extra = self.updated_extra(number, raw, &body)?;
        let resized = self.resize(number, &body)?;
        let extras = self.instances.extras.keep(extra)?;
        if let Some(name) = body.display_name {
            self.instances.rename(number, name);
        }
        if let Some(row) = self.instances.get_mut(number) {
            row.version += 1;
            row.extras = extras;
            if let Some(tags) = &body.freeform_tags {
                row.tags = tags.iter().map(|(key, value)| (Box::from(&**key), Box::from(&**value))).collect();
            }
        }
        let id = Id(Kind::Instance, number);
        self.log.push(self.now, "instance_updated", Some(id), None);
        let work = self.open_work_request("UpdateInstance", compartment, id, Deed::Update, self.now);
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

    fn updated_extra(&self, number: u32, raw: &Value, body: &Body<'_>) -> Result<Extra, ApiError> {
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        if let Some(tags) = &body.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (&**key, &**value)))?;
        }
        if let Some(metadata) = &body.metadata {
            check_metadata(metadata, raw.get("extendedMetadata").map_or(0, |value| value.to_string().len()))?;
        }
        let mut fields =
            serde_json::to_value(self.instances.extras.get(row.extras)).map_err(|_| error::unparsable())?;
        for field in REPLACED {
            if let Some(value) = raw.get(field).filter(|value| !value.is_null()) {
                fields[*field] = value.clone();
            }
        }
        Extra::deserialize(fields).map_err(|_| error::unparsable())
    }

    /// Gives an instance another shape, size, fault domain or reservation, if there is room; false if none was asked.
    fn resize(&mut self, number: u32, body: &Body<'_>) -> Result<bool, ApiError> {
        let asked = body.shape.is_some()
            || body.shape_config.is_some()
            || body.capacity_reservation_id.is_some()
            || body.fault_domain.is_some();
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        if !asked {
            return Ok(false);
        }
        if self.instances.extras.get(row.extras).preemptible_instance_config.is_some() {
            return Err(error::incorrect_state("a preemptible instance can only be renamed"));
        }
        let (ad, old_need, old_shape, compartment) = (row.ad, row.need, row.shape, row.compartment);
        let shape_id = match body.shape {
            None => old_shape,
            Some(name) => ShapeId::find(name)
                .filter(|shape| self.offers(ad, shape.get()))
                .ok_or_else(|| error::named_not_found("shape", name))?,
        };
        let shape = shape_id.get();
        if let Some(image) = row.image.filter(|image| !self.images[*image as usize].fits(shape)) {
            let image = self.ids.text(Id(Kind::Image, image));
            return Err(error::invalid(format!("Shape {} is not valid for image {image}.", shape.name)));
        }
        let same_shape = shape_id == old_shape;
        let (need, baseline) = match &body.shape_config {
            None if same_shape => (old_need, row.baseline),
            config => {
                let mut config = config.clone().unwrap_or_default();
                if same_shape && config.ocpus.is_none() && config.vcpus.is_none() {
                    config.ocpus = Some(f64::from(old_need.ocpus) / 1000.0);
                }
                (need_of(shape, Some(&config))?, config.baseline(shape)?)
            }
        };
        let fd = match body.fault_domain {
            None => row.fd,
            Some(name) => find_fault_domain(name)
                .ok_or_else(|| error::invalid(format!("faultDomain '{name}' does not exist")))?,
        };
        let old = (row.held, row.reservation.zip(row.config));
        let wish = Wish {
            ad,
            fd: body.fault_domain.map(|_| fd),
            shape: shape_id,
            need,
            plain: baseline == Baseline::Full,
        };
        let keeps = old.1.map(|(reservation, _)| self.ids.text(Id(Kind::CapacityReservation, reservation)));
        let wanted = body.capacity_reservation_id.or(keeps.as_deref());
        let unchanged = need == old_need && same_shape && body.fault_domain.is_none();
        if unchanged && wanted.unwrap_or_default() == keeps.as_deref().unwrap_or_default() {
            return Ok(false);
        }
        let new = self.matching_reservation(Some(wanted.unwrap_or_default()), &wish)?;
        self.count_resize(number, &wish, old_need, old_shape)?;
        // Where it was is given back last, so that a refusal changes nothing.
        let held = match new {
            Some((reservation, config)) => self.take_reserved(reservation, config),
            None if old.0.is_some() || old.1.is_some() => self.capacity.take(ad, wish.fd, shape.family, need),
            None => None,
        };
        if held.is_none() && (old.0.is_some() || new.is_some()) {
            self.count_back(compartment, ad, (shape_id, need), (old_shape, old_need));
            return Err(error::out_of_capacity());
        }
        match old {
            (Some(held), Some((reservation, config))) => self.return_reserved(reservation, config, held, number),
            (Some(held), None) => self.capacity.give_back(held),
            (None, _) => {}
        }
        if let Some(row) = self.instances.get_mut(number) {
            row.shape = shape_id;
            row.need = need;
            row.baseline = baseline;
            row.fd = held.map_or(fd, |held| held.fault_domain());
            row.held = held;
            row.reservation = new.map(|(reservation, _)| reservation);
            row.config = new.map(|(_, config)| config);
        }
        if let Some((reservation, _)) = new {
            self.join_reservation(reservation, number);
        }
        Ok(true)
    }

    fn count_resize(
        &mut self,
        number: u32,
        wish: &Wish,
        old_need: super::super::capacity::Need,
        old_shape: ShapeId,
    ) -> Result<(), ApiError> {
        let compartment = self.instances.get(number).map_or(0, |row| row.compartment);
        self.limits.count(compartment, wish.ad, old_shape.get().family, Usage::of(old_need), -1);
        let checked = self.check_limits(compartment, wish.ad, wish.shape.get(), Usage::of(wish.need));
        if checked.is_err() {
            self.limits.count(compartment, wish.ad, old_shape.get().family, Usage::of(old_need), 1);
            return checked;
        }
        self.limits.count(compartment, wish.ad, wish.shape.get().family, Usage::of(wish.need), 1);
        Ok(())
    }

    fn count_back(
        &mut self,
        compartment: u32,
        ad: u8,
        (shape, need): (ShapeId, super::super::capacity::Need),
        (old_shape, old_need): (ShapeId, super::super::capacity::Need),
    ) {
        self.limits.count(compartment, ad, shape.get().family, Usage::of(need), -1);
        self.limits.count(compartment, ad, old_shape.get().family, Usage::of(old_need), 1);
    }
}
