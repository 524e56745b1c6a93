//! The list of runs, as a table and as JSON.

use super::text::{count, lines};
use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use ledger::{Outcome, RunHead, RunKind};

/// The runs as a table.
pub fn table(heads: &[RunHead], now: Timestamp) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["RUN", "KIND", "INSTANCES", "STARTED", "AGE", "OUTCOME"]);
    for head in heads {
        table.add_row([
            head.run.to_string(),
            head.kind.map_or("unreadable", kind).to_owned(),
            head.requested.to_string(),
            head.created_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            age(head.created_at, now),
            outcome(head),
        ]);
    }
    lines(table.lines().map(|line| line.trim().to_owned()))
}

/// The runs as one JSON array.
pub fn json(heads: &[RunHead]) -> String {
    rows(values(heads), true)
}

/// The runs as JSON, one a line.
pub fn json_lines(heads: &[RunHead]) -> String {
    rows(values(heads), false)
}

fn values(heads: &[RunHead]) -> Vec<serde_json::Value> {
    // Texts, numbers and times: nothing that JSON cannot hold.
    heads.iter().map(|head| serde_json::to_value(head).unwrap_or_default()).collect()
}

/// Rows as one JSON array, or one a line.
pub fn rows(rows: Vec<serde_json::Value>, array: bool) -> String {
    if array {
        return serde_json::to_string_pretty(&serde_json::Value::Array(rows)).unwrap_or_default() + "\n";
    }
    lines(rows.iter().map(ToString::to_string))
}

/// What a run does, in a word.
pub fn kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Launch => "launch",
        RunKind::Start => "start",
        RunKind::Stop => "stop",
        RunKind::Reboot => "reboot",
        RunKind::Terminate => "terminate",
        RunKind::Cleanup => "cleanup",
    }
}

fn outcome(head: &RunHead) -> String {
    let word = match head.outcome {
        Some(Outcome::Complete) => "complete",
        Some(Outcome::Partial) => "partial",
        Some(Outcome::Nothing) => "nothing",
        Some(Outcome::NotAuthenticated) => "not authenticated",
        Some(Outcome::Interrupted) => "interrupted",
        Some(Outcome::GivenBack) => "given back",
        Some(Outcome::LedgerFailed) => "ledger failed",
        Some(Outcome::InDoubt) => "in doubt",
        Some(Outcome::CutShort) => "cut short",
        None if head.held => return "at work".to_owned(),
        None => "unfinished",
    };
    // Of the others, the same command again does what is left.
    let resumable = head.kind == Some(RunKind::Launch) && head.unfinished();
    if resumable { format!("{word} (resume)") } else { word.to_owned() }
}

/// How long ago something was: `5 min`.
pub fn age(from: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(from).as_mins().max(0) as u64;
    match minutes {
        0 => "now".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => count(minutes / 1440, "day"),
    }
}
