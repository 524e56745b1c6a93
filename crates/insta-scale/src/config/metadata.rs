//! The instance metadata: SSH keys, user data and the user's own entries, and how large OCI finds them.
//!
//! Must not know where in the file they stand beyond the place to report.

use super::files;
use super::finding::{Finding, Findings, Place};
use super::section::{At, Section};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use std::path::Path;

/// The most that metadata and extended metadata together may have, in bytes (Oracle: LaunchInstanceDetails).
/// The service counts names and values, user data as base64.
pub const MAX_BYTES: usize = 32_000;

/// The types of public key that OpenSSH writes.
const KEY_TYPES: &[&str] = &[
    "ssh-rsa",
    "ssh-ed25519",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What user data that cloud-init or cloudbase-init acts on begins with (cloud-init: "User data formats").
const USER_DATA_MARKS: &[&[u8]] = &[
    b"#!",
    b"#cloud-config",
    b"#cloud-boothook",
    b"#include",
    b"#part-handler",
    b"#upstart-job",
    b"## template:",
    b"Content-Type:",
    b"MIME-Version:",
    b"<powershell>",
    b"<script>",
    b"#ps1",
    b"rem cmd",
    &[0x1f, 0x8b],
];

/// Where files are looked for.
#[derive(Clone, Copy)]
pub struct Folders<'a> {
    /// The folder of the config.
    pub config: &'a Path,
    /// The user's home.
    pub home: Option<&'a Path>,
}

/// The value of `metadata.ssh_authorized_keys`: one key a line.
pub fn ssh_keys(text: &At<&str>, folders: Folders<'_>, findings: &Findings) -> Option<String> {
    let key = "instance_settings.ssh_authorized_keys";
    let body = text.value.trim();
    let is_path = !body.contains('\n')
        && !body.starts_with('#')
        && !body.contains("-----BEGIN")
        && !KEY_TYPES.iter().any(|name| body.starts_with(name));
    let (keys, from) = if is_path {
        let path = files::resolve(body, folders.config, folders.home);
        let shown = path.display().to_string();
        let read = files::read_limited(&path, MAX_BYTES);
        let read = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not text".to_owned()));
        match read {
            Ok(keys) => (keys, format!("{shown}: ")),
            Err(error) => {
                findings.mistake(
                    Finding::at(
                        text.place,
                        format!("{key} is no public key, and cannot be read as a file: {shown}: {error}"),
                    )
                    .help("give the path of a .pub file, or the key itself: `ssh-ed25519 AAAA… you@host`"),
                );
                return None;
            }
        }
    } else {
        (body.to_owned(), String::new())
    };
    let lines = keys.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines: Vec<&str> = lines.collect();
    for (at, line) in lines.iter().enumerate() {
        if let Err(error) = public_key(line) {
            let number = if lines.len() > 1 { format!("key {} ", at + 1) } else { "the key ".to_owned() };
            findings.mistake(
                Finding::at(text.place, format!("{key}: {from}{number}{error}")).help(
                    "a public key is one line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub",
                ),
            );
            return None;
        }
    }
    if lines.is_empty() {
        findings.mistake(Finding::at(text.place, format!("{key}: {from}no key in it")));
        return None;
    }
    Some(lines.join("\n"))
}

/// Checks one line as OpenSSH reads it: type, base64 that names the same type, comment.
fn public_key(line: &str) -> Result<(), String> {
    if line.contains("PRIVATE KEY") {
        return Err("is a private key: it must not leave your machine; give the public one".to_owned());
    }
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    if !KEY_TYPES.contains(&name) {
        return Err("does not begin with a type that OpenSSH knows".to_owned());
    }
    let blob = STANDARD
        .decode(words.next().unwrap_or_default())
        .map_err(|_| "is damaged: its second word is not base64".to_owned())?;
    // RFC 4253, section 6.6: the blob begins with the length and the text of the type.
    let inner = blob
        .split_first_chunk::<4>()
        .and_then(|(length, rest)| rest.get(..u32::from_be_bytes(*length) as usize));
    if inner != Some(name.as_bytes()) {
        return Err(format!("is damaged: its second word is not a key of type {name}"));
    }
    Ok(())
}

