//! `capacity`: the capacity report as a matrix of availability domains × fault domains × shapes.

use super::remote::Remote;
use super::session;
use crate::args::{AskedShape, CapacityArgs, Global, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::text::clean;
use crate::runtime;
use fleet::FleetSpec;
use fleet::policy::{Scope, statement};
use fleet::preflight::{Availability, Cell, matrix};
use fleet::price::Size;
use oci_client::FailureClass;

const COLUMNS: &[&str] = &["AVAILABILITY DOMAIN", "FAULT DOMAIN", "SHAPE", "CAPACITY"];

/// Runs it.
pub fn run(global: &Global, args: &CapacityArgs) -> Result<Exit, CommandError> {
    let settings = session::settings(global, None, args.place.simulate.is_some())?;
    runtime::block_on(async {
        let remote = Remote::connect(global, settings, args.place.simulate.as_deref()).await?;
        let exit = ask(global, &remote, args).await;
        remote.close().await?;
        exit
    })?
}

async fn ask(global: &Global, remote: &Remote, args: &CapacityArgs) -> Result<Exit, CommandError> {
    let domains = remote.resolve_domains(&args.ad).await?;
    let kinds = kinds(&remote.settings.fleet, &args.shapes);
    let answers = remote
        .ask(async {
            Ok::<_, CommandError>(matrix(&remote.questions, remote.root(), &domains, &kinds).await)
        })
        .await?;
    let mut listing = Listing::new("capacity", COLUMNS);
    let mut failed = None;
    for (domain, answer) in domains.iter().zip(answers) {
        match answer {
            Ok(cells) => cells.iter().for_each(|cell| push(&mut listing, cell)),
            Err(failure) => {
                console::line(&format!("{domain}: {}", clean(&failure.to_string())));
                failed = Some(failure);
            }
        }
    }
    if let Some(failure) = failed {
        if failure.class == FailureClass::NotFound {
            let right = statement("<your group>", "manage", "compute-capacity-reports", Scope::Tenancy);
            console::line(&format!("the report needs this policy, and only `manage` grants it: {right}"));
        }
        if listing.rows.is_empty() {
            return Err(failure.into());
        }
    }
    console::data(&listing.to_text(global.output))?;
    if global.output == OutputFormat::Table {
        console::line(
            "a moment's view that reserves nothing: a launch may fail all the same, and the reverse",
        );
    }
    Ok(Exit::Done)
}

fn kinds(fleet: &FleetSpec, asked: &[AskedShape]) -> Vec<(String, Size)> {
    let config = fleet.template.shape_config.as_deref();
    let own = Size {
        ocpus: config.and_then(|config| config.ocpus),
        memory_gb: config.and_then(|config| config.memory_in_gbs),
    };
    let mut kinds: Vec<(String, Size)> = Vec::new();
    let of_config = fleet.placements.iter().map(|placement| (placement.shape.clone(), own));
    let of_flags = asked.iter().map(|asked| {
        // The config's size fits the config's shapes; others are asked for at their default size.
        let known = fleet.placements.iter().any(|placement| placement.shape == asked.shape);
        let size = Size { ocpus: asked.ocpus, memory_gb: asked.memory };
        (asked.shape.clone(), if known { size.or(own) } else { size })
    });
    let wanted: Vec<(String, Size)> = if asked.is_empty() { of_config.collect() } else { of_flags.collect() };
    for kind in wanted {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

fn push(listing: &mut Listing, cell: &Cell) {
    let capacity = match &cell.availability {
        Availability::Available { count: Some(count) } => format!("room for {count}"),
        Availability::Available { count: None } => "room".to_owned(),
        Availability::OutOfHostCapacity => "none free".to_owned(),
        Availability::HardwareNotSupported => "not offered".to_owned(),
        Availability::Unknown => "unknown".to_owned(),
    };
    let fault = cell.fault_domain.clone().unwrap_or_else(|| "any".to_owned());
    let cells = vec![cell.availability_domain.clone(), fault, cell.shape.clone(), capacity];
    listing.push(cells, serde_json::to_value(cell).unwrap_or_default());
}
