//! One message: what happened, with the numbers of the run, as text for people and as JSON for programs.

use super::Topic;
use crate::output::document::SCHEMA_VERSION;
use crate::output::summary::describe;
use crate::output::text::{clean, thousands};
use fleet::price::rounded;
use jiff::Timestamp;
use ledger::{ErrorRecord, Outcome, RunId};
use serde_json::{Value, json};

/// A notification.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Equal for all attempts and receivers, so that a message that arrives twice can be recognised.
    pub id: String,
    /// `None` for a test.
    pub topic: Option<Topic>,
    /// When it happened.
    pub at: Timestamp,
    /// Whether the region is simulated.
    pub simulated: bool,
    /// A short description of what happened.
    pub title: String,
    /// The run.
    pub run: Option<RunId>,
    /// The fleet.
    pub fleet: String,
    /// The region.
    pub region: String,
    /// How many instances are wanted.
    pub wanted: u32,
    /// How many exist (for a start: how many were started).
    pub had: u32,
    /// How many of them are running.
    pub running: u32,
    /// How the run ended, if it has.
    pub outcome: Option<Outcome>,
    /// The last failure.
    pub reason: Option<ErrorRecord>,
    /// The price of the instances per hour and its currency, if known.
    pub price: Option<(f64, String)>,
}

impl Message {
    /// `[simulated] web in us-phoenix-1: all 10 instances were obtained`.
    pub fn subject(&self) -> String {
        let simulated = if self.simulated { "[simulated] " } else { "" };
        match self.topic {
            None => format!("{simulated}oci-insta-scale: {}", self.title),
            Some(_) => {
                format!("{simulated}{} in {}: {}", clean(&self.fleet), clean(&self.region), self.title)
            }
        }
    }

    /// The details, one per line.
    pub fn details(&self) -> String {
        if self.topic.is_none() {
            return "This is a test. Nothing has happened.".to_owned();
        }
        let mut lines = vec![format!("{} of {} obtained, {} running", self.had, self.wanted, self.running)];
        if let Some(error) = &self.reason {
            lines.push(format!("last reason: {}", describe(error)));
        }
        if let Some((price, currency)) = &self.price {
            lines.push(format!("price: {} {currency} per hour", thousands(*price, 4)));
        }
        if let Some(run) = self.run {
            lines.push(format!("run {run}"));
        }
        if self.simulated {
            lines.push("simulated region: nothing here is real".to_owned());
        }
        lines.join("\n")
    }

    /// The complete text for people.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.subject(), self.details())
    }

    /// The JSON document of the generic webhook, described in docs/notifications.md.
    pub fn document(&self) -> Value {
        let reason = self.reason.as_ref().map(|error| {
            json!({"class": error.class, "status": error.status, "code": clean(&error.code),
                   "message": clean(&error.message), "opc_request_id": error.opc_request_id})
        });
        let mut document = json!({
            "schema_version": SCHEMA_VERSION,
            "id": self.id,
            "event": self.topic.map_or("test", Topic::name),
            "at": format!("{:.0}", self.at),
            "run_id": self.run,
            "fleet": self.fleet,
            "region": self.region,
            "wanted": self.wanted,
            "had": self.had,
            "running": self.running,
            "outcome": self.outcome,
            "reason": reason,
            "price_per_hour": self.price.as_ref().map(|(price, _)| rounded(*price)),
            "currency": self.price.as_ref().map(|(_, currency)| currency),
            "title": self.subject(),
            "text": self.text(),
        });
        if let (Value::Object(fields), true) = (&mut document, self.simulated) {
            fields.insert("simulated".to_owned(), true.into());
        }
        document
    }
}

/// The message of `notify test`.
pub fn test_message(at: Timestamp) -> Message {
    Message {
        id: format!("test-{}", at.as_millisecond()),
        topic: None,
        at,
        simulated: false,
        title: "test notification".to_owned(),
        run: None,
        fleet: String::new(),
        region: String::new(),
        wanted: 0,
        had: 0,
        running: 0,
        outcome: None,
        reason: None,
        price: None,
    }
}
