//! What a hunt that is taken up again keeps of its first start: its plan was agreed to, so other wishes wait until it has ended.

use crate::args::LaunchArgs;
use crate::config::Settings;
use crate::output::text::{count, seconds};
use crate::output::want;
use fleet::Plan;
use jiff::SignedDuration;
use ledger::RunState;

/// The warning for flags and settings that differ from the plan of the hunt, if any do.
pub fn ignored(hunt: &RunState, args: &LaunchArgs, settings: &Settings) -> Option<String> {
    let mut wishes = Vec::new();
    let plan = serde_json::from_value::<Plan>(hunt.plan.clone()).ok();
    let agreed = plan.as_ref().and_then(|plan| plan.fleet.want);
    match settings.fleet.want {
        Some(want) if agreed != Some(want) => wishes.push(format!("`want` ({})", want::asked(&want))),
        None if agreed.is_some() || hunt.requested != settings.fleet.count => {
            wishes.push(format!("the count {}", settings.fleet.count));
        }
        Some(_) | None => {}
    }
    if let Some(plan) = plan {
        wishes.extend(other_terms(hunt, &plan, args, settings));
    }
    let (last, others) = wishes.split_last()?;
    let (wishes, verb) = if others.is_empty() {
        (last.clone(), "is")
    } else {
        (format!("{} and {last}", others.join(", ")), "are")
    };
    let kept = agreed.map_or_else(|| count(hunt.requested, "instance"), |want| want::asked(&want));
    Some(format!(
        "warning: the hunt {} goes on for {kept}; {wishes} {verb} ignored until it has ended",
        hunt.run
    ))
}

fn other_terms(hunt: &RunState, plan: &Plan, args: &LaunchArgs, settings: &Settings) -> Vec<String> {
    let mut wishes = Vec::new();
    let (wanted, agreed) = match &plan.reserve {
        Some(reserve) => (args.min, Some(reserve.min)),
        None => (args.least(), plan.min),
    };
    if let Some(min) = wanted
        && agreed != Some(min)
    {
        wishes.push(format!("--min {min}"));
    }
    let ratchet = plan.reserve.as_ref().and_then(|reserve| reserve.ratchet.as_ref());
    if args.reserving.ratchet && ratchet.is_none() {
        wishes.push("--ratchet".to_owned());
    }
    if let (Some(wanted), Some(agreed)) = (args.reserving.max_hold_cost, ratchet)
        && agreed.max_hold_cost != Some(wanted)
    {
        wishes.push(format!("--max-hold-cost {wanted}"));
    }
    if let Some(wanted) = args.hunting.max_cost
        && plan.spending.as_ref().map(|terms| terms.max_cost) != Some(wanted)
    {
        wishes.push(format!("--max-cost {wanted}"));
    }
    let Some(terms) = plan.hunt else { return wishes };
    // In its own simulated region, the floor of the plan runs at the region's speed.
    let is_simulated = plan.origin.as_ref().is_some_and(|origin| origin.simulated.is_some());
    if let Some(floor) = args.hunting.floor.or(settings.hunt_floor)
        && !is_simulated
        && floor != terms.floor()
    {
        let name = if args.hunting.floor.is_some() { "--floor" } else { "hunt.floor" };
        wishes.push(format!("{name} {}", seconds(floor.as_secs_f64())));
    }
    if let (Some(until), Some(started)) = (args.hunting.until, hunt.started_at)
        && let Ok(until) = SignedDuration::try_from(until)
    {
        let agreed = terms.until.duration_since(started);
        // The time between the plan and the consent is part of neither.
        if (until - agreed).abs() > until / 10 {
            wishes.push(format!("--until {}", seconds(until.as_secs_f64())));
        }
    }
    wishes
}
