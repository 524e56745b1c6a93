//! Finds and shows what continues to cost money after a launch or a termination, with the commands that delete it.

use crate::connection::Connection;
use crate::output::console;
use crate::output::text::{clean, count, thousands};
use crate::session::Session;
use crate::tuning::COSTS_NAMED;
use fleet::price::{End, Prices, StillCosts};
use fleet::{Environment, Plan, RunSummary};
use ledger::RunId;
use oci_client::Failure;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Adds the commands that end the costs. Anything that cannot be determined is reported, but the preceding operation still
/// counts as successful.
pub fn complete_costs(
    session: &Session,
    result: Result<Vec<StillCosts>, Failure>,
) -> Option<Vec<StillCosts>> {
    match result {
        Ok(mut costs) => {
            for cost in &mut costs {
                cost.command = command_for(session, cost);
            }
            Some(costs)
        }
        Err(failure) => {
            console::line(&format!(
                "note: resources that continue to cost money could not be determined: {}; check with `oci-insta-scale \
                     reservation list` and `oci-insta-scale cleanup --dry-run --kept-volumes`",
                clean(&failure.to_string())
            ));
            None
        }
    }
}

/// Adds continuing costs to the summary of a launch that reserved capacity, and shows them.
pub async fn complete_launch(
    connection: &Connection<'_>,
    environment: &Environment,
    run: RunId,
    plan: &Plan,
    summary: &mut RunSummary,
) {
    if plan.reserve.is_none() {
        return;
    }
    let (client, store) = (&connection.questions, &*environment.store);
    let (compartment, prices) = (&plan.fleet.compartment, &connection.settings.prices);
    let costs = fleet::costs::after_launch(client, store, run, compartment, prices).await;
    summary.still_costs = complete_costs(connection.session, costs);
    show_costs(summary.still_costs.as_deref(), prices);
}

/// The command that ends a cost, ready to type.
fn command_for(session: &Session, cost: &StillCosts) -> String {
    let flags = session.flags_text();
    let ocid = &cost.ocid;
    match &cost.end {
        End::DeleteReservation => format!("oci-insta-scale reservation delete {ocid}{flags}"),
        End::ShrinkReservation(used) => {
            format!("oci-insta-scale reservation update {ocid} --count {used}{flags}")
        }
        End::CleanUp(run) => format!("oci-insta-scale cleanup --kept-volumes --run {run}{flags}"),
        End::DeleteVolume if cost.kind == "boot volume" => {
            format!("oci bv boot-volume delete --boot-volume-id {ocid}")
        }
        End::DeleteVolume => format!("oci bv volume delete --volume-id {ocid}"),
    }
}

/// The lines for people; costs that the same command ends share a line.
pub fn costs_text(costs: &[StillCosts], prices: &Prices) -> String {
    let mut groups: BTreeMap<(&str, &str), Vec<&StillCosts>> = BTreeMap::new();
    for cost in costs {
        groups.entry((cost.kind, &cost.command)).or_default().push(cost);
    }
    let mut out = String::new();
    for ((kind, command), group) in groups {
        let known: Option<f64> = group.iter().map(|cost| cost.price_per_hour).sum();
        let price = known.map_or_else(
            || "at an unknown price".to_owned(),
            |hour| format!("{} {} per hour", thousands(hour, 4), prices.currency()),
        );
        let names: Vec<String> = group.iter().take(COSTS_NAMED).map(|cost| clean(name(cost))).collect();
        let more = match group.len() - names.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let things = match group.as_slice() {
            [_] => format!("{kind} {}", names.join("")),
            _ => format!("{} ({}{more})", count(group.len() as u64, kind), names.join(", ")),
        };
        let part = match group.as_slice() {
            [one] if matches!(one.end, End::ShrinkReservation(_)) => ", partly unused",
            [one] if one.end == End::DeleteReservation => ", unused",
            _ => "",
        };
        // Writing to a String cannot fail, so the result is ignored.
        let _ = writeln!(out, "still costs {price}: {things}{part}");
        let _ = writeln!(out, "  to delete: {}", clean(command));
    }
    out
}

fn name(cost: &StillCosts) -> &str {
    if cost.name.is_empty() { &cost.ocid } else { &cost.name }
}

/// Shows the costs on stderr.
pub fn show_costs(costs: Option<&[StillCosts]>, prices: &Prices) {
    let text = costs_text(costs.unwrap_or_default(), prices);
    if !text.is_empty() {
        console::line(text.trim_end());
    }
}
