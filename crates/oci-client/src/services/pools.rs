//! Instance configurations, instance pools and cluster networks.

use oci_api::Operation;
use oci_api::models::{
    ClusterNetwork, ClusterNetworkSummary, CreateClusterNetworkDetails, CreateInstancePoolDetails,
    DetachInstancePoolInstanceDetails, InstanceConfiguration, InstanceConfigurationSummary, InstancePool,
    InstancePoolInstance, InstancePoolSummary, InstanceSummary, UpdateInstancePoolDetails,
};
use serde_json::Value;

use crate::{Answered, Call, Client, Failure};

impl Client {
    /// Creates an instance configuration. `details` are `CreateInstanceConfigurationDetails` as JSON.
    pub async fn create_instance_configuration(
        &self,
        details: &Value,
        retry_token: &str,
    ) -> Result<Answered<InstanceConfiguration>, Failure> {
        let call = Call::new(Operation::CreateInstanceConfiguration).retry_token(retry_token).json(details);
        self.call(call).await
    }

    /// The instance configurations of a compartment.
    pub async fn list_instance_configurations(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<InstanceConfigurationSummary>, Failure> {
        self.all(Call::new(Operation::ListInstanceConfigurations).query("compartmentId", compartment_id))
            .await
    }

    /// One instance configuration.
    pub async fn get_instance_configuration(
        &self,
        configuration_id: &str,
    ) -> Result<Answered<InstanceConfiguration>, Failure> {
        self.call(Call::new(Operation::GetInstanceConfiguration).path(configuration_id)).await
    }

    /// Deletes an instance configuration. It is refused while a pool uses it.
    pub async fn delete_instance_configuration(&self, configuration_id: &str) -> Result<(), Failure> {
        let call = Call::new(Operation::DeleteInstanceConfiguration).path(configuration_id);
        self.call_empty(call).await.map(drop)
    }

    /// Creates an instance pool, which launches its members afterwards: a lack of capacity is no error of this call.
    pub async fn create_instance_pool(
        &self,
        details: &CreateInstancePoolDetails,
        retry_token: &str,
    ) -> Result<Answered<InstancePool>, Failure> {
        self.call(Call::new(Operation::CreateInstancePool).retry_token(retry_token).json(details)).await
    }

    /// One instance pool.
    pub async fn get_instance_pool(&self, pool_id: &str) -> Result<Answered<InstancePool>, Failure> {
        self.call(Call::new(Operation::GetInstancePool).path(pool_id)).await
    }

    /// The instance pools of a compartment, including those that ended recently.
    pub async fn list_instance_pools(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<InstancePoolSummary>, Failure> {
        self.all(Call::new(Operation::ListInstancePools).query("compartmentId", compartment_id)).await
    }

    /// Changes an instance pool. It is refused unless the pool is RUNNING or STOPPED.
    pub async fn update_instance_pool(
        &self,
        pool_id: &str,
        details: &UpdateInstancePoolDetails,
    ) -> Result<Answered<InstancePool>, Failure> {
        self.call(Call::new(Operation::UpdateInstancePool).path(pool_id).json(details)).await
    }

    /// Deletes an instance pool with its members and their volumes.
    pub async fn terminate_instance_pool(&self, pool_id: &str) -> Result<(), Failure> {
        self.call_empty(Call::new(Operation::TerminateInstancePool).path(pool_id)).await.map(drop)
    }

    /// The members of a pool, as far as the list shows them yet.
    pub async fn list_instance_pool_instances(
        &self,
        compartment_id: &str,
        pool_id: &str,
    ) -> Result<Vec<InstanceSummary>, Failure> {
        let call = Call::new(Operation::ListInstancePoolInstances).path(pool_id);
        self.all(call.query("compartmentId", compartment_id)).await
    }

    /// One member of a pool.
    pub async fn get_instance_pool_instance(
        &self,
        pool_id: &str,
        instance_id: &str,
    ) -> Result<Answered<InstancePoolInstance>, Failure> {
        self.call(Call::new(Operation::GetInstancePoolInstance).path(pool_id).path(instance_id)).await
    }

    /// Takes a member out of its pool, whose size goes down by one. The instance goes on running.
    pub async fn detach_instance_pool_instance(
        &self,
        pool_id: &str,
        instance_id: &str,
        retry_token: &str,
    ) -> Result<(), Failure> {
        let details = DetachInstancePoolInstanceDetails {
            instance_id: instance_id.to_owned(),
            is_decrement_size: Some(true),
            is_auto_terminate: Some(false),
        };
        let call = Call::new(Operation::DetachInstancePoolInstance).path(pool_id).retry_token(retry_token);
        self.call_empty(call.json(&details)).await.map(drop)
    }

    /// Creates a cluster network with its pool, which launches the members afterwards.
    pub async fn create_cluster_network(
        &self,
        details: &CreateClusterNetworkDetails,
        retry_token: &str,
    ) -> Result<Answered<ClusterNetwork>, Failure> {
        self.call(Call::new(Operation::CreateClusterNetwork).retry_token(retry_token).json(details)).await
    }

    /// One cluster network.
    pub async fn get_cluster_network(&self, network_id: &str) -> Result<Answered<ClusterNetwork>, Failure> {
        self.call(Call::new(Operation::GetClusterNetwork).path(network_id)).await
    }

    /// The cluster networks of a compartment, including those that ended recently.
    pub async fn list_cluster_networks(
        &self,
        compartment_id: &str,
    ) -> Result<Vec<ClusterNetworkSummary>, Failure> {
        self.all(Call::new(Operation::ListClusterNetworks).query("compartmentId", compartment_id)).await
    }

    /// Deletes a cluster network with its pool, the members and their volumes.
    pub async fn terminate_cluster_network(&self, network_id: &str) -> Result<(), Failure> {
        self.call_empty(Call::new(Operation::TerminateClusterNetwork).path(network_id)).await.map(drop)
    }
}
