//! The files of a home folder, which only their owner can read and which are never half written.

use crate::server::private_files::replace_file;
use std::io::{self, Write};
use std::path::Path;

pub(super) const KEY: &str = "oci_api_key.pem";
pub(super) const PUBLIC_KEY: &str = "oci_api_key_public.pem";
/// The folder of the session of a person who logged in with a browser, and the profile with it.
pub(super) const SESSION: &str = "SESSION";
pub(super) const SESSIONS: &str = "sessions";
pub(super) const TOKEN: &str = "token";
pub(super) const CONFIG: &str = "config";
pub(super) const CONFIG_YAML: &str = "config.yaml";

/// Replaces a file atomically. One that has this text already is only made private: replacing it would wait for the disk, and a home
/// rarely changes.
pub(in crate::server) fn write_over(path: &Path, text: &str) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return private(path, 0o600);
    }
    replace_file(path, |file| file.write_all(text.as_bytes()))
}

/// Removes all permissions except the owner's.
pub(super) fn private(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// Replaces the first line with this prefix; returns the text unchanged if there is none.
pub(super) fn replace_line(text: &str, start: &str, line: &str) -> String {
    let mut replaced = false;
    let mut out = String::with_capacity(text.len() + line.len());
    for old in text.split_inclusive('\n') {
        if !replaced && old.starts_with(start) {
            replaced = true;
            out.push_str(line);
            out.push('\n');
        } else {
            out.push_str(old);
        }
    }
    out
}

/// The text with new endpoints of the further regions: in each item `- region: NAME` of a list, the next line `endpoint:`.
pub(super) fn replace_further_endpoints(text: &str, further: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut endpoint = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if let Some(name) = bare.strip_prefix("- region:").map(str::trim) {
            endpoint = further.iter().find(|(known, _)| known == name).map(|(_, endpoint)| endpoint);
        }
        match endpoint.filter(|_| bare.starts_with("endpoint:") && line.starts_with(' ')) {
            Some(now) => {
                out.push_str(&line[..line.len() - line.trim_start().len()]);
                out.push_str("endpoint: ");
                out.push_str(now);
                out.push('\n');
                endpoint = None;
            }
            None => out.push_str(line),
        }
    }
    out
}
