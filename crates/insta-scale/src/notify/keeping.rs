//! Notifications while a fleet is kept at its size. They are based on the keeper's reports, not on a single run.

use super::message::{Message, test_message};
use super::{Notifier, Topic};
use crate::output::simulated;
use crate::output::text::{clean, count};
use crate::tuning::TOLD_AGAIN_AFTER;
use fleet::FleetSpec;
use fleet::fleets::{KeepEnd, Told};
use jiff::Timestamp;
use std::sync::{Mutex, PoisonError};

/// Notifies receivers about a maintained fleet.
pub struct Keeping<'a> {
    notifier: &'a Notifier,
    fleet: String,
    region: String,
    wanted: u32,
    /// When the last digest was sent; initially the start.
    digest: Mutex<Timestamp>,
}

impl<'a> Keeping<'a> {
    /// For a fleet with `wanted` instances.
    pub fn new(notifier: &'a Notifier, fleet: &FleetSpec, wanted: u32, now: Timestamp) -> Self {
        let name = if fleet.name.is_empty() { &fleet.name_prefix } else { &fleet.name };
        let (fleet, region) = (name.clone(), fleet.region.clone());
        Self { notifier, fleet, region, wanted, digest: Mutex::new(now) }
    }

    /// Sends one of the keeper's reports if it is notable. The caller omits reports that were sent within a day.
    pub fn tell(&self, told: &Told, now: Timestamp) {
        if let Some((topic, title)) = self.title(told, now) {
            self.send(topic, title, now, told);
        }
    }

    /// Reports how it ended.
    pub fn end(&self, end: KeepEnd, now: Timestamp) {
        let (topic, title) = match end {
            KeepEnd::Kept => (Topic::Success, "the fleet has its size"),
            KeepEnd::Short => (Topic::Stop, "the fleet does not have its size"),
            KeepEnd::Stopped => (Topic::Stop, "the fleet is no longer maintained: interrupted"),
            KeepEnd::NotAuthenticated => {
                (Topic::Stop, "the fleet is no longer maintained: the login was refused")
            }
        };
        self.send(topic, title.to_owned(), now, &Told::Busy);
    }

    fn title(&self, told: &Told, now: Timestamp) -> Option<(Topic, String)> {
        match told {
            Told::Calm { members } => {
                let mut last = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
                let due = now.duration_since(*last) >= TOLD_AGAIN_AFTER;
                due.then(|| {
                    *last = now;
                    (Topic::Digest, format!("the fleet has {}", count(*members, "instance")))
                })
            }
            Told::Replaced(summary) if summary.launched == summary.requested => {
                Some((Topic::Success, format!("{} replaced", count(summary.launched, "instance"))))
            }
            Told::Replaced(summary) => Some((
                Topic::Trouble,
                format!("{} of {} replaced", summary.launched, count(summary.requested, "missing instance")),
            )),
            Told::Hopeless { name } => Some((
                Topic::Trouble,
                format!("{} died three times soon after it ran and is not launched again", clean(name)),
            )),
            Told::Expired { names } => Some((
                Topic::Trouble,
                format!("the time of {} is over, and they are not launched again", clean(&names.join(", "))),
            )),
            Told::Surplus { surplus } => {
                Some((Topic::Trouble, format!("{} more than wanted", count(*surplus, "instance"))))
            }
            Told::Trouble { text } => Some((Topic::Trouble, clean(text))),
            Told::Looked { .. }
            | Told::Vanished { .. }
            | Told::Replacing { .. }
            | Told::Restarted { .. }
            | Told::Busy => None,
        }
    }

    fn send(&self, topic: Topic, title: String, now: Timestamp, told: &Told) {
        let of = test_message(now);
        let mut message = Message {
            id: format!("{}-{}-{}", self.fleet, topic.name(), now.as_millisecond()),
            topic: Some(topic),
            simulated: simulated::is(),
            title,
            fleet: self.fleet.clone(),
            region: self.region.clone(),
            wanted: self.wanted,
            ..of
        };
        match told {
            Told::Calm { members } => (message.had, message.running) = (*members, *members),
            Told::Replaced(summary) => {
                message.run = Some(summary.run_id);
                message.wanted = summary.requested;
                (message.had, message.running) = (summary.launched, summary.running);
                message.outcome = summary.outcome;
                message.reason = summary.instances.iter().find_map(|row| row.error.as_deref().cloned());
            }
            _ => {}
        }
        self.notifier.tell(&message);
    }
}
