//! The commands, one file each.

pub mod launch;
pub mod reference;
pub mod resume;
pub mod runs;
pub mod session;
pub mod show;
pub mod sim;
pub mod simulate;

use crate::args::{Cli, Command, Global};
use crate::config::Overrides;
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::Chattiness;

/// Runs one command.
pub fn run(cli: Cli) -> Result<Exit, CommandError> {
    let global = cli.global;
    match cli.command {
        Command::Launch(args) => launch::run(&global, &args),
        Command::Resume(args) => resume::run(&global, &args),
        Command::Runs(args) => runs::run(&global, &args),
        Command::Show(args) => show::run(&global, &args),
        Command::Sim(args) => sim::run(&global, &args.command),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man => reference::manual(),
    }
}

/// How much is said on stderr.
pub fn chattiness(global: &Global) -> Chattiness {
    match (global.quiet, global.verbose) {
        (true, _) => Chattiness::Quiet,
        (false, 0) => Chattiness::Normal,
        (false, _) => Chattiness::Verbose,
    }
}

/// What flags and the environment say about the config.
pub fn overrides(global: &Global, count: Option<u32>, simulate: bool) -> Overrides {
    Overrides {
        count,
        profile: global.profile.clone(),
        endpoint: global.endpoint.clone(),
        simulate,
        cli_profile: environment::variable("OCI_CLI_PROFILE"),
        cli_config_file: environment::variable("OCI_CLI_CONFIG_FILE").map(Into::into),
        home: environment::home(),
    }
}
