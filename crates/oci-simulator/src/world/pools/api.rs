//! Creates, gets, lists, updates, starts, stops and terminates instance pools.

use super::{Placement, Pool, PoolState};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult, Caller};
use crate::world::error;
use crate::world::identity::{compartment_ocid, fault_domain, fault_domain_name};
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::instances::validate::check_tags;
use crate::world::limits::Thing;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    CreateInstancePoolDetails, InstancePool, InstancePoolLifecycleState, InstancePoolPlacementConfiguration,
    InstancePoolPlacementPrimarySubnet, InstancePoolPoolType, InstancePoolSummary,
    InstancePoolSummaryLifecycleState, UpdateInstancePoolDetails,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The maximum number of members of a pool.
const SIZE_MAX: u32 = 500;

/// The fields of a placement that creation and update read.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PlacementBody {
    availability_domain: String,
    fault_domains: Option<Vec<String>>,
    primary_subnet_id: Option<String>,
    primary_vnic_subnets: Option<InstancePoolPlacementPrimarySubnet>,
    compute_cluster_id: Option<String>,
}

impl World {
    fn read_placements<T: Serialize>(&self, placements: &[T]) -> Result<Vec<Placement>, ApiError> {
        if placements.is_empty() {
            return Err(error::missing("placementConfigurations"));
        }
        let mut read = Vec::with_capacity(placements.len());
        for placement in placements {
            let shown = serde_json::to_value(placement).map_err(|_| error::unparsable())?;
            let body = PlacementBody::deserialize(&shown).map_err(|_| error::unparsable())?;
            let subnet =
                body.primary_vnic_subnets.map(|primary| primary.subnet_id).or(body.primary_subnet_id);
            let ad = self.ad(&body.availability_domain)?;
            if let Some(ocid) = body.compute_cluster_id.filter(|ocid| !self.others_known.contains(ocid)) {
                let (_, cluster) = self.cluster(&ocid)?;
                if cluster.ad != ad {
                    return Err(error::invalid(format!(
                        "compute cluster {ocid} is in another availability domain"
                    )));
                }
            }
            let fds = body.fault_domains.unwrap_or_default().into_iter().map(|name| fault_domain(&name));
            read.push(Placement {
                ad,
                fds: fds.collect::<Result<_, _>>()?,
                subnet: subnet.map(|ocid| self.subnet(&ocid)).transpose()?,
                shown,
            });
        }
        Ok(read)
    }

    /// A size of at most 500 (Oracle: "Compute Service Limits"; the code of the refusal is unknown).
    fn pool_size(size: i64) -> Result<u32, ApiError> {
        let size = u32::try_from(size).ok().filter(|size| *size <= SIZE_MAX);
        size.ok_or_else(|| error::invalid(format!("size must be between 0 and {SIZE_MAX}")))
    }

    pub(in crate::world) fn create_pool(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let number = self.make_pool(request.details()?, &request.caller)?;
        Ok((self.pool_answer(request, number)?, Some(Id(Kind::InstancePool, number))))
    }

    /// Creates a pool, which begins to launch its members.
    pub(in crate::world) fn make_pool(
        &mut self,
        details: CreateInstancePoolDetails,
        caller: &Caller,
    ) -> Result<u32, ApiError> {
        let compartment = self.compartment(&details.compartment_id)?;
        self.check_counted(compartment, None, &[(Thing::Pools, 1)])?;
        let (configuration, _) = self.configuration(&details.instance_configuration_id)?;
        let placements = self.read_placements(&details.placement_configurations)?;
        let size = Self::pool_size(details.size)?;
        let tags = details.freeform_tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        if details.load_balancers.is_some_and(|balancers| !balancers.is_empty()) {
            // The region has no load balancers, so these OCIDs name none.
            return Err(error::not_found());
        }
        let number = self.made_pools;
        self.made_pools += 1;
        let pool = Pool {
            compartment,
            configuration,
            name: details.display_name.unwrap_or_else(|| format!("instancepool{}", stamp(self.now))),
            tags,
            defined_tags: self.defined_tags_of_new(details.defined_tags.as_ref(), caller),
            creator: self.creator(caller),
            name_formatter: details.instance_display_name_formatter,
            hostname_formatter: details.instance_hostname_formatter,
            placements,
            size,
            state: PoolState::Provisioning,
            created: self.now,
            version: 0,
            epoch: 0,
            members: BTreeSet::new(),
            launched: 0,
            deadline: self.now,
            work: None,
        };
        self.pools.insert(number, pool);
        let id = Id(Kind::InstancePool, number);
        self.log.push(self.now, "pool_created", Some(id), None);
        self.scale_pool(number, PoolState::Provisioning, "CreateInstancePool");
        Ok(number)
    }

