//! `config`: the format of config.yaml. Sends no requests and reads no config.

use crate::args::ConfigCommand;
use crate::config;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;

/// Prints what is asked for.
pub fn run_config(command: &ConfigCommand) -> Result<Exit, CommandError> {
    match command {
        ConfigCommand::Schema => {
            console::data(&(serde_json::to_string_pretty(&config::schema()).unwrap_or_default() + "\n"))?;
        }
    }
    Ok(Exit::Done)
}
