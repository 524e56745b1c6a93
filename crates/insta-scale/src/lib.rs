//! The commands: arguments, config file, confirmation, progress, tables and JSON.
//!
//! All decisions about launching are in the `fleet` crate. Only this crate may start the simulated region.

pub mod apart;
pub mod args;
pub mod commands;
pub mod completion;
pub mod config;
pub mod connection;
mod early;
pub mod environment;
pub mod error;
pub mod exit;
mod files;
pub mod hints;
pub mod login;
mod metrics;
mod names;
pub mod network;
pub mod notify;
pub mod output;
pub mod price_list;
pub mod run_choice;
pub mod runtime;
mod serving;
pub mod session;
mod signing_in;
mod simulated_region;
pub mod ssh;
mod traces;
mod tuning;
mod waiting;

use clap::CommandFactory as _;
use clap::error::ContextKind;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the program after which this file is named: one binary has three names, as links or copies.
pub fn by_name() -> ExitCode {
    let invoked = std::env::args_os().next().unwrap_or_default();
    match std::path::Path::new(&invoked).file_stem().and_then(std::ffi::OsStr::to_str) {
        Some("capacity-manager") => capacity_manager(),
        Some("manage-instances") => manage_instances(),
        _ => main(),
    }
}

/// The entry point of `oci-insta-scale`.
pub fn main() -> ExitCode {
    if let Some(answered) = completion::answer(completion::MAIN) {
        return answered;
    }
    let typed: Vec<OsString> = std::env::args_os().collect();
    if let Some(answered) = early::answer::<args::Cli>(completion::MAIN, &typed) {
        return answered;
    }
    let table = args::Cli::command();
    let words = args::normalise(&table, "launch", typed);
    let cli = match args::parse_with::<args::Cli>(table, &words) {
        Ok(cli) => cli,
        Err(error) => return show_usage(&error, &args::Cli::command(), &words),
    };
    follow(&cli.global);
    let output = cli.global.output;
    ended(commands::run_command(cli), output)
}

/// The entry point of `capacity-manager`.
pub fn capacity_manager() -> ExitCode {
    if let Some(answered) = completion::answer(completion::CAPACITY_MANAGER) {
        return answered;
    }
    let typed: Vec<OsString> = std::env::args_os().collect();
    if let Some(answered) = early::answer::<args::CapacityManager>(completion::CAPACITY_MANAGER, &typed) {
        return answered;
    }
    let table = args::CapacityManager::command();
    let words = args::go_flags(&table, typed);
    let arguments = match args::parse_with::<args::CapacityManager>(table, &words) {
        Ok(arguments) => arguments,
        Err(error) => return show_usage(&error, &args::CapacityManager::command(), &words),
    };
    follow(&arguments.global);
    let output = arguments.global.output;
    ended(commands::reservation::run_capacity_manager(arguments), output)
}

fn ended(result: Result<exit::Exit, error::CommandError>, output: args::OutputFormat) -> ExitCode {
    traces::finish();
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::refusal::print_refusal(&error, output);
            output::console::failed(&error);
            error.exit().into()
        }
    }
}

/// The entry point of `manage-instances`.
pub fn manage_instances() -> ExitCode {
    if let Some(answered) = completion::answer(completion::MANAGE_INSTANCES) {
        return answered;
    }
    let typed: Vec<OsString> = std::env::args_os().collect();
    if let Some(answered) = early::answer::<args::ManageInstances>(completion::MANAGE_INSTANCES, &typed) {
        return answered;
    }
    let table = <args::ManageInstances as clap::CommandFactory>::command();
    let words = args::go_flags(&table, typed);
    let arguments = match args::parse_with::<args::ManageInstances>(table, &words) {
        Ok(arguments) => arguments,
        Err(error) => {
            return show_usage(&error, &<args::ManageInstances as clap::CommandFactory>::command(), &words);
        }
    };
    follow(&arguments.global);
    let output = arguments.global.output;
    ended(commands::instances::run_manage_instances(arguments), output)
}

/// Shows help, or what is wrong with the command line. A closed stdout is not an error.
fn show_usage(error: &clap::Error, command: &clap::Command, words: &[OsString]) -> ExitCode {
    let _ = error.print();
    let wrong = [ContextKind::InvalidSubcommand, ContextKind::InvalidArg].map(|kind| error.get(kind));
    for wrong in wrong.into_iter().flatten() {
        if let Some(tip) = args::missed_equals(command, words, &wrong.to_string()) {
            output::console::line(&format!("\n  tip: {tip}"));
        }
    }
    if !error.use_stderr() {
        return exit::Exit::Done.into();
    }
    if let Some(output) = args::wanted_output(words) {
        // What follows in clap's text is the usage.
        let text = error.render().to_string();
        let said = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let refused = error::CommandError::usage(said, "`--help` lists the flags and their values");
        output::refusal::print_refusal(&refused, output);
    }
    exit::Exit::Usage.into()
}

/// Logs and traces what the command does, as far as somebody wants that.
fn follow(flags: &args::Global) {
    log(flags.verbose);
    traces::start(flags.quiet);
}

/// With `-vv` (or `OCI_INSTA_SCALE_LOG`), logs the client's actions to stderr. Keys and signatures are never logged.
fn log(verbose: u8) {
    let filter = environment::variable("OCI_INSTA_SCALE_LOG")
        .or_else(|| (verbose > 1).then(|| "info,oci_client=debug,fleet=debug".to_owned()));
    if let Some(filter) = filter {
        let colour = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
        let layer = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
        let layer = layer.with_ansi(colour);
        // Fails only if a subscriber is already set, which then does the logging.
        let _ = layer.try_init();
    }
}
