//! `ledger`: copies, checks and prunes the records of runs, and prints what a shared ledger needs.

mod prune;

use crate::args::{CopyLedger, GrantLedger, LedgerCommand, LedgerRole, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::records::{CopiedRun, DamagedRun, LedgerCheck, LedgerCopy};
use crate::session::Session;
use ledger::{Archive, LedgerError, RunId, SqliteStore, sqlite};
use ledger_postgres::{Address, AddressError, Role, grants, is_address};
use std::path::Path;

/// Carries out a verb.
pub async fn run_ledger(session: &Session, command: &LedgerCommand) -> Result<Exit, CommandError> {
    match command {
        LedgerCommand::Copy(args) => copy(session, args).await,
        LedgerCommand::Check => check(session).await,
        LedgerCommand::Prune(args) => Box::pin(prune::prune(session, args)).await,
        LedgerCommand::Grant(args) => grant(args),
    }
}

/// The ledger of the session; `None` if there is none yet.
fn own(session: &Session) -> Result<Option<Box<dyn Archive>>, CommandError> {
    if let Some(address) = session.shared_ledger()? {
        return Ok(Some(Box::new(session.open_shared(&address)?)));
    }
    let folder = session.state_folder()?;
    if !folder.join(sqlite::FILE_NAME).exists() {
        return Ok(None);
    }
    Ok(Some(Box::new(SqliteStore::open(&folder)?)))
}

/// The ledger that a person names.
fn named(
    session: &Session,
    text: &str,
    must_exist: bool,
) -> Result<(String, Box<dyn Archive>), CommandError> {
    if is_address(text) {
        let address: Address = text.parse().map_err(|error: AddressError| {
            CommandError::usage(
                format!("this is not the address of a ledger: {error}"),
                "write postgres://user@host:port/name, with the password in PGPASSWORD",
            )
        })?;
        let address = address.or_password(crate::environment::variable("PGPASSWORD"));
        return Ok((address.to_string(), Box::new(session.open_shared(&address)?)));
    }
    let folder = Path::new(text);
    if must_exist && !folder.join(sqlite::FILE_NAME).exists() {
        return Err(CommandError::usage(
            format!("{text} is not a state directory: it has no {}", sqlite::FILE_NAME),
            "name the directory of --state-dir, or an address that begins with postgres://",
        ));
    }
    Ok((text.to_owned(), Box::new(SqliteStore::open(folder)?)))
}

async fn copy(session: &Session, args: &CopyLedger) -> Result<Exit, CommandError> {
    let ((from_name, from), (to_name, to)) =
        (named(session, &args.from, true)?, named(session, &args.to, false)?);
    let mut done = LedgerCopy { from: &from_name, to: &to_name, runs: Vec::new(), held: Vec::new() };
    let mut heads = from.runs().await?;
    heads.reverse();
    for head in heads {
        if session.stop.is_cancelled() {
            return Err(CommandError::Interrupted);
        }
        if head.held {
            done.held.push(head.run);
            continue;
        }
        done.runs.push(copy_run(&*from, &*to, head.run, &to_name).await?);
    }
    console::data(&done.text(session.output))?;
    Ok(if done.held.is_empty() { Exit::Done } else { Exit::SomeFailed })
}

/// Copies what the other ledger lacks of a run, page by page, and compares what it then has.
async fn copy_run(
    from: &dyn Archive,
    to: &dyn Archive,
    run: RunId,
    to_name: &str,
) -> Result<CopiedRun, CommandError> {
    let last = from.last(run).await?;
    let (mut next, mut done) = (1, CopiedRun { run, records: 0, copied: 0 });
    loop {
        let rows = from.raw(run, next).await?;
        let Some(end) = rows.last().map(|row| row.seq) else { break };
        let there = to.raw(run, next).await?;
        let lacking: Vec<_> = rows.iter().filter(|row| !there.contains(row)).cloned().collect();
        done.records += rows.len() as u64;
        done.copied += lacking.len() as u64;
        if !lacking.is_empty() || next == 1 {
            to.put(run, lacking, last).await?;
            let mut kept = to.raw(run, next).await?;
            kept.retain(|row| row.seq <= end);
            if kept != rows {
                return Err(CommandError::usage(
                    format!("run {run} has other records in {to_name} than those that were copied"),
                    "the two ledgers went separate ways: copy into an empty one",
                ));
            }
        }
        next = end + 1;
    }
    Ok(done)
}

async fn check(session: &Session) -> Result<Exit, CommandError> {
    let mut found = LedgerCheck { runs: 0, records: 0, damaged: Vec::new() };
    if let Some(store) = own(session)? {
        for head in store.runs().await? {
            let records = store.records(head.run).await?;
            found.runs += 1;
            found.records += records.records.len() as u64;
            if !records.unreadable.is_empty() {
                found.damaged.push(DamagedRun { run: head.run, unreadable: records.unreadable });
            }
        }
    }
    console::data(&found.text(session.output))?;
    if found.damaged.is_empty() {
        return Ok(Exit::Done);
    }
    if session.output == OutputFormat::Table {
        console::line(
            "hint: `oci-insta-scale resume RUN` reads the tags of the instances in place of lost records",
        );
    }
    Ok(Exit::SomeFailed)
}

fn grant(args: &GrantLedger) -> Result<Exit, CommandError> {
    let role = match args.role {
        LedgerRole::Reader => Role::Reader,
        LedgerRole::Operator => Role::Operator,
        LedgerRole::Owner => Role::Owner,
    };
    console::data(&grants(role, &args.name))?;
    Ok(Exit::Done)
}

/// The error for a run that disappeared meanwhile.
fn is_gone(error: &LedgerError) -> bool {
    matches!(error, LedgerError::UnknownRun { .. })
}
