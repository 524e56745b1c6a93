//! Creates, gets, updates, deletes and moves capacity reservations.

use super::{ConfigKey, Reservation, ReservationConfig, ReservationState, Wanted};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::{compartment_ocid, fault_domain, fault_domain_name};
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::{ShapeConfig, check_tags, need_of};
use crate::world::limits::Usage;
use crate::world::request::{answer, empty};
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use crate::world::work_requests::ResourceAction;
use oci_api::models::{
    ChangeComputeCapacityReservationCompartmentDetails, ComputeCapacityReservation,
    ComputeCapacityReservationLifecycleState, CreateComputeCapacityReservationDetails,
    InstanceReservationConfig, InstanceReservationConfigDetails, InstanceReservationShapeConfigDetails,
    UpdateComputeCapacityReservationDetails,
};
use std::collections::BTreeMap;

/// The maximum number of configs of one reservation; more cause an internal error (Oracle: "Known Issues for Compute").
const MOST_CONFIGS: usize = 50;

impl World {
    /// Reads and checks the configs of a request.
    fn read_configs(
        &self,
        ad: u8,
        details: Option<&[InstanceReservationConfigDetails]>,
    ) -> Result<Vec<Wanted>, ApiError> {
        let details = details.unwrap_or_default();
        if details.len() > MOST_CONFIGS {
            return Err(ApiError::new(500, "InternalError", "Internal error"));
        }
        let mut wanted: Vec<Wanted> = Vec::with_capacity(details.len());
        for config in details {
            let name = &config.instance_shape;
            let shape_id = ShapeId::find(name).filter(|shape| self.offers(ad, shape.get()));
            let shape_id = shape_id.ok_or_else(|| error::named_not_found("shape", name))?;
            let shape = shape_id.get();
            if shape.family().name == "standard-e2-micro" {
                return Err(error::invalid(format!(
                    "shape {name} is not supported for capacity reservations"
                )));
            }
            let (ocpus, memory) = shape.default_size();
            let need = match &config.instance_shape_config {
                // A flexible shape without a size is reserved at the shape's default size.
                None => {
                    let size = ShapeConfig {
                        ocpus: Some(ocpus.into()),
                        memory_in_gbs: Some(memory.into()),
                        ..ShapeConfig::default()
                    };
                    need_of(shape, Some(&size))?
                }
                Some(size) => {
                    let size = ShapeConfig {
                        ocpus: size.ocpus,
                        memory_in_gbs: size.memory_in_gbs,
                        ..ShapeConfig::default()
                    };
                    need_of(shape, Some(&size))?
                }
            };
            let fd = match config.fault_domain.as_deref() {
                None => None,
                Some(name) => Some(fault_domain(name)?),
            };
            let count = u32::try_from(config.reserved_count)
                .map_err(|_| error::invalid("reservedCount must be 0 or more"))?;
            let group = config.cluster_placement_group_id.clone().filter(|group| !group.is_empty());
            self.check_other(group.as_deref())?;
            let key = ConfigKey { shape: shape_id, need, fd, group };
            if wanted.iter().any(|other| other.key == key) {
                return Err(error::invalid(
                    "instanceReservationConfigs must differ in shape, size, fault domain or cluster placement group",
                ));
            }
            let cluster =
                config.cluster_config.as_ref().and_then(|cluster| serde_json::to_value(cluster).ok());
            wanted.push(Wanted { key, count, cluster });
        }
        Ok(wanted)
    }

    /// Refuses to reserve more than the limits allow.
    fn check_reserved_limits(&self, ad: u8, wanted: &[Wanted], now: &Reservation) -> Result<(), ApiError> {
        let mut more: BTreeMap<u8, Usage> = BTreeMap::new();
        for want in wanted {
            let known = now.configs.values().find(|config| config.key == want.key);
            let count = want.count.saturating_sub(known.map_or(0, ReservationConfig::reserved));
            let usage = more.entry(want.key.shape.get().family).or_default();
            usage.cores += i64::from(want.key.need.ocpus) * i64::from(count);
            usage.memory += i64::from(want.key.need.memory) * i64::from(count);
            usage.gpus += i64::from(want.key.need.gpus) * i64::from(count);
        }
        let names =
            more.into_iter().flat_map(|(family, usage)| self.limits.exceeded(ad, family, usage, true));
        let names: Vec<String> = names.collect();
        if names.is_empty() { Ok(()) } else { Err(error::limit_exceeded(&names)) }
    }

    /// Refuses a second default reservation in an availability domain, and a default below the root compartment.
    fn check_default(&self, compartment: u32, ad: u8, own: Option<u32>) -> Result<(), ApiError> {
        if compartment != 0 {
            return Err(error::invalid(
                "isDefaultReservation can be true only in the tenancy's root compartment",
            ));
        }
        let other = self
            .reservations
            .iter()
            .any(|(number, row)| row.is_default && row.ad == ad && row.exists() && Some(*number) != own);
        if other {
            return Err(error::incorrect_state(format!(
                "availability domain {} has a default capacity reservation already",
                self.identity.ad_name(ad)
            )));
        }
        Ok(())
    }

