//! The summary of a run for people: a table, the totals, and each kind of failure once with its hint.

use super::text::{clean, count, seconds};
use crate::hints;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use fleet::{InstanceSummary, Returned, RunSummary};
use ledger::{ErrorRecord, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Above this many instances, the table shows only those that need attention.
const ROWS: usize = 100;

/// The table and the totals, for stdout.
pub fn table(summary: &RunSummary, colour: bool) -> String {
    let whole = summary.instances.len() <= ROWS;
    let rows: Vec<_> =
        summary.instances.iter().filter(|row| whole || row.state.as_deref() != Some("RUNNING")).collect();
    let mut out = String::new();
    if !rows.is_empty() {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(["#", "NAME", "STATE", "AVAILABILITY DOMAIN", "FAULT DOMAIN", "READY", "OCID"].map(
            |title| if colour { Cell::new(title).add_attribute(Attribute::Bold) } else { Cell::new(title) },
        ));
        if colour {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        for row in rows.iter().take(ROWS) {
            table.add_row(cells(row, colour));
        }
        for line in table.to_string().lines() {
            out.push_str(line.trim());
            out.push('\n');
        }
    }
    // Writing to a String cannot fail, so the results are not looked at.
    let hidden = summary.instances.len() - rows.len().min(ROWS);
    if hidden > 0 {
        let _ = writeln!(out, "… and {hidden} more: --output json has them all");
    }
    let _ = writeln!(out, "\n{}", totals(summary));
    out
}

fn cells(row: &InstanceSummary, colour: bool) -> Vec<Cell> {
    let state = match (&row.state, &row.error) {
        (Some(state), _) => clean(state),
        (None, Some(_)) => "failed".to_owned(),
        (None, None) => "not tried".to_owned(),
    };
    let tint = match (state.as_str(), &row.error) {
        ("RUNNING", _) => Some(Color::Green),
        (_, Some(_)) => Some(Color::Red),
        _ => None,
    };
    let text = |value: &Option<String>| Cell::new(value.as_deref().map_or_else(|| "-".to_owned(), clean));
    let state = match tint.filter(|_| colour) {
        Some(tint) => Cell::new(state).fg(tint),
        None => Cell::new(state),
    };
    vec![
        Cell::new(row.slot),
        Cell::new(clean(&row.name)),
        state,
        text(&row.availability_domain),
        text(&row.fault_domain),
        Cell::new(row.ready_in_s.map_or_else(|| "-".to_owned(), seconds)),
        text(&row.ocid),
    ]
}

/// `20 instances requested: 19 launched, 18 running, 1 failed, in 63.2 s`.
pub fn totals(summary: &RunSummary) -> String {
    let untried = summary.instances.iter().filter(|row| is_untried(row)).count();
    let untried = if untried > 0 { format!(", {untried} not tried") } else { String::new() };
    let given_back = match summary.returned.as_ref().map_or(0, |returned| returned.instances.len()) {
        0 => String::new(),
        some => format!(", {some} given back"),
    };
    format!(
        "{} requested: {} launched, {} running, {} failed{given_back}{untried}, in {}",
        count(summary.requested, "instance"),
        summary.launched,
        summary.running,
        summary.failed,
        seconds(summary.elapsed_s)
    )
}

fn is_untried(row: &InstanceSummary) -> bool {
    row.ocid.is_none() && row.error.is_none() && row.state.is_none()
}

/// What a run below its least count has given back, and what is still there: `None` when it kept everything.
fn returned(summary: &RunSummary) -> Option<String> {
    let Returned { reached, min, instances, reserved, reservations } = summary.returned.as_deref()?;
    let mut parts = vec![match u64::try_from(instances.len()).unwrap_or(u64::MAX) {
        0 => "no instance was there".to_owned(),
        gone => format!("{} with their boot volumes", count(gone, "instance")),
    }];
    for reservation in reservations {
        let ocid = clean(&reservation.ocid);
        parts.push(match reservation.before {
            Some(before) if reservation.held <= before => {
                format!("the growth of {ocid}, which holds {} again", reservation.held)
            }
            _ => format!("NOT the reservation {ocid}, which holds {}", reservation.held),
        });
    }
    if *reserved && reservations.iter().all(|reservation| reservation.before.is_some()) {
        parts.push("the reservations that the run made".to_owned());
    }
    let verb = if summary.launched == 0 { "given back" } else { "given back so far" };
    Some(format!("{verb}, because {reached} are fewer than the {min} wanted at least: {}", parts.join("; ")))
}

/// What went wrong and what to do, for stderr: each kind of failure once, with the slots that it hit.
///
/// `resumable`: whether the region is still there to go on in.
pub fn advice(summary: &RunSummary, resumable: bool) -> String {
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut out = String::new();
    for warning in &summary.warnings {
        let _ = writeln!(out, "{yellow}warning:{yellow:#} {}", clean(warning));
    }
    if let Some(error) = &summary.ledger_error {
        let _ = writeln!(out, "{red}error:{red:#} {}", clean(error));
    }
    if let Some(returned) = returned(summary) {
        let _ = writeln!(out, "{returned}");
    }
    let mut kinds: BTreeMap<(&str, &str, &str), Vec<&InstanceSummary>> = BTreeMap::new();
    for row in &summary.instances {
        if let Some(error) = &row.error {
            kinds.entry((&error.class, &error.code, &error.message)).or_default().push(row);
        }
    }
    for rows in kinds.values() {
        let Some(error) = rows.first().and_then(|row| row.error.as_ref()) else { continue };
        let _ = writeln!(out, "{red}failed:{red:#} {}: {}", names(rows), describe(error));
        let _ = writeln!(out, "{cyan}  hint:{cyan:#} {}", hints::hint(error));
    }
    if kinds.keys().any(|(class, ..)| ["network", "service", "ambiguous", "throttled"].contains(class)) {
        let _ = writeln!(out, "  requests: {}", requests(summary));
    }
    let resume = match summary.outcome {
        None => true,
        Some(outcome) if outcome.is_unfinished() => true,
        Some(Outcome::Partial | Outcome::Nothing) => !kinds.is_empty(),
        Some(_) => false,
    };
    if resume && resumable {
        let _ = writeln!(out, "go on with: oci-insta-scale resume {}", summary.run_id);
    }
    out
}

/// `web-1, web-2, web-3 and 4 more`.
fn names(rows: &[&InstanceSummary]) -> String {
    let shown: Vec<String> = rows.iter().take(3).map(|row| clean(&row.name)).collect();
    match rows.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A failure in one line: `500 InternalError: Out of host capacity. (opc-request-id …)`.
pub fn describe(error: &ErrorRecord) -> String {
    let status = error.status.map_or_else(String::new, |status| format!("{status} "));
    let id = error
        .opc_request_id
        .as_deref()
        .map_or_else(String::new, |id| format!(" (opc-request-id {})", clean(id)));
    format!("{status}{}: {}{id}", clean(&error.code), clean(&error.message))
}

/// `LaunchInstance 20 ok, 3 throttled; ListInstances 4 ok`.
pub fn requests(summary: &RunSummary) -> String {
    let rows = summary.requests.iter().map(|(operation, count)| {
        let mut parts = vec![format!("{} ok", count.ok)];
        if count.throttled > 0 {
            parts.push(format!("{} throttled", count.throttled));
        }
        if count.failed > 0 {
            parts.push(format!("{} failed", count.failed));
        }
        format!("{operation} {}", parts.join(", "))
    });
    rows.collect::<Vec<_>>().join("; ")
}
