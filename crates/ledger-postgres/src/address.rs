//! The address of a database, as a person writes it: `postgres://user@host/name`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio_postgres::config::{Config, Host, SslMode};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// After this time without an acknowledgement, a connection counts as broken: the operating system would wait for a quarter of
/// an hour.
const UNACKNOWLEDGED: Duration = Duration::from_secs(20);

/// Where a ledger is, and how to log in there. Its text has no password.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    /// The certificates that vouch for the server, if not those of this machine.
    pub(crate) root_certificates: Option<PathBuf>,
    shown: String,
}

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(pub String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whether a text is meant as the address of a database.
pub fn is_address(text: &str) -> bool {
    ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme))
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !is_address(text) {
            return Err(AddressError("it does not begin with postgres://".to_owned()));
        }
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let mut mode = None;
        let mut root_certificates = None;
        let mut rest = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => root_certificates = Some(PathBuf::from(decoded(value))),
                _ => rest.push(option),
            }
        }
        let plain = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
        // The text of the library's error could repeat the password.
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            let why =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            AddressError(format!("it is not of the form postgres://user@host:port/name ({why})"))
        })?;
        if config.get_hosts().is_empty() {
            return Err(AddressError("it names no host".to_owned()));
        }
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(AddressError("it names no database: postgres://user@host/name".to_owned()));
        }
        config.ssl_mode(ssl_mode(mode.as_deref(), &config)?);
        config.application_name("oci-insta-scale").connect_timeout(CONNECT).tcp_user_timeout(UNACKNOWLEDGED);
        let shown = shown(&config);
        Ok(Self { config, root_certificates, shown })
    }
}

impl Address {
    /// Uses this password unless the address has one.
    #[must_use]
    pub fn or_password(mut self, password: Option<String>) -> Self {
        if let (None, Some(password)) = (self.config.get_password(), password) {
            self.config.password(password);
        }
        self
    }
}

/// Connections that leave this machine are encrypted, and the certificate is verified, unless the address says `disable`: the
/// modes of libpq that encrypt without verifying are taken as the one that does.
fn ssl_mode(asked: Option<&str>, config: &Config) -> Result<SslMode, AddressError> {
    match asked {
        None if config.get_hosts().iter().all(is_here) => Ok(SslMode::Disable),
        None | Some("prefer" | "allow" | "require" | "verify-ca" | "verify-full") => Ok(SslMode::Require),
        Some("disable") => Ok(SslMode::Disable),
        Some(other) => Err(AddressError(format!("sslmode={other} is not known: use verify-full or disable"))),
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn shown(config: &Config) -> String {
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let host = match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]"),
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string(),
        };
        match ports.get(at).or(ports.first()) {
            Some(port) if *port != 5432 => format!("{host}:{port}"),
            _ => host,
        }
    });
    let hosts: Vec<String> = hosts.collect();
    format!("postgres://{user}{}/{}", hosts.join(","), config.get_dbname().unwrap_or_default())
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let address = address("postgresql://ann:s3cr%40t@db.example:6432/fleet?sslrootcert=%2Fca.pem");
        assert_eq!(address.to_string(), "postgres://ann@db.example:6432/fleet");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert_eq!(address.root_certificates, Some(PathBuf::from("/ca.pem")));
        assert_eq!(address.config.get_password(), Some(&b"s3cr@t"[..]));
        let other = address.or_password(Some("other".to_owned()));
        assert_eq!(other.config.get_password(), Some(&b"s3cr@t"[..]));
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted() {
        let mode = |text: &str| address(text).config.get_ssl_mode();
        for text in [
            "postgres://db.example/f",
            "postgres://db/f?sslmode=prefer",
            "postgres://127.0.0.1/f?sslmode=require",
        ] {
            assert_eq!(mode(text), SslMode::Require, "{text}");
        }
        for text in [
            "postgres://localhost/f",
            "postgres://[::1]/f",
            "postgres:///f?host=/run/postgresql",
            "postgres://db/f?sslmode=disable",
        ] {
            assert_eq!(mode(text), SslMode::Disable, "{text}");
        }
    }

    #[test]
    fn a_mistake_is_named_without_the_password() {
        for (text, says) in [
            ("mysql://db/f", "does not begin with postgres://"),
            ("postgres://ann:pa55@/f", "names no host"),
            ("postgres://ann:pa55@db", "names no database"),
            ("postgres://ann:pa55@db/f?sslmode=sure", "sslmode=sure is not known"),
            ("postgres://ann:pa55@db/f?colour=red", "colour"),
            ("postgres://ann:pa55@db:port/f", "is not of the form"),
        ] {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("pa55"), "{text}: {error}");
        }
    }
}
