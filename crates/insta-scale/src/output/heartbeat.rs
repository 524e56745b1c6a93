//! The heartbeat of a hunt for an external monitor: a JSON file. It is written after each probe, and at least every
//! [`HEARTBEAT`]; an old file means that no process hunts.
//!
//! It knows the run only by its records. A file that cannot be written does not affect the run. A power failure may leave an old or
//! an empty file, which says the same.

use super::published::{PublishedDocument, text_of};
use super::text::clean;
use crate::args::OutputFormat;
use crate::files::replace_unsynced;
use crate::tuning::HEARTBEAT;
use fleet::{FleetSpec, Plan, Sink};
use jiff::Timestamp;
use ledger::{Event, Outcome, Record, RunId, RunState};
use oci_client::Clock;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Writes the heartbeat until it is stopped.
pub struct Heartbeat {
    heart: Arc<Heart>,
    timer: Option<JoinHandle<()>>,
}

struct Heart {
    file: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    state: Mutex<Beat>,
    /// Something has happened that the file does not say yet.
    due: Notify,
}

/// The state of the hunt: a fold over its records.
struct Beat {
    state: RunState,
    fleet: String,
    wanted: u32,
    probes: u64,
    last_probe: Option<Timestamp>,
    next_probe: Option<Timestamp>,
    last_answer: Option<String>,
}

/// The state of a hunt, for a monitor: the content of a file.
#[derive(Debug, JsonSchema, Serialize)]
pub struct HeartbeatDocument<'a> {
    /// When it was written.
    time: String,
    /// The run.
    run_id: RunId,
    /// The name of the fleet.
    fleet: &'a str,
    /// Wanted instances.
    wanted: u32,
    /// Instances that exist.
    had: u32,
    /// Instances that were seen RUNNING.
    running: u32,
    /// Launch requests.
    probes: u64,
    /// When the last one was sent.
    last_probe: Option<String>,
    /// When the next one is sent.
    next_probe: Option<String>,
    /// What the last one got.
    last_answer: Option<&'a str>,
    /// How the run ended; `null` while it has not.
    outcome: Option<Outcome>,
    /// The file is written at least this often.
    every_seconds: u64,
}

impl PublishedDocument for HeartbeatDocument<'_> {
    const NAME: &'static str = "hunt-heartbeat";
    const COMMANDS: &'static [&'static str] = &["hunt"];
}

/// The default file of a fleet's hunt, in the state directory.
pub fn usual_file(folder: &Path, fleet: &FleetSpec) -> PathBuf {
    let name = if fleet.name.is_empty() { &fleet.name_prefix } else { &fleet.name };
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    folder.join(format!("hunt-{}.json", name.chars().map(plain).collect::<String>()))
}

/// The time of the last heartbeat of this run.
pub fn last_beat(file: &Path, run: RunId) -> Option<Timestamp> {
    let text = std::fs::read_to_string(file).ok()?;
    let beat: serde_json::Value = serde_json::from_str(&text).ok()?;
    (beat["run_id"] == run.to_string()).then(|| beat["time"].as_str()?.parse().ok()).flatten()
}

impl Heartbeat {
    /// Starts the heartbeat. `past` is the state of a resumed run.
    pub fn start(
        file: Option<PathBuf>,
        run: RunId,
        plan: &Plan,
        past: Option<&RunState>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let state = Beat {
            state: past.cloned().unwrap_or_else(|| RunState::new(run)),
            fleet: plan.fleet.name.clone(),
            wanted: plan.fleet.count,
            probes: past.map_or(0, |past| past.slots.values().map(|slot| u64::from(slot.attempts)).sum()),
            last_probe: None,
            next_probe: None,
            last_answer: None,
        };
        let heart = Arc::new(Heart { file, clock, state: Mutex::new(state), due: Notify::new() });
        let timer = heart.file.is_some().then(|| {
            let heart = Arc::clone(&heart);
            tokio::spawn(async move {
                loop {
                    heart.beat();
                    // The response of a probe and the wait that follows come together, and are written together.
                    let due = heart.due.notified();
                    // Either way it is written.
                    let _ = tokio::time::timeout(HEARTBEAT, due).await;
                }
            })
        });
        Self { heart, timer }
    }

    /// The observer of the run's records, which has a heartbeat written after each probe, and calls `sink`.
    pub fn watching(&self, sink: Sink) -> Sink {
        let heart = Arc::clone(&self.heart);
        Arc::new(move |record| {
            heart.see(record);
            sink(record);
        })
    }

    /// Writes the last heartbeat.
    pub fn stop(self) {
        if let Some(timer) = self.timer {
            timer.abort();
        }
        self.heart.beat();
    }
}

impl Heart {
    fn see(&self, record: &Record) {
        let is_due = {
            let mut beat = self.lock();
            beat.state.apply(record);
            match &record.event {
                Event::LaunchIntended { .. } => {
                    beat.probes += 1;
                    beat.last_probe = Some(record.at);
                    beat.next_probe = None;
                    false
                }
                Event::TryFailed { slot, .. } => {
                    let error = beat.state.slot(*slot).error.clone().unwrap_or_default();
                    beat.last_answer =
                        Some(format!("{} {}: {}", error.class, clean(&error.code), clean(&error.message)));
                    true
                }
                Event::Launched { .. } => {
                    beat.last_answer = Some("accepted".to_owned());
                    true
                }
                Event::Waiting { next_try, .. } => {
                    beat.next_probe = Some(*next_try);
                    true
                }
                Event::Running { .. } | Event::RunFinished { .. } => true,
                _ => false,
            }
        };
        if is_due {
            self.due.notify_one();
        }
    }

    fn beat(&self) {
        let now = self.clock.now();
        let text = self.lock().json(now);
        if let Some(file) = &self.file
            && let Err(error) = replace_unsynced(file, text.as_bytes())
        {
            tracing::warn!(%error, file = %file.display(), "the heartbeat cannot be written");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Beat {
    fn json(&self, now: Timestamp) -> String {
        let counts = &self.state.counts;
        let document = HeartbeatDocument {
            time: now.to_string(),
            run_id: self.state.run,
            fleet: &self.fleet,
            wanted: self.wanted,
            had: counts.launched,
            running: counts.running,
            probes: self.probes,
            last_probe: self.last_probe.map(|at| at.to_string()),
            next_probe: self.next_probe.map(|at| at.to_string()),
            last_answer: self.last_answer.as_deref(),
            outcome: self.state.outcome,
            every_seconds: HEARTBEAT.as_secs(),
        };
        text_of(&document, OutputFormat::Jsonl)
    }
}
