//! The swing around a known rate: it starts below the rate, where the bucket fills a little, and ends above it, where the
//! bucket is emptied again. Its average is exactly the service's rate, which one refusal per swing confirms.

/// One swing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Swing {
    /// The measured rate, in requests per second.
    pub(super) centre: f64,
    /// The distance to each side, as a fraction of the centre.
    pub(super) reach: f64,
    /// The time from one end to the other, in seconds of sending.
    pub(super) seconds: f64,
    /// The maximum growth after the end if nothing was refused: a factor of e to this power per second.
    growth: f64,
    /// Seconds at the lower end before the swing.
    pub(super) hold: f64,
}

/// The shape of a swing, apart from its centre.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) widest: f64,
    pub(super) seconds_at_small: f64,
    pub(super) requests_per_refusal: f64,
    /// The time from sending to the response, in seconds.
    pub(super) latency: f64,
    /// Shorter swings while the limit changes (below 1), longer ones while it does not (above 1).
    pub(super) patience: f64,
    /// The usual rate of the recent past, in requests per second.
    pub(super) reference: f64,
    /// Seconds to stay at the lower end first, because reaching the limit was expensive before.
    pub(super) hold: f64,
}

/// The minimum number of requests per swing; fewer measure nothing.
const FEWEST: f64 = 6.0;
/// This many seconds after its end, a swing grows as fast as a search.
const HURRY: f64 = 4.6;
/// The maximum growth of a rate that is not known to be allowed: a factor of e to this power per second …
const GROWTH: f64 = 1.2;
/// … and to this power per request …
const GROWTH_PER_REQUEST: f64 = 0.33;
/// … and to this power per response time. All three limit how many requests are refused at the limit.
const GROWTH_PER_ANSWER: f64 = 0.17;
/// Senders that share a limit each consider usual what they found first, which differs. Up to this many requests per second …
const SMALL: f64 = 8.0;
/// … a swing gets longer with the usual rate, by this power of it, so that all senders gain alike, whatever they found …
const ALIKE: f64 = 0.2;
/// … and above that it gets shorter, so that a high limit is found in time.
const QUICKER: f64 = -0.5;
/// The number of requests that a bucket is assumed to keep during a swing.
const LIKELY_ROOM: f64 = 12.5;
/// The minimum swing: a smaller one does not find a limit that has moved.
const NARROWEST: f64 = 0.06;

impl Swing {
    pub(super) fn around(centre: f64, shape: Shape) -> Self {
        let usual = shape.reference;
        // Requests sent above the limit before the first refusal returns are also refused.
        let late = |reach: f64| 1.0 + reach * usual * shape.latency;
        let seconds = |reach: f64| {
            let power = if usual < SMALL { ALIKE } else { QUICKER };
            let quick = shape.seconds_at_small * (usual / SMALL).powf(power);
            let cheap = shape.requests_per_refusal * (late(reach) - 0.8) / usual;
            shape.patience * quick.max(cheap).max(6.0 * shape.latency)
        };
        // What accumulates below the centre must fit into the bucket: reach × centre × seconds / 4 requests. The same size is
        // assumed for every bucket, because a sender that arrives late cannot measure it, and unequal swings are unfair.
        let fits = 4.0 * LIKELY_ROOM / (usual * seconds(shape.widest));
        let quick = 1.0 / (usual * shape.latency).max(1e-9);
        let widest = if shape.hold > 0.0 { NARROWEST } else { shape.widest };
        let reach = widest.min(fits).min(quick).max(NARROWEST);
        // All senders that share a limit take the same steps per second, whatever their share. Refusals cut by a fraction, so a
        // larger share loses more than it gains, and the shares become equal (Chiu and Jain 1989).
        let seconds = seconds(reach) * (centre / usual).clamp(0.25, 5.0);
        let seconds = seconds.max(2.0 * shape.latency).max(FEWEST / centre);
        let growth = fastest_growth(centre, shape.latency);
        Self { centre, reach, seconds, growth, hold: shape.hold }
    }

    /// The rate at its upper end.
    pub(super) fn upper(&self) -> f64 {
        self.centre * (1.0 + self.reach)
    }

    /// The rate of the last swing after this many seconds of sending. It stays at its centre for as long as a swing lasts before
    /// it goes on: the requests that are left need what the bucket has kept, and no confirmation of the limit.
    pub(super) fn last_rate(&self, sending: f64) -> f64 {
        let middle = self.hold + self.seconds / 2.0;
        self.rate(if sending < middle { sending } else { (sending - self.seconds).max(middle) })
    }

    /// The rate after this many seconds of sending. If nothing was refused by the end of the swing, the limit has risen, and
    /// the rate grows ever faster.
    pub(super) fn rate(&self, sending: f64) -> f64 {
        let part = (sending - self.hold).max(0.0) / self.seconds;
        if part <= 1.0 {
            return self.centre * (1.0 - self.reach + 2.0 * self.reach * part);
        }
        let late = sending - self.hold - self.seconds;
        // Reaches the maximum growth within the duration of one more swing, or a few seconds.
        let start = self.seconds.min(HURRY);
        let exponent =
            self.growth * if late < start { late * late / (2.0 * start) } else { late - start / 2.0 };
        self.upper() * exponent.min(12.0).exp()
    }
}

/// The maximum growth of a rate that is not known to be allowed: a factor of e to this power per second.
pub(super) fn fastest_growth(rate: f64, latency: f64) -> f64 {
    GROWTH.min(GROWTH_PER_REQUEST * rate).min(GROWTH_PER_ANSWER / latency.max(0.01))
}
