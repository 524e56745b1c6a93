//! Lists of kinds of resources that the region never has: an honest empty list for clients that look before they act.
//!
//! A filter by something that does not exist is refused as in lists that have rows.

use super::api::{ApiRequest, ApiResult};
use super::paging::Cursor;
use super::request::collection;
use super::state::World;
use oci_api::Operation;
use oci_api::operation::Answer;

/// The lists that are always empty.
const LISTS: [Operation; 27] = [
    Operation::GetVolumeBackupPolicyAssetAssignment,
    Operation::ListAppCatalogSubscriptions,
    Operation::ListBlockVolumeReplicas,
    Operation::ListBootVolumeReplicas,
    Operation::ListByoipRanges,
    Operation::ListCaptureFilters,
    Operation::ListComputeCapacityTopologies,
    Operation::ListComputeGpuMemoryClusters,
    Operation::ListComputeGpuMemoryFabrics,
    Operation::ListComputeHostGroups,
    Operation::ListComputeHosts,
    Operation::ListComputeImageCapabilitySchemas,
    Operation::ListCpes,
    Operation::ListCrossConnects,
    Operation::ListDrgAttachments,
    Operation::ListDrgs,
    Operation::ListIPSecConnections,
    Operation::ListInstanceConsoleConnections,
    Operation::ListInstanceMaintenanceEvents,
    Operation::ListLocalPeeringGateways,
    Operation::ListPublicIpPools,
    Operation::ListRemotePeeringConnections,
    Operation::ListVirtualCircuits,
    Operation::ListVlans,
    Operation::ListVolumeBackupPolicies,
    Operation::ListVolumeGroupBackups,
    Operation::ListVtaps,
];

impl World {
    /// The empty list; `None` for every other operation.
    pub(super) fn list_absent(&mut self, request: &ApiRequest) -> Option<ApiResult> {
        LISTS.contains(&request.operation).then(|| self.empty_list(request))
    }

    fn empty_list(&mut self, request: &ApiRequest) -> ApiResult {
        request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        self.ad_in(request)?;
        let page = self.page(request)?;
        let list = page.answer(request, std::iter::empty::<Cursor>(), |_| true, |_| ())?;
        let info = request.operation.info();
        let list =
            if info.success_headers.contains(&"etag") { list.with_etag(self.unchanged()) } else { list };
        Ok(match info.response {
            Answer::One(_) => collection(list),
            Answer::Empty | Answer::List(_) => list,
        })
    }
}
