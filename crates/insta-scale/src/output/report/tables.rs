//! The facts, notes and tables of a report.

use super::notes::notes_of_runs;
use crate::hints::{self, Aid};
use crate::output::instances::list::{short_domain, short_ocid};
use crate::output::runs::{kind_of_run, outcome_word};
use crate::output::text::{clean, count, ranges, seconds, thousands};
use fleet::price;
use fleet::report::{Report, ReportedRun, RunAnswer, SlotResult};
use jiff::Timestamp;
use ledger::{ErrorRecord, RunKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything of a report but its instances.
#[derive(Debug, Default)]
pub struct Sheet {
    /// Its title.
    pub title: String,
    /// Facts in a few words.
    pub facts: Vec<(&'static str, String)>,
    /// What the reader must know before anything else.
    pub notes: Vec<String>,
    /// The tables; none is empty.
    pub tables: Vec<SheetTable>,
    /// When and from what it was made.
    pub foot: String,
}

/// One table.
#[derive(Debug, Serialize)]
pub struct SheetTable {
    /// Its heading.
    pub title: &'static str,
    /// What it shows, in a sentence.
    pub caption: &'static str,
    /// The columns: the title, and whether it holds numbers.
    pub columns: Vec<(&'static str, bool)>,
    /// The rows.
    pub rows: Vec<Vec<SheetCell>>,
}

/// One cell.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum SheetCell {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// Unknown, or not applicable.
    Nothing,
}

impl From<String> for SheetCell {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Nothing } else { Self::Text(text) }
    }
}

impl From<f64> for SheetCell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u64> for SheetCell {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<u32> for SheetCell {
    fn from(number: u32) -> Self {
        Self::Number(f64::from(number))
    }
}

impl<T: Into<Self>> From<Option<T>> for SheetCell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

/// The facts, notes and tables of a report. `more` are notes that the records do not contain.
pub fn sheet(report: &Report, more: &[String]) -> Sheet {
    let mut notes = notes_of_runs(&report.runs);
    notes.extend(more.iter().map(|note| clean(note)));
    if report.spent.unknown_prices > 0 {
        let unknown = count(report.spent.unknown_prices, "instance");
        notes.push(format!(
            "the amounts lack {unknown} with an unknown price: set it under `prices:` in the config"
        ));
    }
    let tables = [
        runs(report),
        failures(report),
        targets(report),
        ready(report),
        requests(report),
        costs(report),
        rolled_back(report),
    ];
    Sheet {
        title: title(report),
        facts: facts(report),
        notes,
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        foot: foot(report),
    }
}

fn title(report: &Report) -> String {
    let Some(last) = report.runs.last() else { return "No runs".to_owned() };
    let fleet = last.fleet.as_deref().map(clean).unwrap_or_default();
    match (last.kind, report.runs.len()) {
        (Some(RunKind::Launch), 1) if !fleet.is_empty() => format!("Launch of {fleet}"),
        (Some(kind), 1) => format!("Run {}: {}", last.run_id, kind_of_run(kind)),
        (_, 1) => format!("Run {}", last.run_id),
        (_, many) => format!("Fleet {fleet}: {many} launches"),
    }
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let spent = &report.spent;
    // An unknown price is unknown, never 0.
    let money = |amount: f64, decimals| match spent.unknown_prices {
        0 => format!("{} {}", thousands(amount, decimals), spent.currency),
        _ if spent.lines.iter().all(|line| line.spent.is_none()) => "unknown".to_owned(),
        _ => format!("{} {} and what is unknown", thousands(amount, decimals), spent.currency),
    };
    let mut facts = Vec::new();
    if let [run] = report.runs.as_slice() {
        facts.push(("Run", run.run_id.to_string()));
        facts.push(("Outcome", outcome_of(run).to_owned()));
    }
    if let Some(region) = report.runs.last().and_then(|run| run.region.as_deref()) {
        facts.push(("Region", clean(region)));
    }
    let requested: u64 = report.runs.iter().map(|run| u64::from(run.requested)).sum();
    facts.push(("Requested", thousands(requested as f64, 0)));
    let mut results: BTreeMap<SlotResult, u64> = BTreeMap::new();
    for slot in &report.slots {
        *results.entry(slot.result).or_default() += 1;
    }
    facts.extend(results.into_iter().map(|(result, many)| (result_title(result), thousands(many as f64, 0))));
    let starts = report.runs.iter().filter_map(|run| run.started_at).min();
    if let Some(start) = starts {
        facts.push(("Started", start.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()));
    }
    if let ([run], Some(start)) = (report.runs.as_slice(), starts)
        && let Some(end) = run.finished_at.or(run.last_at)
    {
        facts.push(("Took", seconds(end.duration_since(start).as_secs_f64().max(0.0))));
    }
    if !spent.lines.is_empty() {
        facts.push(("Spent so far, at most", money(spent.spent_at_most, 2)));
        facts.push(("Costs now, per hour", money(spent.per_hour, 4)));
    }
    facts
}

/// The words of a result, as a column shows them.
pub fn result_word(result: SlotResult) -> &'static str {
    match result {
        SlotResult::Running => "running",
        SlotResult::Launched => "launched",
        SlotResult::Failed => "failed",
        SlotResult::RolledBack => "rolled back",
        SlotResult::Terminated => "terminated",
        SlotResult::InDoubt => "in doubt",
        SlotResult::Waiting => "waiting",
        SlotResult::Untried => "not tried",
        SlotResult::Done => "done",
        SlotResult::Skipped => "skipped",
        SlotResult::Accepted => "accepted",
    }
}

