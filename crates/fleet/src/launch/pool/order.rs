//! Orders members: how many each pool of the run is asked for, which pools grow, and which are made.

use super::super::context::Halted;
use super::Pools;
use super::make::Wish;
use super::members::count;
use crate::engine::failure::{error_record, own_error};
use crate::engine::pacer::Class;
use crate::plan::{Engine, MAX_POOL};
use crate::pool::{self, FleetPool};
use crate::tuning::{MAY_BE_UNSEEN, POOL_RESIZES};
use jiff::Timestamp;
use ledger::{EnginePart, EnginePartState, EngineStep, ErrorClass, ErrorRecord, Event};
use oci_api::models::UpdateInstancePoolDetails;
use oci_client::{Failure, FailureClass};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

impl Pools<'_> {
    /// Settles what another process has left in doubt, and orders a member for each slot that has none ordered.
    pub(super) async fn order(&mut self) -> Result<Result<(), ErrorRecord>, Halted> {
        for wish in self.unsettled() {
            if let Err(error) = self.make(&wish).await? {
                return Ok(Err(error));
            }
        }
        let resizing: Vec<(String, u32)> = self.context.journal.state(|state| {
            let parts = state.engine.parts.values().filter(|part| part.resizing);
            parts.filter_map(|part| Some((part.ocid.clone()?, part.size))).collect()
        });
        for (ocid, size) in resizing {
            if let Err(error) = self.resize(&ocid, size).await? {
                return Ok(Err(error));
            }
        }
        if self.context.options.settle_only {
            return Ok(Ok(()));
        }
        let compartment = &self.context.plan.fleet.compartment;
        // Until the responses come, this machine may sleep: they show what was there when they were asked for.
        let asked = self.context.env.clock.now();
        let listing = self.context.pacer.call(Class::Read, pool::pools(&self.client, compartment));
        let listed = match self.context.ask(listing).await? {
            Ok(listed) => listed,
            Err(failure) => return Ok(Err(self.failed(&failure))),
        };
        if self.existing().is_empty() {
            if let Err(failure) = self.join(&listed).await {
                return Ok(Err(self.failed(&failure)));
            }
        } else {
            self.forget_deleted(&listed, asked).await?;
        }
        if !self.existing().is_empty() {
            // What has come meanwhile needs no order.
            self.listed = None;
            self.look().await?;
        }
        let missing = match self.grow().await? {
            Ok(missing) => missing,
            Err(error) => return Ok(Err(error)),
        };
        self.progress = Instant::now();
        if missing > 0 {
            // A new pool has no members yet.
            self.listed = Some(Instant::now());
        }
        self.make_pools(missing).await
    }

    /// Records the end of pools that somebody has deleted, if a read confirms what the list says.
    async fn forget_deleted(&self, listed: &[FleetPool], asked: Timestamp) -> Result<(), Halted> {
        for (number, ocid) in self.existing() {
            if listed.iter().any(|pool| pool.row.ocid == ocid) {
                continue;
            }
            let read = self.context.pacer.call(Class::Read, pool::pool(&self.client, &ocid)).await;
            let is_gone = match read {
                Ok((state, ..)) => !pool::lives(&state),
                Err(failure) => failure.class == FailureClass::NotFound && self.is_old(number, asked),
            };
            if is_gone {
                self.gone(&ocid).await;
            }
        }
        Ok(())
    }

    /// Whether a pool was made so long before this time that the service must have shown it then.
    fn is_old(&self, number: u32, asked: Timestamp) -> bool {
        let made =
            self.context.journal.state(|state| state.engine.part(EnginePart::InstancePool, number).made_at);
        made.is_some_and(|at| asked.duration_since(at) >= MAY_BE_UNSEEN)
    }

    /// Records that a pool was deleted by somebody else.
    pub(super) async fn gone(&self, ocid: &str) {
        let step = EngineStep::Gone { ocid: ocid.to_owned() };
        self.context.journal.record_and_see(vec![Event::Engine { step }]).await;
    }

    fn unsettled(&self) -> Vec<Wish> {
        self.context.journal.state(|state| {
            let configuration = state.engine.existing(EnginePart::InstanceConfiguration).next();
            let configuration = configuration.map(|(_, ocid)| ocid.to_owned()).unwrap_or_default();
            let parts = state.engine.parts.iter().filter(|(_, state)| state.unsettled.is_some());
            let wish = |((part, number), state): (&(EnginePart, u32), &EnginePartState)| Wish {
                part: *part,
                number: *number,
                size: state.size,
                configuration: configuration.clone(),
            };
            parts.map(wish).collect()
        })
    }

    /// Takes over the pools of the fleet that launch what the plan describes, if the run joins them.
    async fn join(&mut self, listed: &[FleetPool]) -> Result<(), Failure> {
        let Some(before) = &self.context.plan.joins else { return Ok(()) };
        let before: BTreeSet<&str> = before.iter().map(String::as_str).collect();
        let fleet = &self.context.plan.fleet;
        let mark = fleet.pool_mark();
        for pool in listed {
            let is_ours = pool.row.mark == mark && pool.row.fleet.as_deref() == fleet.tagged_name();
            if is_ours && pool.size < MAX_POOL {
                self.adopt(pool, &before).await?;
            }
        }
        Ok(())
    }

    /// Lets the pools of the run grow by the members that they are not asked for yet. Returns how many need other pools.
    async fn grow(&mut self) -> Result<Result<u32, ErrorRecord>, Halted> {
        let wanted = u32::try_from(self.open_slots().len()).unwrap_or(u32::MAX);
        let pools = self.existing();
        let to_come: u32 = pools
            .iter()
            .filter_map(|(_, ocid)| self.now.get(ocid))
            .map(|(size, has)| size.saturating_sub(*has))
            .sum();
        let mut missing = wanted.saturating_sub(to_come);
        for (_, ocid) in pools {
            let Some((from, has)) = self.now.get(&ocid).copied() else { continue };
            let size = from.saturating_add(missing).min(MAX_POOL);
            if size <= from {
                continue;
            }
            missing -= size - from;
            let step = EngineStep::ResizeIntended { ocid: ocid.clone(), from, size };
            self.context.journal.intend(Event::Engine { step }).await.map_err(|_| Halted)?;
            if let Err(error) = self.resize(&ocid, size).await? {
                return Ok(Err(error));
            }
            self.now.insert(ocid, (size, has));
        }
        Ok(Ok(missing))
    }

    /// Takes over a pool that the fleet has, with the members that it has now.
    async fn adopt(&mut self, found: &FleetPool, before: &BTreeSet<&str>) -> Result<(), Failure> {
        let compartment = &self.context.plan.fleet.compartment;
        let listing = pool::members(&self.client, compartment, &found.row.ocid);
        let members = self.context.pacer.call(Class::Read, listing).await?;
        self.now.insert(found.row.ocid.clone(), (found.size, count(&members)));
        let members = members.into_iter().map(|member| member.ocid);
        let members: Vec<String> = members.filter(|ocid| before.contains(ocid.as_str())).collect();
        let number = self.next_number();
        let step = EngineStep::Made {
            part: EnginePart::InstancePool,
            number,
            ocid: found.row.ocid.clone(),
            name: found.row.name.clone(),
            adopted: true,
            members,
        };
        self.context.journal.record_and_see(vec![Event::Engine { step }]).await;
        Ok(())
    }

    fn next_number(&self) -> u32 {
        self.context.journal.state(|state| {
            let last = state.engine.parts.keys().filter(|(part, _)| *part == EnginePart::InstancePool);
            last.map(|(_, number)| number + 1).max().unwrap_or(1)
        })
    }

    /// Makes the configuration and the pools for this many members.
    async fn make_pools(&self, mut missing: u32) -> Result<Result<(), ErrorRecord>, Halted> {
        while missing > 0 {
            let configuration = Wish {
                part: EnginePart::InstanceConfiguration,
                number: 1,
                size: 0,
                configuration: String::new(),
            };
            let configuration = match self.make(&configuration).await? {
                Ok(ocid) => ocid,
                Err(error) => return Ok(Err(error)),
            };
            let size = missing.min(MAX_POOL);
            let (part, number) = match self.context.plan.fleet.engine {
                // A cluster network has one pool.
                Engine::ClusterNetwork => (EnginePart::ClusterNetwork, 1),
                Engine::Instances | Engine::ComputeCluster | Engine::InstancePool => {
                    (EnginePart::InstancePool, self.next_number())
                }
            };
            if part == EnginePart::ClusterNetwork && !self.existing().is_empty() {
                let message = format!("the pool of a cluster network has at most {MAX_POOL} members");
                return Ok(Err(own_error(ErrorClass::Limit, "PoolFull", &message)));
            }
            let pool = Wish { part, number, size, configuration };
            if let Err(error) = self.make(&pool).await? {
                return Ok(Err(error));
            }
            missing -= size;
        }
        Ok(Ok(()))
    }

    /// Sets the size of a pool whose intent is recorded. OCI accepts that only of a pool at rest, so it is tried for a while.
    pub(super) async fn resize(&self, ocid: &str, size: u32) -> Result<Result<(), ErrorRecord>, Halted> {
        let run = self.context.run;
        let details = UpdateInstancePoolDetails {
            size: Some(size.into()),
            // Members are tagged with the run that asked for them.
            freeform_tags: Some(self.context.plan.fleet.engine_tags_of(run)),
            ..UpdateInstancePoolDetails::default()
        };
        let until = Instant::now() + POOL_RESIZES;
        loop {
            self.context.journal.confirm().await.map_err(|_| Halted)?;
            let call = self.client.update_instance_pool(ocid, &details);
            let Err(failure) = self.context.pacer.call(Class::Write, call).await else {
                let step = EngineStep::Resized { ocid: ocid.to_owned(), size };
                self.context.journal.record_and_see(vec![Event::Engine { step }]).await;
                return Ok(Ok(()));
            };
            let busy = matches!(failure.class, FailureClass::Conflict | FailureClass::Busy);
            if !busy || Instant::now() >= until {
                return Ok(Err(self.failed(&failure)));
            }
            let message = format!(
                "instance pool {ocid} is not at rest, so OCI does not set its size yet: it is tried again for {} s",
                POOL_RESIZES.as_secs()
            );
            self.tell_once(message).await;
            self.context.pause(Duration::from_secs(10)).await?;
        }
    }

    /// The record of a failure, which may be a refused login.
    pub(super) fn failed(&self, failure: &Failure) -> ErrorRecord {
        let error = error_record(failure);
        if failure.class == FailureClass::Authentication {
            self.context.stop_for_login(&error);
        }
        error
    }
}
