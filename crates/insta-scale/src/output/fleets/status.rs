//! The state of a fleet, for people and for programs.

use crate::args::OutputFormat;
use crate::output::instances::columns::{Column, columns_table};
use crate::output::instances::list::{short_domain, short_ocid};
use crate::output::listing::{or_dash, per_hour};
use crate::output::published::{PublishedDocument, text_of};
use crate::output::runs::age;
use crate::output::simulated::by_region;
use crate::output::text::{clean, count, left, moment, ranges, thousands};
use fleet::fleets::{Drift, MemberRow, PoolStanding, SpreadStanding, Standing};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// With more members than this, only those that need attention are shown individually.
const ROWS: usize = 100;
/// The width of the labels, in columns.
const LABEL: usize = 16;

/// For people. `file` is the config; `width` is the terminal's, if there is one.
pub fn text(standing: &Standing, file: &str, now: Timestamp, width: Option<usize>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    let further = standing.by_region.keys().filter(|region| **region != standing.fleet.region);
    let regions: Vec<String> =
        std::iter::once(&standing.fleet.region).chain(further).map(|name| clean(name)).collect();
    let _ = writeln!(out, "fleet {} in {}", clean(&standing.fleet.name), regions.join(", "));
    let mut line = |label: &str, text: String| {
        let _ = writeln!(out, "  {label:<LABEL$} {text}");
    };
    line("wanted", wanted(standing, file, now));
    line("exist", exist(standing));
    let counts = [
        ("by region", &standing.by_region),
        ("by domain", &standing.by_domain),
        ("by shape", &standing.by_shape),
    ];
    for (label, counts) in counts {
        if !counts.is_empty() {
            line(label, counted(counts.iter().map(|(key, count)| (domain(key), *count))));
        }
    }
    if !standing.by_capacity_type.is_empty() {
        let types = standing.by_capacity_type.iter();
        line("by capacity", counted(types.map(|(key, count)| (key.replace('_', " "), *count))));
    }
    if let Some(spread) = &standing.spread {
        line("spread", spread_line(spread));
    }
    line("price", price(standing));
    for (label, text) in belongings(standing) {
        line(label, text);
    }
    if let Some(cluster) = &standing.compute_cluster {
        let (name, state) = (clean(&cluster.name), clean(&cluster.state));
        line(
            "cluster",
            format!("{name}: {state} in {}, {}", clean(&cluster.availability_domain), clean(&cluster.ocid)),
        );
    }
    for pool in &standing.pools {
        line("pool", pool_line(pool));
    }
    if let Some(until) = standing.expires {
        line("expires", format!("{} ({}), the first of them", moment(until), left(until, now)));
    }
    for (label, text) in troubles(standing) {
        line(label, text);
    }
    let shown = rows(standing);
    if !shown.is_empty() {
        let _ = write!(out, "\n{}", members(&shown, !standing.by_region.is_empty(), now, width));
    }
    if shown.len() < standing.instances.len() {
        let rest = standing.instances.len() - shown.len();
        let _ = writeln!(out, "… and {rest} more that need no attention: `instances list` shows them all");
    }
    out
}

