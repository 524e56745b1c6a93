//! The public keys that may log in: in the config itself, in .pub files, or a list of both.
//!
//! Each key is validated, because a truncated key locks everybody out and the service may accept it nevertheless.

use super::files::{self, Folders, METADATA_MAX_BYTES};
use super::finding::{Finding, Findings, Place};
use super::section::{At, Section};
use base64::Engine as _;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const KEY: &str = "instance_settings.ssh_authorized_keys";

/// The types of public key that OpenSSH writes, with the number of fields after the type.
const KEY_TYPES: &[(&str, usize)] = &[
    ("ssh-rsa", 2),
    ("ssh-ed25519", 1),
    ("ssh-dss", 4),
    ("ecdsa-sha2-nistp256", 2),
    ("ecdsa-sha2-nistp384", 2),
    ("ecdsa-sha2-nistp521", 2),
    ("sk-ssh-ed25519@openssh.com", 2),
    ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
];

/// A description of a public key, for messages.
const LOOKS: &str =
    "a public key is a single line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub";
/// How to write several keys, for messages.
const ONE_A_LINE: &str =
    "write one key per line after `ssh_authorized_keys: |`, or a list: `- ssh-ed25519 AAAA…`";

/// The value of `metadata.ssh_authorized_keys`, one key per line, and its position.
pub fn read_ssh_keys(
    section: &Section<'_>,
    folders: Folders<'_>,
    findings: &Findings,
) -> Option<(String, Place)> {
    let given = section.texts("ssh_authorized_keys");
    let first = given.first()?.place;
    let mut all = Vec::new();
    for text in &given {
        all.push(keys_of(text, folders, findings)?);
    }
    Some((all.join("\n"), first))
}

/// The keys that one text names or contains, one per line.
fn keys_of(text: &At<&str>, folders: Folders<'_>, findings: &Findings) -> Option<String> {
    let body = text.value.trim();
    let is_path = !body.contains('\n')
        && !body.starts_with('#')
        && !body.contains("-----BEGIN")
        && !KEY_TYPES.iter().any(|(name, _)| body.starts_with(name));
    let (keys, from) = if is_path {
        let path = folders.resolve(body, text.place);
        let shown = path.display().to_string();
        match files::read_text(&path, METADATA_MAX_BYTES) {
            Ok(keys) => (keys, format!("{shown}: ")),
            Err(error) => {
                findings.mistake(
                    Finding::at(
                        text.place,
                        format!("{KEY} is not a public key and cannot be read as a file: {shown}: {error}"),
                    )
                    .help("write the path of a .pub file, or the key itself: `ssh-ed25519 AAAA… you@host`"),
                );
                return None;
            }
        }
    } else {
        (body.to_owned(), String::new())
    };
    match check_ssh_keys(&keys) {
        Ok(lines) => Some(lines),
        Err((what, help)) => {
            findings.mistake(Finding::at(text.place, format!("{KEY}: {from}{what}")).help(help));
            None
        }
    }
}

/// The keys of a text, one per line, without comments and blank lines; otherwise what is wrong and the remedy.
pub fn check_ssh_keys(keys: &str) -> Result<String, (String, &'static str)> {
    let lines = keys.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    for (at, line) in lines.iter().enumerate() {
        let number = if lines.len() > 1 { format!("key {} ", at + 1) } else { "the key ".to_owned() };
        public_key(line).map_err(|(error, help)| (format!("{number}{error}"), help))?;
    }
    if lines.is_empty() {
        return Err(("it contains no key".to_owned(), LOOKS));
    }
    Ok(lines.join("\n"))
}

/// Checks one line as OpenSSH reads it: the type, complete base64 that contains the same type, and a comment.
fn public_key(line: &str) -> Result<(), (String, &'static str)> {
    if line.contains("PRIVATE KEY") {
        let error = "is a private key, which must not leave your machine: use the public key";
        return Err((error.to_owned(), LOOKS));
    }
    if line.contains("SSH2 PUBLIC KEY") {
        let error = "is in the SSH2 format (written by PuTTY), which OCI does not accept";
        return Err((error.to_owned(), "convert it: `ssh-keygen -i -f FILE > id.pub`"));
    }
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let Some((name, fields)) = KEY_TYPES.iter().find(|(known, _)| *known == name) else {
        return Err(("does not start with a key type that OpenSSH knows".to_owned(), LOOKS));
    };
    let encoded = words.next().unwrap_or_default();
    whole(name, *fields, encoded).map_err(|error| {
        let is_cut = error.starts_with("is cut off");
        (error, if is_cut { "copy the whole line of the .pub file, or write its path" } else { LOOKS })
    })?;
    if let Some(other) = words.find(|word| KEY_TYPES.iter().any(|(known, _)| known == word)) {
        let error = format!("contains another key (`{other} …`) in its comment, which would be ignored");
        return Err((error, ONE_A_LINE));
    }
    Ok(())
}

