//! `resume`: continues a run that another process left, or that this machine has no records of.

use super::show::show_network;
use super::{consent, costs, ending, hunting, network, proposals, resumable, run_report};
use crate::args::ResumeArgs;
use crate::config::{NameKind, Settings};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::notify::{Notifier, Watch};
use crate::output::proposal::Proposal;
use crate::output::text::{clean, count, seconds};
use crate::output::{console, runs, simulated};
use crate::run_choice::find_run;
use crate::runtime;
use crate::session::{Session, launch_options};
use fleet::history::{read_past, same_endpoint};
use fleet::plan::RegionSpec;
use fleet::plan::network::NetworkPlan;
use fleet::{FleetSpec, LaunchOptions, Origin, Plan, RunError};
use ledger::{LedgerError, Outcome, RunId, RunKind, RunState, Store};
use std::sync::Arc;

/// Resumes the named run, or the one that the config implies.
pub async fn resume_run(session: &Session, args: &ResumeArgs) -> Result<Exit, CommandError> {
    let metrics = Metrics::open(session, &args.metrics).await?;
    Box::pin(resume_with(session, args, metrics)).await
}

/// The same, with metrics that are published already.
pub async fn resume_with(
    session: &Session,
    args: &ResumeArgs,
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    session.say_when_stopped(runtime::STOPPING);
    let store = session.ledger()?;
    let run = if args.from_cloud {
        consent::has_to_ask(args.yes)?;
        Box::pin(rebuild(session, args, &store)).await?
    } else {
        choose(session, &store, args.run.as_deref()).await?
    };
    let heads = store.runs().await?;
    if heads.iter().any(|head| head.run == run && head.kind == Some(RunKind::Network)) {
        return Box::pin(resume_network(session, args, store, run)).await;
    }
    Box::pin(go_on(session, args, (store, run), metrics)).await
}

/// Continues to make the network of a fleet, and launches nothing.
async fn resume_network(
    session: &Session,
    args: &ResumeArgs,
    store: Arc<dyn Store>,
    run: RunId,
) -> Result<Exit, CommandError> {
    let records = store.records(run).await?.records;
    let state = RunState::fold(run, &records);
    if let Some(label) = simulated::of_plan(&state.plan) {
        simulated::assume_simulated(label);
    }
    let plan: NetworkPlan = serde_json::from_value(state.plan.clone())
        .map_err(|error| CommandError::Run(format!("the plan of run {run} cannot be read: {error}")))?;
    let home = session.at_origin(plan.origin.as_ref());
    let settings = home.read_config(None)?;
    let began = Plan { origin: plan.origin.clone(), ..Plan::default() };
    check_same_endpoint(&home, &settings, run, &began, args.other_endpoint)?;
    let connection = Connection::open(&home, settings).await?;
    let proposal = Proposal {
        what: vec![(plan.what(), format!("of fleet {}: {}", clean(&plan.fleet), clean(&plan.describe())))],
        question: format!("Continue run {run}?"),
        ..Proposal::default()
    };
    consent::agree(&connection, &plan.compartment, args.yes, &proposal).await?;
    let summary = network::resume(&connection, store, run, &plan).await?;
    show_network(session, &summary)?;
    if !session.is_quiet() {
        console::line(&format!("hint: `{} launch` launches into it", home.command_line()));
    }
    Ok(Exit::Done)
}

