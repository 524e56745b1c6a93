//! `reservation`: manages capacity reservations; `capacity-manager` is the original tool's interface to it.

mod create;
mod list;
mod update;

pub use create::CreatedReservation;
pub use list::{ListedReservation, ReservationDocument};
pub use update::ChangedReservation;

use super::consent;
use crate::args::{CapacityManager, DeleteReservation, LaunchArgs, ReservationCommand, Reserving};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Verbosity};
use crate::output::dry_run_report;
use crate::output::listing::Sum;
use crate::output::proposal::{Money, Proposal};
use crate::output::published::{PublishedDocument, text_for_programs};
use crate::output::text::{clean, count};
use crate::runtime::{self, Threads};
use crate::session::Session;
use fleet::Plan;
use fleet::plan::{RatchetTerms, Reserve};
use fleet::preflight::look_at_reservations;
use fleet::price::{self, Prices};
use fleet::reservation::{self, Change, Filter, Held};
use oci_client::Client;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Runs one verb of `reservation`.
pub async fn run_verb(session: &Session, command: ReservationCommand) -> Result<Exit, CommandError> {
    // An incomplete config suffices, unless the config has to say what to reserve.
    let settings = match &command {
        ReservationCommand::Create(args) if !args.says_all() => {
            session.settled(|| session.read_config(None)).await?
        }
        _ => session.settled(|| session.read_unfinished_config()).await?,
    };
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection = &Connection::open(session, settings).await?;
    match command {
        ReservationCommand::List(args) => list::list_reservations(connection, &args).await,
        ReservationCommand::Show { reservation } => list::show_reservation(connection, &reservation).await,
        ReservationCommand::Create(args) => Box::pin(create::create_reservations(connection, args)).await,
        ReservationCommand::Update(args) => update::update_reservation(connection, args).await,
        ReservationCommand::Wait(args) => update::wait_for_reservation(connection, &args).await,
        ReservationCommand::Delete(args) => delete(connection, &args).await,
    }
}

/// Runs `capacity-manager`, which has the original tool's flags.
pub fn run_capacity_manager(arguments: CapacityManager) -> Result<Exit, CommandError> {
    let (flags, command) = arguments.into_command();
    super::formats::of_reservation(&command).check(flags.output)?;
    runtime::run_to_end(Threads::One, async |stop| {
        Box::pin(run_verb(&Session::new(&flags, false, &stop), command)).await
    })
}

/// A change of a reservation that needs confirmation.
struct Intent<'a> {
    /// The OCID.
    ocid: &'a str,
    /// The change in words.
    change: &'a str,
    /// The changes; `None` if the reservation is deleted.
    changes: Option<&'a [Change]>,
}

/// Asks for confirmation to change a reservation, showing its present and future state and the price.
async fn agree_to_change(
    connection: &Connection<'_>,
    yes: bool,
    intent: &Intent<'_>,
) -> Result<(), CommandError> {
    if !consent::has_to_ask(yes)? && connection.session.verbosity < Verbosity::Verbose {
        return Ok(());
    }
    let held = connection.ask(reservation::show(&connection.questions, intent.ocid)).await?;
    let after = intent.changes.map(|changes| reservation::preview(&held, changes)).transpose()?;
    let proposal = change(&held, after.as_ref(), intent.change, &connection.settings.prices);
    consent::agree(connection, &held.compartment, yes, &proposal).await
}

/// The proposal: `after` is the future state of the reservation, unless it is deleted.
fn change(held: &Held, after: Option<&Held>, change: &str, prices: &Prices) -> Proposal {
    let kinds = |held: &Held| {
        let kinds = held.configs.iter();
        let kinds =
            kinds.map(|config| format!("{} × {} ({} used)", config.reserved, config.describe(), config.used));
        kinds.collect::<Vec<String>>().join("; ")
    };
    let name = clean(&held.name);
    let mut what = vec![
        ("reservation", format!("{name} in {}", clean(&held.availability_domain))),
        ("", clean(&held.ocid)),
        ("holds", kinds(held)),
        ("change", change.to_owned()),
    ];
    let mut money = vec![("unused now", Money::of(held.unused_hour(prices)))];
    let (question, number) = if let Some(after) = after {
        what.push(("then holds", kinds(after)));
        money.push(("unused then", Money::of(after.unused_hour(prices))));
        let instances = count(after.reserved(), "instance");
        (format!("Change capacity reservation {name} to hold {instances}?"), after.reserved())
    } else {
        let instances = count(held.reserved(), "instance");
        (format!("Delete capacity reservation {name} ({instances})?"), held.reserved())
    };
    Proposal { what, money, question, number: number.into(), ..Proposal::default() }
}

/// Finds a reservation by its OCID, or by its name if the name is unique.
async fn find_reservation(connection: &Connection<'_>, text: &str) -> Result<String, CommandError> {
    let text = text.trim();
    if text.starts_with("ocid1.") {
        return Ok(text.to_owned());
    }
    let compartment = connection.required_compartment()?;
    let rows = connection
        .ask(reservation::list(&connection.client, compartment, &Filter::default(), &Prices::default()))
        .await?;
    let named: Vec<&str> = rows.iter().filter(|row| row.name == text).map(|row| row.ocid.as_str()).collect();
    match named.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(CommandError::usage(
            format!("the compartment has no reservation named {text:?}"),
            "`oci-insta-scale reservation list` lists them",
        )),
        many => Err(CommandError::usage(
            format!("{} reservations are named {text:?}: {}", many.len(), many.join(", ")),
            "select one by its OCID",
        )),
    }
}

