//! Facts to show at the end of a launch that its records do not contain: the addresses, which are read once, and the price of
//! the instances from now on.

use crate::connection::Connection;
use crate::output::ending::Ending;
use crate::output::text::clean;
use crate::tuning::ADDRESSES_QUESTION;
use fleet::addresses::{Addressed, Addresses};
use fleet::cleanup::fleet_expiry;
use fleet::price::{self, Per, Prices, Size};
use fleet::{FleetSpec, InstanceSummary, Plan, RunSummary, addresses};
use ledger::Placement;
use oci_client::Client;
use std::collections::BTreeMap;

/// Collects the facts. `again` is the command prefix for the same region, if there is one to continue in.
pub async fn find_ending(
    connection: &Connection<'_>,
    plan: &Plan,
    summary: &RunSummary,
    again: Option<String>,
) -> Ending {
    let (client, prices) = (&connection.questions, &connection.settings.prices);
    let read = async { tokio::time::timeout(ADDRESSES_QUESTION, addresses(client, plan, summary)).await };
    let (addresses, warning) = tokio::select! {
        biased;
        // After Ctrl-C the user should not have to wait.
        () = connection.session.stop.cancelled() => Default::default(),
        read = read => read.unwrap_or_else(|_| {
            let warning = format!("the addresses could not be read within {} s", ADDRESSES_QUESTION.as_secs());
            (BTreeMap::new(), Some(warning))
        }),
    };
    let hour = hour(&plan.fleet, prices, summary);
    let currency = prices.currency().to_owned();
    Ending { addresses, warning, hour, currency, expires: fleet_expiry(&plan.fleet), again, asked: true }
}

/// The addresses by slot. Only running instances have addresses.
async fn addresses(
    client: &Client,
    plan: &Plan,
    summary: &RunSummary,
) -> (BTreeMap<u32, Addresses>, Option<String>) {
    let running = |row: &&InstanceSummary| row.ocid.is_some() && row.state.as_deref() == Some("RUNNING");
    let rows: Vec<&InstanceSummary> = summary.instances.iter().filter(running).collect();
    if rows.is_empty() {
        return Default::default();
    }
    let wanted: Vec<Addressed<'_>> = rows
        .iter()
        .map(|row| Addressed {
            ocid: row.ocid.as_deref().unwrap_or_default(),
            compartment: &plan.fleet.compartment,
            availability_domain: row.availability_domain.as_deref().unwrap_or_default(),
        })
        .collect();
    match addresses::read(client, &wanted).await {
        Ok((found, warning)) => {
            let found = rows.iter().map(|row| row.slot).zip(found);
            (found.collect(), warning.map(|warning| clean(&warning)))
        }
        Err(failure) => {
            let warning = format!("the addresses could not be read: {}", clean(&failure.to_string()));
            (BTreeMap::new(), Some(warning))
        }
    }
}

/// The price per hour of the existing instances with their boot volumes; `None` if a price is unknown.
fn hour(fleet: &FleetSpec, prices: &Prices, summary: &RunSummary) -> Option<Per> {
    let mut counts: BTreeMap<&Placement, u32> = BTreeMap::new();
    for row in summary.instances.iter().filter(|row| row.ocid.is_some()) {
        *counts.entry(row.placement.as_ref()?).or_default() += 1;
    }
    let counts: Vec<(&Placement, u32)> = counts.into_iter().collect();
    price::of_placements(fleet, &counts, prices, Size::default()).total
}
