//! What continues to cost money after a launch or a termination: finds it, adds the commands that delete it, and
//! shows it.

use super::session;
use crate::args::Global;
use crate::output::console;
use crate::output::text::{clean, count, thousands};
use fleet::price::{End, Prices, StillCosts};
use oci_client::Failure;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Names shown in one line; the rest are counted.
const NAMED: usize = 3;

/// Completes what was found with the commands that end it. What could not be found out is said, and is no failure of what
/// was done before.
pub fn found(global: &Global, result: Result<Vec<StillCosts>, Failure>) -> Option<Vec<StillCosts>> {
    match result {
        Ok(mut costs) => {
            for cost in &mut costs {
                cost.command = command(global, cost);
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

/// The command that ends a cost, as it is to be typed.
fn command(global: &Global, cost: &StillCosts) -> String {
    let flags = session::flags(global);
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

/// The lines for people: what is ended by one command stands in one line.
pub fn text(costs: &[StillCosts], prices: &Prices) -> String {
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
        let names: Vec<String> = group.iter().take(NAMED).map(|cost| clean(name(cost))).collect();
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

/// Shows them on stderr.
pub fn tell(costs: Option<&[StillCosts]>, prices: &Prices) {
    let text = text(costs.unwrap_or_default(), prices);
    if !text.is_empty() {
        console::line(text.trim_end());
    }
}