/// The value of `metadata.user_data`: base64.
pub fn user_data(text: &At<&str>, folders: Folders<'_>, findings: &Findings) -> Option<String> {
    let key = "instance_settings.user_data";
    let body = text.value;
    let one_line = body.trim();
    let compact: String = body.split_whitespace().collect();
    if let Some(encoded) = compact.strip_prefix(ENCODED) {
        return said_to_be_encoded(encoded, text, findings);
    }
    let decoded = STANDARD.decode(&compact).ok();
    if decoded.as_deref().is_some_and(is_marked) {
        return Some(compact);
    }
    let named = one_line.strip_prefix('@').or_else(|| {
        let path = ["/", "./", "../", "~/"].iter().any(|start| one_line.starts_with(start));
        (path && !one_line.contains('\n')).then_some(one_line)
    });
    let bytes = match named {
        None => body.as_bytes().to_vec(),
        Some(name) => {
            let path = files::resolve(name.trim(), folders.config, folders.home);
            match files::read_limited(&path, MAX_BYTES) {
                Ok(bytes) => bytes,
                Err(error) => {
                    findings.mistake(
                        Finding::at(text.place, format!("{key}: {}: {error}", path.display())).help(
                            "user data is plain text, a file (`@cloud-init.yaml`), or base64 after `base64:`",
                        ),
                    );
                    return None;
                }
            }
        }
    };
    if named.is_none() && decoded.as_deref().is_some_and(is_readable) {
        findings.note(
            Finding::at(text.place, format!("{key} looks like base64, and is taken as the text that it is"))
                .help(format!(
                    "if it is encoded already, say so: `user_data: \"{ENCODED}{}\"`",
                    short(&compact)
                )),
        );
    } else if !is_marked(&bytes) {
        findings.note(
            Finding::at(
                text.place,
                format!("{key} does not begin with `#!` or `#cloud-config`, so cloud-init will ignore it"),
            )
            .help("name a file with `@`: `user_data: \"@cloud-init.yaml\"`"),
        );
    }
    Some(STANDARD.encode(bytes))
}

/// What stands before user data that is base64 already, whatever it holds. (Base64 that holds a script or the like is known
/// without.)
const ENCODED: &str = "base64:";

fn said_to_be_encoded(encoded: &str, text: &At<&str>, findings: &Findings) -> Option<String> {
    if STANDARD.decode(encoded).is_err() {
        findings.mistake(
            Finding::at(text.place, "instance_settings.user_data is said to be base64, and is not")
                .help(format!("take `{ENCODED}` away, or encode it: base64 -w 0 FILE")),
        );
        return None;
    }
    Some(encoded.to_owned())
}

/// Whether decoded base64 is text that somebody may have encoded on purpose. A word such as `test` is base64 too, of noise.
fn is_readable(bytes: &[u8]) -> bool {
    let printable = |c: char| !c.is_control() || c.is_ascii_whitespace();
    bytes.len() >= 4 && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(printable))
}

/// The beginning of a long text.
fn short(text: &str) -> String {
    if text.len() <= 24 { text.to_owned() } else { text.chars().take(20).chain(['…']).collect() }
}

fn is_marked(bytes: &[u8]) -> bool {
    USER_DATA_MARKS.iter().any(|mark| bytes.starts_with(mark))
}

/// Reads the three sources of metadata into one table, each entry with its place.
pub fn read(
    section: &Section<'_>,
    folders: Folders<'_>,
    findings: &Findings,
) -> Vec<(String, String, Place)> {
    let mut rows = Vec::new();
    if let Some(text) = section.text("ssh_authorized_keys")
        && let Some(keys) = ssh_keys(&text, folders, findings)
    {
        rows.push(("ssh_authorized_keys".to_owned(), keys, text.place));
    }
    if let Some(text) = section.text("user_data")
        && let Some(data) = user_data(&text, folders, findings)
    {
        rows.push(("user_data".to_owned(), data, text.place));
    }
    for (entry, value) in section.table("metadata") {
        if section.text(&entry.key).is_some()
            && ["ssh_authorized_keys", "user_data"].contains(&entry.key.as_str())
        {
            findings.mistake(
                Finding::at(
                    entry.place,
                    format!("metadata.{0} is also set by instance_settings.{0}", entry.key),
                )
                .help("keep one of the two"),
            );
        } else {
            rows.push((entry.key.clone(), value.to_owned(), entry.place));
        }
    }
    rows
}

/// The size of metadata as the service counts it.
pub fn size(body: &Map<String, Value>) -> usize {
    let tables = ["metadata", "extendedMetadata"].into_iter().filter_map(|name| body.get(name)?.as_object());
    tables
        .flatten()
        .map(|(name, value)| name.len() + value.as_str().map_or_else(|| value.to_string().len(), str::len))
        .sum()
}
