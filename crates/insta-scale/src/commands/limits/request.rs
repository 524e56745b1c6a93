//! `limits request`: files a limit increase request, after consent, and follows it.

use super::requests::{RequestList, show_until_decided};
use crate::args::{OutputFormat, RequestLimits};
use crate::commands::consent;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::list::short_domain;
use crate::output::proposal::Proposal;
use crate::output::text::{clean, count};
use crate::tuning::PLAN_RETRIES;
use fleet::FleetSpec;
use fleet::limit_requests::{self, Increase, JUSTIFICATION_MAX};
use fleet::plan::is_domain;
use fleet::preflight::{Headroom, headroom};
use ledger::Placement;
use oci_api::models::LimitsIncreaseRequest;
use std::collections::BTreeSet;

/// Requests what the fleet needs, unless that is requested already.
pub async fn request_limits(connection: &Connection<'_>, args: &RequestLimits) -> Result<Exit, CommandError> {
    let justification = justification(&connection.settings.fleet, args.justification.as_deref())?;
    let region = named_region(&connection.settings.fleet, args.region.as_deref())?;
    let (found, domain) = connection.ask(Box::pin(look(connection, args, region.as_deref()))).await?;
    let wanted = wanted(&found, args, region.as_deref(), domain.as_deref())?;
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let further = connection.settings.fleet.further_names();
    let known = connection.ask(limit_requests::requests(&client, connection.root(), &further)).await?;
    let region = region_of(connection, &wanted).to_owned();
    let (mut missing, mut followed) = (Vec::new(), Vec::new());
    for increase in wanted {
        match limit_requests::already_requested(&known, &region, &increase) {
            Some((request, value)) if value >= increase.value => {
                console::line(&format!("{} is already requested: {}", described(&increase), request.id));
                followed.push(request.id.clone());
            }
            Some((request, value)) => return Err(too_small(&increase, request, value)),
            None => missing.push(increase),
        }
    }
    if !missing.is_empty() {
        followed.push(file(connection, args.yes, &justification, &missing, &known, &region).await?);
    }
    followed.dedup();
    if args.wait {
        return show_until_decided(connection, &followed, args.every).await;
    }
    let client = &connection.client;
    let shown =
        connection.ask(RequestList::read(client, connection.root(), &further, Some(&followed))).await?;
    console::data(&shown.text(connection.session.output))?;
    if !connection.session.is_quiet() && connection.session.output == OutputFormat::Table {
        let hint = "hint: `oci-insta-scale limits requests --watch` follows the decision; `oci-insta-scale hunt` \
                    goes on by itself once the limit is raised";
        console::line(hint);
    }
    Ok(Exit::Done)
}

/// The full name of the region that was named, which has to be one of the fleet with several.
fn named_region(fleet: &FleetSpec, named: Option<&str>) -> Result<Option<String>, CommandError> {
    let Some(named) = named.map(str::trim) else { return Ok(None) };
    let full = oci_api::Region::find(named).map_or(named, |found| found.name);
    if !fleet.region_names().any(|known| known == full) {
        let known: Vec<String> = fleet.region_names().map(clean).collect();
        return Err(CommandError::usage(
            format!("`{}` is not a region of the config", clean(named)),
            format!("its regions are {}", known.join(", ")),
        ));
    }
    // Limits of a fleet with one region do not name it.
    Ok((!fleet.regions.is_empty()).then(|| full.to_owned()))
}

/// The region of increases, which all have the same.
fn region_of<'a>(connection: &'a Connection<'_>, increases: &'a [Increase]) -> &'a str {
    let named = increases.iter().find_map(|increase| increase.region.as_deref());
    named.unwrap_or(&connection.settings.fleet.region)
}

