//! What every history of upkeep must keep, for as many seeds as time allows.

use crate::{many::number, setup::Setup, upkeep};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Slots of a history, unless more are asked for.
const SLOTS: u32 = 6;
/// Histories in the test that always runs.
const SEEDS: u64 = 600;

#[test]
fn no_seed_deletes_what_the_books_want() {
    let most = number("SIMULATE_SLOTS").map_or(SLOTS, |slots| u32::try_from(slots).unwrap());
    if let Some(seed) = number("SIMULATE_SEED") {
        let setup = Setup { loud: true, ..Setup::drawn(seed, most) };
        println!("{:?}", upkeep::play(setup).unwrap());
        return;
    }
    // Not from a random base yet: soon after a launch that waits for nothing, a cleanup still asks for the deletion of a
    // reservation in use, in about one history of 1,500. The service refuses that.
    let first = number("SIMULATE_FIRST").unwrap_or(1);
    let count = number("SIMULATE_SEEDS").unwrap_or(SEEDS);
    let again = "make simulate HISTORIES=no_seed_deletes";
    println!(
        "seeds {first} to {}: {again} FIRST={first} SEEDS={count} SLOTS={most}",
        first + count.saturating_sub(1)
    );
    let (next, sum) = (AtomicU64::new(first), Mutex::new((upkeep::Told::default(), Vec::new())));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || sum.lock().unwrap().1.len() >= 5 {
                        return;
                    }
                    let setup = Setup::drawn(seed, most);
                    let told = catch_unwind(AssertUnwindSafe(|| upkeep::play(setup)));
                    let told = told.unwrap_or_else(|_| Err("panicked".to_owned()));
                    let (all, broken) = &mut *sum.lock().unwrap();
                    match told {
                        Ok(told) => {
                            all.cleanups += told.cleanups;
                            all.deletions += told.deletions;
                        }
                        Err(reason) => broken.push(format!("seed {seed}: {reason}")),
                    }
                }
            });
        }
    });
    let (all, broken) = sum.into_inner().unwrap();
    println!(
        "{count} seeds from {first} of up to {most} slots: {} cleanups, {} deletions sent, {} promises broken",
        all.cleanups,
        all.deletions,
        broken.len()
    );
    assert!(broken.is_empty(), "{}\nplay one again: {again} SEED=… SLOTS={most}", broken.join("\n"));
    // A cleanup that deletes nothing keeps every promise.
    assert!(count < SEEDS || all.deletions > count / 16, "{} deletions", all.deletions);
}
