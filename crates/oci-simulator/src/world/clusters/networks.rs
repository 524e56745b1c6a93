//! Operations on cluster networks. The members come from the pool, which also gives the network its state.

use super::ClusterNetworkRow;
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::limits::Thing;
use crate::world::network::{Common, Labels};
use crate::world::paging::{Cursor, Order};
use crate::world::pools::{Pool, PoolState};
use crate::world::request::{answer, empty};
use crate::world::shapes::ShapeId;
use crate::world::state::World;
use crate::world::time::{seconds, stamp};
use crate::world::work_requests::{ResourceAction, Status};
use oci_api::models::{
    ClusterNetwork, ClusterNetworkSummary, CreateClusterNetworkDetails, CreateInstancePoolDetails,
    CreateInstancePoolPlacementConfigurationDetails, UpdateClusterNetworkDetails,
    UpdateClusterNetworkInstancePoolDetails, UpdateInstancePoolDetails,
};
use serde_json::Value;

impl World {
    /// The cluster network with this OCID, or 404.
    pub(in crate::world) fn cluster_network(
        &self,
        ocid: &str,
    ) -> Result<(u32, &ClusterNetworkRow, PoolState), ApiError> {
        let number = self.ids.number(Kind::ClusterNetwork, ocid).ok_or_else(error::not_found)?;
        let row = self.clusters.networks.get(number as usize).ok_or_else(error::not_found)?;
        let pool = self.pools.get(&row.pool).ok_or_else(error::not_found)?;
        Ok((number, row, pool.state))
    }

    /// The cluster networks that are not TERMINATED, by their numbers.
    pub(in crate::world) fn living_networks(&self) -> impl Iterator<Item = (u32, &ClusterNetworkRow)> {
        let all = (0_u32..).zip(&self.clusters.networks);
        all.filter(|(_, row)| self.pools.get(&row.pool).is_some_and(Pool::exists))
    }

    /// Refuses what a cluster network cannot be made of: several pools, or a shape without RDMA (texts invented).
    fn check_new_network(&self, new: &CreateClusterNetworkDetails) -> Result<(), ApiError> {
        let [pool] = &new.instance_pools[..] else {
            return Err(error::invalid("instancePools must have one instance pool"));
        };
        if pool.size < 1 {
            return Err(error::invalid("the size of the instance pool must be 1 or more"));
        }
        let launch = self.launch_details_of(&pool.instance_configuration_id)?;
        let shape = launch.get("shape").and_then(Value::as_str).unwrap_or_default();
        if ShapeId::find(shape).is_none_or(|shape| shape.get().rdma().is_none()) {
            return Err(error::invalid(format!("shape {shape} is not supported in a cluster network")));
        }
        let compartment = self.compartment(&new.compartment_id)?;
        self.check_counted(compartment, None, &[(Thing::ClusterNetworks, 1)])
    }

    pub(in crate::world) fn create_cluster_network(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let mut new: CreateClusterNetworkDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let compartment = self.compartment(&new.compartment_id)?;
        self.check_new_network(&new)?;
        let placement =
            *new.placement_configuration.ok_or_else(|| error::missing("placementConfiguration"))?;
        let name = labels.display_name.unwrap_or_else(|| format!("clusternetwork{}", stamp(self.now)));
        let inner = new.instance_pools.remove(0);
        let pool = self.make_pool(
            CreateInstancePoolDetails {
                compartment_id: new.compartment_id,
                instance_configuration_id: inner.instance_configuration_id,
                size: inner.size,
                display_name: inner.display_name.or_else(|| Some(name.clone())),
                freeform_tags: inner.freeform_tags,
                defined_tags: inner.defined_tags,
                placement_configurations: vec![CreateInstancePoolPlacementConfigurationDetails {
                    availability_domain: placement.availability_domain.clone(),
                    primary_subnet_id: placement.primary_subnet_id.clone(),
                    primary_vnic_subnets: placement.primary_vnic_subnets.clone(),
                    secondary_vnic_subnets: placement.secondary_vnic_subnets.clone(),
                    ..CreateInstancePoolPlacementConfigurationDetails::default()
                }],
                ..CreateInstancePoolDetails::default()
            },
            &request.caller,
        )?;
        let id = Id(Kind::ClusterNetwork, self.clusters.networks.len() as u32);
        let work = self.open_work_request(
            "CreateClusterNetwork",
            compartment,
            id,
            ResourceAction::Create,
            self.now + seconds(1200.0),
        );
        let where_in = new.cluster_configuration.map(|configuration| *configuration);
        let row = ClusterNetworkRow {
            compartment,
            name,
            pool,
            created: self.now,
            updated: self.now,
            placement,
            island: where_in.as_ref().map(|configuration| configuration.hpc_island_id.clone()),
            blocks: where_in.and_then(|configuration| configuration.network_block_ids),
            block: None,
            work,
            common: Common {
                tags: labels.freeform_tags.unwrap_or_default(),
                defined_tags: self.defined_tags_of_new(labels.defined_tags.as_ref(), &request.caller),
                made: true,
                ..Common::default()
            },
        };
        self.clusters.networks.push(row);
        self.log.push(self.now, "clusternetwork_created", Some(id), None);
        Ok((self.cluster_network_answer(request, id.1)?, Some(id)))
    }

