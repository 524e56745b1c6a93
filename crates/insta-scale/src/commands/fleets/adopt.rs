//! `fleet adopt`: adds existing instances to the fleet of the config by tagging them.

use super::Ground;
use crate::args::{AdoptArgs, OutputFormat};
use crate::commands::consent;
use crate::commands::proposals;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::list::Table;
use crate::output::listing::Listing;
use crate::output::proposal::Proposal;
use crate::output::published::PublishedRow;
use crate::output::text::{clean, count};
use crate::session::Session;
use fleet::fleets::Census;
use fleet::plan::{FLEET_TAG, MAX_FREEFORM_TAGS};
use fleet::select::{Filter, Machine, Named, find};
use schemars::JsonSchema;
use serde::Serialize;

/// Adopts instances.
pub async fn adopt_instances(session: &Session, args: &AdoptArgs) -> Result<Exit, CommandError> {
    consent::has_to_ask(args.yes)?;
    let ground = Ground::open(session, false).await?;
    if ground.fleet().tagged_name().is_none() {
        return Err(CommandError::usage(
            format!(
                "the config leaves no room for the tag {FLEET_TAG}: OCI allows {MAX_FREEFORM_TAGS} tags per instance"
            ),
            "remove a tag from freeform_tags",
        ));
    }
    let machines = if args.named.is_empty() {
        let Census { candidates, .. } = ground.census().await?;
        candidates
    } else {
        named(&ground, &args.named).await?
    };
    let name = clean(&ground.key.name);
    if machines.is_empty() {
        if args.named.is_empty() {
            console::line(&format!(
                "nothing to adopt: no instance of an earlier run has a name of fleet {name}"
            ));
        }
        return show(&ground, &[], &[]);
    }
    let prices = &ground.connection.settings.prices;
    let now = ground.connection.session.now();
    let table = Table { machines: &machines, prices, now, addresses: false, wide: false, asking: true };
    let proposal = Proposal {
        table: table.rows(console::width_for_people()),
        what: vec![("fleet", name.clone()), ("sets the tag", format!("{FLEET_TAG}={name}"))],
        money: vec![("price", proposals::without_volumes(&machines, prices))],
        options: vec![
            "from then on `scale`, `replace` and `maintain` count these instances, and may terminate them"
                .to_owned(),
        ],
        question: format!("Adopt {} into fleet {name}?", count(machines.len() as u64, "instance")),
        number: machines.len() as u64,
        ..Proposal::default()
    };
    ground.agree(args.yes, &proposal).await?;
    let client = &ground.connection.client;
    let results =
        fleet::cleanup::tag(client, &machines, FLEET_TAG, &ground.key.name, &ground.connection.session.stop)
            .await;
    show(&ground, &machines, &results)
}

/// The named instances. Each must exist and must not belong to a fleet.
async fn named(ground: &Ground<'_>, names: &[String]) -> Result<Vec<Machine>, CommandError> {
    let parsed: Result<Vec<Named>, String> = names.iter().map(|name| name.parse()).collect();
    let parsed = parsed.map_err(|why| CommandError::usage(why, "use display names or OCIDs"))?;
    let filter = Filter { named: Some(parsed), ..Filter::default() };
    let connection = &ground.connection;
    let found = connection.ask(find(&connection.client, &connection.compartment, &filter)).await;
    let found = found.map_err(CommandError::of_compartment)?;
    if let Some(missing) = found.missing.first() {
        return Err(CommandError::usage(
            format!("the compartment has no instance {}", clean(missing.text())),
            "`oci-insta-scale instances list` shows the existing instances",
        ));
    }
    // A region may have a compartment of its own.
    let further = ground.fleet().regions.iter().map(|region| region.compartment.as_str());
    let compartments: Vec<&str> = std::iter::once(connection.compartment.as_str()).chain(further).collect();
    let elsewhere = |machine: &&Machine| !compartments.contains(&&*machine.compartment);
    if let Some(machine) = found.machines.iter().find(elsewhere) {
        return Err(CommandError::usage(
            format!("{} is in a different compartment from the fleet", clean(machine.label())),
            "a fleet is in one compartment: change compartment_id, or omit the instance",
        ));
    }
    let of_others =
        |machine: &&Machine| machine.tags.get(FLEET_TAG).is_some_and(|name| name != ground.key.name);
    if let Some(machine) = found.machines.iter().find(of_others) {
        let fleet = clean(machine.tags.get(FLEET_TAG).unwrap_or_default());
        return Err(CommandError::usage(
            format!("{} is in fleet {fleet}", clean(machine.label())),
            format!("to move it to this fleet, remove its tag {FLEET_TAG} first"),
        ));
    }
    let is_new = |machine: &Machine| machine.tags.get(FLEET_TAG).is_none();
    let (new, members): (Vec<Machine>, Vec<Machine>) = found.machines.into_iter().partition(is_new);
    for member in &members {
        let name = clean(&ground.key.name);
        console::line(&format!("{} is already in fleet {name}", clean(member.label())));
    }
    Ok(new)
}

/// An instance that was to be adopted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct AdoptedInstance<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// Why it was not adopted; `null` if it was.
    error: Option<String>,
}

impl PublishedRow for AdoptedInstance<'_> {
    const NAME: &'static str = "fleet-adopt";
    const LIST: &'static str = "adopted";
    const COMMANDS: &'static [&'static str] = &["fleet adopt"];
}

type Tagged = (String, Option<Result<(), oci_client::Failure>>);

fn show(ground: &Ground<'_>, machines: &[Machine], results: &[Tagged]) -> Result<Exit, CommandError> {
    let mut listing = Listing::new(&["NAME", "OCID", "RESULT"]);
    let (mut failed, mut left) = (0, 0);
    for (machine, (ocid, result)) in machines.iter().zip(results) {
        let error = match result {
            Some(Ok(())) => None,
            Some(Err(failure)) => {
                failed += 1;
                Some(clean(&failure.to_string()))
            }
            None => {
                left += 1;
                Some("left: interrupted".to_owned())
            }
        };
        let said = error.clone().unwrap_or_else(|| "adopted".to_owned());
        let value = AdoptedInstance { name: &machine.name, ocid, error };
        listing.push(vec![clean(machine.label()), ocid.clone(), said], &value);
    }
    let output = ground.connection.session.output;
    let format = if output == OutputFormat::Wide { OutputFormat::Table } else { output };
    if !(machines.is_empty() && format == OutputFormat::Table) {
        console::data(&listing.to_text(format))?;
    }
    Ok(match (failed, left) {
        (_, 1..) => Exit::Interrupted,
        (0, 0) => Exit::Done,
        (failed, 0) if failed == results.len() => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    })
}
