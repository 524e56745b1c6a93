//! Runs senders against the service, event by event.

use super::server::{Server, Service};
use super::{Next, Pacing};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A sender with requests to send.
pub struct Sender {
    /// Its way of pacing.
    pub pacing: Box<dyn Pacing>,
    /// How many requests must be admitted.
    pub wanted: usize,
    /// When it begins, in seconds.
    pub start: Duration,
}

/// What one sender observed.
#[derive(Clone, Debug, Default)]
pub struct SenderLog {
    /// How many requests had to be admitted.
    pub wanted: usize,
    /// When each admission was known, in seconds.
    pub through: Vec<f64>,
    /// When each refusal was known, in seconds.
    pub refused: Vec<f64>,
    /// The rate at which it wanted to send, by time.
    pub rates: Vec<(f64, f64)>,
    /// When each try was sent, in seconds.
    pub sent: Vec<f64>,
    /// The most requests in progress at the same time.
    pub peak: usize,
}

impl SenderLog {
    /// When all requests were admitted, in seconds; infinite if that never happened.
    pub fn end(&self) -> f64 {
        match self.through.last() {
            Some(end) if self.through.len() >= self.wanted => *end,
            _ => f64::INFINITY,
        }
    }

    /// How many requests were admitted in `from..until` seconds.
    pub fn through_between(&self, from: f64, until: f64) -> usize {
        self.through.iter().filter(|at| (from..until).contains(*at)).count()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrive { sender: usize, ticket: u64 },
    Answer { sender: usize, ticket: u64, through: bool },
    Rejoin { sender: usize },
    Wake { sender: usize },
}

/// The end of time, in seconds: a scenario lasts this long only if it stalls.
pub const HORIZON: f64 = 20_000.0;

struct State {
    senders: Vec<Sender>,
    seen: Vec<SenderLog>,
    waiting: Vec<usize>,
    under_way: Vec<usize>,
    woken_at: Vec<Option<Duration>>,
    queue: BinaryHeap<Reverse<(Duration, u64, Happening)>>,
    order: u64,
    chance: u64,
    latency_ms: [f64; 2],
}

/// Runs until every sender is done or `until` seconds have passed.
pub fn run(service: &Service, senders: Vec<Sender>, seed: u64, until: f64) -> Vec<SenderLog> {
    let count = senders.len();
    let mut server = Server::new(service.clone());
    let retry_after = server.retry_after();
    let mut state = State {
        seen: senders
            .iter()
            .map(|sender| SenderLog { wanted: sender.wanted, ..SenderLog::default() })
            .collect(),
        waiting: senders.iter().map(|sender| sender.wanted).collect(),
        under_way: vec![0; count],
        woken_at: vec![None; count],
        queue: BinaryHeap::new(),
        order: 0,
        chance: seed ^ 0x5851_F42D_4C95_7F2D,
        latency_ms: service.latency_ms,
        senders,
    };
    for sender in 0..count {
        let start = state.senders[sender].start;
        state.at(start, Happening::Wake { sender });
    }
    while let Some(Reverse((now, _, happening))) = state.queue.pop() {
        if now.as_secs_f64() > until {
            break;
        }
        match happening {
            Happening::Arrive { sender, ticket } => {
                let through = server.arrive(now);
                let back = state.half_latency();
                state.at(now + back, Happening::Answer { sender, ticket, through });
            }
            Happening::Answer { sender, ticket, through } => {
                state.answer(sender, ticket, through, now, retry_after);
            }
            Happening::Rejoin { sender } => {
                state.waiting[sender] += 1;
                state.let_out(sender, now);
            }
            Happening::Wake { sender } => {
                if state.woken_at[sender] == Some(now) {
                    state.woken_at[sender] = None;
                }
                state.let_out(sender, now);
            }
        }
    }
    state.seen
}

impl State {
    fn at(&mut self, when: Duration, happening: Happening) {
        self.order += 1;
        self.queue.push(Reverse((when, self.order, happening)));
    }

    fn half_latency(&mut self) -> Duration {
        self.chance =
            self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let unit = (self.chance >> 11) as f64 / (1_u64 << 53) as f64;
        let [least, most] = self.latency_ms;
        Duration::from_secs_f64((least + (most - least) * unit) / 2000.0)
    }

    fn let_out(&mut self, sender: usize, now: Duration) {
        while self.waiting[sender] > 0 {
            let outstanding = self.waiting[sender] + self.under_way[sender];
            self.senders[sender].pacing.note_outstanding(outstanding as u64);
            match self.senders[sender].pacing.next(now) {
                Next::Now(ticket) => {
                    self.waiting[sender] -= 1;
                    self.under_way[sender] += 1;
                    let seconds = now.as_secs_f64();
                    let seen = &mut self.seen[sender];
                    seen.sent.push(seconds);
                    seen.peak = seen.peak.max(self.under_way[sender]);
                    seen.rates.push((seconds, self.senders[sender].pacing.rate()));
                    let there = self.half_latency();
                    self.at(now + there, Happening::Arrive { sender, ticket });
                }
                Next::At(then) => {
                    assert!(then > now, "told to wait until {then:?} at {now:?}");
                    if self.woken_at[sender].is_none_or(|woken| woken > then || woken < now) {
                        self.woken_at[sender] = Some(then);
                        self.at(then, Happening::Wake { sender });
                    }
                    return;
                }
                Next::WhenOneReturns => {
                    assert!(self.under_way[sender] > 0, "told to wait for an answer with nothing under way");
                    return;
                }
            }
        }
    }

    fn answer(
        &mut self,
        sender: usize,
        ticket: u64,
        through: bool,
        now: Duration,
        retry_after: Option<Duration>,
    ) {
        self.under_way[sender] -= 1;
        let seconds = now.as_secs_f64();
        if through {
            self.senders[sender].pacing.on_success(ticket, now);
            self.seen[sender].through.push(seconds);
        } else {
            self.seen[sender].refused.push(seconds);
            let pause = self.senders[sender].pacing.on_throttled(ticket, now, retry_after);
            self.at(now + pause, Happening::Rejoin { sender });
        }
        let rate = self.senders[sender].pacing.rate();
        self.seen[sender].rates.push((seconds, rate));
        self.let_out(sender, now);
    }
}
