//! `reservation create`: creates reservations in several availability domains at once and reads back what they hold.

use super::charge;
use crate::args::{CreateReservation, OutputFormat};
use crate::commands::consent;
use crate::config::write_back::{self, Reserved};
use crate::connection::Connection;
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, or_dash, per_hour};
use crate::output::proposal::{Money, Proposal};
use crate::output::published::PublishedRow;
use crate::output::text::{clean, count};
use crate::tuning::RESERVATION_ROLLBACK;
use fleet::price::{self, Prices};
use fleet::reservation::{self, Created, Filter, NoBook, Order, Patience, ReservationError, Want, spread};
use oci_client::FailureClass;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use tokio_util::sync::CancellationToken;

const COLUMNS: &[&str] = &["NAME", "AVAILABILITY DOMAIN", "ASKED", "HELD", "STATE", "UNUSED/HOUR", "OCID"];

pub async fn create_reservations(
    connection: &Connection<'_>,
    args: CreateReservation,
) -> Result<Exit, CommandError> {
    let domains = choose_domains(connection, &args).await?;
    let wants = wants(connection, &args)?;
    Box::pin(check_shapes(connection, &wants, &domains)).await?;
    let orders = orders(connection, &args, &domains, &wants)?;
    for order in &orders {
        reservation::check(&order.wants).map_err(|message| CommandError::Usage { message, hint: None })?;
    }
    let asked: u32 = orders.iter().map(Order::asked).fold(0, u32::saturating_add);
    if let Some(min) = args.min.filter(|min| *min > asked) {
        let message = format!("--min {min} is above the {asked} requested instances");
        return Err(CommandError::Usage { message, hint: None });
    }
    if args.write_config {
        check_config(connection, &orders)?;
    }
    if !args.new {
        check_names(connection, &orders).await?;
    }
    let prices = &connection.settings.prices;
    let kinds: Vec<String> = wants.iter().map(Want::describe).collect();
    let places = domains.join(", ");
    // Otherwise the question shows the same.
    if !consent::has_to_ask(args.yes)? {
        console::line(&format!("reserving {} of {} in {places}", count(asked, "instance"), kinds.join("; ")));
        console::line(&charge(
            orders.iter().flat_map(|order| &order.wants).map(|want| price_of(want, prices)),
            prices,
        ));
    }
    let proposal = proposal(&args, &orders, asked, prices);
    consent::agree(connection, &connection.compartment, args.yes, &proposal).await?;

    let created =
        reservation::create_all(&connection.client, &orders, &NoBook, &connection.patience(args.deadline))
            .await;
    let held: u32 = created.iter().map(Created::held).fold(0, u32::saturating_add);
    let interrupted = connection.session.stop.is_cancelled();
    let too_few = args.min.is_some_and(|min| held < min);
    let made: Vec<String> = created.iter().filter_map(|created| created.ocid.clone()).collect();
    let left =
        if too_few || held == 0 { Some(give_back(connection, &args, &made, held).await?) } else { None };
    report(connection, &orders, &created, left.as_deref())?;
    if let Some(left) = left {
        let exit = conclude(&created, &made, &left);
        return Ok(if interrupted { Exit::Interrupted } else { exit });
    }
    let unused = created.iter().filter_map(|created| created.result.as_ref().ok());
    console::line(&charge(unused.map(|held| held.unused_hour(prices)), prices));
    config_lines(connection, &args, &created);
    Ok(match () {
        () if interrupted => Exit::Interrupted,
        () if held >= asked => Exit::Done,
        () if was_refused(&created) => Exit::NotAuthenticated,
        () => Exit::SomeFailed,
    })
}

/// Refuses duplicate names: two reservations with one name cannot be told apart by it, and both are charged.
async fn check_names(connection: &Connection<'_>, orders: &[Order]) -> Result<(), CommandError> {
    let rows = connection
        .ask(reservation::list(
            &connection.questions,
            connection.required_compartment()?,
            &Filter::default(),
            &Prices::default(),
        ))
        .await?;
    let taken =
        rows.iter().find(|row| row.state != "DELETING" && orders.iter().any(|order| order.name == row.name));
    let Some(taken) = taken else { return Ok(()) };
    let name = clean(&taken.name);
    Err(CommandError::usage(
        format!(
            "a reservation named {name} exists: {} holds {} in {}",
            clean(&taken.ocid),
            count(taken.reserved, "instance"),
            clean(&taken.availability_domain)
        ),
        format!(
            "increase its count: oci-insta-scale reservation update {name} --count +N; or add --new to create another \
                 one with the same name"
        ),
    ))
}

