//! `instances extend`: a later expiry for instances that have one, or an earlier expiry with `--shorten`.

use super::act::found_nothing;
use super::{STOPPING, at_work, select};
use crate::args::{ExtendInstances, OutputFormat};
use crate::commands::consent;
use crate::commands::proposals;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::list::Table;
use crate::output::listing::Listing;
use crate::output::proposal::Proposal;
use crate::output::published::PublishedRow;
use crate::output::text::{clean, count, left, moment};
use fleet::cleanup::{expiry, expiry_value, extend};
use fleet::select::{Filter, Machine};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Extends instances.
pub async fn extend_instances(
    connection: &Connection<'_>,
    args: &ExtendInstances,
) -> Result<Exit, CommandError> {
    let until = end_of(args.ttl, connection.session.now())?;
    let filter = select::build_filter(connection, &args.select).await?;
    if filter.is_everything() && !args.all {
        return Err(CommandError::usage(
            "no instances are selected to be extended",
            "name instances, or use --prefix, --fleet, --run, --tag, --state, --ad, --shape or --file; --all selects every instance \
                 of the compartment that has an expiry",
        ));
    }
    let found = select::find_and_report(connection, &filter).await?;
    if found.machines.is_empty() && found.missing.is_empty() {
        return Ok(found_nothing(args.allow_empty));
    }
    let exit = select::exit_of(&found);
    let working = at_work::find_launches(connection, &Filter::default(), &found.machines).await?;
    if let Some(note) = at_work::note_for_extend(&working) {
        console::line(&note);
    }
    let machines = sort_out(found.machines, until, args.shorten)?;
    confirm(connection, args, &machines, until).await?;
    connection.session.say_when_stopped(STOPPING);
    let results = extend(&connection.client, &machines, until, &connection.session.stop).await;
    let mut listing = Listing::new(&["NAME", "OCID", "EXPIRES", "RESULT"]);
    let mut failed = 0;
    for (machine, (ocid, result)) in machines.iter().zip(&results) {
        let said = match result {
            None => "left: interrupted".to_owned(),
            Some(Ok(())) => "extended".to_owned(),
            Some(Err(failure)) => {
                failed += 1;
                clean(&failure.to_string())
            }
        };
        let expires = matches!(result, Some(Ok(()))).then(|| expiry_value(until));
        let value = ExtendedInstance {
            name: &machine.name,
            ocid,
            expires: expires.clone(),
            error: result.as_ref().and_then(|result| result.as_ref().err()).map(ToString::to_string),
        };
        let expires = expires.unwrap_or_else(|| "-".to_owned());
        listing.push(vec![clean(machine.label()), ocid.clone(), expires, said], &value);
    }
    let format = if connection.session.output == OutputFormat::Wide {
        OutputFormat::Table
    } else {
        connection.session.output
    };
    if !(machines.is_empty() && format == OutputFormat::Table) {
        console::data(&listing.to_text(format))?;
    }
    if results.iter().any(|(_, result)| result.is_none()) {
        return Ok(Exit::Interrupted);
    }
    Ok(match failed {
        0 => exit,
        failed if failed == results.len() => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    })
}

/// An instance whose expiry was to change.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ExtendedInstance<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// Its expiry; `null` if it did not change.
    expires: Option<String>,
    /// Why it did not change; `null` if it did, or if it was left.
    error: Option<String>,
}

impl PublishedRow for ExtendedInstance<'_> {
    const NAME: &'static str = "instances-extend";
    const LIST: &'static str = "instances";
    const COMMANDS: &'static [&'static str] = &["instances extend"];
}

/// The expiry of a lifetime that starts now.
fn end_of(ttl: Duration, now: Timestamp) -> Result<Timestamp, CommandError> {
    if ttl.is_zero() {
        return Err(CommandError::usage(
            "--ttl 0s would expire the instances immediately",
            "use `instances terminate` \
             instead",
        ));
    }
    let too_long = || CommandError::usage("--ttl is too long", "the longest time is a year: 365d");
    let ttl = SignedDuration::try_from(ttl).map_err(|_| too_long())?;
    now.checked_add(ttl).map_err(|_| too_long())
}

/// The instances whose expiry changes. The others are reported.
///
/// # Errors
/// When none would change because each has a later expiry.
fn sort_out(machines: Vec<Machine>, until: Timestamp, shorten: bool) -> Result<Vec<Machine>, CommandError> {
    let all = machines.len();
    // Giving an expiry to an instance without one would cause its termination.
    let mut machines: Vec<Machine> = machines.into_iter().filter(|one| expiry(one).is_some()).collect();
    if machines.len() < all {
        let others = count((all - machines.len()) as u64, "instance");
        console::line(&format!("left alone: {others} without an expiry"));
    }
    let later: Vec<Machine> = machines.extract_if(.., |one| !shorten && expiry(one) > Some(until)).collect();
    let nearest = later.iter().filter_map(expiry).min();
    let Some(nearest) = nearest else { return Ok(machines) };
    let instances = count(later.len() as u64, "instance");
    if machines.is_empty() {
        return Err(CommandError::usage(
            format!(
                "{instances} with an expiry after {until:.0} ({nearest:.0} at the earliest): nothing was done"
            ),
            "use a longer --ttl, which counts from now; --shorten also shortens their time",
        ));
    }
    console::line(&format!(
        "left alone: {instances} with a later expiry; --shorten also shortens their time"
    ));
    Ok(machines)
}

/// Shows what changes and asks for confirmation.
async fn confirm(
    connection: &Connection<'_>,
    args: &ExtendInstances,
    machines: &[Machine],
    until: Timestamp,
) -> Result<(), CommandError> {
    if machines.is_empty() {
        return Ok(());
    }
    let (now, prices) = (connection.session.now(), &connection.settings.prices);
    let table = Table { machines, prices, now, addresses: false, wide: false, asking: true };
    let instances = count(machines.len() as u64, "instance");
    let end = format!("{} ({})", moment(until), left(until, now));
    let proposal = Proposal {
        table: table.rows(console::width_for_people()),
        money: vec![("price", proposals::without_volumes(machines, prices))],
        question: format!("Let {instances} live until {end}?"),
        until: Some(end),
        number: machines.len() as u64,
        ..Proposal::default()
    };
    consent::agree(connection, &connection.compartment, args.yes, &proposal).await
}
