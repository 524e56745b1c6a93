//! The promises of every history of `scale`, for as many seeds as time allows.

use crate::{many::Histories, regional, scaling};

const HISTORIES: Histories<scaling::Told> = Histories {
    name: "no_seed_ends_scaling",
    slots: 12,
    seeds: 300,
    first: None,
    play: |seed, most, loud| scaling::play(scaling::drawn(seed, most).told(loud)),
};

/// The same over two or three regions, of which one at a time may be silent or missing in the config.
const IN_REGIONS: Histories<scaling::Told> = Histories {
    name: "no_seed_ends_regions",
    slots: 12,
    seeds: 60,
    first: None,
    play: |seed, most, loud| scaling::play(regional::drawn(seed, most).told(loud)),
};

#[test]
fn no_seed_ends_regions_at_another_size() {
    let Some(sum) = IN_REGIONS.check() else { return };
    let (seeds, total) = (sum.seeds, &sum.total);
    let changed = total.deaths > seeds / 4 && total.terminations > seeds && total.outages > seeds / 4;
    assert!(seeds < IN_REGIONS.seeds || changed && total.unlisted > 0, "{total}");
}

#[test]
fn no_seed_ends_scaling_at_another_size() {
    let Some(sum) = HISTORIES.check() else { return };
    let (seeds, total) = (sum.seeds, &sum.total);
    // A history without kills and changes would keep every promise.
    let changed = total.deaths > seeds / 4 && total.terminations > seeds;
    assert!(seeds < HISTORIES.seeds || changed, "{total}");
}
