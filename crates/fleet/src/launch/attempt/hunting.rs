//! What follows a failed launch of a hunt, which rarely ends the hunt.

use super::{Attempt, AttemptEnd, LATEST};
use crate::engine::failure::{error_record, rule};
use crate::launch::context::Halted;
use crate::launch::hunt::{Hunt, sign_of_suspension};
use crate::launch::target::target_of;
use crate::reservation::exhausted;
use ledger::{Action, ErrorRecord, Event};
use oci_client::{Failure, FailureClass};

impl Attempt<'_> {
    /// Like [`Attempt::failed`], but time is no reason to give up. `None` means another request with the same token.
    pub(super) async fn failed_hunting(
        &mut self,
        hunt: &Hunt,
        failure: &Failure,
        nth: u32,
    ) -> Result<Option<AttemptEnd>, Halted> {
        let class = failure.class;
        let target = target_of(&self.context.plan.fleet, &self.placement);
        let full = exhausted(error_record(failure), &self.placement);
        if let Some(sign) = sign_of_suspension(&full) {
            return self.stop_as_suspended(full, sign).await;
        }
        let is_capacity = matches!(class, FailureClass::Capacity | FailureClass::Limit);
        let is_yielding = hunt.is_yielding(&target);
        if is_capacity {
            // Followed at once, although the launch may have to be looked up before its refusal counts for the slot.
            hunt.refusing(&target, &full);
        } else {
            hunt.trouble(&target, class);
        }
        // Until any launch was accepted or refused for lack of capacity, the failure is not expected to pass.
        let is_hopeless =
            matches!(class, FailureClass::Invalid | FailureClass::NotFound) && !hunt.has_answer();
        // Pacing handles the throttling of many launches; a throttled probe is notable.
        if !matches!(class, FailureClass::Capacity | FailureClass::InvalidatedRetryToken)
            && !is_hopeless
            && (class != FailureClass::Throttled || !is_yielding)
        {
            let alert = hunt.alert(&full, self.context.env.clock.now());
            self.context.journal.record(alert.into_iter().collect()).await;
        }
        let error = self.brief(class, &full);
        if self.may_exist.is_none() {
            self.refused = Some((error.clone(), rule(class).action));
        }
        match class {
            FailureClass::Authentication => {
                self.refuse(error, Action::Wait).await;
                Ok(None)
            }
            FailureClass::Throttled => {
                if nth == 1 {
                    self.note(error, Action::RetrySameToken).await;
                }
                self.pause_before_retry(failure, nth).await
            }
            FailureClass::InvalidatedRetryToken => self.look_up_hunting(class, error).await,
            FailureClass::Ambiguous if nth > rule(class).times && self.is_settled_by_age() => {
                // By now its absence can be trusted.
                self.look_up_hunting(FailureClass::InvalidatedRetryToken, error).await
            }
            FailureClass::Ambiguous => {
                self.note(error, Action::RetrySameToken).await;
                self.pause_before_retry(failure, nth).await
            }
            FailureClass::Service | FailureClass::Network | FailureClass::Busy | FailureClass::Blocked
                if self.may_exist.is_some() =>
            {
                self.note(error, Action::RetrySameToken).await;
                self.pause_before_retry(failure, nth).await
            }
            _ if self.may_exist.is_some() => self.look_up_hunting(class, error).await,
            _ => {
                self.note(error, Action::NextPlacement).await;
                Ok(Some(AttemptEnd::Next { class, error: full, waited: class == FailureClass::Limit }))
            }
        }
    }

    /// The refusal in the form in which it is recorded: a text with which the slot was refused before is omitted, because weeks
    /// of repetitions would fill the ledger. The text of a limit stays, because it names the limit.
    fn brief(&self, class: FailureClass, error: &ErrorRecord) -> ErrorRecord {
        let is_repeated = class != FailureClass::Limit
            && self.context.journal.state(|state| {
                let slot = state.slot(self.slot);
                slot.error.as_ref().is_some_and(|before| error.has_words_of(before))
            });
        if is_repeated { ErrorRecord { message: String::new(), ..error.clone() } } else { error.clone() }
    }

    /// The gate keeps the floor of a probe; at a target that provides instances, this is the usual pause of a launch.
    async fn pause_before_retry(&self, failure: &Failure, nth: u32) -> Result<Option<AttemptEnd>, Halted> {
        let pause = self.pause(rule(failure.class).pause(nth), failure.retry_after);
        self.context.wait(self.slot, pause, None).await?;
        Ok(None)
    }

    async fn look_up_hunting(
        &mut self,
        class: FailureClass,
        error: ErrorRecord,
    ) -> Result<Option<AttemptEnd>, Halted> {
        self.note(error.clone(), Action::LookUp).await;
        Box::pin(self.look_up(class, error)).await.map(Some)
    }

    /// Whether enough time has passed since a request may have created an instance for lists to show it.
    fn is_settled_by_age(&self) -> bool {
        let now = self.context.env.clock.now();
        self.may_exist.is_some_and(|since| now.duration_since(since) > LATEST)
    }

    async fn stop_as_suspended(
        &mut self,
        error: ErrorRecord,
        sign: &str,
    ) -> Result<Option<AttemptEnd>, Halted> {
        let message = format!(
            "the hunt stops: a response says `{sign}`, so the account may be suspended. {} {}: {}",
            error.status.unwrap_or_default(),
            error.code,
            error.message
        );
        self.context.journal.record(vec![Event::Warning { message }]).await;
        self.context.stop_for_login(&error);
        self.refuse(error, Action::StopRun).await;
        Err(Halted)
    }
}