fn result_title(result: SlotResult) -> &'static str {
    match result {
        SlotResult::Running => "Running",
        SlotResult::Launched => "Launched, not running",
        SlotResult::Failed => "Failed",
        SlotResult::RolledBack => "Rolled back",
        SlotResult::Terminated => "Terminated",
        SlotResult::InDoubt => "In doubt",
        SlotResult::Waiting => "Waiting",
        SlotResult::Untried => "Not tried",
        SlotResult::Done => "Done",
        SlotResult::Skipped => "Skipped",
        SlotResult::Accepted => "Accepted",
    }
}

fn outcome_of(run: &ReportedRun) -> &'static str {
    match run.outcome {
        Some(outcome) => outcome_word(outcome),
        None if run.held => "active",
        None => "unfinished",
    }
}

fn foot(report: &Report) -> String {
    let list = report
        .spent
        .prices_as_of
        .as_deref()
        .map_or_else(String::new, |as_of| format!(" or of the list of {as_of}"));
    format!(
        "Made by oci-insta-scale {} from its records, without asking OCI. Costs count until {:.0}, from each launch until a \
         termination by this program, with boot volumes, at the prices of the config{list}.",
        env!("CARGO_PKG_VERSION"),
        report.until,
    )
}

fn time(at: Option<Timestamp>) -> SheetCell {
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).into()
}

/// `404 NotAuthorizedOrNotFound: Authorization failed.`.
pub fn answer_text(answer: &RunAnswer) -> String {
    let status = answer.status.map_or_else(String::new, |status| format!("{status} "));
    format!("{status}{}: {}", clean(&answer.code), clean(&answer.message))
}

fn answer_at(report: &Report, position: Option<usize>) -> SheetCell {
    position.and_then(|at| report.answers.get(at)).map(answer_text).into()
}

fn runs(report: &Report) -> SheetTable {
    let rows = report.runs.iter().filter(|_| report.runs.len() > 1).map(|run| {
        vec![
            run.run_id.to_string().into(),
            outcome_of(run).to_owned().into(),
            run.requested.into(),
            time(run.started_at),
            time(run.finished_at),
            run.resumed.into(),
        ]
    });
    SheetTable {
        title: "Runs",
        caption: "The launches of the fleet, oldest first; times in UTC",
        columns: vec![
            ("Run", false),
            ("Outcome", false),
            ("Requested", true),
            ("Started", false),
            ("Ended", false),
            ("Resumed", true),
        ],
        rows: rows.collect(),
    }
}

fn failures(report: &Report) -> SheetTable {
    let mut kinds: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for slot in report.slots.iter().filter(|slot| slot.result != SlotResult::Waiting) {
        if let Some(answer) = slot.answer {
            kinds.entry(answer).or_default().push(clean(&slot.name));
        }
    }
    let rows = kinds.into_iter().filter_map(|(position, names)| {
        let answer = report.answers.get(position)?;
        let error = ErrorRecord {
            class: answer.class.clone(),
            status: answer.status,
            code: answer.code.clone(),
            message: answer.message.clone(),
            opc_request_id: None,
        };
        Some(vec![
            clean(answer.class.as_str()).into(),
            answer_text(answer).into(),
            (names.len() as u64).into(),
            ranges(&names).into(),
            hints::hint_after(&error, Aid { resumable: false, clustered: false }).to_owned().into(),
        ])
    });
    SheetTable {
        title: "Failures",
        caption: "The last answer of every instance that failed, and what to do about it",
        columns: vec![
            ("Class", false),
            ("Last answer", false),
            ("Instances", true),
            ("Names", false),
            ("Remedy", false),
        ],
        rows: rows.collect(),
    }
}

