//! What happens while the database is away.

use crate::link::{Failed, Link};
use crate::options::Options;
use ledger::Result;
use std::time::Duration;
use tokio::time::Instant;

/// The pauses between attempts to reach it.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);
/// An outage is told again after this time.
const TELL_AGAIN: Duration = Duration::from_mins(5);

/// An outage, if there is one.
pub(super) struct Outage {
    since: Option<Instant>,
    told: Option<Instant>,
    pause: Duration,
    patience: Duration,
    tell: fn(&str),
    name: Option<String>,
}

impl Outage {
    pub(super) fn new(options: &Options) -> Self {
        let (patience, tell) = (options.patience, options.tell);
        Self { since: None, told: None, pause: FIRST, patience, tell, name: None }
    }

    /// The database answered.
    pub(super) fn is_over(&mut self) {
        if let Some(name) = self.name.take() {
            (self.tell)(&format!("the ledger {name} answers again"));
        }
        (self.since, self.told, self.pause) = (None, None, FIRST);
    }

    /// Waits before another attempt.
    ///
    /// # Errors
    /// When the failure does not pass by itself, or it has lasted for longer than the patience.
    pub(super) async fn wait(&mut self, link: &Link, failed: Failed) -> Result<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let passes = Link::passes(&failed);
        let error = link.error(failed);
        if !passes || since.elapsed() >= self.patience {
            return Err(error);
        }
        // A connection that a restart closed is made again without a word.
        let lasts = since.elapsed() > Duration::from_secs(2);
        if lasts && self.told.is_none_or(|told| told.elapsed() >= TELL_AGAIN) {
            self.told = Some(Instant::now());
            self.name = Some(link.name());
            (self.tell)(&format!("warning: {error}; nothing new is begun until it answers"));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        Ok(())
    }
}
