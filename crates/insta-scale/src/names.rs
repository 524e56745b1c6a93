//! Looks up the names of a config in its regions, so that a plan and its run have OCIDs only.
//!
//! It must not know how a config is read.

use crate::config::{Finding, Name, NameKind, Resolved, Settings, nearest};
use crate::connection::{client_for_names, for_questions};
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, count};
use crate::session::{Session, endpoints_of};
use crate::tuning::NAMES_SHOWN;
use fleet::policy::{PolicyScope, statement};
use oci_api::models::{Image, Subnet};
use oci_client::credentials::Subject;
use oci_client::services::compute::ImageFilter;
use oci_client::{Client, Failure, FailureClass};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A resource that a name may mean.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NamedResource {
    /// Its names: the display name, and with what contains it.
    names: Vec<String>,
    ocid: String,
}

impl Session {
    /// Reads a config and looks up its names. In a simulated region of this process, everything that the config names exists.
    ///
    /// # Errors
    /// When the config cannot be read, or a name is unknown, ambiguous or must not be looked up.
    pub async fn settled(
        &self,
        read: impl Fn() -> Result<Settings, CommandError>,
    ) -> Result<Settings, CommandError> {
        let settings = read()?;
        if settings.names.all.is_empty() || self.simulated {
            return Ok(settings);
        }
        let signer = self.sign_in_once(&settings).await?;
        let (client, _) = client_for_names(self, &settings, endpoints_of(&settings)?, signer.as_ref())?;
        let resolved = self.ask(look_up(&for_questions(&client), &settings)).await?;
        if !self.is_quiet() {
            let first = settings.fleet.first_placement().map(|placement| &placement.shape);
            for ((kind, region, text, shape), ocid) in &resolved {
                let region = region.as_ref().map(|region| format!(" in {region}")).unwrap_or_default();
                let other = shape.as_ref().filter(|shape| Some(*shape) != first);
                let other = other.map(|shape| format!(" for {}", clean(shape))).unwrap_or_default();
                console::line(&format!("{} {}{region}{other} = {ocid}", kind.what(), clean(text)));
            }
        }
        // A command reads one config, so this is the first time.
        let _ = self.resolved.set(resolved);
        read()
    }
}

/// Looks up all names, those of compartments first, because the others are in them.
async fn look_up(client: &Client, settings: &Settings) -> Result<Resolved, CommandError> {
    let mut asker =
        Asker { client, settings, resolved: Resolved::new(), lists: BTreeMap::new(), mistakes: Vec::new() };
    let names = &settings.names.all;
    for name in names.iter().filter(|name| name.kind == NameKind::Compartment) {
        asker.resolve(name).await?;
    }
    if asker.mistakes.is_empty() {
        for name in names.iter().filter(|name| name.kind != NameKind::Compartment) {
            asker.resolve(name).await?;
        }
    }
    if asker.mistakes.is_empty() {
        return Ok(asker.resolved);
    }
    Err(CommandError::Config(settings.names.mistakes(asker.mistakes)))
}

/// A list that was asked for: the kind, the region, and for images the operating system and the shape.
type ListKey = (NameKind, Option<String>, Option<String>, Option<String>);

struct Asker<'a> {
    client: &'a Client,
    settings: &'a Settings,
    resolved: Resolved,
    lists: BTreeMap<ListKey, Vec<NamedResource>>,
    mistakes: Vec<Finding>,
}

