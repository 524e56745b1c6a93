//! `fleets`: the fleets of a compartment, by the tags of their instances.

use crate::args::{FleetsArgs, Global, OutputFormat};
use crate::commands::instances::Reach;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, per_hour};
use crate::output::text::clean;
use fleet::plan::FLEET_TAG;
use fleet::select::{Filter, Machine, Tag, find, total_now};
use oci_api::models::InstanceLifecycleState as State;
use serde_json::json;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// Runs it.
pub async fn run(global: &Global, args: &FleetsArgs, stop: &CancellationToken) -> Result<Exit, CommandError> {
    let reach = Reach::connect(global, args.compartment.as_deref(), stop).await?;
    let tags = vec![Tag { key: FLEET_TAG.to_owned(), value: None }];
    let filter = Filter { tags, ..Filter::default() };
    let found = reach.ask(find(&reach.client, &reach.compartment, &filter)).await;
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
        let (hour, unknown) = total_now(machines, &reach.settings.prices);
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
                "currency": reach.settings.prices.currency(),
            }),
        );
    }
    let format = if global.output == OutputFormat::Wide { OutputFormat::Table } else { global.output };
    console::data(&listing.to_text(format))?;
    Ok(Exit::Done)
}
