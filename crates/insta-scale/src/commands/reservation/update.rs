//! `reservation update` and `reservation wait`.

use super::{Intent, agree_to_change, charge, find_reservation};
use crate::args::{KindArgs, OutputFormat, UpdateReservation, WaitReservation};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::text::clean;
use fleet::reservation::{self, Change, Gain, Held, NewCount, Want};
use schemars::JsonSchema;
use serde::Serialize;

pub async fn update_reservation(
    connection: &Connection<'_>,
    args: UpdateReservation,
) -> Result<Exit, CommandError> {
    let ocid = find_reservation(connection, &args.reservation).await?;
    let mut changes = Vec::new();
    if let Some(count) = args.count {
        changes.push(Change::Count(which(&args.kind)?, count));
    }
    changes.extend(args.add.into_iter().map(Change::Add));
    let told: Vec<String> = changes.iter().map(describe).collect();
    let intent = Intent { ocid: &ocid, change: &told.join("; "), changes: Some(&changes) };
    agree_to_change(connection, args.yes, &intent).await?;
    let patience = connection.patience(args.deadline);
    let (asked, held) = if args.until_held {
        reservation::resize_until_held(&connection.client, &ocid, &changes, args.every, &patience, &tell)
            .await?
    } else {
        reservation::resize(&connection.client, &ocid, &changes, &patience).await?
    };
    report(connection, asked, &held)
}

pub async fn wait_for_reservation(
    connection: &Connection<'_>,
    args: &WaitReservation,
) -> Result<Exit, CommandError> {
    let ocid = find_reservation(connection, &args.reservation).await?;
    let patience = connection.patience(args.deadline);
    let Some(answer) = reservation::until_active(&connection.client, &ocid, &patience).await? else {
        return Err(CommandError::Usage { message: format!("{ocid} no longer exists"), hint: None });
    };
    let held = Held::from(answer);
    match args.count {
        // Somebody requested the surplus too, so a wait never reduces it.
        Some(count) if held.reserved() < count => {
            let change = format!("{count} in all, requested repeatedly");
            let changes = [Change::Count(None, NewCount::AtLeast(count))];
            let intent = Intent { ocid: &ocid, change: &change, changes: Some(&changes) };
            agree_to_change(connection, args.yes, &intent).await?;
            let (asked, held) = reservation::resize_until_held(
                &connection.client,
                &ocid,
                &changes,
                args.every,
                &patience,
                &tell,
            )
            .await?;
            report(connection, asked, &held)
        }
        _ => report(connection, args.count.unwrap_or(held.reserved()).min(held.reserved()), &held),
    }
}

/// The config that the flags select, if any.
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

/// Describes a change.
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

/// A reservation that was changed or waited for.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ChangedReservation<'a> {
    /// The reservation.
    reservation: &'a Held,
    /// Instances that were to be reserved.
    asked: u32,
    /// Instances reserved.
    held: u32,
    /// The part of them that is used.
    used: u32,
}

impl PublishedDocument for ChangedReservation<'_> {
    const NAME: &'static str = "reservation-update";
    const COMMANDS: &'static [&'static str] = &["reservation update", "reservation wait"];
}

fn report(connection: &Connection<'_>, asked: u32, held: &Held) -> Result<Exit, CommandError> {
    let (reserved, used) = (held.reserved(), held.used());
    let prices = &connection.settings.prices;
    match connection.session.output {
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => {
            console::data(&format!(
                "{} holds {reserved}{}, {used} used ({})\n",
                clean(&held.name),
                // A reservation that held more from the start is shown without a comparison.
                if reserved > asked { String::new() } else { format!(" of {asked}") },
                held.ocid
            ))?;
        }
        OutputFormat::Json | OutputFormat::Jsonl => {
            let document = ChangedReservation { reservation: held, asked, held: reserved, used };
            console::data(&text_of(&document, connection.session.output))?;
        }
    }
    if reserved > used {
        console::line(&charge(held.configs.iter().map(|config| config.unused_hour(prices)), prices));
    }
    Ok(match () {
        () if reserved >= asked => Exit::Done,
        () if connection.session.stop.is_cancelled() => Exit::Interrupted,
        () if reserved == 0 => Exit::NoneLaunched,
        () => Exit::SomeFailed,
    })
}