    /// The result of an operation that shows one cluster network.
    pub(in crate::world) fn cluster_network_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.clusters.networks.get(number as usize).ok_or_else(error::not_found)?;
        let pool = self.pools.get(&row.pool).ok_or_else(error::not_found)?;
        let model = ClusterNetwork {
            id: self.ids.text(Id(Kind::ClusterNetwork, number)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            hpc_island_id: row.island.clone(),
            network_block_ids: row.blocks.clone(),
            defined_tags: Some(row.common.defined_tags.clone()),
            display_name: Some(row.name.clone()),
            freeform_tags: Some(row.common.tags.clone()),
            instance_pools: Some(vec![self.pool_model(row.pool, pool)]),
            placement_configuration: Some(Box::new(row.placement.clone())),
            lifecycle_state: pool.state.as_str().into(),
            time_created: Some(row.created),
            time_updated: Some(row.updated),
            ..ClusterNetwork::default()
        };
        let answer = answer(request.operation, &model)?.with_etag(self.etag_of_network(number, row));
        let has_work = request.operation.info().success_headers.contains(&"opc-work-request-id");
        Ok(if has_work { answer.with_work_request(self.work_request_ocid(row.work)) } else { answer })
    }

    /// Changes with the network and with its pool, whose size and state it shows.
    pub(in crate::world) fn etag_of_network(&self, number: u32, row: &ClusterNetworkRow) -> String {
        let of_pool = self.pools.get(&row.pool).map_or(0, |pool| pool.version);
        self.etag(Id(Kind::ClusterNetwork, number), row.common.version.wrapping_mul(1 << 16) ^ of_pool)
    }

    pub(in crate::world) fn get_cluster_network(&self, request: &ApiRequest) -> ApiResult {
        let (number, ..) = self.cluster_network(request.in_path("clusterNetworkId"))?;
        self.cluster_network_answer(request, number)
    }

    pub(in crate::world) fn list_cluster_networks(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let (name, state) = (request.in_query("displayName"), request.in_query("lifecycleState"));
        let horizon = self.list_horizon();
        let rows = self.clusters.networks.iter().zip(0_u32..).filter_map(|(row, number)| {
            let pool = self.pools.get(&row.pool)?;
            let wanted = row.compartment == compartment
                && row.created <= horizon
                && name.is_none_or(|name| name == row.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(pool.state.as_str()));
            wanted.then(|| {
                let summary = ClusterNetworkSummary {
                    id: self.ids.text(Id(Kind::ClusterNetwork, number)),
                    compartment_id: compartment_ocid(&self.ids, row.compartment),
                    defined_tags: Some(row.common.defined_tags.clone()),
                    display_name: Some(row.name.clone()),
                    freeform_tags: Some(row.common.tags.clone()),
                    instance_pools: Some(vec![self.pool_summary(row.pool, pool)]),
                    lifecycle_state: pool.state.as_str().into(),
                    time_created: Some(row.created),
                    time_updated: Some(row.updated),
                    ..ClusterNetworkSummary::default()
                };
                (Cursor { group: 0, name: row.name.clone(), number }, summary)
            })
        });
        page.answer_small(request, Order::read(request), rows.collect())
    }

