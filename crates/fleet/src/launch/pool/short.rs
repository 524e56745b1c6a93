//! Members that do not come: told with the reason that OCI gives, no longer waited for after a while, and no longer ordered.

use super::super::context::Halted;
use super::Pools;
use super::members::count;
use crate::engine::failure::own_error;
use crate::engine::pacer::Class;
use crate::plan::Strategy;
use crate::pool;
use crate::tuning::{POOL_LOOKS, POOL_SHORT, POOL_SHORT_AT_ONCE, POOL_SILENT};
use ledger::{EngineStep, ErrorClass, ErrorRecord, Event, Next, SlotNumber};
use std::time::Duration;
use tokio::time::Instant;

impl Pools<'_> {
    /// The slots without a member.
    pub(super) fn open_slots(&self) -> Vec<SlotNumber> {
        self.context.journal.state(|state| {
            let open = state.remaining().filter(|(_, next)| matches!(next, Next::Launch { .. }));
            open.map(|(slot, _)| slot).collect()
        })
    }

    /// Finds why members are missing, and gives them up once none has come for a while.
    pub(super) async fn check_shortage(&mut self) -> Result<(), Halted> {
        if self.open_slots().is_empty() {
            return Ok(());
        }
        if self.is_out_of_patience() {
            // A member that has come since the last list is progress.
            self.listed = None;
            self.look().await?;
        }
        // What is given up is told with the last reason.
        let looks = self.is_out_of_patience() || self.looked.elapsed() >= POOL_LOOKS;
        if self.open_slots().is_empty() || !looks {
            return Ok(());
        }
        self.looked = Instant::now();
        let compartment = &self.context.plan.fleet.compartment;
        let mut reason = None;
        for (_, ocid) in self.existing() {
            let reading =
                self.context.pacer.call(Class::Read, pool::shortage(&self.client, compartment, &ocid));
            if let Ok(Some(error)) = self.context.ask(reading).await? {
                reason.get_or_insert(error);
            }
        }
        if let Some(error) = &reason
            && self.shortage.as_ref().is_none_or(|told| !error.has_words_of(told))
        {
            // What has come meanwhile must not be told as missing.
            self.listed = None;
            self.look().await?;
            let open = self.open_slots();
            let message = format!(
                "{} of {} members have not come: {}: {}",
                open.len(),
                self.context.journal.state(|state| state.requested),
                error.code,
                error.message
            );
            self.context.journal.record(vec![Event::Warning { message }]).await;
        }
        self.shortage = reason.or(self.shortage.take());
        if self.is_out_of_patience() {
            let gone = self.existing().is_empty();
            let waited = self.progress.elapsed();
            let error =
                self.shortage.clone().unwrap_or_else(|| if gone { deleted() } else { silent(waited) });
            self.give_up(&error).await?;
        }
        Ok(())
    }

    /// Whether no member has come for so long that the run waits for none, or none can come.
    fn is_out_of_patience(&self) -> bool {
        self.existing().is_empty() || self.progress.elapsed() >= self.patience()
    }

    /// How long the run waits for the next member.
    fn patience(&self) -> Duration {
        match (&self.shortage, self.context.options.retry_for) {
            (_, Some(given)) => given,
            (Some(_), None) if self.context.plan.strategy == Strategy::BestEffort => POOL_SHORT_AT_ONCE,
            (Some(_), None) => POOL_SHORT,
            (None, None) => POOL_SILENT,
        }
    }

    async fn give_up(&mut self, error: &ErrorRecord) -> Result<(), Halted> {
        self.given_up = true;
        let rolls_back = self.context.journal.state(|state| {
            let least = self.context.plan.min.filter(|_| !self.context.options.keep_partial);
            least.is_some_and(|min| state.counts.launched < min)
        });
        if !rolls_back {
            self.order_no_more().await?;
        }
        self.fail_the_rest(error).await;
        Ok(())
    }

    /// Sets the size of each pool to what it has.
    async fn order_no_more(&mut self) -> Result<(), Halted> {
        let compartment = &self.context.plan.fleet.compartment;
        for (_, ocid) in self.existing() {
            let listing =
                self.context.pacer.call(Class::Read, pool::members(&self.client, compartment, &ocid));
            let Ok(members) = self.context.ask(listing).await? else { continue };
            let size = count(&members);
            let from = self.now.get(&ocid).map_or(0, |(size, _)| *size);
            if size >= from {
                continue;
            }
            let step = EngineStep::ResizeIntended { ocid: ocid.clone(), from, size };
            self.context.journal.intend(Event::Engine { step }).await.map_err(|_| Halted)?;
            if let Err(error) = self.resize(&ocid, size).await? {
                let step = EngineStep::ResizeRefused { ocid: ocid.clone(), size: from, error: error.clone() };
                let message = format!(
                    "instance pool {ocid} does not accept the size {size} ({}: {}): OCI goes on trying to launch {} more \
                     members for up to 24 hours, and then lowers the size itself. `resume` takes in those that come, and `scale 0` \
                     deletes the pool",
                    error.code,
                    error.message,
                    from - size
                );
                self.context.journal.record(vec![Event::Engine { step }, Event::Warning { message }]).await;
            }
        }
        // Members that came meanwhile, and those that a pool has terminated for its new size.
        self.listed = None;
        self.look().await.map(drop)
    }

    /// Ends every slot without a member.
    pub(super) async fn fail_the_rest(&self, error: &ErrorRecord) {
        let failed =
            self.open_slots().into_iter().map(|slot| Event::SlotFailed { slot, error: error.clone() });
        self.context.journal.record_and_see(failed.collect()).await;
    }
}

fn silent(waited: Duration) -> ErrorRecord {
    own_error(
        ErrorClass::WaitTimeout,
        "NoMember",
        &format!("the pool launched no member for {} s, and OCI does not say why", waited.as_secs()),
    )
}

fn deleted() -> ErrorRecord {
    own_error(ErrorClass::Gone, "PoolGone", "the pool of the run was deleted by somebody else")
}
