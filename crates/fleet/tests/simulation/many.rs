//! Plays many seeds on all cores, and says how to replay a failing one.

use std::{
    fmt::Display,
    ops::AddAssign,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// After this many broken promises, no further seed is played.
const ENOUGH: usize = 5;

/// A kind of history, and how many of them the default test plays. The environment may ask for more, or for one seed: see `make
/// simulate`.
pub struct Histories<T> {
    /// The prefix of the test's name.
    pub name: &'static str,
    /// The largest number of instances in a history.
    pub slots: u32,
    /// The number of histories to play.
    pub seeds: u64,
    /// The first seed, unless it is random.
    pub first: Option<u64>,
    /// Plays the history of a seed with at most this many slots, and prints what happens if the last argument is true. The
    /// error says which promise was broken.
    pub play: fn(u64, u32, bool) -> Result<T, String>,
}

/// The statistics of many histories.
pub struct Sum<T> {
    pub seeds: u64,
    pub total: T,
}

impl<T: AddAssign + Default + Display + Send> Histories<T> {
    /// Plays the requested seeds. Panics if a promise was broken, with the command that replays that seed. Returns `None` for a
    /// single seed, whose statistics prove nothing.
    pub fn check(&self) -> Option<Sum<T>> {
        let most = number("SIMULATE_SLOTS").map_or(self.slots, |slots| u32::try_from(slots).unwrap());
        let again = format!("make simulate HISTORIES={} SLOTS={most}", self.name);
        if let Some(seed) = number("SIMULATE_SEED") {
            println!("{}", (self.play)(seed, most, true).unwrap());
            return None;
        }
        let first = number("SIMULATE_FIRST").or(self.first).unwrap_or_else(testkit::random_base);
        let count = number("SIMULATE_SEEDS").unwrap_or(self.seeds);
        println!("{}: {again} FIRST={first} SEEDS={count}", self.name);
        let (sum, broken) = self.many(first, count, most);
        println!(
            "{} histories from {first} of up to {most} slots: {}, {} promises broken",
            sum.seeds,
            sum.total,
            broken.len()
        );
        if let Some((seed, _)) = broken.first() {
            let lines: Vec<String> =
                broken.iter().map(|(seed, reason)| format!("seed {seed}: {reason}")).collect();
            panic!("{}\nplay it again: {again} SEED={seed}", lines.join("\n"));
        }
        Some(sum)
    }

    /// The statistics of the histories that kept their promises, and the seeds of those that did not.
    fn many(&self, first: u64, count: u64, most: u32) -> (Sum<T>, Vec<(u64, String)>) {
        let next = AtomicU64::new(first);
        let played = Mutex::new((Sum { seeds: 0, total: T::default() }, Vec::new()));
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed >= first + count || played.lock().unwrap().1.len() >= ENOUGH {
                            return;
                        }
                        let told = catching(|| (self.play)(seed, most, false));
                        let (sum, broken) = &mut *played.lock().unwrap();
                        sum.seeds += 1;
                        match told {
                            Ok(told) => sum.total += told,
                            Err(reason) => broken.push((seed, reason)),
                        }
                    }
                });
            }
        });
        played.into_inner().unwrap()
    }
}

/// A panic also counts as a broken promise.
fn catching<T>(play: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(play)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(format!("panicked: {}", text.unwrap_or_default()))
    })
}

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| text.parse().unwrap())
}
