//! `plan`: one verdict for each availability domain, what will be created, and the money. Launches nothing.

use super::remote::Remote;
use super::session;
use crate::args::{Global, OutputFormat, PlanArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{console, forecast, preview, reserving};
use crate::runtime;
use fleet::Plan;
use fleet::preflight::{Preflight, preflight};
use oci_client::{Client, RetryPolicy};
use std::time::Duration;

/// How long a dry run asks the service.
const BRIEF: Duration = Duration::from_secs(10);

/// How often each question is asked: whoever plans waits for the answer.
const PATIENT: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(2),
    max_elapsed: Duration::from_secs(5),
};

/// Runs it.
pub fn run(global: &Global, args: &PlanArgs) -> Result<Exit, CommandError> {
    let settings = session::settings(global, args.count, args.place.simulate.is_some())?;
    if args.offline {
        show(global, args, &settings, None)?;
        return Ok(Exit::Done);
    }
    runtime::block_on(async {
        let remote = Remote::connect(global, settings, args.place.simulate.as_deref()).await?;
        let Settings { fleet, prices, .. } = &remote.settings;
        let client = remote.client.with_retry(PATIENT);
        let asked = Box::pin(preflight(&client, fleet, prices));
        let answer = remote.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
        show(global, args, &remote.settings, Some(&answer))?;
        remote.close().await?;
        Ok(exit(&answer))
    })?
}

/// What a dry run says of the service: verdicts and money. One look at each thing, and not for long: the dry run has
/// shown already what it is for.
pub fn brief(client: &Client, settings: &Settings, reserve: bool) -> Result<String, CommandError> {
    let client = client.with_retry(RetryPolicy::never());
    let asked = async {
        tokio::time::timeout(BRIEF, Box::pin(preflight(&client, &settings.fleet, &settings.prices)))
            .await
            .ok()
    };
    let answer = runtime::block_on(asked)?;
    let unasked = answer.as_ref().and_then(|answer| answer.unasked.as_ref());
    let known = match &answer {
        Some(answer) if unasked.is_none() => forecast::verdicts(answer) + "\n",
        _ => {
            let class = unasked.map_or("timeout", |unasked| unasked.class);
            format!("The service could not be asked ({class}): limits, capacity and OCIDs are unchecked.\n\n")
        }
    };
    let answer = answer.filter(|answer| answer.authenticated.is_some());
    let reserved = if reserve { reserving::text(settings, answer.as_ref()) + "\n" } else { String::new() };
    Ok(known + &reserved + &forecast::money(settings, answer.as_ref()))
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
    let document = || forecast::document(settings, answer, args.reserve);
    let text = match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(args, settings, answer),
        OutputFormat::Json => serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => document().to_string() + "\n",
    };
    console::data(&text)
}

fn people(args: &PlanArgs, settings: &Settings, answer: Option<&Preflight>) -> String {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let mut out = format!("{}{}\n", preview::outline(&plan), forecast::size(settings, answer));
    if let Some(answer) = answer {
        out.push_str(&forecast::verdicts(answer));
        out.push('\n');
    }
    if args.reserve {
        out.push_str(&reserving::text(settings, answer));
        out.push('\n');
    }
    out.push_str(&forecast::money(settings, answer));
    if let Some(answer) = answer {
        out.push('\n');
        out.push_str(&forecast::advice(answer));
        out.push('\n');
    }
    out
}
