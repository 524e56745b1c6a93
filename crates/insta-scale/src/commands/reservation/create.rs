//! `reservation create`: in several availability domains at once, with the counts read back.

use super::super::remote::Remote;
use super::{charge, confirm};
use crate::args::{CreateReservation, Global, OutputFormat};
use crate::commands::session;
use crate::config::write_back::{self, Reserved};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, or_dash, per_hour};
use crate::output::text::{clean, count};
use fleet::reservations::{self, Created, NoBook, Order, ReservationError, Want, spread};
use oci_client::FailureClass;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const COLUMNS: &[&str] = &["NAME", "AVAILABILITY DOMAIN", "ASKED", "HELD", "STATE", "UNUSED/HOUR", "OCID"];

pub async fn run(global: &Global, remote: &Remote, args: CreateReservation) -> Result<Exit, CommandError> {
    let domains = domains(remote, &args).await?;
    let wants = wants(remote, &args)?;
    check_shapes(remote, &wants, &domains).await?;
    let orders = orders(remote, &args, &domains, &wants);
    for order in &orders {
        reservations::check(&order.wants).map_err(|message| CommandError::Usage { message, hint: None })?;
    }
    let asked: u32 = orders.iter().map(Order::asked).sum();
    if let Some(min) = args.min.filter(|min| *min > asked) {
        let message = format!("--min {min} is more than the {asked} that are asked for");
        return Err(CommandError::Usage { message, hint: None });
    }
    let kinds: Vec<String> = wants.iter().map(Want::describe).collect();
    let places = domains.join(", ");
    console::line(&format!("reserving {} of {} in {places}", count(asked, "instance"), kinds.join("; ")));
    confirm(remote, args.yes, "It is charged from the moment it exists, used or not. Go on?").await?;

    let created =
        reservations::create_all(&remote.client, &orders, &NoBook, &remote.patience(args.deadline)).await;
    let held: u32 = created.iter().map(Created::held).sum();
    let interrupted = remote.stop.is_cancelled();
    let too_few = args.min.is_some_and(|min| held < min);
    let given_back = too_few || held == 0;
    report(global, remote, &orders, &created, given_back)?;
    if given_back {
        let exit = give_back(remote, &args, &created, held).await?;
        return Ok(if interrupted { Exit::Interrupted } else { exit });
    }
    console::line(&charge(unused(remote, &created), &remote.settings.prices));
    config_lines(global, &args, &created);
    let refused = created.iter().any(|created| {
        let failure = created.result.as_ref().err().and_then(ReservationError::failure);
        failure.is_some_and(|failure| failure.class == FailureClass::Authentication)
    });
    Ok(match () {
        () if interrupted => Exit::Interrupted,
        () if held >= asked => Exit::Done,
        () if refused => Exit::NotAuthenticated,
        () => Exit::SomeFailed,
    })
}

/// The domains that are asked for, else the config's.
async fn domains(remote: &Remote, args: &CreateReservation) -> Result<Vec<String>, CommandError> {
    let mut wanted = args.ad.clone();
    if wanted.is_empty() {
        let placements = remote.settings.fleet.placements.iter();
        wanted.extend(
            placements.map(|placement| placement.availability_domain.clone()).filter(|ad| !ad.is_empty()),
        );
    }
    remote.resolve_domains(&wanted).await
}

/// What is asked for; shape and size come from the config where nothing else is said.
fn wants(remote: &Remote, args: &CreateReservation) -> Result<Vec<Want>, CommandError> {
    if !args.add.is_empty() {
        return Ok(args.add.clone());
    }
    let fleet = &remote.settings.fleet;
    let own = fleet.placements.first().map(|placement| placement.shape.clone()).unwrap_or_default();
    let shape = args.kind.shape.clone().unwrap_or_else(|| own.clone());
    let count = args.count.unwrap_or(fleet.count);
    let fault_domain = args.kind.fd.as_ref().map(|fd| fd.to_ascii_uppercase());
    let mut want = Want { shape, fault_domain, count, ..Want::default() };
    if want.shape == own {
        let of_config = Want::of_fleet(fleet, &own, None, 0);
        (want.ocpus, want.memory_gb) = (of_config.ocpus, of_config.memory_gb);
    }
    want.ocpus = args.kind.ocpus.or(want.ocpus);
    want.memory_gb = args.kind.memory.or(want.memory_gb);
    if want.shape.is_empty() {
        return Err(CommandError::usage("nothing says which shape to reserve", "give one with --shape"));
    }
    Ok(vec![want])
}

