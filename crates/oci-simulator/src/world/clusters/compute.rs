//! Operations on compute clusters, which have no work requests: they are ACTIVE at once.

use super::{ClusterRow, RdmaGroup};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::network::{Common, Labels};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, collection, empty};
use crate::world::shapes::Shape;
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    ComputeCluster, ComputeClusterSummary, CreateComputeClusterDetails, UpdateComputeClusterDetails,
};

impl World {
    /// The cluster with this OCID, which may be DELETED, or 404.
    fn shown_cluster(&self, ocid: &str) -> Result<(u32, &ClusterRow), ApiError> {
        let number = self.ids.number(Kind::ComputeCluster, ocid).ok_or_else(error::not_found)?;
        let row = self.clusters.compute.get(number as usize).filter(|row| row.is_shown(self.now));
        row.map(|row| (number, row)).ok_or_else(error::not_found)
    }

    /// The ACTIVE cluster with this OCID, or 404.
    pub(in crate::world) fn cluster(&self, ocid: &str) -> Result<(u32, &ClusterRow), ApiError> {
        let (number, row) = self.shown_cluster(ocid)?;
        if row.common.lives() { Ok((number, row)) } else { Err(error::not_found()) }
    }

    /// The cluster that a launch names (Oracle: "Compute Clusters"; texts invented). One that the region knows by its OCID only
    /// has no rules.
    pub(in crate::world) fn cluster_of_launch(
        &self,
        ocid: Option<&str>,
        (compartment, ad): (u32, u8),
        shape: &Shape,
    ) -> Result<Option<u32>, ApiError> {
        let Some(ocid) = ocid.filter(|ocid| !ocid.is_empty() && !self.others_known.contains(*ocid)) else {
            return Ok(None);
        };
        let (number, row) = self.cluster(ocid)?;
        if row.compartment != compartment {
            return Err(error::invalid(format!(
                "an instance must be in the compartment of its compute cluster {ocid}"
            )));
        }
        if row.ad != ad {
            let own = self.identity.ad_name(row.ad);
            return Err(error::invalid(format!("compute cluster {ocid} is in availability domain {own}")));
        }
        if shape.rdma().is_none() {
            return Err(error::invalid(format!(
                "shape {} is not supported in a compute cluster",
                shape.name
            )));
        }
        Ok(Some(number))
    }

    /// The group with which a launch shares a network block.
    pub(in crate::world) fn rdma_group(&self, cluster: Option<u32>, pool: Option<u32>) -> Option<RdmaGroup> {
        let network = || self.clusters.network_of(pool?).map(RdmaGroup::Network);
        cluster.map(RdmaGroup::Cluster).or_else(network)
    }

    pub(in crate::world) fn create_compute_cluster(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateComputeClusterDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let row = ClusterRow {
            compartment: self.compartment(&new.compartment_id)?,
            ad: self.ad(&new.availability_domain)?,
            name: labels.display_name.unwrap_or_else(|| format!("computecluster{}", stamp(self.now))),
            created: self.now,
            updated: self.now,
            constraint: new.placement_constraint_details.map(|constraint| *constraint),
            block: None,
            common: Common {
                tags: labels.freeform_tags.unwrap_or_default(),
                defined_tags: self.defined_tags_of_new(labels.defined_tags.as_ref(), &request.caller),
                made: true,
                ..Common::default()
            },
        };
        let id = Id(Kind::ComputeCluster, self.clusters.compute.len() as u32);
        self.clusters.compute.push(row);
        self.log.push(self.now, "computecluster_created", Some(id), None);
        Ok((self.compute_cluster_answer(request, id.1)?, Some(id)))
    }

