//! Comma-separated values (RFC 4180) that a spreadsheet treats as text.
//!
//! A spreadsheet interprets a cell that starts with `=`, `+`, `-`, `@`, a tab or a line break as a formula, even if quoted;
//! such a cell is prefixed with an apostrophe (OWASP: "CSV Injection").

use fleet::select::Machine;

const HEADER: [&str; 14] = [
    "name",
    "ocid",
    "state",
    "availability_domain",
    "fault_domain",
    "shape",
    "ocpus",
    "memory_gb",
    "private_ip",
    "public_ip",
    "created",
    "compartment",
    "capacity_reservation",
    "tags",
];

pub(super) fn write(machines: &[Machine]) -> String {
    let mut text = record(HEADER);
    for machine in machines {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let tags: Vec<String> = machine.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        text.push_str(&record([
            machine.name.as_str(),
            &machine.ocid,
            machine.state.as_str(),
            &machine.availability_domain,
            machine.fault_domain.as_deref().unwrap_or_default(),
            &machine.shape,
            &number(machine.ocpus),
            &number(machine.memory_gb),
            machine.private_ip.as_deref().unwrap_or_default(),
            machine.public_ip.as_deref().unwrap_or_default(),
            &machine.created.map(|at| at.to_string()).unwrap_or_default(),
            &machine.compartment,
            machine.capacity_reservation.as_deref().unwrap_or_default(),
            &tags.join(";"),
        ]));
    }
    text
}

/// One line of cells, including the line ending (`\r\n` in RFC 4180).
pub fn record<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

/// One cell: never a formula, and quoted if necessary.
pub fn cell(text: &str) -> String {
    // Spreadsheets ignore leading blanks.
    let first = text.trim_start_matches(' ').chars().next();
    let formula =
        matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
