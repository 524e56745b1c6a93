//! What every history of `scale` must keep, for as many seeds as time allows.

use crate::{
    many::{self, number},
    scaling,
    setup::Setup,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest size of a history, unless more are asked for.
const SLOTS: u32 = 12;
/// Histories in the test that always runs.
const SEEDS: u64 = 300;

#[test]
fn no_seed_ends_scaling_at_another_size() {
    let most = number("SIMULATE_SLOTS").map_or(SLOTS, |slots| u32::try_from(slots).unwrap());
    if let Some(seed) = number("SIMULATE_SEED") {
        let setup = Setup { loud: true, ..scaling::drawn(seed, most) };
        println!("{setup:#?}");
        println!("{:?}", scaling::play(setup).unwrap());
        return;
    }
    let first = number("SIMULATE_FIRST").unwrap_or_else(many::random_base);
    let count = number("SIMULATE_SEEDS").unwrap_or(SEEDS);
    println!(
        "scaling seeds from {first}: SIMULATE_FIRST={first} SIMULATE_SEEDS={count} SIMULATE_SLOTS={most}"
    );
    let (next, sum) = (AtomicU64::new(first), Mutex::new((scaling::Told::default(), Vec::new())));
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count || sum.lock().unwrap().1.len() >= 5 {
                        return;
                    }
                    let setup = scaling::drawn(seed, most);
                    let told = catch_unwind(AssertUnwindSafe(|| scaling::play(setup)));
                    let told = told.unwrap_or_else(|_| Err("panicked".to_owned()));
                    let (all, broken) = &mut *sum.lock().unwrap();
                    match told {
                        Ok(told) => {
                            all.scales += told.scales;
                            all.deaths += told.deaths;
                            all.launches += told.launches;
                            all.terminations += told.terminations;
                            all.keepers += told.keepers;
                            all.replacements += told.replacements;
                        }
                        Err(reason) => broken.push(format!("seed {seed}: {reason}")),
                    }
                }
            });
        }
    });
    let (all, broken) = sum.into_inner().unwrap();
    println!(
        "{count} seeds from {first} of up to {most} members: {} scales ended, {} died, {} launches, {} terminations, {} keepers, {} replacements, {} promises broken",
        all.scales,
        all.deaths,
        all.launches,
        all.terminations,
        all.keepers,
        all.replacements,
        broken.len()
    );
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    // A history without kills and changes keeps every promise.
    assert!(count < SEEDS || (all.deaths > count / 4 && all.terminations > count), "{all:?}");
}
