//! What every history must keep, for as many seeds as time allows.

use crate::{
    many::{self, number},
    setup::Setup,
};

/// Slots of a history in the test that always runs; a long run takes more.
const SLOTS: u32 = 8;
/// Histories in the test that always runs: every preset 125 times, which takes three minutes without optimisation.
const SEEDS: u64 = 1000;

#[test]
fn no_seed_loses_or_doubles_an_instance() {
    let most = number("SIMULATE_SLOTS").map_or(SLOTS, |slots| u32::try_from(slots).unwrap());
    if let Some(seed) = number("SIMULATE_SEED") {
        replay(seed, most);
        return;
    }
    let first = number("SIMULATE_FIRST").unwrap_or_else(many::random_base);
    let count = number("SIMULATE_SEEDS").unwrap_or(SEEDS);
    println!(
        "seeds {first} to {}: make simulate FIRST={first} SEEDS={count} SLOTS={most}",
        first + count.saturating_sub(1)
    );
    let sum = many::seeds(first, count, most);
    println!(
        "{} seeds from {first} of up to {most} slots: {} launches accepted, {} processes, {} requests, {:.0} h of virtual time, {} promises broken",
        sum.seeds,
        sum.launches,
        sum.processes,
        sum.requests,
        sum.virtual_time.as_secs_f64() / 3600.0,
        sum.broken.len()
    );
    sum.check(most);
}

/// Plays one seed and tells what happens.
fn replay(seed: u64, most: u32) {
    let setup = Setup { loud: true, ..Setup::drawn(seed, most) };
    println!("{setup:#?}");
    let told = many::play(setup).unwrap();
    println!(
        "{} launches, {} processes, {:?} of virtual time",
        told.launches, told.processes, told.virtual_time
    );
}

/// Small fleets hide what each slot and each refusal adds to the time: a limit that each slot finds out by itself, patience
/// that begins anew with each, a pace that refusals lower without end, a pause that grows with each penalty. These seeds
/// were busy for more than 12 hours.
#[test]
fn a_large_fleet_comes_to_its_end_where_little_is_to_be_had() {
    for seed in [38, 122, 222, 370, 414, 6283, 7899, 10755, 10842] {
        if let Err(reason) = many::one(seed, 110) {
            panic!("seed {seed}: {reason}\nplay it again: make simulate SEED={seed} SLOTS=110");
        }
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_events() {
    for seed in (1..=400).step_by(5) {
        let (first, second) = (many::one(seed, SLOTS).unwrap(), many::one(seed, SLOTS).unwrap());
        assert_eq!(first.records, second.records, "seed {seed}");
        assert_eq!(
            (first.requests, first.virtual_time),
            (second.requests, second.virtual_time),
            "seed {seed}"
        );
    }
}
