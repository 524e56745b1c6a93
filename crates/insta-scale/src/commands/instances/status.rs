//! `instances status`: counts by state, availability domain and shape, then details; `--watch` looks again until none is
//! on its way to another state.

use super::{Reach, select};
use crate::args::{OutputFormat, StatusInstances};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::status as show;
use fleet::select::{Found, find};

/// Runs it.
pub async fn run(reach: Reach<'_>, args: &StatusInstances) -> Result<Exit, CommandError> {
    // Made once: standard input cannot be read again.
    let filter = select::filter(&reach, &args.select).await?;
    let mut found = select::found(&reach, &filter).await?;
    let screen = args.watch && reach.global.output == OutputFormat::Table && console::is_terminal_out();
    let mut shown = 0;
    loop {
        let Found { machines, missing, .. } = &found;
        let status = show::Status::of(machines);
        let text = match reach.global.output {
            OutputFormat::Json => status.json(machines, missing),
            OutputFormat::Jsonl => status.json_line(machines, missing),
            _ => status.text(machines, console::width()),
        };
        let last = !args.watch || status.is_steady();
        if screen {
            shown = console::redraw(&text, shown, last)?;
        } else {
            console::data(&text)?;
        }
        if last {
            return Ok(select::exit(&found));
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = reach.stop.cancelled() => return Ok(Exit::Interrupted),
        }
        found = reach.ask(find(&reach.client, &reach.compartment, &filter)).await?;
    }
}
