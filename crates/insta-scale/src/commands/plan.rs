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
        let asked = Box::pin(preflight(&remote.questions, fleet, prices));
        let answer = remote.ask(async { Ok::<_, CommandError>(asked.await) }).await?;
        show(global, &remote.settings, Some(&answer))?;
        remote.close().await?;
        Ok(exit(&answer))
    })?
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
        out.push_str(&forecast::findings(answer));
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