/// Resumes a run that the ledger knows.
async fn go_on(
    session: &Session,
    args: &ResumeArgs,
    (store, run): (Arc<dyn Store>, RunId),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let (state, plan) = read_past(&*store, run).await?;
    if let Some(label) = simulated::of_plan(&state.plan) {
        // The first records are written before the region responds.
        simulated::assume_simulated(label);
    }
    let home = session.at_origin(plan.origin.as_ref());
    let lost = home.layers().files.into_iter().find(|file| !file.exists());
    if let Some(file) = lost.filter(|_| session.flags.config.is_empty()) {
        return Err(CommandError::usage(
            format!("run {run} was started with {}, which no longer exists", file.display()),
            format!("name its config: oci-insta-scale resume {run} --config FILE"),
        ));
    }
    if let Some(said) = ahead(&state, args.keep_partial)?
        && !session.is_quiet()
    {
        console::line(&said);
    }
    let mut settings = home.read_config(None)?;
    take_places(&mut settings, &plan.fleet);
    check_same_place(&settings, &plan)?;
    check_same_endpoint(&home, &settings, run, &plan, args.other_endpoint)?;
    let connection = Connection::open(&home, settings).await?;
    if plan.hunt.is_some() {
        hunting::warn_of_short_login(session, &connection.client.signer_facts());
    }
    if !is_done(&state) {
        let proposal = proposals::propose_resume(&state, &plan, args.keep_partial, &connection.settings);
        consent::agree(&connection, &plan.fleet.compartment, args.yes, &proposal).await?;
    }
    let earlier = state.warnings.len();
    let notifier = Notifier::open(session, &connection.settings, !args.pace.no_notify)?;
    let (sink, reporter) = run_report::start_reporter(session, state.clone(), &plan)?;
    let unread = notifier.is_idle() && metrics.is_idle();
    let past = if unread { Vec::new() } else { store.records(run).await?.records };
    let watch = Watch::new(run, &past, plan.fleet.clone(), connection.settings.prices.clone());
    let watch = watch.probing_once(plan.hunt.filter(|_| args.hunting.once).map(|terms| terms.until));
    let environment = connection.environment(store);
    let priced = (&plan.fleet, &connection.settings.prices);
    let sink = metrics.watching(&environment, priced, &past, notifier.watching(watch, sink));
    let options = LaunchOptions {
        keep_partial: args.keep_partial,
        list_lag: args.list_lag,
        ..launch_options(&args.pace)
    };
    session.heed_stop_requests(run, plan.hunt.is_some()).await?;
    let (what, how) = ((&plan, Some(&state)), (options, &args.hunting));
    let result = hunting::run_launch(session, &environment, run, what, how, sink).await;
    reporter.finish();
    metrics.finish().await;
    let mut summary = result?;
    costs::complete_launch(&connection, &environment, run, &plan, &mut summary).await;
    network::end_after_rollback(&connection, &environment, &plan.fleet, &summary).await;
    let again = Some(home.command_line());
    let ending = ending::find_ending(&connection, &plan, &summary, again).await;
    run_report::conclude_launch(session, &summary, &ending, true, earlier);
    notifier.finish().await;
    Ok(hunting::exit_of(&summary, &args.hunting))
}

/// Whether resuming would change nothing.
fn is_done(state: &RunState) -> bool {
    match state.outcome {
        Some(Outcome::GivenBack) => true,
        Some(Outcome::Complete) => state.giving_back.is_none() && state.remaining().next().is_none(),
        _ => false,
    }
}

/// Warns about effects that users do not expect of a resume: that instances are deleted, or that nothing happens.
fn ahead(state: &RunState, keep_partial: bool) -> Result<Option<String>, CommandError> {
    let run = state.run;
    if state.outcome == Some(Outcome::Stopped) {
        return Err(CommandError::usage(
            format!("`instances terminate --stop-run` ended run {run}: nothing more is launched for it"),
            "`oci-insta-scale launch` starts a new run",
        ));
    }
    let there = count(state.counts.launched, "instance");
    match state.giving_back {
        Some(_) if state.outcome == Some(Outcome::GivenBack) => Ok(None),
        Some((reached, min)) if keep_partial => Err(CommandError::usage(
            format!(
                "run {run} is being rolled back, because {reached} running is below the minimum of {min}: \
                     --keep-partial is too late, since some instances may be gone already; {there} may be left"
            ),
            "to keep them, do not resume the run; `resume` without --keep-partial deletes them",
        )),
        Some((reached, min)) => Ok(Some(format!(
            "run {run} is being rolled back, because {reached} running is below the minimum of {min}: the rest is \
                 deleted ({there})"
        ))),
        None if is_done(state) => Ok(Some(format!("run {run} is complete: nothing is left to do"))),
        None => Ok(None),
    }
}

