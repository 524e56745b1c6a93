//! Reads config.yaml and reports all mistakes at once, each with its position and remedy.
//!
//! It reads the file, public keys and user data. It must not run anything, send requests, or look at the environment (relevant
//! parts are passed in). Flags override the environment, which overrides the file.

mod alternatives;
mod body;
mod cloud_config;
mod connection;
mod context;
mod credentials;
mod engine;
mod example;
mod excerpt;
mod files;
mod finding;
mod fleet_name;
mod hostname;
mod hunt;
mod instance;
mod keys;
mod kinds;
mod layers;

mod merge;
mod metadata;
mod names;
mod naming;
mod network;
mod notify;
mod ocids;
mod options;
mod own_network;
mod placement;
mod pooled;
mod prices;
mod region_placements;
mod regions;
mod scalar;
mod schema;
mod section;
mod set;
pub mod shapes;
mod shared_ledger;
mod show;
mod single;
mod size;
mod source;
mod sources;
mod spread;
mod ssh;
mod ssh_keys;
mod tags;
mod user_data;
mod variables;
mod want;
pub mod write_back;
mod written;
mod yaml;

pub use connection::{Fleet, load_connection};
pub use credentials::{CredentialSource, KeyFields};
pub use example::Placeholders;
pub use files::read_limited;
pub use finding::{ConfigErrors, Finding, Findings, Place};
pub use instance::MAX_COUNT;
pub use keys::{GROUPS, nearest};
pub use layers::Layers;
pub use names::{Name, NameKey, NameKind, Resolved, UnresolvedNames};
pub use ocids::Home;
pub use scalar::Scalar;
pub use schema::schema;
pub use set::join as join_key;
pub use shared_ledger::ledger_of;
pub use show::{Shown, ShownNode, show};
pub use sources::Labels;
pub use ssh_keys::check_ssh_keys;
pub use variables::ReadVariable;
pub use written::Written;
pub use yaml::MAX_BYTES;

use crate::error::CommandError;
use crate::notify::Receiver;
use crate::ssh::Login;
use context::{Context, GROUP};
use finding::Quoted;
use fleet::FleetSpec;
use fleet::plan::Strategy;
use fleet::price::{PriceList, Prices};
use instance::Instances;
use layers::Stacked;
use metadata::Folders;
use oci_api::Region;
use oci_api::models::LaunchInstanceDetails;
use oci_client::credentials::{AuthMethod, CredentialsError};
use oci_client::regions::AddedRegions;
use regions::Around;
use section::Section;
use sources::Sources;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use yaml::Node;

