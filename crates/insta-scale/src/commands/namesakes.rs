//! Existing instances that have the names a launch is about to use: how they are reported, and which fleet is meant.

use super::consent;
use crate::args::LaunchArgs;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, count};
use crate::session::Session;
use crate::tuning::DRY_RUN_QUESTION;
use fleet::history::{Namesakes, find_namesakes, next_number};
use fleet::{FleetSpec, Origin};
use oci_client::{Client, RetryPolicy};

/// A person's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meant {
    /// Continue after the last name.
    Extend,
    /// Use the same names again.
    New,
}

/// The number of the first name. If existing instances already use the names, the user has to say which fleet is meant. A
/// region created for this launch has no such instances.
pub async fn choose_first_number(
    session: &Session,
    args: &LaunchArgs,
    client: &Client,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<u32, CommandError> {
    let store = session.ledger()?;
    let mut extends = args.extend;
    if !args.extend && !args.new && args.simulate.is_none() {
        let checked = find_namesakes(client, Some(&*store), fleet, origin, session.now()).await?;
        if !checked.listed {
            warn_of_unlisted(fleet);
        }
        if let Some(found) = checked.found {
            let asks = consent::has_to_ask(args.yes)?;
            extends = ask_which_is_meant(session, &found, asks).await? == Meant::Extend;
        }
    }
    if !extends {
        return Ok(fleet.first_number);
    }
    Ok(next_number(client, Some(&*store), fleet, session.now()).await?)
}

fn warn_of_unlisted(fleet: &FleetSpec) {
    console::line(&format!(
        "warning: it is unknown whether instances named {}-* exist: you may not list the compartment",
        clean(&fleet.name_prefix)
    ));
}

/// The existing instances that would stop a launch, for a command that only shows the launch.
pub async fn foresee_namesakes(
    session: &Session,
    args: &LaunchArgs,
    client: &Client,
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<Option<String>, CommandError> {
    if args.extend || args.new || args.simulate.is_some() {
        return Ok(None);
    }
    let store = session.ledger_of_the_past()?;
    let client = client.with_retry(RetryPolicy::never());
    let look = find_namesakes(&client, store.as_deref(), fleet, origin, session.now());
    // The launch checks what cannot be checked now.
    let Ok(Ok(checked)) = tokio::time::timeout(DRY_RUN_QUESTION, look).await else { return Ok(None) };
    if !checked.listed {
        warn_of_unlisted(fleet);
    }
    Ok(checked.found.map(|found| format!("{} ({})", describe(&found), remedy(&found))))
}

/// Describes the existing instances.
fn describe(found: &Namesakes) -> String {
    let runs: Vec<&str> = found.runs.iter().map(String::as_str).collect();
    let runs = match runs.as_slice() {
        [] => String::new(),
        [run] => format!(" (run {})", clean(run)),
        [first, rest @ ..] => format!(" (run {} and {} more)", clean(first), rest.len()),
    };
    let exist = if found.living == 1 { "exists" } else { "exist" };
    format!("{} named {}-* {exist}{runs}", count(found.living, "living instance"), clean(&found.prefix))
}

/// Describes the choices.
fn remedy(found: &Namesakes) -> String {
    format!(
        "`scale N` brings the fleet to N instances; `launch --extend` continues at {}-{}; `launch --new` launches more \
             instances with the same names",
        clean(&found.prefix),
        found.next
    )
}

/// Asks which choice to use, if there is a terminal.
///
/// # Errors
/// When nobody can be asked, or the reply is none of the choices.
async fn ask_which_is_meant(session: &Session, found: &Namesakes, asks: bool) -> Result<Meant, CommandError> {
    if !asks {
        return Err(CommandError::usage(describe(found), remedy(found)));
    }
    console::line(&describe(found));
    let question = format!(
        "[e]xtend them from {}-{}, launch [n]ew ones with the same names, or [c]ancel? [e/n/C]",
        clean(&found.prefix),
        found.next
    );
    match console::ask_text(&question, &session.stop).await?.trim().to_ascii_lowercase().as_str() {
        "e" | "extend" => Ok(Meant::Extend),
        "n" | "new" => Ok(Meant::New),
        _ => Err(CommandError::Declined),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_there_and_what_can_be_meant_is_told() {
        let runs = |runs: &[&str]| runs.iter().map(|run| (*run).to_owned()).collect();
        let mut found = Namesakes { prefix: "web".to_owned(), living: 12, runs: runs(&["r1"]), next: 13 };
        assert_eq!(describe(&found), "12 living instances named web-* exist (run r1)");
        assert!(remedy(&found).contains("`launch --extend` continues at web-13; "), "{}", remedy(&found));
        (found.living, found.runs) = (1, runs(&["r1", "r2", "r3"]));
        assert_eq!(describe(&found), "1 living instance named web-* exists (run r1 and 2 more)");
    }
}
