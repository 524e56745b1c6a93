//! The proposals of `launch`, `resume` and other commands before they ask for confirmation.

use super::engines;
use super::ratcheting;
use crate::args::LaunchArgs;
use crate::config::Settings;
use crate::error::CommandError;
use crate::output::preview;
use crate::output::proposal::{Money, Proposal};
use crate::output::text::{clean, count, left, moment, seconds, thousands};
use crate::output::{spending, want};
use fleet::cleanup::{expiry, fleet_expiry};
use fleet::fleets::{Census, FleetKey, ScalePlan, drift, kind_of, mixed};
use fleet::plan::FLEET_TAG;
use fleet::price::{self, Prices, Size};
use fleet::select::{Machine, total_now};
use fleet::{FleetSpec, Plan, Strategy};
use ledger::{Placement, RunState};
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Clock as _, SystemClock};

/// The proposal of a launch.
pub fn propose_launch(args: &LaunchArgs, plan: &Plan, settings: &Settings) -> Proposal {
    let number = plan.fleet.slots();
    let what = launched(&plan.fleet);
    let mut options = Vec::new();
    let ratchet = ratcheting::propose(plan);
    let (held, told) = ratchet.unzip();
    options.extend(told);
    if plan.reserve.is_some() && held.is_none() {
        let then = if args.reserving.release {
            "unused capacity is released at the end"
        } else {
            "unused capacity is kept, and charged until you delete it"
        };
        options.push(format!(
            "--reserve: capacity is reserved first and charged from then on ({} % of the price while it is unused); {then}",
            price::UNUSED_RESERVATION * 100.0
        ));
    }
    if plan.reserve.is_some() && plan.fleet.kinds().len() > 1 {
        let flag = if held.is_some() { "--ratchet" } else { "--reserve" };
        options.push(format!(
            "{flag}: only the first choice of each availability domain is reserved and launched"
        ));
    }
    match plan.strategy {
        Strategy::Greedy => {}
        Strategy::BestEffort => options.push(
            "strategy best_effort: each choice is asked once, nothing is waited for, and what is there is kept".to_owned(),
        ),
        Strategy::AllOrNothing => {
            options.push(match &plan.fleet.want {
                Some(want) => {
                    format!("strategy all_or_nothing: below {}, the run is rolled back", want::asked(want))
                }
                None => {
                    format!("strategy all_or_nothing: with fewer than {number} running, the run is rolled back")
                }
            });
        }
    }
    if let Some(min) = args.min.filter(|_| plan.strategy != Strategy::AllOrNothing) {
        options.push(match plan.min {
            Some(_) => format!("--min: with fewer than {min} running, the run is rolled back"),
            None => format!("--keep-partial: with fewer than {min} running, the instances are kept"),
        });
    }
    if let Some(terms) = plan.hunt {
        options.push(format!(
            "hunt: keeps asking until all run, or until {}; while nothing has capacity, at most one request per {} for \
                 the whole tenancy. All running cost {} above",
            moment(terms.until),
            seconds(terms.floor().as_secs_f64()),
            if plan.fleet.want.is_some() { "at most the price" } else { "the price" },
        ));
    }
    options.extend(engines::note(&plan.fleet));
    options.extend(plan.spending.as_ref().map(spending::terms));
    if args.new {
        options.push("--new: this run ignores other instances and runs of the same fleet".to_owned());
    }
    Proposal {
        what: rows(plan, settings),
        money: [(label(&plan.fleet), money(&plan.fleet, number, settings))]
            .into_iter()
            .chain(held.map(|held| ("while held", held)))
            .collect(),
        until: Some(until(&plan.fleet)),
        options,
        question: match plan.hunt {
            Some(_) if held.is_some() => {
                format!("Reserve capacity bit by bit and launch {}?", count(number, "instance"))
            }
            Some(_) => format!("Hunt for {what}?"),
            None => format!("Launch {what}?"),
        },
        number: u64::from(number),
        ..Proposal::default()
    }
}

