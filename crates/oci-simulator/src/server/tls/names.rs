//! The host names of the services that a region serves, as SDKs compute them.

use oci_api::Region;

/// The names of a region's services, made of its own name and the domain of its realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct ServiceHosts {
    pub region: String,
    pub domain: String,
}

impl ServiceHosts {
    /// The place of a region. One that the table lacks is in the first realm.
    pub fn of(region: &str) -> Self {
        let domain = Region::find(region).map_or("oraclecloud.com", |region| region.domain);
        Self { region: region.to_owned(), domain: domain.to_owned() }
    }

    /// The host names of its services. Identity and its relatives have an old form and one with `oci`.
    pub fn hosts(&self) -> Vec<String> {
        let Self { region, domain } = self;
        let mut hosts = vec![format!("iaas.{region}.{domain}"), format!("iaas.{region}.ds.oci.{domain}")];
        for service in ["auth", "identity", "limits", "query", "objectstorage"] {
            hosts.push(format!("{service}.{region}.{domain}"));
            hosts.push(format!("{service}.{region}.oci.{domain}"));
        }
        hosts
    }

    /// The domains below which the authority may issue names.
    pub fn domains(&self) -> [String; 3] {
        [
            format!("{}.{}", self.region, self.domain),
            format!("{}.ds.oci.{}", self.region, self.domain),
            format!("{}.oci.{}", self.region, self.domain),
        ]
    }

    /// Whether a host name is one of its services.
    pub fn has(&self, host: &str) -> bool {
        self.hosts().iter().any(|own| own.eq_ignore_ascii_case(host))
    }
}

/// The host names of all places.
pub(in crate::server) fn all_hosts(places: &[ServiceHosts]) -> Vec<String> {
    places.iter().flat_map(ServiceHosts::hosts).collect()
}
