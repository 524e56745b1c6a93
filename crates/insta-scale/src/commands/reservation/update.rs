//! `reservation update` and `reservation wait`.

use super::super::remote::Remote;
use super::{Intent, agree_to_change, charge, find};
use crate::args::{Global, KindArgs, OutputFormat, UpdateReservation, WaitReservation};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::simulated::mark;
use crate::output::text::clean;
use fleet::reservation::{self, Change, Gain, Held, NewCount, Want};
use serde_json::json;

pub async fn update(global: &Global, remote: &Remote, args: UpdateReservation) -> Result<Exit, CommandError> {
    let ocid = find(remote, &args.reservation).await?;
    let mut changes = Vec::new();
    if let Some(count) = args.count {
        changes.push(Change::Count(which(&args.kind)?, count));
    }
    changes.extend(args.add.into_iter().map(Change::Add));
    let told: Vec<String> = changes.iter().map(describe).collect();
    let intent = Intent { ocid: &ocid, change: &told.join("; "), changes: Some(&changes) };
    agree_to_change(global, remote, args.yes, &intent).await?;
    let patience = remote.patience(args.deadline);
    let (asked, held) = if args.until_held {
        reservation::resize_until_held(&remote.client, &ocid, &changes, args.every, &patience, &tell).await?
    } else {
        reservation::resize(&remote.client, &ocid, &changes, &patience).await?
    };
    report(global, remote, asked, &held)
}

pub async fn wait(global: &Global, remote: &Remote, args: &WaitReservation) -> Result<Exit, CommandError> {
    let ocid = find(remote, &args.reservation).await?;
    let patience = remote.patience(args.deadline);
    let Some(answer) = reservation::until_active(&remote.client, &ocid, &patience).await? else {
        return Err(CommandError::Usage { message: format!("{ocid} no longer exists"), hint: None });
    };
    let held = Held::from(answer);
    match args.count {
        // What is held in excess is somebody's wish as well: a wait never makes less of it.
        Some(count) if held.reserved() < count => {
            let change = format!("{count} in all, requested repeatedly");
            let changes = [Change::Count(None, NewCount::AtLeast(count))];
            let intent = Intent { ocid: &ocid, change: &change, changes: Some(&changes) };
            agree_to_change(global, remote, args.yes, &intent).await?;
            let (asked, held) =
                reservation::resize_until_held(&remote.client, &ocid, &changes, args.every, &patience, &tell)
                    .await?;
            report(global, remote, asked, &held)
        }
        _ => report(global, remote, args.count.unwrap_or(held.reserved()).min(held.reserved()), &held),
    }
}

/// Which config is meant, if anything was said about it.
fn which(kind: &KindArgs) -> Result<Option<Want>, CommandError> {
    let Some(shape) = kind.shape.clone() else {
        return if kind.ocpus.is_none() && kind.memory.is_none() && kind.fd.is_none() {
            Ok(None)
        } else {
            Err(CommandError::usage("a size is set, but no shape", "add --shape"))
        };
    };
    let fault_domain = kind.fd.as_ref().map(|fd| fd.to_ascii_uppercase());
    Ok(Some(Want { shape, ocpus: kind.ocpus, memory_gb: kind.memory, fault_domain, ..Want::default() }))
}

/// A change in words.
fn describe(change: &Change) -> String {
    match change {
        Change::Count(which, count) => {
            let which = which.as_ref().map_or_else(String::new, |want| format!(" of {}", want.describe()));
            match count {
                NewCount::Exactly(count) => format!("{count}{which} in all"),
                NewCount::Grow(more) => {
                    format!("{more}{which} more, charged from the moment they are reserved")
                }
                NewCount::Shrink(fewer) => format!("{fewer}{which} fewer"),
                NewCount::AtLeast(count) => format!("at least {count}{which}"),
            }
        }
        Change::Add(want) => {
            format!("{} × {} more, charged from the moment they are reserved", want.count, want.describe())
        }
    }
}

fn tell(gain: &Gain) {
    let Gain { before, now, wanted } = gain;
    let change = i64::from(*now) - i64::from(*before);
    console::line(&format!("[{now}/{wanted}] {change:+}"));
}

fn report(global: &Global, remote: &Remote, asked: u32, held: &Held) -> Result<Exit, CommandError> {
    let (reserved, used) = (held.reserved(), held.used());
    let prices = &remote.settings.prices;
    match global.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            console::data(&format!(
                "{} holds {reserved}{}, {used} used ({})\n",
                clean(&held.name),
                // One that held more from the beginning on is told without comparison.
                if reserved > asked { String::new() } else { format!(" of {asked}") },
                held.ocid
            ))?;
        }
        OutputFormat::Json | OutputFormat::Jsonl => {
            let document = mark(json!({
                "schema_version": crate::output::document::SCHEMA_VERSION,
                "reservation": held,
                "asked": asked,
                "held": reserved,
                "used": used,
            }));
            console::data(&(document.to_string() + "\n"))?;
        }
    }
    if reserved > used {
        console::line(&charge(held.configs.iter().map(|config| config.unused_hour(prices)), prices));
    }
    Ok(match () {
        () if reserved >= asked => Exit::Done,
        () if remote.stop.is_cancelled() => Exit::Interrupted,
        () if reserved == 0 => Exit::NoneLaunched,
        () => Exit::SomeFailed,
    })
}
