//! `instances status`: counts by state, availability domain and shape, then details; `--watch` looks again until none is
//! on its way to another state.

use super::{Reach, select};
use crate::args::{OutputFormat, StatusInstances};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::status as show;
use fleet::select::find;

/// Runs it.
pub async fn run(reach: Reach<'_>, args: &StatusInstances) -> Result<Exit, CommandError> {
    // Made once: standard input cannot be read again.
    let filter = select::filter(&reach, &args.select).await?;
    let mut machines = select::found(&reach, &filter).await?.machines;
    let screen = args.watch && reach.global.output == OutputFormat::Table && console::is_terminal_out();
    let mut shown = 0;
    loop {
        let status = show::Status::of(&machines);
        let text = match reach.global.output {
            OutputFormat::Json => status.json(&machines),
            OutputFormat::Jsonl => status.json_line(&machines),
            _ => status.text(&machines, console::width()),
        };
        if screen {
            shown = console::redraw(&text, shown)?;
        } else {
            console::data(&text)?;
        }
        if !args.watch || status.is_steady() {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = reach.stop.cancelled() => return Ok(Exit::Interrupted),
        }
        machines = reach.ask(find(&reach.client, &reach.compartment, &filter)).await?.machines;
    }
}
