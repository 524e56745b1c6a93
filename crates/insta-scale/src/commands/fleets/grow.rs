//! `scale` to a larger size: launches the missing instances.

use super::Ground;
use super::shared::{note_count, show_planned};
use crate::args::ScaleArgs;
use crate::commands::spreading::spread_plan;
use crate::commands::{ending, proposals, reservation, run_report};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::notify::{Notifier, Watch};
use crate::output::console;
use crate::output::fleets::scale::Done;
use crate::output::simulated;
use crate::output::text::{clean, count};
use crate::runtime;
use crate::session::launch_options;
use fleet::fleets::{Census, Drift, Means, ScalePlan, carry_out, mixed};
use fleet::{FleetSpec, Plan};
use ledger::RunState;

/// Grows the fleet.
pub async fn run(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    census: &Census,
    (mut scale, fleet): (ScalePlan, FleetSpec),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let connection = &ground.connection;
    // Only the plan knows the newest images of other regions; without them, the check needs no request.
    let is_open = fleet.has_open_images();
    if !args.allow_mixed && !is_open {
        refuse_mixed(ground, census, ground.fleet())?;
    }
    let mut plan = ground.plan(fleet).await?;
    if !args.allow_mixed && is_open {
        refuse_mixed(ground, census, &plan.fleet)?;
    }
    if plan.fleet.engine.is_pooled() {
        plan.joins = Some(census.members.iter().map(|member| member.machine.ocid.clone()).collect());
    }
    spread_plan(&connection.settings, &census.members, &mut plan)?;
    reservation::check_reservations(connection, &plan).await?;
    crate::commands::launch::check_subnets(connection, &plan).await?;
    let machines = census.members.iter().map(|member| &member.machine);
    let existing = proposals::members(machines, &plan.fleet, &connection.settings);
    let mut proposal = proposals::grow(&plan, &scale, existing, &connection.settings);
    proposal.options.extend(ground.network.notes());
    if let Some(limit) = args.max_cost_per_hour {
        proposals::within(limit, &proposal, &connection.settings.prices)?;
    }
    if args.dry_run {
        show_planned(ground, &scale, &proposal)?;
        return Ok(Exit::Done);
    }
    ground.agree(args.yes, &proposal).await?;
    // Later readers of the runs must see that they are simulated.
    let label = simulated::label().map(str::to_owned);
    scale.simulated.clone_from(&label);
    if let Some(origin) = &mut plan.origin {
        origin.simulated = label;
    }
    connection.session.say_when_stopped(runtime::STOPPING);
    ground.network.make(connection, &ground.asking.store, &mut plan.fleet).await?;
    launch(ground, args, (&scale, &plan), metrics).await
}

/// Refuses to grow a fleet whose config has changed since, because that would silently mix two kinds of instances.
fn refuse_mixed(ground: &Ground<'_>, census: &Census, fleet: &FleetSpec) -> Result<(), CommandError> {
    let machines = census.members.iter().map(|member| &member.machine);
    let Some(found) = mixed(machines, fleet) else { return Ok(()) };
    let differences: Vec<String> = found.differences.iter().map(difference).collect();
    let differ = if found.members == 1 { "differs" } else { "differ" };
    Err(CommandError::usage(
        format!(
            "{} of fleet {} {differ} from {}: {}",
            count(found.members as u64, "member"),
            clean(&ground.key.name),
            ground.connection.settings.file,
            differences.join("; ")
        ),
        "`oci-insta-scale replace --drifted` brings them in line first; `--allow-mixed` launches new members from the config \
             beside them",
    ))
}

/// `shape VM.Standard.E4.Flex instead of VM.Standard.E5.Flex (3 instances)`.
fn difference((drift, members): &(Drift, usize)) -> String {
    let is = drift.is.as_deref().unwrap_or("none");
    let wanted = &drift.wanted;
    format!(
        "{} {} instead of {} ({})",
        drift.what,
        clean(is),
        clean(wanted),
        count(*members as u64, "instance")
    )
}

async fn launch(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    (scale, plan): (&ScalePlan, &Plan),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let connection = &ground.connection;
    let notifier = Notifier::open(connection.session, &connection.settings, !args.pace.no_notify)?;
    connection.session.say_when_stopped(runtime::STOPPING);
    let environment = connection.environment(ground.asking.store.clone());
    let run = environment.new_run_id();
    connection.session.heed_stop_requests(run, false).await?;
    let (sink, reporter) = run_report::start_reporter(connection.session, RunState::new(run), plan)?;
    let watch = Watch::new(run, &[], plan.fleet.clone(), connection.settings.prices.clone());
    let priced = (&plan.fleet, &connection.settings.prices);
    let sink = metrics.watching(&environment, priced, &[], notifier.watching(watch, sink));
    let options = launch_options(&args.pace);
    let means = Means::Grow { plan, options: &options };
    let result = carry_out(&environment, scale, run, means, sink, connection.session.stop.clone()).await;
    reporter.finish();
    metrics.finish().await;
    let converged = result?;
    let Some(summary) = converged.launched else {
        notifier.finish().await;
        return Ok(Exit::NoneLaunched);
    };
    let again = Some(connection.session.command_line());
    let ending = ending::find_ending(connection, plan, &summary, again).await;
    let done = Done::new(scale, scale.before + summary.launched).by(converged.scale);
    let exit = Exit::of(&summary);
    console::data(&done.launched(&summary, &ending, connection.session.output))?;
    // The wanted size is recorded, so `scale` continues the work, not `resume`.
    run_report::advise(connection.session, &summary);
    done.advise(connection.session);
    note_count(ground, args, scale);
    notifier.finish().await;
    Ok(exit)
}