    /// The result of an operation that shows one pool.
    pub(in crate::world) fn pool_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let pool = self.pools.get(&number).ok_or_else(error::not_found)?;
        let etag = self.etag(Id(Kind::InstancePool, number), pool.version);
        Ok(answer(request.operation, &self.pool_model(number, pool))?.with_etag(etag))
    }

    pub(in crate::world) fn pool_model(&self, number: u32, pool: &Pool) -> InstancePool {
        let placements = pool.placements.iter().map(|placement| {
            let subnet = placement.subnet.map(|subnet| self.ids.text(Id(Kind::Subnet, subnet)));
            let primary = placement.shown.get("primaryVnicSubnets").filter(|value| value.is_object());
            InstancePoolPlacementConfiguration {
                availability_domain: self.identity.ad_name(placement.ad),
                fault_domains: (!placement.fds.is_empty())
                    .then(|| placement.fds.iter().map(|fd| fault_domain_name(*fd)).collect()),
                primary_vnic_subnets: primary
                    .and_then(|primary| Deserialize::deserialize(primary).ok())
                    .map(Box::new),
                secondary_vnic_subnets: placement
                    .shown
                    .get("secondaryVnicSubnets")
                    .filter(|value| value.is_array())
                    .and_then(|subnets| Deserialize::deserialize(subnets).ok()),
                compute_cluster_id: placement
                    .shown
                    .get("computeClusterId")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                primary_subnet_id: subnet,
                ..InstancePoolPlacementConfiguration::default()
            }
        });
        InstancePool {
            id: self.ids.text(Id(Kind::InstancePool, number)),
            compartment_id: compartment_ocid(&self.ids, pool.compartment),
            defined_tags: Some(pool.defined_tags.clone()),
            display_name: Some(pool.name.clone()),
            freeform_tags: Some(pool.tags.clone()),
            instance_configuration_id: self.ids.text(Id(Kind::InstanceConfiguration, pool.configuration)),
            pool_type: Some(InstancePoolPoolType::Instance),
            lifecycle_state: InstancePoolLifecycleState::from(pool.state.as_str()),
            placement_configurations: placements.collect(),
            size: pool.size.into(),
            time_created: Some(pool.created),
            load_balancers: Some(Vec::new()),
            instance_display_name_formatter: pool.name_formatter.clone(),
            instance_hostname_formatter: pool.hostname_formatter.clone(),
            current_size: Some(self.running_members(pool)),
            ..InstancePool::default()
        }
    }

    pub(in crate::world) fn running_members(&self, pool: &Pool) -> i64 {
        let running =
            |number: &&u32| self.instances.get(**number).is_some_and(|row| row.state == State::Running);
        pool.members.iter().filter(running).map(|_| 1).sum()
    }

    pub(in crate::world) fn get_pool(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.pool(request.in_path("instancePoolId"))?;
        self.pool_answer(request, number)
    }

    pub(in crate::world) fn list_pools(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let rows = self.pools.iter().filter(|(_, pool)| {
            pool.compartment == compartment
                && name.is_none_or(|name| name == pool.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(pool.state.as_str()))
        });
        let rows = rows
            .map(|(number, pool)| {
                let cursor = Cursor { group: 0, name: pool.name.clone(), number: *number };
                (cursor, self.pool_summary(*number, pool))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    pub(in crate::world) fn pool_summary(&self, number: u32, pool: &Pool) -> InstancePoolSummary {
        let ads: BTreeSet<u8> = pool.placements.iter().map(|placement| placement.ad).collect();
        InstancePoolSummary {
            id: self.ids.text(Id(Kind::InstancePool, number)),
            compartment_id: compartment_ocid(&self.ids, pool.compartment),
            display_name: Some(pool.name.clone()),
            instance_configuration_id: self.ids.text(Id(Kind::InstanceConfiguration, pool.configuration)),
            pool_type: Some("INSTANCE".into()),
            lifecycle_state: InstancePoolSummaryLifecycleState::from(pool.state.as_str()),
            availability_domains: ads.into_iter().map(|ad| self.identity.ad_name(ad)).collect(),
            size: pool.size.into(),
            time_created: Some(pool.created),
            defined_tags: Some(pool.defined_tags.clone()),
            freeform_tags: Some(pool.tags.clone()),
            current_size: Some(self.running_members(pool)),
            ..InstancePoolSummary::default()
        }
    }

    /// The pool in the path, if its etag matches and it is in one of these states.
    pub(in crate::world) fn pool_to_change(
        &self,
        request: &ApiRequest,
        allowed: &[PoolState],
    ) -> Result<u32, ApiError> {
        let ocid = request.in_path("instancePoolId");
        let (number, pool) = self.pool(ocid)?;
        if !pool.exists() {
            return Err(error::not_found());
        }
        request.check_etag(&self.etag(Id(Kind::InstancePool, number), pool.version))?;
        if allowed.contains(&pool.state) {
            return Ok(number);
        }
        let wanted = if allowed.contains(&PoolState::Running) { "Running" } else { "Stopped" };
        Err(error::incorrect_state(format!("instancepool {ocid} Must be in State '{wanted}'")))
    }

    pub(in crate::world) fn update_pool(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let details: UpdateInstancePoolDetails = request.details()?;
        let number = self.pool_to_change(request, &[PoolState::Running, PoolState::Stopped])?;
        if details.placement_configurations.is_some() && self.clusters.network_of(number).is_some() {
            return Err(error::invalid("the placement of a cluster network cannot be changed"));
        }
        self.change_pool(number, details)?;
        Ok((self.pool_answer(request, number)?, Some(Id(Kind::InstancePool, number))))
    }

    /// Applies an update to a pool whose state allows it.
    pub(in crate::world) fn change_pool(
        &mut self,
        number: u32,
        details: UpdateInstancePoolDetails,
    ) -> Result<(), ApiError> {
        let configuration = details
            .instance_configuration_id
            .as_deref()
            .map(|ocid| self.configuration(ocid).map(|(number, _)| number))
            .transpose()?;
        let placements =
            details.placement_configurations.as_deref().map(|new| self.read_placements(new)).transpose()?;
        let size = details.size.map(Self::pool_size).transpose()?;
        if let Some(tags) = &details.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let Some(pool) = self.pools.get_mut(&number) else { return Err(error::not_found()) };
        pool.version += 1;
        pool.configuration = configuration.unwrap_or(pool.configuration);
        pool.placements = placements.unwrap_or_else(|| pool.placements.clone());
        pool.name = details.display_name.unwrap_or_else(|| pool.name.clone());
        pool.tags = details.freeform_tags.unwrap_or_else(|| pool.tags.clone());
        pool.defined_tags = details.defined_tags.unwrap_or_else(|| pool.defined_tags.clone());
        pool.name_formatter = details.instance_display_name_formatter.or_else(|| pool.name_formatter.clone());
        pool.hostname_formatter =
            details.instance_hostname_formatter.or_else(|| pool.hostname_formatter.clone());
        let resized = size.is_some_and(|size| size != pool.size);
        pool.size = size.unwrap_or(pool.size);
        if resized && pool.state == PoolState::Running {
            self.scale_pool(number, PoolState::Scaling, "ScaleInstancePool");
        }
        Ok(())
    }

    /// Starts, stops, soft-stops, resets or soft-resets all members of a pool.
    pub(in crate::world) fn pool_action(
        &mut self,
        request: &ApiRequest,
        action: &str,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let (allowed, next) = match action {
            "START" => (PoolState::Stopped, PoolState::Starting),
            "RESET" | "SOFTRESET" => (PoolState::Running, PoolState::Starting),
            _ => (PoolState::Running, PoolState::Stopping),
        };
        let number = self.pool_to_change(request, &[allowed])?;
        // The pool changes first; otherwise it would restart its stopping members.
        self.enter_pool(number, next);
        let members: Vec<u32> =
            self.pools.get(&number).map(|pool| pool.members.iter().copied().collect()).unwrap_or_default();
        for member in members {
            // A member that cannot follow, for example because it is terminating, does not block the others.
            let _ = self.act(member, action);
        }
        self.wake_pool(number);
        Ok((self.pool_answer(request, number)?, Some(Id(Kind::InstancePool, number))))
    }

    pub(in crate::world) fn terminate_pool(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("instancePoolId");
        let (number, pool) = self.pool(ocid)?;
        if !pool.exists() {
            return Err(error::not_found());
        }
        request.check_etag(&self.etag(Id(Kind::InstancePool, number), pool.version))?;
        if let Some(network) = self.clusters.network_of(number) {
            // Likely; text invented.
            let network = self.ids.text(Id(Kind::ClusterNetwork, network));
            return Err(error::incorrect_state(format!("instancepool {ocid} is part of {network}")));
        }
        self.end_pool(number);
        Ok(empty(request.operation))
    }

    /// Terminates a pool with its members and their volumes.
    pub(in crate::world) fn end_pool(&mut self, number: u32) {
        let Some(pool) = self.pools.get(&number) else { return };
        let staying = self.staying(pool);
        self.enter_pool(number, PoolState::Terminating);
        for member in staying {
            // The volumes of the members are deleted with the pool.
            self.terminate(member, false, false);
        }
        self.wake_pool(number);
    }
}
