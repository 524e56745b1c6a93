//! `runs`: lists the runs on this machine, newest first.

use super::lost;
use crate::args::{OutputFormat, RunsArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::runs::{self, Facts, ListedRun};
use crate::output::{console, simulated};
use crate::session::Session;
use ledger::{RunHead, RunState};

/// Lists the runs.
pub async fn list_runs(session: &Session, args: &RunsArgs) -> Result<Exit, CommandError> {
    if args.schema.is_some() && session.output != OutputFormat::Json {
        return Err(CommandError::usage(
            "--schema selects the version of a document, and there is none without --output json",
            "add --output json, or omit --schema",
        ));
    }
    if args.simulated {
        simulated::assume_ended_regions();
    }
    let mut heads = session.known_runs().await?;
    let known = heads.len();
    heads.truncate(args.limit);
    let lost = lost_runs(session).await?;
    for note in &lost {
        console::line(note);
    }
    let rows = read_rows(session, heads).await?;
    let text = match session.output {
        OutputFormat::Table if rows.is_empty() => {
            if lost.is_empty() && known == 0 {
                console::line("no runs yet");
            }
            String::new()
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            runs::runs_table(&rows, session.now(), console::width())
        }
        OutputFormat::Json => runs::runs_json(&rows, args.schema.unwrap_or_default()),
        OutputFormat::Jsonl => runs::runs_json_lines(&rows),
    };
    console::data(&text)?;
    // An older run may be unfinished and cost money, so that its absence must not look like an answer.
    console::shown_of(rows.len(), known, "runs");
    Ok(Exit::Done)
}

/// Notes about runs whose records are lost. This creates a ledger only if there must have been one.
async fn lost_runs(session: &Session) -> Result<Vec<String>, CommandError> {
    match session.ledger_of_the_past()? {
        Some(store) => Ok(lost::notes_on_lost_runs(&store, &session.flags_text()).await?),
        None => Ok(Vec::new()),
    }
}

/// The runs with facts from their records. A run that cannot be read is listed all the same.
async fn read_rows(session: &Session, heads: Vec<RunHead>) -> Result<Vec<ListedRun>, CommandError> {
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let store = session.ledger()?;
    let mut rows = Vec::new();
    for head in heads {
        let records = store.records(head.run).await.map(|found| found.records).unwrap_or_default();
        let facts = Facts::of(&RunState::fold(head.run, &records));
        rows.push(ListedRun { head, facts });
    }
    Ok(rows)
}