    pub(in crate::world) fn create_reservation(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let details: CreateComputeCapacityReservationDetails = request.details()?;
        let compartment = self.compartment(&details.compartment_id)?;
        let ad = self.ad(&details.availability_domain)?;
        let wanted = self.read_configs(ad, details.instance_reservation_configs.as_deref())?;
        let tags = details.freeform_tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let is_default = details.is_default_reservation.unwrap_or(false);
        if is_default {
            self.check_default(compartment, ad, None)?;
        }
        let number = self.add_reservation(compartment, ad);
        if let Err(refusal) = self.check_reserved_limits(ad, &wanted, &self.reservations[&number]) {
            self.reservations.remove(&number);
            return Err(refusal);
        }
        let defined_tags = self.defined_tags_of_new(details.defined_tags.as_ref(), &request.caller);
        if let Some(row) = self.reservations.get_mut(&number) {
            row.name = details.display_name.unwrap_or_else(|| row.name.clone());
            row.tags = tags;
            row.defined_tags = defined_tags;
            row.is_default = is_default;
            row.pending = Some(wanted);
        }
        let id = Id(Kind::CapacityReservation, number);
        self.change_reservation(
            number,
            ReservationState::Creating,
            "CreateComputeCapacityReservation",
            ResourceAction::Create,
        );
        Ok((self.created_reservation(request, number)?, Some(id)))
    }

    /// The response to the creation of this reservation.
    pub(in crate::world) fn created_reservation(
        &self,
        request: &ApiRequest,
        number: u32,
    ) -> Result<ApiAnswer, ApiError> {
        let row = self.reservations.get(&number).ok_or_else(error::not_found)?;
        let mut answer = self.reservation_answer(request, number, row)?;
        let ocid = self.ids.text(Id(Kind::CapacityReservation, number));
        answer.location = Some(format!("/20160918/computeCapacityReservations/{ocid}"));
        Ok(answer.with_work_request(self.work_request_ocid(row.work)))
    }

    /// Begins a change, with a work request.
    fn change_reservation(
        &mut self,
        number: u32,
        state: ReservationState,
        operation: &'static str,
        action: ResourceAction,
    ) -> u32 {
        let compartment = self.reservations.get(&number).map_or(0, |row| row.compartment);
        let expected = self.now + self.reservation_delay(number);
        let id = Id(Kind::CapacityReservation, number);
        let work = self.open_work_request(operation, compartment, id, action, expected);
        self.begin_reservation(number, state, work);
        work
    }

    fn reservation_answer(&self, request: &ApiRequest, number: u32, row: &Reservation) -> ApiResult {
        let etag = self.etag(Id(Kind::CapacityReservation, number), row.version);
        Ok(answer(request.operation, &self.reservation_model(number, row))?.with_etag(etag))
    }

    pub(in crate::world) fn get_reservation(&self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.reservation(request.in_path("capacityReservationId"))?;
        self.reservation_answer(request, number, row)
    }

    /// How many instances use a config, as the API shows it: the count lags like lists do.
    fn used_shown(&self, row: &Reservation, config_number: u32, used: u32) -> i64 {
        if self.settings.list_lag_seconds <= 0.0 {
            return used.into();
        }
        let horizon = self.list_horizon();
        let young = row
            .members
            .iter()
            .filter_map(|number| self.instances.get(*number))
            .filter(|instance| instance.config == Some(config_number) && instance.created > horizon);
        i64::from(used) - young.map(|_| 1).sum::<i64>()
    }

    /// How many instances all configs reserve and how many are used, as the API shows it.
    pub(in crate::world) fn reservation_counts(&self, row: &Reservation) -> (i64, i64) {
        row.configs.iter().fold((0, 0), |(reserved, used), (number, config)| {
            (reserved + i64::from(config.reserved()), used + self.used_shown(row, *number, config.used))
        })
    }