/// Writes a run into the ledger that only its instances know. The config provides what their tags do not contain.
async fn rebuild(
    session: &Session,
    args: &ResumeArgs,
    store: &Arc<dyn Store>,
) -> Result<RunId, CommandError> {
    let text = args.run.as_deref().unwrap_or_default().trim();
    let run: RunId = text.parse().map_err(|_| {
        CommandError::usage(
            format!("--from-cloud needs the full id of a run, but this is {text:?}"),
            format!("the instances have the id in the tag {}", fleet::plan::RUN_TAG),
        )
    })?;
    let known = || {
        CommandError::usage(
            format!("the ledger already has run {run}"),
            format!("continue it: oci-insta-scale resume {run}"),
        )
    };
    match store.records(run).await {
        Ok(found) if RunState::fold(run, &found.records).kind.is_some() => return Err(known()),
        Ok(_) | Err(LedgerError::UnknownRun { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let settings = session.settled(|| session.read_config(args.count)).await?;
    let mut connection = Connection::open(session, settings).await?;
    // What is missing of the run is launched where its instances are.
    let prerequisites = network::enter(&mut connection, Some(&**store)).await?;
    let settings = &connection.settings;
    if let Some(missing) = prerequisites.missing() {
        return Err(CommandError::usage(
            format!(
                "the {missing} of fleet {} is not found, so what is missing of run {run} cannot join it",
                clean(&settings.fleet.name)
            ),
            "`oci-insta-scale status` shows what exists, and `scale N` makes what is missing and brings the fleet to a size",
        ));
    }
    let environment = connection.environment(Arc::clone(store));
    let origin = session.origin(settings);
    let work = async {
        let planned = fleet::plan(&connection.questions, settings.fleet.clone()).await;
        let mut plan = planned.map_err(|error| CommandError::of_plan(&settings.written, error))?;
        plan.origin = origin;
        if !session.is_quiet() {
            let lag = seconds(args.list_lag.as_secs_f64());
            console::line(&format!("waiting {lag} before listing the instances: lists lag behind launches"));
        }
        match fleet::rebuild_from_cloud(&environment, run, &plan, args.list_lag).await {
            Err(RunError::Ledger(LedgerError::RunExists { .. })) => Err(known()),
            rebuilt => Ok(rebuilt?),
        }
    };
    let state = session.ask(Box::pin(work)).await?;
    if !session.is_quiet() {
        console::line(&format!(
            "found {} of run {run}; {} requested",
            count(state.counts.launched, "instance"),
            state.requested
        ));
    }
    Ok(run)
}

/// The named run; otherwise the last unfinished launch of this folder's config; otherwise its last launch, whose failed slots
/// are tried again. Runs of other configs are resumed only if they are named.
async fn choose(
    session: &Session,
    store: &Arc<dyn Store>,
    named: Option<&str>,
) -> Result<RunId, CommandError> {
    let heads = store.runs().await?;
    let Some(text) = named else {
        if let Some(run) = resumable::unfinished_network(&**store, &heads, &session.layers()).await? {
            return Ok(run);
        }
        return resumable::choose_run(&**store, &heads, &session.layers()).await;
    };
    let run = find_run(&heads, text)?;
    let kind = heads.iter().find(|head| head.run == run).and_then(|head| head.kind);
    match kind {
        Some(RunKind::Launch | RunKind::Network) | None => Ok(run),
        Some(other) => Err(CommandError::usage(
            format!("run {run} is a {}; only launches and networks can be resumed", runs::kind_of_run(other)),
            "run the same command again; it skips what is already done",
        )),
    }
}

/// A run is resumed in the region where it began; the config only provides credentials and the endpoint.
/// Takes the places that the config names from the run, so that no name is looked up again.
fn take_places(settings: &mut Settings, run: &FleetSpec) {
    for name in std::mem::take(&mut settings.names.all) {
        if name.kind != NameKind::Compartment {
            continue;
        }
        let fleet = &mut settings.fleet;
        match &name.region {
            None => {
                // A further region without a compartment of its own has that of the config.
                let unresolved = std::mem::replace(&mut fleet.compartment, run.compartment.clone());
                for region in fleet.regions.iter_mut().filter(|region| region.compartment == unresolved) {
                    region.compartment.clone_from(&run.compartment);
                }
            }
            Some(of) => {
                let known = run.regions.iter().find(|region| region.region == *of);
                let own = fleet.regions.iter_mut().find(|region| region.region == *of);
                if let (Some(own), Some(known)) = (own, known) {
                    own.compartment.clone_from(&known.compartment);
                }
            }
        }
    }
}

fn check_same_place(settings: &Settings, plan: &Plan) -> Result<(), CommandError> {
    let missing = plan.fleet.regions.iter().find(|region| {
        let is_same =
            |one: &&RegionSpec| one.region == region.region && one.compartment == region.compartment;
        settings.fleet.regions.iter().find(is_same).is_none()
    });
    if let Some(missing) = missing {
        return Err(CommandError::usage(
            format!(
                "the run also launches in {} and compartment {}, but {} does not list them under `regions`",
                missing.region, missing.compartment, settings.file
            ),
            "name the config of the run: --config FILE",
        ));
    }
    if settings.fleet.region == plan.fleet.region && settings.fleet.compartment == plan.fleet.compartment {
        return Ok(());
    }
    Err(CommandError::usage(
        format!(
            "the run is in {} and compartment {}, but {} has {} and {}",
            plan.fleet.region,
            plan.fleet.compartment,
            settings.file,
            settings.fleet.region,
            settings.fleet.compartment
        ),
        "name the config of the run: --config FILE",
    ))
}

/// A run must be resumed at the endpoint where it began: elsewhere its instances would not be found, and all of them would be
/// launched again.
fn check_same_endpoint(
    session: &Session,
    settings: &Settings,
    run: RunId,
    plan: &Plan,
    insists: bool,
) -> Result<(), CommandError> {
    let now = session.origin(settings);
    let moved = plan.fleet.regions.iter().find_map(|began| {
        let now = settings.fleet.regions.iter().find(|one| one.region == began.region)?;
        (now.endpoint != began.endpoint).then_some((began, now))
    });
    if let Some((began, now)) = moved.filter(|_| !insists) {
        let url = |region: &RegionSpec| region.endpoint.clone().unwrap_or_else(|| region.region.clone());
        let (began, now) = (url(began), url(now));
        return Err(CommandError::usage(
            format!("run {run} started at {began}, but requests would now go to {now}"),
            format!(
                "restore the `endpoint` of the region under `regions`; add --other-endpoint if {now} serves the same \
                 instances"
            ),
        ));
    }
    if insists || same_endpoint(plan.origin.as_ref(), now.as_ref()) {
        return Ok(());
    }
    let reached =
        |origin: Option<&Origin>| origin.and_then(|origin| origin.reached.clone()).unwrap_or_default();
    let (began, now) = (reached(plan.origin.as_ref()), reached(now.as_ref()));
    let back = if began.contains("://") {
        format!("use the original endpoint: oci-insta-scale resume {run} --endpoint {began}")
    } else {
        "use the original endpoint: remove `endpoint:` from the config, --endpoint and OCI_INSTA_SCALE_ENDPOINT"
            .to_owned()
    };
    Err(CommandError::usage(
        format!("run {run} started at {began}, but requests would now go to {now}"),
        format!("{back}; add --other-endpoint if {now} serves the same instances"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Event, Placement, Record};

    fn state(events: Vec<Event>) -> RunState {
        let begun = Event::RunStarted { kind: RunKind::Launch, requested: 1, plan: serde_json::Value::Null };
        let launched = Event::Launched {
            slot: 1,
            attempt: 1,
            ocid: "ocid".to_owned(),
            name: "web-1".to_owned(),
            state: "RUNNING".to_owned(),
            placement: Placement::default(),
            work_request: None,
            adopted: false,
            differs: None,
        };
        let events = [begun, launched].into_iter().chain(events);
        let records =
            (1..).zip(events).map(|(seq, event)| Record { seq, at: jiff::Timestamp::UNIX_EPOCH, event });
        RunState::fold(RunId(uuid::Uuid::nil()), &records.collect::<Vec<_>>())
    }

    #[test]
    fn a_rollback_under_way_cannot_be_kept() {
        let state = state(vec![Event::GiveBackIntended { reached: 1, min: 5 }]);
        let said = ahead(&state, false).unwrap().unwrap();
        assert!(said.contains("the rest is deleted (1 instance)"), "{said}");
        let refused = ahead(&state, true).unwrap_err();
        assert!(refused.to_string().contains("--keep-partial is too late"), "{refused}");
        assert!(refused.hint().unwrap().contains("to keep them, do not resume"));
    }

    #[test]
    fn a_run_that_is_complete_is_told_to_be() {
        let running = Event::Running { slot: 1, ocid: "ocid".to_owned() };
        let ended = Event::RunFinished { outcome: Outcome::Complete };
        let said = ahead(&state(vec![running, ended]), false).unwrap().unwrap();
        assert!(said.ends_with("is complete: nothing is left to do"), "{said}");
        assert!(ahead(&state(Vec::new()), false).unwrap().is_none());
    }
}