    pub(in crate::world) fn list_cluster_network_instances(&mut self, request: &ApiRequest) -> ApiResult {
        let (_, row, _) = self.cluster_network(request.in_path("clusterNetworkId"))?;
        self.list_members(request, row.pool)
    }

    /// The cluster network in the path, if it lives and its etag matches.
    pub(in crate::world) fn network_to_change(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let (number, row, state) = self.cluster_network(request.in_path("clusterNetworkId"))?;
        if state == PoolState::Terminated {
            return Err(error::not_found());
        }
        request.check_etag(&self.etag_of_network(number, row))?;
        Ok(number)
    }

    /// Renames a network, or resizes its pool while it is RUNNING (Oracle: "Managing Cluster Networks"; the text is that of pools).
    pub(in crate::world) fn update_cluster_network(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.network_to_change(request)?;
        let new: UpdateClusterNetworkDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let pool = self.clusters.networks[number as usize].pool;
        let state = self.pools.get(&pool).map(|pool| pool.state);
        let pools = new.instance_pools.unwrap_or_default();
        if !pools.is_empty() && state != Some(PoolState::Running) {
            let ocid = request.in_path("clusterNetworkId");
            return Err(error::incorrect_state(format!("clusternetwork {ocid} Must be in State 'Running'")));
        }
        for change in pools {
            self.change_inner_pool(pool, change)?;
        }
        let now = self.now;
        let row = &mut self.clusters.networks[number as usize];
        labels.apply(&mut row.name, &mut row.common);
        row.updated = now;
        self.log.push(now, "clusternetwork_updated", Some(Id(Kind::ClusterNetwork, number)), None);
        self.cluster_network_answer(request, number)
    }

    fn change_inner_pool(
        &mut self,
        pool: u32,
        change: UpdateClusterNetworkInstancePoolDetails,
    ) -> Result<(), ApiError> {
        if self.ids.number(Kind::InstancePool, &change.id) != Some(pool) {
            return Err(error::not_found());
        }
        let details = UpdateInstancePoolDetails {
            instance_configuration_id: change.instance_configuration_id,
            size: change.size,
            display_name: change.display_name,
            freeform_tags: change.freeform_tags,
            defined_tags: change.defined_tags,
            ..UpdateInstancePoolDetails::default()
        };
        self.change_pool(pool, details)
    }

    /// Terminates the pool with its members and their volumes (Oracle: TerminateClusterNetwork).
    pub(in crate::world) fn terminate_cluster_network(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.network_to_change(request)?;
        let row = &self.clusters.networks[number as usize];
        let (compartment, pool, before) = (row.compartment, row.pool, row.work);
        if self.pools.get(&pool).is_some_and(|pool| pool.state == PoolState::Terminating) {
            return Ok(empty(request.operation).with_work_request(self.work_request_ocid(before)));
        }
        self.close_work_request(before, Status::Canceled, None);
        let id = Id(Kind::ClusterNetwork, number);
        let expected = self.now + seconds(60.0);
        let work = self.open_work_request(
            "TerminateClusterNetwork",
            compartment,
            id,
            ResourceAction::Delete,
            expected,
        );
        let now = self.now;
        let row = &mut self.clusters.networks[number as usize];
        (row.work, row.updated) = (work, now);
        row.common.version += 1;
        self.log.push(now, "clusternetwork_ending", Some(id), None);
        self.end_pool(pool);
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    /// Closes the work request of a pool's cluster network, if it has one.
    pub(in crate::world) fn close_network_work(
        &mut self,
        pool: u32,
        status: Status,
        error: Option<(&str, &str)>,
    ) {
        let network = self.clusters.network_of(pool);
        if let Some(row) = network.and_then(|number| self.clusters.networks.get(number as usize)) {
            self.close_work_request(row.work, status, error);
        }
    }

    /// The share of its members that a new cluster network has, in percent (Oracle: progress is "subject to host capacity").
    pub(in crate::world) fn network_progress(&self, number: u32) -> Option<f64> {
        let row = self.clusters.networks.get(number as usize)?;
        let pool = self.pools.get(&row.pool).filter(|pool| pool.state == PoolState::Provisioning)?;
        let share = self.running_members(pool) as f64 / f64::from(pool.size.max(1));
        Some((share * 100.0).floor().min(99.0))
    }
}
