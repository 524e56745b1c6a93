//! Reads `spread:`: how members are spread over domains, and settings of the same file that contradict it.
//!
//! It must not know which domains exist; the plan asks.

use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::Section;
use fleet::plan::{Across, Spread, WhenImpossible};

/// The path of the group.
const PATH: &str = "instance_settings.spread.";
/// The values of `across`, with their meaning.
pub const ACROSS: [(&str, Across); 2] =
    [("fault_domain", Across::FaultDomain), ("availability_domain", Across::AvailabilityDomain)];
/// The values of `when_impossible`.
pub const WHEN_IMPOSSIBLE: [(&str, WhenImpossible); 2] =
    [("refuse", WhenImpossible::Refuse), ("best_effort", WhenImpossible::BestEffort)];

fn lacks_across(place: Place, findings: &Findings) {
    findings.mistake(
        Finding::at(place, "spread lacks `across`")
            .help("write `across: fault_domain` or `across: availability_domain`"),
    );
}

/// Reads the group; `None` if it is absent or contains nothing usable.
pub fn read_spread(section: &Section<'_>, findings: &Findings) -> Option<Spread> {
    let Some(node) = section.node("spread") else {
        let place = section.key_place("spread")?;
        lacks_across(place, findings);
        return None;
    };
    let group = Section::of(node, PATH, keys::SPREAD, findings)?;
    let across = group.key_place("across").map(|_| group.choice("across", &ACROSS));
    if across.is_none() && !group.is_misspelt("across") {
        lacks_across(node.place, findings);
    }
    // All values are read before any is used, so that all mistakes are reported at once.
    let max_skew = group.node("max_skew").map(|_| group.whole("max_skew"));
    let when_impossible =
        group.key_place("when_impossible").map(|_| group.choice("when_impossible", &WHEN_IMPOSSIBLE));
    let spread = Spread {
        across: across??,
        max_skew: match max_skew {
            Some(given) => u32::try_from(given?.value).ok()?,
            None => 1,
        },
        when_impossible: when_impossible.unwrap_or_else(|| Some(WhenImpossible::default()))?,
    };
    check(section, spread, findings);
    Some(spread)
}

/// Reports settings that leave the fleet a single domain, whatever the service offers.
fn check(section: &Section<'_>, spread: Spread, findings: &Findings) {
    let (key, what) = match spread.across {
        Across::FaultDomain => ("fault_domain", "fault domain"),
        Across::AvailabilityDomain => ("availability_domain", "availability domain"),
    };
    let mut listed: Vec<String> =
        section.texts(key).iter().map(|text| text.value.trim().to_ascii_uppercase()).collect();
    listed.sort();
    listed.dedup();
    if let (1, Some(node)) = (listed.len(), section.node(key)) {
        let message = format!("{key} allows one {what}, so the fleet cannot be spread over several");
        let help = match spread.across {
            Across::FaultDomain => "remove fault_domain, list at least two, or remove `spread`",
            Across::AvailabilityDomain => {
                "list at least two, or spread across fault_domain: `spread: {across: fault_domain}`"
            }
        };
        findings.mistake(Finding::at(node.place, message).help(help));
    }
    let places = [
        ("dedicated_vm_host_id", "a dedicated host is in one fault domain", true),
        ("compute_cluster_id", "a compute cluster is in one availability domain", false),
    ];
    for (key, why, in_fault_domain) in places {
        let single = in_fault_domain || spread.across == Across::AvailabilityDomain;
        if let Some(given) = section.text(key).filter(|_| single) {
            findings.mistake(
                Finding::at(given.place, format!("{why}, so the fleet cannot be spread over several"))
                    .help(format!("remove {key} or `spread`")),
            );
        }
    }
}
