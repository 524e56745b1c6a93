//! The capacity memory as a list: targets, their last responses, scores and best hours.

use super::instances::list::short_ocid;
use super::listing::Listing;
use super::published::PublishedRow;
use super::text::{clean, left, moment};
use crate::args::OutputFormat;
use jiff::Timestamp;
use ledger::capacity::{Remembered, Scope, Subject, Tally};
use ledger::{CapacityType, ErrorRecord};
use schemars::JsonSchema;
use serde::Serialize;
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

/// A target, limit or quota, and how it responded.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RememberedTarget<'a> {
    #[serde(flatten)]
    memory: SubjectMemory<'a>,
    /// The region.
    region: &'a str,
    /// The OCID of the tenancy.
    tenancy: &'a str,
}

impl PublishedRow for RememberedTarget<'_> {
    const NAME: &'static str = "capacity-history";
    const LIST: &'static str = "targets";
    const COMMANDS: &'static [&'static str] = &["capacity history"];
}

/// The memory of a target, a limit or a quota.
#[derive(Debug, JsonSchema, Serialize)]
pub struct SubjectMemory<'a> {
    #[serde(flatten)]
    subject: RememberedSubject<'a>,
    /// The last refusal.
    last_refusal: Option<&'a ErrorRecord>,
    /// When it was.
    refused_at: Option<Timestamp>,
    /// The last time an instance was obtained.
    last_success_at: Option<Timestamp>,
    /// Refusals since then.
    refusals_in_a_row: u32,
    /// When it is tried again; `null` if at any time.
    next_try: Option<Timestamp>,
    /// The maximum number of launches in flight; `null` if there is none.
    launch_budget: Option<u32>,
    /// The share of requests that obtained an instance, recent ones counting more; `null` without requests.
    score: Option<f64>,
    /// Requests by hour of the day, without hours that have none.
    by_hour: Vec<HourTally>,
    /// Requests by day, the newest first.
    by_age: Vec<AgeTally>,
}

/// What is remembered.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum RememberedSubject<'a> {
    /// A place and kind of capacity.
    Target {
        /// The availability domain.
        availability_domain: &'a str,
        /// The fault domain, if it is named.
        fault_domain: Option<&'a str>,
        /// The shape.
        shape: &'a str,
        /// The size, as text.
        size: &'a str,
        /// How capacity is bought.
        capacity_type: CapacityType,
        /// The OCID of the capacity reservation.
        capacity_reservation_id: Option<&'a str>,
    },
    /// A service limit.
    Limit {
        /// Its name.
        limit: &'a str,
        /// The shape that counts against it.
        shape: &'a str,
    },
    /// A quota.
    Quota {
        /// The OCID of its compartment.
        compartment: &'a str,
        /// The shape that counts against it.
        shape: &'a str,
    },
}

/// The requests of an hour of the day.
#[derive(Debug, JsonSchema, Serialize)]
struct HourTally {
    /// The hour, 0 to 23, in UTC.
    hour_utc: usize,
    /// Requests.
    asked: u16,
    /// Instances obtained.
    yielded: u16,
}

/// The requests of a day.
#[derive(Debug, JsonSchema, Serialize)]
struct AgeTally {
    /// Its age in days; 0 is today.
    age_days: u32,
    /// Requests.
    asked: u16,
    /// Instances obtained.
    yielded: u16,
}

/// The list, best targets first.
pub fn history_listing(
    known: &[(Scope, BTreeMap<Subject, Remembered>)],
    now: Timestamp,
) -> Listing<RememberedTarget<'_>> {
    let mut listing = Listing::new(COLUMNS);
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
            let memory = memory_of(subject, known, now);
            let value = RememberedTarget { memory, region: &scope.region, tenancy: &scope.tenancy };
            listing.push(row, &value);
        }
    }
    listing
}

/// The list as text, as wide as the terminal. A target that several tenancies have is listed for each of them.
pub fn history_text(
    listing: &Listing<RememberedTarget<'_>>,
    format: OutputFormat,
    width: Option<usize>,
) -> String {
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
pub fn memory_of<'a>(subject: &'a Subject, known: &'a Remembered, now: Timestamp) -> SubjectMemory<'a> {
    let subject = match subject {
        Subject::Target { availability_domain, fault_domain, shape, size, capacity_type, reservation } => {
            RememberedSubject::Target {
                availability_domain,
                fault_domain: fault_domain.as_deref(),
                shape,
                size,
                capacity_type: *capacity_type,
                capacity_reservation_id: reservation.as_deref(),
            }
        }
        Subject::Limit { name, shape } => RememberedSubject::Limit { limit: name, shape },
        Subject::Quota { compartment, shape } => RememberedSubject::Quota { compartment, shape },
    };
    let hours = known.tallies.by_hour().filter(|(_, tally)| tally.asked > 0 || tally.yielded > 0);
    let hour =
        |(hour_utc, tally): (_, Tally)| HourTally { hour_utc, asked: tally.asked, yielded: tally.yielded };
    let age =
        |(age_days, tally): (_, Tally)| AgeTally { age_days, asked: tally.asked, yielded: tally.yielded };
    SubjectMemory {
        subject,
        last_refusal: known.refusal.as_ref(),
        refused_at: known.refused_at,
        last_success_at: known.yielded_at,
        refusals_in_a_row: known.streak,
        next_try: known.next_probe.filter(|_| known.is_waiting(now)),
        launch_budget: known.budget,
        score: known.score(now),
        by_hour: hours.map(hour).collect(),
        by_age: known.tallies.by_age(now).map(age).collect(),
    }
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
        let mut listing = Listing::new(COLUMNS);
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
            listing.rows.push(row.map(str::to_owned).to_vec());
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
