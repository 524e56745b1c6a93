//! The rows of a launch's summary: one per instance, and one for all slots that failed in the same way.

use super::ending::Ending;
use super::instances::columns::Column;
use super::instances::list::{short_domain, short_ocid};
use super::simulated;
use super::text::{clean, ranges, seconds};
use anstyle::{AnsiColor, Style};
use fleet::InstanceSummary;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One row: an instance, or slots without one that have the same state.
#[derive(Debug)]
pub struct SlotRow<'a> {
    first: &'a InstanceSummary,
    names: Vec<String>,
    private: Option<IpAddr>,
    public: Option<IpAddr>,
}

impl SlotRow<'_> {
    /// The number of slots in the row.
    pub fn len(&self) -> usize {
        self.names.len()
    }
}

/// Collects the rows. Slots without an instance that failed in the same way, or were not tried, share a row.
pub fn gather<'a>(slots: impl Iterator<Item = &'a InstanceSummary>, ending: &'a Ending) -> Vec<SlotRow<'a>> {
    let mut rows: Vec<SlotRow<'a>> = Vec::new();
    let mut alike: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for slot in slots {
        let reason = match &slot.error {
            // All waiting slots share a row.
            _ if slot.waiting => Some(("waiting", "", "")),
            Some(error) if slot.ocid.is_none() => {
                Some((error.class.as_str(), error.code.as_str(), error.message.as_str()))
            }
            None if is_untried(slot) => Some(("", "", "")),
            _ => None,
        };
        if let Some(reason) = reason {
            if let Some(row) = alike.get(&reason).and_then(|at| rows.get_mut(*at)) {
                row.names.push(slot.name.clone());
                continue;
            }
            alike.insert(reason, rows.len());
        }
        let addresses = ending.addresses.get(&slot.slot);
        rows.push(SlotRow {
            first: slot,
            names: vec![slot.name.clone()],
            private: addresses.and_then(|found| found.private),
            public: addresses.and_then(|found| found.public),
        });
    }
    rows
}

/// Whether nothing was done for a slot.
pub fn is_untried(row: &InstanceSummary) -> bool {
    row.ocid.is_none() && row.error.is_none() && row.state.is_none() && !row.waiting
}

