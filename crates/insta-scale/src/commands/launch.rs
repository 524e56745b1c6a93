//! `launch`: load, validate, show or confirm, launch, summarise, wait. What the user's design calls the instance
//! creation flow; the loop itself is `fleet::launch`.

use super::chattiness;
use super::session;
use super::simulate::Rehearsal;
use crate::args::{Global, LaunchArgs, OutputFormat};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Chattiness};
use crate::output::document::Document;
use crate::output::progress::{Reporter, Show};
use crate::output::{preview, summary, text};
use crate::runtime;
use fleet::cleanup::{EXPIRY_TAG, expiry_value};
use fleet::{Plan, RunSummary};
use jiff::SignedDuration;
use ledger::RunState;
use oci_client::{Clock as _, SystemClock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Runs it.
pub fn run(global: &Global, args: &LaunchArgs) -> Result<Exit, CommandError> {
    let mut settings = session::settings(global, args.count, args.simulate.is_some())?;
    if let Some(ttl) = args.ttl {
        expire(&mut settings, ttl)?;
    }
    if args.dry_run {
        return dry_run(global, args, &settings);
    }
    runtime::block_on(launch(global, args, settings))?
}

/// Puts the end of the fleet's time into its tags.
fn expire(settings: &mut Settings, ttl: Duration) -> Result<(), CommandError> {
    let too_long = || CommandError::usage("--ttl is too long", "give at most a year");
    let ttl = SignedDuration::try_from(ttl).map_err(|_| too_long())?;
    let until = SystemClock.now().checked_add(ttl).map_err(|_| too_long())?;
    let tags = settings.fleet.template.freeform_tags.get_or_insert_default();
    tags.insert(EXPIRY_TAG.to_owned(), expiry_value(until));
    Ok(())
}

/// Shows everything that would be sent, and what stands in its way as far as the service can be asked. A config can be
/// checked where its key is not: then nothing is asked.
fn dry_run(global: &Global, args: &LaunchArgs, settings: &Settings) -> Result<Exit, CommandError> {
    preview::show(settings, &session::endpoints(settings)?, global.output)?;
    match session::sign_in(global, settings) {
        Err(error) => console::line(&format!(
            "warning: a launch would stop here: {}",
            text::clean_lines(&error.to_string())
        )),
        Ok(Some(signer)) if !args.offline && global.output == OutputFormat::Table => {
            let (client, _) = session::client(session::endpoints(settings)?, Some(signer))?;
            console::data(&format!("\n{}", super::plan::brief(&client, settings)?))?;
        }
        Ok(_) => {}
    }
    Ok(Exit::Done)
}

async fn launch(global: &Global, args: &LaunchArgs, settings: Settings) -> Result<Exit, CommandError> {
    let stop = CancellationToken::new();
    runtime::stop_on_signals(&stop, runtime::STOPPING)?;
    let store = session::open_ledger(global, args.simulate.is_some())?;
    let rehearsal = match &args.simulate {
        Some(scenario) => Some(Rehearsal::start(scenario, args.speed, &settings.fleet).await?),
        None => None,
    };
    let (endpoints, signer) = match &rehearsal {
        Some(rehearsal) => (rehearsal.endpoints()?, Some(rehearsal.signer()?)),
        None => (session::endpoints(&settings)?, session::sign_in(global, &settings)?),
    };
    let (client, requests) = session::client(endpoints, signer)?;
    let file = settings.file.clone();
    let planned = tokio::select! {
        planned = fleet::plan(&client, settings.fleet) => planned,
        () = stop.cancelled() => return Err(CommandError::Interrupted),
    };
    let mut plan = planned.map_err(|error| CommandError::of_plan(&file, error))?;
    plan.reserve = super::reservation::reserving(&client, &args.reserving, &plan).await?;
    confirm(global, args, &plan)?;
    let environment = session::environment(client, requests, store);
    let run = environment.new_run_id();
    let (sink, reporter) = reporter(global, RunState::new(run), &plan)?;
    let options = session::launch_options(&args.pace);
    let result = fleet::launch(&environment, run, &plan, &options, sink, stop).await;
    reporter.finish();
    let summary = result?;
    if let Some(rehearsal) = rehearsal {
        rehearsal.stop().await?;
    }
    conclude(global, &summary, args.simulate.is_none())
}

/// On a terminal, what will be created is shown and asked about. Off one, the command itself is the consent, as in the
/// original tool, so that scripts need no flag.
fn confirm(global: &Global, args: &LaunchArgs, plan: &Plan) -> Result<(), CommandError> {
    let asks = !args.yes && args.simulate.is_none() && console::can_ask();
    if asks || chattiness(global) == Chattiness::Verbose {
        console::line(&preview::outline(plan));
    }
    if asks && !console::ask(&format!("Launch {}?", text::count(plan.fleet.count, "instance"))) {
        return Err(CommandError::Declined);
    }
    Ok(())
}

/// Starts what shows the run.
pub fn reporter(
    global: &Global,
    state: RunState,
    plan: &Plan,
) -> Result<(fleet::Sink, Reporter), CommandError> {
    let show = Show { output: global.output, chattiness: chattiness(global), watched: console::is_watched() };
    Reporter::start(show, state, plan.clone())
        .map_err(|source| CommandError::System { what: "the progress display cannot be started", source })
}

/// Shows what the run came to, and says how it ended.
pub fn conclude(global: &Global, run: &RunSummary, resumable: bool) -> Result<Exit, CommandError> {
    show(global, run, resumable)?;
    Ok(Exit::of(run))
}

/// Shows what a run came to: data on stdout, advice on stderr.
pub fn show(global: &Global, run: &RunSummary, resumable: bool) -> Result<(), CommandError> {
    match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            console::data(&summary::table(run, console::stdout_has_colour()))?;
        }
        OutputFormat::Json => console::data(&Document::of(run).to_text())?,
        OutputFormat::Jsonl => console::data(&Document::of(run).to_line())?,
    }
    let advice = summary::advice(run, resumable);
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
    Ok(())
}