/// `25 instances`, or `up to 32 instances with 400 OCPUs`.
fn launched(fleet: &FleetSpec) -> String {
    let number = count(fleet.slots(), "instance");
    match &fleet.want {
        Some(want) => format!("up to {number} with {}", want::asked(want)),
        None => number,
    }
}

/// The proposal of a `scale` to a larger size. `existing` is the present price of the members.
pub fn grow(plan: &Plan, scale: &ScalePlan, existing: Money, settings: &Settings) -> Proposal {
    let number = plan.fleet.count;
    let new = money(&plan.fleet, number, settings);
    let then = new.plus(existing);
    let mut what = rows(plan, settings);
    let sizes = format!("{}: {} → {} instances", clean(&scale.fleet.name), scale.before, scale.wanted);
    what.insert(0, ("fleet", sizes));
    let mut options: Vec<String> = engines::note(&plan.fleet).into_iter().collect();
    if plan.fleet.tagged_name().is_none() {
        options.push(format!(
            "the tags of the config leave no room for {FLEET_TAG}: only the ledger of this machine knows that these \
                 instances belong to the fleet"
        ));
    }
    Proposal {
        what,
        money: vec![(label(&plan.fleet), new), ("fleet then", then)],
        until: Some(until(&plan.fleet)),
        options,
        question: format!("Launch {}?", count(number, "instance")),
        number: u64::from(number),
        ..Proposal::default()
    }
}

/// The present price of members of a fleet. Those that match the config are priced like a launch, with their volumes; nothing
/// is known about the volumes of the others.
pub fn members<'m>(
    machines: impl IntoIterator<Item = &'m Machine>,
    fleet: &FleetSpec,
    settings: &Settings,
) -> Money {
    let is_alike = |machine: &&Machine| {
        let is_up = matches!(machine.state, State::Provisioning | State::Starting | State::Running);
        is_up && drift(machine, fleet).is_empty()
    };
    let (alike, others): (Vec<&Machine>, Vec<&Machine>) = machines.into_iter().partition(is_alike);
    let others = without_volumes(others, &settings.prices);
    if alike.is_empty() {
        return others;
    }
    let mut counts: Vec<(&Placement, u32)> = Vec::new();
    for kind in alike.iter().filter_map(|machine| kind_of(machine, fleet)) {
        match counts.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((kind, 1)),
        }
    }
    let cost = price::of_placements(fleet, &counts, &settings.prices, Size::default());
    let (hour, unknown) = match cost.total {
        Some(total) => (Some(total.hour), 0),
        None => (others.hour.map(|_| 0.0), alike.len()),
    };
    Money { hour, unknown, bare: 0 }.plus(others)
}

/// The present price of instances about whose volumes nothing is known. If no price is known, the total is unknown.
pub fn without_volumes<'m>(
    machines: impl IntoIterator<Item = &'m Machine, IntoIter: ExactSizeIterator>,
    prices: &Prices,
) -> Money {
    let machines = machines.into_iter();
    let bare = machines.len();
    let (hour, unknown) = total_now(machines, prices);
    Money { hour: (bare == 0 || unknown < bare).then_some(hour), unknown, bare }
}

/// The instances to create, with the price of each kind if there are several.
fn rows(plan: &Plan, settings: &Settings) -> Vec<(&'static str, String)> {
    let mut rows = preview::plan_rows(plan);
    let kinds = price::of_kinds(&plan.fleet, &settings.prices);
    if kinds.len() < 2 {
        return rows;
    }
    let own: Vec<(&str, String)> = kinds
        .iter()
        .enumerate()
        .map(|(at, (what, cost))| {
            let price = cost.total.map_or_else(
                || "at an unknown price".to_owned(),
                |total| format!("{} {} per hour each", thousands(total.hour, 4), clean(&cost.currency)),
            );
            (if at == 0 { "shape" } else { "  or" }, format!("{}: {price}", clean(what)))
        })
        .collect();
    let is_shape = |(label, _): &(&str, String)| matches!(*label, "shape" | "  or");
    let at = rows.iter().position(is_shape).unwrap_or(rows.len());
    rows.retain(|row| !is_shape(row));
    rows.splice(at..at, own);
    rows
}

