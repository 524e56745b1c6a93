//! Replaces files atomically: a reader finds the old text or the new one, and a full disk leaves the old one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes a file. An existing one keeps its mode, a link stays a link, and a device or a pipe is written to.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    replace_as(path, text, File::sync_all)
}

/// The same for a file that is soon written again: after a power failure it may be old or empty.
pub fn replace_unsynced(path: &Path, text: &[u8]) -> io::Result<()> {
    replace_as(path, text, |_| Ok(()))
}

/// Makes a new file outlive a power failure, if that matters.
type SyncFile = fn(&File) -> io::Result<()>;

fn replace_as(path: &Path, text: &[u8], sync: SyncFile) -> io::Result<()> {
    let existing = match fs::metadata(path) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let Some(found) = existing else { return put(path, text, None, sync) };
    if found.is_file() {
        return put(&path.canonicalize()?, text, Some(found.permissions()), sync);
    }
    OpenOptions::new().write(true).open(path)?.write_all(text)
}

/// Checks that [`replace`] can write the file; changes nothing.
pub fn check_replaceable(path: &Path) -> io::Result<()> {
    let target = match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return Ok(()),
        Ok(_) => path.canonicalize()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    if target.file_name().is_none() {
        return Err(io::ErrorKind::InvalidFilename.into());
    }
    let new = beside(&target);
    File::create(&new)?;
    fs::remove_file(&new)
}

fn put(path: &Path, text: &[u8], mode: Option<fs::Permissions>, sync: SyncFile) -> io::Result<()> {
    let new = beside(path);
    let written = write(&new, text, mode, sync).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // Half a file helps nobody.
        let _ = fs::remove_file(&new);
    }
    written
}

fn write(new: &Path, text: &[u8], mode: Option<fs::Permissions>, sync: SyncFile) -> io::Result<()> {
    let mut file = File::create(new)?;
    if let Some(mode) = mode {
        file.set_permissions(mode)?;
    }
    file.write_all(text)?;
    sync(&file)
}

/// A name that no other process uses at the same time.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[cfg(unix)]
    #[test]
    fn a_replaced_file_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(names(folder.path()).len(), 2);
    }

    #[test]
    fn a_file_that_cannot_be_replaced_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert!(replace(&folder.path().join("taken"), b"new").is_err());
        assert!(replace(&folder.path().join("missing/file"), b"new").is_err());
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_check_tells_what_cannot_be_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, new) = (folder.path().join("file"), folder.path().join("new"));
        fs::write(&file, "old").unwrap();
        assert!(check_replaceable(&file).is_ok() && check_replaceable(&new).is_ok());
        assert!(check_replaceable(folder.path()).is_err());
        assert!(check_replaceable(&folder.path().join("missing/file")).is_err());
        assert!(check_replaceable(&file.join("below")).is_err());
        assert!(check_replaceable(Path::new("")).is_err());
        assert_eq!((names(folder.path()).len(), fs::read_to_string(&file).unwrap().as_str()), (1, "old"));
    }
}
