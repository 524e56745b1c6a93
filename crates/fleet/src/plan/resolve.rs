//! Checks a fleet and resolves the full names of its availability domains.

use super::finding::Finding;
use super::homes::by_fault_domain;
use super::licences;
use super::naming::Naming;
use super::shapes;
use super::spec::FleetSpec;
use super::spread::Across;
use super::{FLEET_TAG, MAX_DISPLAY_NAME, MAX_FREEFORM_TAGS, Plan, RUN_TAG, SLOT_TAG, TAGS_OF_A_RUN};
use crate::engine::cloud;
use ledger::Placement;
use oci_api::models::{Image, ImageLifecycleState};
use oci_client::services::compute::ImageFilter;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The fleet cannot be launched in this form.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Findings(Vec<Finding>),
    /// The availability domains could not be read.
    #[error("the availability domains of the region could not be read: {0}")]
    Failure(#[source] Box<Failure>),
}

/// Makes a plan, reading the region's availability domains and the fleet's shapes. Short names become full ones, and a name
/// that the tenancy does not have (for example with another tenancy's prefix) is found once, instead of by each launch.
///
/// # Errors
/// All findings at once, or the failed call.
pub async fn plan(client: &Client, fleet: FleetSpec) -> Result<Plan, PlanError> {
    let mut findings = check(&fleet);
    let mut fleet = fleet;
    let closed = unsubscribed(client, &fleet).await;
    let mut known = BTreeMap::new();
    let mut windows_images = Vec::new();
    if closed.is_empty() {
        for (region, own) in fleet.by_region() {
            let client = client.at(region);
            let asked = futures_util::future::join3(
                cloud::availability_domains(&client, root(&own)),
                shapes::impossible(&client, &own),
                licences::windows_images(&client, &own),
            );
            let (domains, impossible, windows) = asked.await;
            findings.extend(impossible);
            windows_images.extend(windows);
            match domains {
                Ok(domains) => {
                    let names: Vec<String> = domains.into_iter().filter_map(|domain| domain.name).collect();
                    known.insert(region.map(str::to_owned), names);
                }
                // A user who may launch need not be allowed to list them; full names are then used as they are.
                Err(failure) if failure.class == FailureClass::NotFound && !needs_names(&own) => {}
                Err(failure) => return Err(PlanError::Failure(Box::new(failure))),
            }
        }
    }
    findings.extend(closed);
    fleet.windows_images = windows_images;
    match resolve_in_regions(&fleet.placements, &known) {
        Ok(placements) => fleet.placements = placements,
        Err(more) => findings.extend(more),
    }
    if findings.is_empty() {
        findings.extend(newest_images(client, &mut fleet).await?);
    }
    if findings.is_empty() {
        let names = fault_domains(client, &fleet).await;
        findings.extend(spread_out(&mut fleet, &names).err());
    }
    if findings.is_empty() {
        Ok(Plan { fleet, ..Plan::default() })
    } else {
        Err(PlanError::Findings(findings))
    }
}

/// The compartment that holds everything of a tenancy, as far as it is known.
fn root(fleet: &FleetSpec) -> &str {
    if fleet.tenancy.is_empty() { &fleet.compartment } else { &fleet.tenancy }
}

/// Further regions that the tenancy may not use: the service refuses every request there as if the login were wrong.
async fn unsubscribed(client: &Client, fleet: &FleetSpec) -> Vec<Finding> {
    if fleet.regions.is_empty() {
        return Vec::new();
    }
    // A user who may launch need not be allowed to list subscriptions.
    let Ok(subscribed) = client.at(None).list_region_subscriptions(root(fleet)).await else {
        return Vec::new();
    };
    let subscribed: Vec<&str> = subscribed.iter().map(|one| one.region_name.as_str()).collect();
    let missing = fleet.regions.iter().filter(|region| !subscribed.contains(&region.region.as_str()));
    missing
        .map(|region| {
            let message = format!(
                "the tenancy is not subscribed to {}; subscribe to it in the Console (Region management), or remove it",
                region.region
            );
            Finding { region: Some(region.region.clone()), ..Finding::new("regions", message) }
        })
        .collect()
}

