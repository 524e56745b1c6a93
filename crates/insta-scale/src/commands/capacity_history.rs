//! `capacity history`: how each target responded to earlier launches from this machine. Sends no requests.

use crate::args::{HistoryArgs, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::capacity_history::history_listing;
use crate::output::console;
use crate::output::text::count;
use crate::session::Session;
use ledger::capacity::{MemoryError, Remembered, Scope, Subject};
use std::collections::BTreeMap;

/// Shows or forgets the history.
pub fn show_history(session: &Session, args: &HistoryArgs) -> Result<Exit, CommandError> {
    let Some(memory) = session.existing_capacity_memory()? else {
        return show(session, args, &[]);
    };
    let is_meant = |scope: &Scope| args.region.as_ref().is_none_or(|region| *region == scope.region);
    let scopes: Vec<Scope> = memory.scopes()?.into_iter().filter(is_meant).collect();
    if args.forget {
        let mut forgotten = 0;
        for scope in &scopes {
            forgotten += memory.forget(scope)?;
        }
        console::line(&format!("forgot {}", count(u64::try_from(forgotten).unwrap_or(u64::MAX), "target")));
        return Ok(Exit::Done);
    }
    let known: Result<Vec<_>, MemoryError> =
        scopes.into_iter().map(|scope| memory.recall(&scope).map(|known| (scope, known))).collect();
    show(session, args, &known?)
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
    console::data(&listing.to_text(session.output))?;
    Ok(Exit::Done)
}
