//! `fleets`: lists the fleets of a compartment by the tags of their instances.

use crate::args::{FleetsArgs, OutputFormat};
use crate::connection::{Connection, for_questions};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::columns::{Column, columns_table};
use crate::output::listing::{Listing, per_hour};
use crate::output::published::PublishedRow;
use crate::output::text::clean;
use crate::session::Session;
use fleet::plan::FLEET_TAG;
use fleet::select::{Filter, Machine, Tag, find, total_now};
use jiff::Timestamp;
use oci_api::models::InstanceLifecycleState as State;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// A fleet, by the tags of its instances.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListedFleet<'a> {
    /// Its name.
    fleet: &'a str,
    /// Its instances.
    instances: usize,
    /// The part of them that is RUNNING.
    running: usize,
    /// Their shapes.
    shapes: Vec<&'a str>,
    /// When the oldest was created.
    since: Option<Timestamp>,
    /// The sum of the known prices; `null` if none is known.
    price_per_hour: Option<f64>,
    /// How many instances have no known price.
    unknown_prices: usize,
    /// The currency of the price.
    currency: &'a str,
}

impl PublishedRow for ListedFleet<'_> {
    const NAME: &'static str = "fleets";
    const LIST: &'static str = "fleets";
    const COMMANDS: &'static [&'static str] = &["fleets"];
}

/// Lists the fleets.
pub async fn list_fleets(session: &Session, args: &FleetsArgs) -> Result<Exit, CommandError> {
    let connection = Connection::open_in(session, args.compartment.as_deref()).await?;
    let tags = vec![Tag { key: FLEET_TAG.to_owned(), value: None }];
    let filter = Filter { tags, ..Filter::default() };
    let found =
        connection.ask(find(&for_questions(&connection.client), &connection.compartment, &filter)).await;
    let found = found.map_err(CommandError::of_compartment)?;
    let mut fleets: BTreeMap<String, Vec<Machine>> = BTreeMap::new();
    for machine in found.machines.into_iter().filter(|machine| machine.state != State::Terminating) {
        let name = machine.tags.get(FLEET_TAG).unwrap_or_default().to_owned();
        fleets.entry(name).or_default().push(machine);
    }
    let mut listing =
        Listing::new(&["FLEET", "INSTANCES", "RUNNING", "SHAPES", "SINCE", "PRICE/HOUR", "CURRENCY"]);
    for (name, machines) in &fleets {
        let running = machines.iter().filter(|machine| machine.state == State::Running).count();
        let mut shapes: Vec<&str> = machines.iter().map(|machine| &*machine.shape).collect();
        shapes.sort_unstable();
        shapes.dedup();
        let since = machines.iter().filter_map(|machine| machine.created).min();
        let (hour, unknown) = total_now(machines, &connection.settings.prices);
        let hour = (unknown < machines.len()).then_some(hour);
        listing.push(
            vec![
                clean(name),
                machines.len().to_string(),
                running.to_string(),
                clean(&shapes.join(", ")),
                since.map_or_else(|| "-".to_owned(), |since| format!("{since:.0}")),
                per_hour(hour),
                clean(connection.settings.prices.currency()),
            ],
            &ListedFleet {
                fleet: name,
                instances: machines.len(),
                running,
                shapes,
                since,
                price_per_hour: hour,
                unknown_prices: unknown,
                currency: connection.settings.prices.currency(),
            },
        );
    }
    let text = match session.output {
        OutputFormat::Table if !listing.rows.is_empty() => table(&listing.rows, console::width()),
        OutputFormat::Wide if !listing.rows.is_empty() => table(&listing.rows, None),
        format => listing.to_text(format),
    };
    console::data(&text)?;
    if session.output == OutputFormat::Table && !listing.rows.is_empty() && !session.is_quiet() {
        console::line("prices are without volumes; `oci-insta-scale status` shows a fleet's with them");
    }
    Ok(Exit::Done)
}

/// The rows, fitted to the width of the terminal if there is one.
fn table(rows: &[Vec<String>], width: Option<usize>) -> String {
    let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
    let column = |title, rank, at| Column::new(title, rank, rows.iter().map(|row| cell(row, at)));
    let day = |row: &Vec<String>| cell(row, 4).chars().take("2026-01-31".len()).collect();
    let price = |row: &Vec<String>| match cell(row, 5) {
        unknown if unknown == per_hour(None) => unknown,
        hour => format!("{hour} {}", cell(row, 6)),
    };
    let columns = vec![
        column("FLEET", 0, 0).cut(),
        column("INSTANCES", 0, 1),
        column("RUNNING", 2, 2),
        column("SHAPES", 3, 3).cut(),
        column("SINCE", 4, 4).or_short(rows.iter().map(day)),
        Column::new("PRICE/HOUR", 1, rows.iter().map(price)),
    ];
    columns_table(columns, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleets_fit_a_terminal_and_name_the_currency() {
        let row = |name: &str, hour: &str| {
            let cells = [name, "2", "0", "VM.Standard.E4.Flex", "2026-11-29T09:56:50Z", hour, "USD"];
            cells.map(str::to_owned).to_vec()
        };
        let rows = [row("rehearsal", "0.0680"), row("web", "unknown")];
        insta::assert_snapshot!(table(&rows, Some(80)), @r"
        FLEET      INSTANCES  RUNNING  SHAPES               SINCE       PRICE/HOUR
        rehearsal  2          0        VM.Standard.E4.Flex  2026-11-29  0.0680 USD
        web        2          0        VM.Standard.E4.Flex  2026-11-29  unknown
        ");
        let long = table(&[row(&"x".repeat(100), "0.0680")], Some(80));
        assert!(long.lines().all(|line| line.chars().count() <= 80), "{long}");
    }
}
