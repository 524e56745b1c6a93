//! `scale` to a larger size: a launch of what is missing.

use super::Ground;
use super::shared::note_count;
use crate::args::ScaleArgs;
use crate::commands::{ending, proposals, reservation, run_report, session};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::fleets::scale::Done;
use crate::output::simulated;
use crate::runtime;
use fleet::fleets::{Census, Means, ScalePlan, carry_out};
use fleet::select::total_now;
use fleet::{FleetSpec, Plan};
use ledger::RunState;

/// Runs it.
pub async fn run(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    census: &Census,
    mut scale: ScalePlan,
    fleet: FleetSpec,
) -> Result<Exit, CommandError> {
    let reach = &ground.reach;
    let planned = fleet::plan(&ground.asking.client, fleet);
    let planned = tokio::select! {
        planned = planned => planned,
        () = reach.stop.cancelled() => return Err(CommandError::Interrupted),
    };
    let mut plan = planned.map_err(|error| CommandError::of_plan(&reach.settings.written, error))?;
    plan.origin.clone_from(&ground.origin);
    reservation::look(&ground.asking.client, &plan, &reach.stop).await?;
    let existing = total_now(census.members.iter().map(|member| &member.machine), &reach.settings.prices);
    let proposal = proposals::grow(&plan, &scale, existing, &reach.settings);
    if let Some(limit) = args.max_cost_per_hour {
        proposals::within(limit, &proposal, &reach.settings.prices)?;
    }
    if args.dry_run {
        console::data(&Done::new(&scale, scale.before).planned(&proposal, reach.global.output))?;
        return Ok(Exit::Done);
    }
    reach.agree(args.yes, &proposal).await?;
    // Whoever reads of the runs later must know that they are not real.
    let label = simulated::label().map(str::to_owned);
    scale.simulated.clone_from(&label);
    if let Some(origin) = &mut plan.origin {
        origin.simulated = label;
    }
    launch(ground, args, &scale, &plan).await
}

async fn launch(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    scale: &ScalePlan,
    plan: &Plan,
) -> Result<Exit, CommandError> {
    let reach = &ground.reach;
    runtime::say_when_stopped(&reach.stop, runtime::STOPPING);
    let environment = reach.environment(ground.asking.store.clone());
    let run = environment.new_run_id();
    session::heed_stop_requests(reach.global, run, &reach.stop)?;
    let (sink, reporter) = run_report::start_reporter(reach.global, RunState::new(run), plan)?;
    let options = session::launch_options(&args.pace);
    let means = Means::Grow { plan, options: &options };
    let result = carry_out(&environment, scale, run, means, sink, reach.stop.clone()).await;
    reporter.finish();
    let converged = result?;
    let Some(summary) = converged.launched else { return Ok(Exit::NoneLaunched) };
    let prices = &reach.settings.prices;
    let again = Some(session::again(reach.global));
    let ending = ending::of(&ground.asking.client, plan, prices, &summary, again, &reach.stop).await;
    let done = Done::new(scale, scale.before + summary.launched).by(converged.scale);
    let exit = Exit::of(&summary);
    console::data(&done.launched(&summary, &ending, reach.global.output))?;
    // The size is kept: `scale` goes on, not `resume`.
    run_report::advise(reach.global, &summary);
    done.advise(reach.global);
    note_count(ground, args, scale);
    Ok(exit)
}
