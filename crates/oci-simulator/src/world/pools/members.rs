//! Lists, attaches and detaches members of an instance pool.

use super::PoolState;
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::{compartment_ocid, fault_domain_name};
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::work_requests::{ResourceAction, Status};
use oci_api::models::{
    AttachInstancePoolInstanceDetails, DetachInstancePoolInstanceDetails, InstancePoolInstance,
    InstancePoolInstanceLifecycleState, InstanceSummary,
};
use std::collections::BTreeSet;

impl World {
    pub(in crate::world) fn list_pool_instances(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.pool(request.in_path("instancePoolId"))?;
        self.list_members(request, number)
    }

    pub(in crate::world) fn get_pool_instance(&self, request: &ApiRequest) -> ApiResult {
        let (number, pool) = self.pool(request.in_path("instancePoolId"))?;
        let instance = self.ids.number(Kind::Instance, request.in_path("instanceId"));
        let member = instance.filter(|instance| pool.members.contains(instance));
        // The header `location` belongs to the creation of a membership.
        let answer = self.member_answer(request, number, member.ok_or_else(error::not_found)?)?;
        Ok(ApiAnswer { location: None, ..answer })
    }

    /// The members of a pool, as InstanceSummary.
    pub(in crate::world) fn list_members(&mut self, request: &ApiRequest, pool: u32) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("displayName");
        let pool = self.pools.get(&pool).ok_or_else(error::not_found)?;
        let configuration = self.ids.text(Id(Kind::InstanceConfiguration, pool.configuration));
        let horizon = self.list_horizon();
        let mut rows = Vec::with_capacity(pool.members.len());
        for number in &pool.members {
            let Some(row) = self.instances.get(*number) else { continue };
            let Some(state) = row.listed_state(horizon) else { continue };
            if row.compartment != compartment || name.is_some_and(|name| *name != *row.name) {
                continue;
            }
            let summary = InstanceSummary {
                id: self.ids.text(Id(Kind::Instance, *number)),
                availability_domain: self.identity.ad_name(row.ad),
                compartment_id: compartment_ocid(&self.ids, row.compartment),
                display_name: Some(row.name.to_string()),
                fault_domain: Some(fault_domain_name(row.fd)),
                instance_configuration_id: configuration.clone(),
                region: self.identity.region.clone(),
                shape: Some(row.shape.get().name.to_owned()),
                state: title(state),
                time_created: Some(row.created),
                ..InstanceSummary::default()
            };
            rows.push((Cursor { group: 0, name: row.name.to_string(), number: *number }, summary));
        }
        page.answer_small(request, Order::read(request), rows)
    }

    pub(in crate::world) fn attach_member(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let details: AttachInstancePoolInstanceDetails = request.details()?;
        let number = self.pool_to_change(request, &[PoolState::Running, PoolState::Stopped])?;
        if self.clusters.network_of(number).is_some() {
            // Oracle: instances cannot move into a cluster after their launch; text invented.
            return Err(error::invalid("an instance cannot be attached to the pool of a cluster network"));
        }
        let (instance, row) = self.instance(&details.instance_id)?;
        let ocid = &details.instance_id;
        if row.pool.is_some() {
            return Err(error::incorrect_state(format!(
                "instance {ocid} belongs to an instance pool already"
            )));
        }
        if row.state != State::Running {
            return Err(error::incorrect_state(format!(
                "instance {ocid} is in state {}",
                row.state.as_str()
            )));
        }
        if let Some(row) = self.instances.get_mut(instance) {
            row.pool = Some(number);
            row.version += 1;
        }
        if let Some(pool) = self.pools.get_mut(&number) {
            pool.members.insert(instance);
            pool.size += 1;
            pool.version += 1;
        }
        let work = self.member_work("AttachInstancePoolInstance", number);
        let id = Id(Kind::Instance, instance);
        self.log.push(self.now, "pool_member_attached", Some(id), None);
        let mut answer = self.member_answer(request, number, instance)?;
        answer.work_request = Some(work);
        Ok((answer, Some(id)))
    }

    /// Opens and immediately closes a work request of a pool; returns its OCID.
    fn member_work(&mut self, operation: &'static str, number: u32) -> String {
        let compartment = self.pools.get(&number).map_or(0, |pool| pool.compartment);
        let id = Id(Kind::InstancePool, number);
        let work = self.open_work_request(operation, compartment, id, ResourceAction::Update, self.now);
        self.close_work_request(work, Status::Succeeded, None);
        self.work_request_ocid(work)
    }

    /// The result that shows a member of a pool.
    pub(in crate::world) fn member_answer(
        &self,
        request: &ApiRequest,
        number: u32,
        instance: u32,
    ) -> ApiResult {
        let row = self.instances.get(instance).ok_or_else(error::not_found)?;
        let pool = self.pools.get(&number).ok_or_else(error::not_found)?;
        let pool_ocid = self.ids.text(Id(Kind::InstancePool, number));
        let id = self.ids.text(Id(Kind::Instance, instance));
        let location = format!("/20160918/instancePools/{pool_ocid}/instances/{id}");
        let model = InstancePoolInstance {
            id,
            instance_pool_id: pool_ocid,
            availability_domain: self.identity.ad_name(row.ad),
            lifecycle_state: InstancePoolInstanceLifecycleState::Active,
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            display_name: Some(row.name.to_string()),
            fault_domain: Some(fault_domain_name(row.fd)),
            instance_configuration_id: self.ids.text(Id(Kind::InstanceConfiguration, pool.configuration)),
            region: self.identity.region.clone(),
            shape: row.shape.get().name.to_owned(),
            state: title(row.state),
            time_created: Some(row.created),
            ..InstancePoolInstance::default()
        };
        let etag = self.etag(Id(Kind::InstancePool, number), pool.version);
        let mut answer = answer(request.operation, &model)?.with_etag(etag);
        answer.location = Some(location);
        Ok(answer)
    }

    pub(in crate::world) fn detach_member(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let details: DetachInstancePoolInstanceDetails = request.details()?;
        let number = self.pool_to_change(request, &[PoolState::Running, PoolState::Stopped])?;
        let (instance, row) = self.instance(&details.instance_id)?;
        if row.pool != Some(number) {
            return Err(error::not_found());
        }
        // Terminating it already reduced the size; detaching would reduce it a second time (code and text invented).
        if matches!(row.state, State::Terminating | State::Terminated) {
            let (ocid, state) = (&details.instance_id, row.state.as_str());
            return Err(error::incorrect_state(format!("instance {ocid} is in state {state}")));
        }
        if let Some(row) = self.instances.get_mut(instance) {
            row.pool = None;
            row.version += 1;
        }
        let shrink = details.is_decrement_size.unwrap_or(true);
        if let Some(pool) = self.pools.get_mut(&number) {
            pool.members.remove(&instance);
            pool.version += 1;
            pool.size -= u32::from(shrink && pool.size > 0);
        }
        let work = self.member_work("DetachInstancePoolInstance", number);
        if details.is_auto_terminate.unwrap_or(false) {
            self.terminate(instance, false, false);
        }
        let id = Id(Kind::Instance, instance);
        self.log.push(self.now, "pool_member_detached", Some(id), None);
        // A pool whose size stays the same launches another member.
        self.wake_pool(number);
        Ok((empty(request.operation).with_work_request(work), Some(id)))
    }

    /// Checks that pools and members agree, and that a RUNNING pool has as many members as its size; terminating members may
    /// count or not.
    pub(in crate::world) fn check_pools(&self) -> Result<(), String> {
        for (number, pool) in &self.pools {
            let live = self.instances.iter().filter(|(_, row)| row.live && row.pool == Some(*number));
            let live: BTreeSet<u32> = live.map(|(instance, _)| instance).collect();
            if live != pool.members {
                return Err(format!(
                    "pool {number} has the members {:?}, instances say {live:?}",
                    pool.members
                ));
            }
            let (staying, size) = (self.staying(pool).len(), pool.size as usize);
            if pool.state == PoolState::Running && !(staying <= size && size <= live.len()) {
                return Err(format!(
                    "pool {number} of size {size} is RUNNING with {staying} members, and {} that are ending",
                    live.len() - staying
                ));
            }
        }
        let known = |pool: u32| self.pools.contains_key(&pool);
        match self.instances.iter().find(|(_, row)| row.live && row.pool.is_some_and(|pool| !known(pool))) {
            Some((number, _)) => Err(format!("instance {number} is a member of a pool that is not there")),
            None => Ok(()),
        }
    }

    /// The work request of the last change of a pool.
    pub(in crate::world) fn pool_work(&self, number: u32) -> Option<String> {
        let work = self.works_of.of(Id(Kind::InstancePool, number)).next_back()?;
        Some(self.work_request_ocid(work))
    }
}

/// The state of an instance as pools show it, which is free text: `Running`.
fn title(state: State) -> String {
    let lower = state.as_str().to_ascii_lowercase();
    let mut letters = lower.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
