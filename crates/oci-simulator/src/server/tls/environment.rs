//! The files that point clients at the region: lines for `/etc/hosts`, and variables for a shell.

use super::names::{ServiceHosts, all_hosts};
use crate::server::home::{HomeError, io, write_over};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

const HOSTS: &str = "hosts";
const ENVIRONMENT: &str = "env.sh";
/// The files that this module writes into a home.
pub(in crate::server) const FILES: [&str; 2] = [HOSTS, ENVIRONMENT];

/// Proxies would carry signed requests away from this machine.
const PROXIES: [&str; 8] = [
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "ftp_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
];

/// What clients need in their environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Variables to set.
    pub set: Vec<(&'static str, String)>,
    /// Variables to remove.
    pub unset: Vec<&'static str>,
    /// Lines for `/etc/hosts`.
    pub hosts: String,
    /// Host names that must lead to this machine.
    pub names: Vec<String>,
    /// The file with the variables.
    pub file: PathBuf,
}

/// The environment of clients of a home.
fn environment(home: &Path, authority: &Path, places: &[ServiceHosts], address: IpAddr) -> Environment {
    let shown = |path: &Path| path.display().to_string();
    let (ca, config) = (shown(authority), shown(&home.join("config")));
    let mut set = Vec::new();
    for name in [
        // OpenSSL and Go, Python requests, curl, Node.js, the CLI, the SDK of Go and the provider of Terraform.
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "OCI_CLI_CERT_BUNDLE",
        "OCI_DEFAULT_CERTS_PATH",
        "custom_cert_location",
    ] {
        set.push((name, ca.clone()));
    }
    for name in ["OCI_CONFIG_FILE", "OCI_CLI_CONFIG_FILE"] {
        set.push((name, config.clone()));
    }
    if let Some(place) = places.first() {
        let key = oci_api::Region::find(&place.region).map_or(place.region.as_str(), |region| region.key);
        let realm = oci_api::Region::find(&place.region).map_or("oc1", |region| region.realm);
        let metadata = serde_json::json!({
            "realmKey": realm, "realmDomainComponent": place.domain,
            "regionKey": key.to_uppercase(), "regionIdentifier": place.region,
        });
        set.push(("OCI_REGION_METADATA", metadata.to_string()));
        set.push(("domain_name_override", place.domain.clone()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        set.push((name, "*".to_owned()));
    }
    let names = all_hosts(places);
    let mut hosts = String::from("127.0.0.1 localhost\n::1 localhost\n");
    for name in &names {
        // Writing to a String cannot fail.
        let _ = writeln!(hosts, "{address} {name}");
    }
    Environment { set, unset: PROXIES.to_vec(), hosts, names, file: home.join(ENVIRONMENT) }
}

/// Writes the files, and returns what is in them.
pub(in crate::server) fn write_files(
    home: &Path,
    authority: &Path,
    places: &[ServiceHosts],
    address: IpAddr,
) -> Result<Environment, HomeError> {
    let environment = environment(home, authority, places, address);
    let mut text = String::from(
        "# Points clients at the simulated region: `. env.sh`. Its host names must be in /etc/hosts.\n",
    );
    for (name, value) in &environment.set {
        let _ = writeln!(text, "export {name}={}", quoted(value));
    }
    let _ = writeln!(text, "unset {}", environment.unset.join(" "));
    for (name, text) in [(HOSTS, &environment.hosts), (ENVIRONMENT, &text)] {
        let path = home.join(name);
        write_over(&path, text).map_err(|source| io("write", &path, source))?;
    }
    Ok(environment)
}

/// One word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
