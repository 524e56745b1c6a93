//! The page: one HTML file that opens offline. It may load and send nothing, and runs only the script that it was written with.
//! A live page may also load from where it came.

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
    /// How a live page stands; absent in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<&'a str>,
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
    fill_in(&sheet.title, &data(report, sheet, None), &policy(), "")
}

/// A page that gets new data while it is open, with the present data.
pub fn to_live_page(title: &str, data: &str) -> String {
    fill_in(title, data, &live_policy(), r#"<p id="live" role="status"></p>"#)
}

/// The data of a live page, on one line. `state` says whether it still changes.
pub fn live_data(report: &Report, sheet: &Sheet, state: &str) -> String {
    data(report, sheet, Some(state))
}

/// What a live page may do.
pub fn live_policy() -> String {
    policy() + "; connect-src 'self'"
}

fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, text.as_bytes())));
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src data:; base-uri 'none'; form-action 'none'",
        hash(SCRIPT),
        hash(STYLE)
    )
}

fn data(report: &Report, sheet: &Sheet, live: Option<&str>) -> String {
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
        live,
    };
    // Strings and numbers only, so serialisation cannot fail.
    inert(&serde_json::to_string(&data).unwrap_or_default())
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
fn fill_in(title: &str, data: &str, policy: &str, live: &str) -> String {
    let title = escaped(title);
    let mut out = String::with_capacity(FRAME.len() + STYLE.len() + SCRIPT.len() + data.len() + 512);
    let mut parts = FRAME.split('@');
    out.push_str(parts.next().unwrap_or_default());
    while let (Some(name), Some(rest)) = (parts.next(), parts.next()) {
        out.push_str(match name {
            "CSP" => policy,
            "LIVE" => live,
            "TITLE" => &title,
            "CSS" => STYLE,
            "DATA" => data,
            "JS" => SCRIPT,
            other => other,
        });
        out.push_str(rest);
    }
    out
}
