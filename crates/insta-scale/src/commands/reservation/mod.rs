//! `reservation`: capacity reservations from the command line, and `capacity-manager`, their older front door.

mod create;
mod list;
mod update;

use super::consent::{self, Asking};
use super::remote::Remote;
use super::{session, verbosity};
use crate::args::{CapacityManager, DeleteReservation, Global, ReservationCommand, Reserving};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console::{self, Verbosity};
use crate::output::dry_run_report;
use crate::output::listing::Sum;
use crate::output::proposal::{Money, Proposal};
use crate::output::text::{clean, count};
use crate::runtime::{self, Threads};
use fleet::Plan;
use fleet::plan::Reserve;
use fleet::preflight::look_at_reservations;
use fleet::price::{self, Prices};
use fleet::reservation::{self, Change, Filter, Held};
use oci_client::Client;
use tokio_util::sync::CancellationToken;

/// Runs one.
pub async fn run(
    global: &Global,
    command: ReservationCommand,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    // A config that is not finished is good enough, unless the config has to say what is to be reserved.
    let settings = match &command {
        ReservationCommand::Create(args) if !args.says_all() => session::settings(global, None, false)?,
        _ => session::sketch(global, false)?,
    };
    let remote = Remote::connect(global, settings, None, stop).await?;
    let exit = match command {
        ReservationCommand::List(args) => list::list(global, &remote, &args).await,
        ReservationCommand::Show { reservation } => list::show(global, &remote, &reservation).await,
        ReservationCommand::Create(args) => create::run(global, &remote, args).await,
        ReservationCommand::Update(args) => update::update(global, &remote, args).await,
        ReservationCommand::Wait(args) => update::wait(global, &remote, &args).await,
        ReservationCommand::Delete(args) => delete(global, &remote, &args).await,
    };
    remote.close().await?;
    exit
}

/// The original tool's flags.
pub fn manager(arguments: CapacityManager) -> Result<Exit, CommandError> {
    let (global, command) = arguments.into_command();
    super::check_format(global.output, true)?;
    runtime::run(Threads::One, async |stop| run(&global, command, &stop).await)
}

/// Asks for confirmation of a change in the compartment of the config.
async fn agree(global: &Global, remote: &Remote, yes: bool, proposal: &Proposal) -> Result<(), CommandError> {
    let (settings, client, stop) = (&remote.settings, &remote.questions, &remote.stop);
    let compartment = remote.settings.fleet.compartment.as_str();
    Asking { global, settings, compartment, client, stop }.agree(yes, proposal).await
}

/// A change of a reservation that needs confirmation.
struct Intent<'a> {
    /// The OCID.
    ocid: &'a str,
    /// What will be done, in words.
    change: &'a str,
    /// The changes; nothing when the reservation is deleted.
    changes: Option<&'a [Change]>,
}

/// Asks for confirmation to change a reservation, and shows what it is, what it will be, and the price.
async fn agree_to_change(
    global: &Global,
    remote: &Remote,
    yes: bool,
    intent: &Intent<'_>,
) -> Result<(), CommandError> {
    if !consent::has_to_ask(yes)? && verbosity(global) < Verbosity::Verbose {
        return Ok(());
    }
    let held = remote.ask(reservation::show(&remote.questions, intent.ocid)).await?;
    let after = intent.changes.map(|changes| reservation::preview(&held, changes)).transpose()?;
    let proposal = change(&held, after.as_ref(), intent.change, &remote.settings.prices);
    let compartment = held.compartment.as_str();
    let (settings, client, stop) = (&remote.settings, &remote.questions, &remote.stop);
    Asking { global, settings, compartment, client, stop }.agree(yes, &proposal).await
}

/// What is proposed: `after` is what the reservation will be, unless it is deleted.
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

/// The reservation that is meant: by its OCID, or by its name if only one has it.
async fn find(remote: &Remote, text: &str) -> Result<String, CommandError> {
    let text = text.trim();
    if text.starts_with("ocid1.") {
        return Ok(text.to_owned());
    }
    let compartment = remote.compartment()?;
    let rows = remote
        .ask(reservation::list(&remote.client, compartment, &Filter::default(), &Prices::default()))
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

async fn delete(global: &Global, remote: &Remote, args: &DeleteReservation) -> Result<Exit, CommandError> {
    if args.force {
        return Err(CommandError::usage(
            "OCI cannot force the deletion of a reservation, and refuses it while instances use it",
            "terminate the instances first (`oci-insta-scale reservation show` lists them, `oci-insta-scale instances \
                 terminate` terminates them), or move them out of it; then delete it without --force",
        ));
    }
    let ocid = find(remote, &args.reservation).await?;
    let change = "it is deleted, and no longer charged";
    agree_to_change(global, remote, args.yes, &Intent { ocid: &ocid, change, changes: None }).await?;
    let was = reservation::delete(&remote.client, &ocid, &remote.patience(args.deadline)).await?;
    console::line(&format!("deleted {} ({ocid}): {} released", was.name, count(was.reserved(), "instance")));
    Ok(Exit::Done)
}

/// Checks the reservations that a launch uses before anything is started, and refuses what cannot work.
pub async fn look(client: &Client, plan: &Plan, stop: &CancellationToken) -> Result<(), CommandError> {
    let grows = plan.reserve.is_some();
    let found = tokio::select! {
        found = look_at_reservations(client, &plan.fleet, grows) => found?,
        () = stop.cancelled() => return Err(CommandError::Interrupted),
    };
    for warning in &found.warnings {
        console::line(dry_run_report::finding(warning).trim_end());
    }
    let Some((first, rest)) = found.refused.split_first() else { return Ok(()) };
    for finding in rest {
        console::line(dry_run_report::finding(finding).trim_end());
    }
    Err(CommandError::Usage {
        message: format!("{}: {}", clean(&first.about), clean(&first.message)),
        hint: first.remedy.as_deref().map(clean),
    })
}

/// What a launch is to reserve for itself, if anything: at least `min`, or nothing.
pub async fn reserving(
    client: &Client,
    args: &Reserving,
    min: u32,
    plan: &Plan,
) -> Result<Option<Reserve>, CommandError> {
    if !args.reserve {
        return Ok(None);
    }
    let mut launches = plan.fleet.placements.iter().map(|placement| plan.fleet.launch_at(placement));
    if let Some(why) = launches.find_map(|launch| reservation::unreservable(&launch)) {
        return Err(CommandError::usage(format!("--reserve: {why}"), "launch without --reserve"));
    }
    Ok(Some(Reserve::prepare(client, plan, min, args.release).await?))
}

/// What unused reserved capacity costs, said wherever somebody may believe that it is free. `prices` are those of the
/// unused parts, where they are known.
fn charge(unused: impl IntoIterator<Item = Option<f64>>, prices: &Prices) -> String {
    format!(
        "unused reserved capacity is charged at {} % of the on-demand price from now on: {}",
        price::UNUSED_RESERVATION * 100.0,
        Sum::of(unused).text(prices.currency())
    )
}
