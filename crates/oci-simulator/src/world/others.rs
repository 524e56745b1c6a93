//! Resources that the region knows only by their registered OCIDs: security groups, keys, hosts, clusters. They exist and a
//! launch can name them, but they have no behaviour.

use super::api::{ApiError, ApiRequest, ApiResult};
use super::error;
use super::identity::compartment_ocid;
use super::ids::{Id, Kind};
use super::paging::{Cursor, Order};
use super::request::answer;
use super::state::World;
use jiff::Timestamp;
use oci_api::models::{
    ComputeCluster, ComputeClusterLifecycleState, ComputeClusterSummary, DedicatedVmHost,
    DedicatedVmHostLifecycleState, DedicatedVmHostSummary, DedicatedVmHostSummaryLifecycleState,
    NetworkSecurityGroup, NetworkSecurityGroupLifecycleState,
};
use std::collections::BTreeMap;

impl World {
    /// Refuses an OCID that was not registered as a resource known only by its OCID.
    pub(super) fn check_other(&self, ocid: Option<&str>) -> Result<(), ApiError> {
        match ocid.filter(|ocid| !ocid.is_empty()) {
            Some(ocid) if !self.others_known.contains(ocid) => Err(error::not_found()),
            _ => Ok(()),
        }
    }

    /// A network security group. One that a config names is in the VCN of the newest subnet that nobody made: a config names one
    /// subnet, and its groups belong to it.
    pub(super) fn get_security_group(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("networkSecurityGroupId");
        if !self.others_known.contains(ocid) {
            return self.get_part(Kind::NetworkSecurityGroup, request, "networkSecurityGroupId");
        }
        Ok(answer(request.operation, &self.security_group(ocid))?.with_etag(self.unchanged()))
    }

    pub(super) fn security_group(&self, ocid: &str) -> NetworkSecurityGroup {
        let vcn = self.network.named_subnet().map_or(0, |subnet| subnet.vcn);
        NetworkSecurityGroup {
            id: ocid.to_owned(),
            display_name: Some(self.other_name(ocid, "nsg")),
            compartment_id: compartment_ocid(&self.ids, self.others_are_in()),
            lifecycle_state: NetworkSecurityGroupLifecycleState::Available,
            time_created: self.beginning(),
            vcn_id: self.ids.text(Id(Kind::Vcn, vcn)),
            defined_tags: Some(BTreeMap::new()),
            freeform_tags: Some(BTreeMap::new()),
            ..NetworkSecurityGroup::default()
        }
    }

    /// `nsg-1` for the first one of its type by its OCID.
    fn other_name(&self, ocid: &str, prefix: &str) -> String {
        let type_of = |ocid: &str| oci_api::Ocid::parse(ocid).ok().map(|ocid| ocid.resource_type.to_owned());
        let own = type_of(ocid);
        let number =
            self.others_known.iter().filter(|known| type_of(known) == own).position(|known| known == ocid);
        format!("{prefix}-{}", number.map_or(0, |number| number + 1))
    }

    /// The OCID of the compartment of the newest subnet, which a config names.
    pub(crate) fn network_compartment(&self) -> String {
        compartment_ocid(&self.ids, self.others_are_in())
    }

    /// The compartment of the newest subnet.
    pub(super) fn others_are_in(&self) -> u32 {
        self.network.named_subnet().map_or(0, |subnet| subnet.compartment)
    }

    pub(super) fn list_security_groups(&mut self, request: &ApiRequest) -> ApiResult {
        if request.in_query("compartmentId").is_none() && request.in_query("vlanId").is_none() {
            return Err(error::invalid("compartmentId or vlanId is required"));
        }
        let vcn = request.in_query("vcnId").map(str::to_owned);
        let listed = self.registered(request, "networksecuritygroup")?;
        let compartment = request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        let has_vlan = request.in_query("vlanId").is_some();
        let name = request.in_query("displayName").map(str::to_owned);
        let state = request.in_query("lifecycleState").map(str::to_owned);
        let page = self.page(request)?;
        let groups = listed.into_iter().map(|(cursor, ocid)| (cursor, self.security_group(&ocid)));
        let named = groups.filter(|(_, group)| {
            vcn.as_ref().is_none_or(|vcn| *vcn == group.vcn_id)
                && (name.is_none() || name == group.display_name)
                && state.as_ref().is_none_or(|state| state.eq_ignore_ascii_case("AVAILABLE"))
        });
        let mut rows = Vec::new();
        for (cursor, group) in named {
            rows.push((cursor, serde_json::to_value(&group).map_err(|_| error::unparsable())?));
        }
        if !has_vlan {
            rows.extend(self.parts_listed(Kind::NetworkSecurityGroup, request, compartment)?);
        }
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }

    /// The OCIDs of registered resources of one type.
    fn registered(&self, request: &ApiRequest, kind: &str) -> Result<Vec<(Cursor, String)>, ApiError> {
        let compartment = request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        let any = compartment == Some(self.others_are_in()) && request.in_query("vlanId").is_none();
        let of_kind =
            |ocid: &&String| any && oci_api::Ocid::parse(ocid).is_ok_and(|ocid| ocid.resource_type == kind);
        let found = self.others_known.iter().filter(of_kind).zip(0..);
        Ok(found.map(|(ocid, number)| (Cursor { number, ..Cursor::default() }, ocid.clone())).collect())
    }

