//! `launch`: load, validate, show or confirm, launch, summarise, wait. This is the instance creation flow of the user's design;
//! the loop itself is `fleet::launch`.

use super::counted::refuse_want;
use super::spreading::spread_beside_members;
use super::unfinished_runs::{Choice, resolve_unfinished_run};
use super::{
    consent, costs, dry_run, ending, engines, hunting, namesakes, network, proposals, reservation, resume,
    run_report, spending, strategy,
};
use crate::args::{LaunchArgs, ResumeArgs};
use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::notify::{Notifier, Watch};
use crate::output::budget::{check_budget, reckon_budget};
use crate::output::{self, console, simulated};
use crate::runtime;
use crate::session::{Session, launch_options};
use fleet::cleanup::{EXPIRY_TAG, expiry_value};
use fleet::{Plan, Sink, Strategy};
use jiff::{SignedDuration, Timestamp};
use ledger::{Lease, RunState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Launches a fleet, or shows what that would do.
pub async fn launch_fleet(session: &Session, args: &LaunchArgs) -> Result<Exit, CommandError> {
    args.check_hunt()?;
    let mut settings = if args.dry_run && args.offline && args.simulate.is_none() {
        session.read_config_offline(args.count)?
    } else {
        session.settled(|| session.read_config(args.count)).await?
    };
    if let Some(ttl) = args.ttl {
        set_expiry(&mut settings, ttl, session.now())?;
    }
    if args.reserving.reserve || args.reserving.ratchet {
        let flag = if args.reserving.ratchet { "--ratchet" } else { "--reserve" };
        settings.refuse_regions(flag)?;
        refuse_want(&settings, flag)?;
    }
    // A ratchet is a hunt, too, and its reservations are the better reason.
    if args.reserving.reserve || args.reserving.ratchet {
        let flag = if args.reserving.ratchet { "--ratchet" } else { "--reserve" };
        let why = "it launches into capacity reservations, and a pool asks OCI for its members without one";
        engines::needs_single_launches(&settings, flag, why)?;
    }
    if args.is_hunt() {
        engines::needs_single_launches(&settings, "a hunt", "a pool asks for its members itself")?;
    }
    let count = settings.fleet.slots();
    if let Some(min) = args.min.filter(|min| *min > count) {
        let (what, raise) = match settings.fleet.want {
            Some(_) => ("instances that `want` allows", "max_instances"),
            None => ("requested instances", "--count"),
        };
        let message = format!("--min {min} is above the {count} {what}");
        return Err(CommandError::usage(message, format!("raise {raise} or lower --min")));
    }
    let strategy = strategy::choose(args, &settings)?;
    let reserves = args.reserving.reserve || args.reserving.ratchet;
    let reckon = |limit| reckon_budget(limit, &settings.fleet, reserves, &settings.prices);
    let budget = args.max_cost_per_hour.map(reckon).transpose()?;
    let bound = spending::terms_of(args, &settings.fleet, &settings.prices)?;
    if args.dry_run {
        if let Some(bound) = bound.filter(|_| !session.is_quiet()) {
            console::line(&output::spending::terms(&bound));
        }
        return Box::pin(dry_run::show_launch(session, args, settings, strategy, budget.as_ref())).await;
    }
    if let Some(budget) = &budget {
        check_budget(budget)?;
    }
    let metrics = Metrics::open(session, &args.metrics).await?;
    let mut lock = None;
    if args.simulate.is_none() {
        // Checked before anything is looked up, so that a missing terminal is reported at once. Resuming a hunt needs no
        // confirmation.
        if !args.is_hunt() {
            consent::has_to_ask(args.yes)?;
        }
        match resolve_unfinished_run(session, args, &settings).await? {
            Choice::Resume(run) => {
                let args = ResumeArgs::of(run.to_string(), args);
                return Box::pin(resume::resume_with(session, &args, metrics)).await;
            }
            Choice::Launch(ours) => lock = ours,
        }
        consent::has_to_ask(args.yes)?;
    }
    Box::pin(launch_new_run(session, args, settings, (strategy, lock), metrics)).await
}

/// Adds the fleet's expiry to its tags.
pub(super) fn set_expiry(settings: &mut Settings, ttl: Duration, now: Timestamp) -> Result<(), CommandError> {
    let too_long = || CommandError::usage("--ttl is too long", "the longest time is a year");
    let ttl = SignedDuration::try_from(ttl).map_err(|_| too_long())?;
    if ttl.is_zero() {
        return Err(CommandError::usage("--ttl 0 expires immediately", "the shortest time is a second"));
    }
    let until = now.checked_add(ttl).map_err(|_| too_long())?;
    let tags = settings.fleet.template.freeform_tags.get_or_insert_default();
    tags.insert(EXPIRY_TAG.to_owned(), expiry_value(until));
    Ok(())
}

async fn launch_new_run(
    session: &Session,
    args: &LaunchArgs,
    settings: Settings,
    (strategy, lock): (Strategy, Option<Lease>),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let store = session.ledger()?;
    let scenario = args.simulate.as_deref();
    let mut connection = Connection::open_simulated(session, settings, scenario, args.speed).await?;
    let network = network::enter(&mut connection, Some(&*store)).await?;
    let mut plan = make_plan(&mut connection, args, strategy).await?;
    plan.hunt = hunting::terms_of(args, &connection.settings, connection.speed(), session.now())?;
    plan.spending = spending::terms_of(args, &plan.fleet, &connection.settings.prices)?;
    if plan.hunt.is_some() {
        hunting::warn_of_short_login(session, &connection.client.signer_facts());
    }
    if !session.simulated {
        let mut proposal = proposals::propose_launch(args, &plan, &connection.settings);
        proposal.options.extend(network.notes());
        consent::agree(&connection, &plan.fleet.compartment, args.yes, &proposal).await?;
    }
    // Later readers of the run must see that it is simulated.
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    let notifier = Notifier::open(session, &connection.settings, !args.pace.no_notify)?;
    session.say_when_stopped(runtime::STOPPING);
    network.make(&connection, &store, &mut plan.fleet).await?;
    let environment = connection.environment(store);
    let run = environment.new_run_id();
    if !session.simulated {
        session.heed_stop_requests(run, plan.hunt.is_some()).await?;
    }
    let (sink, reporter) = run_report::start_reporter(session, RunState::new(run), &plan)?;
    let watch = Watch::new(run, &[], plan.fleet.clone(), connection.settings.prices.clone());
    let watch = watch.probing_once(plan.hunt.filter(|_| args.hunting.once).map(|terms| terms.until));
    let sink = notifier.watching(watch, release_lock_at_first_record(lock, sink));
    let priced = (&plan.fleet, &connection.settings.prices);
    let sink = metrics.watching(&environment, priced, &[], sink);
    let options = launch_options(&args.pace);
    let how = (options, &args.hunting);
    let result = hunting::run_launch(session, &environment, run, (&plan, None), how, sink).await;
    reporter.finish();
    metrics.finish().await;
    let mut summary = result?;
    costs::complete_launch(&connection, &environment, run, &plan, &mut summary).await;
    network::end_after_rollback(&connection, &environment, &plan.fleet, &summary).await;
    let again = (!session.simulated).then(|| session.command_line());
    let ending = ending::find_ending(&connection, &plan, &summary, again).await;
    connection.close().await?;
    run_report::conclude_launch(session, &summary, &ending, !session.simulated, 0);
    notifier.finish().await;
    Ok(hunting::exit_of(&summary, &args.hunting))
}

/// Refuses what the subnets of the plan make impossible, as far as they can be read.
pub(super) async fn check_subnets(connection: &Connection<'_>, plan: &Plan) -> Result<(), CommandError> {
    let found = fleet::preflight::impossible_in_subnets(&connection.questions, &plan.fleet);
    let found = connection.session.ask(async { Ok::<_, CommandError>(found.await) }).await?;
    let Some(first) = found.into_iter().next() else { return Ok(()) };
    Err(CommandError::Usage { message: format!("{}: {}", first.about, first.message), hint: first.remedy })
}

/// Plans the launch, with every request that this needs.
async fn make_plan(
    connection: &mut Connection<'_>,
    args: &LaunchArgs,
    strategy: Strategy,
) -> Result<Plan, CommandError> {
    let session = connection.session;
    let origin = session.origin(&connection.settings).filter(|_| !session.simulated);
    let fleet = &connection.settings.fleet;
    let first = namesakes::choose_first_number(session, args, &connection.questions, fleet, origin.as_ref());
    let first = session.ask(first).await?;
    connection.settings.fleet.first_number = first;
    let questions = &connection.questions;
    let planned = tokio::select! {
        planned = fleet::plan(questions, connection.settings.fleet.clone()) => planned,
        () = session.stop.cancelled() => return Err(CommandError::Interrupted),
    };
    let mut plan = planned.map_err(|error| CommandError::of_plan(&connection.settings.written, error))?;
    // A region created for this launch has no members.
    if args.simulate.is_none() {
        let environment = connection.environment(session.ledger()?);
        let spreading = spread_beside_members(&environment, &connection.settings, origin.as_ref(), &mut plan);
        session.ask(spreading).await?;
    }
    plan.pursue(strategy, args.least());
    plan.origin = origin;
    let prices = &connection.settings.prices;
    plan.reserve = reservation::plan_reserve(questions, args, &plan, prices).await?;
    reservation::check_reservations(connection, &plan).await?;
    check_subnets(connection, &plan).await?;
    Ok(plan)
}

/// Releases the launch lock once the run's first record is stored, because others can then find the run itself.
fn release_lock_at_first_record(lock: Option<Lease>, sink: Sink) -> Sink {
    let lock = Mutex::new(lock);
    Arc::new(move |record| {
        drop(lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        sink(record);
    })
}
