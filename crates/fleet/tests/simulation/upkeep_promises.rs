//! The promises of every history of upkeep, for as many seeds as time allows.

use crate::{many::Histories, setup::Setup, upkeep};

const HISTORIES: Histories<upkeep::Told> = Histories {
    name: "no_seed_deletes",
    slots: 6,
    seeds: 600,
    first: None,
    play: |seed, most, loud| upkeep::play(Setup::drawn(seed, most).told(loud)),
};

#[test]
fn no_seed_deletes_what_the_books_want() {
    let Some(sum) = HISTORIES.check() else { return };
    // A cleanup that deletes nothing would keep every promise. 600 random seeds delete 68 resources on average, in groups of
    // about 4 (30 samples: 38 to 108), so that fewer than 10 are no accident.
    let (seeds, deletions) = (sum.seeds, sum.total.deletions);
    assert!(seeds < HISTORIES.seeds || deletions >= seeds / 60, "{deletions} deletions");
}