    /// A compute cluster that a config names. It claims to be in the first availability domain, for lack of a better one, but does not restrict
    /// launches in others.
    pub(super) fn known_cluster_answer(&self, request: &ApiRequest, ocid: &str) -> ApiResult {
        Ok(answer(request.operation, &self.compute_cluster(ocid))?.with_etag(self.unchanged()))
    }

    fn compute_cluster(&self, ocid: &str) -> ComputeCluster {
        ComputeCluster {
            id: ocid.to_owned(),
            availability_domain: self.identity.ad_name(0),
            compartment_id: compartment_ocid(&self.ids, self.others_are_in()),
            display_name: Some(self.other_name(ocid, "compute-cluster")),
            lifecycle_state: ComputeClusterLifecycleState::Active,
            time_created: self.beginning(),
            defined_tags: Some(BTreeMap::new()),
            freeform_tags: Some(BTreeMap::new()),
            ..ComputeCluster::default()
        }
    }

    /// The rows of a list for the compute clusters that configs name.
    pub(super) fn known_clusters(
        &self,
        request: &ApiRequest,
        ad: Option<u8>,
        name: Option<&str>,
    ) -> Result<Vec<(Cursor, ComputeClusterSummary)>, ApiError> {
        let listed = self.registered(request, "computecluster")?;
        let clusters = listed.into_iter().filter(|_| ad.is_none_or(|ad| ad == 0)).map(|(cursor, ocid)| {
            let cluster = self.compute_cluster(&ocid);
            let summary = ComputeClusterSummary {
                id: cluster.id,
                availability_domain: cluster.availability_domain,
                compartment_id: cluster.compartment_id,
                display_name: cluster.display_name,
                defined_tags: cluster.defined_tags,
                freeform_tags: cluster.freeform_tags,
                lifecycle_state: cluster.lifecycle_state.as_str().to_owned(),
                time_created: cluster.time_created,
                ..ComputeClusterSummary::default()
            };
            (cursor, summary)
        });
        Ok(clusters.filter(|(_, row)| name.is_none() || name == row.display_name.as_deref()).collect())
    }

    /// A dedicated host, which restricts launches as little as a compute cluster does.
    pub(super) fn get_dedicated_host(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("dedicatedVmHostId");
        self.check_other(Some(ocid))?;
        Ok(answer(request.operation, &self.dedicated_host(ocid))?.with_etag(self.unchanged()))
    }

    fn dedicated_host(&self, ocid: &str) -> DedicatedVmHost {
        DedicatedVmHost {
            id: ocid.to_owned(),
            availability_domain: self.identity.ad_name(0),
            compartment_id: compartment_ocid(&self.ids, self.others_are_in()),
            dedicated_vm_host_shape: "DVH.Standard.E4.128".to_owned(),
            display_name: self.other_name(ocid, "dedicated-host"),
            lifecycle_state: DedicatedVmHostLifecycleState::Active,
            time_created: self.beginning(),
            total_ocpus: 128.0,
            remaining_ocpus: 128.0,
            defined_tags: Some(BTreeMap::new()),
            freeform_tags: Some(BTreeMap::new()),
            ..DedicatedVmHost::default()
        }
    }

    pub(super) fn list_dedicated_hosts(&mut self, request: &ApiRequest) -> ApiResult {
        let listed = self.registered(request, "dedicatedvmhost")?;
        let name = request.in_query("displayName").map(str::to_owned);
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let shape = request.in_query("instanceShapeName").is_none();
        let hosts =
            listed.into_iter().filter(|_| shape && ad.is_none_or(|ad| ad == 0)).map(|(cursor, ocid)| {
                let host = self.dedicated_host(&ocid);
                let summary = DedicatedVmHostSummary {
                    id: host.id,
                    availability_domain: host.availability_domain,
                    compartment_id: host.compartment_id,
                    dedicated_vm_host_shape: host.dedicated_vm_host_shape,
                    display_name: host.display_name,
                    lifecycle_state: DedicatedVmHostSummaryLifecycleState::from(
                        host.lifecycle_state.as_str(),
                    ),
                    time_created: host.time_created,
                    total_ocpus: host.total_ocpus,
                    remaining_ocpus: host.remaining_ocpus,
                    ..DedicatedVmHostSummary::default()
                };
                (cursor, summary)
            });
        let hosts = hosts.filter(|(_, host)| name.as_ref().is_none_or(|name| *name == host.display_name));
        page.answer_small(request, Order { by_name: false, descending: false }, hosts.collect())
    }

    /// The etag of a resource that never changes.
    pub(super) fn unchanged(&self) -> String {
        self.etag(Id(Kind::Tenancy, 0), 0)
    }

    fn beginning(&self) -> Option<Timestamp> {
        self.network.vcns.first().map(|vcn| vcn.created)
    }
}