/// Gives the placements of regions whose image is named by its operating system the newest one for their shape.
async fn newest_images(client: &Client, fleet: &mut FleetSpec) -> Result<Vec<Finding>, PlanError> {
    let mut found: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut findings = Vec::new();
    for placement in &fleet.placements {
        let Some(region) = fleet.further_region(placement).filter(|_| placement.image.is_none()) else {
            continue;
        };
        let Some(name) = &region.newest_image else { continue };
        let key = (region.region.clone(), placement.shape.clone());
        if found.contains_key(&key) {
            continue;
        }
        let filter = ImageFilter {
            compartment_id: region.compartment.clone(),
            operating_system: Some(name.os.clone()),
            operating_system_version: Some(name.version.clone()),
            shape: Some(placement.shape.clone()),
        };
        let images = client.at(Some(&region.region)).list_images(&filter).await;
        let images = images.map_err(|failure| PlanError::Failure(Box::new(failure)))?;
        let usable = |image: &&Image| image.lifecycle_state == ImageLifecycleState::Available;
        if let Some(image) = images.iter().find(usable) {
            found.insert(key, image.id.clone());
            continue;
        }
        let message = format!(
            "{} has no image of {} {} for {}; set `image_id` there, or another `image`",
            region.region, name.os, name.version, placement.shape
        );
        let finding = Finding { region: Some(region.region.clone()), ..Finding::new("regions", message) };
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    for placement in fleet.placements.iter_mut().filter(|placement| placement.image.is_none()) {
        let key = (placement.region.clone().unwrap_or_default(), placement.shape.clone());
        placement.image = found.get(&key).cloned();
    }
    Ok(findings)
}

/// The fault domains of each availability domain over whose fault domains the fleet is spread. If they cannot be listed, the
/// usual names are used, because a user who may launch need not be allowed to list them.
async fn fault_domains(client: &Client, fleet: &FleetSpec) -> BTreeMap<String, Vec<String>> {
    if fleet.spread.is_none_or(|spread| spread.across != Across::FaultDomain) {
        return BTreeMap::new();
    }
    let open = fleet.placements.iter().filter(|placement| placement.fault_domain.is_none());
    let domains: BTreeSet<&str> = open.map(|placement| placement.availability_domain.as_str()).collect();
    let compartment = root(fleet);
    let asked = domains.into_iter().map(async |domain| {
        let listed = client.list_fault_domains(compartment, domain).await;
        let listed =
            listed.inspect_err(|failure| tracing::warn!(%failure, domain, "no list of fault domains"));
        let mut names: Vec<String> = listed.ok()?.into_iter().filter_map(|fault| fault.name).collect();
        names.sort();
        (!names.is_empty()).then(|| (domain.to_owned(), names))
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Assigns a domain to each slot of a spread fleet, as if it had no members yet.
fn spread_out(fleet: &mut FleetSpec, names: &BTreeMap<String, Vec<String>>) -> Result<(), Finding> {
    if fleet.spread.is_some_and(|spread| spread.across == Across::FaultDomain) {
        fleet.placements = by_fault_domain(std::mem::take(&mut fleet.placements), names);
    }
    fleet.spread_beside([], &[]).map(drop)
}

pub(super) fn offline(mut fleet: FleetSpec) -> Result<Plan, Vec<Finding>> {
    let mut findings = check(&fleet);
    if fleet.placements.is_empty() {
        findings.push(Finding::new(
            "placements",
            "no availability domain is set, and none can be looked up offline",
        ));
    }
    for (index, placement) in fleet.placements.iter().enumerate() {
        if !is_full(&placement.availability_domain) {
            let name = &placement.availability_domain;
            findings.push(Finding::new(
                field(index),
                format!("`{name}` is not the full name of an availability domain (such as `Uocm:PHX-AD-1`), which is \
                     required offline"),
            ));
        }
    }
    if findings.is_empty() {
        findings.extend(spread_out(&mut fleet, &BTreeMap::new()).err());
    }
    if findings.is_empty() { Ok(Plan { fleet, ..Plan::default() }) } else { Err(findings) }
}

fn field(index: usize) -> String {
    format!("placements[{index}].availability_domain")
}

/// Whether a name has the tenancy's own prefix: `Uocm:PHX-AD-1`.
fn is_full(name: &str) -> bool {
    name.contains(':')
}

fn needs_names(fleet: &FleetSpec) -> bool {
    fleet.placements.is_empty()
        || fleet.placements.iter().any(|placement| !is_full(&placement.availability_domain))
}

/// Checks the names of the instances up to the number `last`.
fn check_names(fleet: &FleetSpec, last: u64) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &fleet.naming {
        Some(Naming::List(names)) if last > names.len() as u64 => {
            let message =
                format!("only {} names are listed, so instance {last} has none: add names", names.len());
            findings.push(Finding::new("names", message));
        }
        Some(Naming::Pattern(pattern)) if last > 1 && !pattern.has_number() => {
            let message = format!("every instance would be named {}: add {{n}}", pattern.as_str());
            findings.push(Finding::new("name_pattern", message));
        }
        _ => {}
    }
    let domain = fleet.first_placement().map_or("", |placement| placement.availability_domain.as_str());
    let numbers = match &fleet.naming {
        Some(Naming::List(_)) => fleet.all_numbers().collect(),
        _ => vec![last],
    };
    for number in numbers {
        let longest = fleet.name(number, domain).chars().count();
        if longest > MAX_DISPLAY_NAME {
            findings.push(Finding::new(
                if fleet.naming.is_some() { "name_pattern" } else { "name_prefix" },
                format!("the display name of instance {number} would have {longest} characters; OCI allows {MAX_DISPLAY_NAME}"),
            ));
        }
    }
    findings
}

fn check(fleet: &FleetSpec) -> Vec<Finding> {
    let mut findings = Vec::new();
    if fleet.count == 0 {
        findings.push(Finding::new("count", "0 instances are requested; request at least 1"));
    }
    let last = fleet.all_numbers().max().unwrap_or(1);
    findings.extend(check_names(fleet, last));
    let tags = fleet.template.freeform_tags.iter().flatten();
    for (key, _) in tags.clone().filter(|(key, _)| [RUN_TAG, SLOT_TAG, FLEET_TAG].contains(&key.as_str())) {
        findings.push(Finding::new(
            "freeform_tags",
            format!("the tag `{key}` is set by this program; remove it"),
        ));
    }
    let total = tags.count() + TAGS_OF_A_RUN;
    if total > MAX_FREEFORM_TAGS {
        let over = total - MAX_FREEFORM_TAGS;
        findings.push(Finding::new(
            "freeform_tags",
            format!(
                "{} tags and the {TAGS_OF_A_RUN} that this program sets make {total}; OCI allows {MAX_FREEFORM_TAGS}: remove {over}",
                total - TAGS_OF_A_RUN
            ),
        ));
    }
    findings
}

/// Resolves the full name of each placement. A placement without a domain, and no placement at all, mean every domain.
///
/// # Errors
/// A finding for each name that the region does not have.
pub fn resolve(placements: &[Placement], names: &[String]) -> Result<Vec<Placement>, Vec<Finding>> {
    let any = [Placement::default()];
    resolve_with(if placements.is_empty() { &any[..] } else { placements }, |_| Some(names))
}

/// The same for placements in several regions. In a region of which no names are known, full ones are taken as they are.
fn resolve_in_regions(
    placements: &[Placement],
    known: &BTreeMap<Option<String>, Vec<String>>,
) -> Result<Vec<Placement>, Vec<Finding>> {
    let any = [Placement::default()];
    let placements = if placements.is_empty() { &any[..] } else { placements };
    resolve_with(placements, |placement| known.get(&placement.region).map(Vec::as_slice))
}

fn resolve_with<'a>(
    placements: &[Placement],
    names: impl Fn(&Placement) -> Option<&'a [String]>,
) -> Result<Vec<Placement>, Vec<Finding>> {
    let mut resolved = Vec::new();
    let mut findings = Vec::new();
    for (index, placement) in placements.iter().enumerate() {
        let Some(names) = names(placement) else {
            resolved.push(placement.clone());
            continue;
        };
        let wanted = placement.availability_domain.trim();
        let found: Vec<&String> =
            names.iter().filter(|name| wanted.is_empty() || is_domain(name, wanted)).collect();
        if found.is_empty() {
            let other = names.iter().find(|name| is_full(wanted) && same_but_prefix(name, wanted));
            let message = match other {
                Some(own) => format!(
                    "`{wanted}` has the prefix of another tenancy; the same availability domain is `{own}` here"
                ),
                None => format!(
                    "`{wanted}` is not an availability domain of this tenancy and region; there are: {}",
                    listed(names)
                ),
            };
            let domain = Some(placement.availability_domain.clone());
            findings.push(Finding {
                domain,
                region: placement.region.clone(),
                ..Finding::new(field(index), message)
            });
        }
        for name in found {
            let placement = Placement { availability_domain: name.clone(), ..placement.clone() };
            // Two spellings of one domain are one placement.
            if !resolved.contains(&placement) {
                resolved.push(placement);
            }
        }
    }
    if findings.is_empty() { Ok(resolved) } else { Err(findings) }
}

/// Whether two full names differ only in the tenancy's prefix: `Uocm:PHX-AD-1` and `xYzA:PHX-AD-1`.
fn same_but_prefix(name: &str, wanted: &str) -> bool {
    let bare = |full: &str| full.split_once(':').map(|(_, bare)| bare.to_ascii_lowercase());
    bare(name).is_some() && bare(name) == bare(wanted)
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// Whether two names mean the same availability domain, whichever of them is longer.
pub fn is_same_domain(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    is_domain(one, other) || is_domain(other, one)
}

/// `AD-1`, `PHX-AD-1` and `Uocm:PHX-AD-1` mean `Uocm:PHX-AD-1`, ignoring case. The matching part starts after a `:` or `-`, so
/// that `AD-1` does not match `XAD-1`.
pub fn is_domain(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (name.to_ascii_lowercase(), wanted.to_ascii_lowercase());
    name.strip_suffix(&wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '-']))
}