/// The values of flags and the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--count`.
    pub count: Option<u32>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--auth`.
    pub auth: Option<AuthMethod>,
    /// `OCI_CLI_AUTH`.
    pub cli_auth: Option<AuthMethod>,
    /// `--endpoint`, `OCI_INSTA_SCALE_ENDPOINT`.
    pub endpoint: Option<String>,
    /// `--simulate`: no credentials are needed.
    pub simulate: bool,
    /// How to treat values of the example that were not replaced.
    pub placeholders: Placeholders,
    /// `OCI_CLI_PROFILE`: the profile to use if the file has no credentials.
    pub cli_profile: Option<String>,
    /// `OCI_CLI_CONFIG_FILE`: the file with profiles.
    pub cli_config_file: Option<PathBuf>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
    /// Regions that this machine describes in addition to the built-in ones.
    pub added_regions: AddedRegions,
    /// Reads the environment variables that values name; without it, none is set.
    pub variable: Option<ReadVariable>,
    /// The OCIDs of the names in the config, as far as they were looked up.
    pub resolved: Resolved,
    /// Whether the variables of the CLI specify a user and their key, so that no profile is needed.
    pub variables_suffice: bool,
    /// The user's price list.
    pub price_list: Option<Arc<PriceList>>,
}

/// The facts that a profile of `~/.oci/config` adds to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileFacts {
    /// `region`.
    pub region: Option<String>,
    /// The source of the region: the profile, or a variable.
    pub region_from: Option<String>,
    /// `tenancy`.
    pub tenancy: Option<String>,
}

/// Reads the facts of a profile.
type ReadProfile<'a> = dyn Fn(&CredentialSource) -> Result<ProfileFacts, CredentialsError> + 'a;

/// Everything that a launch needs to know.
#[derive(Debug)]
pub struct Settings {
    /// The files as the user named them.
    pub file: String,
    /// How messages name places in the config.
    pub labels: Labels,
    /// Who signs the requests.
    pub credentials: CredentialSource,
    /// One base URL for every service, instead of the region's own.
    pub endpoint: Option<String>,
    /// The fleet.
    pub fleet: FleetSpec,
    /// What to do if fewer instances can be obtained, if the file states it.
    pub strategy: Option<Strategy>,
    /// The user's own prices.
    pub prices: Prices,
    /// How people log in to instances.
    pub login: Login,
    /// The least time between two probes of a hunt.
    pub hunt_floor: Option<Duration>,
    /// Who is notified about a run.
    pub notify: Vec<Receiver>,
    /// Rendered notes for the user.
    pub notes: String,
    /// The positions of values that only the service can check.
    pub written: Written,
    /// Names that have no OCID yet, so that no request may name them.
    pub names: UnresolvedNames,
    /// The OCIDs of the others.
    pub resolved: Resolved,
}

impl Settings {
    /// Refuses names that have no OCID: the OCIDs that stand for them must not be sent.
    ///
    /// # Errors
    /// When there is one.
    pub fn check_names(&self) -> Result<(), ConfigErrors> {
        let Some(name) = self.names.all.first() else { return Ok(()) };
        let message = format!("the {} {:?} has not been looked up", name.kind.what(), name.text);
        let help = format!("write its OCID: `{}`", name.kind.ocid_key());
        Err(self.names.mistakes(vec![Finding::at(name.place, message).help(help)]))
    }

    /// Refuses a config with several regions for a command that handles one.
    ///
    /// # Errors
    /// When the config lists further regions.
    pub fn refuse_regions(&self, command: &str) -> Result<(), CommandError> {
        let Some(first) = self.fleet.regions.first() else { return Ok(()) };
        Err(CommandError::usage(
            format!(
                "{command} handles one region, but {} also lists {} under `regions`",
                self.file, first.region
            ),
            "use `launch`, `hunt`, `resume` and `instances` with this config, or a config for each region",
        ))
    }
}

/// Reads a config. `profile_facts` is called at most once, for the profile that the settings name.
pub fn load(
    layers: &Layers,
    overrides: &Overrides,
    profile_facts: &ReadProfile<'_>,
) -> Result<Settings, ConfigErrors> {
    read_stacked(layers::stack(layers, false), overrides, &|root, sources, findings| {
        read_root(root, sources, overrides, profile_facts, findings)
    })
}

/// Reads the layers with `read`, whose result is meaningful only if no mistake was found.
fn read_stacked(
    stacked: Stacked,
    overrides: &Overrides,
    read: &dyn Fn(&Node, &Sources, &Findings) -> Option<Parts>,
) -> Result<Settings, ConfigErrors> {
    let Stacked { sources, root, findings } = stacked;
    let parts = root.and_then(|mut root| {
        variables::expand(&mut root, overrides.variable, &findings);
        let left = names::take(&mut root, &overrides.resolved, &findings);
        if overrides.placeholders == Placeholders::Noted {
            note_unresolved(&left, &findings);
        }
        let written = |parts| (parts, Written::of(&sources, &root), UnresolvedNames::of(left, &sources));
        read(&root, &sources, &findings).map(written)
    });
    let (mistakes, notes) = findings.into_parts();
    match parts {
        Some((
            Parts {
                credentials,
                endpoint,
                fleet,
                strategy,
                prices,
                login,
                hunt_floor,
                notify,
                profile: None,
            },
            written,
            names,
        )) if mistakes.is_empty() => {
            let labels = sources.labels();
            Ok(Settings {
                file: labels.config(),
                labels,
                credentials,
                endpoint,
                fleet,
                strategy,
                prices,
                login,
                hunt_floor,
                notify,
                notes: Quoted::of(&sources, &notes).render(&notes),
                written,
                names,
                resolved: overrides.resolved.clone(),
            })
        }
        Some((Parts { profile: Some(profile), .. }, ..)) => {
            Err(ConfigErrors::new(&sources, mistakes).with_profile(profile))
        }
        _ => Err(ConfigErrors::new(&sources, mistakes)),
    }
}

/// Says which names stay as they are when no request is sent.
fn note_unresolved(names: &[Name], findings: &Findings) {
    for name in names {
        let message =
            format!("the {} {:?} is not looked up, because no request is sent", name.kind.what(), name.text);
        findings.note(Finding::at(name.place, message).help("a launch looks it up first"));
    }
}

/// The parts of a file. They are meaningful only if no mistake was found.
struct Parts {
    credentials: CredentialSource,
    endpoint: Option<String>,
    fleet: FleetSpec,
    strategy: Option<Strategy>,
    prices: Prices,
    login: Login,
    hunt_floor: Option<Duration>,
    notify: Vec<Receiver>,
    /// Why the profile cannot be used.
    profile: Option<Box<CredentialsError>>,
}

/// Reads the top level. The result is meaningful only if no mistake was found.
fn read_root(
    root: &Node,
    sources: &Sources,
    overrides: &Overrides,
    profile_facts: &ReadProfile<'_>,
    findings: &Findings,
) -> Option<Parts> {
    let top = Section::of(root, "", keys::TOP, findings)?;
    example::find_placeholders(root, example::Extent::Whole, overrides, findings);
    let folders = Folders { sources, home: overrides.home.as_deref() };
    let mut missing = Vec::new();
    let credentials = credentials::read_credentials(&top, overrides, folders, findings, &mut missing);
    let (facts, profile) = facts_of(&credentials, overrides, profile_facts);
    let endpoint = endpoint(&top, overrides, findings);
    let mut without_region = Vec::new();
    // Values that an unreadable profile may contain are not missing in this file.
    let absent = if profile.is_some() { &mut without_region } else { &mut missing };
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
    } else {
        missing.push("compartment_id".to_owned());
    }
    let has_endpoint = endpoint.is_some();
    let context = Context { home: home.as_ref(), count: overrides.count, folders, findings };
    let instances = if let Some(node) = top.node("instance_settings") {
        instance::read_instances(node, &context, &mut missing)
    } else {
        missing.push("instance_settings".to_owned());
        Instances::default()
    };
    report_missing(&top, &missing, findings);
    let tenancy =
        if overrides.profile.is_some() || top.text("tenancy_ocid").is_none() { facts.tenancy } else { None };
    let tenancy = tenancy.or_else(|| top.text("tenancy_ocid").map(|tenancy| tenancy.value.to_owned()));
    let mut fleet = FleetSpec {
        regions: Vec::new(),
        region: home.as_ref().map(|home| home.name.clone()).unwrap_or_default(),
        tenancy: tenancy.unwrap_or_default(),
        compartment: compartment.map(|compartment| compartment.value.to_owned()).unwrap_or_default(),
        name_prefix: instances.names.prefix.clone(),
        naming: instances.names.naming,
        hostname: instances.names.hostname,
        engine: instances.engine,
        count: instances.count.unwrap_or_default(),
        network: instances.network.map(|network| network.value),
        want: None,
        first_number: 1,
        numbers: Vec::new(),
        name: fleet_name::read(&top, &instances.names.prefix, findings),
        placements: instances.placements,
        spread: instances.spread,
        homes: Vec::new(),
        windows_images: Vec::new(),
        template: match template(&instances.body, findings) {
            Some(template) => template,
            None if profile.is_some() => LaunchInstanceDetails::default(),
            None => return None,
        },
    };
    own_network::check_fleet_name(&top, &fleet, findings);
    let around = Around { home: home.as_ref(), has_endpoint, simulated: overrides.simulate, findings };
    regions::read_regions(&top, &mut fleet, &around);
    engine::check_fleet(&top, &fleet, findings);
    let prices = prices::read_prices(&top, overrides.price_list.as_ref(), findings);
    let login = top.node("ssh").map(|node| ssh::read_ssh(node, folders, findings)).unwrap_or_default();
    if let Some(want) = &instances.want {
        want::apply_want(&mut fleet, want, findings);
    }
    if let Some(place) = instances.cheapest {
        prices::put_cheapest_first(&mut fleet, &prices, place, findings);
    }
    fleet.count_by_want();
    let strategy = instances.strategy.map(|strategy| strategy.value);
    let hunt_floor = top.node("hunt").and_then(|node| hunt::read_floor(node, findings));
    let notify = notify::read_notify(&top, folders, findings);
    shared_ledger::read_ledger(&top, findings);
    Some(Parts { credentials, endpoint, fleet, strategy, prices, login, hunt_floor, notify, profile })
}

/// The facts of the profile; empty if there is no profile or it cannot be read.
fn facts_of(
    credentials: &CredentialSource,
    overrides: &Overrides,
    profile_facts: &ReadProfile<'_>,
) -> (ProfileFacts, Option<Box<CredentialsError>>) {
    if !credentials.is_profile() || overrides.simulate {
        return (ProfileFacts::default(), None);
    }
    match profile_facts(credentials) {
        Ok(facts) => (facts, None),
        Err(error) => (ProfileFacts::default(), Some(Box::new(error))),
    }
}

fn template(body: &body::Body, findings: &Findings) -> Option<LaunchInstanceDetails> {
    if !findings.is_clean() {
        return None;
    }
    match serde_json::from_value(serde_json::Value::Object(body.json().clone())) {
        Ok(template) => Some(template),
        Err(error) => {
            // The schema check names every mistake with its position; this handles anything that it misses.
            findings.mistake(Finding::whole(format!("the settings do not match the API model: {error}")));
            None
        }
    }
}

/// Reports missing keys: those of a group at the group, others without a position.
fn report_missing(top: &Section<'_>, missing: &[String], findings: &Findings) {
    let (inner, outer): (Vec<&str>, Vec<&str>) =
        missing.iter().map(String::as_str).partition(|name| name.starts_with(GROUP));
    let outer: Vec<&str> = outer.into_iter().filter(|name| !top.is_misspelt(name)).collect();
    for (names, place) in [(outer, None), (inner, top.key_place("instance_settings"))] {
        if names.is_empty() {
            continue;
        }
        let what = if names.len() == 1 { "a required key is missing" } else { "required keys are missing" };
        let message = format!("{what}: {}", names.join(", "));
        let help = if names.iter().any(|name| credentials::FIELDS.contains(name)) {
            "config.example.yaml describes each key; instead of credentials you can name a profile of ~/.oci/config: \
                 `profile: DEFAULT`, or --profile DEFAULT"
        } else {
            "config.example.yaml describes each key"
        };
        findings.mistake(Finding { place, ..Finding::whole(message) }.help(help));
    }
}

fn endpoint(top: &Section<'_>, overrides: &Overrides, findings: &Findings) -> Option<String> {
    let given = top.text("endpoint");
    if let Some(given) = &given
        && let Err(error) = oci_client::Endpoints::at(given.value)
    {
        findings.mistake(Finding::at(given.place, format!("endpoint: {error}")));
    }
    overrides.endpoint.clone().or_else(|| given.map(|given| given.value.to_owned()))
}

/// The region by its full name. An unknown region is accepted only with an endpoint, which does not depend on the table.
fn home(
    top: &Section<'_>,
    facts: &ProfileFacts,
    overrides: &Overrides,
    has_endpoint: bool,
    findings: &Findings,
    missing: &mut Vec<String>,
) -> Option<Home> {
    let given = top.text("region");
    let name = given.as_ref().map(|given| given.value.to_owned()).or_else(|| facts.region.clone());
    let Some(name) = name else {
        if overrides.simulate {
            return Region::find("us-phoenix-1")
                .map(|region| Home { name: region.name.to_owned(), region: Some(region) });
        }
        missing.push("region".to_owned());
        return None;
    };
    if let Some(region) = Region::find(&name) {
        return Some(Home { name: region.name.to_owned(), region: Some(region) });
    }
    if let Some(added) = overrides.added_regions.find(&name) {
        return Some(Home { name: added.name, region: None });
    }
    if let Err(error) = oci_client::find_region(&name) {
        let finding = match given {
            Some(given) => Finding::at(given.place, error.to_string()),
            None => Finding::whole(match &facts.region_from {
                Some(place) => format!("{error} (the region is from {place})"),
                None => error.to_string(),
            }),
        };
        if has_endpoint {
            findings.note(finding.help("it is used as written, because an endpoint is given"));
            return Some(Home { name: name.trim().to_ascii_lowercase(), region: None });
        }
        findings.mistake(finding.help("if the region is newer than this program, also set `endpoint:`"));
    }
    None
}
