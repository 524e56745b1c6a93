//! Makes the network of a fleet, part after part, or continues where another process left it.
//!
//! Each part is recorded before its request is sent, with a retry token that is a pure function of run, part and attempt. A request
//! with an unknown result is sent again with the same token while the service remembers it, and looked up by its tags after that.

use super::rows;
use super::summary::NetworkSummary;
use crate::engine::backoff::Backoff;
use crate::engine::env::{Environment, RunError, Sink};
use crate::engine::failure::{AfterRead, error_record, own_error, policy};
use crate::engine::journal::Journal;
use crate::engine::outcome::{Ending, Reached};
use crate::plan::network::{NetworkPlan, NewPart, PartIds, PartKind, part_token};
use crate::tuning::{MAY_BE_UNSEEN, NETWORK_GRACE, NETWORK_PART_SETTLES, TOKEN_LIFE};
use jiff::Timestamp;
use ledger::{Action, ErrorClass, ErrorRecord, Event, Outcome, Phase, RunId, RunKind, RunState, SlotNumber};
use oci_client::{Client, Failure, FailureClass, RetryPolicy};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How many new tokens one process tries for a part, if the service refuses its tokens.
const TOKENS: u32 = 3;
/// The pauses between looks for a part whose creation received no clear response, because lists lag.
const LOOKS_S: [u64; 4] = [1, 5, 20, 30];

/// Makes the network of a fleet. `run` is a new id from [`Environment::new_run_id`].
///
/// # Errors
/// When the run could not be written to the ledger. Nothing has been made then.
pub async fn make(
    env: &Environment,
    run: RunId,
    plan: &NetworkPlan,
    sink: Sink,
    stop: &CancellationToken,
) -> Result<NetworkSummary, RunError> {
    let first = Event::RunStarted {
        kind: RunKind::Network,
        requested: u32::try_from(plan.parts().len()).unwrap_or(u32::MAX),
        plan: serde_json::to_value(plan)
            .map_err(|error| RunError::NotResumable { run, reason: error.to_string() })?,
    };
    let halt = stop.child_token();
    let journal = Journal::create(env, run, first, sink, halt.clone()).await?;
    Ok(carry_out(env, run, plan, journal, &halt).await)
}

/// Continues to make a network that another process has left at any point.
///
/// # Errors
/// When another process has the run, or its records do not suffice.
pub async fn resume(
    env: &Environment,
    run: RunId,
    sink: Sink,
    stop: &CancellationToken,
) -> Result<NetworkSummary, RunError> {
    let lease = env.store.lease(run, env.clock.now()).await?;
    let found = env.store.records(run).await?;
    let mut state = RunState::fold(run, &found.records);
    state.last_seq = found.unreadable.iter().map(|record| record.seq).fold(state.last_seq, u64::max);
    let not_resumable = |reason: &str| RunError::NotResumable { run, reason: reason.to_owned() };
    if state.kind != Some(RunKind::Network) {
        return Err(not_resumable("it does not make a network"));
    }
    let plan: NetworkPlan =
        serde_json::from_value(state.plan.clone()).map_err(|error| not_resumable(&error.to_string()))?;
    let halt = stop.child_token();
    let journal = Journal::open(env, Some(lease), state, sink, halt.clone());
    journal.intend(Event::RunResumed).await?;
    Ok(carry_out(env, run, &plan, journal, &halt).await)
}

/// How the work on a part ended.
enum PartEnd {
    /// It exists.
    Made(String),
    /// It was refused, or cannot be used.
    Refused(ErrorRecord),
    /// It may exist.
    InDoubt,
    /// The user interrupted.
    Interrupted,
    /// The ledger cannot be written.
    LedgerFailed,
}

async fn carry_out(
    env: &Environment,
    run: RunId,
    plan: &NetworkPlan,
    journal: Journal,
    stop: &CancellationToken,
) -> NetworkSummary {
    let client = env.client.at(None).with_retry(RetryPolicy::standard());
    let maker = Maker { env, client, run, plan, journal: &journal, stop };
    let mut made = PartIds::new();
    let mut ending = Ending::default();
    for (slot, kind) in (1..).zip(plan.parts()) {
        match maker.part(slot, kind, &made).await {
            PartEnd::Made(ocid) => _ = made.insert(kind, ocid),
            PartEnd::Refused(error) => {
                ending.refused = error.class == ErrorClass::Authentication;
                journal.record(vec![Event::SlotFailed { slot, error }]).await;
                break;
            }
            PartEnd::InDoubt => {
                ending.in_doubt = true;
                break;
            }
            PartEnd::Interrupted => {
                ending.interrupted = true;
                break;
            }
            PartEnd::LedgerFailed => break,
        }
    }
    ending.ledger_failed = journal.broken().is_some();
    ending.reached = Reached::of(made.len(), plan.parts().len());
    let outcome: Outcome = ending.outcome();
    journal.finish(env.requests.as_deref(), outcome).await;
    NetworkSummary::of(&journal.into_state())
}

