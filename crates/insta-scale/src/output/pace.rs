//! The pace of launches for the progress line, derived from the pacer's events in the run.
//!
//! Pure: events in, a few words out.

use ledger::{ErrorClass, Event};

/// The state of the pace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PaceView {
    /// Launches per second; 0 while the service refuses everything. `None` while nothing has slowed the run down.
    rate: Option<f64>,
    /// The rate that the service admits per second, as last measured.
    limit: Option<f64>,
    /// Launches that were refused for exceeding the rate.
    throttled: u64,
}

impl PaceView {
    /// Applies one more event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::PaceChanged { class, rate, reason } if class == "launch" => {
                self.rate = Some(*rate);
                // After a refusal the pacer falls back to the admitted rate; a probe only tries for more.
                if reason == "throttled" && *rate > 0.0 {
                    self.limit = Some(*rate);
                }
            }
            Event::TryFailed { error, .. } if error.class == ErrorClass::Throttled => {
                self.throttled += 1;
            }
            _ => {}
        }
    }

    /// `9.6/s, pace 9.8/s, limit near 10.2/s, 12 throttled`: the measured rate, then the pacer's. Before the first refusal no
    /// limit is known.
    pub fn describe(&self, measured: Option<f64>) -> String {
        let mut parts =
            vec![measured.map_or_else(|| "-/s".to_owned(), |measured| format!("{measured:.1}/s"))];
        parts.extend(self.rate.map(|rate| {
            if rate <= 0.0 {
                "pace 0: OCI currently rejects launches".to_owned()
            } else {
                format!("pace {rate:.1}/s")
            }
        }));
        parts.extend(self.limit.map(|limit| format!("limit near {limit:.1}/s")));
        if self.throttled > 0 {
            parts.push(format!("{} throttled", self.throttled));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Action, ErrorRecord};

    fn changed(rate: f64, reason: &str) -> Event {
        Event::PaceChanged { class: "launch".to_owned(), rate, reason: reason.to_owned() }
    }

    fn refused(class: &str) -> Event {
        let error = ErrorRecord { class: class.into(), ..ErrorRecord::default() };
        let action = Action::RetrySameToken;
        Event::TryFailed { slot: 1, attempt: 1, error, action, settled: false }
    }

    #[test]
    fn the_progress_line_shows_rate_limit_and_refusals() {
        let mut view = PaceView::default();
        let mut said = vec![view.describe(None)];
        let reads = Event::PaceChanged { class: "read".to_owned(), rate: 1.0, reason: "probe".to_owned() };
        for event in [
            refused("capacity"),
            reads,
            changed(20.0, "probe"),
            refused("throttled"),
            changed(10.25, "throttled"),
            changed(12.0, "probe"),
            changed(0.0, "penalty"),
            changed(8.0, "recovered"),
        ] {
            view.apply(&event);
            said.push(view.describe(Some(9.64)));
        }
        insta::assert_snapshot!(said.join("\n"), @r"
            -/s
            9.6/s
            9.6/s
            9.6/s, pace 20.0/s
            9.6/s, pace 20.0/s, 1 throttled
            9.6/s, pace 10.2/s, limit near 10.2/s, 1 throttled
            9.6/s, pace 12.0/s, limit near 10.2/s, 1 throttled
            9.6/s, pace 0: OCI currently rejects launches, limit near 10.2/s, 1 throttled
            9.6/s, pace 8.0/s, limit near 10.2/s, 1 throttled
            ");
    }
}
