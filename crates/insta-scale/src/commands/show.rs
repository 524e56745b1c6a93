//! `show`: one run, from its records.

use super::{cleanup, instances, run_report};
use crate::args::{OutputFormat, ShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::ending::Ending;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::text::clean;
use crate::output::{console, network, simulated, why};
use crate::run_choice::{find_run, last_launch};
use crate::session::Session;
use fleet::RunSummary;
use fleet::action::ActionSummary;
use fleet::cleanup::{CleanupSummary, fleet_expiry};
use fleet::fleets::ScalePlan;
use fleet::history::read_past;
use fleet::network::NetworkSummary;
use ledger::{Outcome, RunId, RunKind, RunState};
use schemars::JsonSchema;
use serde::Serialize;

/// Shows a run. `--output jsonl` prints the records themselves.
pub async fn show_run(session: &Session, args: &ShowArgs) -> Result<Exit, CommandError> {
    if args.simulated {
        simulated::assume_ended_regions();
    }
    let heads = session.known_runs().await?;
    let run = match (&args.run, heads.first()) {
        (Some(text), _) => find_run(&heads, text)?,
        (None, Some(_)) if args.why => last_launch(&heads)?.run,
        (None, Some(last)) => last.run,
        (None, None) => {
            return Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one"));
        }
    };
    let store = session.ledger()?;
    let records = store.records(run).await?;
    if let Some(label) = simulated::of_plan(&RunState::fold(run, &records.records).plan) {
        simulated::assume_simulated(label);
    }
    let kind = heads.iter().find(|head| head.run == run).and_then(|head| head.kind);
    if args.why && !matches!(kind, Some(RunKind::Launch) | None) {
        return Err(CommandError::usage(
            format!("--why explains launches, and run {run} is none"),
            "`show --why` without a run explains the last launch",
        ));
    }
    if session.output == OutputFormat::Jsonl && !args.why {
        for record in &records.records {
            console::data(&simulated::record_line(record))?;
        }
        return Ok(Exit::Done);
    }
    match kind {
        Some(RunKind::Start | RunKind::Stop | RunKind::Reboot | RunKind::Terminate) => {
            let state = RunState::fold(run, &records.records);
            instances::show_action(session, &ActionSummary::of(&state))?;
            return Ok(Exit::Done);
        }
        Some(RunKind::Cleanup) => {
            let state = RunState::fold(run, &records.records);
            cleanup::show_past_cleanup(session, &CleanupSummary::of(&state))?;
            return Ok(Exit::Done);
        }
        Some(RunKind::Scale) => {
            return show_scale(session, &RunState::fold(run, &records.records));
        }
        Some(RunKind::Network) => {
            show_network(session, &NetworkSummary::of(&RunState::fold(run, &records.records)))?;
            return Ok(Exit::Done);
        }
        Some(RunKind::Launch) | None => {}
    }
    let (state, plan) = read_past(&*store, run).await?;
    let ending = Ending { expires: fleet_expiry(&plan.fleet), ..Ending::default() };
    let summary = RunSummary::of(&state, &plan);
    if args.why {
        console::data(&why::report(&summary, session.output))?;
        return Ok(Exit::Done);
    }
    run_report::show_launch(session, &summary, &ending, !args.simulated, &summary.warnings)?;
    Ok(Exit::Done)
}

/// A past change of the size of a fleet. The launch or the termination that followed is a separate run.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PastScale<'a> {
    /// The run.
    run_id: RunId,
    /// How it ended; `null` while it has not.
    outcome: Option<Outcome>,
    /// The change.
    scale: &'a ScalePlan,
}

impl PublishedDocument for PastScale<'_> {
    const NAME: &'static str = "show-scale";
    const COMMANDS: &'static [&'static str] = &["show"];
}

/// The size to which a `scale` brought a fleet.
fn show_scale(session: &Session, state: &RunState) -> Result<Exit, CommandError> {
    let plan: ScalePlan = serde_json::from_value(state.plan.clone()).map_err(|error| {
        CommandError::Run(format!("the plan of run {} cannot be read: {error}", state.run))
    })?;
    let text = if session.output == OutputFormat::Table {
        let ScalePlan { fleet, wanted, before, .. } = &plan;
        format!("fleet {}: from {before} to {wanted} instances\n", clean(&fleet.name))
    } else {
        text_of(&PastScale { run_id: state.run, outcome: state.outcome, scale: &plan }, session.output)
    };
    console::data(&text)?;
    Ok(Exit::Done)
}

/// A network that a launch made, or began to make.
pub fn show_network(session: &Session, summary: &NetworkSummary) -> Result<(), CommandError> {
    let text = match session.output {
        OutputFormat::Json | OutputFormat::Jsonl => text_of(summary, session.output),
        _ => network::table(summary),
    };
    console::data(&text)
}
