//! `reservation list` and `reservation show`.

use super::find_reservation;
use crate::args::{ListReservations, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, Sum, or_dash, per_hour};
use crate::output::simulated::mark;
use crate::output::text::clean;
use fleet::price::{Per, rounded};
use fleet::reservation::{self, Filter, Held, Listed, Member};
use serde_json::{Value, json};
use std::fmt::Write as _;

const COLUMNS: &[&str] =
    &["NAME", "STATE", "AVAILABILITY DOMAIN", "RESERVED", "USED", "FREE", "UNUSED/HOUR", "OCID"];

const SHEET: &[&str] = &[
    "NAME",
    "STATE",
    "AVAILABILITY DOMAIN",
    "RESERVED",
    "USED",
    "FREE",
    "UNUSED/HOUR",
    "OCID",
    "IS DEFAULT",
    "CURRENCY",
];

pub async fn list_reservations(
    connection: &Connection<'_>,
    args: &ListReservations,
) -> Result<Exit, CommandError> {
    let availability_domain = match &args.ad {
        Some(name) => connection.resolve_domains(std::slice::from_ref(name)).await?.into_iter().next(),
        None => None,
    };
    let filter = Filter { availability_domain, deleted: args.all, with_cost: args.cost };
    let prices = &connection.settings.prices;
    let compartment = connection.required_compartment()?;
    let rows = connection.ask(reservation::list(&connection.client, compartment, &filter, prices)).await?;
    let listing = if connection.session.output == OutputFormat::Csv { sheet } else { listing };
    console::data(&listing(&rows, prices.currency()).to_text(connection.session.output))?;
    if connection.session.output == OutputFormat::Table {
        footnotes(&rows, connection);
    }
    Ok(Exit::Done)
}

fn listing(rows: &[Listed], currency: &str) -> Listing {
    let mut listing = Listing::new("reservations", COLUMNS);
    for row in rows {
        let name = if row.is_default { format!("{} (default)", row.name) } else { row.name.clone() };
        let cells = vec![
            or_dash(Some(&name)),
            row.state.clone(),
            row.availability_domain.clone(),
            row.reserved.to_string(),
            row.used.to_string(),
            row.free.to_string(),
            per_hour(row.unused_per_hour),
            row.ocid.clone(),
        ];
        // Strings and numbers only, so serialisation cannot fail.
        let mut value = serde_json::to_value(row).unwrap_or_default();
        value["unused_per_30_days"] = json!(row.unused_per_hour.map(|hour| rounded(Per::of(hour).days_30)));
        value["currency"] = json!(currency);
        listing.push(cells, value);
    }
    listing
}

/// The listing for a spreadsheet: one value per column.
fn sheet(rows: &[Listed], currency: &str) -> Listing {
    let mut sheet = Listing::new("reservations", SHEET);
    for row in rows {
        let cells = vec![
            row.name.clone(),
            row.state.clone(),
            row.availability_domain.clone(),
            row.reserved.to_string(),
            row.used.to_string(),
            row.free.to_string(),
            row.unused_per_hour.map_or_else(String::new, |hour| hour.to_string()),
            row.ocid.clone(),
            row.is_default.to_string(),
            currency.to_owned(),
        ];
        sheet.push(cells, Value::Null);
    }
    sheet
}

fn footnotes(rows: &[Listed], connection: &Connection<'_>) {
    let unused: u32 = rows.iter().map(|row| row.free).sum();
    if unused > 0 {
        let unused = rows.iter().map(|row| row.unused_per_hour);
        console::line(&super::charge(unused, &connection.settings.prices));
    }
    if rows.iter().any(|row| row.unused_per_hour.is_none()) {
        console::line(
            "a list does not include the contents of reservations: `--cost` reads each of them, `show` shows one",
        );
    }
}

pub async fn show_reservation(connection: &Connection<'_>, text: &str) -> Result<Exit, CommandError> {
    let ocid = find_reservation(connection, text).await?;
    let held = connection.ask(reservation::show(&connection.client, &ocid)).await?;
    let members = connection.ask(reservation::members(&connection.client, &ocid)).await?;
    let prices = &connection.settings.prices;
    let unused = held.unused_hour(prices);
    match connection.session.output {
        OutputFormat::Table | OutputFormat::Wide => {
            console::data(&people(&held, &members, unused, prices.currency()))?;
        }
        OutputFormat::Csv => console::data(&configs(&held).to_text(OutputFormat::Csv))?,
        format => {
            let document = document(&held, &members, unused, prices.currency());
            let text = if format == OutputFormat::Jsonl {
                document.to_string()
            } else {
                serde_json::to_string_pretty(&document).unwrap_or_default()
            };
            console::data(&(text + "\n"))?;
        }
    }
    Ok(Exit::Done)
}

fn document(held: &Held, members: &[Member], unused: Option<f64>, currency: &str) -> Value {
    mark(json!({
        "schema_version": crate::output::document::SCHEMA_VERSION,
        "reservation": held,
        "reserved": held.reserved(),
        "used": held.used(),
        "unused_per_hour": unused,
        "unused_per_30_days": unused.map(|hour| rounded(Per::of(hour).days_30)),
        "currency": currency,
        "instances": members,
    }))
}

fn configs(held: &Held) -> Listing {
    const COLUMNS: &[&str] = &["SHAPE", "OCPUS", "GB", "FAULT DOMAIN", "RESERVED", "USED"];
    let mut listing = Listing::new("configs", COLUMNS);
    let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    for config in &held.configs {
        let cells = vec![
            config.shape.clone(),
            number(config.ocpus),
            number(config.memory_gb),
            or_dash(config.fault_domain.as_deref()),
            config.reserved.to_string(),
            config.used.to_string(),
        ];
        listing.push(cells, serde_json::to_value(config).unwrap_or_default());
    }
    listing
}

fn people(held: &Held, members: &[Member], unused: Option<f64>, currency: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    let default = if held.is_default { ", the default of its availability domain" } else { "" };
    let _ = writeln!(out, "{} ({})\n", clean(&held.name), held.ocid);
    let _ = writeln!(out, "  state                {}{default}", held.state);
    let _ = writeln!(out, "  availability domain  {}", clean(&held.availability_domain));
    let (reserved, used) = (held.reserved(), held.used());
    let _ = writeln!(
        out,
        "  reserved             {reserved}, of which {used} used and {} free",
        reserved - used.min(reserved)
    );
    let _ = writeln!(out, "  unused costs         {}\n", Sum::of([unused]).text(currency));
    out.push_str(&configs(held).to_text(OutputFormat::Table));
    if !members.is_empty() {
        let mut listing = Listing::new("instances", &["INSTANCE", "SHAPE", "FAULT DOMAIN", "OCID"]);
        for member in members {
            let cells = vec![
                or_dash(member.name.as_deref()),
                member.shape.clone(),
                or_dash(member.fault_domain.as_deref()),
                member.ocid.clone(),
            ];
            listing.push(cells, Value::Null);
        }
        out.push('\n');
        out.push_str(&listing.to_text(OutputFormat::Table));
    }
    out
}
