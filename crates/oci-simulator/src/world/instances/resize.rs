//! Changes the shape, size, fault domain or reservation of an instance. The new capacity is taken before the old is released,
//! so that a refusal changes nothing.

use super::validate::{ShapeConfig, need_of};
use super::{Baseline, InstanceRow};
use crate::world::api::ApiError;
use crate::world::capacity::Need;
use crate::world::error;
use crate::world::identity::fault_domain;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Usage;
use crate::world::reservations::Wish;
use crate::world::shapes::ShapeId;
use crate::world::state::World;

/// The requested changes of an instance; `None` leaves a property as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'a> {
    pub shape: Option<&'a str>,
    pub config: Option<&'a ShapeConfig<'a>>,
    pub reservation: Option<&'a str>,
    pub fault_domain: Option<&'a str>,
}

/// The properties of the instance after the change.
struct Target {
    shape: ShapeId,
    need: Need,
    baseline: Baseline,
    fd: Option<u8>,
    /// OCID of its reservation; empty for none.
    reservation: String,
}

impl World {
    /// Changes the shape, size, fault domain or reservation of an instance if there is capacity. Returns false if nothing
    /// changes.
    pub(super) fn resize(&mut self, number: u32, change: &Change<'_>) -> Result<bool, ApiError> {
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let Some(target) = self.target(row, change)? else { return Ok(false) };
        let (ad, compartment) = (row.ad, row.compartment);
        let old = (row.shape, row.need);
        let old_room = (row.held, row.reservation.zip(row.config));
        let shape = target.shape.get();
        let group = self.instances.extras.get(row.extras).cluster_placement_group_id.clone();
        let wish = Wish {
            ad,
            fd: target.fd,
            shape: target.shape,
            need: target.need,
            plain: target.baseline == Baseline::Full,
            group: group.as_deref(),
        };
        let reserved = self.matching_reservation(Some(&target.reservation), &wish)?;
        let drawn = (old_room.1.is_some(), reserved.is_some());
        self.recount(compartment, ad, old, (target.shape, target.need), drawn)?;
        // A stopped instance needs no capacity until it starts, unless a reservation holds it.
        let needs_room = old_room.0.is_some() || reserved.is_some();
        let held = match reserved {
            Some((reservation, config)) => self.take_reserved(reservation, config),
            None if needs_room => self.capacity.take(ad, target.fd, shape.family, target.need),
            None => None,
        };
        if held.is_none() && needs_room {
            self.uncount(compartment, ad, (target.shape, target.need), old);
            return Err(error::out_of_capacity());
        }
        match old_room {
            (Some(held), Some((reservation, config))) => {
                self.return_reserved(reservation, config, held, number);
            }
            (Some(held), None) => self.capacity.give_back(held),
            (None, _) => {}
        }
        if let Some(row) = self.instances.get_mut(number) {
            row.shape = target.shape;
            row.need = target.need;
            row.baseline = target.baseline;
            row.fd = held.map(|held| held.fault_domain()).or(target.fd).unwrap_or(row.fd);
            row.held = held;
            row.reservation = reserved.map(|(reservation, _)| reservation);
            row.config = reserved.map(|(_, config)| config);
        }
        if let Some((reservation, _)) = reserved {
            self.join_reservation(reservation, number);
        }
        Ok(true)
    }

    /// The properties of an instance after a change; `None` if it stays the same.
    fn target(&self, row: &InstanceRow, change: &Change<'_>) -> Result<Option<Target>, ApiError> {
        let asked = change.shape.is_some()
            || change.config.is_some()
            || change.reservation.is_some()
            || change.fault_domain.is_some();
        if !asked {
            return Ok(None);
        }
        if self.instances.extras.get(row.extras).preemptible_instance_config.is_some() {
            return Err(error::incorrect_state("a preemptible instance can only be renamed"));
        }
        let shape_id = match change.shape {
            None => row.shape,
            Some(name) => ShapeId::find(name)
                .filter(|shape| self.offers(row.ad, shape.get()))
                .ok_or_else(|| error::named_not_found("shape", name))?,
        };
        let shape = shape_id.get();
        if let Some(image) = row.image.filter(|image| !self.images[*image as usize].fits(shape)) {
            let image = self.ids.text(Id(Kind::Image, image));
            return Err(error::invalid(format!("Shape {} is not valid for image {image}.", shape.name)));
        }
        let same_shape = shape_id == row.shape;
        let (need, baseline) = match change.config {
            None if same_shape => (row.need, row.baseline),
            config => {
                let mut config = config.cloned().unwrap_or_default();
                if same_shape && config.ocpus.is_none() && config.vcpus.is_none() {
                    config.ocpus = Some(f64::from(row.need.ocpus) / 1000.0);
                }
                (need_of(shape, Some(&config))?, config.baseline(shape)?)
            }
        };
        let fd = match change.fault_domain {
            None => None,
            Some(name) => Some(fault_domain(name)?),
        };
        let own = row.reservation.map(|number| self.ids.text(Id(Kind::CapacityReservation, number)));
        let own = own.unwrap_or_default();
        let reservation = change.reservation.unwrap_or(&own).to_owned();
        let same = same_shape && need == row.need && baseline == row.baseline && reservation == own;
        if same && fd.is_none_or(|fd| fd == row.fd) {
            return Ok(None);
        }
        Ok(Some(Target { shape: shape_id, need, baseline, fd, reservation }))
    }

    /// Counts an instance as another size if the limits allow it. `drawn` says whether it used a reservation before, and
    /// whether it will.
    fn recount(
        &mut self,
        compartment: u32,
        ad: u8,
        (old_shape, old_need): (ShapeId, Need),
        (shape, need): (ShapeId, Need),
        drawn: (bool, bool),
    ) -> Result<(), ApiError> {
        let (old_family, family) = (old_shape.get().family, shape.get().family);
        self.limits.count(compartment, ad, old_family, Usage::of(old_need), -1);
        let mut more = Usage::of(need);
        if drawn.0 && old_family == family {
            // The reservation that it leaves still counts in full.
            more.add(Usage::of(old_need), 1);
        }
        let limits = if drawn.1 { Ok(()) } else { self.check_limits(ad, shape.get(), more) };
        let checked = limits.and_then(|()| self.check_quotas(compartment, shape.get(), Usage::of(need)));
        match checked {
            Ok(()) => self.limits.count(compartment, ad, family, Usage::of(need), 1),
            Err(_) => self.limits.count(compartment, ad, old_family, Usage::of(old_need), 1),
        }
        checked
    }

    /// Reverts a recount.
    fn uncount(&mut self, compartment: u32, ad: u8, new: (ShapeId, Need), old: (ShapeId, Need)) {
        self.limits.count(compartment, ad, new.0.get().family, Usage::of(new.1), -1);
        self.limits.count(compartment, ad, old.0.get().family, Usage::of(old.1), 1);
    }
}
