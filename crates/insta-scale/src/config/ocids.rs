//! Checks the text of OCIDs: form, resource type, realm and region.
//!
//! It must not ask the service whether they exist.

use super::finding::{Finding, Findings};
use super::section::At;
use oci_api::{Ocid, OcidError, Region};

/// The region of the config, if known.
#[derive(Clone, Debug)]
pub struct Home {
    /// Its name: `us-phoenix-1`.
    pub name: String,
    /// Its row of the table; `None` for a region that the table does not contain.
    pub region: Option<&'static Region>,
}

/// Checks one OCID and reports what is wrong. `types` are the resource types that the key accepts.
pub fn check_ocid(key: &str, ocid: &At<&str>, types: &[&str], home: Option<&Home>, findings: &Findings) {
    let wanted = types.join(" or ");
    let parsed = match Ocid::parse(ocid.value) {
        Ok(parsed) => parsed,
        Err(error) => {
            let example = format!("an OCID of type {wanted} looks like `ocid1.{}.oc1…`", types[0]);
            findings.mistake(Finding::at(ocid.place, malformed(key, ocid.value, &error)).help(example));
            return;
        }
    };
    if !types.contains(&parsed.resource_type) {
        let message =
            format!("{key} needs an OCID of type {wanted}, but this OCID has type {}", parsed.resource_type);
        findings
            .mistake(Finding::at(ocid.place, message).help(format!("copy the OCID of the {wanted} itself")));
        return;
    }
    let Some(home) = home else { return };
    // A region that the table does not contain cannot be compared.
    let Some(own) = home.region else { return };
    let elsewhere = match Region::find(parsed.region) {
        _ if parsed.region.is_empty() => false,
        Some(region) => own.name != region.name,
        None => !parsed.region.eq_ignore_ascii_case(&home.name),
    };
    if elsewhere {
        let region = Region::find(parsed.region).map_or(parsed.region, |region| region.name);
        let kind = parsed.resource_type;
        findings.mistake(
            Finding::at(
                ocid.place,
                format!("{key} is in region {region}, but the config is for {}", home.name),
            )
            .help(format!("use the OCID of the {kind} in {}, or set `region: {region}`", home.name)),
        );
    } else if own.realm != parsed.realm {
        findings.mistake(
            Finding::at(
                ocid.place,
                format!(
                    "{key} is in realm {}, but the region {} is in {}",
                    parsed.realm, own.name, own.realm
                ),
            )
            .help("realms are isolated from each other: use an OCID of the tenancy that `region` belongs to"),
        );
    }
}

fn malformed(key: &str, text: &str, error: &OcidError) -> String {
    // A pasted key or a whole file would flood the message.
    if text.len() > 120 || text.contains('\n') {
        return format!("{key} is not an OCID: {error}");
    }
    format!("{key} is not an OCID: {error}, but this is {text:?}")
}
