//! Keeps instance pools at their size: launches missing members, terminates surplus ones, and eventually gives up.

use super::{Placement, Pool, PoolState};
use crate::world::api::ApiError;
use crate::world::chance::Chance;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::instances::State;
use crate::world::schedule::Task;
use crate::world::state::World;
use crate::world::time::{seconds, trim};
use crate::world::work_requests::{ResourceAction, Status};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The maximum number of members that one check launches, because pools work in batches (invented).
const BATCH: usize = 20;

/// The simulated hours for which a pool tries to reach its size (invented).
const PATIENCE_HOURS: f64 = 24.0;

impl World {
    /// The pool with this OCID, or 404.
    pub(in crate::world) fn pool(&self, ocid: &str) -> Result<(u32, &Pool), ApiError> {
        let number = self.ids.number(Kind::InstancePool, ocid);
        number.and_then(|number| Some((number, self.pools.get(&number)?))).ok_or_else(error::not_found)
    }

    pub(super) fn enter_pool(&mut self, number: u32, state: PoolState) {
        let id = Id(Kind::InstancePool, number);
        let Some(pool) = self.pools.get_mut(&number).filter(|pool| pool.state != state) else { return };
        let change = format!("{} -> {}", pool.state.as_str(), state.as_str());
        pool.state = state;
        pool.version += 1;
        self.log.push(self.now, "pool_state", Some(id), Some(&change));
    }

    /// Begins to scale a pool to its size.
    pub(super) fn scale_pool(&mut self, number: u32, state: PoolState, operation: &'static str) {
        let deadline = self.now + seconds(PATIENCE_HOURS * 3600.0);
        let Some(pool) = self.pools.get_mut(&number) else { return };
        pool.deadline = deadline;
        let (compartment, before) = (pool.compartment, pool.work.take());
        if let Some(before) = before {
            self.close_work_request(before, Status::Succeeded, None);
        }
        let id = Id(Kind::InstancePool, number);
        let work = self.open_work_request(
            operation,
            compartment,
            id,
            ResourceAction::Update,
            self.now + seconds(180.0),
        );
        if let Some(pool) = self.pools.get_mut(&number) {
            pool.work = Some(work);
        }
        self.enter_pool(number, state);
        self.check_later(number, 0.5);
    }

    fn check_later(&mut self, number: u32, factor: f64) {
        let Some(pool) = self.pools.get_mut(&number) else { return };
        pool.epoch += 1;
        let epoch = pool.epoch;
        let mut chance = Chance::of(self.seed, "pool", number ^ epoch << 16);
        let delay = self.settings.pool_seconds.draw(&mut chance).mul_f64(factor);
        // Never immediately: a waiting pool must not stop time.
        let delay = trim(delay).max(jiff::SignedDuration::from_millis(100));
        self.schedule.at(self.now + delay, Task::Pool { number, epoch });
    }

    /// Members that are neither TERMINATING nor TERMINATED.
    pub(super) fn staying(&self, pool: &Pool) -> Vec<u32> {
        let stays = |number: &u32| {
            self.instances
                .get(*number)
                .is_some_and(|row| !matches!(row.state, State::Terminating | State::Terminated))
        };
        pool.members.iter().copied().filter(stays).collect()
    }

    fn all_in(&self, members: &[u32], state: State) -> bool {
        members.iter().all(|number| self.instances.get(*number).is_some_and(|row| row.state == state))
    }

    /// Checks the members of a pool, unless the pool has changed since the check was scheduled.
    pub(in crate::world) fn check_pool(&mut self, number: u32, epoch: u32) {
        let Some(pool) = self.pools.get(&number).filter(|pool| pool.epoch == epoch) else { return };
        match pool.state {
            PoolState::Provisioning | PoolState::Scaling => self.scale_step(number),
            PoolState::Terminated => {
                self.pools.remove(&number);
            }
            _ => self.wake_pool(number),
        }
    }

