//! LaunchInstance: checks the request, takes capacity, and creates the instance.

use super::body::{LaunchBody, Source};
use super::tags::Tags;
use super::validate::{
    Texts, agree, check_hostname, check_metadata, check_platform, check_tags, need_of, required,
};
use super::{Baseline, InstanceRow, State};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest};
use crate::world::automatic_tags::Creator;
use crate::world::capacity::{Held, Need};
use crate::world::chance::Chance;
use crate::world::clusters::RdmaGroup;
use crate::world::error;
use crate::world::identity::fault_domain;
use crate::world::ids::{Id, Kind};
use crate::world::limits::{Usage, limit_names, of_new_volumes};
use crate::world::reservations::Wish;
use crate::world::schedule::Step;
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use crate::world::volumes::NewVolume;
use crate::world::work_requests::ResourceAction;
use serde::Deserialize;
use serde_json::Value;
use std::borrow::Cow;

/// The source from which an instance boots.
#[derive(Clone, Copy)]
enum Start {
    Image(u32),
    BootVolume(u32),
}

/// A launch that has passed every check that does not depend on capacity.
struct Plan<'a> {
    compartment: u32,
    ad: u8,
    fd: Option<u8>,
    shape: ShapeId,
    need: Need,
    baseline: Baseline,
    start: Start,
    subnet: u32,
    public: bool,
    private_ip: Option<&'a str>,
    /// The reserved private address that becomes its first one.
    reserved_ip: Option<u32>,
    version_6: bool,
    hostname: Option<&'a str>,
    preemptible: bool,
    group: Option<&'a str>,
    cluster: Option<u32>,
    /// The group with which it shares a network block.
    rdma: Option<RdmaGroup>,
}

/// The capacity and the address that a launch has taken.
struct Room {
    held: Option<Held>,
    reservation: Option<(u32, u32)>,
    address: u32,
    late_failure: bool,
    block: Option<u16>,
}

impl World {
    pub(in crate::world) fn launch_instance(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let body = request.body.as_ref().ok_or_else(error::unparsable)?;
        let merged = self.merge_configuration(body)?;
        let creator = self.creator(&request.caller);
        let number = self.launch(&merged, None, creator)?;
        Ok((self.launched(request, number)?, Some(Id(Kind::Instance, number))))
    }

    /// The response to the launch of this instance.
    pub(in crate::world) fn launched(
        &self,
        request: &ApiRequest,
        number: u32,
    ) -> Result<ApiAnswer, ApiError> {
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let work = self.work_request_ocid(row.launch_work);
        Ok(self.instance_answer(request.operation, number, row)?.with_work_request(work))
    }

    /// Launches an instance from a LaunchInstanceDetails and returns its number.
    pub(in crate::world) fn launch(
        &mut self,
        raw: &Value,
        pool: Option<u32>,
        creator: Creator,
    ) -> Result<u32, ApiError> {
        let body = LaunchBody::deserialize(raw).map_err(|_| error::unparsable())?;
        let mut plan = self.plan_launch(&body, raw)?;
        plan.rdma = self.rdma_group(plan.cluster, pool);
        let volumes = body.launch_volume_attachments.as_deref().unwrap_or_default();
        self.check_new_volumes(volumes, plan.ad)?;
        let made = of_new_volumes(body.new_boot_volume(), volumes);
        self.check_counted(plan.compartment, Some(plan.ad), &made)?;
        let extras = self.instances.extras.keep_of(raw)?;
        let room = self.find_room(&plan, body.capacity_reservation_id)?;
        let name = match body.display_name {
            Some(name) => name.into(),
            None => format!("instance{}", crate::world::time::stamp(self.now)).into(),
        };
        let tags = body.freeform_tags.iter().flatten().map(|(key, value)| (&**key, &**value));
        let tags = Tags::of(tags, self.instances.newest().map(|row| &row.tags));
        let row = InstanceRow {
            compartment: plan.compartment,
            ad: plan.ad,
            fd: self.shown_fault_domain(&plan, room.held),
            shape: plan.shape,
            need: plan.need,
            baseline: plan.baseline,
            state: State::Provisioning,
            before: State::Provisioning,
            changed: self.now,
            created: self.now,
            version: 0,
            epoch: 0,
            name,
            tags,
            creator,
            retagged: false,
            hostname: plan.hostname.map(Into::into),
            extras,
            image: match plan.start {
                Start::Image(image) => Some(image),
                Start::BootVolume(_) => None,
            },
            boot_volume: match plan.start {
                Start::Image(_) => None,
                Start::BootVolume(volume) => Some(volume),
            },
            held: room.held,
            reservation: room.reservation.map(|(reservation, _)| reservation),
            config: room.reservation.map(|(_, config)| config),
            subnet: plan.subnet,
            address: room.address,
            public: plan.public,
            pool,
            cluster: plan.cluster,
            work: 0,
            launch_work: 0,
            placed: false,
            failed: false,
            keep_boot: false,
            keep_data: true,
            live: true,
        };
        let number = self.create_instance(row, room.late_failure, volumes);
        if let Some((group, block)) = plan.rdma.zip(room.block) {
            self.clusters.bind(group, block);
        }
        if let Some(reserved) = plan.reserved_ip {
            self.lend_address(reserved, number);
        }
        if plan.version_6 {
            self.add_usual_ipv6(number, plan.subnet, plan.compartment)?;
        }
        Ok(number)
    }