/// Decodes base64 that may end anywhere.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Checks the second word of a key: base64 of fields, each preceded by its length (RFC 4253, section 6.6). The first field is
/// the type.
fn whole(name: &str, fields: usize, encoded: &str) -> Result<(), String> {
    let strict = STANDARD.decode(encoded);
    // If the text ends within a group of four characters, the remaining ones carry no complete byte.
    let cut = encoded.trim_end_matches('=');
    let cut = if cut.len() % 4 == 1 { &cut[..cut.len() - 1] } else { cut };
    let blob = match LENIENT.decode(cut) {
        Ok(blob) if encoded.is_ascii() => blob,
        _ => return Err("is damaged: its second word is not base64".to_owned()),
    };
    let mut rest = blob.as_slice();
    let mut found = Vec::new();
    while !rest.is_empty() && found.len() <= fields {
        match field(rest) {
            Ok((field, after)) => {
                found.push(field);
                rest = after;
            }
            // The type identifies a key; without it this may be anything.
            Err(missing) if found.first() == Some(&name.as_bytes()) => return Err(cut_off(missing)),
            Err(_) => break,
        }
    }
    if found.first() != Some(&name.as_bytes()) {
        return Err(format!("is damaged: its second word is not a key of type {name}"));
    }
    if found.len() <= fields {
        return Err(cut_off(None));
    }
    let is_ed25519 = name.contains("ed25519");
    if !rest.is_empty() || (is_ed25519 && found[1].len() != 32) {
        return Err(format!("is damaged: its second word is longer or shorter than a key of type {name}"));
    }
    strict.map(drop).map_err(|_| "is damaged: its second word is not base64".to_owned())
}

fn cut_off(missing: Option<usize>) -> String {
    match missing {
        Some(1) => "is cut off: at least 1 byte is missing".to_owned(),
        Some(bytes) => format!("is cut off: at least {bytes} bytes are missing"),
        None => "is cut off: its end is missing".to_owned(),
    }
}

/// The first field of a blob and the rest; otherwise the number of missing bytes, if known.
fn field(blob: &[u8]) -> Result<(&[u8], &[u8]), Option<usize>> {
    let (length, rest) = blob.split_first_chunk::<4>().ok_or(None)?;
    let length = u32::from_be_bytes(*length) as usize;
    rest.split_at_checked(length).ok_or_else(|| Some(length - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q";

    fn said(line: &str) -> String {
        check_ssh_keys(line).map_or_else(|(what, _)| what, |_| "taken".to_owned())
    }

    fn rsa() -> String {
        let blob = [&b"\0\0\0\x07ssh-rsa\0\0\0\x03\x01\0\x01\0\0\x01\x01"[..], &[7; 257]].concat();
        STANDARD.encode(blob)
    }

    #[test]
    fn a_key_that_was_cut_off_is_named_so() {
        assert_eq!(said(&format!("ssh-rsa {} me", rsa())), "taken");
        let cut = said(&format!("ssh-rsa {} me", &rsa()[..200]));
        assert_eq!(cut, "the key is cut off: at least 129 bytes are missing");
        let cut = said(&format!("ssh-ed25519 {}", &ED25519[..60]));
        assert_eq!(cut, "the key is cut off: at least 6 bytes are missing");
        // A key that is truncated anywhere is never accepted.
        for length in 0..ED25519.len() {
            assert_ne!(said(&format!("ssh-ed25519 {}", &ED25519[..length])), "taken", "{length}");
        }
        for length in 20..ED25519.len() {
            let cut = said(&format!("ssh-ed25519 {}", &ED25519[..length]));
            assert!(cut.starts_with("the key is cut off: "), "{length}: {cut}");
        }
    }

    #[test]
    fn a_second_key_in_a_comment_is_found() {
        let folded = format!("ssh-ed25519 {ED25519} me@home ssh-rsa {} you@home", rsa());
        assert!(
            said(&folded).contains("contains another key (`ssh-rsa …`) in its comment"),
            "{}",
            said(&folded)
        );
        assert_eq!(said(&format!("ssh-ed25519 {ED25519} the ssh-key of me")), "taken");
    }

    #[test]
    fn a_key_of_another_type_or_length_is_damaged() {
        for line in [format!("ssh-rsa {ED25519}"), "ssh-ed25519 AAAA".to_owned()] {
            assert!(said(&line).contains("is not a key of type"), "{line}: {}", said(&line));
        }
        let long = STANDARD.encode([STANDARD.decode(ED25519).unwrap(), vec![0; 3]].concat());
        assert!(said(&format!("ssh-ed25519 {long}")).contains("longer or shorter"));
        assert!(said("ssh-ed25519 not*base64").contains("is not base64"));
        assert!(said("---- BEGIN SSH2 PUBLIC KEY ----").contains("SSH2"));
    }
}