impl Asker<'_> {
    async fn resolve(&mut self, name: &Name) -> Result<(), CommandError> {
        let of_image = name.image.is_some().then(|| name.text.clone());
        let (kind, region, _, shape) = name.key();
        let key = (kind, region, of_image, shape);
        let compartment = self.compartment(name);
        if !self.lists.contains_key(&key) {
            match self.list(name, &compartment).await {
                Ok(list) => {
                    self.lists.insert(key.clone(), list);
                }
                Err(failure) if failure.class == FailureClass::NotFound => {
                    self.mistakes.push(forbidden(name, &compartment, self.client.signer_facts().subject));
                    return Ok(());
                }
                Err(failure) => return Err(failure.into()),
            }
        }
        let all = self.lists.get(&key).map_or(&[][..], Vec::as_slice);
        match choose(name, all) {
            Ok(ocid) => {
                self.resolved.insert(name.key(), ocid);
            }
            Err(finding) => self.mistakes.push(finding),
        }
        Ok(())
    }

    /// The compartment in which a name is looked up.
    fn compartment(&self, name: &Name) -> String {
        let fleet = &self.settings.fleet;
        if name.kind == NameKind::Compartment {
            return fleet.tenancy.clone();
        }
        let region = name.region.as_ref();
        let further = fleet.regions.iter().find(|further| Some(&further.region) == region);
        let written = further.map_or(&fleet.compartment, |further| &further.compartment);
        // The name of the region's own compartment, or else of the config's, as far as `written` stands for one.
        let named = |region: Option<&String>| {
            let mut all = self.settings.names.all.iter();
            let name = all.find(|one| one.kind == NameKind::Compartment && one.region.as_ref() == region)?;
            self.resolved.get(&name.key())
        };
        let has_own = further.is_some_and(|further| further.compartment != fleet.compartment);
        let found = named(region).or_else(|| if has_own { None } else { named(None) });
        found.unwrap_or(written).clone()
    }

    async fn list(&self, name: &Name, compartment: &str) -> Result<Vec<NamedResource>, Failure> {
        let client = self.client.at(name.region.as_deref());
        let one =
            |name: Option<String>, ocid: String| NamedResource { names: name.into_iter().collect(), ocid };
        Ok(match name.kind {
            NameKind::Compartment => compartments(&client, compartment).await?,
            NameKind::Subnet => {
                let rows = client.list_subnets(compartment, None).await?;
                let vcns = vcn_names(&client, &rows).await;
                let alive = rows.into_iter().filter(|row| !is_gone(&row.lifecycle_state.to_string()));
                let names = |own: Option<String>, vcn: &str| match (own, vcns.get(vcn)) {
                    (Some(own), Some(vcn)) => vec![own.clone(), format!("{vcn}/{own}")],
                    (own, _) => own.into_iter().collect(),
                };
                alive
                    .map(|row| NamedResource { names: names(row.display_name, &row.vcn_id), ocid: row.id })
                    .collect()
            }
            NameKind::SecurityGroup => {
                let rows = client.list_network_security_groups(compartment).await?;
                let alive = rows.into_iter().filter(|row| !is_gone(&row.lifecycle_state.to_string()));
                alive.map(|row| one(row.display_name, row.id)).collect()
            }
            NameKind::Reservation => {
                let rows = client.list_capacity_reservations(compartment, None).await?;
                let alive = rows
                    .into_iter()
                    .filter(|row| !is_gone(row.lifecycle_state.as_deref().unwrap_or_default()));
                alive.map(|row| one(row.display_name, row.id)).collect()
            }
            NameKind::DedicatedHost => {
                let rows = client.list_dedicated_vm_hosts(compartment).await?;
                let alive = rows.into_iter().filter(|row| !is_gone(&row.lifecycle_state.to_string()));
                alive.map(|row| one(Some(row.display_name), row.id)).collect()
            }
            NameKind::ComputeCluster => {
                let rows = client.list_compute_clusters(compartment).await?;
                let alive = rows.into_iter().filter(|row| !is_gone(&row.lifecycle_state));
                alive.map(|row| one(row.display_name, row.id)).collect()
            }
            NameKind::Image => {
                let (image, shape) = name.image.clone().unwrap_or_default();
                let filter = ImageFilter {
                    compartment_id: compartment.to_owned(),
                    operating_system: Some(image.os),
                    operating_system_version: Some(image.version),
                    shape,
                };
                let usable = |image: &Image| image.lifecycle_state.to_string() == "AVAILABLE";
                let images = client.list_images(&filter).await?.into_iter().filter(usable);
                let newest = images.max_by_key(|image| image.time_created);
                newest.map(|image| one(Some(name.text.clone()), image.id)).into_iter().collect()
            }
        })
    }
}

/// The names of the virtual cloud networks of subnets, which may be in other compartments. One that must not be read has none.
async fn vcn_names(client: &Client, subnets: &[Subnet]) -> BTreeMap<String, String> {
    let ocids: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.vcn_id.as_str()).collect();
    let mut names = BTreeMap::new();
    for ocid in ocids {
        if let Ok(vcn) = client.get_vcn(ocid).await
            && let Some(name) = vcn.value.display_name
        {
            names.insert(ocid.to_owned(), name);
        }
    }
    names
}

/// The active compartments of a tenancy, each with its path.
async fn compartments(client: &Client, tenancy: &str) -> Result<Vec<NamedResource>, Failure> {
    let rows = client.list_compartments(tenancy, true).await?;
    let parents: BTreeMap<&str, (&str, &str)> = rows
        .iter()
        .map(|row| (row.id.as_str(), (row.name.as_str(), row.compartment_id.as_deref().unwrap_or_default())))
        .collect();
    let path = |ocid: &str| {
        let (mut parts, mut at) = (Vec::new(), ocid);
        // Oracle allows six levels; the limit is for data with a circle.
        while let Some((name, parent)) = parents.get(at).filter(|_| parts.len() < 10) {
            parts.push(*name);
            at = parent;
        }
        parts.reverse();
        parts.join("/")
    };
    let active = rows.iter().filter(|row| !is_gone(&row.lifecycle_state.to_string()));
    Ok(active.map(|row| NamedResource { names: vec![path(&row.id)], ocid: row.id.clone() }).collect())
}

