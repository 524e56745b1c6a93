//! Shows the progress of an action run: a bar on a terminal, plain lines elsewhere, JSON lines on stdout.
//!
//! A separate thread does the writing, so that a slow terminal never delays the run. It knows the run only by its records.

use crate::args::OutputFormat;
use crate::error::CommandError;
use crate::output::console::{self, Verbosity};
use crate::output::simulated;
use crate::output::summary::describe;
use crate::output::text::clean;
use crate::session::Session;
use fleet::Sink;
use indicatif::{ProgressBar, ProgressStyle};
use ledger::{ErrorClass, Event, Record, RunId, RunState, SlotNumber};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

enum ActionMessage {
    Record(Box<Record>),
    End,
}

/// Shows records until it is finished.
pub struct ActionReporter {
    sender: Sender<ActionMessage>,
    thread: JoinHandle<()>,
}

impl ActionReporter {
    /// Starts showing a run. `what` is the noun for its slots, and `names` maps each slot to its name.
    pub fn start(
        session: &Session,
        run: RunId,
        what: &'static str,
        names: &[String],
    ) -> Result<(Sink, Self), CommandError> {
        let (output, verbosity) = (session.output, session.verbosity);
        let (sender, receiver) = channel();
        let view = ActionView {
            output,
            verbosity,
            state: RunState::new(run),
            what,
            names: names.iter().map(|name| clean(name)).collect(),
            accepted: BTreeSet::new(),
            without_capacity: BTreeSet::new(),
            bar: (console::is_watched() && verbosity >= Verbosity::Normal).then(|| bar(names.len() as u64)),
        };
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || view.run(&receiver))
            .map_err(|source| CommandError::System {
                what: "the progress display cannot be started",
                source,
            })?;
        let to_view = sender.clone();
        // The view outlives every record: a send fails only if its thread failed, and then the record cannot be shown.
        let sink: Sink = Arc::new(move |record: &Record| {
            let _ = to_view.send(ActionMessage::Record(Box::new(record.clone())));
        });
        Ok((sink, Self { sender, thread }))
    }

    /// Shows the remaining records and stops.
    pub fn finish(self) {
        let _ = self.sender.send(ActionMessage::End);
        let _ = self.thread.join();
    }
}

const BAR: &str = "[{bar:32}] {pos}/{len}  {msg}  {elapsed_precise}";

fn bar(count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(count).with_style(style)
}

struct ActionView {
    output: OutputFormat,
    verbosity: Verbosity,
    state: RunState,
    what: &'static str,
    names: Vec<String>,
    /// Slots whose action was accepted but that have not reached the wanted state.
    accepted: BTreeSet<SlotNumber>,
    /// Slots whose start found no capacity and will be repeated.
    without_capacity: BTreeSet<SlotNumber>,
    bar: Option<ProgressBar>,
}