fn wanted(standing: &Standing, file: &str, now: Timestamp) -> String {
    let wanted = &standing.wanted;
    match (wanted.scaled_at, wanted.superseded) {
        (Some(at), _) => format!("{} (scale, {})", wanted.count, ago(at, now)),
        (None, Some(before)) => {
            format!("{} (count in {}, changed since `scale {before}`)", wanted.count, clean(file))
        }
        (None, None) => format!("{} (count in {})", wanted.count, clean(file)),
    }
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    match age(at, now) {
        age if age == "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}

fn exist(standing: &Standing) -> String {
    let missing = i64::from(standing.wanted.count) - i64::try_from(standing.members).unwrap_or(i64::MAX);
    let difference = match missing {
        0 => String::new(),
        missing if missing > 0 => format!("; {missing} missing"),
        surplus => format!("; {} too many", -surplus),
    };
    let states = counted(standing.by_state.iter().map(|(state, count)| (clean(state), *count)));
    let states = if states.is_empty() { String::new() } else { format!(": {states}") };
    format!("{}{states}{difference}", standing.members)
}

fn price(standing: &Standing) -> String {
    let currency = clean(&standing.currency);
    let unknown = match standing.unknown_prices {
        0 => String::new(),
        unknown => format!(", plus {} with an unknown price", count(unknown as u64, "instance")),
    };
    let hour = match standing.total_per_hour {
        Some(total) => format!("{} {currency} per hour with volumes", thousands(total, 4)),
        None => {
            format!("{} {currency} per hour without volumes{unknown}", thousands(standing.price_per_hour, 4))
        }
    };
    format!("{hour}; at most {} {currency} spent so far", thousands(standing.spent_at_most, 2))
}

/// `3, 3 and 2 in the fault domains: skew 1 of at most 1`.
fn spread_line(spread: &SpreadStanding) -> String {
    let counts: Vec<String> = spread.domains.iter().map(|one| one.members.to_string()).collect();
    let elsewhere = match spread.elsewhere {
        0 => String::new(),
        members => format!(", {members} elsewhere"),
    };
    let over = if spread.skew > spread.max_skew { ", above" } else { " of at most" };
    format!(
        "skew {}{over} {}: {} in {} {}{elsewhere}",
        spread.skew,
        spread.max_skew,
        counts.join(" + "),
        counts.len(),
        spread.across.plural()
    )
}

/// `web-1f2e3d-p1: SCALING, 60 of 100 members running: OutOfCapacity: Out of host capacity`.
fn pool_line(pool: &PoolStanding) -> String {
    let why = pool.shortage.as_ref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
    let (name, state) = (clean(&pool.name), clean(&pool.state));
    format!("{name}: {state}, {} of {} members running{why}", pool.running, pool.size)
}

/// Resources of the fleet other than its members.
fn belongings(standing: &Standing) -> Vec<(&'static str, String)> {
    let Some(found) = &standing.belongings else { return Vec::new() };
    let currency = clean(&standing.currency);
    let money = |hour: Option<f64>| {
        hour.map_or_else(
            || "at an unknown price".to_owned(),
            |hour| format!("{} {currency} per hour", thousands(hour, 4)),
        )
    };
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    for one in &found.reservations {
        let name = clean(if one.name.is_empty() { &one.ocid } else { &one.name });
        let unused = match one.reserved.saturating_sub(one.used) {
            0 => String::new(),
            _ => format!("; unused capacity {}", money(one.unused_per_hour)),
        };
        lines.push(("reservation", format!("{name}: {} of {} used{unused}", one.used, one.reserved)));
    }
    for (label, total) in [("boot volumes", &found.boot_volumes), ("data volumes", &found.data_volumes)] {
        if total.count > 0 {
            let text = format!(
                "{}, {} GB, {}",
                total.count,
                thousands(total.gigabytes, 0),
                money(total.price_per_hour)
            );
            lines.push((label, text));
        }
    }
    lines
}

/// Problems that a person may want to act on.
fn troubles(standing: &Standing) -> Vec<(&'static str, String)> {
    let mut troubles = Vec::new();
    if !standing.runs_at_work.is_empty() {
        troubles.push(("at work", list(standing.runs_at_work.iter())));
    }
    if !standing.unfinished_runs.is_empty() {
        let doubt = match standing.in_doubt {
            0 => String::new(),
            doubt => format!("; {} with an unknown outcome", count(doubt, "launch")),
        };
        let runs = list(standing.unfinished_runs.iter());
        troubles.push(("unfinished", format!("{runs}{doubt}: `scale` finds out and continues")));
    }
    if !standing.unlisted.is_empty() {
        let regions: BTreeSet<String> = standing.unlisted.iter().map(|one| clean(&one.region)).collect();
        let regions: Vec<String> = regions.into_iter().collect();
        let names: Vec<String> = standing.unlisted.iter().map(|one| clean(&one.name)).collect();
        let instances = count(names.len() as u64, "instance");
        troubles.push((
            "not counted",
            format!(
                "{instances} in {} ({}), which the config does not list",
                regions.join(" and "),
                ranges(&names)
            ),
        ));
    }
    let drifted: Vec<&MemberRow> = standing.instances.iter().filter(|row| !row.drift.is_empty()).collect();
    if !drifted.is_empty() {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for drift in drifted.iter().flat_map(|row| &row.drift) {
            *kinds.entry(drift.what.as_str()).or_default() += 1;
        }
        let kinds = counted(kinds.iter().map(|(what, count)| (clean(what), *count)));
        let differ = if drifted.len() == 1 { "differs" } else { "differ" };
        troubles.push((
            "drift",
            format!("{} {differ} from the config: {kinds}", count(drifted.len() as u64, "instance")),
        ));
    }
    if !standing.candidates.is_empty() {
        let names: Vec<String> = standing.candidates.iter().map(|one| clean(&one.name)).collect();
        let instances = count(names.len() as u64, "instance");
        troubles.push((
            "not in a fleet",
            format!("{instances} of earlier runs ({}): `fleet adopt` adds them", ranges(&names)),
        ));
    }
    troubles
}

fn list(items: impl Iterator<Item = impl ToString>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

fn counted(counts: impl Iterator<Item = (String, usize)>) -> String {
    counts.map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
}

/// `PHX-AD-1 FD-2` for `Uocm:PHX-AD-1 FAULT-DOMAIN-2`.
fn domain(key: &str) -> String {
    clean(short_domain(key)).replace("FAULT-DOMAIN-", "FD-")
}

fn rows(standing: &Standing) -> Vec<&MemberRow> {
    let whole = standing.instances.len() <= ROWS;
    let calm = |row: &MemberRow| row.drift.is_empty() && row.machine.state.as_str() == "RUNNING";
    standing.instances.iter().filter(|row| whole || !calm(row)).take(ROWS).collect()
}

fn members(rows: &[&MemberRow], in_regions: bool, now: Timestamp, width: Option<usize>) -> String {
    let column = |title, rank, cell: &dyn Fn(&MemberRow) -> String| {
        Column::new(title, rank, rows.iter().map(|row| cell(row)))
    };
    let mut columns = vec![
        column("NAME", 0, &|row| row.machine.label().to_owned()).cut(),
        column("STATE", 0, &|row| row.machine.state.as_str().to_owned()),
        column("AD", 3, &|row| short_domain(&row.machine.availability_domain).to_owned()),
        column("FD", 5, &|row| {
            row.machine.fault_domain.as_deref().unwrap_or("-").replace("FAULT-DOMAIN-", "FD-")
        }),
        column("SHAPE", 4, &|row| row.machine.shape.to_string()),
        column("AGE", 6, &|row| {
            row.machine.created.map_or_else(|| "-".to_owned(), |at| age(at, by_region(now)))
        }),
        column("PRICE/H", 2, &|row| per_hour(price_of(row))),
    ];
    if in_regions {
        columns.insert(2, column("REGION", 3, &|row| or_dash(row.machine.region.as_deref())));
    }
    if rows.iter().any(|row| row.expires.is_some()) {
        columns.push(column("EXPIRES", 3, &|row| {
            row.expires.map_or_else(|| "-".to_owned(), |until| left(until, now))
        }));
    }
    if rows.iter().any(|row| !notes(row).is_empty()) {
        columns.push(column("NOTES", 1, &|row| notes(row)));
    }
    columns.push(
        column("OCID", 7, &|row| row.machine.ocid.clone())
            .or_short(rows.iter().map(|row| short_ocid(&row.machine.ocid))),
    );
    columns_table(columns, width)
}

/// With its volumes, where they are known.
fn price_of(row: &MemberRow) -> Option<f64> {
    row.price_per_hour.map(|hour| hour + row.volumes_per_hour.unwrap_or_default())
}

fn notes(row: &MemberRow) -> String {
    let mut notes = Vec::new();
    if row.protected {
        notes.push("protected".to_owned());
    }
    if row.never_ran {
        notes.push("never ran".to_owned());
    }
    notes.extend(row.drift.iter().map(|Drift { what, .. }| format!("other {what}")));
    notes.join(", ")
}

/// The members of a fleet beside its wanted size.
#[derive(Debug, JsonSchema, Serialize)]
pub struct StatusDocument<'a> {
    #[serde(flatten)]
    standing: &'a Standing,
    /// Members that are missing.
    missing: usize,
    /// Members beyond the wanted size.
    surplus: usize,
    /// Members that differ from the config.
    drifted: usize,
}

impl PublishedDocument for StatusDocument<'_> {
    const NAME: &'static str = "status";
    const COMMANDS: &'static [&'static str] = &["status"];
}

/// One document; with `--output jsonl`, one line.
pub fn document_text(standing: &Standing, format: OutputFormat) -> String {
    let wanted = usize::try_from(standing.wanted.count).unwrap_or(usize::MAX);
    let document = StatusDocument {
        standing,
        missing: wanted.saturating_sub(standing.members),
        surplus: standing.members.saturating_sub(wanted),
        drifted: standing.drifted(),
    };
    text_of(&document, format)
}
