//! How a launch is shown while it runs, and its result.

use super::{session, verbosity};
use crate::args::{Global, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Verbosity};
use crate::output::document::Document;
use crate::output::ending::Ending;
use crate::output::progress::{LaunchReporter, Show};
use crate::output::summary;
use fleet::{Plan, RunSummary};
use ledger::RunState;
use oci_client::{Clock as _, SystemClock};

/// Starts what shows the run.
pub fn start_reporter(
    global: &Global,
    state: RunState,
    plan: &Plan,
) -> Result<(fleet::Sink, LaunchReporter), CommandError> {
    let show = Show { output: global.output, verbosity: verbosity(global), watched: console::is_watched() };
    LaunchReporter::start(show, state, plan.clone())
        .map_err(|source| CommandError::System { what: "the progress display cannot be started", source })
}

/// Shows what the run came to, and says how it ended. `earlier` is the number of warnings that were there before this process
/// took the run up: it has shown those that followed.
pub fn conclude_launch(
    global: &Global,
    run: &RunSummary,
    ending: &Ending,
    resumable: bool,
    earlier: usize,
) -> Exit {
    let narrated = verbosity(global) > Verbosity::Quiet;
    let untold = if narrated { earlier.min(run.warnings.len()) } else { run.warnings.len() };
    // What became of the run is known, and it is not that its summary could not be written.
    if let Err(error) = show_launch(global, run, ending, resumable, &run.warnings[..untold]) {
        console::failed(&error);
    }
    Exit::of(run)
}

/// Shows what a run came to: data on stdout, advice on stderr.
pub fn show_launch(
    global: &Global,
    run: &RunSummary,
    ending: &Ending,
    resumable: bool,
    untold: &[String],
) -> Result<(), CommandError> {
    match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            let table = summary::table(run, ending, console::stdout_has_colour(), console::width());
            console::data(&(table + &ending.lines(run, SystemClock.now())))?;
        }
        OutputFormat::Json => console::data(&Document::of(run, ending).to_text())?,
        OutputFormat::Jsonl => console::data(&Document::of(run, ending).to_line())?,
    }
    let chatty = verbosity(global) > Verbosity::Quiet;
    let next = if chatty { ending.next(run, SystemClock.now()) } else { String::new() };
    let missing = ending.warning.as_ref().filter(|_| chatty);
    let missing = missing.map_or_else(String::new, |warning| format!("warning: {warning}\n"));
    let flags = resumable.then(|| session::flags(global));
    let advice = missing + &summary::advice(run, flags.as_deref(), untold) + &next;
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
    Ok(())
}

/// What went wrong in a run and what to do, where the run is a part of something larger that goes on by itself.
pub fn advise(global: &Global, run: &RunSummary) {
    let advice = summary::advice(run, None, &[]);
    if !advice.is_empty() && verbosity(global) > Verbosity::Quiet {
        console::line(advice.trim_end());
    }
}