impl ActionView {
    fn run(mut self, receiver: &Receiver<ActionMessage>) {
        while let Ok(ActionMessage::Record(record)) = receiver.recv() {
            self.state.apply(&record);
            self.note(&record.event);
            self.take(&record);
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn note(&mut self, event: &Event) {
        if let Some(slot) = event.slot() {
            self.without_capacity.remove(&slot);
        }
        match event {
            Event::TryFailed { slot, error, .. } if error.class == ErrorClass::Capacity => {
                self.accepted.remove(slot);
                self.without_capacity.insert(*slot);
            }
            Event::ActionAccepted { slot, .. } => {
                self.accepted.insert(*slot);
            }
            Event::ActionDone { slot, .. }
            | Event::SlotFailed { slot, .. }
            | Event::WaitEnded { slot, .. } => {
                self.accepted.remove(slot);
            }
            _ => {}
        }
    }

    /// The text beside the bar, which explains why nothing is done until the first instance finishes.
    fn message(&self) -> String {
        let rate =
            self.state.rates.get("write").map_or_else(String::new, |rate| format!(", pace {rate:.1}/s"));
        let waiting = match self.without_capacity.len() {
            0 => String::new(),
            count => format!(", without capacity {count} (Ctrl-C is safe)"),
        };
        format!("accepted {}, failed {}{waiting}{rate}", self.accepted.len(), self.state.counts.failed)
    }

    fn take(&self, record: &Record) {
        if self.output == OutputFormat::Jsonl {
            // A stdout that cannot be written is reported at the end.
            let _ = console::data(&simulated::record_line(record));
        }
        if self.verbosity < Verbosity::Normal {
            return;
        }
        let line = self.line(record);
        match &self.bar {
            None => {
                if let Some(line) = line {
                    console::line(&line);
                }
            }
            Some(bar) => {
                if let Some(line) =
                    line.filter(|_| matters(&record.event) || self.verbosity == Verbosity::Verbose)
                {
                    bar.println(line);
                }
                bar.set_position(u64::from(self.state.counts.running));
                bar.set_message(self.message());
            }
        }
    }

    /// The line for a record; `None` if it is not notable.
    fn line(&self, record: &Record) -> Option<String> {
        let Self { what, state, names, .. } = self;
        let verbose = self.verbosity == Verbosity::Verbose;
        let name = |slot: u32| names.get(slot.saturating_sub(1) as usize).map_or("", String::as_str);
        let done = format!("[{}/{}]", state.counts.running, state.requested);
        Some(match &record.event {
            Event::RunStarted { requested, .. } => {
                format!("run {}: {}", state.run, crate::output::text::count(*requested, what))
            }
            Event::ActionIntended { slot, action, .. } if verbose => {
                format!("{done} {action} {}", name(*slot))
            }
            Event::ActionAccepted { slot, state: seen, .. } if verbose => {
                format!("{done} accepted for {}, which is {}", name(*slot), clean(seen))
            }
            Event::StateSeen { slot, state: seen, .. } if verbose => {
                format!("{done} {} is {}", name(*slot), clean(seen))
            }
            Event::ActionDone { slot, state: seen, skipped: true, .. } => {
                format!("{done} {} is already {}", name(*slot), clean(seen))
            }
            Event::ActionDone { slot, state: seen, .. } => {
                format!("{done} {} is {}", name(*slot), clean(seen))
            }
            Event::TryFailed { slot, error, .. } if error.class == ErrorClass::Capacity => {
                format!("{done} {}: {}; waiting for capacity", name(*slot), describe(error))
            }
            // A busy instance is reported, because nothing else explains the delay.
            Event::TryFailed { slot, error, .. } if verbose || error.status == Some(409) => {
                format!("{done} {}: {}; trying again", name(*slot), describe(error))
            }
            Event::SlotFailed { slot, error } => {
                format!("{done} failed {}: {}", name(*slot), describe(error))
            }
            Event::WaitEnded { slot, state: seen, .. } => {
                format!("{done} {} is still {} after the wait", name(*slot), clean(seen))
            }
            Event::PaceChanged { rate, reason, .. } if verbose => {
                format!("{done} pace: {rate:.2}/s ({})", clean(reason))
            }
            Event::Warning { message } => format!("warning: {}", clean(message)),
            Event::Interrupted => "interrupted: finishing the requests that are in flight".to_owned(),
            _ => return None,
        })
    }
}

/// Whether the line must be shown even if a bar represents the rest.
fn matters(event: &Event) -> bool {
    matches!(
        event,
        Event::SlotFailed { .. } | Event::WaitEnded { .. } | Event::Warning { .. } | Event::Interrupted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_bar_can_be_read() {
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    #[test]
    fn what_was_accepted_is_told_until_it_is_there() {
        let mut view = ActionView {
            output: OutputFormat::Table,
            verbosity: Verbosity::Normal,
            state: RunState::new(RunId(uuid::Uuid::nil())),
            what: "instance",
            names: Vec::new(),
            accepted: BTreeSet::new(),
            without_capacity: BTreeSet::new(),
            bar: None,
        };
        let (ocid, state) = (String::new(), String::new());
        for slot in 1..=3 {
            view.note(&Event::ActionAccepted {
                slot,
                ocid: ocid.clone(),
                state: state.clone(),
                work_request: None,
            });
        }
        view.note(&Event::ActionDone { slot: 2, ocid, state, skipped: false });
        assert_eq!(view.message(), "accepted 2, failed 0");
    }
}
