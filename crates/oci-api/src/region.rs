//! Regions and realms (`api/regions.json`).

pub use crate::generated::regions::REGIONS;

/// One region.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name: `us-phoenix-1`.
    pub name: &'static str,
    /// Its short key: `phx`.
    pub key: &'static str,
    /// Its realm: `oc1`.
    pub realm: &'static str,
    /// The realm's second-level domain: `oraclecloud.com`.
    pub domain: &'static str,
}

impl Region {
    /// Finds a region by its name or short key. Case is ignored, as in the official SDKs.
    pub fn find(name: &str) -> Option<&'static Self> {
        let name = name.trim().to_ascii_lowercase();
        REGIONS.iter().find(|region| region.name == name || region.key == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_found_by_name_and_by_key() {
        let region = Region::find("IAD").unwrap();
        assert_eq!((region.name, region.domain), ("us-ashburn-1", "oraclecloud.com"));
        assert_eq!(Region::find("us-ashburn-1"), Some(region));
        assert_eq!(Region::find("us-ashbrun-1"), None);
    }
}
