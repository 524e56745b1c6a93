//! Makes one part, a configuration or a pool, or finds out whether another process has made it.
//!
//! The intent is recorded before the request, with a retry token that is a pure function of run, part and attempt. A request with an
//! unknown result is sent again with the same token while the service remembers it, and looked up by its tags after that.

use super::super::context::Halted;
use super::Pools;
use crate::engine::failure::{error_record, own_error};
use crate::engine::pacer::Class;
use crate::plan::engine_token;
use crate::pool::{self, EngineRow};
use crate::tuning::{NETWORK_GRACE, TOKEN_LIFE};
use ledger::{EnginePart, EngineStep, ErrorClass, ErrorRecord, Event};
use oci_client::{Failure, FailureClass};
use std::time::Duration;

/// How many new tokens one process tries for a part, if the service refuses its tokens.
const TOKENS: u32 = 3;
/// The pauses between looks for a part whose creation received no clear response, because lists lag.
const LOOKS_S: [u64; 4] = [1, 5, 20, 30];

/// A part to make.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub part: EnginePart,
    pub number: u32,
    /// How many members it gets; 0 for a configuration.
    pub size: u32,
    /// The configuration of a pool.
    pub configuration: String,
}

/// A part that exists.
#[derive(Clone, Debug)]
pub(super) struct FoundPart {
    pub ocid: String,
    /// The pool of a cluster network, which is a part of its own.
    pub pool: Option<String>,
}

impl FoundPart {
    fn of(ocid: String) -> Self {
        Self { ocid, pool: None }
    }
}