    fn reservation_model(&self, number: u32, row: &Reservation) -> ComputeCapacityReservation {
        let (reserved, used) = self.reservation_counts(row);
        let configs = row.configs.iter().map(|(number, config)| {
            let shape = config.key.shape.get();
            InstanceReservationConfig {
                fault_domain: config.key.fd.map(fault_domain_name),
                cluster_config: config
                    .cluster
                    .as_ref()
                    .and_then(|cluster| serde_json::from_value(cluster.clone()).ok())
                    .map(Box::new),
                instance_shape: shape.name.to_owned(),
                instance_shape_config: shape.is_flexible().then(|| {
                    Box::new(InstanceReservationShapeConfigDetails {
                        ocpus: Some(f64::from(config.key.need.ocpus) / 1000.0),
                        memory_in_gbs: Some(f64::from(config.key.need.memory) / 1000.0),
                        ..InstanceReservationShapeConfigDetails::default()
                    })
                }),
                reserved_count: config.reserved().into(),
                used_count: self.used_shown(row, *number, config.used),
                cluster_placement_group_id: config.key.group.clone(),
                ..InstanceReservationConfig::default()
            }
        });
        ComputeCapacityReservation {
            id: self.ids.text(Id(Kind::CapacityReservation, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            defined_tags: Some(row.defined_tags.clone()),
            display_name: Some(row.name.clone()),
            freeform_tags: Some(row.tags.clone()),
            is_default_reservation: Some(row.is_default),
            instance_reservation_configs: Some(configs.collect()),
            lifecycle_state: ComputeCapacityReservationLifecycleState::from(row.state.as_str()),
            reserved_instance_count: Some(reserved),
            used_instance_count: Some(used),
            time_created: Some(row.created),
            time_updated: Some(row.updated),
            ..ComputeCapacityReservation::default()
        }
    }

    /// The reservation in the path, if its etag matches and it is ACTIVE.
    fn reservation_to_change(&self, request: &ApiRequest) -> Result<(u32, &Reservation), ApiError> {
        let ocid = request.in_path("capacityReservationId");
        let (number, row) = self.reservation(ocid)?;
        if !row.exists() {
            return Err(error::not_found());
        }
        request.check_etag(&self.etag(Id(Kind::CapacityReservation, number), row.version))?;
        if row.state != ReservationState::Active {
            let state = row.state.as_str();
            return Err(error::incorrect_state(format!("capacity reservation {ocid} is in state {state}")));
        }
        Ok((number, row))
    }

    pub(in crate::world) fn update_reservation(&mut self, request: &ApiRequest) -> ApiResult {
        let details: UpdateComputeCapacityReservationDetails = request.details()?;
        let (number, row) = self.reservation_to_change(request)?;
        let ocid = request.in_path("capacityReservationId");
        let pending = match &details.instance_reservation_configs {
            None => None,
            Some(configs) => {
                let wanted = self.read_configs(row.ad, Some(configs))?;
                // The refusal is documented; its text is invented.
                for config in row.configs.values().filter(|config| config.used > 0) {
                    let count =
                        wanted.iter().find(|want| want.key == config.key).map_or(0, |want| want.count);
                    if count < config.used {
                        return Err(error::incorrect_state(format!(
                            "capacity reservation {ocid} has {} instances of shape {} in use, {count} were asked for",
                            config.used,
                            config.key.shape.get().name
                        )));
                    }
                }
                self.check_reserved_limits(row.ad, &wanted, row)?;
                Some(wanted)
            }
        };
        if let Some(tags) = &details.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        if details.is_default_reservation == Some(true) {
            self.check_default(row.compartment, row.ad, Some(number))?;
        }
        if let Some(row) = self.reservations.get_mut(&number) {
            row.name = details.display_name.unwrap_or_else(|| row.name.clone());
            row.tags = details.freeform_tags.unwrap_or_else(|| row.tags.clone());
            row.defined_tags = details.defined_tags.unwrap_or_else(|| row.defined_tags.clone());
            row.is_default = details.is_default_reservation.unwrap_or(row.is_default);
            row.pending = pending;
        }
        let work = self.change_reservation(
            number,
            ReservationState::Updating,
            "UpdateComputeCapacityReservation",
            ResourceAction::Update,
        );
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    pub(in crate::world) fn delete_reservation(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.reservation_to_change(request)?;
        let used: u32 = row.configs.values().map(|config| config.used).sum();
        if used > 0 {
            let ocid = request.in_path("capacityReservationId");
            return Err(error::incorrect_state(format!(
                "capacity reservation {ocid} is used by {used} instances"
            )));
        }
        let work = self.change_reservation(
            number,
            ReservationState::Deleting,
            "DeleteComputeCapacityReservation",
            ResourceAction::Delete,
        );
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    pub(in crate::world) fn move_reservation(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let details: ChangeComputeCapacityReservationCompartmentDetails = request.details()?;
        let compartment = self.compartment(&details.compartment_id)?;
        let (number, row) = self.reservation_to_change(request)?;
        if row.is_default && compartment != 0 {
            return Err(error::invalid("a default capacity reservation stays in the root compartment"));
        }
        if let Some(row) = self.reservations.get_mut(&number) {
            row.compartment = compartment;
        }
        let operation = "ChangeComputeCapacityReservationCompartment";
        let work =
            self.change_reservation(number, ReservationState::Moving, operation, ResourceAction::Update);
        let answer = empty(request.operation).with_work_request(self.work_request_ocid(work));
        Ok((answer, Some(Id(Kind::CapacityReservation, number))))
    }

    /// The work request of a reservation's last change.
    pub(in crate::world) fn reservation_work(&self, number: u32) -> Option<String> {
        self.reservations.get(&number).map(|row| self.work_request_ocid(row.work))
    }
}
