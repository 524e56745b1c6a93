//! `plan`: a verdict per availability domain, what a launch would create, and the price. Launches nothing.

use super::network;
use super::placements::show_placements;
use crate::args::{OutputFormat, PlanArgs};
use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::capacity_history::{best_hours, memory_of, score};
use crate::output::dry_run_report::PlanDocument;
use crate::output::published::{text_of, value_of};
use crate::output::text::{clean, moment};
use crate::output::{console, dry_run_report, preview, reserving};
use crate::runtime;
use crate::session::Session;
use crate::tuning::PLAN_RETRIES;
use fleet::Plan;
use fleet::launch::memory::{scope_in, scope_of, target_of};
use fleet::plan::read_licences;
use fleet::preflight::{Preflight, preflight};
use jiff::Timestamp;
use ledger::capacity::{Remembered, Subject};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Shows the plan.
pub async fn show_plan(session: &Session, args: &PlanArgs) -> Result<Exit, CommandError> {
    if let Some(format) = args.placements {
        return Box::pin(show_placements(session, args, format)).await;
    }
    if args.offline {
        let settings = session.read_config_offline(args.count)?;
        refuse_reserve(args, &settings)?;
        show(session, args, &settings, None)?;
        return Ok(Exit::Done);
    }
    let settings = session.settled(|| session.read_config(args.count)).await?;
    refuse_reserve(args, &settings)?;
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let mut connection =
        Connection::open_simulated(session, settings, args.place.simulate.as_deref(), None).await?;
    let answer = check(&mut connection).await?;
    show(session, args, &connection.settings, Some(&answer))?;
    connection.close().await?;
    Ok(exit(&answer))
}

/// The plan as a document, for a command that shows it with something else.
pub async fn planned(session: &Session) -> Result<Value, CommandError> {
    let settings = session.settled(|| session.read_config(None)).await?;
    let mut connection = Connection::open(session, settings).await?;
    let answer = check(&mut connection).await?;
    Ok(value_of(&PlanDocument::of(&connection.settings, Some(&answer), false)))
}

async fn check(connection: &mut Connection<'_>) -> Result<Preflight, CommandError> {
    network::foresee(connection).await?;
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let mut fleet = connection.settings.fleet.clone();
    let reading = async {
        read_licences(&client, &mut fleet).await;
        Ok::<_, CommandError>(())
    };
    connection.ask(reading).await?;
    connection.settings.fleet = fleet;
    let Settings { fleet, prices, .. } = &connection.settings;
    let asked = Box::pin(preflight(&client, fleet, prices));
    connection.ask(async { Ok::<_, CommandError>(asked.await) }).await
}

/// Refuses what a launch refuses.
fn refuse_reserve(args: &PlanArgs, settings: &Settings) -> Result<(), CommandError> {
    if args.reserve { settings.refuse_regions("--reserve") } else { Ok(()) }
}

/// The exit code, which is that of a launch.
fn exit(answer: &Preflight) -> Exit {
    match answer.authenticated {
        Some(false) => Exit::NotAuthenticated,
        _ if answer.is_enough() => Exit::Done,
        _ if answer.is_hopeless() || answer.possible == 0 => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    }
}

fn show(
    session: &Session,
    args: &PlanArgs,
    settings: &Settings,
    answer: Option<&Preflight>,
) -> Result<(), CommandError> {
    let memory = remembered(session, settings, answer);
    let text = match session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            people(args, settings, answer, &memory_text(&memory, session.now()))
        }
        OutputFormat::Json | OutputFormat::Jsonl => {
            let now = session.now();
            let memory = memory.iter().map(|(subject, known)| memory_of(subject, known, now));
            let mut document = PlanDocument::of(settings, answer, args.reserve);
            document.memory = memory.collect();
            text_of(&document, session.output)
        }
    };
    console::data(&text)
}

/// What earlier launches learned about the targets of the plan, in the order of the config.
fn remembered(
    session: &Session,
    settings: &Settings,
    answer: Option<&Preflight>,
) -> Vec<(Subject, Remembered)> {
    let Ok(Some(memory)) = session.existing_capacity_memory() else { return Vec::new() };
    let plan = Plan { fleet: settings.fleet.clone(), origin: session.origin(settings), ..Plan::default() };
    let further = plan.fleet.regions.iter().map(|region| scope_in(&plan, region));
    let mut known = BTreeMap::new();
    for scope in std::iter::once(scope_of(&plan)).chain(further) {
        let Ok(more) = memory.recall(&scope) else { return Vec::new() };
        known.extend(more);
    }
    let verdicts = answer.into_iter().flat_map(|answer| &answer.verdicts).map(|verdict| &verdict.placement);
    let targets: Vec<Subject> =
        verdicts.chain(&plan.fleet.placements).map(|placement| target_of(&plan.fleet, placement)).collect();
    let shapes: Vec<&str> = targets.iter().map(Subject::shape).collect();
    let others = known
        .keys()
        .filter(|subject| !matches!(subject, Subject::Target { .. }) && shapes.contains(&subject.shape()));
    let others: Vec<Subject> = others.cloned().collect();
    targets.iter().cloned().chain(others).filter_map(|subject| known.remove_entry(&subject)).collect()
}

fn memory_text(memory: &[(Subject, Remembered)], now: Timestamp) -> String {
    if memory.is_empty() {
        return String::new();
    }
    let mut out =
        "earlier launches (score: share of requests that got an instance, recent days weigh more):\n"
            .to_owned();
    for (subject, known) in memory {
        // Writing to a String cannot fail, so the results are ignored.
        let _ = write!(out, "  {}: score {}", clean(&subject.to_string()), score(known, now));
        if let (Some(class), Some(at)) = (known.refusing(), known.refused_at) {
            let _ = write!(out, ", refused ({class}) at {}", moment(at));
        }
        if let Some(at) = known.yielded_at {
            let _ = write!(out, ", last success {}, best hours {} UTC", moment(at), best_hours(known));
        }
        out.push('\n');
    }
    out.push('\n');
    out
}

fn people(args: &PlanArgs, settings: &Settings, answer: Option<&Preflight>, memory: &str) -> String {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let mut out =
        format!("{}{}\n", preview::plan_outline(&plan), dry_run_report::size_text(settings, answer));
    if let Some(answer) = answer {
        out.push_str(&dry_run_report::verdicts_text(answer));
        out.push_str(&dry_run_report::findings_text(answer));
        out.push('\n');
    }
    out.push_str(memory);
    if args.reserve {
        out.push_str(&reserving::reserving_text(settings, answer));
        out.push('\n');
    }
    out.push_str(&dry_run_report::money_text(settings, answer));
    if let Some(answer) = answer {
        out.push('\n');
        out.push_str(&dry_run_report::preflight_advice(answer));
        out.push('\n');
    }
    out
}
