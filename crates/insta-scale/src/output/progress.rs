//! Shows the progress of a run: bars on a terminal, with a line below them while slots wait; plain lines elsewhere; JSON lines
//! on stdout.
//!
//! A separate thread does the writing, so that a slow terminal or a full pipe never delays the run. It knows the run only by
//! its records.

use super::console::{self, Verbosity};
use super::dedup::{Dedup, Telling};
use super::eta::Eta;
use super::hunt::HuntView;
use super::pace::PaceView;
use super::plain_reporter;
use super::simulated;
use super::waiting::Waiting;
use crate::args::OutputFormat;
use crate::tuning::{BAR_TICK, COUNTDOWN};
use fleet::{Plan, Sink};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{Record, RunState};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

/// How a run is shown.
#[derive(Clone, Debug)]
pub struct Show {
    /// The format of stdout.
    pub output: OutputFormat,
    /// How much is printed on stderr.
    pub verbosity: Verbosity,
    /// Whether stderr is a terminal.
    pub watched: bool,
}

enum ProgressMessage {
    Record(Box<Record>),
    End,
}

/// Shows records until it is finished.
pub struct LaunchReporter {
    view: Option<(Sender<ProgressMessage>, JoinHandle<()>)>,
}

impl LaunchReporter {
    /// Starts showing. `state` is the state of the run so far, and `best_hours` a hunt's summary of the past.
    pub fn start(
        show: Show,
        state: RunState,
        plan: Plan,
        best_hours: String,
    ) -> std::io::Result<(Sink, Self)> {
        if show.verbosity < Verbosity::Normal && show.output != OutputFormat::Jsonl {
            return Ok((fleet::no_sink(), Self { view: None }));
        }
        let (sender, receiver) = channel();
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            LaunchView::new(show, state, plan, best_hours).run(&receiver);
        })?;
        let to_view = sender.clone();
        // The view outlives every record: a send fails only if its thread failed, and then the record cannot be shown.
        let sink: Sink = Arc::new(move |record: &Record| {
            let _ = to_view.send(ProgressMessage::Record(Box::new(record.clone())));
        });
        Ok((sink, Self { view: Some((sender, thread)) }))
    }

    /// Shows the remaining records and stops.
    pub fn finish(self) {
        if let Some((sender, thread)) = self.view {
            let _ = sender.send(ProgressMessage::End);
            let _ = thread.join();
        }
    }
}

struct LaunchView {
    show: Show,
    state: RunState,
    plan: Plan,
    pace: PaceView,
    eta: Eta,
    dedup: Dedup,
    waiting: Waiting,
    hunt: Option<HuntView>,
    /// The time of the last record, plus the time since.
    now: Timestamp,
    bars: Option<Bars>,
}

impl LaunchView {
    fn new(show: Show, state: RunState, plan: Plan, best_hours: String) -> Self {
        let hunt = HuntView::of(&plan, &state, best_hours);
        let bars = (show.watched && show.verbosity >= Verbosity::Normal).then(|| Bars::new(plan.fleet.count));
        Self {
            show,
            state,
            plan,
            pace: PaceView::default(),
            eta: Eta::default(),
            dedup: Dedup::default(),
            waiting: Waiting::default(),
            hunt,
            now: Timestamp::UNIX_EPOCH,
            bars,
        }
    }

