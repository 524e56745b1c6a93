//! Writes the files of a home folder: readable by their owner only, and never half written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file in place of what is there, all of it or nothing.
pub(super) fn write_over(path: &Path, text: &str) -> io::Result<()> {
    crate::server::save::replace_file(path, |file| file.write_all(text.as_bytes()))
}

/// A new file that only its owner can read.
pub(in crate::server) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Takes away from others what only the owner should have.
pub(super) fn private(path: &Path, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// The text with the first line that starts so replaced; unchanged if there is none.
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
