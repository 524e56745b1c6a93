//! Resources that the region knows only by their registered OCIDs: security groups, keys, hosts, clusters. They exist and a
//! launch can name them, but they have no behaviour.

use super::api::{ApiError, ApiRequest, ApiResult};
use super::error;
use super::identity::compartment_ocid;
use super::ids::{Id, Kind};
use super::request::answer;
use super::state::World;
use jiff::Timestamp;
use oci_api::models::{
    ComputeCluster, ComputeClusterLifecycleState, DedicatedVmHost, DedicatedVmHostLifecycleState,
    NetworkSecurityGroup, NetworkSecurityGroupLifecycleState,
};

impl World {
    /// Refuses an OCID that was not registered as a resource known only by its OCID.
    pub(super) fn check_other(&self, ocid: Option<&str>) -> Result<(), ApiError> {
        match ocid.filter(|ocid| !ocid.is_empty()) {
            Some(ocid) if !self.others_known.contains(ocid) => Err(error::not_found()),
            _ => Ok(()),
        }
    }

    /// A network security group, in the VCN of the newest subnet: a config names one subnet, and its groups belong to it.
    pub(super) fn get_security_group(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("networkSecurityGroupId");
        self.check_other(Some(ocid))?;
        let vcn = self.network.subnets.last().map_or(0, |subnet| subnet.vcn);
        let group = NetworkSecurityGroup {
            id: ocid.to_owned(),
            compartment_id: compartment_ocid(&self.ids, 0),
            lifecycle_state: NetworkSecurityGroupLifecycleState::Available,
            time_created: self.beginning(),
            vcn_id: self.ids.text(Id(Kind::Vcn, vcn)),
            ..NetworkSecurityGroup::default()
        };
        Ok(answer(request.operation, &group)?.with_etag(self.unchanged()))
    }

    /// A compute cluster. It claims to be in the first availability domain, for lack of a better one, but does not restrict
    /// launches in others.
    pub(super) fn get_compute_cluster(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("computeClusterId");
        self.check_other(Some(ocid))?;
        let cluster = ComputeCluster {
            id: ocid.to_owned(),
            availability_domain: self.identity.ad_name(0),
            compartment_id: compartment_ocid(&self.ids, 0),
            lifecycle_state: ComputeClusterLifecycleState::Active,
            time_created: self.beginning(),
            ..ComputeCluster::default()
        };
        Ok(answer(request.operation, &cluster)?.with_etag(self.unchanged()))
    }

    /// A dedicated host, which restricts launches as little as a compute cluster does.
    pub(super) fn get_dedicated_host(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("dedicatedVmHostId");
        self.check_other(Some(ocid))?;
        let host = DedicatedVmHost {
            id: ocid.to_owned(),
            availability_domain: self.identity.ad_name(0),
            compartment_id: compartment_ocid(&self.ids, 0),
            dedicated_vm_host_shape: "DVH.Standard.E4.128".to_owned(),
            display_name: "dedicated-host".to_owned(),
            lifecycle_state: DedicatedVmHostLifecycleState::Active,
            time_created: self.beginning(),
            total_ocpus: 128.0,
            remaining_ocpus: 128.0,
            ..DedicatedVmHost::default()
        };
        Ok(answer(request.operation, &host)?.with_etag(self.unchanged()))
    }

    /// The etag of a resource that never changes.
    fn unchanged(&self) -> String {
        self.etag(Id(Kind::Tenancy, 0), 0)
    }

    fn beginning(&self) -> Option<Timestamp> {
        self.network.vcns.first().map(|vcn| vcn.created)
    }
}