/// The limits of the fleet, and the full name of the domain that was named.
async fn look(
    connection: &Connection<'_>,
    args: &RequestLimits,
    region: Option<&str>,
) -> Result<(Headroom, Option<String>), CommandError> {
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let planned = fleet::plan(&client, connection.settings.fleet.clone()).await;
    let plan = planned.map_err(|error| CommandError::of_plan(&connection.settings.written, error))?;
    let domain = match &args.ad {
        Some(ad) if plan.fleet.regions.is_empty() => {
            connection.resolve_domains(std::slice::from_ref(ad)).await?.into_iter().next()
        }
        Some(ad) => Some(domain_of(&plan.fleet, region, ad)?),
        None => None,
    };
    Ok((headroom(&client, &plan.fleet).await?, domain))
}

/// The full name of a domain of a fleet with several regions, in the named one if there is one.
fn domain_of(fleet: &FleetSpec, region: Option<&str>, ad: &str) -> Result<String, CommandError> {
    let is_meant = |placement: &&Placement| {
        region.is_none_or(|region| fleet.region_at(placement) == region)
            && is_domain(&placement.availability_domain, ad.trim())
    };
    let found = fleet.placements.iter().filter(is_meant).map(|placement| &placement.availability_domain);
    let found: BTreeSet<&String> = found.collect();
    let place =
        region.map_or_else(|| "the config".to_owned(), |region| format!("the config in {}", clean(region)));
    match found.first() {
        Some(domain) if found.len() == 1 => Ok((*domain).clone()),
        Some(_) => {
            let all: Vec<String> = found.iter().map(|domain| clean(short_domain(domain))).collect();
            Err(CommandError::usage(
                format!("--ad {} is in several regions: {}", clean(ad), all.join(", ")),
                "use one of these names, or name the region with --region",
            ))
        }
        None => Err(CommandError::usage(
            format!("`{}` is not an availability domain of {place}", clean(ad)),
            "`oci-insta-scale limits` shows the domains of the config",
        )),
    }
}

/// The justification without surrounding blanks, if the API would accept it.
fn justification(fleet: &FleetSpec, text: Option<&str>) -> Result<String, CommandError> {
    let Some(text) = text.map(str::trim) else {
        let mut shapes: Vec<&str> = fleet.placements.iter().map(|place| place.shape.as_str()).collect();
        shapes.dedup();
        return Ok(format!("to launch {} of {}", count(fleet.count, "instance"), shapes.join(" or ")));
    };
    let length = text.chars().count();
    if length > JUSTIFICATION_MAX {
        let message = format!("--justification has {length} characters, the API accepts {JUSTIFICATION_MAX}");
        return Err(CommandError::usage(message, "shorten it"));
    }
    Ok(text.to_owned())
}

/// The increases to request; never none.
fn wanted(
    found: &Headroom,
    args: &RequestLimits,
    region: Option<&str>,
    domain: Option<&str>,
) -> Result<Vec<Increase>, CommandError> {
    let names = || found.limits.iter().map(|row| row.name.as_str());
    if let Some(unknown) = args.limit.iter().find(|name| !names().any(|known| known == *name)) {
        let mut known: Vec<&str> = names().collect();
        known.dedup();
        let message = format!("the fleet does not count against a limit {}", clean(unknown));
        return Err(CommandError::usage(message, format!("its limits are {}", known.join(", "))));
    }
    if args.value.is_some() && args.limit.len() > 1 {
        return Err(CommandError::usage(
            "--value fits only one limit, but --limit is repeated",
            "request one limit at a time, or omit --value",
        ));
    }
    let wanted = limit_requests::increases(found, &args.limit, region, domain, args.value);
    let wanted = wanted.map_err(|regions| {
        let regions: Vec<String> = regions.iter().map(|region| clean(region)).collect();
        CommandError::usage(
            format!("limits can be raised in {}, and one region is enough", regions.join(" and ")),
            format!("name it: --region {}", regions.first().map_or("", String::as_str)),
        )
    })?;
    if !wanted.is_empty() {
        return Ok(wanted);
    }
    for why in &found.unknown {
        console::line(&format!("warning: {}", clean(why)));
    }
    let short = found.limits.iter().any(|row| row.would_do.is_some());
    Err(match args.value {
        Some(value) => CommandError::usage(
            format!("{} is already {value} or more", clean(&args.limit.join(", "))),
            "`oci-insta-scale limits` shows its value; request a higher one with --value",
        ),
        None if short => CommandError::usage(
            "no service limit has to be raised: a quota of the compartment is what is too low, or another domain",
            "ask an administrator of the tenancy to raise the quota, or name another domain with --ad",
        ),
        None => CommandError::usage(
            "no limit stands in the way of the fleet",
            "to request more anyway, name the limit and its value: --limit NAME --value N",
        ),
    })
}

