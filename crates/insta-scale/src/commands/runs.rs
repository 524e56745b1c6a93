//! `runs`: lists the runs on this machine, the newest first.

use super::session;
use crate::args::{Global, OutputFormat, RunsArgs};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{console, runs};
use ledger::RunHead;
use oci_client::{Clock as _, SystemClock};

/// Runs it.
pub async fn run(global: &Global, args: &RunsArgs) -> Result<Exit, CommandError> {
    let mut heads = heads(global, args.simulated).await?;
    heads.truncate(args.limit);
    let text = match global.output {
        OutputFormat::Table if heads.is_empty() => {
            console::line("no runs yet");
            String::new()
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            runs::table(&heads, SystemClock.now())
        }
        OutputFormat::Json => runs::json(&heads),
        OutputFormat::Jsonl => runs::json_lines(&heads),
    };
    console::data(&text)?;
    Ok(Exit::Done)
}

/// The runs, the newest first. Where no ledger is, there are none, and none is made.
pub async fn heads(global: &Global, simulated: bool) -> Result<Vec<RunHead>, CommandError> {
    let folder = environment::state_dir(global.state_dir.clone(), simulated)?;
    if !session::has_ledger(&folder) {
        return Ok(Vec::new());
    }
    let store = session::open_ledger(global, simulated)?;
    Ok(store.runs().await?)
}
