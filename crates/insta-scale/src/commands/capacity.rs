//! `capacity`: the capacity report as a matrix of availability domains × fault domains × shapes.

use super::capacity_history::show_history;
use crate::args::{AskedShape, CapacityArgs, CapacityCommand, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::published::PublishedRow;
use crate::output::text::clean;
use crate::runtime;
use crate::session::Session;
use fleet::launch::memory::{scope_of, target_of};
use fleet::policy::{PolicyScope, statement};
use fleet::preflight::{Availability, Cell, matrix};
use fleet::price::Size;
use fleet::reservation::Want;
use fleet::{FleetSpec, Plan};
use ledger::capacity::{Answer, Observation};
use ledger::{Amount, Placement, PlacementSize};
use oci_client::FailureClass;
use serde_json::Value;

const SHEET: &[&str] =
    &["AVAILABILITY DOMAIN", "FAULT DOMAIN", "SHAPE", "OCPUS", "MEMORY GB", "STATUS", "COUNT"];
const MATRIX: &[&str] = &["AVAILABILITY DOMAIN", "ANY", "FD-1", "FD-2", "FD-3"];

/// Shows where there is capacity.
pub async fn show_capacity(session: &Session, args: &CapacityArgs) -> Result<Exit, CommandError> {
    if let Some(CapacityCommand::History(args)) = &args.command {
        return show_history(session, args);
    }
    let settings = session.settled(|| session.read_unfinished_config()).await?;
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection =
        Connection::open_simulated(session, settings, args.place.simulate.as_deref(), None).await?;
    let exit = ask(&connection, args).await;
    connection.close().await?;
    exit
}

async fn ask(connection: &Connection<'_>, args: &CapacityArgs) -> Result<Exit, CommandError> {
    let domains = connection.resolve_domains(&args.ad).await?;
    let kinds = kinds(&connection.settings.fleet, &args.shapes);
    if kinds.is_empty() {
        let hint = "name one, as in `oci-insta-scale capacity VM.Standard.E4.Flex:1:6`";
        return Err(CommandError::usage("neither the config nor the command names a shape", hint));
    }
    let compartment = connection.settings.fleet.compartment.as_str();
    let compartment = if compartment.is_empty() { connection.root() } else { compartment };
    let answer = connection
        .ask(async {
            Ok::<_, CommandError>(
                matrix(&connection.questions, connection.root(), compartment, &domains, &kinds).await,
            )
        })
        .await?;
    let mut kinds = kinds;
    kinds.retain(|(shape, _)| !answer.unknown.contains(shape));
    let unknown: Vec<String> =
        answer.unknown.iter().map(|shape| no_such_shape(shape, &answer.offered)).collect();
    if kinds.is_empty() && !unknown.is_empty() {
        let hint = "`oci-insta-scale find shapes` lists the shapes of the region";
        return Err(CommandError::usage(unknown.join("\n"), hint));
    }
    for said in &unknown {
        console::line(&format!("warning: {said}"));
    }
    let mut found = Vec::new();
    let mut failed = None;
    for (domain, answer) in domains.iter().zip(answer.domains) {
        match answer {
            Ok(cells) => found.extend(cells),
            Err(failure) => {
                console::line(&format!("{domain}: {}", clean(&failure.to_string())));
                failed = Some(failure);
            }
        }
    }
    remember_report(connection, &found);
    if let Some(failure) = failed {
        if failure.class == FailureClass::NotFound {
            let subject = connection.client.signer_facts().subject;
            let right = statement(subject, "manage", "compute-capacity-reports", PolicyScope::Tenancy);
            console::line(&format!("the report needs this policy, which only `manage` grants: {right}"));
        }
        if found.is_empty() {
            return Err(failure.into());
        }
    }
    console::data(&match connection.session.output {
        OutputFormat::Table | OutputFormat::Wide => matrices(&found, &kinds),
        format => sheet(&found).to_text(format),
    })?;
    if connection.session.output == OutputFormat::Table {
        console::line("this report reserves nothing; capacity can change before a launch");
    }
    Ok(Exit::Done)
}

/// Tells the memory where the report sees capacity, which ends the wait for that target. The report may be wrong, so it changes
/// nothing else.
fn remember_report(connection: &Connection<'_>, cells: &[Cell]) {
    let session = connection.session;
    let Some(memory) = session.capacity_memory() else { return };
    let settings = &connection.settings;
    let plan = Plan { fleet: settings.fleet.clone(), origin: session.origin(settings), ..Plan::default() };
    let scope = scope_of(&plan);
    let Ok(known) = memory.recall(&scope) else { return };
    let amount = |number: Option<f64>| number.map(Amount);
    let has_room = |cell: &&Cell| matches!(cell.availability, Availability::Available { .. });
    let reported = cells.iter().filter(has_room).map(|cell| {
        let size =
            PlacementSize { ocpus: amount(cell.ocpus), memory_gb: amount(cell.memory_gb), baseline: None };
        let placement = Placement {
            availability_domain: cell.availability_domain.clone(),
            fault_domain: cell.fault_domain.clone(),
            shape: cell.shape.clone(),
            size: Some(size),
            ..Placement::default()
        };
        target_of(&plan.fleet, &placement)
    });
    let observations: Vec<Observation> = reported
        .filter(|subject| known.contains_key(subject))
        .map(|subject| Observation { subject, at: session.now(), answer: Answer::Reported, chance: 0.0 })
        .collect();
    if let Err(error) = memory.observe(&scope, &observations) {
        tracing::warn!(%error, "the capacity report is not remembered");
    }
}

fn no_such_shape(shape: &str, offered: &[String]) -> String {
    let near = crate::config::nearest(shape, offered.iter().map(String::as_str));
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("this region has no shape {}{near}", clean(shape))
}

fn kinds(fleet: &FleetSpec, asked: &[AskedShape]) -> Vec<(String, Size)> {
    let mut kinds: Vec<(String, Size)> = Vec::new();
    let of_config =
        fleet.placements.iter().map(|placement| (placement.shape.clone(), fleet.size_at(placement)));
    let of_flags = asked.iter().map(|asked| {
        // The config's size fits only the config's shapes; others are checked at their default size.
        let own = fleet.placements.iter().find(|placement| placement.shape == asked.shape);
        let size = Size { ocpus: asked.ocpus, memory_gb: asked.memory };
        (asked.shape.clone(), own.map_or(size, |placement| size.or(fleet.size_at(placement))))
    });
    let wanted: Vec<(String, Size)> = if asked.is_empty() { of_config.collect() } else { of_flags.collect() };
    for kind in wanted {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

/// A table for each kind, with availability domains as rows and fault domains as columns.
fn matrices(cells: &[Cell], kinds: &[(String, Size)]) -> String {
    let mut out = String::new();
    for (shape, size) in kinds {
        let here = |cell: &&Cell| {
            &cell.shape == shape && (cell.ocpus, cell.memory_gb) == (size.ocpus, size.memory_gb)
        };
        let mut matrix = Listing::for_people("capacity", MATRIX);
        let mut domain = "";
        for cell in cells.iter().filter(here) {
            if cell.availability_domain != domain {
                domain = &cell.availability_domain;
                matrix.push_cells(vec![domain.to_owned()]);
            }
            if let Some(row) = matrix.rows.last_mut() {
                row.push(words(&cell.availability));
            }
        }
        if !out.is_empty() {
            out.push('\n');
        }
        let kind =
            Want { shape: shape.clone(), ocpus: size.ocpus, memory_gb: size.memory_gb, ..Want::default() };
        out.push_str(&clean(&kind.describe()));
        out.push('\n');
        out.push_str(&matrix.to_text(OutputFormat::Table));
    }
    out
}

fn words(availability: &Availability) -> String {
    match availability {
        Availability::Available { count: Some(count) } => format!("room for {count}"),
        Availability::Available { count: None } => "room".to_owned(),
        Availability::OutOfHostCapacity => "none free".to_owned(),
        Availability::HardwareNotSupported => "not offered".to_owned(),
        Availability::Unknown => "unknown".to_owned(),
    }
}

impl PublishedRow for Cell {
    const NAME: &'static str = "capacity";
    const LIST: &'static str = "capacity";
    const COMMANDS: &'static [&'static str] = &["capacity"];
}

/// The listing for programs: one row per cell, one value per column.
fn sheet(cells: &[Cell]) -> Listing<Cell> {
    let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
    let mut sheet = Listing::new(SHEET);
    for cell in cells {
        let value = serde_json::to_value(cell).unwrap_or_default();
        let told = |key: &str| match &value[key] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let row = vec![
            cell.availability_domain.clone(),
            cell.fault_domain.clone().unwrap_or_default(),
            cell.shape.clone(),
            number(cell.ocpus),
            number(cell.memory_gb),
            told("status"),
            told("count"),
        ];
        sheet.push(row, cell);
    }
    sheet
}
