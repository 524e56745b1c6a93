//! What `launch` and `resume` propose before they ask.

use crate::args::LaunchArgs;
use crate::config::Settings;
use crate::output::preview;
use crate::output::proposal::{Money, Proposal};
use crate::output::text::{count, left, moment};
use fleet::cleanup::fleet_expiry;
use fleet::price::{self, Size};
use fleet::{FleetSpec, Plan};
use ledger::RunState;
use oci_client::{Clock as _, SystemClock};

/// What a launch will do.
pub fn launch(args: &LaunchArgs, plan: &Plan, settings: &Settings) -> Proposal {
    let number = plan.fleet.count;
    let mut options = Vec::new();
    if plan.reserve.is_some() {
        let then = if args.reserving.release {
            "what is not used in the end is given back"
        } else {
            "what is not used in the end is kept and charged until it is deleted"
        };
        options.push(format!(
            "--reserve: capacity is reserved first and charged from that moment on ({} % of the price while it is unused); {then}",
            price::UNUSED_RESERVATION * 100.0
        ));
    }
    if let Some(min) = args.min {
        options.push(match plan.min {
            Some(_) => format!("--min: fewer than {min} are given back, all of them"),
            None => format!("--keep-partial: fewer than {min} are kept all the same"),
        });
    }
    if args.new {
        options.push("--new: this run does not care what else there is of the same fleet".to_owned());
    }
    Proposal {
        what: preview::rows(plan),
        money: vec![("price", money(&plan.fleet, number, settings))],
        until: Some(until(&plan.fleet)),
        options,
        question: format!("Launch {}?", count(number, "instance")),
        number: u64::from(number),
        ..Proposal::default()
    }
}

/// What is left of a run.
pub fn resume(state: &RunState, plan: &Plan, keep_partial: bool, settings: &Settings) -> Proposal {
    let run = state.run;
    let counts = &state.counts;
    let rest: Vec<u32> = state.remaining().map(|(slot, _)| slot).collect();
    let unlaunched = plan.fleet.count.saturating_sub(counts.launched);
    let mut what = preview::rows(plan);
    let doubt = if counts.unsettled > 0 {
        format!(", {} of unknown outcome", counts.unsettled)
    } else {
        String::new()
    };
    what.insert(0, ("run", run.to_string()));
    what.push(("so far", format!("{} launched, {} running{doubt}", counts.launched, counts.running)));
    if state.giving_back.is_some() {
        return Proposal {
            what,
            options: vec!["the run is being given back: what is left of it is deleted".to_owned()],
            question: format!("Delete what is left of run {run} ({})?", count(counts.launched, "instance")),
            number: u64::from(counts.launched),
            ..Proposal::default()
        };
    }
    what.push(("to be made", count(unlaunched, "instance")));
    let mut options = Vec::new();
    if let Some(min) = plan.min {
        options.push(if keep_partial {
            format!("--keep-partial: fewer than {min} are kept all the same")
        } else {
            format!("the run was started with --min {min}: fewer are given back, all of them")
        });
    }
    Proposal {
        what,
        money: vec![
            ("price", money(&plan.fleet, unlaunched, settings)),
            ("in all", money(&plan.fleet, plan.fleet.count, settings)),
        ],
        until: Some(until(&plan.fleet)),
        options,
        question: format!("Go on with run {run} ({} to do)?", count(rest.len() as u64, "slot")),
        number: u64::from(unlaunched),
        ..Proposal::default()
    }
}

fn money(fleet: &FleetSpec, number: u32, settings: &Settings) -> Money {
    let cost = price::of_fleet(fleet, number, &settings.prices, Size::default());
    Money::of(cost.total.map(|total| total.hour))
}

fn until(fleet: &FleetSpec) -> String {
    match fleet_expiry(fleet) {
        Some(until) => {
            let left = left(until, SystemClock.now());
            format!("{} ({left}), when `cleanup --expired` may terminate them", moment(until))
        }
        None => "they are terminated: no --ttl was given".to_owned(),
    }
}
