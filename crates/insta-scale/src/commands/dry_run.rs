//! `launch --dry-run`: shows the request of the first slot and the differences of the others. If the service can be reached, it
//! also shows what prevents the launch and what the launch costs. It launches and records nothing. If it is certain that the
//! launch would stop, the exit code is that of the launch: 2, 4 or 5.

use super::namesakes::foresee_namesakes;
use super::network;
use super::spreading::spread_beside_members;
use super::unfinished_runs::foresee_unfinished_run;
use crate::args::{LaunchArgs, OutputFormat};
use crate::config::Settings;
use crate::connection::{client_everywhere, for_questions};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::network::Sends;
use crate::output::budget::check_budget;
use crate::output::preview::Preview;
use crate::output::{console, dry_run_report, reserving, text};
use crate::session::{Session, endpoints_of};
use crate::tuning::DRY_RUN_QUESTION;
use fleet::history::next_number;
use fleet::preflight::{Preflight, preflight};
use fleet::price::Budget;
use fleet::{Environment, Origin, Plan, PlanError, Strategy};
use ledger::{MemoryStore, Store};
use oci_client::credentials::Signer;
use oci_client::{Client, Endpoints, FailureClass, RetryPolicy};
use std::sync::Arc;

/// What is known before a launch that is only shown.
#[derive(Default)]
struct Foreseen {
    /// The result of the preflight.
    answer: Option<Preflight>,
    /// Existing instances with names of the fleet, which would stop a launch.
    namesakes: Option<String>,
    /// How a launch would end, if that is known.
    stops: Option<Exit>,
}

/// Shows a launch. If the key is not available, the config is checked without sending requests.
pub async fn show_launch(
    session: &Session,
    args: &LaunchArgs,
    mut settings: Settings,
    strategy: Strategy,
    budget: Option<&Budget>,
) -> Result<Exit, CommandError> {
    let endpoints = endpoints_of(&settings)?;
    let (signer, stops) = sign_in(session, args, &settings).await?;
    let Foreseen { answer, namesakes, mut stops } = match signer {
        None => {
            if args.extend {
                console::line("note: the launch checks which names are in use; the names shown start at 1");
            }
            Foreseen { stops, ..Foreseen::default() }
        }
        Some(signer) => Box::pin(ask_service(session, args, &mut settings, &endpoints, signer)).await?,
    };
    if answer.as_ref().is_some_and(Preflight::is_hopeless) {
        stops = stops.or(Some(Exit::NoneLaunched));
    }
    // A launch checks for unfinished runs first, so their exit codes win. It never checks names beside an unfinished run.
    let unfinished = match args.simulate {
        None => foresee_unfinished_run(session, args, &settings).await?,
        Some(_) => None,
    };
    if let Some(note) = unfinished.or(namesakes) {
        console::line(&format!("warning: a launch would stop here: {note}"));
        stops = Some(Exit::Usage);
    }
    let mut plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    plan.pursue(strategy, args.least());
    let reserve = args.reserving.reserve || args.reserving.ratchet;
    let preview = Preview { settings: &settings, plan: &plan, budget, answer: answer.as_ref(), reserve };
    console::data(&preview.text(&endpoints, session.output))?;
    if session.output == OutputFormat::Table {
        let verdicts = answer.as_ref().map(|answer| format!("\n{}", dry_run_report::verdicts_text(answer)));
        let reserved =
            reserve.then(|| format!("\n{}", reserving::reserving_text(&settings, answer.as_ref())));
        let money = dry_run_report::money_text(&settings, answer.as_ref());
        let before = verdicts.unwrap_or_default() + &reserved.unwrap_or_default();
        console::data(&format!("{before}\n{money}"))?;
    }
    if let Some(answer) = &answer {
        let findings = dry_run_report::findings_text(answer);
        if !findings.is_empty() {
            console::line(findings.trim_end());
        }
    }
    if let Some(Err(error)) = budget.map(check_budget) {
        console::failed(&error);
        stops = Some(error.exit());
    }
    Ok(stops.unwrap_or(Exit::Done))
}

