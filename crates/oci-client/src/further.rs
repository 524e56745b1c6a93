//! A further region of the tenancy, and which calls belong to it: those that name an OCID or an availability domain of it.
//!
//! Must not know retries, signatures or sockets.

use std::sync::Arc;

use oci_api::region::REGIONS;
use oci_api::{Ocid, Region};

use crate::call::Call;
use crate::shared::Shared;

/// The way to a further region.
#[derive(Clone)]
pub(crate) struct Further {
    /// Its name.
    pub name: String,
    /// The way there.
    pub shared: Arc<Shared>,
    /// The compartment that calls name, and the one that takes its place there.
    pub compartments: Option<(String, String)>,
}

impl Further {
    /// Whether a call names something of this region.
    pub fn has(&self, call: &Call) -> bool {
        let values = call.path.iter().chain(call.query.iter().map(|(_, value)| value));
        // A body may name a domain too.
        let domain = call.query.iter().find(|(name, _)| *name == "availabilityDomain");
        values.filter_map(|value| Ocid::parse(value).ok()).any(|ocid| self.is(ocid.region))
            || domain
                .map(|(_, name)| name)
                .or(call.domain.as_ref())
                .is_some_and(|name| self.is(region_in_domain(name)))
    }

    fn is(&self, region: &str) -> bool {
        !region.is_empty()
            && (self.name.eq_ignore_ascii_case(region)
                || Region::find(region).is_some_and(|region| region.name == self.name))
    }

    /// The call as it is sent there.
    pub fn translated(&self, call: &Call) -> Call {
        let mut call = call.clone();
        if let Some((here, there)) = &self.compartments {
            for (_, value) in call.query.iter_mut().filter(|(name, _)| *name == "compartmentId") {
                if value == here {
                    value.clone_from(there);
                }
            }
        }
        call
    }
}

/// The name of the region of a resource, from its OCID, or from its availability domain where the OCID names none.
pub fn region_of(ocid: &str, domain: &str) -> Option<String> {
    let named = Ocid::parse(ocid).ok().map(|ocid| ocid.region).filter(|region| !region.is_empty());
    let text = named.unwrap_or_else(|| region_in_domain(domain));
    let name = Region::find(text).map_or_else(|| text.to_ascii_lowercase(), |region| region.name.to_owned());
    (!name.is_empty()).then_some(name)
}

/// Whether a value names something of a region.
pub(crate) fn is_in_a_region(value: &str) -> bool {
    Ocid::parse(value).is_ok_and(|ocid| !ocid.region.is_empty())
}

/// The region in the full name of an availability domain: `us-ashburn-1` in `Uocm:US-ASHBURN-AD-1`. The two oldest regions are
/// named in their own way there.
fn region_in_domain(domain: &str) -> &str {
    let bare = domain.rsplit(':').next().unwrap_or(domain);
    let named = bare.rfind("-AD-").map_or("", |at| &bare[..at]);
    let is_short =
        |name: &str| name.strip_suffix("-1").is_some_and(|short| short.eq_ignore_ascii_case(named));
    REGIONS.iter().find(|region| is_short(region.name)).map_or(named, |region| region.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_tells_its_region() {
        assert_eq!(region_in_domain("Uocm:PHX-AD-1"), "PHX");
        assert_eq!(region_in_domain("Uocm:US-ASHBURN-AD-3"), "us-ashburn-1");
        assert_eq!(region_in_domain("xYzA:AP-TOKYO-1-AD-1"), "AP-TOKYO-1");
        assert_eq!(region_in_domain("AD-1"), "");
    }

    #[test]
    fn a_resource_is_in_the_region_that_it_names() {
        let of = |ocid, domain| region_of(ocid, domain).unwrap_or_default();
        assert_eq!(of("ocid1.instance.oc1.phx.a", ""), "us-phoenix-1");
        assert_eq!(of("ocid1.instance.oc1.iad.a", "Uocm:PHX-AD-1"), "us-ashburn-1");
        assert_eq!(of("ocid1.instance.oc1.eu-frankfurt-1.a", ""), "eu-frankfurt-1");
        assert_eq!(of("i-1", "Uocm:US-ASHBURN-AD-2"), "us-ashburn-1");
        assert_eq!(of("ocid1.instance.oc1..a", "Uocm:PHX-AD-1"), "us-phoenix-1");
        assert_eq!(of("ocid1.instance.oc1.Mars-East-1.a", ""), "mars-east-1");
        assert_eq!(of("i-1", "AD-1"), "");
    }
}
