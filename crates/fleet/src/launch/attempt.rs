//! One placement tried for one slot, with one retry token, until its result is known.

mod hunting;

use super::{
    adopt,
    context::{Context, Halted},
    hunt::Turn,
    limit_recheck,
    memory::target_of,
    obtained,
    options::LONGEST_LAG,
    termination,
};
use crate::engine::{
    backoff::Backoff,
    cloud::{self, Made},
    failure::{error_record, rule},
    pacer::Permit,
};
use crate::plan::retry_token;
use crate::reservation::exhausted;
use crate::tuning::TOKEN_LIFE;
use ledger::{Action, ErrorClass, ErrorRecord, Event, Intent, Placement, SlotNumber};
use oci_client::{Answered, Failure, FailureClass};
use std::{collections::BTreeMap, time::Duration};

/// No request was ever seen to take effect later than this: afterwards, "not found" is trusted even for a request without a
/// response.
const LATEST: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
/// Lists may lag behind launches, so "not found" counts only after this many polls …
const LOOKS: u32 = 5;
/// … with pauses that start with this and double, so that the last poll comes after the longest lag, with a margin.
const BETWEEN_LOOKS: Duration =
    Duration::from_secs((LONGEST_LAG.as_secs() + 15).div_ceil(2_u64.pow(LOOKS - 1) - 1));

/// How an attempt ended.
pub(crate) enum AttemptEnd {
    /// The slot has this instance.
    Launched { ocid: String },
    /// It certainly created no instance that still exists, so another attempt is allowed. `waited` says whether it was refused
    /// again after each wait.
    Next { class: FailureClass, error: ErrorRecord, waited: bool },
    /// It created an instance that has ended since, so another attempt is allowed.
    Died { class: FailureClass, error: ErrorRecord },
    /// Nothing more is tried. If an instance may exist, the slot stays unsettled, and a resume settles it.
    GiveUp { class: FailureClass, error: ErrorRecord },
}

/// The state in the middle of an attempt.
struct Attempt<'a> {
    context: &'a Context<'a>,
    slot: SlotNumber,
    number: u32,
    token: String,
    placement: Placement,
    failures: BTreeMap<FailureClass, u32>,
    /// Since when a request with this token may have created an instance; absent while every request was certainly refused.
    may_exist: Option<jiff::Timestamp>,
    /// Whether the records announce the next request.
    intended: bool,
    /// The last refusal, while the records still say that the result of this attempt is unknown.
    refused: Option<(ErrorRecord, Action)>,
}

/// Whether the token of a launch is too old to be sent again.
pub(crate) fn is_expired(intent: &Intent, now: jiff::Timestamp) -> bool {
    is_old(intent.first_at, now)
}

fn is_old(first_at: jiff::Timestamp, now: jiff::Timestamp) -> bool {
    now.duration_since(first_at) > TOKEN_LIFE
}

/// Makes an attempt, or settles one whose end is unknown. `permit` and the right to probe are for its first request.
pub(crate) async fn run(
    context: &Context<'_>,
    slot: SlotNumber,
    number: u32,
    intent: Option<Intent>,
    (permit, turn): (Option<Permit<'_>>, Option<Turn<'_>>),
) -> Result<AttemptEnd, Halted> {
    let token =
        intent.as_ref().map_or_else(|| retry_token(context.run, slot, number), |known| known.token.clone());
    let placement =
        intent.as_ref().map_or_else(|| context.plan.placement(slot, number), |known| known.placement.clone());
    let may_exist = intent.as_ref().map(|known| known.first_at);
    let failures = BTreeMap::new();
    let (intended, refused) = (false, None);
    let mut attempt =
        Attempt { context, slot, number, token, placement, failures, may_exist, intended, refused };
    if intent.is_some_and(|intent| is_expired(&intent, context.env.clock.now())) {
        return Box::pin(attempt.expired()).await;
    }
    let end = attempt.tries(permit, turn).await;
    if end.is_err() {
        attempt.settle_when_halted().await;
    }
    end
}

