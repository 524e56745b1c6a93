//! Values that only this program and this machine know: runs, scenarios, profiles, states, shapes. Sends no requests.

use crate::config::shapes::FLEX_SHAPES;
use crate::environment;
use crate::hints;
use crate::output::runs;
use crate::output::text::count;
use crate::run_choice::LAST;
use crate::tuning::RUNS_COMPLETED;
use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _};
use fleet::select::STATES;
use ledger::{RunHead, RunKind, SqliteStore, Store as _, sqlite};
use oci_client::credentials::{ConfigFile, config_file_path};
use oci_client::{Clock as _, SystemClock};
use oci_simulator::scenario::Scenario;
use std::ffi::OsStr;
use std::path::PathBuf;

/// Attaches the sources of values to the flags of a command and its subcommands.
pub fn attach(command: Command) -> Command {
    // Only launches with remaining work can be resumed, but every run can be shown.
    let wanted: fn(&RunHead) -> bool = if command.get_name() == "resume" { can_resume } else { |_| true };
    command.mut_args(|arg| of(arg, wanted)).mut_subcommands(attach)
}

fn can_resume(head: &RunHead) -> bool {
    head.kind.is_none_or(|kind| kind == RunKind::Launch) && hints::can_resume(head.outcome)
}

fn of(arg: Arg, wanted: fn(&RunHead) -> bool) -> Arg {
    let values = match arg.get_id().as_str() {
        "run" => ArgValueCompleter::new(move |current: &OsStr| {
            let last = CompletionCandidate::new(LAST).help(Some("the last launch".into()));
            beginning(current, std::iter::once(last).chain(runs(wanted)))
        }),
        "simulate" | "scenario" => ArgValueCompleter::new(scenarios),
        "profile" => ArgValueCompleter::new(|current: &OsStr| beginning(current, profiles().into_iter())),
        "state" => ArgValueCompleter::new(|current: &OsStr| {
            beginning(current, STATES.into_iter().map(CompletionCandidate::new))
        }),
        "shape" | "shapes" => ArgValueCompleter::new(|current: &OsStr| {
            beginning(current, FLEX_SHAPES.iter().map(|shape| CompletionCandidate::new(shape.name)))
        }),
        _ => return arg,
    };
    arg.add(values)
}

/// The values that start with the typed text, ignoring case.
fn beginning(current: &OsStr, values: impl Iterator<Item = CompletionCandidate>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy().to_lowercase();
    values.filter(|value| value.get_value().to_string_lossy().to_lowercase().starts_with(&typed)).collect()
}

/// The presets, and files.
fn scenarios(current: &OsStr) -> Vec<CompletionCandidate> {
    let presets = Scenario::presets()
        .iter()
        .map(|preset| CompletionCandidate::new(preset.name).help(Some(preset.description.into())));
    let mut found = beginning(current, presets);
    found.extend(PathCompleter::any().complete(current));
    found
}

/// The matching runs on this machine. Completion does not create a ledger.
fn runs(wanted: fn(&RunHead) -> bool) -> Vec<CompletionCandidate> {
    let asked = environment::variable("OCI_INSTA_SCALE_STATE_DIR").map(PathBuf::from);
    let Ok(folder) = environment::state_dir(asked, false) else { return Vec::new() };
    if !folder.join(sqlite::FILE_NAME).exists() {
        return Vec::new();
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let heads = runtime.block_on(async {
        let store = SqliteStore::open(&folder).ok()?;
        store.runs().await.ok()
    });
    let now = SystemClock.now();
    let shown = heads.unwrap_or_default().into_iter().filter(wanted).take(RUNS_COMPLETED).enumerate().map(
        |(order, head)| {
            let kind = head.kind.map_or("unreadable", runs::kind_of_run);
            let age = runs::age(head.created_at, now);
            CompletionCandidate::new(head.run.to_string())
                .help(Some(format!("{kind}, {}, {age}", count(head.requested, "instance")).into()))
                .display_order(Some(order))
        },
    );
    shown.collect()
}

/// The profiles of the default file.
fn profiles() -> Vec<CompletionCandidate> {
    let path = config_file_path(None, &environment::variable);
    let file = ConfigFile::read(&path);
    file.map(|file| file.profiles().into_iter().map(CompletionCandidate::new).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use ledger::{Outcome, RunId};

    #[test]
    fn only_what_can_be_resumed_is_offered_to_resume() {
        let head = |kind, outcome| RunHead {
            run: RunId(uuid::Uuid::nil()),
            kind,
            requested: 1,
            further_regions: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
            last_at: Timestamp::UNIX_EPOCH,
            outcome,
            held: false,
        };
        let launch = Some(RunKind::Launch);
        for outcome in [None, Some(Outcome::Interrupted), Some(Outcome::Partial)] {
            assert!(can_resume(&head(launch, outcome)) && can_resume(&head(None, outcome)), "{outcome:?}");
            assert!(!can_resume(&head(Some(RunKind::Terminate), outcome)), "{outcome:?}");
        }
        for outcome in [Outcome::Complete, Outcome::GivenBack, Outcome::Stopped] {
            assert!(!can_resume(&head(launch, Some(outcome))), "{outcome:?}");
        }
    }
}