    fn scale_step(&mut self, number: u32) {
        let Some(pool) = self.pools.get(&number) else { return };
        let (size, deadline) = (pool.size as usize, pool.deadline);
        let staying = self.staying(pool);
        if staying.len() > size {
            let count = staying.len() - size;
            // The pool of a cluster network shrinks first in, first out (Oracle: "Managing Cluster Networks").
            let surplus = match self.clusters.network_of(number) {
                Some(_) => staying.iter().copied().take(count).collect(),
                None => self.surplus(&staying, count),
            };
            for member in surplus {
                self.terminate(member, false, false);
            }
        }
        let mut full = None;
        if staying.len() < size {
            for _ in 0..(size - staying.len()).min(BATCH) {
                if let Err(refusal) = self.launch_member(number) {
                    full = Some(refusal);
                    break;
                }
            }
        }
        if let Some(refusal) = full {
            if self.now < deadline {
                // There is no capacity now, so the next check comes later. The work request says so meanwhile.
                if let Some(work) = self.pools.get(&number).and_then(|pool| pool.work) {
                    self.note_work_request_error(work, code_of(&refusal), &refusal.message);
                }
                self.check_later(number, 6.0);
                return;
            }
            self.give_up(number, &refusal);
            return;
        }
        let Some(pool) = self.pools.get(&number) else { return };
        let members = self.staying(pool);
        if members.len() == size && self.all_in(&members, State::Running) {
            self.pool_is(number, PoolState::Running);
        } else if self.now < deadline {
            self.check_later(number, 1.0);
        } else {
            self.give_up(number, &error::out_of_capacity());
        }
    }

    /// Reduces the size of a pool to its current number of members.
    fn give_up(&mut self, number: u32, refusal: &ApiError) {
        let Some(pool) = self.pools.get(&number) else { return };
        let members = self.staying(pool);
        let code = code_of(refusal);
        let Some(pool) = self.pools.get_mut(&number) else { return };
        pool.size = members.len() as u32;
        if let Some(work) = pool.work.take() {
            self.close_work_request(work, Status::Failed, Some((code, &refusal.message)));
        }
        self.close_network_work(number, Status::Failed, Some((code, &refusal.message)));
        self.enter_pool(number, PoolState::Running);
    }

    /// Records that a pool has reached a stable state.
    fn pool_is(&mut self, number: u32, state: PoolState) {
        let work = self.pools.get_mut(&number).and_then(|pool| pool.work.take());
        if let Some(work) = work {
            self.close_work_request(work, Status::Succeeded, None);
        }
        self.close_network_work(number, Status::Succeeded, None);
        self.enter_pool(number, state);
    }

    /// The members to terminate: from the fullest availability and fault domain, oldest first.
    fn surplus(&self, staying: &[u32], count: usize) -> Vec<u32> {
        let mut places: BTreeMap<(u8, u8), Vec<u32>> = BTreeMap::new();
        for member in staying {
            if let Some(row) = self.instances.get(*member) {
                places.entry((row.ad, row.fd)).or_default().push(*member);
            }
        }
        let mut chosen = Vec::new();
        while chosen.len() < count {
            let Some(fullest) = places.values_mut().rev().max_by_key(|members| members.len()) else { break };
            if fullest.is_empty() {
                break;
            }
            chosen.push(fullest.remove(0));
        }
        chosen
    }

    /// Launches one member in the placement with the fewest members, or in another if that one has no capacity.
    fn launch_member(&mut self, number: u32) -> Result<(), ApiError> {
        let pool = self.pools.get(&number).ok_or_else(error::not_found)?;
        let creator = pool.creator;
        let base = self.launch_details(pool.configuration)?;
        let mut counts = vec![0_usize; pool.placements.len()];
        for member in self.staying(pool) {
            let ad = self.instances.get(member).map(|row| row.ad);
            if let Some(at) = pool.placements.iter().position(|placement| Some(placement.ad) == ad) {
                counts[at] += 1;
            }
        }
        let mut order: Vec<usize> = (0..counts.len()).collect();
        order.sort_by_key(|at| counts[*at]);
        let mut last = error::out_of_capacity();
        for at in order {
            let pool = self.pools.get(&number).ok_or_else(error::not_found)?;
            let details = self.member_details(pool, &pool.placements[at], base.clone(), counts[at]);
            match self.launch(&details, Some(number), creator) {
                Ok(instance) => {
                    if let Some(pool) = self.pools.get_mut(&number) {
                        pool.members.insert(instance);
                        pool.launched += 1;
                    }
                    return Ok(());
                }
                Err(refusal) => last = refusal,
            }
        }
        Err(last)
    }

