//! The reports of `maintain`: a line for each change, and each kind of problem once a day.

use crate::args::OutputFormat;
use crate::notify::Keeping;
use crate::output::console;
use crate::output::document::SCHEMA_VERSION;
use crate::output::published::{PublishedLine, line_of};
use crate::output::text::{clean, count, ranges};
use crate::session::Session;
use crate::tuning::TOLD_AGAIN_AFTER;
use fleet::fleets::Told;
use jiff::Timestamp;
use ledger::{Outcome, RunId};
use oci_client::{Clock as _, SystemClock};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Reports what happens.
pub struct Teller<'a> {
    output: OutputFormat,
    quiet: bool,
    /// When each text was last reported.
    told: Mutex<BTreeMap<String, Timestamp>>,
    /// Also sends notifications.
    keeping: &'a Keeping<'a>,
}

impl<'a> Teller<'a> {
    /// A reporter that prints only alerts if only errors are wanted.
    pub fn new(session: &Session, keeping: &'a Keeping<'a>) -> Self {
        let quiet = session.is_quiet();
        Self { output: session.output, quiet, told: Mutex::default(), keeping }
    }

    /// Reports one event.
    pub fn tell(&self, told: &Told) {
        let now = SystemClock.now();
        // A count that changes nothing is for metrics only.
        if matches!(told, Told::Looked { .. }) || self.is_known(told, now) {
            return;
        }
        self.keeping.tell(told, now);
        if matches!(self.output, OutputFormat::Json | OutputFormat::Jsonl) {
            // The reader of the lines may be gone, which is no reason to stop maintaining a fleet.
            let _ = console::data(&line_of(&line_for_programs(told, now)));
        }
        let (text, is_alert) = line(told);
        if is_alert || !self.quiet {
            console::line(&format!("{now:.0} {text}"));
        }
    }
}

impl Teller<'_> {
    fn is_known(&self, told: &Told, now: Timestamp) -> bool {
        is_repeated(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner), told, now)
    }
}

/// Whether the same was reported within a day, according to the times of what is `known`. Changes are always reported.
fn is_repeated(known: &mut BTreeMap<String, Timestamp>, told: &Told, now: Timestamp) -> bool {
    if matches!(told, Told::Replacing { .. } | Told::Replaced(_) | Told::Restarted { .. }) {
        // After a change, a calm state is news again.
        known.retain(|text, _| text.starts_with("alert"));
        return false;
    }
    let (text, _) = line(told);
    let text = lasting(&text).to_owned();
    if matches!(told, Told::Trouble { .. }) && !known.contains_key(&text) {
        // That it is over is news, too.
        known.retain(|text, _| text.starts_with("alert"));
    }
    let last = known.insert(text.clone(), now);
    let repeated = last.is_some_and(|last| now.duration_since(last) < TOLD_AGAIN_AFTER);
    if let (true, Some(last)) = (repeated, last) {
        known.insert(text, last);
    }
    repeated
}

/// The part of a line that stays the same as long as the trouble does: each response has an id of its own, and its attempts take
/// a time of their own.
fn lasting(line: &str) -> &str {
    let end = [" (opc-request-id ", " ["].into_iter().filter_map(|mark| line.find(mark)).min();
    end.map_or(line, |end| &line[..end])
}

/// The line to print, and whether somebody has to act.
fn line(told: &Told) -> (String, bool) {
    match told {
        Told::Looked { members, wanted } => {
            (format!("the fleet has {members} of {}", count(*wanted, "instance")), false)
        }
        Told::Calm { members } => (format!("the fleet has {}", count(*members, "instance")), false),
        Told::Vanished { ocids } => {
            let ocids: Vec<String> = ocids.iter().map(|ocid| clean(ocid)).collect();
            (format!("not seen, replaced after 5 minutes: {}", ocids.join(", ")), false)
        }
        Told::Replacing { names } => {
            let names: Vec<String> = names.iter().map(|name| clean(name)).collect();
            (format!("launching {}: {}", count(names.len() as u64, "instance"), ranges(&names)), false)
        }
        Told::Replaced(summary) => {
            let error = summary.instances.iter().find_map(|row| row.error.as_ref());
            let why =
                error.filter(|_| summary.launched < summary.requested).map_or_else(String::new, |error| {
                    format!("; {}: {}", clean(&error.code), clean(&error.message))
                });
            let all = summary.launched == summary.requested;
            let text = format!(
                "run {}: {} of {} launched, {} running{why}",
                summary.run_id, summary.launched, summary.requested, summary.running
            );
            (text, !all)
        }
        Told::Restarted { started, stopped } => {
            (format!("started {started} of {}", count(*stopped, "stopped instance")), started < stopped)
        }
        Told::Hopeless { name } => (
            format!(
                "alert: {} died three times within 10 minutes of RUNNING and is not launched again; \
                 `oci-insta-scale scale` tries it anew",
                clean(name)
            ),
            true,
        ),
        Told::Expired { names } => (
            format!(
                "{} not launched again: the time is over (`--ttl`); `oci-insta-scale scale` launches anew",
                names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(", ")
            ),
            true,
        ),
        Told::Surplus { surplus } => (
            format!(
                "alert: {} more than wanted; `oci-insta-scale scale` terminates them after asking",
                count(*surplus, "instance")
            ),
            true,
        ),
        Told::Busy => ("another command is changing the fleet; waiting for it".to_owned(), false),
        Told::Trouble { text } => (format!("alert: {}; trying again", clean(text)), true),
    }
}

