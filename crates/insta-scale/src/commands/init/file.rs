//! The file that is written: whether it can be, before the first question, and how it is, after the last.

use super::before::Before;
use crate::config::write_back::{ChangedLines, Edited, WriteError, replace_text};
use crate::config::{MAX_BYTES, read_limited};
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, shell_word};
use crate::session::Session;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The file to write, and what it says already.
#[derive(Debug)]
pub struct TargetFile {
    /// The file.
    pub path: PathBuf,
    /// What it says, if it exists.
    pub before: Option<Before>,
}

/// Finds the file to write.
///
/// # Errors
/// When more than one is named, or it cannot be read or written.
pub fn target(session: &Session) -> Result<TargetFile, CommandError> {
    let layers = session.layers();
    match layers.files.as_slice() {
        [path] if layers.set.is_empty() => {
            check_target(path).map(|before| TargetFile { path: path.clone(), before })
        }
        [_] => Err(CommandError::usage("`init` takes no --set", "answer with the flags of `init`")),
        _ => Err(CommandError::usage("`init` writes one file, but several are named", "name one of them")),
    }
}

/// The command that sets up the same file.
pub fn command(session: &Session) -> String {
    match session.layers().files.as_slice() {
        [path] if path != Path::new("config.yaml") => {
            format!("oci-insta-scale init {}", shell_word(&path.display().to_string()))
        }
        _ => "oci-insta-scale init".to_owned(),
    }
}

/// Checks that the file can be written, and reads it if it exists.
fn check_target(path: &Path) -> Result<Option<Before>, CommandError> {
    let shown = path.display();
    let other = "name another file: `oci-insta-scale init FILE`";
    let mut before = None;
    if path.symlink_metadata().is_ok() {
        let about = path.metadata().map_err(|_| {
            CommandError::usage(
                format!("{shown} is a link to a file that does not exist"),
                format!("remove the link, or {other}"),
            )
        })?;
        if about.is_dir() {
            return Err(CommandError::usage(format!("{shown} is a directory"), other));
        }
        if !about.is_file() || about.permissions().readonly() {
            return Err(CommandError::usage(
                format!("{shown} cannot be edited: it is read-only or no file"),
                other,
            ));
        }
        before = Some(read(path)?);
    }
    // A link stays a link, so that the new text is written beside the file that it means.
    let new = beside(&path.canonicalize().unwrap_or_else(|_| path.to_owned()));
    let tried = std::fs::OpenOptions::new().write(true).create_new(true).open(&new).map(drop);
    let tried = tried.and_then(|()| std::fs::remove_file(&new));
    tried.map(|()| before).map_err(|error| {
        CommandError::usage(
            format!("{shown} cannot be written: {error}"),
            "make the folder, or choose one that you may write to",
        )
    })
}

/// Reads what an existing file says.
fn read(path: &Path) -> Result<Before, CommandError> {
    let failed = |why: String| {
        CommandError::usage(
            format!("{} cannot be edited: {}", path.display(), clean(&why)),
            "correct the file, or name another one: `oci-insta-scale init FILE`",
        )
    };
    let bytes = zeroize::Zeroizing::new(read_limited(path, MAX_BYTES).map_err(failed)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    let text = zeroize::Zeroizing::new(text.to_owned());
    Before::read(text, Some(environment::variable)).map_err(|error| failed(error.to_string()))
}

/// Shows which lines would change.
pub fn show(path: &Path, changes: &[ChangedLines]) {
    let (red, green) = (anstyle::AnsiColor::Red.on_default(), anstyle::AnsiColor::Green.on_default());
    console::line(&format!("\nchanges to {}:", path.display()));
    for change in changes {
        for (number, line) in (change.line..).zip(&change.old) {
            console::line(&format!("{red}{number:>5} - {}{red:#}", as_written(line)));
        }
        for (number, line) in (change.line..).zip(&change.new) {
            console::line(&format!("{green}{number:>5} + {}{green:#}", as_written(line)));
        }
    }
}

/// A line with its indentation, without control characters.
fn as_written(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Replaces an existing file, if it still is what was read, by a config that a launch accepts. Returns the path of the copy of the
/// previous one.
pub fn write_edited(
    session: &Session,
    path: &Path,
    before: &Before,
    edited: &Edited,
) -> Result<PathBuf, CommandError> {
    let edit = |source: &str| {
        if source == before.source.as_str() {
            Ok(edited.text.clone())
        } else {
            Err(WriteError::Read(format!("{} was changed by somebody else meanwhile", path.display())))
        }
    };
    replace_text(path, &edit, &|new| session.launches_into(new, &[])).map_err(|error| {
        CommandError::usage(
            format!("nothing was written: {}", error.to_string().trim_end()),
            "correct what is named, and run the command again",
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
