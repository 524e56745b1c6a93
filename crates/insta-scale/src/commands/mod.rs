//! The commands, one file each.

mod agreed_terms;
mod capacity;
pub mod capacity_history;
pub mod cleanup;
pub mod config;
pub mod consent;
mod cost;
pub mod costs;
mod counted;
pub mod doctor;
pub mod dry_run;
pub mod ending;
mod ending_pools;
mod engines;
pub mod export;
pub mod find;
pub mod fleets;
pub mod formats;
pub mod hunt;
mod hunting;
pub mod init;
pub mod instances;
pub mod launch;
pub mod limits;
mod lost;
mod manual;
pub mod namesakes;
pub mod network;
pub mod notify;
mod placements;
pub mod plan;
pub mod policy;
mod prices;
pub mod proposals;
pub mod ratcheting;
mod records;
mod reference;
mod report;
mod reported;
pub mod reservation;
mod resumable;
pub mod resume;
mod run_report;
pub mod runs;
pub mod schema;
pub mod show;
pub mod sim;
mod spending;
mod spreading;
pub mod ssh;
mod strategy;
pub mod unfinished_runs;
pub mod watch;

use crate::args::{Cli, Command, FleetCommand, SimCommand};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::runtime::{self, Threads};
use crate::session::Session;

/// Runs one command.
pub fn run_command(cli: Cli) -> Result<Exit, CommandError> {
    let (mut flags, command) = (cli.global, cli.command);
    if let Command::Init(args) = &command
        && let Some(file) = &args.file
    {
        // What is advised afterwards is about the file that was written.
        flags.config = vec![file.clone()];
    }
    formats::formats_of(&command).check(flags.output)?;
    let serves = matches!(&command, Command::Sim(sim) if matches!(sim.command, SimCommand::Serve(_) | SimCommand::Exec(_)));
    let threads = if serves { Threads::Two } else { Threads::One };
    runtime::run_to_end(threads, async |stop| {
        dispatch(&Session::new(&flags, is_simulated(&command), &stop), command).await
    })
}

/// Whether a command uses its own simulated region. A policy does not depend on who signs, so it is treated the same way and
/// works without a key.
fn is_simulated(command: &Command) -> bool {
    match command {
        Command::Launch(args) => args.simulate.is_some(),
        Command::Hunt(args) => args.launch.simulate.is_some(),
        Command::Plan(args) => args.place.simulate.is_some(),
        Command::Capacity(args) => args.place.simulate.is_some(),
        Command::Find(args) => args.place.simulate.is_some(),
        Command::Limits(args) => args.place.simulate.is_some(),
        Command::Runs(args) => args.simulated,
        Command::Show(args) => args.simulated,
        Command::Report(args) => args.simulated,
        Command::Watch(args) => args.simulated,
        Command::Cost(args) => args.simulated,
        Command::Policy(_) => true,
        _ => false,
    }
}

async fn dispatch(session: &Session, command: Command) -> Result<Exit, CommandError> {
    match command {
        Command::Launch(args) => Box::pin(launch::launch_fleet(session, &args)).await,
        Command::Init(args) => Box::pin(init::set_up(session, &args)).await,
        Command::Hunt(args) => Box::pin(hunt::hunt(session, &args)).await,
        Command::Resume(args) => Box::pin(resume::resume_run(session, &args)).await,
        Command::Runs(args) => runs::list_runs(session, &args).await,
        Command::Show(args) => show::show_run(session, &args).await,
        Command::Report(args) => report::write_report(session, &args).await,
        Command::Cost(args) => cost::show_cost(session, &args).await,
        Command::Watch(args) => watch::watch_run(session, &args).await,
        Command::Plan(args) => Box::pin(plan::show_plan(session, &args)).await,
        Command::Scale(args) => Box::pin(fleets::scale::scale_fleet(session, &args)).await,
        Command::Replace(args) => Box::pin(fleets::replace_members(session, &args)).await,
        Command::Maintain(args) => Box::pin(fleets::maintain_fleet(session, &args)).await,
        Command::Status(args) => end_of_watch(Box::pin(fleets::show_fleet(session, &args)).await, args.watch),
        Command::Fleets(args) => Box::pin(fleets::list_fleets(session, &args)).await,
        Command::Fleet(args) => match args.0.command {
            FleetCommand::Adopt(args) => Box::pin(fleets::adopt_instances(session, &args)).await,
        },
        Command::Reservation(args) => Box::pin(reservation::run_verb(session, args.0.command)).await,
        Command::Capacity(args) => Box::pin(capacity::show_capacity(session, &args)).await,
        Command::Limits(args) => Box::pin(limits::run_limits(session, &args)).await,
        Command::Doctor(args) => Box::pin(doctor::examine(session, &args)).await,
        Command::Find(args) => Box::pin(find::find_values(session, args.0)).await,
        Command::Instances(args) => Box::pin(instances::run_verb(session, args.0.command)).await,
        Command::Cleanup(args) => Box::pin(cleanup::clean_up(session, &args)).await,
        Command::Export(args) => Box::pin(export::export_instances(session, &args)).await,
        Command::Ssh(args) => Box::pin(ssh::log_in(session, &args)).await,
        Command::Notify(args) => Box::pin(notify::run_notify(session, &args)).await,
        Command::Config(args) => config::run_config(session, &args.command),
        Command::Policy(args) => Box::pin(policy::show_policy(session, &args)).await,
        Command::Ledger(args) => Box::pin(records::run_ledger(session, &args.command)).await,
        Command::Prices(args) => prices::run_prices(session, &args),
        Command::Sim(args) => Box::pin(sim::run_sim(session, &args.command)).await,
        Command::Completions { shell } => reference::print_completions(shell),
        Command::Schema(args) => schema::publish(session, &args),
        Command::Man(arguments) => manual::manual(&arguments),
    }
}

/// The result of a command that may refresh its output: Ctrl-C then ends it normally.
fn end_of_watch(ended: Result<Exit, CommandError>, watch: bool) -> Result<Exit, CommandError> {
    match ended {
        Err(CommandError::Interrupted) if watch => Ok(Exit::Interrupted),
        ended => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_ends_a_watch_without_an_error() {
        let interrupted = || Err(CommandError::Interrupted);
        assert_eq!(end_of_watch(interrupted(), true).ok(), Some(Exit::Interrupted));
        assert!(end_of_watch(interrupted(), false).is_err());
        assert!(end_of_watch(Err(CommandError::Declined), true).is_err());
    }
}
