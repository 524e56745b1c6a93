//! `launch --dry-run`: shows the request of the first slot and what differs in the others, and, when the service can be
//! asked, what stands in their way and what it all costs. Launches nothing and writes nothing down. Its exit code is that of
//! the launch where it can be known to stop: 2, 4 or 5.

use super::budget::Budget;
use super::{earlier, namesakes, session};
use crate::args::{Global, LaunchArgs, OutputFormat};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::preview::Preview;
use crate::output::{console, dry_run_report, reserving, text};
use fleet::preflight::{Preflight, preflight};
use fleet::{Plan, PlanError};
use oci_client::credentials::Signer;
use oci_client::{Client, FailureClass, RetryPolicy};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The time limit of the query.
const BRIEF: Duration = Duration::from_secs(10);

/// Runs it. A config can be checked where its key is not: then nobody is asked.
pub async fn run(
    global: &Global,
    args: &LaunchArgs,
    mut settings: Settings,
    budget: Option<&Budget>,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    let endpoints = session::endpoints(&settings)?;
    let mut answer = None;
    let (signer, mut stops) = sign_in(global, args, &settings, stop).await?;
    match signer {
        None => {
            if args.extend {
                console::line("note: the launch checks which names are in use; the names shown start at 1");
            }
        }
        Some(signer) => {
            let (client, _) = session::client(global, endpoints.clone(), Some(signer))?;
            let client = session::asking(&client);
            if args.extend {
                let store =
                    if earlier::has_any(global)? { Some(session::open_ledger(global, false)?) } else { None };
                settings.fleet.first_number = tokio::select! {
                    first = namesakes::next_number(&client, store.as_ref(), &settings.fleet) => first?,
                    () = stop.cancelled() => return Err(CommandError::Interrupted),
                };
            }
            let asked = tokio::select! {
                asked = ask(&client, &mut settings) => asked?,
                () = stop.cancelled() => return Err(CommandError::Interrupted),
            };
            match asked {
                Ok(found) => {
                    answer = found;
                    let store = if earlier::has_any(global)? {
                        Some(session::open_ledger(global, false)?)
                    } else {
                        None
                    };
                    let origin = session::origin(global, &settings);
                    tokio::select! {
                        () = namesakes::warn(args, &client, store.as_ref(), &settings.fleet, origin.as_ref()) => {}
                        () = stop.cancelled() => return Err(CommandError::Interrupted),
                    }
                }
                Err(error) => {
                    stops = refused(&error);
                    tell(&error, stops);
                }
            }
        }
    }
    if answer.as_ref().is_some_and(Preflight::is_hopeless) {
        stops = stops.or(Some(Exit::NoneLaunched));
    }
    // A launch looks for these first, so their codes win.
    if args.simulate.is_none()
        && let Some(note) = earlier::in_the_way(global, args, &settings).await?
    {
        console::line(&format!("warning: a launch would stop here: {note}"));
        stops = Some(Exit::Usage);
    }
    let plan = Plan { fleet: settings.fleet.clone(), min: args.least(), ..Plan::default() };
    let reserve = args.reserving.reserve;
    let preview = Preview { settings: &settings, plan: &plan, budget, answer: answer.as_ref(), reserve };
    console::data(&preview.text(&endpoints, global.output))?;
    if global.output == OutputFormat::Table {
        let verdicts = answer.as_ref().map(|answer| format!("\n{}", dry_run_report::verdicts(answer)));
        let reserved = reserve.then(|| format!("\n{}", reserving::text(&settings, answer.as_ref())));
        let money = dry_run_report::money(&settings, answer.as_ref());
        let before = verdicts.unwrap_or_default() + &reserved.unwrap_or_default();
        console::data(&format!("{before}\n{money}"))?;
    }
    if let Some(answer) = &answer {
        let findings = dry_run_report::findings(answer);
        if !findings.is_empty() {
            console::line(findings.trim_end());
        }
    }
    if let Some(Err(error)) = budget.map(Budget::check) {
        console::failed(&error);
        stops = Some(error.exit());
    }
    Ok(stops.unwrap_or(Exit::Done))
}

/// Who signs, `None` when nobody is to be asked, or can be; and how a launch would end if that stops it.
async fn sign_in(
    global: &Global,
    args: &LaunchArgs,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<(Option<Arc<dyn Signer>>, Option<Exit>), CommandError> {
    match session::sign_in(global, settings, stop).await {
        Err(CommandError::Interrupted) => Err(CommandError::Interrupted),
        // The names of an extension depend on the answer.
        Err(error) if args.extend && !args.offline => Err(error),
        Err(error) => {
            // The rest of a mistake in the config is a picture of the line.
            let why = error.to_string();
            let why = text::clean(why.lines().next().unwrap_or_default());
            console::line(&format!("warning: a launch would stop here: {why}"));
            Ok((None, Some(error.exit())))
        }
        Ok(signer) => Ok((signer.filter(|_| !args.offline), None)),
    }
}

/// Asks the service: the full names of the availability domains, which go into the settings, then all that a plan asks. One look
/// at each thing, and not for long.
///
/// # Errors
/// The outer one for what makes a dry run pointless, such as an availability domain that does not exist; the inner one when
/// the service could not be asked.
async fn ask(
    client: &Client,
    settings: &mut Settings,
) -> Result<Result<Option<Preflight>, CommandError>, CommandError> {
    let client = client.with_retry(RetryPolicy::never());
    match tokio::time::timeout(BRIEF, fleet::plan(&client, settings.fleet.clone())).await {
        Err(_) => {
            let message = format!("OCI did not answer within {} s", BRIEF.as_secs());
            return Ok(Err(CommandError::Usage { message, hint: None }));
        }
        Ok(Err(PlanError::Failure(failure))) => return Ok(Err(failure.into())),
        Ok(Err(error)) => return Err(CommandError::of_plan(&settings.written, error)),
        Ok(Ok(plan)) => settings.fleet = plan.fleet,
    }
    let asked = Box::pin(preflight(&client, &settings.fleet, &settings.prices));
    Ok(Ok(tokio::time::timeout(BRIEF, asked).await.ok()))
}

/// A refused login is what a launch would end with too; whoever cannot be reached now may be reached later.
fn refused(error: &CommandError) -> Option<Exit> {
    match error {
        CommandError::Failure(failure) if failure.class == FailureClass::Authentication => Some(error.exit()),
        _ => None,
    }
}

fn tell(error: &CommandError, stops: Option<Exit>) {
    if stops.is_some() {
        console::failed(error);
        return;
    }
    let why = text::clean_lines(&error.to_string());
    console::line(&format!("warning: limits, capacity and OCIDs are unchecked: {why}"));
    if let Some(hint) = error.hint() {
        console::line(&format!("hint: {}", text::clean(&hint)));
    }
}
