//! What a seed determines of a history of two machines: the region and the fleet of any history, and what befalls whom, and when.

use super::link::Way;
use crate::setup::{Setup, pick};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;

/// After this time without a sign of life, the other machine may take over.
pub const TAKEOVER: Duration = Duration::from_mins(1);

/// How a server ends.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// `pg_ctl stop` in this mode.
    Stopped(&'static str),
    /// `kill -9`.
    Killed,
}

/// What befalls a machine or the server.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// The process is gone without a word.
    Kill,
    /// The machine stands still, as a laptop that sleeps.
    Pause,
    /// The machine and the database do not reach each other.
    Partition(Way),
    /// The server ends, and is started again.
    Server(Ending),
    /// The person presses Ctrl-C.
    Interrupt,
}

/// One fault of a history.
#[derive(Clone, Copy, Debug)]
pub struct Strike {
    pub fault: Fault,
    /// From the beginning of the history.
    pub after: Duration,
    /// At this access to the ledger or the network, or after a while.
    pub point: u64,
    /// Whether it hits the machine that works on the run, or the other one.
    pub on_holder: bool,
    pub lasts: Duration,
}

/// One history.
#[derive(Debug)]
pub struct TeamSetup {
    pub common: Setup,
    pub strikes: Vec<Strike>,
    /// How long a run waits for the database.
    pub patience: Duration,
    /// For how long a process believes that its lease lasts. The database always decides after [`TAKEOVER`]: with the longer
    /// time, a machine that wakes up is sure of a lease that it has lost.
    pub belief: Duration,
    /// How long a process takes to write anything after it has taken the run.
    pub hesitates: Duration,
}

impl TeamSetup {
    /// The history of a seed, with at most this many slots.
    pub fn drawn(seed: u64, most: u32) -> Self {
        let mut common = Setup::drawn(seed, most);
        // What one machine may do is the matter of other histories.
        (common.reserve, common.preemptible, common.volumes) = (false, false, false);
        let mut chance = StdRng::seed_from_u64(seed ^ 0x7EA5);
        let count = *pick(&mut chance, &[2, 3, 4, 6, 8]);
        let points = *pick(&mut chance, &[4, 20, 60]);
        let strikes = (0..count).map(|_| drawn_strike(&mut chance, points)).collect();
        Self {
            common,
            strikes,
            patience: Duration::from_secs(*pick(&mut chance, &[0, 30, 30])),
            belief: *pick(&mut chance, &[TAKEOVER, TAKEOVER * 10]),
            hesitates: Duration::from_secs(*pick(&mut chance, &[0, 0, 30])),
        }
    }
}

fn drawn_strike(chance: &mut StdRng, points: u64) -> Strike {
    let fault = match chance.random_range(0..14) {
        0..=2 => Fault::Kill,
        3..=5 => Fault::Pause,
        6 => Fault::Partition(Way::Cut),
        7 => Fault::Partition(Way::Held),
        8..=10 => Fault::Partition(Way::Deaf),
        11 | 12 => Fault::Server(*pick(
            chance,
            &[Ending::Killed, Ending::Stopped("immediate"), Ending::Stopped("fast")],
        )),
        _ => Fault::Interrupt,
    };
    // A process has few appends in comparison.
    let points = if matches!(fault, Fault::Partition(Way::Deaf)) { 8 } else { points };
    Strike {
        fault,
        after: Duration::from_secs(*pick(chance, &[0, 0, 0, 0, 5, 20, 60, 150])),
        point: chance.random_range(1..=points),
        on_holder: chance.random_bool(0.85),
        lasts: Duration::from_millis(*pick(chance, &[0, 500, 20_000, 75_000, 75_000, 200_000])),
    }
}