async fn delete(connection: &Connection<'_>, args: &DeleteReservation) -> Result<Exit, CommandError> {
    if args.force {
        return Err(CommandError::usage(
            "OCI cannot force the deletion of a reservation, and refuses it while instances use it",
            "terminate the instances first (`oci-insta-scale reservation show` lists them, `oci-insta-scale instances \
                 terminate` terminates them), or move them out of it; then delete it without --force",
        ));
    }
    let ocid = find_reservation(connection, &args.reservation).await?;
    let change = "it is deleted, and no longer charged";
    agree_to_change(connection, args.yes, &Intent { ocid: &ocid, change, changes: None }).await?;
    let was = reservation::delete(&connection.client, &ocid, &connection.patience(args.deadline)).await?;
    let deleted = DeletedReservation { ocid: &ocid, name: &was.name, released: was.reserved() };
    if let Some(text) = text_for_programs(&ReservationDeletion { deleted }, connection.session.output) {
        console::data(&text)?;
    }
    console::line(&format!("deleted {} ({ocid}): {} released", was.name, count(was.reserved(), "instance")));
    Ok(Exit::Done)
}

/// A reservation that was deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ReservationDeletion<'a> {
    /// The reservation.
    deleted: DeletedReservation<'a>,
}

impl PublishedDocument for ReservationDeletion<'_> {
    const NAME: &'static str = "reservation-delete";
    const COMMANDS: &'static [&'static str] = &["reservation delete"];
}

/// A reservation.
#[derive(Debug, JsonSchema, Serialize)]
struct DeletedReservation<'a> {
    /// Its OCID.
    ocid: &'a str,
    /// Its display name.
    name: &'a str,
    /// The instances that were reserved.
    released: u32,
}

/// Checks the reservations that a launch uses before anything starts, and refuses those that cannot work.
pub async fn check_reservations(connection: &Connection<'_>, plan: &Plan) -> Result<(), CommandError> {
    let grows = plan.reserve.is_some();
    let look = look_at_reservations(&connection.questions, &plan.fleet, grows);
    let found = connection.ask(look).await?;
    for warning in &found.warnings {
        console::line(dry_run_report::finding_text(warning).trim_end());
    }
    let Some((first, rest)) = found.refused.split_first() else { return Ok(()) };
    for finding in rest {
        console::line(dry_run_report::finding_text(finding).trim_end());
    }
    Err(CommandError::Usage {
        message: format!("{}: {}", clean(&first.about), clean(&first.message)),
        hint: first.remedy.as_deref().map(clean),
    })
}

/// The reservations that a launch creates for itself, if any: at least its minimum, or none.
pub async fn plan_reserve(
    client: &Client,
    args: &LaunchArgs,
    plan: &Plan,
    prices: &Prices,
) -> Result<Option<Reserve>, CommandError> {
    let Reserving { reserve, release, ratchet, max_hold_cost } = args.reserving;
    if !reserve && !ratchet {
        return Ok(None);
    }
    let flag = if ratchet { "--ratchet" } else { "--reserve" };
    let mut launches = plan.fleet.placements.iter().map(|placement| plan.fleet.launch_at(placement));
    if let Some(why) = launches.find_map(|launch| reservation::unreservable(&launch)) {
        return Err(CommandError::usage(format!("{flag}: {why}"), format!("launch without {flag}")));
    }
    if !ratchet {
        return Ok(Some(Reserve::prepare(client, plan, plan.min.unwrap_or(0), release).await?));
    }
    if plan.fleet.spread.is_some() {
        return Err(CommandError::usage(
            "--ratchet reserves whatever each domain yields, which contradicts `spread` in the config",
            "remove `spread`, or launch without --ratchet",
        ));
    }
    let terms = ratchet_terms(max_hold_cost, plan, prices)?;
    let min = args.min.unwrap_or(plan.fleet.count);
    let prepared = Reserve::prepare(client, plan, min, true).await?;
    Ok(Some(Reserve { ratchet: Some(terms), ..prepared }))
}

/// What holding capacity costs, and the bound on it.
fn ratchet_terms(
    max_hold_cost: Option<f64>,
    plan: &Plan,
    prices: &Prices,
) -> Result<RatchetTerms, CommandError> {
    let mut hours = BTreeMap::new();
    for share in reservation::shares(plan) {
        let Some(want) = share.wants.first() else { continue };
        let cost = price::of_reservation(&want.shape, want.size(), 1, prices);
        match cost.total {
            Some(per) => _ = hours.insert(share.placement.availability_domain.clone(), per.hour),
            None if max_hold_cost.is_some() => {
                let (shape, currency) = (clean(&want.shape), prices.currency());
                return Err(CommandError::usage(
                    format!(
                        "--max-hold-cost cannot be checked: the price of {shape} in {currency} is unknown"
                    ),
                    "set it under `prices:` in the config, or omit --max-hold-cost",
                ));
            }
            None => {}
        }
    }
    Ok(RatchetTerms { max_hold_cost, hours, currency: prices.currency().to_owned() })
}

/// The price of unused reserved capacity, shown wherever a user may believe that it is free. `prices` are those of the unused
/// parts, if known.
fn charge(unused: impl IntoIterator<Item = Option<f64>>, prices: &Prices) -> String {
    format!(
        "unused reserved capacity is charged at {} % of the on-demand price from now on: {}",
        price::UNUSED_RESERVATION * 100.0,
        Sum::of(unused).text(prices.currency())
    )
}
