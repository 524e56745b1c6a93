//! `resume`: goes on with a run that another process left, or that this machine has forgotten.

use super::{launch, session};
use crate::args::{Global, ResumeArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Chattiness};
use crate::output::text::{count, seconds};
use crate::runtime;
use fleet::{LaunchOptions, Plan, RunError};
use ledger::{LedgerError, RunHead, RunId, RunKind, RunState, Store};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Runs it.
pub fn run(global: &Global, args: &ResumeArgs) -> Result<Exit, CommandError> {
    let store = session::open_ledger(global, false)?;
    runtime::block_on(async {
        let stop = CancellationToken::new();
        runtime::stop_on_signals(&stop, runtime::STOPPING)?;
        let run = if args.from_cloud {
            Box::pin(rebuild(global, args, &store, &stop)).await?
        } else {
            choose(&store.runs().await?, args.run.as_deref())?
        };
        Box::pin(go_on(global, args, store, run, stop)).await
    })?
}

/// Goes on with a run that the ledger knows.
async fn go_on(
    global: &Global,
    args: &ResumeArgs,
    store: Arc<dyn Store>,
    run: RunId,
    stop: CancellationToken,
) -> Result<Exit, CommandError> {
    let (state, plan) = past(&store, run).await?;
    let home = session::at_origin(global, plan.origin.as_ref());
    let settings = session::settings(&home, None, false)?;
    check_same_place(&settings, &plan)?;
    let signer = session::sign_in(&home, &settings)?;
    let (client, requests) = session::client(global, session::endpoints(&settings)?, signer)?;
    let (sink, reporter) = launch::reporter(global, state, &plan)?;
    let environment = session::environment(&client, requests, store);
    let options = LaunchOptions { keep_partial: args.keep_partial, ..session::launch_options(&args.pace) };
    let result = fleet::resume(&environment, run, &options, sink, stop).await;
    reporter.finish();
    launch::conclude(global, &result?, true)
}

/// Writes a run into the ledger that only its instances know of. The config says what their tags do not.
async fn rebuild(
    global: &Global,
    args: &ResumeArgs,
    store: &Arc<dyn Store>,
    stop: &CancellationToken,
) -> Result<RunId, CommandError> {
    let text = args.run.as_deref().unwrap_or_default().trim();
    let run: RunId = text.parse().map_err(|_| {
        CommandError::usage(
            format!("{text:?} is not the whole id of a run, which --from-cloud needs"),
            format!("its instances have it in the tag {}", fleet::plan::RUN_TAG),
        )
    })?;
    let settings = session::settings(global, args.count, false)?;
    let signer = session::sign_in(global, &settings)?;
    let (client, requests) = session::client(global, session::endpoints(&settings)?, signer)?;
    let environment = session::environment(&client, requests, Arc::clone(store));
    let work = async {
        let planned = fleet::plan(&session::asking(&client), settings.fleet).await;
        let mut plan = planned.map_err(|error| CommandError::of_plan(&settings.written, error))?;
        plan.origin = session::origin(global);
        if super::chattiness(global) > Chattiness::Quiet {
            let lag = seconds(args.list_lag.as_secs_f64());
            console::line(&format!(
                "waiting {lag} before the instances are listed: lists lag behind launches"
            ));
        }
        match fleet::rebuild_from_cloud(&environment, run, &plan, args.list_lag).await {
            Err(RunError::Ledger(LedgerError::RunExists { .. })) => Err(CommandError::usage(
                format!("the ledger remembers run {run}"),
                format!("go on with it: oci-insta-scale resume {run}"),
            )),
            rebuilt => Ok(rebuilt?),
        }
    };
    let state = tokio::select! {
        state = work => state?,
        () = stop.cancelled() => return Err(CommandError::Interrupted),
    };
    if super::chattiness(global) > Chattiness::Quiet {
        console::line(&format!(
            "found {} of run {run}, which is to have {}",
            count(state.counts.launched, "instance"),
            state.requested
        ));
    }
    Ok(run)
}

/// The run that is named; else the last unfinished launch; else the last launch, whose failed slots are tried again.
fn choose(heads: &[RunHead], named: Option<&str>) -> Result<RunId, CommandError> {
    if let Some(text) = named {
        return session::find_run(heads, text);
    }
    let launches = || heads.iter().filter(|head| head.kind == Some(RunKind::Launch));
    let head = launches().find(|head| head.unfinished() && !head.held).or_else(|| launches().next());
    head.map(|head| head.run).ok_or_else(|| {
        CommandError::usage("there is no run to go on with", "`oci-insta-scale launch` starts one")
    })
}

/// What the records say of a run, and its plan.
pub async fn past(store: &Arc<dyn Store>, run: RunId) -> Result<(RunState, Plan), CommandError> {
    let records = store.records(run).await?;
    let mut state = RunState::fold(run, &records.records);
    if let Some(first) = records.unreadable.first() {
        let lost = count(u32::try_from(records.unreadable.len()).unwrap_or(u32::MAX), "record");
        let (seq, reason) = (first.seq, &first.reason);
        state.warnings.push(format!("{lost} of the run cannot be read (from number {seq} on: {reason})"));
    }
    let plan = serde_json::from_value(state.plan.clone())
        .map_err(|error| CommandError::Run(format!("the plan of run {run} cannot be read: {error}")))?;
    Ok((state, plan))
}

/// A run goes on where it began: the config is there for credentials and endpoint only.
fn check_same_place(settings: &Settings, plan: &Plan) -> Result<(), CommandError> {
    if settings.fleet.region == plan.fleet.region && settings.fleet.compartment == plan.fleet.compartment {
        return Ok(());
    }
    Err(CommandError::usage(
        format!(
            "the run is in {} and compartment {}, but {} is for {} and {}",
            plan.fleet.region,
            plan.fleet.compartment,
            settings.file,
            settings.fleet.region,
            settings.fleet.compartment
        ),
        "name the config that the run was started with: --config FILE",
    ))
}
