//! `instances extend`: another time for instances that were launched with one.

use super::{Reach, STOPPING, select};
use crate::args::{ExtendInstances, OutputFormat};
use crate::commands::consent;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::text::{clean, count};
use crate::runtime;
use fleet::cleanup::{expiry, expiry_value, extend};
use jiff::SignedDuration;
use oci_client::{Clock as _, SystemClock};
use serde_json::json;

/// Runs it.
pub async fn run(reach: Reach<'_>, args: &ExtendInstances) -> Result<Exit, CommandError> {
    let found = select::machines(&reach, &args.select).await?;
    let exit = select::exit(&found);
    let machines = found.machines;
    let all = machines.len();
    // To give an expiry to an instance that has none would be to sentence it.
    let machines: Vec<_> = machines.into_iter().filter(|machine| expiry(machine).is_some()).collect();
    if machines.len() < all {
        let others = count((all - machines.len()) as u64, "instance");
        console::line(&format!("left alone: {others} without an expiry"));
    }
    if args.ttl.is_zero() {
        return Err(CommandError::usage("--ttl 0 ends their time", "`instances terminate` does that"));
    }
    let ttl = SignedDuration::try_from(args.ttl)
        .map_err(|_| CommandError::usage("--ttl is too long", "give at most a year"))?;
    let until = SystemClock.now() + ttl;
    let question = format!("Let {} live until {until:.0}?", count(machines.len() as u64, "instance"));
    let asks = !machines.is_empty() && consent::has_to_ask(args.yes)?;
    if asks && !console::ask(&question, &reach.stop).await? {
        return Err(CommandError::Declined);
    }
    runtime::say_when_stopped(&reach.stop, STOPPING);
    let results = extend(&reach.client, &machines, until, &reach.stop).await;
    let mut listing = Listing::new("instances", &["NAME", "OCID", "EXPIRES", "RESULT"]);
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
        let value = json!({
            "name": machine.name,
            "ocid": ocid,
            "expires": expires,
            "error": result.as_ref().and_then(|result| result.as_ref().err()).map(ToString::to_string),
        });
        let expires = expires.unwrap_or_else(|| "-".to_owned());
        listing.push(vec![clean(machine.label()), ocid.clone(), expires, said], value);
    }
    let format =
        if reach.global.output == OutputFormat::Wide { OutputFormat::Table } else { reach.global.output };
    // A person was told already that there is nothing.
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