/// The columns of the rows.
pub fn columns(rows: &[SlotRow<'_>], colour: bool) -> Vec<Column> {
    let style = |row: &SlotRow<'_>| match (row.first.state.as_deref(), &row.first.error) {
        (Some("RUNNING"), _) if colour => AnsiColor::Green.on_default(),
        (_, Some(_)) if colour && !row.first.waiting => AnsiColor::Red.on_default(),
        _ => Style::new(),
    };
    let text = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let address = |value: Option<IpAddr>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let column =
        |title, rank, cell: &dyn Fn(&SlotRow<'_>) -> String| Column::new(title, rank, rows.iter().map(cell));
    let single = |row: &SlotRow<'_>, value: Option<&str>| text(value.filter(|_| row.len() == 1));
    let domain = |row: &SlotRow<'_>| single(row, row.first.availability_domain.as_deref());
    let ready = |row: &SlotRow<'_>| row.first.ready_in_s.map_or_else(|| "-".to_owned(), seconds);
    let shape = |row: &SlotRow<'_>| single(row, row.first.shape.as_deref());
    let mut columns = vec![
        column("NAME", 0, &|row| ranges(&row.names)).cut(),
        column("#", 7, &|row| if row.len() == 1 { row.first.slot.to_string() } else { "-".to_owned() }),
        column("STATE", 0, &state).styled(rows.iter().map(style)),
        column("AVAILABILITY DOMAIN", 5, &domain)
            .or_short(rows.iter().map(|row| short_domain(&domain(row)).to_owned())),
        column("FAULT DOMAIN", 8, &|row| single(row, row.first.fault_domain.as_deref())),
        column(if simulated::is() { "READY (SIMULATED)" } else { "READY" }, 6, &ready),
    ];
    if rows.iter().any(|row| row.first.region.is_some()) {
        columns.insert(3, column("REGION", 5, &|row| single(row, row.first.region.as_deref())));
    }
    // A column that is empty, or the same in each row, would displace others.
    let mut shapes =
        rows.iter().filter(|row| row.first.ocid.is_some()).filter_map(|row| row.first.shape.as_deref());
    let first = shapes.next();
    if shapes.any(|other| Some(other) != first) {
        columns.insert(3, column("SHAPE", 4, &shape));
    }
    let public = rows.iter().any(|row| row.public.is_some());
    if rows.iter().any(|row| row.private.is_some()) {
        columns.push(column("PRIVATE IP", if public { 4 } else { 2 }, &|row| address(row.private)));
    }
    if public {
        columns.push(column("PUBLIC IP", 2, &|row| address(row.public)));
    }
    let ocid = |row: &SlotRow<'_>| row.first.ocid.clone();
    columns.push(
        column("OCID", 3, &|row| text(ocid(row).as_deref())).or_short(
            rows.iter().map(|row| ocid(row).map_or_else(|| "-".to_owned(), |ocid| short_ocid(&ocid))),
        ),
    );
    if rows.iter().any(|row| row.first.error.is_some()) {
        columns.push(column("REASON", 1, &reason).cut());
    }
    columns
}

/// `RUNNING`, `failed`, `60 × failed`.
fn state(row: &SlotRow<'_>) -> String {
    let state = match (&row.first.state, &row.first.error) {
        (Some(state), _) => &**state,
        _ if row.first.waiting => "waiting",
        (None, Some(_)) => "failed",
        (None, None) => "not tried",
    };
    if row.len() == 1 { state.to_owned() } else { format!("{} × {state}", row.len()) }
}

fn reason(row: &SlotRow<'_>) -> String {
    let Some(error) = &row.first.error else { return "-".to_owned() };
    clean(&format!("{}: {}", error.code, error.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::instances::columns::columns_table;
    use fleet::addresses::Addresses;
    use ledger::ErrorRecord;

    fn slot(slot: u32, failed: Option<&str>) -> InstanceSummary {
        let error = failed.map(|message| {
            Box::new(ErrorRecord {
                class: "limit".into(),
                code: "LimitExceeded".to_owned(),
                message: message.to_owned(),
                opc_request_id: Some(format!("id{slot}")),
                ..ErrorRecord::default()
            })
        });
        let runs = error.is_none();
        InstanceSummary {
            slot,
            name: format!("web-{slot}"),
            ocid: runs.then(|| format!("ocid1.instance.oc1.phx.unique{slot:08}")),
            state: runs.then(|| "RUNNING".into()),
            error,
            ..InstanceSummary::default()
        }
    }

    #[test]
    fn slots_that_failed_alike_are_one_row_with_a_count() {
        let mut slots = vec![slot(1, None)];
        slots.extend((2..=61).map(|number| slot(number, Some("cores are used up"))));
        slots.push(slot(62, Some("memory is used up")));
        slots.push(InstanceSummary { slot: 63, name: "web-63".to_owned(), ..InstanceSummary::default() });
        let addresses = Addresses { private: "10.0.0.2".parse().ok(), public: None };
        let ending = Ending { addresses: [(1, addresses)].into(), ..Ending::default() };
        let rows = gather(slots.iter(), &ending);
        assert_eq!(rows.iter().map(SlotRow::len).sum::<usize>(), 63);
        insta::assert_snapshot!(columns_table(columns(&rows, false), Some(80)), @r"
            NAME            STATE        PRIVATE IP  OCID       REASON
            web-1           RUNNING      10.0.0.2    …00000001  -
            web-2 … web-61  60 × failed  -           -          LimitExceeded: cores are us…
            web-62          failed       -           -          LimitExceeded: memory is us…
            web-63          not tried    -           -          -
            ");
    }
}
