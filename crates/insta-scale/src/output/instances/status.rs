//! The state of instances: counts by state, availability domain and shape, then one line each.

use super::columns::{Column, columns_table};
use super::list::{is_in_several_regions, short_domain};
use crate::args::OutputFormat;
use crate::output::listing::or_dash;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::text::{clean, count};
use crate::tuning::ROWS_SHOWN;
use fleet::select::{Machine, Named};
use oci_api::models::InstanceLifecycleState as State;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    all: usize,
    states: BTreeMap<String, usize>,
    domains: BTreeMap<String, usize>,
    shapes: BTreeMap<String, usize>,
    moving: usize,
}

/// The states of instances, counted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct InstancesStatus<'a> {
    /// One entry per instance.
    instances: Vec<InstanceState<'a>>,
    /// The number of instances.
    count: usize,
    /// How many are in each state.
    by_state: &'a BTreeMap<String, usize>,
    /// How many are in each availability domain.
    by_availability_domain: &'a BTreeMap<String, usize>,
    /// How many have each shape.
    by_shape: &'a BTreeMap<String, usize>,
    /// Whether no instance is in a transitional state.
    steady: bool,
    /// The named instances that were not found.
    missing: Vec<&'a str>,
}

impl PublishedDocument for InstancesStatus<'_> {
    const NAME: &'static str = "instances-status";
    const COMMANDS: &'static [&'static str] = &["instances status"];
}

/// An instance and its state.
#[derive(Debug, JsonSchema, Serialize)]
struct InstanceState<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// Its region.
    region: Option<&'a str>,
    /// Its state.
    state: &'a str,
}

/// Whether an instance is in a transitional state.
fn is_moving(state: &State) -> bool {
    matches!(
        state,
        State::Provisioning
            | State::Starting
            | State::Stopping
            | State::Terminating
            | State::Moving
            | State::CreatingImage
    )
}

impl Status {
    /// Counts instances.
    pub fn of(machines: &[Machine]) -> Self {
        let mut status = Self { all: machines.len(), ..Self::default() };
        for machine in machines {
            *status.states.entry(clean(machine.state.as_str())).or_insert(0) += 1;
            *status.domains.entry(clean(short_domain(&machine.availability_domain))).or_insert(0) += 1;
            *status.shapes.entry(clean(&machine.shape)).or_insert(0) += 1;
            status.moving += usize::from(is_moving(&machine.state));
        }
        status
    }

    /// Whether no instance is in a transitional state.
    pub fn is_steady(&self) -> bool {
        self.moving == 0
    }

    /// For people. `width` is the terminal's, if there is one.
    pub fn text(&self, machines: &[Machine], width: Option<usize>) -> String {
        let mut out = count(self.all as u64, "instance") + "\n";
        for (title, counts) in
            [("state", &self.states), ("availability domain", &self.domains), ("shape", &self.shapes)]
        {
            let parts: Vec<String> = counts.iter().map(|(value, count)| format!("{count} {value}")).collect();
            // Writing to a String cannot fail, so the results are ignored.
            let _ = writeln!(out, "  by {title:<20} {}", parts.join(", "));
        }
        let whole = machines.len() <= ROWS_SHOWN;
        let rows: Vec<&Machine> =
            machines.iter().filter(|machine| whole || is_moving(&machine.state)).take(ROWS_SHOWN).collect();
        if !rows.is_empty() {
            let column = |title, rank, cell: &dyn Fn(&Machine) -> String| {
                Column::new(title, rank, rows.iter().map(|machine| cell(machine)))
            };
            let mut columns = vec![
                column("NAME", 0, &|machine| machine.label().to_owned()).cut(),
                column("STATE", 0, &|machine| machine.state.as_str().to_owned()),
                column("AD", 2, &|machine| short_domain(&machine.availability_domain).to_owned()),
                column("SHAPE", 1, &|machine| machine.shape.to_string()),
                column("OCID", 3, &|machine| machine.ocid.clone())
                    .or_short(rows.iter().map(|machine| super::list::short_ocid(&machine.ocid))),
            ];
            if is_in_several_regions(machines) {
                columns.insert(2, column("REGION", 2, &|machine| or_dash(machine.region.as_deref())));
            }
            let _ = write!(out, "\n{}", columns_table(columns, width));
        }
        if rows.len() < machines.len() {
            let _ =
                writeln!(out, "… and {} more: `instances list` shows them all", machines.len() - rows.len());
        }
        out
    }

    fn document<'a>(&'a self, machines: &'a [Machine], missing: &'a [Named]) -> InstancesStatus<'a> {
        let state = |machine: &'a Machine| InstanceState {
            name: &machine.name,
            ocid: &machine.ocid,
            region: machine.region.as_deref(),
            state: machine.state.as_str(),
        };
        InstancesStatus {
            instances: machines.iter().map(state).collect(),
            count: self.all,
            by_state: &self.states,
            by_availability_domain: &self.domains,
            by_shape: &self.shapes,
            steady: self.is_steady(),
            missing: missing.iter().map(Named::text).collect(),
        }
    }

    /// One document.
    pub fn json(&self, machines: &[Machine], missing: &[Named]) -> String {
        text_of(&self.document(machines, missing), OutputFormat::Json)
    }

    /// One line.
    pub fn json_line(&self, machines: &[Machine], missing: &[Named]) -> String {
        text_of(&self.document(machines, missing), OutputFormat::Jsonl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_come_before_details() {
        let machine = |name: &str, state: &str, domain: &str| Machine {
            name: name.into(),
            ocid: format!("ocid1.instance.oc1.phx.{name}"),
            state: state.into(),
            availability_domain: domain.into(),
            shape: "VM.Standard.E4.Flex".into(),
            ..Machine::default()
        };
        let machines = [
            machine("web-1", "RUNNING", "Uocm:PHX-AD-1"),
            machine("web-2", "STOPPING", "Uocm:PHX-AD-1"),
            machine("web-3", "RUNNING", "Uocm:PHX-AD-2"),
        ];
        let status = Status::of(&machines);
        assert!(!status.is_steady());
        insta::assert_snapshot!(status.text(&machines, None), @r"
        3 instances
          by state                2 RUNNING, 1 STOPPING
          by availability domain  2 PHX-AD-1, 1 PHX-AD-2
          by shape                3 VM.Standard.E4.Flex

        NAME   STATE     AD        SHAPE                OCID
        web-1  RUNNING   PHX-AD-1  VM.Standard.E4.Flex  ocid1.instance.oc1.phx.web-1
        web-2  STOPPING  PHX-AD-1  VM.Standard.E4.Flex  ocid1.instance.oc1.phx.web-2
        web-3  RUNNING   PHX-AD-2  VM.Standard.E4.Flex  ocid1.instance.oc1.phx.web-3
        ");
    }
}
