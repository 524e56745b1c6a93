//! The capacity memory as a list: targets, their last responses, scores and best hours.

use super::instances::list::short_ocid;
use super::listing::Listing;
use super::text::{clean, left, moment};
use crate::args::OutputFormat;
use jiff::Timestamp;
use ledger::CapacityType;
use ledger::capacity::{Remembered, Scope, Subject};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const COLUMNS: &[&str] = &[
    "TENANCY",
    "REGION",
    "TARGET",
    "LAST REFUSAL",
    "REFUSED AT",
    "IN A ROW",
    "NEXT TRY",
    "LAST SUCCESS",
    "SCORE",
    "BEST HOURS UTC",
];
/// The maximum number of best hours shown.
const HOURS_SHOWN: usize = 4;

/// The list, best targets first.
pub fn history_listing(known: &[(Scope, BTreeMap<Subject, Remembered>)], now: Timestamp) -> Listing {
    let mut listing = Listing::new("targets", COLUMNS);
    for (scope, targets) in known {
        let mut targets: Vec<(&Subject, &Remembered)> = targets.iter().collect();
        let rank = |known: &Remembered| known.score(now).unwrap_or(-1.0);
        targets.sort_by(|one, other| rank(other.1).total_cmp(&rank(one.1)));
        for (subject, known) in targets {
            let error = known.refusal.as_ref();
            let row = vec![
                tenancy(&scope.tenancy),
                clean(&scope.region),
                clean(&subject.to_string()),
                error.map_or_else(dash, |error| format!("{} {}", error.class, clean(&error.code))),
                known.refused_at.map_or_else(dash, moment),
                known.streak.to_string(),
                next_try(known, now),
                known.yielded_at.map_or_else(dash, moment),
                score(known, now),
                best_hours(known),
            ];
            let mut value = memory_value(subject, known, now);
            value["region"] = scope.region.clone().into();
            value["tenancy"] = scope.tenancy.clone().into();
            listing.push(row, value);
        }
    }
    listing
}

/// The list as text, as wide as the terminal. A target that several tenancies have is listed for each of them.
pub fn history_text(listing: &Listing, format: OutputFormat, width: Option<usize>) -> String {
    let tenancies: BTreeSet<&String> = listing.rows.iter().filter_map(|row| row.first()).collect();
    // With one tenancy, its name says nothing.
    let tenancy = if tenancies.len() > 1 { 0 } else { u8::MAX };
    let ranks = [tenancy, 4, 0, 0, 5, 6, 1, 3, 2, 7];
    // The target and its last refusal are the longest texts.
    let ranks: Vec<(u8, bool)> =
        ranks.into_iter().enumerate().map(|(at, rank)| (rank, at == 2 || at == 3)).collect();
    listing.fitted(format, &ranks, width)
}

/// The end of the OCID, which tells tenancies apart.
fn tenancy(ocid: &str) -> String {
    if ocid.is_empty() { dash() } else { short_ocid(&clean(ocid)) }
}

/// The memory of a subject, for programs.
pub fn memory_value(subject: &Subject, known: &Remembered, now: Timestamp) -> Value {
    let mut value = match subject {
        Subject::Target { availability_domain, fault_domain, shape, size, capacity_type, reservation } => {
            json!({
                "kind": "target",
                "availability_domain": availability_domain,
                "fault_domain": fault_domain,
                "shape": shape,
                "size": size,
                "capacity_type": match capacity_type {
                    CapacityType::OnDemand => "on_demand",
                    CapacityType::Preemptible => "preemptible",
                },
                "capacity_reservation_id": reservation,
            })
        }
        Subject::Limit { name, shape } => json!({"kind": "limit", "limit": name, "shape": shape}),
        Subject::Quota { compartment, shape } => {
            json!({"kind": "quota", "compartment": compartment, "shape": shape})
        }
    };
    let hours: Vec<Value> = known
        .tallies
        .by_hour()
        .filter(|(_, tally)| tally.asked > 0 || tally.yielded > 0)
        .map(|(hour, tally)| json!({"hour_utc": hour, "asked": tally.asked, "yielded": tally.yielded}))
        .collect();
    let days: Vec<Value> = known
        .tallies
        .by_age(now)
        .map(|(age, tally)| json!({"age_days": age, "asked": tally.asked, "yielded": tally.yielded}))
        .collect();
    value["last_refusal"] = serde_json::to_value(&known.refusal).unwrap_or_default();
    value["refused_at"] = json!(known.refused_at);
    value["last_success_at"] = json!(known.yielded_at);
    value["refusals_in_a_row"] = known.streak.into();
    value["next_try"] = json!(known.next_probe.filter(|_| known.is_waiting(now)));
    value["launch_budget"] = json!(known.budget);
    value["score"] = json!(known.score(now));
    value["by_hour"] = hours.into();
    value["by_age"] = days.into();
    value
}

/// The share of requests that obtained an instance.
pub fn score(known: &Remembered, now: Timestamp) -> String {
    known.score(now).map_or_else(dash, |score| format!("{score:.2}"))
}

/// The hours that used to provide instances.
pub fn best_hours(known: &Remembered) -> String {
    let best = known.tallies.best_hours();
    let shown: Vec<String> = best.iter().take(HOURS_SHOWN).map(|hour| format!("{hour:02}")).collect();
    if shown.is_empty() { dash() } else { shown.join(" ") }
}

fn next_try(known: &Remembered, now: Timestamp) -> String {
    match known.next_probe.filter(|_| known.is_waiting(now)) {
        Some(next) => left(next, now),
        None => "any time".to_owned(),
    }
}

fn dash() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_fits_a_terminal_of_80_columns() {
        let mut listing = Listing::new("targets", COLUMNS);
        for tenancy in ["…aaaaaaaa", "…bbbbbbbb"] {
            let row = [
                tenancy,
                "us-phoenix-1",
                "VM.Standard.E4.Flex, 1 OCPU, 6 GB in Uocm:PHX-AD-1, on demand",
                "capacity InternalError",
                "2026-11-30 08:00",
                "12",
                "in 3 min",
                "2026-11-29 22:00",
                "0.25",
                "02 03 04 05",
            ];
            listing.push(row.map(str::to_owned).to_vec(), json!({}));
        }
        let fitted = history_text(&listing, OutputFormat::Table, Some(80));
        insta::assert_snapshot!(fitted, @r"
        TENANCY    TARGET                        LAST REFUSAL            NEXT TRY  SCORE
        …aaaaaaaa  VM.Standard.E4.Flex, 1 OCPU…  capacity InternalError  in 3 min  0.25
        …bbbbbbbb  VM.Standard.E4.Flex, 1 OCPU…  capacity InternalError  in 3 min  0.25
        ");
        assert!(fitted.lines().all(|line| line.chars().count() <= 80), "{fitted}");
        listing.rows.pop();
        let one = history_text(&listing, OutputFormat::Table, Some(80));
        assert!(!one.contains("TENANCY") && one.contains("NEXT TRY"), "{one}");
    }
}
