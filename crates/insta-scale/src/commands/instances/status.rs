//! `instances status`: counts by state, availability domain and shape, then details. `--watch` polls until no instance is in a
//! transitional state.

use super::select;
use crate::args::{OutputFormat, StatusInstances};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::status as show;
use fleet::select::{Found, find};

/// Shows the status.
pub async fn show_status(connection: &Connection<'_>, args: &StatusInstances) -> Result<Exit, CommandError> {
    // Built once, because standard input cannot be read again.
    let filter = select::build_filter(connection, &args.select).await?;
    let mut found = select::find_and_report(connection, &filter).await?;
    let screen = args.watch && connection.session.output == OutputFormat::Table && console::is_terminal_out();
    let mut shown = 0;
    loop {
        let Found { machines, missing, .. } = &found;
        let status = show::Status::of(machines);
        let text = match connection.session.output {
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
            return Ok(select::exit_of(&found));
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = connection.session.stop.cancelled() => return Ok(Exit::Interrupted),
        }
        found = connection.ask(find(&connection.client, &connection.compartment, &filter)).await?;
    }
}
