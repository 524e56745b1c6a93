//! The certificate of a simulated instance, issued by an authority of the region's own.
//!
//! The three certificates differ in four fields, so their DER is written here directly.

use super::super::auth::{PublicKey, encode_pem};
use super::tokens::sign;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use jiff::{SignedDuration, Timestamp};

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// Its public key.
    pub public: PublicKey,
    /// Its private key, PKCS#8 in PEM form.
    pub key_pem: String,
}

impl Leaf {
    /// A new certificate with these units in its subject, signed by the authority.
    pub fn issue(authority: &KeyPair, units: &[String], now: Timestamp, number: u64) -> Option<Self> {
        let pair = KeyPair::generate(KeySize::Rsa2048).ok()?;
        let public = PublicKey::of(&pair).ok()?;
        let private: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let mut subject: Vec<(u8, &str)> = units.iter().map(|unit| (UNIT, unit.as_str())).collect();
        subject.push((COMMON_NAME, "simulated instance"));
        let der = certificate(authority, number + 3, INTERMEDIATE, &subject, public.der(), now);
        Some(Self { der, public, key_pem: encode_pem("PRIVATE KEY", private.as_ref()) })
    }
}

/// The certificate of the authority that issues the certificates of instances, in PEM form.
pub(super) fn intermediate(authority: &KeyPair, now: Timestamp) -> Option<String> {
    let public = PublicKey::of(authority).ok()?;
    let subject = [(COMMON_NAME, INTERMEDIATE)];
    let der = certificate(authority, 2, "simulated root", &subject, public.der(), now);
    Some(encode_pem("CERTIFICATE", &der))
}

const INTERMEDIATE: &str = "simulated PKISVC identity";
/// The last number of the attribute's OID: 2.5.4.3 and 2.5.4.11.
const COMMON_NAME: u8 = 3;
const UNIT: u8 = 11;

/// A certificate in DER. It is the authority's own if that is its public key.
fn certificate(
    authority: &KeyPair,
    number: u64,
    issuer: &str,
    subject: &[(u8, &str)],
    public: &[u8],
    now: Timestamp,
) -> Vec<u8> {
    let is_authority = PublicKey::of(authority).is_ok_and(|own| own.der() == public);
    // sha256WithRSAEncryption, 1.2.840.113549.1.1.11, without parameters.
    let algorithm = sequence(&[&[0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11, 0x05, 0]]);
    let day = SignedDuration::from_hours(24);
    let time = |time: Timestamp| tagged(0x17, time.strftime("%y%m%d%H%M%SZ").to_string().as_bytes());
    let begins = time(now.checked_sub(day).unwrap_or(now));
    let ends = time(now.checked_add(day * 30).unwrap_or(now));
    let mut serial = vec![0];
    serial.extend(number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0));
    if serial.len() > 1 && serial[1] < 0x80 {
        serial.remove(0);
    }
    // basicConstraints, 2.5.29.19, critical.
    let constraints = sequence(if is_authority { &[&[0x01, 1, 0xff]] } else { &[] });
    let extension = sequence(&[&[0x06, 3, 0x55, 0x1d, 0x13], &[0x01, 1, 0xff], &tagged(0x04, &constraints)]);
    let body = sequence(&[
        &[0xa0, 3, 0x02, 1, 2],
        &tagged(0x02, &serial),
        &algorithm,
        &name(&[(COMMON_NAME, issuer)]),
        &sequence(&[&begins, &ends]),
        &name(subject),
        public,
        &tagged(0xa3, &sequence(&[&extension])),
    ]);
    let mut signature = vec![0];
    signature.extend(sign(authority, &body));
    sequence(&[&body, &algorithm, &tagged(0x03, &signature)])
}

fn name(attributes: &[(u8, &str)]) -> Vec<u8> {
    let attributes: Vec<Vec<u8>> = attributes
        .iter()
        .map(|(kind, value)| {
            let attribute = sequence(&[&[0x06, 3, 0x55, 4, *kind], &tagged(0x0c, value.as_bytes())]);
            tagged(0x31, &attribute)
        })
        .collect();
    sequence(&attributes.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, &parts.concat())
}

/// A value with its tag and length.
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut all = vec![tag];
    match length.as_slice() {
        [] => all.push(0),
        [short] if *short < 0x80 => all.push(*short),
        long => {
            // At most eight bytes.
            all.push(0x80 | long.len() as u8);
            all.extend(long);
        }
    }
    all.extend(content);
    all
}
