//! The page: one HTML file that opens offline. It may load and send nothing, and runs only the script that it was written with.

use super::columns::{Columns, Words, columns, milliseconds};
use super::tables::{Sheet, SheetTable};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleet::report::Report;
use jiff::Timestamp;
use serde::Serialize;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    /// The time of all zeros, in milliseconds since 1970.
    base: i64,
    start: i64,
    end: i64,
    facts: &'a [(&'static str, String)],
    notes: &'a [String],
    foot: &'a str,
    tables: &'a [SheetTable],
    runs: Vec<String>,
    traffic: Flow<'a>,
    count: usize,
    words: Words,
    slots: Columns,
}

/// Requests over time, by column.
#[derive(Serialize)]
struct Flow<'a> {
    from: i64,
    step: i64,
    sent: Vec<u64>,
    accepted: Vec<u64>,
    throttled: Vec<u64>,
    refused: Vec<u64>,
    rates: Vec<(i64, f64, &'a str)>,
}

/// The page of a report.
pub fn to_page(report: &Report, sheet: &Sheet) -> String {
    let (first, last) = extent(report);
    let base = first.unwrap_or(Timestamp::UNIX_EPOCH);
    let (slots, words) = columns(report, base);
    let traffic = &report.traffic;
    let tallies = traffic.intervals.iter();
    let rates = traffic.rates.iter();
    let data = Data {
        base: base.as_millisecond(),
        start: 0,
        end: last.map_or(0, |last| milliseconds(base, last)),
        facts: &sheet.facts,
        notes: &sheet.notes,
        foot: &sheet.foot,
        tables: &sheet.tables,
        runs: report.runs.iter().map(|run| run.run_id.to_string()).collect(),
        traffic: Flow {
            from: traffic.from.map_or(0, |from| milliseconds(base, from)),
            step: traffic.interval_s.max(1),
            sent: tallies.clone().map(|tally| tally.sent).collect(),
            accepted: tallies.clone().map(|tally| tally.accepted).collect(),
            throttled: tallies.clone().map(|tally| tally.throttled).collect(),
            refused: tallies.map(|tally| tally.refused).collect(),
            rates: rates
                .map(|point| (milliseconds(base, point.at), point.rate, point.reason.as_str()))
                .collect(),
        },
        count: report.slots.len(),
        words,
        slots,
    };
    // Strings and numbers only, so serialisation cannot fail.
    let data = inert(&serde_json::to_string(&data).unwrap_or_default());
    fill_in(&escaped(&sheet.title), &data)
}

/// The first and the last time of a slot.
fn extent(report: &Report) -> (Option<Timestamp>, Option<Timestamp>) {
    let times =
        report.slots.iter().flat_map(|slot| [slot.asked_at, slot.accepted_at, slot.done_at, slot.ended_at]);
    let runs = report.runs.iter().flat_map(|run| [run.started_at, run.finished_at.or(run.last_at)]);
    let all: Vec<Timestamp> = times.chain(runs).flatten().collect();
    (all.iter().min().copied(), all.iter().max().copied())
}

/// JSON that cannot end the element that it is in, whatever it contains.
fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + json.len() / 64);
    for letter in json.chars() {
        match letter {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    out
}

/// A text as the content of an element.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Puts the parts into the frame. A part is never searched for the places of the others.
fn fill_in(title: &str, data: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    let mut out = String::with_capacity(FRAME.len() + STYLE.len() + SCRIPT.len() + data.len() + 512);
    let mut parts = FRAME.split('@');
    out.push_str(parts.next().unwrap_or_default());
    while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
        out.push_str(match name {
            "CSP" => &policy,
            "TITLE" => title,
            "CSS" => STYLE,
            "DATA" => data,
            "JS" => SCRIPT,
            other => other,
        });
        out.push_str(rest);
    }
    out
}
