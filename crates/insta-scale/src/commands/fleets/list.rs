//! `fleets`: the fleets of a compartment, by the tags of their instances.

use crate::args::{FleetsArgs, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, per_hour};
use crate::output::text::clean;
use crate::session::Session;
use fleet::plan::FLEET_TAG;
use fleet::select::{Filter, Machine, Tag, find, total_now};
use oci_api::models::InstanceLifecycleState as State;
use serde_json::json;
use std::collections::BTreeMap;

/// Runs it.
pub async fn list_fleets(session: &Session, args: &FleetsArgs) -> Result<Exit, CommandError> {
    let connection = Connection::open_in(session, args.compartment.as_deref()).await?;
    let tags = vec![Tag { key: FLEET_TAG.to_owned(), value: None }];
    let filter = Filter { tags, ..Filter::default() };
    let found = connection.ask(find(&connection.client, &connection.compartment, &filter)).await;
    let found = found.map_err(CommandError::of_compartment)?;
    let mut fleets: BTreeMap<String, Vec<Machine>> = BTreeMap::new();
    for machine in found.machines.into_iter().filter(|machine| machine.state != State::Terminating) {
        let name = machine.tags.get(FLEET_TAG).unwrap_or_default().to_owned();
        fleets.entry(name).or_default().push(machine);
    }
    let mut listing =
        Listing::new("fleets", &["FLEET", "INSTANCES", "RUNNING", "SHAPES", "SINCE", "PRICE/HOUR"]);
    for (name, machines) in &fleets {
        let running = machines.iter().filter(|machine| machine.state == State::Running).count();
        let mut shapes: Vec<&str> = machines.iter().map(|machine| machine.shape.as_str()).collect();
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
            ],
            json!({
                "fleet": name,
                "instances": machines.len(),
                "running": running,
                "shapes": shapes,
                "since": since,
                "price_per_hour": hour,
                "unknown_prices": unknown,
                "currency": connection.settings.prices.currency(),
            }),
        );
    }
    let format = if session.output == OutputFormat::Wide { OutputFormat::Table } else { session.output };
    console::data(&listing.to_text(format))?;
    Ok(Exit::Done)
}
