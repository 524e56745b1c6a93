//! The certificate of an instance: whose it is, and how the auth host names it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::ObjectIdentifier;

/// `organizationalUnitName`.
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    der: Vec<u8>,
    /// The public key, as a SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The OCID of the tenancy.
    pub tenancy: String,
    /// The OCID of the instance, if the certificate names it.
    pub instance: Option<String>,
    /// The OCID of its compartment, if the certificate names it.
    pub compartment: Option<String>,
}

impl Leaf {
    /// Reads the PEM text of a certificate.
    pub fn parse(pem: &str) -> Result<Self, String> {
        let der = der_of(pem)?;
        let certificate = Certificate::from_der(&der).map_err(|_| "it is no X.509 certificate".to_owned())?;
        let certificate = certificate.tbs_certificate();
        let units: Vec<String> = certificate
            .subject()
            .iter()
            .filter(|attribute| attribute.oid == UNIT)
            .filter_map(|attribute| std::str::from_utf8(attribute.value.value()).ok().map(str::to_owned))
            .collect();
        let unit = |name: &str| units.iter().find_map(|unit| unit.strip_prefix(name)).map(str::to_owned);
        let tenancy = unit("opc-tenant:").or_else(|| unit("opc-identity:"));
        let public_key = certificate.subject_public_key_info().to_der();
        Ok(Self {
            public_key: public_key.map_err(|_| "its public key cannot be read".to_owned())?,
            tenancy: tenancy.ok_or("it does not name a tenancy (opc-tenant)")?,
            instance: unit("opc-instance:"),
            compartment: unit("opc-compartment:"),
            der,
        })
    }

    /// SHA-256 of the certificate as hexadecimal pairs joined by colons.
    pub fn fingerprint(&self) -> String {
        let pairs: Vec<String> =
            digest(&SHA256, &self.der).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        pairs.join(":")
    }

    /// The text between the BEGIN and END lines, without line feeds.
    pub fn bare(&self) -> String {
        STANDARD.encode(&self.der)
    }
}

/// The text between the BEGIN and END lines of a PEM certificate, without line feeds.
pub(super) fn bare(pem: &str) -> Result<String, String> {
    der_of(pem).map(|der| STANDARD.encode(der))
}

fn der_of(pem: &str) -> Result<Vec<u8>, String> {
    let (_, rest) =
        pem.split_once("-----BEGIN CERTIFICATE-----").ok_or("it has no line BEGIN CERTIFICATE")?;
    let (body, _) =
        rest.split_once("-----END CERTIFICATE-----").ok_or("its END line is missing: it was cut off")?;
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_err(|_| "the text between its BEGIN and END lines is not base64".to_owned())
}
