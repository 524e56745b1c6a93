//! Reads only how to reach the service: credentials, region, compartment, prices. Commands that launch nothing use it, so that
//! instances can be managed without a fleet in the config, or without a config.

use super::context::Context;
use super::instance;
use super::layers::{self, Layers};
use super::metadata::Folders;
use super::names::NameKind;
use super::regions::{self, Around};
use super::section::Section;
use super::sources::Sources;
use super::{
    ConfigErrors, Findings, Home, Overrides, Parts, ReadProfile, Settings, credentials, endpoint, example,
    facts_of, home, keys, notify, ocids, prices, read_stacked, report_missing, ssh, yaml,
};
use fleet::FleetSpec;
use oci_client::credentials::AuthMethod;

/// The default profile of the official tools.
const USUAL_PROFILE: &str = "DEFAULT";

/// How much of the fleet is also read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fleet {
    /// Only its name, if its instances carry it.
    Ignored,
    /// As much as can be read of an unfinished config; mistakes in the fleet are ignored.
    Sketched,
}

/// Reads a config. Without a file, and unless it is `required`, a profile of `~/.oci/config` suffices.
pub fn load_connection(
    layers: &Layers,
    required: bool,
    fleet: Fleet,
    overrides: &Overrides,
    profile_facts: &ReadProfile<'_>,
) -> Result<Settings, ConfigErrors> {
    let mut overrides = overrides.clone();
    let is_there = required || layers.files.iter().any(|file| file.exists());
    // Without a config, the official tools' profile suffices, and where their variables suffice, not even that is needed.
    let is_principal = overrides.auth.or(overrides.cli_auth).is_some_and(AuthMethod::is_principal);
    if !is_there && overrides.profile.is_none() && !overrides.variables_suffice && !is_principal {
        let usual = || USUAL_PROFILE.to_owned();
        overrides.profile = Some(overrides.cli_profile.clone().unwrap_or_else(usual));
    }
    let stacked = layers::stack(layers, !required);
    let settings = read_stacked(stacked, &overrides, &|root, sources, findings| {
        read(root, sources, fleet, &overrides, profile_facts, findings)
    });
    settings.map(|mut settings| {
        // Nothing is launched, so a name of a subnet or an image must not stand in the way.
        settings.names.all.retain(|name| name.kind == NameKind::Compartment);
        settings
    })
}

/// The fleet, as far as the file describes one.
fn sketch(top: &Section<'_>, home: Option<&Home>, folders: Folders<'_>) -> FleetSpec {
    let aside = Findings::default();
    let context = Context { home, count: None, folders, findings: &aside };
    let read = |node| instance::read_instances(node, &context, &mut Vec::new());
    let instances = top.node("instance_settings").map(read).unwrap_or_default();
    let template = serde_json::from_value(serde_json::Value::Object(instances.body.json().clone()));
    FleetSpec {
        name: super::fleet_name::read(top, &instances.names.prefix, &aside),
        name_prefix: instances.names.prefix.clone(),
        naming: instances.names.naming,
        hostname: instances.names.hostname,
        engine: instances.engine,
        count: instances.count.unwrap_or_default(),
        placements: instances.placements,
        spread: instances.spread,
        network: instances.network.map(|network| network.value),
        template: template.unwrap_or_default(),
        ..FleetSpec::default()
    }
}

fn read(
    root: &yaml::Node,
    sources: &Sources,
    fleet: Fleet,
    overrides: &Overrides,
    profile_facts: &ReadProfile<'_>,
    findings: &Findings,
) -> Option<Parts> {
    let top = Section::of(root, "", keys::TOP, findings)?;
    example::find_placeholders(root, example::Extent::Connection, overrides, findings);
    let folders = Folders { sources, home: overrides.home.as_deref() };
    let mut missing = Vec::new();
    let credentials = credentials::read_credentials(&top, overrides, folders, findings, &mut missing);
    let (facts, broken) = facts_of(&credentials, overrides, profile_facts);
    let endpoint = endpoint(&top, overrides, findings);
    let mut without_region = Vec::new();
    // Values that an unreadable profile may contain are not missing in this file.
    let absent = if broken.is_some() { &mut without_region } else { &mut missing };
    let home = home(&top, &facts, overrides, endpoint.is_some(), findings, absent);
    credentials::check_ocids(&top, home.as_ref(), findings);
    let compartment = top.text("compartment_id");
    if let Some(compartment) = &compartment {
        ocids::check_ocid(
            "compartment_id",
            compartment,
            &["compartment", "tenancy"],
            home.as_ref(),
            findings,
        );
    }
    report_missing(&top, &missing, findings);
    let sketched = match fleet {
        Fleet::Sketched => sketch(&top, home.as_ref(), folders),
        Fleet::Ignored => {
            let sketched = sketch(&top, home.as_ref(), folders);
            FleetSpec { name: sketched.tagged_name().unwrap_or_default().to_owned(), ..FleetSpec::default() }
        }
    };
    let own_tenancy = top.text("tenancy_ocid").map(|tenancy| tenancy.value.to_owned());
    let mut fleet = FleetSpec {
        region: home.as_ref().map(|home| home.name.clone()).unwrap_or_default(),
        tenancy: own_tenancy.filter(|_| overrides.profile.is_none()).or(facts.tenancy).unwrap_or_default(),
        compartment: compartment.map(|compartment| compartment.value.to_owned()).unwrap_or_default(),
        first_number: 1,
        ..sketched
    };
    let around = Around {
        home: home.as_ref(),
        has_endpoint: endpoint.is_some(),
        simulated: overrides.simulate,
        findings,
    };
    regions::read_ways(&top, &mut fleet, &around);
    let prices = prices::read_prices(&top, overrides.price_list.as_ref(), findings);
    let login = top.node("ssh").map(|node| ssh::read_ssh(node, folders, findings)).unwrap_or_default();
    let notify = notify::read_notify(&top, folders, findings);
    Some(Parts {
        credentials,
        endpoint,
        fleet,
        strategy: None,
        prices,
        login,
        hunt_floor: None,
        notify,
        profile: broken,
    })
}
