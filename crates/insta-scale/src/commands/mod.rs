//! The commands, one file each.

pub mod budget;
pub mod capacity;
pub mod cleanup;
pub mod dry_run;
pub mod earlier;
pub mod export;
pub mod find;
pub mod instances;
pub mod launch;
pub mod plan;
pub mod policy;
pub mod reference;
pub mod remote;
pub mod reservation;
pub mod resume;
pub mod runs;
pub mod session;
pub mod show;
pub mod sim;
pub mod simulate;

use crate::args::{Cli, Command, Global, OutputFormat};
use crate::config::Overrides;
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Chattiness};
use crate::output::refusal;

/// Runs one command.
pub fn run(cli: Cli) -> Result<Exit, CommandError> {
    let global = cli.global;
    if !matches!(cli.command, Command::Instances(_)) {
        check_format(global.output, lists(&cli.command))?;
    }
    match cli.command {
        Command::Launch(args) => documented(&global, launch::run(&global, &args)),
        Command::Resume(args) => documented(&global, resume::run(&global, &args)),
        Command::Runs(args) => runs::run(&global, &args),
        Command::Show(args) => show::run(&global, &args),
        Command::Plan(args) => plan::run(&global, &args),
        Command::Reservation(args) => reservation::run(&global, args.command),
        Command::Capacity(args) => capacity::run(&global, &args),
        Command::Policy(args) => policy::run(&global, &args),
        Command::Find(args) => find::run(&global, args),
        Command::Instances(args) => {
            instances::check_format(&global, &args.command)?;
            instances::run(&global, args.command)
        }
        Command::Cleanup(args) => cleanup::run(&global, &args),
        Command::Export(args) => export::run(&global, &args),
        Command::Sim(args) => sim::run(&global, &args.command),
        Command::Completions { shell } => reference::completions(shell),
        Command::Man => reference::manual(),
    }
}

/// What did not become a run is a document as well, for programs.
fn documented(global: &Global, result: Result<Exit, CommandError>) -> Result<Exit, CommandError> {
    if let Err(error) = &result
        && let Some(text) = refusal::text(error, global.output)
    {
        // The reason is told on stderr too, so one stdout that cannot be written changes nothing.
        let _ = console::data(&text);
    }
    result
}

/// Whether a command lists things, and can do so as comma-separated values.
fn lists(command: &Command) -> bool {
    matches!(command, Command::Reservation(_) | Command::Capacity(_) | Command::Find(_) | Command::Cleanup(_))
}

/// Refuses a format that the command does not have.
pub fn check_format(format: OutputFormat, lists: bool) -> Result<(), CommandError> {
    if format == OutputFormat::Wide {
        return Err(CommandError::usage(
            "only `instances list` has --output wide",
            "table, json and jsonl work",
        ));
    }
    if format == OutputFormat::Csv && !lists {
        return Err(CommandError::usage("this command has no --output csv", "table, json and jsonl work"));
    }
    Ok(())
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
        added_regions: environment::added_regions(),
    }
}
