//! `cost`: shows what a run or a fleet has cost so far, and costs now. Sends no requests.

use super::reported::{NamedRuns, Reading, Reported};
use crate::args::{CostArgs, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::cost::{costs_document, costs_listing, costs_total};
use crate::output::{console, simulated};
use crate::run_choice::LAST;
use crate::session::Session;

/// Shows the costs.
pub async fn show_cost(session: &Session, args: &CostArgs) -> Result<Exit, CommandError> {
    let named = match (&args.run, &args.fleet) {
        (Some(run), _) => NamedRuns::Run(run),
        (None, Some(fleet)) => NamedRuns::Fleet(fleet),
        // An action on instances costs nothing itself.
        (None, None) => NamedRuns::Run(LAST),
    };
    let reported = Reported::find(session, named, args.simulated).await?;
    let Reading { report, notes } = reported.first_reading().await?;
    let text = match session.output {
        OutputFormat::Json | OutputFormat::Jsonl => costs_document(&report, session.output),
        OutputFormat::Csv => costs_listing(&report.spent).to_text(OutputFormat::Csv),
        OutputFormat::Table | OutputFormat::Wide => {
            costs_listing(&report.spent).to_text(OutputFormat::Table) + &costs_total(&report)
        }
    };
    console::data(&text)?;
    if let Some(label) = simulated::label().filter(|_| !args.simulated && !session.is_quiet()) {
        console::line(&format!("note: {}: nothing here is real", simulated::describe(label)));
    }
    for note in notes.iter().filter(|_| !session.is_quiet()) {
        console::line(&format!("note: {note}"));
    }
    Ok(Exit::Done)
}
