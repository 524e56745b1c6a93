//! The certificate of a home: issued by an authority of the home's own, which no machine trusts by itself.
//!
//! The key of the authority is never stored: it issues one certificate and is forgotten, so that nobody can issue another name with
//! it. Its certificate is limited to the names of the regions, and is replaced before it expires.

use super::names::{ServiceHosts, all_hosts};
use crate::server::home::{HomeError, io, write_over};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The authority, for clients to trust.
const AUTHORITY: &str = "ca.pem";
const CERTIFICATE: &str = "tls.pem";
const KEY: &str = "tls_key.pem";
const RECORD: &str = "tls.json";
/// The files that this module writes into a home.
pub(in crate::server) const FILES: [&str; 4] = [AUTHORITY, CERTIFICATE, KEY, RECORD];

/// For how long a certificate is valid, and how long before its end it is replaced.
const VALID_DAYS: i64 = 90;
const RENEWED_DAYS: i64 = 14;

/// A certificate with its key, as PEM.
#[derive(Clone, Debug)]
pub(in crate::server) struct Credentials {
    /// The file of the authority.
    pub authority: PathBuf,
    pub certificate: String,
    pub key: String,
    /// Whether it replaces an earlier one, which clients may still trust.
    pub renewed: bool,
}

/// What the certificate in a home is good for.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Record {
    hosts: Vec<String>,
    expires: Timestamp,
    /// A hash of the other files: a damaged one, or one of another home, does not belong to the record.
    #[serde(default)]
    files: String,
}

/// Reads the certificate of a home, or issues a new one if there is none, if it expires soon, if it is for other regions, or if its
/// files do not belong together.
pub(in crate::server) fn open(
    home: &Path,
    places: &[ServiceHosts],
    now: Timestamp,
) -> Result<Credentials, HomeError> {
    let read = |name: &str| std::fs::read_to_string(home.join(name)).ok();
    let wanted = all_hosts(places);
    let record = read(RECORD).and_then(|text| serde_json::from_str::<Record>(&text).ok());
    let soon = now.saturating_add(SignedDuration::from_hours(24 * RENEWED_DAYS)).unwrap_or(Timestamp::MAX);
    let good = record.filter(|record| record.hosts == wanted && record.expires > soon);
    let authority = home.join(AUTHORITY);
    if let (Some(record), Some(own), Some(certificate), Some(key)) =
        (good, read(AUTHORITY), read(CERTIFICATE), read(KEY))
        && record.files == hash([&own, &certificate, &key])
    {
        return Ok(Credentials { authority, certificate, key, renewed: false });
    }
    let renewed = authority.is_file();
    let issued = issue(places, now).map_err(|error| HomeError::Certificate(error.to_string()))?;
    let files = hash([&issued.authority, &issued.certificate, &issued.key]);
    let record = Record { hosts: wanted, expires: issued.expires, files };
    // The record is written last: with it, all other files are complete.
    let record = serde_json::to_string(&record).unwrap_or_default();
    for (name, text) in [
        (AUTHORITY, &issued.authority),
        (CERTIFICATE, &issued.certificate),
        (KEY, &issued.key),
        (RECORD, &record),
    ] {
        let path = home.join(name);
        write_over(&path, text).map_err(|source| io("write", &path, source))?;
    }
    Ok(Credentials { authority, certificate: issued.certificate, key: issued.key, renewed })
}

fn hash(files: [&str; 3]) -> String {
    STANDARD.encode(digest(&SHA256, files.concat().as_bytes()))
}

struct Issued {
    authority: String,
    certificate: String,
    key: String,
    expires: Timestamp,
}

fn issue(places: &[ServiceHosts], now: Timestamp) -> Result<Issued, rcgen::Error> {
    let day = |days: i64| {
        let at = now.saturating_add(SignedDuration::from_hours(24 * days)).unwrap_or(now);
        let date = at.to_zoned(TimeZone::UTC).date();
        let [month, day] = [date.month(), date.day()].map(|part| u8::try_from(part).unwrap_or(1));
        (at, date_time_ymd(i32::from(date.year()), month, day))
    };
    // A day earlier, for machines whose clock is behind.
    let (_, begins) = day(-1);
    let (expires, ends) = day(VALID_DAYS);

    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.distinguished_name.push(DnType::CommonName, "Simulated region of OCI Insta-Scale");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (authority.not_before, authority.not_after) = (begins, ends);
    let domains = places.iter().flat_map(ServiceHosts::domains).chain(["localhost".to_owned()]);
    let loopback = [
        GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
        GeneralSubtree::IpAddress(CidrSubnet::V6(std::net::Ipv6Addr::LOCALHOST.octets(), [255; 16])),
    ];
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: domains.map(GeneralSubtree::DnsName).chain(loopback).collect(),
        excluded_subtrees: Vec::new(),
    });
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut names = all_hosts(places);
    names.extend(["localhost", "127.0.0.1", "::1"].map(ToOwned::to_owned));
    let mut leaf = CertificateParams::new(names)?;
    leaf.distinguished_name.push(DnType::CommonName, "simulated region");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    (leaf.not_before, leaf.not_after) = (begins, ends);
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &Issuer::from_params(&authority, &authority_key))?;
    Ok(Issued {
        authority: authority_certificate.pem(),
        certificate: certificate.pem(),
        key: key.serialize_pem(),
        expires,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_is_kept_until_it_expires_soon() {
        let home = tempfile::tempdir().unwrap();
        let open =
            |region: &str, now: &str| super::open(home.path(), &[ServiceHosts::of(region)], at(now)).unwrap();
        let first = open("us-phoenix-1", "2026-01-01T00:00:00Z");
        assert!(!first.renewed);
        let again = open("us-phoenix-1", "2026-03-01T00:00:00Z");
        assert_eq!((again.renewed, &again.key), (false, &first.key));
        let late = open("us-phoenix-1", "2026-03-25T00:00:00Z");
        assert!(late.renewed && late.key != first.key);
        assert!(open("us-ashburn-1", "2026-03-25T00:00:00Z").renewed, "a home of another region");
        for file in FILES {
            std::fs::write(home.path().join(file), "{").unwrap();
            assert!(open("us-ashburn-1", "2026-03-25T00:00:00Z").renewed, "a damaged {file}");
            assert!(!open("us-ashburn-1", "2026-03-25T00:00:00Z").renewed);
        }
        assert!(open("us-ashburn-1", "2027-03-25T00:00:00Z").renewed, "one that expired long ago");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_key_of_a_home() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        open(home.path(), &[ServiceHosts::of("us-phoenix-1")], at("2026-01-01T00:00:00Z")).unwrap();
        let mode = std::fs::metadata(home.path().join(KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        for file in std::fs::read_dir(home.path()).unwrap() {
            let name = file.unwrap().file_name();
            assert!(
                FILES.iter().any(|own| name.to_str() == Some(own)),
                "the key of the authority is stored: {name:?}"
            );
        }
    }
}
