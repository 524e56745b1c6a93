//! `instances extend`: another time for instances that were launched with one.

use super::{Reach, select};
use crate::args::{ExtendInstances, OutputFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::text::{clean, count};
use fleet::cleanup::{expiry, expiry_value, extend};
use jiff::SignedDuration;
use oci_client::{Clock as _, SystemClock};
use serde_json::json;

/// Runs it.
pub async fn run(reach: Reach<'_>, args: &ExtendInstances) -> Result<Exit, CommandError> {
    let machines = select::machines(&reach, &args.select).await?.machines;
    let all = machines.len();
    // To give an expiry to an instance that has none would be to sentence it.
    let machines: Vec<_> = machines.into_iter().filter(|machine| expiry(machine).is_some()).collect();
    if machines.len() < all {
        let others = count((all - machines.len()) as u64, "instance");
        console::line(&format!("left alone: {others} without an expiry"));
    }
    if machines.is_empty() {
        return Ok(Exit::Done);
    }
    let ttl = SignedDuration::try_from(args.ttl)
        .map_err(|_| CommandError::usage("--ttl is too long", "give at most a year"))?;
    let until = SystemClock.now() + ttl;
    let question = format!("Let {} live until {until:.0}?", count(machines.len() as u64, "instance"));
    if !args.yes && console::can_ask() && !console::ask(&question, &reach.stop).await? {
        return Err(CommandError::Declined);
    }
    let results = extend(&reach.client, &machines, until).await;
    let mut listing = Listing::new("instances", &["NAME", "OCID", "EXPIRES", "RESULT"]);
    let mut failed = 0;
    for (machine, (ocid, result)) in machines.iter().zip(&results) {
        let said = match result {
            Ok(()) => "extended".to_owned(),
            Err(failure) => {
                failed += 1;
                clean(&failure.to_string())
            }
        };
        let value = json!({
            "name": machine.name,
            "ocid": ocid,
            "expires": result.is_ok().then(|| expiry_value(until)),
            "error": result.as_ref().err().map(ToString::to_string),
        });
        listing.push(vec![clean(machine.label()), ocid.clone(), expiry_value(until), said], value);
    }
    let format =
        if reach.global.output == OutputFormat::Wide { OutputFormat::Table } else { reach.global.output };
    console::data(&listing.to_text(format))?;
    Ok(match failed {
        0 => Exit::Done,
        failed if failed == results.len() => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    })
}