struct Maker<'a> {
    env: &'a Environment,
    client: Client,
    run: RunId,
    plan: &'a NetworkPlan,
    journal: &'a Journal,
    stop: &'a CancellationToken,
}

impl Maker<'_> {
    /// Makes one part, or finds that it exists.
    async fn part(&self, slot: SlotNumber, kind: PartKind, made: &PartIds) -> PartEnd {
        let known = self.journal.state(|state| state.slot(slot).into_owned());
        if let (Phase::ActionDone, Some(ocid)) = (known.phase, known.ocid) {
            return self.settled(kind, ocid, known.launched_at).await;
        }
        let now = self.env.clock.now();
        let mut attempt = known.last_attempt + 1;
        if let Some(intent) = known.unsettled {
            attempt = intent.attempt;
            if now.duration_since(intent.first_at) >= TOKEN_LIFE {
                match self.look(kind, made).await {
                    Ok(Some(ocid)) => return self.adopt(slot, kind, ocid).await,
                    Ok(None) => attempt += 1,
                    Err(failure) => return self.in_doubt(slot, attempt, &failure).await,
                }
            }
        }
        for attempt in attempt..attempt + TOKENS {
            if self.stop.is_cancelled() {
                return PartEnd::Interrupted;
            }
            if let Some(end) = self.attempt(slot, kind, made, attempt).await {
                return end;
            }
        }
        PartEnd::Refused(own("the service refused every retry token"))
    }

    /// One attempt; `None` if another token is needed.
    async fn attempt(
        &self,
        slot: SlotNumber,
        kind: PartKind,
        made: &PartIds,
        attempt: u32,
    ) -> Option<PartEnd> {
        let token = part_token(self.run, slot, attempt);
        let intent = Event::PartIntended { slot, attempt, part: kind.key().to_owned(), token: token.clone() };
        if self.journal.intend(intent).await.is_err() {
            return Some(PartEnd::LedgerFailed);
        }
        let request = self.plan.request(self.run, kind, made);
        let answer = tokio::select! {
            biased;
            answer = create(&self.client, &request, &token) => answer,
            () = self.long_stopped() => return Some(PartEnd::Interrupted),
        };
        let failure = match answer {
            Ok(ocid) => return Some(self.made(slot, kind, ocid, false).await),
            Err(failure) => failure,
        };
        let error = error_record(&failure);
        if failure.class == FailureClass::InvalidatedRetryToken {
            return match self.look(kind, made).await {
                Ok(Some(ocid)) => Some(self.adopt(slot, kind, ocid).await),
                Ok(None) => {
                    self.failed(slot, attempt, error, Action::LookUp, true).await;
                    None
                }
                Err(failure) => Some(self.in_doubt(slot, attempt, &failure).await),
            };
        }
        if failure.may_have_happened() {
            for pause_s in LOOKS_S {
                if let Ok(Some(ocid)) = self.look(kind, made).await {
                    return Some(self.adopt(slot, kind, ocid).await);
                }
                if !self.pause(Duration::from_secs(pause_s)).await {
                    break;
                }
            }
            return Some(self.in_doubt(slot, attempt, &failure).await);
        }
        self.failed(slot, attempt, error.clone(), Action::GiveUpSlot, true).await;
        Some(PartEnd::Refused(error))
    }

    async fn made(&self, slot: SlotNumber, kind: PartKind, ocid: String, adopted: bool) -> PartEnd {
        let (part, name) = (kind.key().to_owned(), self.plan.name(kind));
        let event = Event::PartMade { slot, part, ocid: ocid.clone(), name, adopted };
        self.journal.record(vec![event]).await;
        self.settled(kind, ocid, Some(self.env.clock.now())).await
    }

    async fn adopt(&self, slot: SlotNumber, kind: PartKind, ocid: String) -> PartEnd {
        self.made(slot, kind, ocid, true).await
    }

    async fn in_doubt(&self, slot: SlotNumber, attempt: u32, failure: &Failure) -> PartEnd {
        self.failed(slot, attempt, error_record(failure), Action::LookUp, false).await;
        PartEnd::InDoubt
    }

    async fn failed(
        &self,
        slot: SlotNumber,
        attempt: u32,
        error: ErrorRecord,
        action: Action,
        settled: bool,
    ) {
        self.journal.record(vec![Event::TryFailed { slot, attempt, error, action, settled }]).await;
    }

    /// The part that this run made, if a list shows it.
    async fn look(&self, kind: PartKind, made: &PartIds) -> Result<Option<String>, Failure> {
        let vcn = made.get(&PartKind::Vcn).map(String::as_str).unwrap_or_default();
        let rows = rows::parts(&self.client, kind, &self.plan.compartment, vcn).await?;
        Ok(rows.into_iter().find(|row| row.is(kind, self.run)).map(|row| row.id))
    }

    /// Waits until a part that was made at this time can be used by the next one.
    async fn settled(&self, kind: PartKind, ocid: String, made_at: Option<Timestamp>) -> PartEnd {
        let end = Instant::now() + NETWORK_PART_SETTLES;
        let pauses = Backoff::doubling(Duration::from_secs(1), Duration::from_secs(10));
        for nth in 1.. {
            // Until the response comes, this machine may sleep.
            let is_young = self.is_young(made_at);
            match rows::state(&self.client, kind, &ocid).await {
                // The state of a compute cluster is ACTIVE.
                Ok(state) if matches!(state.as_str(), "AVAILABLE" | "ACTIVE" | "") => {
                    return PartEnd::Made(ocid);
                }
                Ok(state) if !rows::lives(&state) => {
                    return PartEnd::Refused(gone(kind, &ocid));
                }
                Ok(_) => {}
                Err(failure) => match policy(failure.class).read {
                    AfterRead::Again => {}
                    // The service may not show yet what it has just made.
                    AfterRead::NotThere if is_young => {}
                    AfterRead::NotThere => return PartEnd::Refused(gone(kind, &ocid)),
                    AfterRead::GiveUp => return PartEnd::Refused(error_record(&failure)),
                },
            }
            if Instant::now() >= end {
                return PartEnd::Refused(own(&format!(
                    "the {} {ocid} was not AVAILABLE within {} s",
                    kind.what(),
                    NETWORK_PART_SETTLES.as_secs()
                )));
            }
            if !self.pause(pauses.pause(nth)).await {
                return PartEnd::Interrupted;
            }
        }
        PartEnd::Made(ocid)
    }

    fn is_young(&self, made_at: Option<Timestamp>) -> bool {
        made_at.is_some_and(|at| self.env.clock.now().duration_since(at) < MAY_BE_UNSEEN)
    }

    /// Pauses; false if the user interrupted.
    async fn pause(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.stop.cancelled() => false,
        }
    }

    async fn long_stopped(&self) {
        self.stop.cancelled().await;
        tokio::time::sleep(NETWORK_GRACE).await;
    }
}

fn gone(kind: PartKind, ocid: &str) -> ErrorRecord {
    own(&format!("the {} {ocid} was deleted meanwhile, or may not be read", kind.what()))
}

fn own(message: &str) -> ErrorRecord {
    own_error(ErrorClass::Conflict, "NotMade", message)
}

/// Sends the request for a part; returns its OCID.
async fn create(client: &Client, request: &NewPart, token: &str) -> Result<String, Failure> {
    Ok(match request {
        NewPart::Vcn(details) => client.create_vcn(details, token).await?.value.id,
        NewPart::InternetGateway(details) => client.create_internet_gateway(details, token).await?.value.id,
        NewPart::NatGateway(details) => client.create_nat_gateway(details, token).await?.value.id,
        NewPart::RouteTable(details) => client.create_route_table(details, token).await?.value.id,
        NewPart::SecurityList(details) => client.create_security_list(details, token).await?.value.id,
        NewPart::Subnet(details) => client.create_subnet(details, token).await?.value.id,
        NewPart::ComputeCluster(details) => client.create_compute_cluster(details, token).await?.value.id,
    })
}