impl Pools<'_> {
    /// Makes a part; returns its OCID, or why there is none.
    pub(super) async fn make(&self, wish: &Wish) -> Result<Result<String, ErrorRecord>, Halted> {
        let known = self.context.journal.state(|state| state.engine.part(wish.part, wish.number));
        if let Some(ocid) = known.ocid {
            return Ok(Ok(ocid));
        }
        let mut attempt = known.last_attempt + 1;
        if let Some(intent) = known.unsettled {
            attempt = intent.attempt;
            if self.context.env.clock.now().duration_since(intent.first_at) >= TOKEN_LIFE {
                match self.look_for(wish).await {
                    Ok(Some(found)) => return Ok(Ok(self.made(wish, found, true).await)),
                    Ok(None) => attempt += 1,
                    Err(failure) => return Ok(Err(error_record(&failure))),
                }
            }
        }
        for attempt in attempt..attempt + TOKENS {
            if self.context.halt.is_cancelled() {
                return Err(Halted);
            }
            if let Some(end) = self.attempt(wish, attempt).await? {
                return Ok(end);
            }
        }
        Ok(Err(own_error(ErrorClass::Conflict, "NotMade", "the service refused every retry token")))
    }

    /// One attempt; `None` if another token is needed.
    async fn attempt(
        &self,
        wish: &Wish,
        attempt: u32,
    ) -> Result<Option<Result<String, ErrorRecord>>, Halted> {
        let token = engine_token(self.context.run, wish.part, wish.number, attempt);
        let intent = EngineStep::Intended {
            part: wish.part,
            number: wish.number,
            attempt,
            token: token.clone(),
            size: wish.size,
        };
        let journal = self.context.journal;
        journal.intend(Event::Engine { step: intent }).await.map_err(|_| Halted)?;
        journal.confirm().await.map_err(|_| Halted)?;
        let answer = tokio::select! {
            biased;
            answer = self.create(wish, &token) => answer,
            () = self.long_halted() => return Err(Halted),
        };
        let failure = match answer {
            Ok(new) => return Ok(Some(Ok(self.made(wish, new, false).await))),
            Err(failure) => failure,
        };
        let error = error_record(&failure);
        if failure.class == FailureClass::Authentication {
            self.context.stop_for_login(&error);
        }
        if failure.class == FailureClass::InvalidatedRetryToken {
            return match self.look_for(wish).await {
                Ok(Some(found)) => Ok(Some(Ok(self.made(wish, found, true).await))),
                Ok(None) => {
                    self.refused(wish, &error).await;
                    Ok(None)
                }
                Err(failure) => Ok(Some(Err(error_record(&failure)))),
            };
        }
        if failure.may_have_happened() {
            let message = format!(
                "the creation of the {} received no clear answer ({}: {}): it is looked for during {} s",
                wish.part.what(),
                error.code,
                error.message,
                LOOKS_S.iter().sum::<u64>()
            );
            self.tell_once(message).await;
            for pause_s in LOOKS_S {
                if let Ok(Some(found)) = self.look_for(wish).await {
                    return Ok(Some(Ok(self.made(wish, found, true).await)));
                }
                self.context.pause(Duration::from_secs(pause_s)).await?;
            }
            // It stays in doubt: another process sends the same token again.
            return Ok(Some(Err(error)));
        }
        self.refused(wish, &error).await;
        Ok(Some(Err(error)))
    }

    async fn create(&self, wish: &Wish, token: &str) -> Result<FoundPart, Failure> {
        let (plan, run, pacer) = (self.context.plan, self.context.run, &self.context.pacer);
        match wish.part {
            EnginePart::InstanceConfiguration => {
                let details = plan.configuration_request(run);
                let call = self.client.create_instance_configuration(&details, token);
                Ok(FoundPart::of(pacer.call(Class::Write, call).await?.value.id))
            }
            EnginePart::ClusterNetwork => {
                let details = plan.cluster_network_request(run, wish.size, &wish.configuration);
                let call = self.client.create_cluster_network(&details, token);
                let made = pacer.call(Class::Write, call).await?.value;
                let pool = made.instance_pools.unwrap_or_default().into_iter().next();
                Ok(FoundPart { ocid: made.id, pool: pool.map(|pool| pool.id) })
            }
            EnginePart::InstancePool | EnginePart::ComputeCluster => {
                let details = plan.pool_request(run, wish.number, wish.size, &wish.configuration);
                let call = self.client.create_instance_pool(&details, token);
                Ok(FoundPart::of(pacer.call(Class::Write, call).await?.value.id))
            }
        }
    }

    fn name_of(&self, wish: &Wish) -> String {
        let (plan, run) = (self.context.plan, self.context.run);
        match wish.part {
            EnginePart::InstanceConfiguration => plan.configuration_name(run),
            _ => plan.pool_name(run, wish.number),
        }
    }

    pub(super) async fn made(&self, wish: &Wish, new: FoundPart, adopted: bool) -> String {
        let step = |part: EnginePart, ocid: &str| EngineStep::Made {
            part,
            number: wish.number,
            ocid: ocid.to_owned(),
            name: self.name_of(wish),
            adopted,
            members: Vec::new(),
        };
        let mut steps = vec![step(wish.part, &new.ocid)];
        if let Some(pool) = &new.pool {
            steps.push(step(EnginePart::InstancePool, pool));
            steps.push(EngineStep::Resized { ocid: pool.clone(), size: wish.size });
        }
        let events = steps.into_iter().map(|step| Event::Engine { step });
        self.context.journal.record_and_see(events.collect()).await;
        new.ocid
    }

    async fn refused(&self, wish: &Wish, error: &ErrorRecord) {
        let step = EngineStep::Refused { part: wish.part, number: wish.number, error: error.clone() };
        self.context.journal.record_and_see(vec![Event::Engine { step }]).await;
    }

    /// The part that this run made, if a list shows it.
    pub(super) async fn look_for(&self, wish: &Wish) -> Result<Option<FoundPart>, Failure> {
        let (compartment, run) = (&self.context.plan.fleet.compartment, Some(self.context.run));
        let name = self.name_of(wish);
        let is_it = |row: &EngineRow| row.run == run && row.name == name;
        if wish.part == EnginePart::ClusterNetwork {
            let networks = pool::networks(&self.client, compartment).await?;
            let found = networks.into_iter().find(|(row, _)| is_it(row));
            return Ok(found.map(|(row, pool)| FoundPart { ocid: row.ocid, pool: Some(pool) }));
        }
        let rows = match wish.part {
            EnginePart::InstanceConfiguration => pool::configurations(&self.client, compartment).await?,
            _ => pool::pools(&self.client, compartment).await?.into_iter().map(|pool| pool.row).collect(),
        };
        Ok(rows.into_iter().find(is_it).map(|row| FoundPart::of(row.ocid)))
    }

    /// The request in flight is awaited for a while after the run was halted; its result is found later.
    async fn long_halted(&self) {
        self.context.halt.cancelled().await;
        tokio::time::sleep(NETWORK_GRACE).await;
    }
}
