//! `capacity history`: how each target responded to earlier launches from this machine. Sends no requests.

use crate::args::{HistoryArgs, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::capacity_history::{history_listing, history_text};
use crate::output::console;
use crate::output::published::{PublishedDocument, text_for_programs};
use crate::output::text::count;
use crate::session::Session;
use ledger::capacity::{MemoryError, Remembered, Scope, Subject};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Shows or forgets the history.
pub fn show_history(session: &Session, args: &HistoryArgs) -> Result<Exit, CommandError> {
    let Some(memory) = session.existing_capacity_memory()? else {
        return if args.forget { told_forgotten(session, 0) } else { show(session, args, &[]) };
    };
    let is_meant = |scope: &Scope| args.region.as_ref().is_none_or(|region| *region == scope.region);
    let scopes: Vec<Scope> = memory.scopes()?.into_iter().filter(is_meant).collect();
    if args.forget {
        let mut forgotten = 0;
        for scope in &scopes {
            forgotten += memory.forget(scope)?;
        }
        return told_forgotten(session, u64::try_from(forgotten).unwrap_or(u64::MAX));
    }
    let known: Result<Vec<_>, MemoryError> =
        scopes.into_iter().map(|scope| memory.recall(&scope).map(|known| (scope, known))).collect();
    show(session, args, &known?)
}

/// How much of the capacity memory was deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ForgottenTargets {
    /// Targets, limits and quotas.
    forgotten: u64,
}

impl PublishedDocument for ForgottenTargets {
    const NAME: &'static str = "capacity-history-forget";
    const COMMANDS: &'static [&'static str] = &["capacity history"];
}

fn told_forgotten(session: &Session, forgotten: u64) -> Result<Exit, CommandError> {
    match text_for_programs(&ForgottenTargets { forgotten }, session.output) {
        Some(text) => console::data(&text)?,
        None => console::line(&format!("forgot {}", count(forgotten, "target"))),
    }
    Ok(Exit::Done)
}

fn show(
    session: &Session,
    args: &HistoryArgs,
    known: &[(Scope, BTreeMap<Subject, Remembered>)],
) -> Result<Exit, CommandError> {
    let listing = history_listing(known, session.now());
    if listing.rows.is_empty() && session.output == OutputFormat::Table {
        let region = args.region.as_ref().map_or_else(String::new, |region| format!(" in {region}"));
        console::line(&format!("no launch of this machine has asked for capacity{region}"));
        return Ok(Exit::Done);
    }
    console::data(&history_text(&listing, session.output, console::width()))?;
    Ok(Exit::Done)
}
