//! Plays many seeds on all cores, and says how to play a failing one again.

use crate::{
    history::{self, Told},
    setup::Setup,
};
use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What many histories came to.
#[derive(Debug, Default)]
pub struct Sum {
    pub seeds: u64,
    pub launches: u64,
    pub processes: u64,
    pub requests: u64,
    pub virtual_time: Duration,
    /// Seed and broken promise.
    pub broken: Vec<(u64, String)>,
}

/// Plays one seed.
pub fn one(seed: u64, most: u32) -> Result<Told, String> {
    play(Setup::drawn(seed, most))
}

/// Plays one history. A panic is a broken promise too.
pub fn play(setup: Setup) -> Result<Told, String> {
    catch_unwind(AssertUnwindSafe(|| history::play(setup))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// Plays the seeds from `first` on; stops after a few broken promises.
pub fn seeds(first: u64, count: u64, most: u32) -> Sum {
    let next = AtomicU64::new(first);
    let sum = Mutex::new(Sum::default());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || sum.lock().unwrap().broken.len() >= 5 {
                        return;
                    }
                    let told = one(seed, most);
                    sum.lock().unwrap().take_in(seed, told);
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

impl Sum {
    fn take_in(&mut self, seed: u64, told: Result<Told, String>) {
        self.seeds += 1;
        match told {
            Ok(told) => {
                self.launches += told.launches;
                self.processes += u64::from(told.processes);
                self.requests += told.requests;
                self.virtual_time += told.virtual_time;
            }
            Err(reason) => self.broken.push((seed, reason)),
        }
    }

    /// Fails with the command that plays the first broken seed again.
    pub fn check(&self, most: u32) {
        let lines: Vec<String> =
            self.broken.iter().map(|(seed, reason)| format!("seed {seed}: {reason}")).collect();
        if let Some((seed, _)) = self.broken.first() {
            panic!(
                "{}\nplay it again: make simulate HISTORIES=no_seed_loses SEED={seed} SLOTS={most}",
                lines.join("\n")
            );
        }
    }
}

/// Where a range of seeds begins that nobody has chosen: seeds that always pass prove little.
pub fn random_base() -> u64 {
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}
