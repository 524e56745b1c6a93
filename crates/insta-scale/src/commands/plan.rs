//! `plan`: one verdict for each availability domain, what will be created, and the money. Launches nothing.

use super::remote::Remote;
use super::session;
use crate::args::{Global, OutputFormat, PlanArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{console, dry_run_report, preview, reserving};
use fleet::Plan;
use fleet::preflight::{Preflight, preflight};
use oci_client::RetryPolicy;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Attempts per query: the user waits for the response.
const PATIENT: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(2),
    max_elapsed: Duration::from_secs(5),
};

/// Runs it.
pub async fn run(global: &Global, args: &PlanArgs, stop: &CancellationToken) -> Result<Exit, CommandError> {
    if args.offline {
        let settings = session::settings_offline(global, args.count)?;
        show(global, args, &settings, None)?;
        return Ok(Exit::Done);
    }
    let settings = session::settings(global, args.count, args.place.simulate.is_some())?;
    let remote = Remote::connect(global, settings, args.place.simulate.as_deref(), stop).await?;
    let Settings { fleet, prices, .. } = &remote.settings;
    let client = remote.questions.with_retry(PATIENT);
    let asked = Box::pin(preflight(&client, fleet, prices));
    let answer = remote.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
    show(global, args, &remote.settings, Some(&answer))?;
    remote.close().await?;
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
    global: &Global,
    args: &PlanArgs,
    settings: &Settings,
    answer: Option<&Preflight>,
) -> Result<(), CommandError> {
    let document = || dry_run_report::document(settings, answer, args.reserve);
    let text = match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(args, settings, answer),
        OutputFormat::Json => serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document().to_string() + "\n",
    };
    console::data(&text)
}

fn people(args: &PlanArgs, settings: &Settings, answer: Option<&Preflight>) -> String {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let mut out = format!("{}{}\n", preview::outline(&plan), dry_run_report::size(settings, answer));
    if let Some(answer) = answer {
        out.push_str(&dry_run_report::verdicts(answer));
        out.push_str(&dry_run_report::findings(answer));
        out.push('\n');
    }
    if args.reserve {
        out.push_str(&reserving::text(settings, answer));
        out.push('\n');
    }
    out.push_str(&dry_run_report::money(settings, answer));
    if let Some(answer) = answer {
        out.push('\n');
        out.push_str(&dry_run_report::advice(answer));
        out.push('\n');
    }
    out
}
