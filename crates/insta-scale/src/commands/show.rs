//! `show`: one run, from its records.

use super::{instances, past, run_report, runs, session};
use crate::args::{Global, OutputFormat, ShowArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::ending::Ending;
use crate::output::{console, simulated};
use fleet::RunSummary;
use fleet::action::ActionSummary;
use fleet::cleanup::{CleanupSummary, fleet_expiry};
use ledger::{RunKind, RunState};

/// Runs it. `--output jsonl` gives the records themselves.
pub async fn run(global: &Global, args: &ShowArgs) -> Result<Exit, CommandError> {
    if args.simulated {
        simulated::assume_ended_regions();
    }
    let heads = runs::heads(global, args.simulated).await?;
    let run = match (&args.run, heads.first()) {
        (Some(text), _) => session::find_run(&heads, text)?,
        (None, Some(last)) => last.run,
        (None, None) => {
            return Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one"));
        }
    };
    let store = session::open_ledger(global, args.simulated)?;
    let records = store.records(run).await?;
    if let Some(label) = simulated::of_plan(&RunState::fold(run, &records.records).plan) {
        simulated::assume_simulated(label);
    }
    if global.output == OutputFormat::Jsonl {
        for record in &records.records {
            console::data(&simulated::record_line(record))?;
        }
        return Ok(Exit::Done);
    }
    match heads.iter().find(|head| head.run == run).and_then(|head| head.kind) {
        Some(RunKind::Start | RunKind::Stop | RunKind::Reboot | RunKind::Terminate) => {
            let state = RunState::fold(run, &records.records);
            instances::show(global, &ActionSummary::of(&state))?;
            return Ok(Exit::Done);
        }
        Some(RunKind::Cleanup) => {
            let state = RunState::fold(run, &records.records);
            super::cleanup::show_past(global, &CleanupSummary::of(&state))?;
            return Ok(Exit::Done);
        }
        Some(RunKind::Launch) | None => {}
    }
    let (state, plan) = past::of_run(&store, run).await?;
    let ending = Ending { expires: fleet_expiry(&plan.fleet), ..Ending::default() };
    let summary = RunSummary::of(&state, &plan);
    run_report::show_launch(global, &summary, &ending, !args.simulated, &summary.warnings)?;
    Ok(Exit::Done)
}
