//! `plan`: one verdict for each availability domain, what will be created, and the money. Launches nothing.

use super::remote::Remote;
use super::session;
use crate::args::{Global, OutputFormat, PlanArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::{console, forecast, preview};
use crate::runtime;
use fleet::Plan;
use fleet::preflight::{Preflight, preflight};
use oci_client::{Client, RetryPolicy};
use std::time::Duration;

/// How long a dry run asks the service.
const BRIEF: Duration = Duration::from_secs(10);

/// Runs it.
pub fn run(global: &Global, args: &PlanArgs) -> Result<Exit, CommandError> {
    let settings = session::settings(global, args.count, args.place.simulate.is_some())?;
    if args.offline {
        show(global, &settings, None)?;
        return Ok(Exit::Done);
    }
    runtime::block_on(async {
        let remote = Remote::connect(global, settings, args.place.simulate.as_deref()).await?;
        let Settings { fleet, prices, .. } = &remote.settings;
        let asked = Box::pin(preflight(&remote.client, fleet, prices));
        let answer = remote.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
        show(global, &remote.settings, Some(&answer))?;
        remote.close().await?;
        Ok(exit(&answer))
    })?
}

/// What a dry run says of the service: verdicts and money. One look at each thing, and not for long: the dry run has
/// shown already what it is for.
pub fn brief(client: &Client, settings: &Settings) -> Result<String, CommandError> {
    let client = client.with_retry(RetryPolicy::never());
    let asked = async {
        tokio::time::timeout(BRIEF, Box::pin(preflight(&client, &settings.fleet, &settings.prices)))
            .await
            .ok()
    };
    let answer = runtime::block_on(asked)?.filter(|answer| answer.authenticated.is_some());
    let known = match &answer {
        Some(answer) => forecast::verdicts(answer) + "\n",
        None => "The service could not be asked: limits, capacity and OCIDs are unchecked.\n\n".to_owned(),
    };
    Ok(known + &forecast::money(settings, answer.as_ref()))
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

fn show(global: &Global, settings: &Settings, answer: Option<&Preflight>) -> Result<(), CommandError> {
    let text = match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => people(settings, answer),
        OutputFormat::Json => {
            serde_json::to_string_pretty(&forecast::document(settings, answer)).unwrap_or_default() + "\n"
        }
        OutputFormat::Jsonl => forecast::document(settings, answer).to_string() + "\n",
    };
    console::data(&text)
}

fn people(settings: &Settings, answer: Option<&Preflight>) -> String {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let mut out = format!("{}{}\n", preview::outline(&plan), forecast::size(settings));
    if let Some(answer) = answer {
        out.push_str(&forecast::verdicts(answer));
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
