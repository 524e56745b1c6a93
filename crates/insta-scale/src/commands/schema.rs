//! `schema`: the JSON Schemas of the documents that programs read. Sends no requests.

use crate::args::{OutputFormat, SchemaArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::published::{EVERY, Published, SchemaRow, TABLE};
use crate::output::text::clean;
use crate::session::Session;
use std::path::Path;

/// Prints one schema, writes all of them, or lists them.
pub fn publish(session: &Session, args: &SchemaArgs) -> Result<Exit, CommandError> {
    if let Some(dir) = &args.dir {
        write_all(dir)?;
        return Ok(Exit::Done);
    }
    let named =
        args.document.as_ref().and_then(|name| TABLE.iter().find(|entry| entry.name == name.as_str()));
    console::data(&match named {
        Some(entry) if session.output == OutputFormat::Jsonl => entry.schema().to_string() + "\n",
        Some(entry) => entry.text().to_owned(),
        // What it describes matters most; `--output wide` shows all of both.
        None => listing().fitted(
            session.output,
            &[(0, false), (2, false), (1, true), (0, true)],
            console::width(),
        ),
    })?;
    Ok(Exit::Done)
}

fn listing() -> Listing<SchemaRow> {
    let mut listing = Listing::new(&["NAME", "VERSION", "COMMANDS", "ABOUT"]);
    for entry in TABLE {
        let about = entry.about();
        let commands =
            if entry.commands == EVERY { "every command".to_owned() } else { entry.commands.join(", ") };
        let cells = vec![entry.name.to_owned(), entry.version.to_string(), commands, clean(&about)];
        let Published { name, version, commands, .. } = *entry;
        listing.push(cells, &SchemaRow { name, version, commands, about });
    }
    listing
}

/// Writes `NAME.json` for each schema.
fn write_all(dir: &Path) -> Result<(), CommandError> {
    let failed = |source| CommandError::System { what: "the schemas cannot be written", source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    for entry in TABLE {
        files::replace(&dir.join(format!("{}.json", entry.name)), entry.text().as_bytes()).map_err(failed)?;
    }
    Ok(())
}