    fn create_instance(&mut self, row: InstanceRow, late_failure: bool, volumes: &[NewVolume]) -> u32 {
        let shape = row.shape.get();
        let (compartment, ad, boot_volume, subnet) = (row.compartment, row.ad, row.boot_volume, row.subnet);
        let reservation = row.reservation;
        self.limits.count(compartment, ad, shape.family, Usage::of(row.need), 1);
        let number = self.instances.push(row);
        self.network.subnets[subnet as usize].members.insert(number);
        if let Some(reservation) = reservation {
            self.join_reservation(reservation, number);
        }
        if let Some(volume) = boot_volume {
            self.claim_boot_volume(volume, number);
        }
        self.plan_data_volumes(number, volumes);
        self.note_preemptible(number);
        let id = Id(Kind::Instance, number);
        self.log.push(self.now, "instance_launched", Some(id), None);

        let mut chance = Chance::of(self.seed, "boot", number);
        let boot = if shape.is_bare_metal() {
            self.settings.bare_metal_boot_seconds
        } else {
            self.settings.boot_seconds
        };
        let all = boot.draw(&mut chance);
        let part = all.mul_f64(chance.between(0.3, 0.6));
        let work =
            self.open_work_request("LaunchInstance", compartment, id, ResourceAction::Create, self.now + all);
        if let Some(row) = self.instances.get_mut(number) {
            row.work = work;
            row.launch_work = work;
        }
        let (delay, step) = if late_failure { (all, Step::Failed) } else { (part, Step::Placed) };
        self.after(number, crate::world::time::trim(delay), step);
        number
    }

    fn shown_fault_domain(&self, plan: &Plan<'_>, held: Option<Held>) -> u8 {
        let guess = || (mixed(self.seed, self.instances.next_number()) % 3) as u8;
        plan.fd.or(held.map(|held| held.fault_domain())).unwrap_or_else(guess)
    }