    fn member_details(&self, pool: &Pool, placement: &Placement, mut details: Value, here: usize) -> Value {
        let count = pool.launched.to_string();
        let own_name = || {
            let mark = Chance::of(self.seed, "member", pool.launched).below(16_u64.pow(5));
            format!("inst-{mark:05x}-{}", pool.name)
        };
        let formatted = pool.name_formatter.as_ref().map(|name| name.replace("${launchCount}", &count));
        let name = formatted.unwrap_or_else(own_name);
        details["displayName"] = name.into();
        // Tags of the pool go to its members; those of the configuration win (Oracle: "Creating Instance Pools").
        if !pool.tags.is_empty() && !details["freeformTags"].is_object() {
            details["freeformTags"] = json!({});
        }
        for (key, value) in &pool.tags {
            let own = &mut details["freeformTags"][key];
            if own.is_null() {
                *own = value.clone().into();
            }
        }
        details["availabilityDomain"] = self.identity.ad_name(placement.ad).into();
        details["compartmentId"] =
            crate::world::identity::compartment_ocid(&self.ids, pool.compartment).into();
        if let Some(cluster) = placement.shown.get("computeClusterId").filter(|ocid| ocid.is_string()) {
            details["computeClusterId"] = cluster.clone();
        }
        if !placement.fds.is_empty() {
            let fd = placement.fds[here % placement.fds.len()];
            details["faultDomain"] = crate::world::identity::fault_domain_name(fd).into();
        }
        if let Some(subnet) = placement.subnet {
            let subnet = self.ids.text(Id(Kind::Subnet, subnet));
            if !details["createVnicDetails"].is_object() {
                details["createVnicDetails"] = json!({});
            }
            details["createVnicDetails"]["subnetId"] = subnet.into();
        }
        if let Some(formatter) = &pool.hostname_formatter {
            if !details["createVnicDetails"].is_object() {
                details["createVnicDetails"] = json!({});
            }
            details["createVnicDetails"]["hostnameLabel"] =
                formatter.replace("${launchCount}", &count).into();
        }
        details
    }

    /// Reacts to a change of a member: the pool may have reached a stable state, or must replace the member.
    pub(in crate::world) fn wake_pool(&mut self, number: u32) {
        let Some(pool) = self.pools.get(&number) else { return };
        let members = self.staying(pool);
        match pool.state {
            PoolState::Starting if self.all_in(&members, State::Running) => {
                self.pool_is(number, PoolState::Running);
                // Members may have terminated meanwhile.
                self.wake_pool(number);
            }
            PoolState::Stopping if self.all_in(&members, State::Stopped) => {
                self.pool_is(number, PoolState::Stopped);
            }
            PoolState::Terminating if pool.members.is_empty() => {
                self.pool_is(number, PoolState::Terminated);
                let listed = self.settings.terminated_listed_hours * 3600.0;
                if let Some(pool) = self.pools.get_mut(&number) {
                    pool.epoch += 1;
                    let task = Task::Pool { number, epoch: pool.epoch };
                    self.schedule.at(self.now + seconds(listed), task);
                }
            }
            PoolState::Running => {
                // A pool replaces members that were terminated by hand, and starts those that were stopped.
                let stopped: Vec<u32> = members
                    .iter()
                    .copied()
                    .filter(|member| self.all_in(&[*member], State::Stopped))
                    .collect();
                if members.len() < pool.size as usize || !stopped.is_empty() {
                    for member in stopped {
                        // If there is no capacity to start it, the next check finds it stopped again.
                        let _ = self.act(member, "START");
                    }
                    self.scale_pool(number, PoolState::Scaling, "ScaleInstancePool");
                }
            }
            _ => {}
        }
    }

    /// Removes a member that is TERMINATED.
    pub(in crate::world) fn member_is_gone(&mut self, number: u32, instance: u32) {
        if let Some(pool) = self.pools.get_mut(&number) {
            pool.members.remove(&instance);
        }
    }
}

/// The code by which a work request of a pool states a refusal (Oracle: "Troubleshooting Instance Pools").
fn code_of(refusal: &ApiError) -> &'static str {
    match refusal.code {
        "LimitExceeded" | "QuotaExceeded" => "ServiceLimit",
        "InternalError" => "OutOfCapacity",
        _ => "InvalidParameter",
    }
}
