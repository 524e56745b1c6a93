//! Reads only how to reach the service: credentials, region, compartment, prices. For commands that launch nothing, so
//! that instances can be managed without a fleet in the config, or without a config at all.

use super::metadata::Folders;
use super::section::Section;
use super::{
    ConfigErrors, CredentialSource, Findings, Overrides, Parts, ProfileFacts, Settings, credentials,
    endpoint, home, keys, ocids, prices, read_file, read_source, report_missing, yaml,
};
use fleet::FleetSpec;
use std::path::Path;

/// The profile that the official tools use when none is named.
const USUAL_PROFILE: &str = "DEFAULT";

/// Reads a file. Without one, and with `required` not set, a profile of `~/.oci/config` says all.
pub fn load_connection(
    path: &Path,
    required: bool,
    overrides: &Overrides,
    profile_facts: &dyn Fn(&CredentialSource) -> Result<ProfileFacts, String>,
) -> Result<Settings, ConfigErrors> {
    if required || path.exists() {
        return read_file(path, &|root, folder, findings| {
            read(root, folder, overrides, profile_facts, findings)
        });
    }
    let profile = overrides.profile.clone().or_else(|| overrides.cli_profile.clone());
    let overrides =
        Overrides { profile: Some(profile.unwrap_or_else(|| USUAL_PROFILE.to_owned())), ..overrides.clone() };
    read_source(&path.display().to_string(), "{}", &|root, findings| {
        read(root, Path::new(""), &overrides, profile_facts, findings)
    })
}

fn read(
    root: &yaml::Node,
    folder: &Path,
    overrides: &Overrides,
    profile_facts: &dyn Fn(&CredentialSource) -> Result<ProfileFacts, String>,
    findings: &Findings,
) -> Option<Parts> {
    let top = Section::of(root, "", keys::TOP, findings)?;
    let folders = Folders { config: folder, home: overrides.home.as_deref() };
    let mut missing = Vec::new();
    let credentials = credentials::read(&top, overrides, folders, findings, &mut missing);
    let mut facts = ProfileFacts::default();
    if credentials.is_profile() {
        match profile_facts(&credentials) {
            Ok(found) => facts = found,
            Err(error) => findings.mistake(credentials::profile_finding(&top, &error)),
        }
    }
    let endpoint = endpoint(&top, overrides, findings);
    let home = home(&top, &facts, overrides, endpoint.is_some(), findings, &mut missing);
    credentials::check_ocids(&top, home.as_ref(), findings);
    let compartment = top.text("compartment_id");
    if let Some(compartment) = &compartment {
        ocids::check("compartment_id", compartment, &["compartment", "tenancy"], home.as_ref(), findings);
    }
    report_missing(&top, &missing, findings);
    let own_tenancy = top.text("tenancy_ocid").map(|tenancy| tenancy.value.to_owned());
    let fleet = FleetSpec {
        region: home.map(|home| home.name).unwrap_or_default(),
        tenancy: own_tenancy.filter(|_| overrides.profile.is_none()).or(facts.tenancy).unwrap_or_default(),
        compartment: compartment.map(|compartment| compartment.value.to_owned()).unwrap_or_default(),
        first_number: 1,
        ..FleetSpec::default()
    };
    let prices = top.node("prices").map(|node| prices::read(node, findings)).unwrap_or_default();
    Some((credentials, endpoint, fleet, prices))
}