    /// The result of an operation that shows one cluster.
    pub(in crate::world) fn compute_cluster_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.clusters.compute.get(number as usize).ok_or_else(error::not_found)?;
        let model = ComputeCluster {
            id: self.ids.text(Id(Kind::ComputeCluster, number)),
            availability_domain: self.identity.ad_name(row.ad),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            display_name: Some(row.name.clone()),
            defined_tags: Some(row.common.defined_tags.clone()),
            freeform_tags: Some(row.common.tags.clone()),
            placement_constraint_details: row.constraint.clone().map(Box::new),
            lifecycle_state: row.state().into(),
            time_created: Some(row.created),
            time_updated: Some(row.updated),
            ..ComputeCluster::default()
        };
        let etag = self.etag(Id(Kind::ComputeCluster, number), row.common.version);
        Ok(answer(request.operation, &model)?.with_etag(etag))
    }

    pub(in crate::world) fn get_compute_cluster(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("computeClusterId");
        if self.others_known.contains(ocid) {
            return self.known_cluster_answer(request, ocid);
        }
        let (number, _) = self.shown_cluster(ocid)?;
        self.compute_cluster_answer(request, number)
    }

    pub(in crate::world) fn list_compute_clusters(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let horizon = self.list_horizon();
        let mut rows = self.known_clusters(request, ad, name)?;
        let made = self.clusters.compute.iter().zip(0_u32..).filter(|(row, _)| {
            row.compartment == compartment
                && row.created <= horizon
                && row.is_shown(self.now)
                && ad.is_none_or(|ad| ad == row.ad)
                && name.is_none_or(|name| name == row.name)
        });
        // Those that the region knows by their OCIDs are older than all others.
        let first = rows.len() as u32;
        rows.extend(made.map(|(row, number)| {
            let summary = ComputeClusterSummary {
                id: self.ids.text(Id(Kind::ComputeCluster, number)),
                availability_domain: self.identity.ad_name(row.ad),
                compartment_id: compartment_ocid(&self.ids, row.compartment),
                display_name: Some(row.name.clone()),
                defined_tags: Some(row.common.defined_tags.clone()),
                freeform_tags: Some(row.common.tags.clone()),
                lifecycle_state: row.state().to_owned(),
                time_created: Some(row.created),
                ..ComputeClusterSummary::default()
            };
            (Cursor { group: 0, name: row.name.clone(), number: first + number }, summary)
        }));
        Ok(collection(page.answer_small(request, Order::read(request), rows)?))
    }

    /// The ACTIVE cluster in the path, if its etag matches.
    pub(in crate::world) fn cluster_to_change(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let (number, row) = self.cluster(request.in_path("computeClusterId"))?;
        request.check_etag(&self.etag(Id(Kind::ComputeCluster, number), row.common.version))?;
        Ok(number)
    }

    pub(in crate::world) fn update_compute_cluster(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.cluster_to_change(request)?;
        let new: UpdateComputeClusterDetails = request.details()?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let now = self.now;
        let row = self.clusters.compute.get_mut(number as usize).ok_or_else(error::not_found)?;
        labels.apply(&mut row.name, &mut row.common);
        row.constraint = new.placement_constraint_details.map(|new| *new).or_else(|| row.constraint.take());
        row.updated = now;
        self.log.push(now, "computecluster_updated", Some(Id(Kind::ComputeCluster, number)), None);
        self.compute_cluster_answer(request, number)
    }

    /// Deletes a cluster without instances (the code of the refusal is likely, its text invented).
    pub(in crate::world) fn delete_compute_cluster(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.cluster_to_change(request)?;
        let left = self.instances.iter().filter(|(_, row)| row.live && row.cluster == Some(number)).count();
        if left > 0 {
            let ocid = request.in_path("computeClusterId");
            return Err(error::incorrect_state(format!("compute cluster {ocid} has {left} instances")));
        }
        let now = self.now;
        let row = self.clusters.compute.get_mut(number as usize).ok_or_else(error::not_found)?;
        row.common.deleted = Some(now);
        row.common.version += 1;
        row.updated = now;
        self.log.push(now, "computecluster_deleted", Some(Id(Kind::ComputeCluster, number)), None);
        Ok(empty(request.operation))
    }
}
