//! `status`: what exists of the fleet of the config beside what is wanted.

use super::Ground;
use crate::args::{OutputFormat, StatusArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::fleets::status as show;
use crate::session::Session;
use fleet::fleets::Standing;

/// Runs it.
pub async fn show_fleet(session: &Session, args: &StatusArgs) -> Result<Exit, CommandError> {
    let ground = Ground::open(session, false).await?;
    let screen = args.watch && session.output == OutputFormat::Table && console::is_terminal_out();
    let mut shown = 0;
    loop {
        let standing = look(&ground).await?;
        let text = match session.output {
            OutputFormat::Json => {
                serde_json::to_string_pretty(&show::value(&standing)).unwrap_or_default() + "\n"
            }
            OutputFormat::Jsonl => show::value(&standing).to_string() + "\n",
            _ => show::text(
                &standing,
                &ground.connection.settings.file,
                ground.connection.session.now(),
                console::width(),
            ),
        };
        if screen {
            shown = console::redraw(&text, shown, !args.watch)?;
        } else {
            console::data(&text)?;
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = session.stop.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}

async fn look(ground: &Ground<'_>) -> Result<Standing, CommandError> {
    let wanted = ground.wanted().await?;
    let census = ground.census().await?;
    let (fleet, prices) = (ground.fleet(), &ground.connection.settings.prices);
    Ok(Standing::of(ground.key.clone(), fleet, census, wanted, prices, ground.connection.session.now()))
}