fn proposal(args: &CreateReservation, orders: &[Order], asked: u32, prices: &Prices) -> Proposal {
    let mut what = Vec::new();
    for order in orders {
        let kinds: Vec<String> =
            order.wants.iter().map(|want| format!("{} × {}", want.count, want.describe())).collect();
        let place = clean(&order.availability_domain);
        what.push(("reserve", format!("{} in {place}: {}", clean(&order.name), kinds.join("; "))));
    }
    let hours: Option<f64> =
        orders.iter().flat_map(|order| &order.wants).map(|want| price_of(want, prices)).sum();
    let mut options = vec![format!(
        "it is charged from the moment it exists: {} % of the on-demand price while unused",
        price::UNUSED_RESERVATION * 100.0
    )];
    if let Some(min) = args.min {
        options.push(format!("--min: with fewer than {min} reserved, it is rolled back"));
    }
    if args.default {
        options.push("--default: launches that name no reservation also use it".to_owned());
    }
    Proposal {
        what,
        money: vec![("price", Money::of(hours))],
        until: Some("delete it with `reservation delete`".to_owned()),
        options,
        question: format!("Reserve capacity for {}?", count(asked, "instance")),
        number: u64::from(asked),
        ..Proposal::default()
    }
}

/// The price per hour of this many reserved but unused instances.
fn price_of(want: &Want, prices: &Prices) -> Option<f64> {
    price::of_reservation(&want.shape, want.size(), want.count, prices).total.map(|total| total.hour)
}

fn was_refused(created: &[Created]) -> bool {
    created.iter().any(|created| {
        let failure = created.result.as_ref().err().and_then(ReservationError::failure);
        failure.is_some_and(|failure| failure.class == FailureClass::Authentication)
    })
}

/// Checks that the config can contain the reservations and that its launches can use them, before anything costs money.
fn check_config(connection: &Connection<'_>, orders: &[Order]) -> Result<(), CommandError> {
    let layers = connection.session.layers();
    let refuse = |why: String| {
        let hint = "reserve without --write-config, or change the config first; nothing was reserved";
        Err(CommandError::usage(format!("it cannot be added to {layers}: {why}"), hint))
    };
    let ([file], []) = (layers.files.as_slice(), layers.set.as_slice()) else {
        return refuse("--write-config changes one file, without others over it or --set".to_owned());
    };
    let planned: Vec<Reserved> = orders
        .iter()
        .map(|order| Reserved {
            availability_domain: order.availability_domain.clone(),
            ocid: "ocid1.capacityreservation.oc1..planned".to_owned(),
        })
        .collect();
    if let Err(error) = write_back::check_write(file, &planned) {
        return refuse(error.to_string());
    }
    let fleet = &connection.settings.fleet;
    let fits = |want: &Want| {
        fleet.placements.iter().any(|place| {
            let own = Want::of_placement(fleet, place, 0);
            (&own.shape, own.size()) == (&want.shape, want.size())
                && (want.fault_domain.is_none() || want.fault_domain == own.fault_domain)
        })
    };
    for order in orders {
        if !order.wants.iter().any(fits) {
            let kinds: Vec<String> = order.wants.iter().map(Want::describe).collect();
            let own = fleet.kinds().into_iter().map(|place| Want::of_placement(fleet, place, 0).describe());
            let own = own.collect::<Vec<_>>().join("; ");
            return refuse(format!("it launches {own}, which cannot use {}", kinds.join("; ")));
        }
    }
    Ok(())
}

/// The requested domains, or otherwise the config's.
async fn choose_domains(
    connection: &Connection<'_>,
    args: &CreateReservation,
) -> Result<Vec<String>, CommandError> {
    let mut wanted = args.ad.clone();
    if wanted.is_empty() {
        let placements = connection.settings.fleet.placements.iter();
        wanted.extend(
            placements.map(|placement| placement.availability_domain.clone()).filter(|ad| !ad.is_empty()),
        );
    }
    connection.resolve_domains(&wanted).await
}

/// The requested kinds; the config provides shape and size if the flags do not.
fn wants(connection: &Connection<'_>, args: &CreateReservation) -> Result<Vec<Want>, CommandError> {
    if !args.add.is_empty() {
        return Ok(args.add.clone());
    }
    let fleet = &connection.settings.fleet;
    let count = args.count.unwrap_or(fleet.count);
    let named = args.kind.shape.as_ref();
    let mut of_shape =
        fleet.placements.iter().filter(|place| named.is_none_or(|shape| *shape == place.shape));
    let mut want = match of_shape.next() {
        Some(place) => Want::of_placement(fleet, place, count),
        None => Want { shape: named.cloned().unwrap_or_default(), count, ..Want::default() },
    };
    want.fault_domain = args.kind.fd.as_ref().map(|fd| fd.to_ascii_uppercase());
    want.ocpus = args.kind.ocpus.or(want.ocpus);
    want.memory_gb = args.kind.memory.or(want.memory_gb);
    if want.shape.is_empty() {
        return Err(CommandError::usage("no shape is set", "set it with --shape"));
    }
    Ok(vec![want])
}

