//! `config`: the format of config.yaml, and what its layers result in. Sends no requests.

use crate::args::{ConfigCommand, OutputFormat};
use crate::config::{self, Settings};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::config as print;
use crate::output::console;
use crate::output::published::text_of;
use crate::session::Session;

/// Prints what is asked for.
pub fn run_config(session: &Session, command: &ConfigCommand) -> Result<Exit, CommandError> {
    match command {
        ConfigCommand::Schema => {
            let schema = config::schema();
            console::data(&match session.output {
                OutputFormat::Jsonl => schema.to_string() + "\n",
                _ => serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n",
            })?;
            Ok(Exit::Done)
        }
        ConfigCommand::Show => show(session),
    }
}

/// Prints the resulting config. Mistakes in it are reported after it, because it helps to find them.
fn show(session: &Session) -> Result<Exit, CommandError> {
    let shown = config::show(&session.layers(), Some(environment::variable))?;
    let settings = session.read_config_offline(None);
    let defaults = settings.as_ref().map(|settings| defaults(&shown.root, settings)).unwrap_or_default();
    console::data(&match session.output {
        format @ (OutputFormat::Json | OutputFormat::Jsonl) => {
            text_of(&print::document(&shown, &defaults), format)
        }
        _ => print::yaml(&shown, &defaults),
    })?;
    settings.map(|_| Exit::Done)
}

/// What applies to keys that no layer has.
fn defaults(root: &config::ShownNode, settings: &Settings) -> Vec<print::Default> {
    let fleet = &settings.fleet;
    let strategy = serde_json::to_value(fleet::Strategy::default()).unwrap_or_default();
    let strategy = strategy.as_str().unwrap_or_default().to_owned();
    let all: [print::Default; 3] = [
        ("region", fleet.region.clone(), "from the profile"),
        ("fleet", fleet.name.clone(), "default: display_name_prefix"),
        ("instance_settings.strategy", strategy, "default"),
    ];
    all.into_iter().filter(|(key, ..)| !root.has(key)).collect()
}