/// Whether a resource in this state can no longer be used.
fn is_gone(state: &str) -> bool {
    ["TERMINATING", "TERMINATED", "DELETING", "DELETED", "INACTIVE", "FAILED"].contains(&state)
}

/// The only resource with exactly this name.
fn choose(name: &Name, all: &[NamedResource]) -> Result<String, Finding> {
    let what = name.kind.what();
    let found: Vec<&NamedResource> = all.iter().filter(|one| one.names.contains(&name.text)).collect();
    match found.as_slice() {
        [one] => Ok(one.ocid.clone()),
        [] => {
            let message = format!("there is no {what} {:?}", name.text);
            let labels: Vec<&str> = all.iter().flat_map(|one| &one.names).map(String::as_str).collect();
            let help = match nearest(&name.text, labels.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None if labels.is_empty() => {
                    format!("none can be listed there; write its OCID: `{}`", name.kind.ocid_key())
                }
                None => format!("there are: {}", labels[..labels.len().min(NAMES_SHOWN)].join(", ")),
            };
            Err(Finding::at(name.place, message).help(help))
        }
        many => {
            let listed: Vec<String> = many
                .iter()
                .map(|one| format!("{} ({})", one.names.last().unwrap_or(&name.text), one.ocid))
                .collect();
            let message = format!(
                "{} have the name {:?}: {}",
                count(many.len() as u64, what),
                name.text,
                listed.join(", ")
            );
            let help = format!("write the OCID of one of them: `{}`", name.kind.ocid_key());
            Err(Finding::at(name.place, message).help(help))
        }
    }
}

/// A name of the config, and its OCID.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ResolvedName<'a> {
    /// What has the name: `subnet`, `image`.
    kind: &'static str,
    /// The name.
    name: &'a str,
    /// The further region in which it was looked up; `null` for the region of the run.
    region: Option<&'a str>,
    /// The shape for which an image was looked up.
    shape: Option<&'a str>,
    /// The OCID.
    ocid: &'a str,
}

/// The OCIDs of the names of a config, for programs.
pub fn resolved_names(resolved: &Resolved) -> Vec<ResolvedName<'_>> {
    let names = resolved.iter().map(|((kind, region, name, shape), ocid)| ResolvedName {
        kind: kind.what(),
        name,
        region: region.as_deref(),
        shape: shape.as_deref(),
        ocid,
    });
    names.collect()
}

/// A list that is not allowed, or whose compartment does not exist: OCI does not say which.
fn forbidden(name: &Name, compartment: &str, subject: Subject) -> Finding {
    let kind = name.kind;
    let message =
        format!("the {} {:?} cannot be looked up: listing them is not allowed", kind.what(), name.text);
    let scope = match kind {
        NameKind::Compartment => PolicyScope::Tenancy,
        _ => PolicyScope::Compartment(compartment),
    };
    let right = statement(subject, "inspect", kind.policy_type(), scope);
    let help = format!("write its OCID (`{}`), or allow it: {right}", kind.ocid_key());
    Finding::at(name.place, message).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Place;

    fn name(text: &str) -> Name {
        Name {
            kind: NameKind::SecurityGroup,
            text: text.to_owned(),
            region: None,
            image: None,
            place: Place::default(),
        }
    }

    fn candidate(names: &[&str], ocid: &str) -> NamedResource {
        NamedResource { names: names.iter().map(ToString::to_string).collect(), ocid: ocid.to_owned() }
    }

    #[test]
    fn only_the_exact_name_is_taken() {
        let all = [
            candidate(&["web", "a/web"], "1"),
            candidate(&["Web"], "2"),
            candidate(&["db", "a/db"], "3"),
            candidate(&["db", "b/db"], "4"),
        ];
        assert_eq!(choose(&name("web"), &all).unwrap(), "1");
        assert_eq!(choose(&name("b/db"), &all).unwrap(), "4");
        let said = choose(&name("db"), &all).unwrap_err();
        assert!(said.message.contains("a/db (3), b/db (4)"), "{}", said.message);
        let said = choose(&name("bastoin"), &[candidate(&["bastion"], "1")]).unwrap_err();
        assert_eq!(said.help.unwrap(), "did you mean \"bastion\"?");
        assert!(choose(&name("x"), &[]).unwrap_err().help.unwrap().contains("nsg_ids"));
    }
}
