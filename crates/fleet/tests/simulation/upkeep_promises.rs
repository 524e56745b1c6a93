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
    // A cleanup that deletes nothing would keep every promise.
    let (seeds, deletions) = (sum.seeds, sum.total.deletions);
    assert!(seeds < HISTORIES.seeds || deletions > seeds / 16, "{deletions} deletions");
}
