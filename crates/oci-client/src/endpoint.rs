//! The base URL of each service: derived from the region, or one URL for all services. It must not know about requests.

use oci_api::Service;
use oci_api::region::{REGIONS, Region};

use crate::regions::AddedRegions;

/// The base URLs of the services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// `https://<service host>`, by region and realm.
    Region { name: String, domain: String },
    /// One base URL for all services.
    Override(Base),
}

/// A base URL in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The scheme: `https`, or `http` for this machine only.
    pub scheme: http::uri::Scheme,
    /// The host, with the port unless it is the scheme's default. The `host` header carries it, and it is signed.
    pub authority: String,
    /// A path that precedes the operation's path; usually empty.
    pub prefix: String,
}

/// Why there is no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The region does not exist.
    #[error("the region {region:?} is unknown{}", suggestion(.nearest.as_deref()))]
    UnknownRegion {
        /// The given name.
        region: String,
        /// The region with the most similar name, if there is one.
        nearest: Option<String>,
    },
    /// The text is not a base URL.
    #[error("{url:?} is not a base URL ({why}): write it as https://host[:port]")]
    BadUrl {
        /// The given text.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The URL uses plain HTTP to another machine.
    #[error(
        "{url:?} is plain http to another machine: others could read and change the requests. Use https; plain http \
             is allowed only to 127.0.0.0/8, [::1] and localhost"
    )]
    Insecure {
        /// The given text.
        url: String,
    },
}

fn suggestion(nearest: Option<&str>) -> String {
    match nearest {
        Some(name) => format!("; did you mean {name:?}?"),
        None => "; write it as `us-ashburn-1`, and describe a region that is newer than this program in OCI_REGION_METADATA"
            .to_owned(),
    }
}

impl Endpoints {
    /// The endpoints of a region, by its name or short key.
    pub fn for_region(region: &str) -> Result<Self, EndpointError> {
        Self::for_region_or(region, &AddedRegions::default())
    }

    /// Like [`Self::for_region`], but also finds regions that the table lacks: see [`crate::regions`].
    pub fn for_region_or(region: &str, more: &AddedRegions) -> Result<Self, EndpointError> {
        let place = |name: &str, domain: &str| Self {
            place: Place::Region { name: name.to_owned(), domain: domain.to_owned() },
        };
        match find_region(region) {
            Ok(known) => Ok(place(known.name, known.domain)),
            Err(error) => {
                let added = more.find(region).ok_or(error)?;
                Ok(place(&added.name, &added.domain))
            }
        }
    }

    /// One base URL for every service, for a simulator or a proxy.
    pub fn at(url: &str) -> Result<Self, EndpointError> {
        Ok(Self { place: Place::Override(Base::parse(url)?) })
    }

    /// The base URL of the auth host, which issues and renews tokens.
    pub fn auth(&self) -> Base {
        match &self.place {
            Place::Override(base) => base.clone(),
            Place::Region { name, domain } => Base {
                scheme: http::uri::Scheme::HTTPS,
                authority: format!("auth.{name}.{domain}"),
                prefix: String::new(),
            },
        }
    }

    /// The base URL of a service.
    pub fn base(&self, service: Service) -> Base {
        match &self.place {
            Place::Override(base) => base.clone(),
            Place::Region { name, domain } => Base {
                scheme: http::uri::Scheme::HTTPS,
                authority: match service {
                    Service::Compute
                    | Service::ComputeManagement
                    | Service::VirtualNetwork
                    | Service::Blockstorage
                    | Service::WorkRequest => format!("iaas.{name}.{domain}"),
                    Service::Identity => format!("identity.{name}.oci.{domain}"),
                    Service::Limits | Service::LimitsIncrease | Service::Quotas => {
                        format!("limits.{name}.oci.{domain}")
                    }
                    Service::ResourceSearch => format!("query.{name}.oci.{domain}"),
                    Service::ObjectStorage => format!("objectstorage.{name}.{domain}"),
                },
                prefix: String::new(),
            },
        }
    }
}

/// The region with this name or key, or an error that suggests the most similar name.
pub fn find_region(region: &str) -> Result<&'static Region, EndpointError> {
    if let Some(found) = Region::find(region) {
        return Ok(found);
    }
    let wanted = region.trim().to_ascii_lowercase();
    let by_part = || REGIONS.iter().find(|candidate| wanted.len() >= 4 && candidate.name.contains(&wanted));
    let nearest = REGIONS
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, candidate.name), candidate.name))
        .min()
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .map(|(_, name)| name)
        .or_else(|| by_part().map(|candidate| candidate.name));
    Err(EndpointError::UnknownRegion { region: region.to_owned(), nearest: nearest.map(str::to_owned) })
}

impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl Base {
    /// Whether the host is certainly this machine.
    pub fn is_loopback(&self) -> bool {
        let host =
            self.authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        is_loopback(host.map_or(self.authority.as_str(), |(host, _)| host))
    }

    /// Parses a base URL. A trailing version (`/20160918`) is dropped, because each operation's path contains it.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let bad = |why: &str| EndpointError::BadUrl { url: url.to_owned(), why: why.to_owned() };
        let uri: http::Uri =
            url.trim().parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        let scheme = uri.scheme().ok_or_else(|| bad("the scheme is missing"))?.clone();
        let authority = uri.authority().ok_or_else(|| bad("the host is missing"))?;
        let host = authority.host();
        if host.is_empty() {
            return Err(bad("the host is missing"));
        }
        if authority.as_str().contains('@') {
            return Err(bad("it must not contain a user name"));
        }
        if uri.query().is_some() {
            return Err(bad("it must not contain a query"));
        }
        let default_port = match scheme.as_str() {
            "https" => 443,
            "http" if is_loopback(host) => 80,
            "http" => return Err(EndpointError::Insecure { url: url.to_owned() }),
            _ => return Err(bad("only https and http are supported")),
        };
        let host = host.to_ascii_lowercase();
        let authority = match authority.port() {
            None if authority.as_str().len() > host.len() => return Err(bad("the port is not a number")),
            Some(port) if port.as_u16() != default_port => format!("{host}:{port}"),
            _ => host,
        };
        let prefix = uri.path().trim_end_matches('/');
        let prefix = ["/20160918", "/20190729"]
            .iter()
            .find_map(|version| prefix.strip_suffix(version))
            .unwrap_or(prefix)
            .trim_end_matches('/');
        Ok(Self { scheme, authority, prefix: prefix.to_owned() })
    }
}

/// Whether a host from a URL is certainly this machine.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
