//! The commands, one file each.

pub mod budget;
pub mod capacity;
pub mod cleanup;
pub mod consent;
pub mod costs;
pub mod dry_run;
pub mod earlier;
pub mod ending;
pub mod export;
pub mod find;
pub mod fleets;
pub mod instances;
pub mod launch;
mod lost;
mod manual;
pub mod namesakes;
pub mod past;
pub mod plan;
pub mod policy;
pub mod proposals;
pub mod reference;
pub mod remote;
pub mod reservation;
pub mod resume;
mod run_report;
pub mod runs;
pub mod session;
pub mod show;
pub mod sim;
mod simulated_region;
pub mod unfinished;

use crate::args::{Cli, Command, FleetCommand, Global, OutputFormat, SimCommand};
use crate::config::{Overrides, Placeholders};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Verbosity};
use crate::output::refusal;
use crate::runtime::{self, Threads};
use tokio_util::sync::CancellationToken;

/// Runs one command.
pub fn run(cli: Cli) -> Result<Exit, CommandError> {
    let global = cli.global;
    if !matches!(cli.command, Command::Instances(_)) {
        check_format(global.output, lists(&cli.command))?;
    }
    let serves = matches!(&cli.command, Command::Sim(sim) if matches!(sim.command, SimCommand::Serve(_)));
    let threads = if serves { Threads::Two } else { Threads::One };
    runtime::run(threads, async |stop| carry_out(&global, cli.command, &stop).await)
}

/// Carries a command out. `stop` is cancelled when the user wants to stop.
async fn carry_out(
    global: &Global,
    command: Command,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    match command {
        Command::Launch(args) => documented(global, Box::pin(launch::run(global, &args, stop)).await),
        Command::Resume(args) => documented(global, Box::pin(resume::run(global, &args, stop)).await),
        Command::Runs(args) => runs::run(global, &args).await,
        Command::Show(args) => show::run(global, &args).await,
        Command::Plan(args) => Box::pin(plan::run(global, &args, stop)).await,
        Command::Scale(args) => documented(global, Box::pin(fleets::scale::run(global, &args, stop)).await),
        Command::Maintain(args) => Box::pin(fleets::maintain(global, &args, stop)).await,
        Command::Status(args) => Box::pin(fleets::status(global, &args, stop)).await,
        Command::Fleets(args) => Box::pin(fleets::list(global, &args, stop)).await,
        Command::Fleet(args) => match args.command {
            FleetCommand::Adopt(args) => Box::pin(fleets::adopt(global, &args, stop)).await,
        },
        Command::Reservation(args) => Box::pin(reservation::run(global, args.command, stop)).await,
        Command::Capacity(args) => Box::pin(capacity::run(global, &args, stop)).await,
        Command::Find(args) => Box::pin(find::run(global, args, stop)).await,
        Command::Instances(args) => {
            instances::check_format(global, &args.command)?;
            Box::pin(instances::run(global, args.command, stop)).await
        }
        Command::Cleanup(args) => Box::pin(cleanup::run(global, &args, stop)).await,
        Command::Export(args) => Box::pin(export::run(global, &args, stop)).await,
        Command::Policy(args) => policy::run(global, &args),
        Command::Sim(args) => Box::pin(sim::run(global, &args.command, stop)).await,
        Command::Completions { shell } => reference::completions(shell),
        Command::Man(arguments) => manual::manual(&arguments),
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
    matches!(
        command,
        Command::Reservation(_)
            | Command::Capacity(_)
            | Command::Find(_)
            | Command::Cleanup(_)
            | Command::Fleets(_)
            | Command::Fleet(_)
    )
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
pub fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, 0) => Verbosity::Normal,
        (false, _) => Verbosity::Verbose,
    }
}

/// What flags and the environment say about the config.
pub fn overrides(global: &Global, count: Option<u32>, simulate: bool) -> Overrides {
    Overrides {
        count,
        profile: global.profile.clone(),
        endpoint: global.endpoint.clone(),
        simulate,
        placeholders: if simulate { Placeholders::Taken } else { Placeholders::Refused },
        cli_profile: environment::variable("OCI_CLI_PROFILE"),
        cli_config_file: environment::variable("OCI_CLI_CONFIG_FILE").map(Into::into),
        home: environment::home(),
        added_regions: environment::added_regions(),
        variables_suffice: oci_client::credentials::variables_suffice(&environment::variable),
    }
}
