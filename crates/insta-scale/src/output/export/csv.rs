//! Comma-separated values (RFC 4180) that a spreadsheet takes for text.
//!
//! A cell that begins with `=`, `+`, `-`, `@`, a tab or a line break is a formula to a spreadsheet, quoted or not; such a
//! cell gets an apostrophe in front (OWASP: "CSV Injection").

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

/// One line of cells, with the line's end (`\r\n`, as RFC 4180 has it).
pub fn record<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    cells.join(",") + "\r\n"
}

/// One cell: no formula, and quoted where it must be.
pub fn cell(text: &str) -> String {
    // Spreadsheets drop blanks at the front before they look.
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
