//! The file that is written: whether it can be, before the first question, and how it is, after the last.

use crate::error::CommandError;
use crate::session::Session;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file to write.
///
/// # Errors
/// When more than one is named, or it cannot be written.
pub fn target(session: &Session) -> Result<PathBuf, CommandError> {
    let layers = session.layers();
    match layers.files.as_slice() {
        [path] if layers.set.is_empty() => check_target(path).map(|()| path.clone()),
        [_] => Err(CommandError::usage("`init` takes no --set", "answer with the flags of `init`")),
        _ => Err(CommandError::usage("`init` writes one file, but several are named", "name one of them")),
    }
}

/// Checks that the file can be written.
fn check_target(path: &Path) -> Result<(), CommandError> {
    let shown = path.display();
    let other = "name another file: `oci-insta-scale init FILE`";
    if let Ok(about) = path.symlink_metadata() {
        if about.is_dir() {
            return Err(CommandError::usage(format!("{shown} is a directory"), other));
        }
        if about.is_symlink() && !path.exists() {
            return Err(CommandError::usage(
                format!("{shown} is a link to a file that does not exist"),
                format!("remove the link, or {other}"),
            ));
        }
        return Err(CommandError::usage(format!("{shown} exists already"), format!("edit it, or {other}")));
    }
    let new = beside(path);
    let tried = std::fs::OpenOptions::new().write(true).create_new(true).open(&new).map(drop);
    let tried = tried.and_then(|()| std::fs::remove_file(&new));
    tried.map_err(|error| {
        CommandError::usage(
            format!("{shown} cannot be written: {error}"),
            "make the folder, or choose one that you may write to",
        )
    })
}

/// Writes a new file so that nobody ever reads half of it, if it is a config that a launch accepts.
pub fn write_new(session: &Session, path: &Path, text: &str) -> Result<(), CommandError> {
    let new = beside(path);
    let written = write(session, path, &new, text);
    // After the rename it is gone; before, it is useless.
    let _ = std::fs::remove_file(&new);
    written
}

fn write(session: &Session, path: &Path, new: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |source: std::io::Error| {
        CommandError::usage(format!("{} cannot be written: {source}", path.display()), "nothing was written")
    };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(new).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    session.launches_into(new, &[]).map_err(|why| {
        CommandError::usage(
            format!("these answers make no valid config, so that nothing was written: {}", why.trim_end()),
            "correct the answer that is named",
        )
    })?;
    if path.symlink_metadata().is_ok() {
        return Err(CommandError::usage(
            format!("{} was made by somebody else meanwhile: it is left as it is", path.display()),
            "name another file",
        ));
    }
    std::fs::rename(new, path).map_err(failed)
}

/// A name beside the file, in the folder from which its relative paths start.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}
