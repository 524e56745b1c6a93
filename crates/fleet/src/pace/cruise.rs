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
    /// The fastest growth after that, when nothing was refused by then: e to the power of it, a second.
    growth: f64,
    /// Seconds at the lower end before that.
    pub(super) hold: f64,
}

/// What shapes a swing, besides its centre.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) widest: f64,
    pub(super) seconds_at_small: f64,
    pub(super) requests_per_refusal: f64,
    /// From sending to the answer, in seconds.
    pub(super) latency: f64,
    /// Shorter swings while the limit moves (below 1), longer ones where it does not (above 1).
    pub(super) patience: f64,
    /// The rate that was usual lately, requests a second.
    pub(super) reference: f64,
    /// Seconds to stay at the lower end first, because meeting the limit has cost much before.
    pub(super) hold: f64,
}

/// The fewest requests of a swing: fewer measure nothing.
const FEWEST: f64 = 6.0;
/// This many seconds beyond its end, a swing grows as fast as a search.
const HURRY: f64 = 4.6;
/// A rate that is not known to be allowed grows by e to the power of this a second at most, …
const GROWTH: f64 = 1.2;
/// … and of this from one request to the next, and …
const GROWTH_PER_REQUEST: f64 = 0.33;
/// … and of this until an answer can be back. All three keep small what is refused when the limit is met.
const GROWTH_PER_ANSWER: f64 = 0.17;
/// Two who share a limit each call usual what they found first, and those differ. Up to so many requests a second …
const SMALL: f64 = 8.0;
/// … a swing is the longer the more is usual, by this power of it: so both gain more alike, whatever they found. …
const ALIKE: f64 = 0.2;
/// … Beyond, it is shorter: a limit far up must be found in time.
const QUICKER: f64 = -0.5;
/// The requests that a bucket is supposed to keep during a swing.
const LIKELY_ROOM: f64 = 12.5;
/// The least swing: below it, a limit that moved is not found.
const NARROWEST: f64 = 0.06;

impl Swing {
    pub(super) fn around(centre: f64, shape: Shape) -> Self {
        let usual = shape.reference;
        // What leaves above the limit until the first refusal is back, is refused too.
        let late = |reach: f64| 1.0 + reach * usual * shape.latency;
        let seconds = |reach: f64| {
            let power = if usual < SMALL { ALIKE } else { QUICKER };
            let quick = shape.seconds_at_small * (usual / SMALL).powf(power);
            let cheap = shape.requests_per_refusal * (late(reach) - 0.8) / usual;
            shape.patience * quick.max(cheap).max(6.0 * shape.latency)
        };
        // What fills while below the centre must fit into the bucket: reach × centre × seconds / 4 requests. The same is
        // supposed of every bucket, since one who comes late cannot measure it, and unequal swings are unfair.
        let fits = 4.0 * LIKELY_ROOM / (usual * seconds(shape.widest));
        let quick = 1.0 / (usual * shape.latency).max(1e-9);
        let widest = if shape.hold > 0.0 { NARROWEST } else { shape.widest };
        let reach = widest.min(fits).min(quick).max(NARROWEST);
        // The same steps a second for all who share a limit, whatever part of it they have: refusals cut by a part, so the
        // larger part loses more than it gains, and the parts become equal (Chiu and Jain 1989).
        let seconds = seconds(reach) * (centre / usual).clamp(0.25, 5.0);
        let seconds = seconds.max(2.0 * shape.latency).max(FEWEST / centre);
        let growth = fastest_growth(centre, shape.latency);
        Self { centre, reach, seconds, growth, hold: shape.hold }
    }

    /// The rate at its upper end.
    pub(super) fn upper(&self) -> f64 {
        self.centre * (1.0 + self.reach)
    }

    /// The rate after so many seconds of sending. Past its end nothing was refused though it should have been: the limit
    /// has risen, and the rate follows ever faster.
    pub(super) fn rate(&self, sending: f64) -> f64 {
        let part = (sending - self.hold).max(0.0) / self.seconds;
        if part <= 1.0 {
            return self.centre * (1.0 - self.reach + 2.0 * self.reach * part);
        }
        let late = sending - self.hold - self.seconds;
        // From a standstill to the fastest growth within the time of one more swing, or a few seconds.
        let start = self.seconds.min(HURRY);
        let exponent =
            self.growth * if late < start { late * late / (2.0 * start) } else { late - start / 2.0 };
        self.upper() * exponent.min(12.0).exp()
    }
}

/// How fast a rate may grow that is not known to be allowed: e to the power of this, a second.
pub(super) fn fastest_growth(rate: f64, latency: f64) -> f64 {
    GROWTH.min(GROWTH_PER_REQUEST * rate).min(GROWTH_PER_ANSWER / latency.max(0.01))
}
