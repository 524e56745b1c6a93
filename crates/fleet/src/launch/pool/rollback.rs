//! Rolls back a run of pools that stayed below its minimum: deletes the pools that it made, with their members and volumes, then
//! members that had left them, and the configuration last.

use super::super::context::Context;
use super::super::rollback::no_longer_in_doubt;
use super::Pools;
use super::make::Wish;
use crate::engine::cloud::{self, KeepVolumes};
use crate::engine::outcome::Ending;
use crate::engine::pacer::Class;
use crate::pool::delete_part;
use crate::tuning::{POOL_ROLLBACK, POOL_ROLLS_BACK, POOL_STRAGGLERS};
use ledger::{EnginePart, EnginePartState, EngineStep, ErrorClass, ErrorRecord, Event, Outcome};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::FailureClass;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Deletes everything that the run made, and returns how that ended.
pub(crate) async fn roll_back(context: &Context<'_>, stop: &CancellationToken) -> Outcome {
    let (pools, began) = (Pools::new(context), Instant::now());
    loop {
        let (refused, over) = match pools.delete_all(began, stop).await {
            Ok(true) => {
                no_longer_in_doubt(context).await;
                return Outcome::GivenBack;
            }
            Ok(false) => (false, began.elapsed() >= POOL_ROLLBACK),
            Err(error) => {
                let message = format!("the rollback is incomplete: {}: {}", error.code, error.message);
                context.journal.record(vec![Event::Warning { message }]).await;
                (error.class == ErrorClass::Authentication, began.elapsed() >= POOL_ROLLBACK)
            }
        };
        let interrupted = stop.is_cancelled();
        if interrupted {
            context.journal.record(vec![Event::Interrupted]).await;
        }
        if interrupted || refused || over || context.journal.broken().is_some() {
            return Ending { refused, interrupted, in_doubt: true, ..Ending::default() }.outcome();
        }
        tokio::select! {
            () = tokio::time::sleep(POOL_ROLLS_BACK) => {}
            () = stop.cancelled() => {}
        }
    }
}

impl Pools<'_> {
    /// Whether nothing is left.
    async fn delete_all(&self, began: Instant, stop: &CancellationToken) -> Result<bool, ErrorRecord> {
        let mut quiet = self.settle_unknown(began).await?;
        // A cluster network ends with its pool.
        let parts = [EnginePart::ClusterNetwork, EnginePart::InstancePool, EnginePart::InstanceConfiguration];
        for part in parts {
            let made: Vec<(String, bool)> = self.context.journal.state(|state| {
                let parts = state.engine.parts.iter().filter(|((kind, _), _)| *kind == part);
                parts.filter_map(|(_, known)| Some((known.ocid.clone()?, known.adopted))).collect()
            });
            for (ocid, adopted) in made {
                // What the fleet had before stays.
                let before = self.context.journal.state(|state| {
                    state.engine.parts.values().any(|known| {
                        known.ocid.as_deref() == Some(&ocid) && adopted && !known.members.is_empty()
                    })
                });
                if before {
                    continue;
                }
                delete_part(&self.client, part, &ocid, stop).await?;
                self.told_gone(None, ocid).await;
            }
            if part == EnginePart::InstancePool {
                quiet &= self.members_ended().await?;
                if !quiet {
                    return Ok(false);
                }
            }
        }
        Ok(quiet)
    }

    /// Finds parts whose creation received no answer. Returns whether none may exist any more that is not known.
    async fn settle_unknown(&self, began: Instant) -> Result<bool, ErrorRecord> {
        let unknown: Vec<(EnginePart, u32)> = self.context.journal.state(|state| {
            let parts = state
                .engine
                .parts
                .iter()
                .filter(|(_, part): &(_, &EnginePartState)| part.unsettled.is_some());
            parts.map(|(key, _)| *key).collect()
        });
        let mut quiet = true;
        for (part, number) in unknown {
            let wish = Wish { part, number, size: 0, configuration: String::new() };
            // Until the response comes, this machine may sleep.
            let waited = began.elapsed();
            match self.look_for(&wish).await.map_err(|failure| self.failed(&failure))? {
                Some(found) => _ = self.made(&wish, found, true).await,
                None if waited >= POOL_STRAGGLERS => {
                    let error = ErrorRecord {
                        class: ErrorClass::GivenBack,
                        code: "GivenBack".to_owned(),
                        message: "the run was rolled back; no list shows this part".to_owned(),
                        ..ErrorRecord::default()
                    };
                    let step = EngineStep::Refused { part, number, error };
                    self.context.journal.record_and_see(vec![Event::Engine { step }]).await;
                }
                None => {
                    quiet = false;
                    let message = format!(
                        "no list shows the {} whose creation received no answer: it is looked for during {} s, because the request \
                         may arrive late",
                        part.what(),
                        POOL_STRAGGLERS.as_secs()
                    );
                    self.tell_once(message).await;
                }
            }
        }
        Ok(quiet)
    }

    /// Records the end of each member, and terminates those that had left their pools. Whether all have ended.
    async fn members_ended(&self) -> Result<bool, ErrorRecord> {
        let members: Vec<(u32, String)> = self.context.journal.state(|state| {
            let with = state.slots.iter().filter_map(|(slot, known)| Some((*slot, known.ocid.clone()?)));
            with.collect()
        });
        if members.is_empty() {
            return Ok(true);
        }
        let states = self.states().await?;
        let keep = KeepVolumes::after_rollback(&self.context.plan.fleet.template);
        let mut all = true;
        for (slot, ocid) in members {
            let state = match states.iter().find(|(known, _)| *known == ocid) {
                Some((_, state)) => state.clone(),
                None => match self.context.pacer.call(Class::Read, cloud::get(&self.client, &ocid)).await {
                    Ok(instance) => instance.lifecycle_state,
                    // Its pool has ended, and neither list nor read knows it.
                    Err(failure) if failure.class == FailureClass::NotFound => State::Terminated,
                    Err(failure) => return Err(self.failed(&failure)),
                },
            };
            match state {
                State::Terminated => self.told_gone(Some(slot), ocid).await,
                State::Terminating => all = false,
                _ => {
                    all = false;
                    let end = cloud::terminate(&self.client, &ocid, keep);
                    self.context
                        .pacer
                        .call(Class::Write, end)
                        .await
                        .map_err(|failure| self.failed(&failure))?;
                }
            }
        }
        Ok(all)
    }

    /// The states of the instances of the compartment.
    async fn states(&self) -> Result<Vec<(String, State)>, ErrorRecord> {
        let list = self.client.all(cloud::list(&self.context.plan.fleet.compartment));
        let listed: Vec<oci_api::models::Instance> =
            self.context.pacer.call(Class::Read, list).await.map_err(|failure| self.failed(&failure))?;
        Ok(listed.into_iter().map(|instance| (instance.id, instance.lifecycle_state)).collect())
    }

    async fn told_gone(&self, slot: Option<u32>, ocid: String) {
        let event = Event::GivenBack { slot, ocid, work_request: None };
        self.context.journal.record_and_see(vec![event]).await;
    }
}
