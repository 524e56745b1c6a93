//! Moves pools, configurations and clusters to other compartments. What they have launched stays where it is (Oracle:
//! ChangeInstancePoolCompartment and its neighbours).

use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::request::empty;
use crate::world::state::World;
use oci_api::Operation;
use oci_api::models::ChangeInstancePoolCompartmentDetails;

/// Whether an operation is one of these moves.
pub(in crate::world) fn is_move(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::ChangeInstancePoolCompartment
            | Operation::ChangeInstanceConfigurationCompartment
            | Operation::ChangeComputeClusterCompartment
            | Operation::ChangeClusterNetworkCompartment
    )
}

impl World {
    pub(in crate::world) fn move_to_compartment(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        // The bodies of all of them have the same field.
        let details: ChangeInstancePoolCompartmentDetails = request.details()?;
        let compartment = self.compartment(&details.compartment_id)?;
        let id = match request.operation {
            Operation::ChangeComputeClusterCompartment => {
                let number = self.cluster_to_change(request)?;
                let row = &mut self.clusters.compute[number as usize];
                row.compartment = compartment;
                row.common.version += 1;
                Id(Kind::ComputeCluster, number)
            }
            Operation::ChangeClusterNetworkCompartment => {
                let number = self.network_to_change(request)?;
                let row = &mut self.clusters.networks[number as usize];
                row.compartment = compartment;
                row.common.version += 1;
                Id(Kind::ClusterNetwork, number)
            }
            Operation::ChangeInstanceConfigurationCompartment => {
                let (number, row) = self.configuration(request.in_path("instanceConfigurationId"))?;
                request.check_etag(&self.etag(Id(Kind::InstanceConfiguration, number), row.version))?;
                if let Some(row) = self.configurations.get_mut(&number) {
                    row.compartment = compartment;
                    row.version += 1;
                }
                Id(Kind::InstanceConfiguration, number)
            }
            _ => {
                let (number, pool) = self.pool(request.in_path("instancePoolId"))?;
                request.check_etag(&self.etag(Id(Kind::InstancePool, number), pool.version))?;
                if let Some(pool) = self.pools.get_mut(&number).filter(|pool| pool.exists()) {
                    pool.compartment = compartment;
                    pool.version += 1;
                }
                Id(Kind::InstancePool, number)
            }
        };
        self.log.push(self.now, "compartment_changed", Some(id), None);
        Ok((self.moved(request, id)?, Some(id)))
    }

    /// The response to a move: nothing but the etag of what was moved.
    pub(in crate::world) fn moved(&self, request: &ApiRequest, id: Id) -> ApiResult {
        let etag = match id {
            Id(Kind::ComputeCluster, number) => {
                let row = self.clusters.compute.get(number as usize).filter(|row| row.common.lives());
                row.map(|row| self.etag(id, row.common.version))
            }
            Id(Kind::ClusterNetwork, number) => {
                let row = self.clusters.networks.get(number as usize);
                row.filter(|row| self.pools.contains_key(&row.pool))
                    .map(|row| self.etag_of_network(number, row))
            }
            Id(Kind::InstanceConfiguration, number) => {
                self.configurations.get(&number).map(|row| self.etag(id, row.version))
            }
            Id(_, number) => self.pools.get(&number).map(|pool| self.etag(id, pool.version)),
        };
        Ok(empty(request.operation).with_etag(etag.ok_or_else(error::not_found)?))
    }
}