fn too_small(increase: &Increase, request: &LimitsIncreaseRequest, value: i64) -> CommandError {
    CommandError::usage(
        format!(
            "an open request asks for {value}, which is less than {}: {}",
            described(increase),
            request.id
        ),
        format!("wait for its decision, or cancel it first: `oci-insta-scale limits cancel {}`", request.id),
    )
}

/// `standard-e4-core-count 10 in AD-1`.
fn described(increase: &Increase) -> String {
    let place = increase.domain.as_deref().map(short_domain).or(increase.region.as_deref());
    let place = place.unwrap_or("the region");
    format!("{} {} in {}", clean(&increase.limit), increase.value, clean(place))
}

/// Files the request after consent, and returns its OCID.
async fn file(
    connection: &Connection<'_>,
    yes: bool,
    justification: &str,
    increases: &[Increase],
    known: &[LimitsIncreaseRequest],
    region: &str,
) -> Result<String, CommandError> {
    let mut what = Vec::new();
    for increase in increases {
        let now = increase.current.map_or_else(|| "unknown".to_owned(), |value| value.to_string());
        let label = if what.is_empty() { "request" } else { "" };
        what.push((label, format!("{} {}, now {now}", increase.service, described(increase))));
    }
    what.push(("because", clean(justification)));
    let options =
        vec!["Oracle decides, usually within days; nothing is charged for a higher limit".to_owned()];
    let question = "Send this limit increase request to Oracle?".to_owned();
    let proposal = Proposal { what, options, question, ..Proposal::default() };
    consent::agree(connection, connection.root(), yes, &proposal).await?;
    let details = limit_requests::details(connection.root(), region, justification, increases);
    let token = limit_requests::token(&details, known);
    let further = connection.settings.fleet.further_names().into_iter().find(|further| *further == region);
    let client = connection.client.at(further);
    let filed = client.create_limits_increase_request(&details, &token).await?;
    Ok(filed.value.id)
}

/// `limits cancel`.
pub async fn cancel_request(
    connection: &Connection<'_>,
    ocid: &str,
    yes: bool,
) -> Result<Exit, CommandError> {
    let client = connection.questions.with_retry(PLAN_RETRIES);
    let request = connection.ask(client.get_limits_increase_request(ocid)).await?.value;
    if !limit_requests::is_open(&request) {
        let state = request.lifecycle_state.as_str();
        return Err(CommandError::usage(
            format!("the request is already {state}: {}", clean(ocid)),
            "`oci-insta-scale limits requests` shows which requests are open",
        ));
    }
    let what = vec![("cancel", format!("{} ({})", clean(&request.display_name), clean(ocid)))];
    let question = "Cancel this limit increase request?".to_owned();
    let proposal = Proposal { what, question, ..Proposal::default() };
    consent::agree(connection, &request.compartment_id, yes, &proposal).await?;
    let token = format!("ois-cancel-{}", ocid.chars().rev().take(40).collect::<String>());
    let canceled = connection.client.cancel_limits_increase_request(ocid, &token).await?;
    let list = RequestList::of(vec![canceled.value]);
    console::data(&list.text(connection.session.output))?;
    Ok(Exit::Done)
}

/// `limits comment`.
pub async fn comment_on_request(
    connection: &Connection<'_>,
    ocid: &str,
    text: &str,
) -> Result<Exit, CommandError> {
    let answered = connection.client.comment_on_limits_increase_request(ocid, text.trim()).await?;
    let list = RequestList::of(vec![answered.value]);
    console::data(&list.text(connection.session.output))?;
    Ok(Exit::Done)
}