/// What a `maintain` did or found, also with `--output json`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct MaintainLine<'a> {
    schema_version: u32,
    /// The time, to the second.
    at: String,
    #[serde(flatten)]
    news: News<'a>,
}

impl PublishedLine for MaintainLine<'_> {
    const NAME: &'static str = "maintain-line";
    const COMMANDS: &'static [&'static str] = &["maintain"];
}

/// The types of lines. Accept unknown types: new ones may be added.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum News<'a> {
    /// The members were counted.
    Looked {
        /// The members.
        members: u32,
        /// How many there should be.
        wanted: u32,
    },
    /// The fleet is as it should be.
    Calm {
        /// The members.
        members: u32,
    },
    /// Members are no longer listed.
    Vanished {
        /// Their OCIDs.
        ocids: &'a [String],
    },
    /// Replacements are being launched.
    Replacing {
        /// Their display names.
        names: &'a [String],
    },
    /// The launch of the replacements ended.
    Replaced {
        /// The run.
        run_id: RunId,
        /// Instances requested.
        requested: u32,
        /// Instances that exist.
        launched: u32,
        /// Instances that were seen RUNNING.
        running: u32,
        /// How the run ended.
        outcome: Option<Outcome>,
    },
    /// Stopped members were started.
    Restarted {
        /// How many were started.
        started: u32,
        /// How many had stopped.
        stopped: u32,
    },
    /// A member died again and again and is not launched any more.
    Hopeless {
        /// Its display name.
        name: &'a str,
    },
    /// Members have reached the end of their time.
    Expired {
        /// Their display names.
        names: &'a [String],
    },
    /// There are too many members.
    Surplus {
        /// How many more than wanted.
        surplus: u32,
    },
    /// Another command is changing the fleet.
    Busy {},
    /// Something failed and is tried again.
    Trouble {
        /// What failed.
        text: &'a str,
    },
}

/// The event, for programs.
fn line_for_programs(told: &Told, now: Timestamp) -> MaintainLine<'_> {
    let news = match told {
        Told::Looked { members, wanted } => News::Looked { members: *members, wanted: *wanted },
        Told::Calm { members } => News::Calm { members: *members },
        Told::Vanished { ocids } => News::Vanished { ocids },
        Told::Replacing { names } => News::Replacing { names },
        Told::Replaced(summary) => News::Replaced {
            run_id: summary.run_id,
            requested: summary.requested,
            launched: summary.launched,
            running: summary.running,
            outcome: summary.outcome,
        },
        Told::Restarted { started, stopped } => News::Restarted { started: *started, stopped: *stopped },
        Told::Hopeless { name } => News::Hopeless { name },
        Told::Expired { names } => News::Expired { names },
        Told::Surplus { surplus } => News::Surplus { surplus: *surplus },
        Told::Busy => News::Busy {},
        Told::Trouble { text } => News::Trouble { text },
    };
    MaintainLine { schema_version: SCHEMA_VERSION, at: format!("{now:.0}"), news }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trouble_is_told_once_and_so_is_its_end() {
        let mut known = BTreeMap::new();
        let mut is_new = |told: &Told, second: i64| {
            !is_repeated(&mut known, told, Timestamp::from_second(second).unwrap())
        };
        let calm = Told::Calm { members: 8 };
        let silent = |id: &str| Told::Trouble {
            text: format!(
                "the members in us-ashburn-1 cannot be listed: ListInstances: 503 ServiceUnavailable \
                 (opc-request-id {id}) [8 attempts in {id} s]"
            ),
        };
        assert!(is_new(&calm, 0) && !is_new(&calm, 30));
        assert!(is_new(&silent("1"), 60) && !is_new(&silent("2"), 120));
        assert!(is_new(&calm, 180) && !is_new(&calm, 210));
        assert!(!is_new(&silent("3"), 240), "the same within a day");
        assert!(is_new(&silent("4"), 90_000));
    }
}
