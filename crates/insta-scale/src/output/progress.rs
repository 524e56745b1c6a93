//! Shows a run while it goes on: bars on a terminal, plain lines elsewhere, JSON lines on stdout.
//!
//! A thread of its own does the writing, so that a slow terminal or a full pipe never holds the run up. It knows the
//! run by its records only.

use super::console::{self, Chattiness};
use super::narration;
use super::pace::PaceView;
use crate::args::OutputFormat;
use fleet::{Plan, Sink};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ledger::{Record, RunState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// How a run is shown.
#[derive(Clone, Debug)]
pub struct Show {
    /// What stdout gets.
    pub output: OutputFormat,
    /// How much is said on stderr.
    pub chattiness: Chattiness,
    /// Whether stderr is a terminal.
    pub watched: bool,
}

enum Message {
    Record(Box<Record>),
    End,
}

/// Shows records until it is finished.
pub struct Reporter {
    sender: Sender<Message>,
    thread: JoinHandle<()>,
}

impl Reporter {
    /// Starts showing. `state` is what was known of the run before.
    pub fn start(show: Show, state: RunState, plan: Plan) -> std::io::Result<(Sink, Self)> {
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            View::new(show, state, plan).run(&receiver);
        })?;
        let to_view = sender.clone();
        // The view outlives every record: a send fails only if its thread broke, and then there is nobody to show it.
        let sink: Sink = Arc::new(move |record: &Record| {
            let _ = to_view.send(Message::Record(Box::new(record.clone())));
        });
        Ok((sink, Self { sender, thread }))
    }

    /// Shows what is left and stops.
    pub fn finish(self) {
        let _ = self.sender.send(Message::End);
        let _ = self.thread.join();
    }
}

struct View {
    show: Show,
    state: RunState,
    plan: Plan,
    pace: PaceView,
    bars: Option<Bars>,
}

impl View {
    fn new(show: Show, state: RunState, plan: Plan) -> Self {
        let bars =
            (show.watched && show.chattiness >= Chattiness::Normal).then(|| Bars::new(plan.fleet.count));
        Self { show, state, plan, pace: PaceView::default(), bars }
    }

    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(Message::Record(record)) = receiver.recv() {
            self.state.apply(&record);
            self.pace.apply(&record.event);
            self.take(&record);
        }
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }

    fn take(&mut self, record: &Record) {
        if self.show.output == OutputFormat::Jsonl {
            // Records hold nothing that JSON cannot; an unwritable stdout is told at the end.
            let text = serde_json::to_string(record).unwrap_or_default();
            let _ = console::data(&(text + "\n"));
        }
        if self.show.chattiness < Chattiness::Normal {
            return;
        }
        let name = |slot| self.plan.name(slot);
        let line = narration::line(record, &self.state, &name, self.show.chattiness);
        match &self.bars {
            None => {
                if let Some(line) = line {
                    console::line(&line);
                }
            }
            Some(bars) => {
                let shown = self.show.chattiness == Chattiness::Verbose || narration::matters(&record.event);
                if let Some(line) = line.filter(|_| shown) {
                    bars.above(&line);
                }
                bars.update(&self.state, &self.pace);
            }
        }
    }
}

/// Two bars: launched and running.
struct Bars {
    all: MultiProgress,
    launched: ProgressBar,
    running: ProgressBar,
}

impl Bars {
    fn new(requested: u32) -> Self {
        let style = |template: &str| {
            // A template that cannot be read shows the plain bar; a test reads both.
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let all = MultiProgress::new();
        let launched = all.add(ProgressBar::new(u64::from(requested)));
        launched.set_style(style(LAUNCHED));
        let running = all.add(ProgressBar::new(u64::from(requested)));
        running.set_style(style(RUNNING));
        running.enable_steady_tick(TICK);
        Self { all, launched, running }
    }

    fn above(&self, line: &str) {
        // A terminal that is gone is no reason to stop a run.
        let _ = self.all.println(line);
    }

    fn update(&self, state: &RunState, pace: &PaceView) {
        self.launched.set_position(u64::from(state.counts.launched));
        self.running.set_position(u64::from(state.counts.running));
        self.launched.set_message(pace.describe());
        self.running.set_message(format!("failed {}", state.counts.failed));
    }

    fn clear(&self) {
        let _ = self.all.clear();
    }
}

/// How often the clock of the bars moves.
const TICK: std::time::Duration = std::time::Duration::from_millis(250);
const LAUNCHED: &str = "launched [{bar:32}] {pos}/{len}  {msg}";
const RUNNING: &str = "running  [{bar:32}] {pos}/{len}  {msg}  {elapsed_precise}, ETA {eta}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_of_the_bars_can_be_read() {
        for template in [LAUNCHED, RUNNING] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