/// The label of a price, which is an upper bound if an instance may become one of several kinds.
fn label(fleet: &FleetSpec) -> &'static str {
    if fleet.kinds().len() > 1 || fleet.want.is_some() { "at most" } else { "price" }
}

/// Rows for launches that happen occasionally, a few at a time: without a total and without counts per domain.
fn rows_of_any(plan: &Plan, settings: &Settings) -> impl Iterator<Item = (&'static str, String)> {
    let fleet = FleetSpec { homes: Vec::new(), ..plan.fleet.clone() };
    let plan = Plan { fleet, ..plan.clone() };
    rows(&plan, settings).into_iter().filter(|(label, _)| *label != "launch")
}

/// The proposal of `maintain`.
pub fn maintain(
    plan: &Plan,
    key: &FleetKey,
    census: &Census,
    wanted: u32,
    existing: Money,
    settings: &Settings,
) -> Proposal {
    let missing = wanted.saturating_sub(census.count());
    let of = |number| money(&plan.fleet, number, settings);
    let name = clean(&key.name);
    let launches = format!("launches {}", count(missing, "missing instance"));
    let mut what = vec![
        ("fleet", format!("{name}: {} exist, {wanted} wanted", count(census.count(), "instance"))),
        ("now", if missing == 0 { "launches nothing".to_owned() } else { launches }),
        ("later", "replaces members that die or are reclaimed; terminates nothing".to_owned()),
    ];
    let expiring = census.members.iter().filter(|member| expiry(&member.machine).is_some()).count();
    if expiring > 0 {
        let members = count(expiring as u64, "member");
        let verb = if expiring == 1 { "expires" } else { "expire" };
        what.push((
            "expiry",
            format!("{members} {verb} (`--ttl`), and so do the replacements, at the same time"),
        ));
    }
    if let Some(found) = mixed(census.members.iter().map(|member| &member.machine), &plan.fleet) {
        let differ = if found.members == 1 { "differs" } else { "differ" };
        let members = count(found.members as u64, "member");
        what.push((
            "drift",
            format!("{members} {differ} from the config; replacements are launched from the config"),
        ));
    }
    what.extend(rows_of_any(plan, settings));
    let then = of(missing).plus(existing);
    Proposal {
        what,
        money: vec![("each", of(1)), ("fleet then", then)],
        until: Some("you stop it (Ctrl-C); the instances stay".to_owned()),
        question: format!("Keep fleet {name} at {}?", count(wanted, "instance")),
        number: u64::from(wanted),
        ..Proposal::default()
    }
}

/// The facts of a planned replacement.
#[derive(Clone, Copy, Debug)]
pub struct Replacing<'a> {
    /// The members to replace.
    pub old: &'a [Machine],
    /// How many members are missing beforehand.
    pub missing: u32,
    /// How many members may be missing at once.
    pub max_unavailable: u32,
}

/// Adds to a termination that each instance gets a successor.
pub fn replace(
    proposal: &mut Proposal,
    plan: &Plan,
    name: &str,
    replacing: &Replacing<'_>,
    settings: &Settings,
) {
    let Replacing { old, missing, max_unavailable } = *replacing;
    let number = u32::try_from(old.len()).unwrap_or(u32::MAX);
    let mut kinds: Vec<String> =
        old.iter().flat_map(|machine| drift(machine, &plan.fleet)).map(|drift| clean(&drift.what)).collect();
    kinds.sort();
    kinds.dedup();
    let order = match max_unavailable {
        0 => "one at a time: the new instance runs before the old one is terminated".to_owned(),
        most => format!("up to {most} at a time are terminated before their successors are launched"),
    };
    let differ = if number == 1 { "differs" } else { "differ" };
    let what =
        format!("{name}: {} {differ} from the config ({})", count(number, "instance"), kinds.join(", "));
    proposal.what = vec![("fleet", what), ("order", order)];
    if missing > 0 {
        proposal.what.push(("missing", format!("{} launched first", count(missing, "instance"))));
    }
    proposal.what.extend(rows_of_any(plan, settings));
    proposal.money = vec![
        ("price now", members(old, &plan.fleet, settings)),
        ("successors", money(&plan.fleet, number + missing, settings)),
    ];
    proposal.until = Some(until(&plan.fleet));
    proposal.question = format!("Replace {}?", count(number, "instance"));
}