fn targets(report: &Report) -> SheetTable {
    let rows = report.targets.iter().map(|row| {
        let target = &row.target;
        let size = price::Size { ocpus: target.ocpus, memory_gb: target.memory_gb };
        let reservation = target.capacity_reservation.as_deref();
        vec![
            clean(short_domain(&target.availability_domain)).into(),
            target.fault_domain.as_deref().map(clean).into(),
            clean(&price::describe(&target.shape, size)).into(),
            reservation.map(|ocid| clean(&short_ocid(ocid))).into(),
            target.attempts.into(),
            target.obtained.into(),
            target.refused.into(),
            time(target.first_at),
            time(target.last_at),
            answer_at(report, row.answer),
            target.given_up.as_ref().map(|end| clean(&end.why)).into(),
        ]
    });
    SheetTable {
        title: "Capacity by target",
        caption: "How each target answered; times in UTC",
        columns: vec![
            ("Domain", false),
            ("Fault domain", false),
            ("Shape", false),
            ("Reservation", false),
            ("Attempts", true),
            ("Obtained", true),
            ("Refused", true),
            ("First asked", false),
            ("Last answered", false),
            ("Last failure", false),
            ("Given up because", false),
        ],
        rows: rows.collect(),
    }
}

fn ready(report: &Report) -> SheetTable {
    let rows = report.ready.iter().map(|row| {
        vec![
            clean(short_domain(&row.availability_domain)).into(),
            clean(&row.shape).into(),
            (row.count as u64).into(),
            row.p50_s.into(),
            row.p95_s.into(),
            row.max_s.into(),
        ]
    });
    SheetTable {
        title: "Time to ready",
        caption: "Seconds from the accepted launch to RUNNING, by availability domain and shape",
        columns: vec![
            ("Domain", false),
            ("Shape", false),
            ("Instances", true),
            ("p50 (s)", true),
            ("p95 (s)", true),
            ("Longest (s)", true),
        ],
        rows: rows.collect(),
    }
}

fn requests(report: &Report) -> SheetTable {
    let rows = report.requests.iter().map(|(operation, count)| {
        vec![clean(operation).into(), count.ok.into(), count.throttled.into(), count.failed.into()]
    });
    SheetTable {
        title: "Requests",
        caption: "Requests by operation and outcome",
        columns: vec![("Operation", false), ("OK", true), ("Throttled", true), ("Failed", true)],
        rows: rows.collect(),
    }
}

fn costs(report: &Report) -> SheetTable {
    let rows = report.spent.lines.iter().map(|line| {
        vec![
            clean(&line.what).into(),
            line.count.into(),
            line.still.into(),
            ((line.hours * 100.0).round() / 100.0).into(),
            line.spent.map(|spent| (spent * 1e4).round() / 1e4).into(),
            line.per_hour.map(|hour| (hour * 1e4).round() / 1e4).into(),
        ]
    });
    SheetTable {
        title: "Cost",
        caption: "The most that instances with their boot volumes, and reserved capacity, have cost, and what they still cost",
        columns: vec![
            ("What", false),
            ("Launched", true),
            ("Still costing", true),
            ("Hours", true),
            ("Spent", true),
            ("Per hour now", true),
        ],
        rows: rows.collect(),
    }
}

fn rolled_back(report: &Report) -> SheetTable {
    let returned = report.runs.iter().filter_map(|run| run.returned.as_deref());
    let rows = returned.flat_map(|returned| {
        let gone = returned.instances.iter().map(|ocid| ("instance", ocid, "deleted".to_owned()));
        let held = returned.reservations.iter().map(|reservation| {
            let before =
                reservation.before.map_or_else(String::new, |before| format!(", {before} before the run"));
            ("reservation", &reservation.ocid, format!("holds {}{before}", reservation.held))
        });
        gone.chain(held)
            .map(|(kind, ocid, now)| vec![kind.to_owned().into(), clean(ocid).into(), now.into()])
            .collect::<Vec<_>>()
    });
    SheetTable {
        title: "Rolled back",
        caption: "What the run created and deleted again, and the reservations that are left",
        columns: vec![("Kind", false), ("OCID", false), ("Now", false)],
        rows: rows.collect(),
    }
}