/// Asks the service what prevents the launch.
async fn ask_service(
    session: &Session,
    args: &LaunchArgs,
    settings: &mut Settings,
    endpoints: &Endpoints,
    signer: Arc<dyn Signer>,
) -> Result<Foreseen, CommandError> {
    let (client, _) = client_everywhere(session, settings, endpoints.clone(), Some(&signer))?;
    let client = for_questions(&client);
    let past = network::past(session)?;
    // Whatever else is wrong, the preflight finds.
    if let Err(error @ (CommandError::Usage { .. } | CommandError::Interrupted)) =
        network::enter_with(session, &client, settings, Some(&*past)).await
    {
        return Err(error);
    }
    if args.extend {
        let store = session.ledger_of_the_past()?;
        let first = next_number(&client, store.as_deref(), &settings.fleet, session.now());
        settings.fleet.first_number = session.ask(first).await?;
    }
    match session.ask(Box::pin(make_preflight(&client, settings))).await? {
        Ok(answer) => {
            let origin = session.origin(settings);
            if args.simulate.is_none() {
                session.ask(spread_as_launched(session, &client, settings, origin.as_ref())).await?;
            }
            let look = foresee_namesakes(session, args, &client, &settings.fleet, origin.as_ref());
            let namesakes = session.ask(look).await?;
            Ok(Foreseen { answer, namesakes, stops: None })
        }
        Err(error) => {
            let stops = refused(&error);
            tell(&error, stops);
            Ok(Foreseen { stops, ..Foreseen::default() })
        }
    }
}

/// Chooses the domains of a spread beside the members, as the launch will. Members that cannot be counted now are counted by
/// the launch.
async fn spread_as_launched(
    session: &Session,
    client: &Client,
    settings: &mut Settings,
    origin: Option<&Origin>,
) -> Result<(), CommandError> {
    let store =
        session.ledger_of_the_past()?.unwrap_or_else(|| Arc::new(MemoryStore::new()) as Arc<dyn Store>);
    let environment = Environment {
        client: client.with_retry(RetryPolicy::never()),
        requests: None,
        store,
        memory: None,
        clock: session.clock.clone(),
        seed: environment::seed(),
    };
    let mut plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let spreading = spread_beside_members(&environment, settings, origin, &mut plan);
    match tokio::time::timeout(DRY_RUN_QUESTION, spreading).await {
        Ok(Err(error @ CommandError::Config(_))) => return Err(error),
        Ok(Ok(())) => settings.fleet = plan.fleet,
        Ok(Err(_)) | Err(_) => {
            console::line(
                "note: the members of the fleet could not be counted; the launch spreads beside them",
            );
        }
    }
    Ok(())
}

/// Who signs, or `None` if no request is or can be sent; and how a launch would end if the login stops it.
async fn sign_in(
    session: &Session,
    args: &LaunchArgs,
    settings: &Settings,
) -> Result<(Option<Arc<dyn Signer>>, Option<Exit>), CommandError> {
    let sends = if args.offline { Sends::Nothing } else { Sends::Something };
    match session.sign_in_to(settings, sends).await {
        Err(CommandError::Interrupted) => Err(CommandError::Interrupted),
        // The names of an extension depend on the existing instances.
        Err(error) if args.extend && !args.offline => Err(error),
        Err(error) => {
            // The rest of an error in the config is an excerpt of the line.
            let why = error.to_string();
            let why = text::clean(why.lines().next().unwrap_or_default());
            console::line(&format!("warning: a launch would stop here: {why}"));
            Ok((None, Some(error.exit())))
        }
        Ok(signer) => Ok((signer.filter(|_| !args.offline), None)),
    }
}

/// Asks the service for the full names of the availability domains, which go into the settings, and then for everything that a
/// plan needs. Each request is attempted only for a short time.
///
/// # Errors
/// The outer error is for what makes a dry run pointless, such as an availability domain that does not exist; the inner one is
/// for a service that could not be asked.
async fn make_preflight(
    client: &Client,
    settings: &mut Settings,
) -> Result<Result<Option<Preflight>, CommandError>, CommandError> {
    let client = client.with_retry(RetryPolicy::never());
    match tokio::time::timeout(DRY_RUN_QUESTION, fleet::plan(&client, settings.fleet.clone())).await {
        Err(_) => {
            let message = format!("OCI did not answer within {} s", DRY_RUN_QUESTION.as_secs());
            return Ok(Err(CommandError::Usage { message, hint: None }));
        }
        Ok(Err(PlanError::Failure(failure))) => return Ok(Err(failure.into())),
        Ok(Err(error)) => return Err(CommandError::of_plan(&settings.written, error)),
        Ok(Ok(plan)) => settings.fleet = plan.fleet,
    }
    let asked = Box::pin(preflight(&client, &settings.fleet, &settings.prices));
    Ok(Ok(tokio::time::timeout(DRY_RUN_QUESTION, asked).await.ok()))
}

/// A launch would also fail with a refused login, but a service that cannot be reached now may be reachable later.
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