/// Asks the service which shapes can be reserved where, and which of them need a size.
async fn check_shapes(
    connection: &Connection<'_>,
    wants: &[Want],
    domains: &[String],
) -> Result<(), CommandError> {
    for want in wants {
        let shape = &want.shape;
        let compartment = connection.required_compartment()?;
        let (reservable, flexible) = Box::pin(connection.ask(async {
            Ok::<_, CommandError>(tokio::join!(
                reservation::reservable(&connection.client, compartment, shape),
                reservation::is_flexible(&connection.client, compartment, shape)
            ))
        }))
        .await?;
        // A user who may not list shapes may still be allowed to reserve: the service decides.
        if let Ok(places) = reservable
            && let Some(domain) = domains.iter().find(|domain| !places.contains(domain))
        {
            let hint = if places.is_empty() {
                "no availability domain supports reservations of it; `oci-insta-scale find shapes` lists shapes"
                    .to_owned()
            } else {
                format!("it can be reserved in {}", places.join(", "))
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
                    format!("{} is flexible, but its size is incomplete", clean(shape)),
                    "set --ocpus and --memory as in config.yaml: OCI would reserve the default size of the shape, \
                         which launches of another size cannot use",
                ));
            }
            Some(false) if want.ocpus.is_some() || want.memory_gb.is_some() => {
                return Err(CommandError::usage(
                    format!("{} has a fixed size", clean(shape)),
                    "omit --ocpus and --memory",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn orders(
    connection: &Connection<'_>,
    args: &CreateReservation,
    domains: &[String],
    wants: &[Want],
) -> Result<Vec<Order>, CommandError> {
    let compartment = connection.required_compartment()?;
    let fleet = &connection.settings.fleet;
    let name = args.name.clone().unwrap_or_else(|| fleet.name_prefix.clone());
    let id = format!("{:016x}{:016x}", environment::seed(), environment::seed());
    let template = &fleet.template;
    let shares: Vec<Vec<u32>> = wants.iter().map(|want| spread(want.count, domains.len())).collect();
    let mut orders = Vec::new();
    for (at, domain) in domains.iter().enumerate() {
        let here = wants.iter().zip(&shares).map(|(want, shares)| Want { count: shares[at], ..want.clone() });
        let here: Vec<Want> = here.filter(|want| want.count > 0).collect();
        if here.is_empty() {
            continue;
        }
        let name = if domains.len() == 1 { name.clone() } else { reservation::name_in(&name, domain) };
        orders.push(Order {
            name,
            compartment: compartment.to_owned(),
            availability_domain: domain.clone(),
            wants: here,
            token: format!("ois-res-{id}-{at}"),
            is_default: args.default,
            freeform_tags: template.freeform_tags.clone().unwrap_or_default(),
            defined_tags: template.defined_tags.clone(),
        });
    }
    Ok(orders)
}

/// A reservation that was to be created.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CreatedReservation<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID; `null` if there is none.
    ocid: Option<&'a str>,
    /// Its availability domain.
    availability_domain: &'a str,
    /// Instances to reserve.
    asked: u32,
    /// Instances reserved.
    held: u32,
    /// Its state.
    state: Option<&'a str>,
    /// The price while it is unused; `null` if unknown.
    unused_per_hour: Option<f64>,
    /// The currency of the price.
    currency: &'a str,
    /// Whether it was deleted again, because fewer than `--min` instances were reserved.
    given_back: bool,
    /// Why it lacks instances.
    error: Option<String>,
}

impl PublishedRow for CreatedReservation<'_> {
    const NAME: &'static str = "reservation-create";
    const LIST: &'static str = "reservations";
    const COMMANDS: &'static [&'static str] = &["reservation create"];
}

/// The requested and held counts per domain. `left` lists reservations that should have been deleted but could not be, if
/// deletion was requested.
fn report(
    connection: &Connection<'_>,
    orders: &[Order],
    created: &[Created],
    left: Option<&[(String, ReservationError)]>,
) -> Result<(), CommandError> {
    let mut listing = Listing::new(COLUMNS);
    for (order, created) in orders.iter().zip(created) {
        let held = created.result.as_ref().ok();
        let error = created.result.as_ref().err().map(|error| clean(&error.to_string()));
        let unused = held.map(|held| held.unused_hour(&connection.settings.prices));
        let state = held.map_or("-", |held| held.state.as_str());
        let given_back = created
            .ocid
            .as_ref()
            .is_some_and(|made| left.is_some_and(|left| !left.iter().any(|(ocid, _)| ocid == made)));
        let cells = vec![
            order.name.clone(),
            created.availability_domain.clone(),
            created.asked.to_string(),
            created.held().to_string(),
            state.to_owned(),
            unused.map_or_else(|| "-".to_owned(), per_hour),
            or_dash(created.ocid.as_deref()),
        ];
        let row = CreatedReservation {
            name: &order.name,
            ocid: created.ocid.as_deref(),
            availability_domain: &created.availability_domain,
            asked: created.asked,
            held: created.held(),
            state: held.map(|held| held.state.as_str()),
            unused_per_hour: unused.flatten(),
            currency: connection.settings.prices.currency(),
            given_back,
            error: error.clone(),
        };
        listing.push(cells, &row);
        if let Some(error) = error {
            console::line(&format!("{}: {error}", clean(&created.availability_domain)));
        }
    }
    console::data(&listing.to_text(connection.session.output))?;
    let sum = |of: fn(&Created) -> u32| created.iter().map(of).fold(0, u32::saturating_add);
    let (asked, held) = (sum(|created| created.asked), sum(Created::held));
    if held < asked && created.iter().all(|created| created.result.is_ok()) {
        console::line(&format!("{held} of {asked} are reserved: OCI had no more capacity"));
    } else if held < asked && held > 0 {
        console::line(&format!("at least {held} of {asked} are reserved"));
    }
    Ok(())
}

/// Deletes everything that was created, even if the user has asked to stop or the time is up.
async fn give_back(
    connection: &Connection<'_>,
    args: &CreateReservation,
    made: &[String],
    held: u32,
) -> Result<Vec<(String, ReservationError)>, CommandError> {
    if made.is_empty() {
        return Ok(Vec::new());
    }
    let compartment = connection.required_compartment()?;
    let why = match args.min {
        Some(min) if held > 0 => format!("{held} reserved is below the minimum of {min}"),
        _ => "nothing is reserved".to_owned(),
    };
    console::line(&format!("{why}: rolling back {}", count(made.len() as u32, "reservation")));
    let patience = Patience::new(args.deadline.max(RESERVATION_ROLLBACK), CancellationToken::new());
    Ok(reservation::give_back(&connection.client, compartment, made, &NoBook, &patience).await)
}

/// Reports what is still held, or may be, after everything was to be deleted.
fn conclude(created: &[Created], made: &[String], left: &[(String, ReservationError)]) -> Exit {
    for (ocid, error) in left {
        console::line(&format!(
            "error: {ocid} STILL EXISTS and is charged: {}; delete it: oci-insta-scale reservation delete {ocid}",
            clean(&error.to_string())
        ));
    }
    let unknown =
        created.iter().any(|created| matches!(created.result, Err(ReservationError::Unknown { .. })));
    match () {
        () if !left.is_empty() => return Exit::SomeFailed,
        () if unknown => {
            console::line(
                "nothing is known to be reserved; requests without a response may still create reservations, which \
                     are then charged",
            );
            return Exit::SomeFailed;
        }
        () if made.is_empty() => console::line("nothing was created, so nothing is reserved"),
        () => console::line("everything was rolled back; nothing is reserved"),
    }
    if was_refused(created) { Exit::NotAuthenticated } else { Exit::NoneLaunched }
}

/// The lines for config.yaml, which are shown and, if requested, written there.
fn config_lines(connection: &Connection<'_>, args: &CreateReservation, created: &[Created]) {
    let reserved: Vec<Reserved> = created
        .iter()
        .filter(|created| created.held() > 0)
        .filter_map(|created| {
            let availability_domain = created.availability_domain.clone();
            Some(Reserved { availability_domain, ocid: created.ocid.clone()? })
        })
        .collect();
    let layers = connection.session.layers();
    if let (true, [file]) = (args.write_config, layers.files.as_slice()) {
        let ocids: Vec<String> = reserved.iter().map(|reserved| reserved.ocid.clone()).collect();
        let judge = |new: &Path| connection.session.launches_into(new, &ocids);
        match write_back::write_reservations(file, &reserved, &judge) {
            Ok(backup) => {
                let (file, backup) = (file.display(), backup.display());
                console::line(&format!("{file} now launches into it; the previous file is {backup}"));
                return;
            }
            Err(error) => console::line(&format!("warning: {} was not changed: {error}", file.display())),
        }
    }
    if connection.session.output == OutputFormat::Table {
        let mut domains: Vec<&str> = Vec::new();
        for place in &connection.settings.fleet.placements {
            if !domains.contains(&place.availability_domain.as_str()) {
                domains.push(&place.availability_domain);
            }
        }
        let one_domain = domains.len() == 1 && domains != [""];
        console::line(&format!("to launch into it, add this to {layers}:"));
        console::line(&format!("instance_settings:\n{}", write_back::snippet(&reserved, one_domain)));
    }
}
