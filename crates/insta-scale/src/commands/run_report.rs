//! Shows a launch while it runs, and its result.

use crate::args::OutputFormat;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::document::Document;
use crate::output::ending::Ending;
use crate::output::instances::stream::stream_data;
use crate::output::progress::{LaunchReporter, Show};
use crate::output::summary;
use crate::session::Session;
use fleet::launch::memory::{scope_of, target_of};
use fleet::{Plan, RunSummary};
use ledger::RunState;
use std::collections::BTreeMap;

/// The maximum number of best hours shown.
const HOURS_SHOWN: usize = 4;

/// Starts the reporter of the run.
pub fn start_reporter(
    session: &Session,
    state: RunState,
    plan: &Plan,
) -> Result<(fleet::Sink, LaunchReporter), CommandError> {
    let show = Show { output: session.output, verbosity: session.verbosity, watched: console::is_watched() };
    LaunchReporter::start(show, state, plan.clone(), best_hours(session, plan))
        .map_err(|source| CommandError::System { what: "the progress display cannot be started", source })
}

/// The hours in which the targets of a hunt used to provide instances, for people.
fn best_hours(session: &Session, plan: &Plan) -> String {
    let memory = plan.hunt.and_then(|_| session.capacity_memory());
    let targets = plan.fleet.placements.iter().map(|placement| target_of(&plan.fleet, placement)).collect();
    let known =
        memory.and_then(|memory| memory.recall_for(&scope_of(plan), &targets).ok()).unwrap_or_default();
    let mut by_hour: BTreeMap<usize, u64> = BTreeMap::new();
    for (hour, tally) in known.values().flat_map(|known| known.tallies.by_hour().collect::<Vec<_>>()) {
        *by_hour.entry(hour).or_default() += u64::from(tally.yielded);
    }
    let mut best: Vec<(u64, usize)> = by_hour
        .into_iter()
        .filter(|(_, yielded)| *yielded > 0)
        .map(|(hour, yielded)| (yielded, hour))
        .collect();
    best.sort_by_key(|(yielded, hour)| (std::cmp::Reverse(*yielded), *hour));
    let shown: Vec<String> = best.iter().take(HOURS_SHOWN).map(|(_, hour)| format!("{hour:02}")).collect();
    shown.join(" ")
}

/// Shows the result of the run and returns its exit code. `earlier` is the number of warnings from before this process took the
/// run; it has already shown the later ones.
pub fn conclude_launch(
    session: &Session,
    run: &RunSummary,
    ending: &Ending,
    resumable: bool,
    earlier: usize,
) -> Exit {
    let told = !session.is_quiet();
    let untold = if told { earlier.min(run.warnings.len()) } else { run.warnings.len() };
    // The result of the run is known, and a summary that cannot be written must not change it.
    if let Err(error) = show_launch(session, run, ending, resumable, &run.warnings[..untold]) {
        console::failed(&error);
    }
    Exit::of(run)
}

/// Shows the result of a run: data on stdout, advice on stderr.
pub fn show_launch(
    session: &Session,
    run: &RunSummary,
    ending: &Ending,
    resumable: bool,
    untold: &[String],
) -> Result<(), CommandError> {
    match session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            let table = summary::launch_table(run, ending, console::stdout_has_colour(), console::width());
            console::data(&(table + &ending.lines(run, session.now())))?;
        }
        OutputFormat::Json => stream_data(|out| Document::of(run, ending).write(out))?,
        OutputFormat::Jsonl => stream_data(|out| Document::of(run, ending).write_line(out))?,
    }
    let chatty = !session.is_quiet();
    let next = if chatty { ending.next(run, session.now()) } else { String::new() };
    let missing = ending.warning.as_ref().filter(|_| chatty);
    let missing = missing.map_or_else(String::new, |warning| format!("warning: {warning}\n"));
    let flags = resumable.then(|| session.flags_text());
    let advice = missing + &summary::launch_advice(run, flags.as_deref(), untold) + &next;
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
    Ok(())
}

/// Says what failed in a run and what to do, if the run is part of a larger operation that continues by itself.
pub fn advise(session: &Session, run: &RunSummary) {
    let advice = summary::launch_advice(run, None, &[]);
    if !advice.is_empty() && !session.is_quiet() {
        console::line(advice.trim_end());
    }
}
