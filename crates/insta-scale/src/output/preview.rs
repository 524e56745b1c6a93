//! What a launch would send: an outline for people, the whole request for `--dry-run`.

use super::console;
use super::text::{clean, count};
use crate::args::OutputFormat;
use crate::commands::budget::Budget;
use crate::error::CommandError;
use fleet::{FleetSpec, Plan};
use ledger::{Placement, RunId};
use oci_api::{Operation, Service};
use oci_client::Endpoints;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Shows what would be sent, and sends nothing; `reserve` is what would be reserved first.
/// The run's id is not known yet: a placeholder stands for it.
pub fn show(
    file: &str,
    plan: &Plan,
    budget: Option<&Budget>,
    endpoints: &Endpoints,
    reserve: Option<&Value>,
    output: OutputFormat,
) -> Result<(), CommandError> {
    let url = url(endpoints);
    let run = RunId(uuid::Uuid::nil());
    // Numbers and texts only: nothing that JSON cannot hold.
    let body = serde_json::to_value(plan.request(run, 1, 1)).unwrap_or_default();
    let document = || {
        let mut document = document(plan, budget, &url, &body);
        if let Some(reserve) = reserve {
            document["reserve"] = reserve.clone();
        }
        document
    };
    let text = match output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            people(file, plan, budget, &url, &body)
        }
        OutputFormat::Json => serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document().to_string() + "\n",
    };
    console::data(&text)
}

fn url(endpoints: &Endpoints) -> String {
    let base = endpoints.base(Service::Compute);
    format!("{}://{}{}{}", base.scheme, base.authority, base.prefix, Operation::LaunchInstance.path(&[]))
}

fn document(plan: &Plan, budget: Option<&Budget>, url: &str, body: &Value) -> Value {
    let names: Vec<String> = plan.slots().map(|slot| plan.name(slot)).collect();
    let mut document = json!({
        "schema_version": super::document::SCHEMA_VERSION,
        "dry_run": true,
        "requested": plan.fleet.count,
        "method": "POST",
        "url": url,
        "placements": plan.fleet.placements,
        "names": names,
        "body": body,
    });
    if let Some(min) = plan.min {
        document["min"] = min.into();
    }
    if let Some(budget) = budget {
        document["cost_per_hour"] = budget.hour.into();
        document["max_cost_per_hour"] = budget.limit.into();
        document["currency"] = budget.cost.currency.clone().into();
    }
    document
}

fn people(file: &str, plan: &Plan, budget: Option<&Budget>, url: &str, body: &Value) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are not looked at.
    let _ = writeln!(out, "DRY RUN of {file}: nothing is sent\n");
    let _ = writeln!(out, "{}", outline(plan));
    if let Some(budget) = budget {
        let _ = writeln!(out, "{}\n", budget.describe());
    }
    let _ = writeln!(out, "Each launch is POST {url}");
    let pretty = serde_json::to_string_pretty(body).unwrap_or_default();
    let _ = writeln!(out, "with, for {}:\n{pretty}", clean(&plan.name(1)));
    let named = plan.fleet.placements.iter().all(|placement| placement.availability_domain.contains(':'));
    if !named {
        let _ = writeln!(out, "\nThe full names of the availability domains are asked for when launching.");
    }
    let _ = writeln!(
        out,
        "The tag {} will hold the run's id, {} the slot.",
        fleet::plan::RUN_TAG,
        fleet::plan::SLOT_TAG
    );
    out
}

/// What will be created, in a few lines.
pub fn outline(plan: &Plan) -> String {
    let FleetSpec { region, compartment, count: wanted, placements, template, .. } = &plan.fleet;
    let mut out = String::new();
    let shape = placements.first().map_or("", |placement| placement.shape.as_str());
    let size = template.shape_config.as_deref().map_or_else(String::new, |size| {
        let ocpus = size.ocpus.map_or_else(String::new, |ocpus| format!(", {ocpus} OCPU"));
        let memory = size.memory_in_gbs.map_or_else(String::new, |memory| format!(", {memory} GB"));
        format!("{ocpus}{memory}")
    });
    let last = plan.name(*wanted);
    let names =
        if *wanted == 1 { clean(&last) } else { format!("{} … {}", clean(&plan.name(1)), clean(&last)) };
    let _ = writeln!(out, "  {}: {names}", count(*wanted, "instance"));
    if let Some(min) = plan.min {
        let _ = writeln!(out, "  at least     {min}, or everything is given back");
    }
    let _ = writeln!(out, "  shape        {}{size}", clean(shape));
    let _ = writeln!(out, "  region       {}", clean(region));
    let _ = writeln!(out, "  compartment  {}", clean(compartment));
    for (at, placement) in placements.iter().enumerate() {
        let label = if at == 0 { "placement" } else { "  then" };
        let _ = writeln!(out, "  {label:<12} {}", describe(placement));
    }
    out
}

fn describe(placement: &Placement) -> String {
    let mut text = match placement.availability_domain.as_str() {
        "" => "every availability domain of the region, in turn".to_owned(),
        name => clean(name),
    };
    if let Some(fault) = &placement.fault_domain {
        let _ = write!(text, ", {}", clean(fault));
    }
    match placement.capacity_reservation.as_deref() {
        None => {}
        Some("") => text.push_str(", in no reservation, not even the default one"),
        Some(id) => {
            let _ = write!(text, ", reservation {}", clean(id));
        }
    }
    text
}