    fn plan_launch<'a>(&self, body: &LaunchBody<'a>, raw: &Value) -> Result<Plan<'a>, ApiError> {
        let compartment = self.compartment(required("compartmentId", body.compartment_id)?)?;
        let ad = self.ad(required("availabilityDomain", body.availability_domain)?)?;
        let shape_name = required("shape", body.shape)?;
        let offered = ShapeId::find(shape_name).filter(|shape| self.offers(ad, shape.get()));
        let shape_id = offered.ok_or_else(|| error::named_not_found("shape", shape_name))?;
        let shape = shape_id.get();
        let start = self.source(body, shape_id, ad)?;
        let need = need_of(shape, body.shape_config.as_ref())?;
        let config = body.shape_config.clone().unwrap_or_default();
        let baseline = config.baseline(shape)?;
        let platform =
            raw.get("platformConfig").and_then(|platform| platform.get("type")).and_then(Value::as_str);
        platform.map_or(Ok(()), |kind| check_platform(shape, kind))?;
        let fd = match body.fault_domain.filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => Some(fault_domain(name)?),
        };
        let vnic = body.create_vnic_details.as_ref();
        let subnet = agree(
            ("subnetId", "createVnicDetails.subnetId"),
            body.subnet_id,
            vnic.and_then(|vnic| vnic.subnet_id),
        )?;
        let subnet = self.subnet(required("createVnicDetails.subnetId", subnet)?)?;
        let wants_public = self.wants_public(subnet, vnic.and_then(|vnic| vnic.assign_public_ip))?;
        let hostname = agree(
            ("hostnameLabel", "createVnicDetails.hostnameLabel"),
            body.hostname_label,
            vnic.and_then(|vnic| vnic.hostname_label),
        )?;
        let dns_record = vnic.and_then(|vnic| vnic.assign_private_dns_record);
        hostname.map_or(Ok(()), |label| check_hostname(label, dns_record))?;
        self.check_vnic(subnet, ad, hostname)?;
        let groups = vnic.and_then(|vnic| vnic.nsg_ids.as_deref()).unwrap_or_default();
        self.check_groups_of_vnic(groups.iter().copied(), subnet)?;
        let tags = body.freeform_tags.as_ref();
        tags.map_or(Ok(()), |tags| check_tags(tags.iter().map(|(key, value)| (&**key, &**value))))?;
        let extended = raw.get("extendedMetadata").filter(|value| !value.is_null());
        let no_metadata = Texts::new();
        check_metadata(
            body.metadata.as_ref().unwrap_or(&no_metadata),
            extended.map_or(0, |value| value.to_string().len()),
        )?;
        let preemptible = body.preemptible_instance_config.is_some();
        if preemptible && (!shape.preemptible || baseline != Baseline::Full) {
            return Err(error::invalid(format!(
                "Invalid Preemptible instance shape: {} (is not supported)",
                shape.name
            )));
        }
        self.check_others(body)?;
        let cluster = self.cluster_of_launch(body.compute_cluster_id, (compartment, ad), shape)?;
        let private_ip = vnic.and_then(|vnic| vnic.private_ip);
        let reserved_ip =
            self.reserved_to_use(vnic.and_then(|vnic| vnic.private_ip_id), private_ip, subnet)?;
        let version_6 = vnic.and_then(|vnic| vnic.assign_ipv6_ip);
        self.check_ipv6_of_new(subnet, version_6)?;
        Ok(Plan {
            compartment,
            ad,
            fd,
            shape: shape_id,
            need,
            baseline,
            start,
            subnet,
            public: wants_public,
            private_ip,
            reserved_ip,
            version_6: version_6 == Some(true),
            hostname,
            preemptible,
            group: body.cluster_placement_group_id.filter(|group| !group.is_empty()),
            cluster,
            rdma: None,
        })
    }

    /// Refuses a launch with unknown OCIDs, or with features that the region lacks.
    fn check_others(&self, body: &LaunchBody<'_>) -> Result<(), ApiError> {
        // A tenancy that has not enabled them refuses even empty ones (seen on a live tenancy).
        if body.security_attributes.is_some() {
            return Err(ApiError::new(400, "Bad Request", "security attributes is not enabled"));
        }
        let vnic = body.create_vnic_details.as_ref();
        let named = [
            body.dedicated_vm_host_id,
            body.cluster_placement_group_id,
            body.source_details.as_ref().and_then(|source| source.kms_key_id),
            vnic.and_then(|vnic| vnic.vlan_id),
        ];
        named.into_iter().try_for_each(|ocid| self.check_other(ocid))
    }

    fn source(&self, body: &LaunchBody<'_>, shape_id: ShapeId, ad: u8) -> Result<Start, ApiError> {
        let none = Source::default();
        let source = body.source_details.as_ref().unwrap_or(&none);
        if source.kind == Some("bootVolume") {
            let volume = required("sourceDetails.bootVolumeId", source.boot_volume_id)?;
            return self.launchable_boot_volume(volume, ad).map(Start::BootVolume);
        }
        if source.boot_volume_size_in_gbs.is_some_and(|size| !(50..=32_768).contains(&size)) {
            return Err(error::invalid("sourceDetails.bootVolumeSizeInGBs must be between 50 and 32768"));
        }
        let shape = shape_id.get();
        let named = agree(("imageId", "sourceDetails.imageId"), body.image_id, source.image_id)?;
        if let (None, Some(filter)) = (named, &source.instance_source_image_filter_details) {
            let is = |wanted: Option<&str>, own: &str| wanted.is_none_or(|wanted| wanted == own);
            let newest = self.images.iter().rposition(|image| {
                is(filter.operating_system, &image.os)
                    && is(filter.operating_system_version, &image.os_version)
                    && image.fits(shape)
                    && image.own.is_none()
            });
            return newest
                .map(|image| Start::Image(image as u32))
                .ok_or_else(|| error::invalid("No image matches instanceSourceImageFilterDetails"));
        }
        let ocid = required("sourceDetails.imageId", named)?;
        let image = self.image(ocid)?;
        if !self.images[image as usize].fits(shape) {
            return Err(error::invalid(format!("Shape {} is not valid for image {ocid}.", shape.name)));
        }
        if self.images[image as usize].state(self.now) != Some("AVAILABLE") {
            return Err(error::incorrect_state(format!("image {ocid} is in state PROVISIONING")));
        }
        Ok(Start::Image(image))
    }

    /// Takes capacity, within limits, from a reservation or from a host, and an address in the subnet.
    fn find_room(&mut self, plan: &Plan<'_>, reservation: Option<&str>) -> Result<Room, ApiError> {
        let shape = plan.shape.get();
        let wish = Wish {
            ad: plan.ad,
            fd: plan.fd,
            shape: plan.shape,
            need: plan.need,
            plain: plan.baseline == Baseline::Full && !plan.preemptible,
            group: plan.group,
        };
        let reserved = self.matching_reservation(reservation, &wish)?;
        if reserved.is_none() {
            self.check_limits(plan.ad, shape, Usage::of(plan.need))?;
        }
        self.check_quotas(plan.compartment, shape, Usage::of(plan.need))?;
        let block = plan.rdma.map_or(Ok(None), |group| self.block_for(group, plan.ad))?;
        let address = self.first_address(plan)?;
        if self.capacity.is_out(plan.ad) {
            self.give_back_address(plan, address);
            return Err(error::out_of_capacity());
        }
        if let Some((number, config)) = reserved {
            let held = self.take_reserved(number, config);
            return Ok(Room {
                held,
                reservation: Some((number, config)),
                address,
                late_failure: false,
                block,
            });
        }
        let late = self.settings.late_failure.probability;
        let late_failure = Chance::of(self.seed, "late failure", self.instances.next_number()).happens(late);
        let held = if late_failure {
            None
        } else {
            let held = self.capacity.take(plan.ad, plan.fd, shape.family, plan.need);
            if held.is_none() {
                self.give_back_address(plan, address);
                if !plan.preemptible {
                    self.make_room(plan.ad, plan.fd, shape.family, plan.need);
                }
                return Err(self.no_capacity(shape.family));
            }
            held
        };
        Ok(Room { held, reservation: None, address, late_failure, block })
    }

    /// The first address of a new instance: the reserved one that the launch names, or one of the subnet.
    fn first_address(&mut self, plan: &Plan<'_>) -> Result<u32, ApiError> {
        match plan.reserved_ip.and_then(|number| self.network.addresses.address_of(number)) {
            Some(address) => Ok(address),
            None => self.take_address(plan.subnet, plan.private_ip),
        }
    }

    fn give_back_address(&mut self, plan: &Plan<'_>, address: u32) {
        if plan.reserved_ip.is_none() {
            self.network.subnets[plan.subnet as usize].release(address);
        }
    }

    /// The error for a lack of capacity: sometimes, as on live tenancies, a false LimitExceeded.
    pub(in crate::world) fn no_capacity(&mut self, family: u8) -> ApiError {
        if self.capacity_chance.happens(self.settings.false_limit_probability) {
            return error::limit_exceeded(&limit_names(family));
        }
        error::out_of_capacity()
    }
}

fn mixed(seed: u64, number: u32) -> u64 {
    Chance::of(seed, "fault domain", number).next()
}

impl World {
    /// The body, completed with the fields of the instance configuration that it names.
    fn merge_configuration<'a>(&self, body: &'a Value) -> Result<Cow<'a, Value>, ApiError> {
        let Some(ocid) = body.get("instanceConfigurationId").and_then(Value::as_str) else {
            return Ok(Cow::Borrowed(body));
        };
        let mut merged = self.launch_details_of(ocid)?;
        if let (Some(base), Some(own)) = (merged.as_object_mut(), body.as_object()) {
            for (name, value) in own.iter().filter(|(_, value)| !value.is_null()) {
                base.insert(name.clone(), value.clone());
            }
        }
        Ok(Cow::Owned(merged))
    }
}