/// Asks the service which shapes can be reserved where, and which have a size that must be given.
async fn check_shapes(remote: &Remote, wants: &[Want], domains: &[String]) -> Result<(), CommandError> {
    for want in wants {
        let shape = &want.shape;
        let compartment = &remote.settings.fleet.compartment;
        let (reservable, flexible) = remote
            .ask(async {
                Ok::<_, CommandError>(tokio::join!(
                    reservations::reservable(&remote.client, compartment, shape),
                    reservations::is_flexible(&remote.client, compartment, shape)
                ))
            })
            .await?;
        // Whoever may not ask may still reserve: the service has the last word.
        if let Ok(places) = reservable
            && let Some(domain) = domains.iter().find(|domain| !places.contains(domain))
        {
            let hint = if places.is_empty() {
                "no availability domain takes reservations of it; `oci-insta-scale find shapes` lists shapes"
                    .to_owned()
            } else {
                format!("it can in {}", places.join(", "))
            };
            return Err(CommandError::usage(
                format!("{} cannot be reserved in {domain}", clean(shape)),
                hint,
            ));
        }
        let sized = want.ocpus.is_some() && want.memory_gb.is_some();
        match flexible.unwrap_or(None) {
            Some(true) if !sized => {
                return Err(CommandError::usage(
                    format!("{} is flexible, and its size is not given in full", clean(shape)),
                    "give --ocpus and --memory as in config.yaml: OCI would reserve the shape's default size, on which \
                     launches of another size cannot draw",
                ));
            }
            Some(false) if want.ocpus.is_some() || want.memory_gb.is_some() => {
                return Err(CommandError::usage(
                    format!("{} has a size of its own", clean(shape)),
                    "leave --ocpus and --memory out",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn orders(remote: &Remote, args: &CreateReservation, domains: &[String], wants: &[Want]) -> Vec<Order> {
    let fleet = &remote.settings.fleet;
    let name = args.name.clone().unwrap_or_else(|| fleet.name_prefix.clone());
    let id = format!("{:016x}{:016x}", environment::seed(), environment::seed());
    let shares: Vec<Vec<u32>> = wants.iter().map(|want| spread(want.count, domains.len())).collect();
    let mut orders = Vec::new();
    for (at, domain) in domains.iter().enumerate() {
        let here = wants.iter().zip(&shares).map(|(want, shares)| Want { count: shares[at], ..want.clone() });
        let here: Vec<Want> = here.filter(|want| want.count > 0).collect();
        if here.is_empty() {
            continue;
        }
        let name = if domains.len() == 1 { name.clone() } else { format!("{name}-{}", suffix(domain)) };
        orders.push(Order {
            name,
            compartment: fleet.compartment.clone(),
            availability_domain: domain.clone(),
            wants: here,
            token: format!("ois-res-{id}-{at}"),
            is_default: args.default,
            ..Order::default()
        });
    }
    orders
}

/// `Uocm:PHX-AD-1` → `ad-1`.
fn suffix(domain: &str) -> String {
    let lower = domain.to_ascii_lowercase();
    lower.rfind("ad-").map_or_else(|| lower.replace(':', "-"), |at| lower[at..].to_owned())
}

fn unused(remote: &Remote, created: &[Created]) -> Option<f64> {
    let held = created.iter().filter_map(|created| created.result.as_ref().ok());
    held.map(|held| held.unused_hour(&remote.settings.prices)).sum()
}

/// What was asked and what is held, for each domain.
fn report(
    global: &Global,
    remote: &Remote,
    orders: &[Order],
    created: &[Created],
    given_back: bool,
) -> Result<(), CommandError> {
    let mut listing = Listing::new("reservations", COLUMNS);
    for (order, created) in orders.iter().zip(created) {
        let held = created.result.as_ref().ok();
        let error = created.result.as_ref().err().map(|error| clean(&error.to_string()));
        let unused = held.map(|held| held.unused_hour(&remote.settings.prices));
        let state = held.map_or("-", |held| held.state.as_str());
        let cells = vec![
            order.name.clone(),
            created.availability_domain.clone(),
            created.asked.to_string(),
            created.held().to_string(),
            state.to_owned(),
            unused.map_or_else(|| "-".to_owned(), per_hour),
            or_dash(created.ocid.as_deref()),
        ];
        let value = json!({
            "name": order.name,
            "ocid": created.ocid,
            "availability_domain": created.availability_domain,
            "asked": created.asked,
            "held": created.held(),
            "state": held.map(|held| &held.state),
            "unused_per_hour": unused.flatten(),
            "given_back": given_back,
            "error": error,
        });
        listing.push(cells, value);
        if let Some(error) = error {
            console::line(&format!("{}: {error}", clean(&created.availability_domain)));
        }
    }
    console::data(&listing.to_text(global.output))?;
    let asked: u32 = created.iter().map(|created| created.asked).sum();
    let held: u32 = created.iter().map(Created::held).sum();
    if held < asked {
        console::line(&format!("{held} of {asked} are held: OCI filled what it could"));
    }
    Ok(())
}

/// Deletes what was made, all of it, also when the user has asked to stop meanwhile.
async fn give_back(
    remote: &Remote,
    args: &CreateReservation,
    created: &[Created],
    held: u32,
) -> Result<Exit, CommandError> {
    let ocids: Vec<String> = created.iter().filter_map(|created| created.ocid.clone()).collect();
    let patience = reservations::Patience::new(args.deadline, CancellationToken::new());
    let left = reservations::give_back(&remote.client, &ocids, &NoBook, &patience).await;
    let why = match args.min {
        Some(min) if held > 0 => format!("{held} are fewer than {min}"),
        _ => "none is held".to_owned(),
    };
    if left.is_empty() {
        console::line(&format!("{why}: everything was given back, nothing is held"));
        let failure = created.iter().find_map(|created| created.result.as_ref().err()?.failure());
        let refused = failure.is_some_and(|failure| failure.class == FailureClass::Authentication);
        return Ok(if refused { Exit::NotAuthenticated } else { Exit::NoneLaunched });
    }
    for (ocid, error) in &left {
        console::line(&format!(
            "error: {ocid} is STILL HELD and charged for: {}; delete it: oci-insta-scale reservation delete {ocid}",
            clean(&error.to_string())
        ));
    }
    Ok(Exit::SomeFailed)
}

/// The lines for config.yaml: shown, and put there if that was asked for.
fn config_lines(global: &Global, args: &CreateReservation, created: &[Created]) {
    let reserved: Vec<Reserved> = created
        .iter()
        .filter(|created| created.held() > 0)
        .filter_map(|created| {
            let availability_domain = created.availability_domain.clone();
            Some(Reserved { availability_domain, ocid: created.ocid.clone()? })
        })
        .collect();
    let file = session::config_file(global);
    if args.write_config {
        match write_back::write(&file, &reserved) {
            Ok(backup) => {
                let (file, backup) = (file.display(), backup.display());
                console::line(&format!("{file} launches into it now; the old file is {backup}"));
                return;
            }
            Err(error) => console::line(&format!("warning: {} was left as it is: {error}", file.display())),
        }
    }
    if global.output == OutputFormat::Table {
        console::line(&format!("to launch into it, put this into {}:", file.display()));
        console::line(&format!("instance_settings:\n{}", write_back::snippet(&reserved)));
    }
}