    fn run(mut self, receiver: &Receiver<ProgressMessage>) {
        loop {
            // Without bars there is no countdown, and the thread of a hunt may sleep for weeks.
            let received = match &self.bars {
                Some(_) => receiver.recv_timeout(COUNTDOWN),
                None => receiver.recv().map_err(|_closed| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(ProgressMessage::Record(record)) => {
                    self.state.apply(&record);
                    self.pace.apply(&record.event);
                    self.eta.apply(&record, &self.state);
                    self.waiting.apply(&record);
                    if let Some(hunt) = &mut self.hunt {
                        hunt.apply(&record, &self.state, &self.plan);
                    }
                    self.now = record.at;
                    self.take(&record);
                }
                // Only time has passed.
                Err(RecvTimeoutError::Timeout) => {
                    self.now = self.now.saturating_add(COUNTDOWN).unwrap_or(self.now);
                    self.show_waiting();
                }
                Ok(ProgressMessage::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(bars) = &self.bars {
            bars.clear();
        }
    }

    fn take(&mut self, record: &Record) {
        if self.show.output == OutputFormat::Jsonl {
            // Serialising a record cannot fail; an unwritable stdout is reported at the end.
            let _ = console::data(&simulated::record_line(record));
        }
        if self.show.verbosity < Verbosity::Normal {
            return;
        }
        let shown =
            self.show.verbosity == Verbosity::Verbose || plain_reporter::is_worth_a_line(&record.event);
        let line = self.line(record).map(|line| {
            let style = plain_reporter::event_style(&record.event);
            format!("{style}{line}{style:#}")
        });
        match &self.bars {
            None => {
                if let Some(line) = line {
                    console::line(&line);
                }
            }
            Some(bars) => {
                if let Some(line) = line.filter(|_| shown) {
                    bars.above(&line);
                }
                bars.update(&self.state, &self.pace.describe(self.eta.rate_of(&self.state)), &self.eta);
                self.show_waiting();
            }
        }
    }

    /// Explains below the bars why nothing seems to happen, if slots wait.
    fn show_waiting(&mut self) {
        if let Some(bars) = &mut self.bars {
            let columns = usize::from(bars.columns).saturating_sub(1);
            let line = match &self.hunt {
                Some(hunt) => Some(hunt.lines(self.now, &bars.zone, columns).join("\n")),
                None => self.waiting.line(&self.state, self.now, &bars.zone, columns),
            };
            bars.wait(line);
        }
    }

    /// The line for a record, if there is one. When there are many equal failures, only their number is reported.
    fn line(&mut self, record: &Record) -> Option<String> {
        if let Some(hunt) = self.hunt.as_mut().filter(|hunt| hunt.covers(&record.event))
            && self.show.verbosity < Verbosity::Verbose
        {
            // A terminal shows it below the bars.
            return hunt.line(record, &self.state).filter(|_| self.bars.is_none());
        }
        let name = |slot| self.plan.label(slot);
        let line = plain_reporter::event_line(record, &self.state, &name, self.show.verbosity)?;
        if self.show.verbosity == Verbosity::Verbose {
            return Some(line);
        }
        match self.dedup.note(&record.event) {
            Telling::Whole => Some(line),
            Telling::Counted(text) => Some(text),
            Telling::Silent => None,
        }
    }
}

/// Two bars, launched and running, and a line below them.
struct Bars {
    all: MultiProgress,
    colour: bool,
    columns: u16,
    zone: TimeZone,
    launched: ProgressBar,
    running: ProgressBar,
    /// Present only while something waits.
    waiting: Option<ProgressBar>,
}

impl Bars {
    fn new(requested: u32) -> Self {
        let columns = ::console::Term::stderr().size().1;
        let style = |template: String| {
            // An invalid template falls back to the plain bar; a test checks both templates.
            ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let all = MultiProgress::new();
        let launched = all.add(ProgressBar::new(u64::from(requested)));
        launched.set_style(style(launched_template(columns)));
        let running = all.add(ProgressBar::new(u64::from(requested)));
        running.set_style(style(running_template(columns)));
        running.enable_steady_tick(BAR_TICK);
        let colour = console::stderr_has_colour();
        Self { all, colour, columns, zone: TimeZone::system(), launched, running, waiting: None }
    }

    /// Sets the line below the bars; removes it if nothing waits.
    fn wait(&mut self, line: Option<String>) {
        match (line, &self.waiting) {
            (Some(line), Some(bar)) => bar.set_message(line),
            (Some(line), None) => {
                let bar = self.all.add(ProgressBar::new(0));
                // A one-word template is always valid.
                bar.set_style(
                    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar()),
                );
                bar.set_message(line);
                self.waiting = Some(bar);
            }
            (None, Some(bar)) => {
                self.all.remove(bar);
                self.waiting = None;
            }
            (None, None) => {}
        }
    }

    fn above(&self, line: &str) {
        // A closed terminal is no reason to stop a run.
        let plain;
        let line = if self.colour {
            line
        } else {
            plain = anstream::adapter::strip_str(line).to_string();
            &plain
        };
        let _ = self.all.println(line);
    }

    fn update(&self, state: &RunState, pace: &str, eta: &Eta) {
        self.launched.set_position(u64::from(state.counts.launched));
        self.running.set_position(u64::from(state.counts.running));
        self.launched.set_message(pace.to_owned());
        self.running.set_message(eta.describe(state));
    }

    fn clear(&self) {
        let _ = self.all.clear();
    }
}

// The text beside the bars is cut at the terminal's width, and a narrow terminal has shorter bars: a line that wraps would be
// drawn again and again.
fn launched_template(columns: u16) -> String {
    format!("launched [{{bar:{}}}] {{pos}}/{{len}}  {{wide_msg}}", bar(columns))
}

fn running_template(columns: u16) -> String {
    format!("running  [{{bar:{}}}] {{pos}}/{{len}}  {{elapsed}}  {{wide_msg}}", bar(columns))
}

fn bar(columns: u16) -> u16 {
    if columns < 70 { 6 } else { (columns / 4).min(32) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_of_the_bars_can_be_read() {
        for columns in [0, 40, 80, 500] {
            for template in [launched_template(columns), running_template(columns)] {
                assert!(ProgressStyle::with_template(&template).is_ok(), "{template}");
            }
        }
    }

    /// A terminal of 40 columns that records what is written.
    #[derive(Clone, Debug, Default)]
    struct Narrow(Arc<std::sync::Mutex<String>>);

    impl indicatif::TermLike for Narrow {
        fn width(&self) -> u16 {
            40
        }
        fn move_cursor_up(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> std::io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> std::io::Result<()> {
            self.write_str(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> std::io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> std::io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn bars_fit_a_narrow_terminal() {
        let terminal = Narrow::default();
        let target = indicatif::ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let bar = ProgressBar::with_draw_target(Some(100_000), target);
        bar.set_style(ProgressStyle::with_template(&launched_template(40)).unwrap());
        bar.set_message("12.3/s, pace 9.8/s, limit near 10.2/s, 12 throttled");
        bar.set_position(99_999);
        bar.abandon();
        let shown = terminal.0.lock().unwrap().clone();
        let last = shown.rsplit("launched ").next().unwrap().trim_end();
        assert!(last.contains("] 99999/100000  12"), "{shown:?}");
        assert!("launched ".len() + ::console::measure_text_width(last) <= 40, "{shown:?}");
    }
}
