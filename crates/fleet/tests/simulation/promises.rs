//! The promises of every history, for as many seeds as time allows.

use crate::{
    history::{self, Told},
    many::Histories,
    setup::Setup,
    wanting,
};

const HISTORIES: Histories<Told> =
    Histories { name: "no_seed_loses", slots: 8, seeds: 1000, first: None, play: play_seed };

fn play_seed(seed: u64, most: u32, loud: bool) -> Result<Told, String> {
    history::play(Setup::drawn(seed, most).told(loud))
}

#[test]
fn no_seed_loses_or_doubles_an_instance() {
    HISTORIES.check();
}

/// The same for launches of totals in place of a number.
const OF_TOTALS: Histories<Told> = Histories {
    name: "no_seed_exceeds",
    slots: 8,
    seeds: 200,
    first: None,
    play: |seed, most, loud| history::play(wanting::drawn(seed, most).told(loud)),
};

#[test]
fn no_seed_exceeds_or_forgets_its_totals() {
    OF_TOTALS.check();
}

/// Small fleets hide what each slot and each refusal adds to the time: a limit that each slot finds out by itself, patience
/// that starts again with each slot, a pace that refusals lower without end, a pause that grows with each penalty. These seeds
/// once took more than 12 hours.
#[test]
fn a_large_fleet_comes_to_its_end_where_little_is_to_be_had() {
    for seed in [38, 122, 222, 370, 414, 6283, 7899, 10755, 10842] {
        if let Err(reason) = play_seed(seed, 110, false) {
            panic!(
                "seed {seed}: {reason}\nplay it again: make simulate HISTORIES=no_seed_loses SEED={seed} SLOTS=110"
            );
        }
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_events() {
    for seed in (1..=400).step_by(5) {
        let play = || play_seed(seed, HISTORIES.slots, false).unwrap();
        let (first, second) = (play(), play());
        assert_eq!(first.records, second.records, "seed {seed}");
        assert_eq!(
            (first.requests, first.virtual_time),
            (second.requests, second.virtual_time),
            "seed {seed}"
        );
    }
}
