//! Regions that are newer than the built-in table, from a file and environment variables that the official SDKs also read.
//!
//! `~/.oci/regions-config.json` contains an array, `OCI_REGION_METADATA` one object, and `OCI_DEFAULT_REALM` the domain of
//! every region that is not described elsewhere. They can add regions, but cannot redefine a region of the table.

use std::path::Path;

use oci_api::region::REGIONS;
use serde::Deserialize;

use crate::credentials::{Environment, expand_home};

/// One added region.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AddedRegion {
    /// Its name: `us-phoenix-1`.
    #[serde(rename = "regionIdentifier")]
    pub name: String,
    /// Its short key: `phx`.
    #[serde(rename = "regionKey")]
    pub key: String,
    /// Its realm's second-level domain: `oraclecloud.com`.
    #[serde(rename = "realmDomainComponent")]
    pub domain: String,
}

/// All regions that this machine describes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddedRegions {
    described: Vec<AddedRegion>,
    /// The second-level domain of all other regions.
    default_domain: Option<String>,
}

impl AddedRegions {
    /// Finds the region with this name or key. With a default domain, every name that is valid in a host name is a region.
    pub fn find(&self, region: &str) -> Option<AddedRegion> {
        let described = self.described.iter().find(|added| added.is(region)).cloned();
        described.or_else(|| {
            let name = region.trim().to_owned();
            AddedRegion { key: name.clone(), name, domain: self.default_domain.clone()? }.checked().ok()
        })
    }
}

/// A description of regions that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} does not describe regions in the format of the OCI SDKs ({why})")]
pub struct RegionMetadataError {
    /// The file, or the variable.
    pub place: String,
    /// What is wrong with it.
    pub why: String,
}

impl AddedRegion {
    /// Whether a name or key refers to this region.
    pub fn is(&self, region: &str) -> bool {
        let region = region.trim();
        self.name.eq_ignore_ascii_case(region) || self.key.eq_ignore_ascii_case(region)
    }

    /// Returns the region in lower case if all of its values are valid in a host name.
    fn checked(self) -> Result<Self, String> {
        let is_host = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        };
        if is_host(&self.name) && is_host(&self.key) && is_host(&self.domain) {
            let lower = |text: String| text.to_ascii_lowercase();
            Ok(Self { name: lower(self.name), key: lower(self.key), domain: lower(self.domain) })
        } else {
            Err("regionIdentifier, regionKey and realmDomainComponent must be valid in host names".to_owned())
        }
    }
}

/// The regions that the file and the variables add.
pub fn added_regions(env: Environment<'_>) -> Result<AddedRegions, RegionMetadataError> {
    let path = expand_home(Path::new("~/.oci/regions-config.json"), env);
    let mut regions = match std::fs::read_to_string(&path) {
        Ok(text) => read(&path.display().to_string(), serde_json::from_str(&text))?,
        Err(_) => Vec::new(),
    };
    if let Some(text) = env("OCI_REGION_METADATA").filter(|text| !text.is_empty()) {
        regions.extend(read("OCI_REGION_METADATA", serde_json::from_str(&text).map(|region| vec![region]))?);
    }
    let default_domain = env("OCI_DEFAULT_REALM").filter(|text| !text.trim().is_empty());
    let default_domain = default_domain.map(|text| domain(text.trim())).transpose()?;
    Ok(AddedRegions { described: regions, default_domain })
}

/// The official tools treat the value of `OCI_DEFAULT_REALM` as a domain, despite its name. The key of a known realm (`oc2`)
/// can only mean that realm's domain.
fn domain(text: &str) -> Result<String, RegionMetadataError> {
    if let Some(region) = REGIONS.iter().find(|region| region.realm.eq_ignore_ascii_case(text)) {
        return Ok(region.domain.to_owned());
    }
    let is_domain = text.contains('.')
        && text.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    is_domain.then(|| text.to_ascii_lowercase()).ok_or_else(|| RegionMetadataError {
        place: "OCI_DEFAULT_REALM".to_owned(),
        why: "it must be the domain of a realm, such as `oraclecloud.com`".to_owned(),
    })
}

fn read(
    place: &str,
    regions: serde_json::Result<Vec<AddedRegion>>,
) -> Result<Vec<AddedRegion>, RegionMetadataError> {
    let wrong = |why: String| RegionMetadataError { place: place.to_owned(), why };
    let regions = regions.map_err(|error| wrong(error.to_string()))?;
    regions.into_iter().map(AddedRegion::checked).collect::<Result<_, _>>().map_err(wrong)
}
