//! `launch`: load, validate, show or confirm, launch, summarise, wait. What the user's design calls the instance
//! creation flow; the loop itself is `fleet::launch`.

use super::budget::Budget;
use super::consent::{self, Asking};
use super::earlier::{self, Choice};
use super::namesakes::{self, Meant};
use super::simulated_region::SimulatedRegion;
use super::{costs, dry_run, ending, proposals, resume, run_report, session};
use crate::args::{Global, LaunchArgs, ResumeArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::simulated;
use crate::runtime;
use fleet::cleanup::{EXPIRY_TAG, expiry_value};
use fleet::{FleetSpec, Origin, Sink};
use jiff::SignedDuration;
use ledger::{Lease, RunState, Store};
use oci_client::{Client, Clock as _, SystemClock};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Runs it.
pub async fn run(global: &Global, args: &LaunchArgs, stop: &CancellationToken) -> Result<Exit, CommandError> {
    let mut settings = if args.dry_run && args.offline && args.simulate.is_none() {
        session::settings_offline(global, args.count)?
    } else {
        session::settings(global, args.count, args.simulate.is_some())?
    };
    if let Some(ttl) = args.ttl {
        expire(&mut settings, ttl)?;
    }
    let count = settings.fleet.count;
    if let Some(min) = args.min.filter(|min| *min > count) {
        let message = format!("--min {min} is above the {count} requested instances");
        return Err(CommandError::usage(message, "raise --count or lower --min"));
    }
    let reckon = |limit| Budget::of(limit, &settings.fleet, args.reserving.reserve, &settings.prices);
    let budget = args.max_cost_per_hour.map(reckon).transpose()?;
    if args.dry_run {
        return Box::pin(dry_run::run(global, args, settings, budget.as_ref(), stop)).await;
    }
    if let Some(budget) = &budget {
        budget.check()?;
    }
    let mut turn = None;
    if args.simulate.is_none() {
        // Before anything is looked up: whoever cannot be asked is told so at once.
        consent::has_to_ask(args.yes)?;
        match earlier::settle(global, args, &settings, stop).await? {
            Choice::Resume(run) => {
                let args = ResumeArgs::of(run.to_string(), args);
                return Box::pin(resume::run(global, &args, stop)).await;
            }
            Choice::Launch(ours) => turn = ours,
        }
    }
    Box::pin(launch(global, args, settings, turn, stop)).await
}

/// Puts the end of the fleet's time into its tags.
pub(super) fn expire(settings: &mut Settings, ttl: Duration) -> Result<(), CommandError> {
    let too_long = || CommandError::usage("--ttl is too long", "the longest time is a year");
    let ttl = SignedDuration::try_from(ttl).map_err(|_| too_long())?;
    if ttl.is_zero() {
        return Err(CommandError::usage("--ttl 0 expires immediately", "the shortest time is a second"));
    }
    let until = SystemClock.now().checked_add(ttl).map_err(|_| too_long())?;
    let tags = settings.fleet.template.freeform_tags.get_or_insert_default();
    tags.insert(EXPIRY_TAG.to_owned(), expiry_value(until));
    Ok(())
}

async fn launch(
    global: &Global,
    args: &LaunchArgs,
    mut settings: Settings,
    turn: Option<Lease>,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    let store = session::open_ledger(global, args.simulate.is_some())?;
    let region = match &args.simulate {
        Some(scenario) => Some(SimulatedRegion::start(global, scenario, args.speed, &settings.fleet).await?),
        None => None,
    };
    let (endpoints, signer) = match &region {
        Some(region) => (region.endpoints()?, Some(region.signer()?)),
        None => (session::endpoints(&settings)?, session::sign_in(global, &settings, stop).await?),
    };
    let (client, requests) = session::client(global, endpoints, signer)?;
    let asking = session::asking(&client);
    let origin = session::origin(global, &settings).filter(|_| args.simulate.is_none());
    settings.fleet.first_number = tokio::select! {
        first = first_number(args, &asking, &store, &settings.fleet, origin.as_ref(), stop) => first?,
        () = stop.cancelled() => return Err(CommandError::Interrupted),
    };
    let planned = tokio::select! {
        planned = fleet::plan(&asking, settings.fleet.clone()) => planned,
        () = stop.cancelled() => return Err(CommandError::Interrupted),
    };
    let mut plan = planned.map_err(|error| CommandError::of_plan(&settings.written, error))?;
    plan.min = args.least();
    plan.origin = origin;
    let min = plan.min.unwrap_or(0);
    plan.reserve = super::reservation::reserving(&asking, &args.reserving, min, &plan).await?;
    super::reservation::look(&asking, &plan, stop).await?;
    if args.simulate.is_none() {
        let compartment = &plan.fleet.compartment;
        let asking = Asking { global, settings: &settings, compartment, client: &client, stop };
        asking.agree(args.yes, &proposals::launch(args, &plan, &settings)).await?;
    }
    // Whoever reads of the run later must know that it is not real.
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    runtime::say_when_stopped(stop, runtime::STOPPING);
    let environment = session::environment(&client, requests, store);
    let run = environment.new_run_id();
    if args.simulate.is_none() {
        session::heed_stop_requests(global, run, stop)?;
    }
    let (sink, reporter) = run_report::start_reporter(global, RunState::new(run), &plan)?;
    let sink = ending_turn(turn, sink);
    let options = session::launch_options(&args.pace);
    let result = fleet::launch(&environment, run, &plan, &options, sink, stop.clone()).await;
    reporter.finish();
    let mut summary = result?;
    if plan.reserve.is_some() {
        let (store, compartment) = (&*environment.store, &plan.fleet.compartment);
        let costs = fleet::costs::after_launch(&asking, store, run, compartment, &settings.prices).await;
        summary.still_costs = costs::found(global, costs);
        costs::tell(summary.still_costs.as_deref(), &settings.prices);
    }
    let again = args.simulate.is_none().then(|| session::again(global));
    let ending = ending::of(&asking, &plan, &settings.prices, &summary, again, stop).await;
    if let Some(region) = region {
        region.stop().await?;
    }
    Ok(run_report::conclude_launch(global, &summary, &ending, args.simulate.is_none(), 0))
}

/// Once the run's first record is kept, others find the run itself.
fn ending_turn(turn: Option<Lease>, sink: Sink) -> Sink {
    let turn = Mutex::new(turn);
    Arc::new(move |record| {
        drop(turn.lock().unwrap_or_else(PoisonError::into_inner).take());
        sink(record);
    })
}

/// The number of the first name. Where living instances have the names already, it has to be said which fleet is meant;
/// a region that is made for this launch has none.
async fn first_number(
    args: &LaunchArgs,
    client: &Client,
    store: &Arc<dyn Store>,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
    stop: &CancellationToken,
) -> Result<u32, CommandError> {
    let mut extends = args.extend;
    if !args.extend && !args.new && args.simulate.is_none() {
        let found = namesakes::find(client, Some(store), fleet, origin).await?;
        if let Some(found) = found {
            extends = found.settle(consent::has_to_ask(args.yes)?, stop).await? == Meant::Extend;
        }
    }
    if extends { namesakes::next_number(client, Some(store), fleet).await } else { Ok(fleet.first_number) }
}
