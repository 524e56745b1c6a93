//! `doctor`: checks everything that a launch needs, one line each, with the remedy. Changes nothing.

mod checks;
mod launch;
mod machine;
mod service;

use self::checks::Checks;
use super::unfinished_runs::find_blocking_run;
use crate::args::{DoctorArgs, OutputFormat};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::doctor::{Check, DoctorDocument, State, text};
use crate::output::published::text_of;
use crate::output::{again, console};
use crate::runtime;
use crate::session::Session;

/// Checks and shows the results.
pub async fn examine(session: &Session, args: &DoctorArgs) -> Result<Exit, CommandError> {
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let mut checks = Checks::default();
    checks.push(Check::new("version", State::Ok, format!("oci-insta-scale {}", env!("CARGO_PKG_VERSION"))));
    let has_records = machine::state_folder(session, &mut checks);
    let (settings, config) = read_config(session, args.count).await;
    let is_complete = config.state != State::Failed;
    checks.push(config);
    if has_records {
        // A run that blocks the launch matters more than how many there are.
        let settings = settings.as_ref().filter(|_| is_complete);
        let blocking = match settings {
            Some(settings) => blocking_run(session, settings).await,
            None => None,
        };
        match blocking {
            Some(blocking) => checks.push(blocking),
            None => checks.extend(machine::past_runs(session).await),
        }
    }
    let exit = Box::pin(service::check(session, settings, &mut checks)).await?;
    let mut checks = checks.finish();
    for one in &mut checks {
        one.remedy = one.remedy.take().map(|remedy| again::advice(&remedy));
    }
    // A state folder that cannot be written stops a launch too, whatever the service answers.
    let exit = if exit == Exit::Done && checks.iter().any(|one| one.state == State::Failed) {
        Exit::Usage
    } else {
        exit
    };
    let document = DoctorDocument { ready: exit == Exit::Done, checks: &checks };
    console::data(&match session.output {
        format @ (OutputFormat::Json | OutputFormat::Jsonl) => text_of(&document, format),
        _ => text(&checks, console::width()),
    })?;
    if !session.is_quiet() && session.output == OutputFormat::Table {
        let last = if exit == Exit::Done { "a launch can go" } else { "a launch would not succeed as it is" };
        console::line(last);
    }
    Ok(exit)
}

/// The config; if it has mistakes, as much of it as the later checks can use.
async fn read_config(session: &Session, count: Option<u32>) -> (Option<Settings>, Check) {
    let file = session.layers().to_string();
    match session.settled(|| session.read_config(count)).await {
        Ok(settings) => {
            let instances = crate::output::text::count(settings.fleet.count, "instance");
            let found = format!("{file}: {instances} of fleet {}", settings.fleet.name);
            (Some(settings), Check::new("config", State::Ok, found))
        }
        Err(error) => {
            let check = failed("config", &error);
            // Its own mistakes are reported already.
            (session.read_unfinished_config().ok(), check)
        }
    }
}

/// The run that a launch of the config would stop at, if there is one. Records that cannot be read were reported already.
async fn blocking_run(session: &Session, settings: &Settings) -> Option<Check> {
    let (said, remedy) = find_blocking_run(session, settings).await.ok().flatten()?;
    Some(Check::new("runs", State::Failed, said).remedy(Some(remedy)))
}

/// A check that failed for this reason.
fn failed(check: &str, error: &CommandError) -> Check {
    Check::new(check, State::Failed, error.to_string().trim_end()).remedy(error.hint())
}
