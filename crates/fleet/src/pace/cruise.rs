//! The swing around a known rate: from below it, where the bucket fills a little, to above it, where that is used up
//! again. On average the service's rate exactly, with one refusal a swing to confirm it.

/// One swing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swing {
    /// The rate that was measured, requests a second.
    pub(super) centre: f64,
    /// How far to each side, as a part of the centre.
    pub(super) reach: f64,
    /// How long it takes from one end to the other, in seconds of sending.
    pub(super) seconds: f64,
}

/// What shapes a swing, besides its centre.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) widest: f64,
    pub(super) seconds_at_ten: f64,
    pub(super) requests_per_refusal: f64,
    /// What the service's bucket holds, as far as known.
    pub(super) burst: f64,
    /// From sending to the answer, in seconds.
    pub(super) latency: f64,
    /// Shorter swings while the limit moves (below 1), longer ones where it does not (above 1).
    pub(super) patience: f64,
}

/// The least swing: below it, a limit that moved is not found.
const NARROWEST: f64 = 0.06;

impl Swing {
    pub(super) fn around(centre: f64, shape: Shape) -> Self {
        // What leaves above the limit until the first refusal is back, is refused too.
        let late = |reach: f64| 1.0 + reach * centre * shape.latency;
        // Requests at a rate x meet one refusal a swing. That a slower sender swings more often per request, and a faster
        // one less, is what makes two senders on one limit drift to equal parts.
        let fair = shape.seconds_at_ten * (10.0 / centre).sqrt() * shape.patience;
        let seconds = |reach: f64| {
            fair.max(shape.requests_per_refusal * late(reach) / centre).max(6.0 * shape.latency)
        };
        // What fills while below the centre must fit into the bucket: reach × centre × seconds / 4 requests.
        let room = (shape.burst / 2.0).max(1.0);
        let fits = 4.0 * room / (centre * seconds(shape.widest));
        let quick = 1.0 / (centre * shape.latency).max(1e-9);
        let reach = shape.widest.min(fits).min(quick).max(NARROWEST);
        Self { centre, reach, seconds: seconds(reach) }
    }

    /// The rate after so many seconds of sending. Past its end nothing was refused though it should have been: the limit
    /// has risen, and the rate follows ever faster.
    pub(super) fn rate(&self, sending: f64) -> f64 {
        let part = sending / self.seconds;
        if part <= 1.0 {
            self.centre * (1.0 - self.reach + 2.0 * self.reach * part)
        } else {
            let late = part - 1.0;
            self.centre * (1.0 + self.reach) * (2.0 * self.reach * late + 2.0 * late * late).min(6.0).exp()
        }
    }

    /// Whether the rate has left what a swing is.
    pub(super) fn is_over(&self, sending: f64) -> bool {
        sending > 1.2 * self.seconds
    }
}
