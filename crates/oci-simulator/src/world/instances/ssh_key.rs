//! Validates SSH public keys as the service does.
//!
//! The three texts are the service's own, as published by users. That the service says "in a wrong format" for a truncated key
//! is likely but was not seen; refusing such a key lets a simulated run find the mistake before a launch does.

use super::super::api::ApiError;
use super::super::error::invalid;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Checks one line of `metadata.ssh_authorized_keys`; blank lines and comments are accepted.
pub(super) fn check(line: &str) -> Result<(), ApiError> {
    const TYPES: [&str; 3] = ["ssh-", "ecdsa-sha2-", "sk-"];
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    let mut words = line.split_whitespace();
    let kind = words.next().unwrap_or_default();
    if !TYPES.iter().any(|start| kind.starts_with(start)) {
        return Err(invalid(format!("Invalid ssh public key type \"{kind}\"")));
    }
    let malformed = || invalid("Invalid format for ssh public key");
    let text = words.next().ok_or_else(malformed)?;
    let blob =
        STANDARD.decode(text).map_err(|_| invalid("Invalid ssh public key; must be in base64 format"))?;
    if is_whole(kind, &blob) { Ok(()) } else { Err(malformed()) }
}

/// Whether the blob contains the fields of its type and ends with the last one (RFC 4253, section 6.6; RFC 5656; RFC 8709).
fn is_whole(kind: &str, blob: &[u8]) -> bool {
    let mut fields = Vec::new();
    let mut rest = blob;
    while !rest.is_empty() {
        let Some((length, after)) = rest.split_first_chunk::<4>() else { return false };
        let Some((field, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            return false;
        };
        fields.push(field);
        rest = after;
    }
    let Some((name, fields)) = fields.split_first() else { return false };
    let right = match kind {
        "ssh-rsa" => fields.len() == 2,
        "ssh-dss" => fields.len() == 4,
        "ssh-ed25519" => fields.len() == 1 && fields[0].len() == 32,
        "sk-ssh-ed25519@openssh.com" => fields.len() == 2 && fields[0].len() == 32,
        _ if kind.starts_with("ecdsa-") => fields.len() == 2,
        _ if kind.starts_with("sk-ecdsa-") => fields.len() == 3,
        // A type that is newer than this program.
        _ => !fields.is_empty(),
    };
    *name == kind.as_bytes() && right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> String {
        check(line).map_or_else(|error| error.message, |()| "taken".to_owned())
    }

    const WHOLE: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q";

    #[test]
    fn ssh_keys_are_refused_in_the_services_words() {
        assert_eq!(said(&format!("ssh-ed25519 {WHOLE} me@home")), "taken");
        assert_eq!(said("# a comment"), "taken");
        assert_eq!(said("-----BEGIN RSA"), "Invalid ssh public key type \"-----BEGIN\"");
        assert_eq!(said("ssh-rsa"), "Invalid format for ssh public key");
        assert_eq!(said("ssh-rsa ###"), "Invalid ssh public key; must be in base64 format");
    }

    #[test]
    fn a_key_that_was_cut_off_is_refused() {
        for length in 0..WHOLE.len() {
            let cut = said(&format!("ssh-ed25519 {}", &WHOLE[..length]));
            assert!(cut.starts_with("Invalid "), "{length}: {cut}");
        }
        assert_eq!(said(&format!("ssh-ed25519 {}", &WHOLE[..60])), "Invalid format for ssh public key");
        let rsa = [&b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\x01\x01"[..], &[7; 257]].concat();
        assert_eq!(said(&format!("ssh-rsa {}", STANDARD.encode(&rsa))), "taken");
        let cut = &STANDARD.encode(&rsa)[..200];
        assert_eq!(said(&format!("ssh-rsa {cut}")), "Invalid format for ssh public key");
        assert_eq!(said(&format!("ssh-rsa {WHOLE}")), "Invalid format for ssh public key");
    }
}
