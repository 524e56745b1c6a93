//! `plan`: one verdict for each availability domain, what will be created, and the money. Launches nothing.

use super::placements::show_placements;
use crate::args::{OutputFormat, PlanArgs};
use crate::config::Settings;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{console, dry_run_report, preview, reserving};
use crate::runtime;
use crate::session::Session;
use crate::tuning::PLAN_RETRIES;
use fleet::Plan;
use fleet::preflight::{Preflight, preflight};

/// Shows the plan.
pub async fn show_plan(session: &Session, args: &PlanArgs) -> Result<Exit, CommandError> {
    if let Some(format) = args.placements {
        return Box::pin(show_placements(session, args, format)).await;
    }
    if args.offline {
        let settings = session.read_config_offline(args.count)?;
        show(session, args, &settings, None)?;
        return Ok(Exit::Done);
    }
    let settings = session.read_config(args.count)?;
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection =
        Connection::open_simulated(session, settings, args.place.simulate.as_deref(), None).await?;
    let Settings { fleet, prices, .. } = &connection.settings;
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let asked = Box::pin(preflight(&client, fleet, prices));
    let answer = connection.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
    show(session, args, &connection.settings, Some(&answer))?;
    connection.close().await?;
    Ok(exit(&answer))
}

/// How a plan ends: as a launch would.
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
    let document = || dry_run_report::plan_document(settings, answer, args.reserve);
    let text = match session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(args, settings, answer),
        OutputFormat::Json => serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document().to_string() + "\n",
    };
    console::data(&text)
}

fn people(args: &PlanArgs, settings: &Settings, answer: Option<&Preflight>) -> String {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let mut out =
        format!("{}{}\n", preview::plan_outline(&plan), dry_run_report::size_text(settings, answer));
    if let Some(answer) = answer {
        out.push_str(&dry_run_report::verdicts_text(answer));
        out.push_str(&dry_run_report::findings_text(answer));
        out.push('\n');
    }
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
