//! Reads `want:`: totals of OCPUs and memory in place of a number of instances.
//!
//! It must not know how a launch reaches them.

use super::context::{Context, GROUP};
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::{At, Section};
use fleet::FleetSpec;
use fleet::plan::{Totals, WantedTotals};
use fleet::price::{self, Size};

/// The path of the group.
const PATH: &str = "instance_settings.want.";
/// The smallest total. A smaller one would be reached by nothing.
const LEAST: f64 = 1.0;

/// Reads the group; `None` if it is absent or contains nothing usable.
pub fn read_want(section: &Section<'_>, context: &Context<'_>) -> Option<At<WantedTotals>> {
    let findings = context.findings;
    let place = section.key_place("want")?;
    let Some(node) = section.node("want") else {
        findings.mistake(
            Finding::at(place, format!("{GROUP}want is empty"))
                .help("write `want: {ocpus: 400, max_instances: 32}`, or remove the key"),
        );
        return None;
    };
    let group = Section::of(node, PATH, keys::WANT, findings)?;
    let total = |key: &str| {
        let given = group.number(key)?;
        if given.value < LEAST {
            let message = format!("{PATH}{key} must be at least {LEAST}, but is {}", given.value);
            findings.mistake(Finding::at(given.place, message));
            return None;
        }
        Some(given.value)
    };
    let (ocpus, memory_gb) = (total("ocpus"), total("memory_in_gbs"));
    let unsaid = ["ocpus", "memory_in_gbs"].iter().all(|key| group.key_place(key).is_none());
    if unsaid && !group.is_misspelt("ocpus") && !group.is_misspelt("memory_in_gbs") {
        findings.mistake(
            Finding::at(node.place, "want has no total")
                .help("add `ocpus: 400`, `memory_in_gbs: 3200`, or both"),
        );
    }
    for key in ["ocpus", "memory_in_gbs"] {
        // An empty total must not become none beside the other.
        if let Some(place) = group.key_place(key).filter(|_| group.node(key).is_none()) {
            findings.mistake(
                Finding::at(place, format!("{PATH}{key} is empty")).help("write a number, or remove the key"),
            );
        }
    }
    let most = group.whole("max_instances");
    if group.node("max_instances").is_none() && !group.is_misspelt("max_instances") {
        findings.mistake(
            Finding::at(node.place, "want lacks `max_instances`, the maximum number of instances")
                .help("add `max_instances: 32`"),
        );
    }
    check_beside(section, place, context);
    (ocpus.is_some() || memory_gb.is_some()).then_some(())?;
    let want = WantedTotals { ocpus, memory_gb, max_instances: u32::try_from(most?.value).ok()? };
    Some(At { value: want, place })
}

/// Refuses what contradicts wanted totals.
fn check_beside(section: &Section<'_>, place: Place, context: &Context<'_>) {
    if let Some(place) = section.key_place("count") {
        context.findings.mistake(
            Finding::at(place, "count and want are both set, but contradict each other")
                .help("remove `count`; `want.max_instances` bounds the number"),
        );
    }
    if context.count.is_some() {
        context.findings.mistake(
            Finding::at(place, "--count and want contradict each other")
                .help("omit --count, or replace `want` by `count`"),
        );
    }
    if let Some(place) = section.key_place("spread") {
        context.findings.mistake(
            Finding::at(
                place,
                "spread and want contradict each other: a spread needs the number of instances",
            )
            .help("remove one of the two"),
        );
    }
}

/// Puts the totals into the fleet, once its choices are known: the size of each must be known, and one must reach the totals.
pub fn apply_want(fleet: &mut FleetSpec, want: &At<WantedTotals>, findings: &Findings) {
    let WantedTotals { ocpus, memory_gb, max_instances } = want.value;
    let mut reached = false;
    let mut most = Totals::default();
    for kind in fleet.kinds() {
        let each = fleet.totals_at(kind);
        let lacks = [
            ("ocpus", ocpus.is_some() && each.ocpus() == 0.0),
            ("memory_in_gbs", memory_gb.is_some() && each.memory_gb() == 0.0),
        ];
        for (key, _) in lacks.into_iter().filter(|(_, lacks)| *lacks) {
            let what = price::describe(&kind.shape, fleet.size_at(kind));
            findings.mistake(
                Finding::at(
                    want.place,
                    format!("want.{key} needs the size of every choice, but {what} has no known {key}"),
                )
                .help(format!("set `{key}` in its `shape_config`, or remove `want.{key}`")),
            );
            reached = true;
        }
        let missing = want.value.missing(Totals::default(), each);
        reached |= missing.is_some_and(|missing| missing <= max_instances);
        if each.ocpus() + each.memory_gb() > most.ocpus() + most.memory_gb() {
            most = each;
        }
    }
    if !reached && let Some(needed) = want.value.missing(Totals::default(), most) {
        let size = Size { ocpus: Some(most.ocpus()), memory_gb: Some(most.memory_gb()) };
        let size = price::describe("", size);
        findings.mistake(
            Finding::at(
                want.place,
                format!(
                    "want cannot be reached: it takes {needed} instances of the largest choice ({}), but max_instances is {max_instances}",
                    size.trim_start_matches([',', ' '])
                ),
            )
            .help("raise `max_instances`, choose a larger size, or want less"),
        );
    }
    fleet.want = Some(want.value);
}
