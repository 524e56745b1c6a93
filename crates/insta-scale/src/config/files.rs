//! Reads the files that a config names: public keys and user data.
//!
//! It must not know their contents.

use super::finding::Place;
use super::sources::Sources;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The maximum total size of metadata and extended metadata in bytes (Oracle: LaunchInstanceDetails). The service counts names
/// and values, with user data as base64.
pub const METADATA_MAX_BYTES: usize = 32_000;

/// The folders in which files are found.
#[derive(Clone, Copy)]
pub struct Folders<'a> {
    /// The sources of the config, each with its folder.
    pub sources: &'a Sources,
    /// The user's home.
    pub home: Option<&'a Path>,
}

impl Folders<'_> {
    /// Resolves a path from a config: `~` is the home folder, and a relative path starts at the folder of the source that names
    /// it.
    pub fn resolve(&self, text: &str, place: Place) -> PathBuf {
        match (text.strip_prefix("~/").or(if text == "~" { Some("") } else { None }), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.sources.folder(place).join(text),
        }
    }
}

/// Reads a regular file of at most `limit` bytes. The error says why that failed, without the path.
pub fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let say = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission to read it is denied".to_owned(),
        _ => error.to_string(),
    };
    let about = std::fs::metadata(path).map_err(say)?;
    if about.is_dir() {
        return Err("it is a folder".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(say)?;
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(say)?;
    if bytes.len() > limit {
        return Err(format!("it is larger than {limit} bytes"));
    }
    Ok(bytes)
}

/// The byte order mark that some editors put before UTF-8 text.
pub const BOM: &[u8] = b"\xef\xbb\xbf";
/// The remedy for UTF-16.
pub const SAVE_AS_UTF8: &str = "save it as UTF-8; in PowerShell: Set-Content -Encoding utf8";

/// Whether bytes are UTF-16: by the byte order mark, or because every second of the first bytes is 0, as in Latin text without
/// one.
pub fn is_utf16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    marked || matches!(bytes, [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a != 0 && *b != 0)
}

/// Reads a text file of at most `limit` bytes, and removes a byte order mark. The error says why that failed, without the path.
pub fn read_text(path: &Path, limit: usize) -> Result<String, String> {
    let bytes = read_limited(path, limit)?;
    if is_utf16(&bytes) {
        return Err(format!("it is UTF-16 text: {SAVE_AS_UTF8}"));
    }
    let text = bytes.strip_prefix(BOM).unwrap_or(&bytes);
    String::from_utf8(text.to_vec()).map_err(|_| "it is not text".to_owned())
}