/// Checks that the last price of a proposal is within a limit.
///
/// # Errors
/// When it is not, or is unknown.
pub fn within(limit: f64, proposal: &Proposal, prices: &Prices) -> Result<(), CommandError> {
    let currency = prices.currency();
    let Some((_, money)) = proposal.money.last() else { return Ok(()) };
    match money.hour {
        Some(hour) if hour <= limit && money.unknown == 0 => Ok(()),
        Some(hour) if hour > limit => Err(CommandError::usage(
            format!("the fleet would cost {hour:.4} {currency} per hour, above --max-cost-per-hour {limit}"),
            "choose a smaller size or shape, or a higher limit",
        )),
        _ => Err(CommandError::usage(
            "the price of the fleet is unknown, so --max-cost-per-hour cannot be checked",
            "set the prices under `prices:` in the config, or omit the flag",
        )),
    }
}

/// The proposal to resume a run, with what remains of it.
pub fn propose_resume(state: &RunState, plan: &Plan, keep_partial: bool, settings: &Settings) -> Proposal {
    let run = state.run;
    let counts = &state.counts;
    let rest: Vec<u32> = state.remaining().map(|(slot, _)| slot).collect();
    let unlaunched = plan.fleet.count.saturating_sub(counts.launched);
    let mut what = rows(plan, settings);
    let doubt = if counts.unsettled > 0 {
        format!(", {} with an unknown outcome", counts.unsettled)
    } else {
        String::new()
    };
    what.insert(0, ("run", run.to_string()));
    what.push(("so far", format!("{} launched, {} running{doubt}", counts.launched, counts.running)));
    if state.giving_back.is_some() {
        return Proposal {
            what,
            options: vec!["the run is being rolled back: its remaining instances are deleted".to_owned()],
            question: format!("Delete the rest of run {run} ({})?", count(counts.launched, "instance")),
            number: u64::from(counts.launched),
            ..Proposal::default()
        };
    }
    what.push((
        "to be made",
        match &plan.fleet.want {
            Some(_) => "what is missing of the wanted totals".to_owned(),
            None => count(unlaunched, "instance"),
        },
    ));
    let mut options = Vec::new();
    if let Some(min) = plan.min {
        options.push(if keep_partial {
            format!("--keep-partial: with fewer than {min} running, the instances are kept")
        } else {
            format!("the run was started with --min {min}: with fewer running, it is rolled back")
        });
    }
    options.extend(plan.spending.as_ref().map(spending::terms));
    Proposal {
        what,
        // The price of the rest of wanted totals depends on what they become.
        money: [(label(&plan.fleet), money(&plan.fleet, unlaunched, settings))]
            .into_iter()
            .filter(|_| plan.fleet.want.is_none())
            .chain([("in all", money(&plan.fleet, plan.fleet.count, settings))])
            .collect(),
        until: Some(until(&plan.fleet)),
        options,
        question: format!("Continue run {run} ({} to do)?", count(rest.len() as u64, "slot")),
        number: u64::from(unlaunched),
        ..Proposal::default()
    }
}

/// The price of this many instances if each becomes the most expensive kind.
fn money(fleet: &FleetSpec, number: u32, settings: &Settings) -> Money {
    let cost = price::at_most(fleet, number, &settings.prices);
    Money::of(cost.total.map(|total| total.hour))
}

fn until(fleet: &FleetSpec) -> String {
    match fleet_expiry(fleet) {
        Some(until) => {
            let left = left(until, SystemClock.now());
            format!("{} ({left}); then `cleanup --expired` may terminate them", moment(until))
        }
        None => "you terminate them: no --ttl was given".to_owned(),
    }
}
