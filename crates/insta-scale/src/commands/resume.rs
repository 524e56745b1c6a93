//! `resume`: goes on with a run that another process left.

use super::{launch, session};
use crate::args::{Global, ResumeArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::runtime;
use fleet::Plan;
use ledger::{RunHead, RunId, RunKind, RunState, Store};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Runs it.
pub fn run(global: &Global, args: &ResumeArgs) -> Result<Exit, CommandError> {
    let settings = session::settings(global, None, false)?;
    let signer = session::sign_in(global, &settings)?;
    let store = session::open_ledger(global, false)?;
    runtime::block_on(async {
        let stop = CancellationToken::new();
        runtime::stop_on_signals(&stop, runtime::STOPPING)?;
        let (client, requests) = session::client(session::endpoints(&settings)?, signer)?;
        let heads = store.runs().await?;
        let run = choose(&heads, args.run.as_deref())?;
        let (state, plan) = past(&store, run).await?;
        check_same_place(&settings, &plan)?;
        let (sink, reporter) = launch::reporter(global, state, &plan)?;
        let environment = session::environment(client, requests, store);
        let options = session::launch_options(&args.pace);
        let result = fleet::resume(&environment, run, &options, sink, stop).await;
        reporter.finish();
        launch::conclude(global, &result?, true)
    })?
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
    let state = RunState::fold(run, &records.records);
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
