//! Reads the files that a config names: public keys and user data.
//!
//! Must not know what is in them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Finds a path that a config names: `~` is the home folder, and a relative path starts at the config's own folder.
pub fn resolve(text: &str, config_folder: &Path, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/").or(if text == "~" { Some("") } else { None }), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => config_folder.join(text),
    }
}

/// Reads a regular file of at most `limit` bytes. The error says why not, without the path.
pub fn read_limited(path: &Path, limit: usize) -> Result<Vec<u8>, String> {
    let say = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
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
