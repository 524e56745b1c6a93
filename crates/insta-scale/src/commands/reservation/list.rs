//! `reservation list` and `reservation show`.

use super::find_reservation;
use crate::args::{ListReservations, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, Sum, or_dash, per_hour};
use crate::output::published::{PublishedDocument, PublishedRow, text_of};
use crate::output::text::clean;
use fleet::price::{Per, rounded};
use fleet::reservation::{self, Filter, Held, Listed, Member};
use schemars::JsonSchema;
use serde::Serialize;
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
    let format = connection.session.output;
    console::data(&match format {
        OutputFormat::Csv => sheet(&rows, prices.currency()).to_text(format),
        _ => listing(&rows, prices.currency()).to_text(format),
    })?;
    if connection.session.output == OutputFormat::Table {
        footnotes(&rows, connection);
    }
    Ok(Exit::Done)
}

/// A capacity reservation.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListedReservation<'a> {
    #[serde(flatten)]
    listed: &'a Listed,
    /// The price of its unused capacity for 720 hours; `null` if unknown.
    unused_per_30_days: Option<f64>,
    /// The currency of the prices.
    currency: &'a str,
}

impl PublishedRow for ListedReservation<'_> {
    const NAME: &'static str = "reservation-list";
    const LIST: &'static str = "reservations";
    const COMMANDS: &'static [&'static str] = &["reservation list"];
}

/// A reservation with its contents and its instances.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ReservationDocument<'a> {
    /// The reservation.
    reservation: &'a Held,
    /// Instances reserved.
    reserved: u32,
    /// The part of them that is used.
    used: u32,
    /// The price of the unused capacity; `null` if unknown.
    unused_per_hour: Option<f64>,
    /// The same for 720 hours.
    unused_per_30_days: Option<f64>,
    /// The currency of the prices.
    currency: &'a str,
    /// The instances that use it.
    instances: &'a [Member],
}

impl PublishedDocument for ReservationDocument<'_> {
    const NAME: &'static str = "reservation-show";
    const COMMANDS: &'static [&'static str] = &["reservation show"];
}

fn listing<'a>(rows: &'a [Listed], currency: &'a str) -> Listing<ListedReservation<'a>> {
    let mut listing = Listing::new(COLUMNS);
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
        let unused_per_30_days = row.unused_per_hour.map(|hour| rounded(Per::of(hour).days_30));
        listing.push(cells, &ListedReservation { listed: row, unused_per_30_days, currency });
    }
    listing
}

/// The listing for a spreadsheet: one value per column.
fn sheet(rows: &[Listed], currency: &str) -> Listing {
    let mut sheet = Listing::for_people("reservations", SHEET);
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
        sheet.push_cells(cells);
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
            let document = ReservationDocument {
                reservation: &held,
                reserved: held.reserved(),
                used: held.used(),
                unused_per_hour: unused,
                unused_per_30_days: unused.map(|hour| rounded(Per::of(hour).days_30)),
                currency: prices.currency(),
                instances: &members,
            };
            console::data(&text_of(&document, format))?;
        }
    }
    Ok(Exit::Done)
}

fn configs(held: &Held) -> Listing {
    const COLUMNS: &[&str] = &["SHAPE", "OCPUS", "GB", "FAULT DOMAIN", "RESERVED", "USED"];
    let mut listing = Listing::for_people("configs", COLUMNS);
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
        listing.push_cells(cells);
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
        let mut listing = Listing::for_people("instances", &["INSTANCE", "SHAPE", "FAULT DOMAIN", "OCID"]);
        for member in members {
            let cells = vec![
                or_dash(member.name.as_deref()),
                member.shape.clone(),
                or_dash(member.fault_domain.as_deref()),
                member.ocid.clone(),
            ];
            listing.push_cells(cells);
        }
        out.push('\n');
        out.push_str(&listing.to_text(OutputFormat::Table));
    }
    out
}