impl Attempt<'_> {
    async fn tries(
        &mut self,
        mut permit: Option<Permit<'_>>,
        mut turn: Option<Turn<'_>>,
    ) -> Result<AttemptEnd, Halted> {
        let details = self.context.plan.request_in(&self.placement, self.context.run, self.slot);
        let mut position = None;
        loop {
            let permit = match permit.take() {
                Some(permit) => permit,
                None => self.context.admit(&self.placement, position).await?,
            };
            // A refused request returns to this position, so that it is sent before later ones.
            position = Some(permit.position());
            let probing = match &self.context.hunt {
                Some(hunt) => {
                    let target = target_of(&self.context.plan.fleet, &self.placement);
                    Box::pin(hunt.pass(self.context, self.slot, &target, turn.take())).await?
                }
                None => None,
            };
            if let Some(error) = self.context.is_over() {
                return Box::pin(self.out_of_time(error)).await;
            }
            if !self.intended {
                let event = Event::LaunchIntended {
                    slot: self.slot,
                    attempt: self.number,
                    token: self.token.clone(),
                    placement: self.placement.clone(),
                };
                let announced = self.context.announce(&self.placement);
                self.context.journal.intend(event).await.map_err(|_| Halted)?;
                drop(announced);
                self.intended = true;
            }
            self.context.journal.confirm().await.map_err(|_| Halted)?;
            // Checked by the wall clock before each request, because this machine may have slept.
            let sent_at = self.context.env.clock.now();
            if self.may_exist.is_some_and(|first_at| is_old(first_at, sent_at)) {
                return Box::pin(self.expired()).await;
            }
            let client = self.context.client_at(&self.placement);
            let sent = cloud::launch(&client, &details, &self.token);
            let mut failure = match sent.await {
                Ok(answered) => {
                    self.context.answer_came();
                    self.context.pace(self.context.pacer.on_answer(&permit, None)).await;
                    return self.answered(answered).await;
                }
                Err(failure) => failure,
            };
            if failure.class != FailureClass::Authentication {
                self.context.answer_came();
            }
            failure.retry_after = self.context.bounded_wait(failure.retry_after).await;
            let change = self.context.pacer.on_answer(&permit, Some(&failure));
            self.context.pace(change).await;
            drop(probing);
            if failure.class == FailureClass::Ambiguous {
                self.may_exist.get_or_insert(sent_at);
            }
            // Rare steps are boxed, because each active slot takes as much memory as its largest step.
            if let Some(end) = Box::pin(self.failed(&failure)).await? {
                return Ok(end);
            }
        }
    }

    /// Follows the table of failures. `None` means another request with the same token.
    async fn failed(&mut self, failure: &Failure) -> Result<Option<AttemptEnd>, Halted> {
        let nth = {
            let count = self.failures.entry(failure.class).or_default();
            *count += 1;
            *count
        };
        if let Some(hunt) = &self.context.hunt {
            return self.failed_hunting(hunt, failure, nth).await;
        }
        let rule = rule(failure.class);
        let error = exhausted(error_record(failure), &self.placement);
        let mut action = rule.nth(nth);
        let mut most = rule.pause(nth);
        if self.may_exist.is_none() {
            self.refused = Some((error.clone(), action));
        }
        if failure.class == FailureClass::Limit && self.context.moves_on_at_once(&self.placement) {
            // The limit of one shape says nothing about another, which need not wait for it.
            action = Action::NextPlacement;
        } else if failure.class == FailureClass::Limit && nth > rule.times {
            let asking = self.context.is_transient_limit(&self.placement, &error);
            let (is_transient, told) = self.context.ask(asking).await?;
            if is_transient {
                (action, most) = (Action::Wait, limit_recheck::pause(nth - rule.times));
            }
            self.context.journal.record(told.into_iter().collect()).await;
        }
        match action {
            Action::StopRun => {
                self.context.stop_for_login(&error);
                self.refuse(error, action).await;
                Err(Halted)
            }
            Action::RetrySameToken | Action::Wait => {
                // A throttled request is included in the counts; an event for each would be too many.
                if failure.class != FailureClass::Throttled {
                    self.refuse(error, action).await;
                } else if nth == 1 {
                    self.note(error, action).await;
                }
                self.context.wait(self.slot, self.pause(most, failure.retry_after), None).await?;
                Ok(None)
            }
            Action::LookUp => {
                self.note(error.clone(), action).await;
                Ok(Some(self.look_up(failure.class, error).await?))
            }
            Action::NextPlacement | Action::GiveUpSlot if self.may_exist.is_some() => {
                self.note(error.clone(), Action::LookUp).await;
                Ok(Some(self.look_up(failure.class, error).await?))
            }
            Action::NextPlacement => {
                self.note(error.clone(), action).await;
                let waited = rule.action == Action::Wait && nth > rule.times;
                Ok(Some(AttemptEnd::Next { class: failure.class, error, waited }))
            }
            Action::GiveUpSlot => {
                self.note(error.clone(), action).await;
                Ok(Some(AttemptEnd::GiveUp { class: failure.class, error }))
            }
        }
    }

    fn pause(&self, most: Duration, asked: Option<Duration>) -> Duration {
        self.context.spread(most, 0.5).max(asked.unwrap_or_default())
    }

    async fn note(&self, error: ErrorRecord, action: Action) {
        self.tell(error, action, false).await;
    }

    /// Records a failed request. If no request with this token can have created anything, the attempt is settled, and the next
    /// request is announced again.
    async fn refuse(&mut self, error: ErrorRecord, action: Action) {
        let settled = self.may_exist.is_none();
        if settled {
            self.refused = None;
            self.intended = false;
        }
        self.tell(error, action, settled).await;
    }

    async fn tell(&self, error: ErrorRecord, action: Action, settled: bool) {
        let event = Event::TryFailed { slot: self.slot, attempt: self.number, error, action, settled };
        self.context.journal.record(vec![event]).await;
    }

    /// The run was halted before the next request. An attempt that was refused every time leaves nothing in doubt.
    async fn settle_when_halted(&mut self) {
        if let Some((error, action)) = self.refused.take().filter(|_| self.may_exist.is_none()) {
            self.refuse(error, action).await;
        }
    }

    async fn answered(&mut self, answered: Answered<Made>) -> Result<AttemptEnd, Halted> {
        self.refused = None;
        let made = answered.value;
        let claimed = match made.id.clone().filter(|ocid| !ocid.is_empty()) {
            Some(ocid) => {
                let (claims, tags) = (&self.context.claims, made.freeform_tags.as_ref());
                claims
                    .claim(self.context.run, self.slot, &ocid, tags)
                    .map(|()| ocid)
                    .map_err(|message| ("WrongInstance", message))
            }
            None => {
                Err(("NoInstance", "the launch was accepted, but the response names no instance".to_owned()))
            }
        };
        let ocid = match claimed {
            Ok(ocid) => ocid,
            Err((code, message)) => {
                let error = ErrorRecord {
                    class: ErrorClass::Ambiguous,
                    code: code.to_owned(),
                    message,
                    opc_request_id: answered.request_id,
                    ..ErrorRecord::default()
                };
                self.note(error.clone(), Action::LookUp).await;
                return Box::pin(self.look_up(FailureClass::Ambiguous, error)).await;
            }
        };
        let dead = adopt::is_dead(&made.lifecycle_state);
        let unlike = obtained::difference(&self.context.plan.fleet, &self.placement, &made);
        let mut event = self.launched(made, unlike);
        if let Event::Launched { work_request, adopted, name, placement, .. } = &mut event {
            work_request.clone_from(&answered.work_request_id);
            *adopted = false;
            if name.is_empty() {
                *name = self.context.plan.name_in(self.slot, &placement.availability_domain);
            }
        }
        // The watcher starts with what the state knows about the instance.
        self.context.journal.record_and_see(vec![event]).await;
        if !dead {
            return Ok(AttemptEnd::Launched { ocid });
        }
        // The token returned an instance that an earlier request created and that has ended since.
        let asked = termination::cause(self.context, &ocid, answered.work_request_id.as_deref());
        let (class, error) = Box::pin(asked).await;
        if let Some(hunt) = &self.context.hunt {
            hunt.dying(&target_of(&self.context.plan.fleet, &self.placement), &ocid, &error);
        }
        let event = Event::InstanceDied { slot: self.slot, ocid, error: error.clone() };
        self.context.journal.record(vec![event]).await;
        Ok(AttemptEnd::Died { class, error })
    }

    /// The event of an instance that was found by its tags. `unlike` says how it differs from what was requested.
    fn launched(&self, made: Made, unlike: Option<String>) -> Event {
        let told = unlike.is_some().then(|| obtained::Obtained::of(&made));
        let mut event = {
            let fleet = &self.context.plan.fleet;
            adopt::adopted(fleet, made, (self.slot, self.number), Some(&self.placement))
        };
        if let Event::Launched { placement, differs, .. } = &mut event {
            if let Some(told) = told {
                told.correct(placement);
            }
            *differs = unlike;
        }
        event
    }

    /// Settles an attempt whose token is too old to be sent again; only the tags can show an instance.
    async fn expired(&mut self) -> Result<AttemptEnd, Halted> {
        let error = ErrorRecord {
            class: ErrorClass::TokenExpired,
            code: "RetryTokenExpired".to_owned(),
            message:
                "the retry token of an earlier launch of this slot has expired; no instance has its tags"
                    .to_owned(),
            ..ErrorRecord::default()
        };
        self.look_up(FailureClass::InvalidatedRetryToken, error).await
    }

    /// The fleet has expired, or its bound is reached, so nothing more is sent. An earlier request may still have created an instance.
    async fn out_of_time(&mut self, error: ErrorRecord) -> Result<AttemptEnd, Halted> {
        let Some(since) = self.may_exist else {
            if let Some((refusal, action)) = self.refused.take() {
                self.refuse(refusal, action).await;
            }
            return Ok(AttemptEnd::GiveUp { class: FailureClass::Invalid, error });
        };
        let age = self.context.env.clock.now().duration_since(since);
        let class = if age > LATEST { FailureClass::InvalidatedRetryToken } else { FailureClass::Ambiguous };
        self.note(error.clone(), Action::LookUp).await;
        self.look_up(class, error).await
    }

    /// Looks for the slot's instance by its tags, several times because a list may lag.
    async fn look_up(&mut self, class: FailureClass, error: ErrorRecord) -> Result<AttemptEnd, Halted> {
        let mut known = true;
        for look in 1..=LOOKS {
            let looking =
                Box::pin(adopt::live_instance(self.context, self.slot, &self.placement, look == LOOKS));
            match self.context.ask(looking).await? {
                Ok(Some(instance)) => {
                    let ocid = instance.id.clone();
                    if let Err(message) = self.context.claims.take(self.slot, &ocid) {
                        let error = ErrorRecord { code: "WrongInstance".to_owned(), message, ..error };
                        return Ok(AttemptEnd::GiveUp { class, error });
                    }
                    let made = Made::from(instance);
                    let fleet = &self.context.plan.fleet;
                    let unlike = obtained::difference_from_all(fleet, &self.placement, &made);
                    let event = self.launched(made, unlike);
                    self.context.journal.record_and_see(vec![event]).await;
                    return Ok(AttemptEnd::Launched { ocid });
                }
                Ok(None) => known = true,
                Err(failure)
                    if failure.class == FailureClass::Authentication
                        && self.context.outlasts_refused_login(&error_record(&failure)).await =>
                {
                    known = false;
                }
                Err(failure) if failure.class == FailureClass::Authentication => {
                    if self.context.stop_for_login(&error_record(&failure)) {
                        self.note(error_record(&failure), Action::StopRun).await;
                    }
                    return Err(Halted);
                }
                Err(failure) => {
                    tracing::warn!(%failure, slot = self.slot, "looking for the instance by its tags failed");
                    known = false;
                }
            }
            if look < LOOKS {
                self.context.pause(Backoff::doubling(BETWEEN_LOOKS, Duration::MAX).pause(look)).await?;
            }
        }
        // A definite response, and several polls that agree, prove that there is none. Otherwise it is unknown.
        if known && class != FailureClass::Ambiguous {
            self.note(error.clone(), Action::NextPlacement).await;
            return Ok(AttemptEnd::Next { class, error, waited: false });
        }
        let message = format!("{} (the instance may exist)", error.message);
        Ok(AttemptEnd::GiveUp { class, error: ErrorRecord { message, ..error } })
    }
}
