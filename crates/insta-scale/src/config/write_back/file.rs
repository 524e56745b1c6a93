//! Replaces the file atomically, and keeps a copy of the old one beside it.

use super::{EditError, Reserved, with_reservations};
use crate::config::{files, yaml};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Why a file was left unchanged.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The text cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The file cannot be read.
    #[error("{0}")]
    Read(String),
    /// The result would not be accepted as a config.
    #[error("with this change, the config would be invalid: {0}")]
    Refused(String),
    /// The file or the copy cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// The file or the copy.
        path: String,
        /// The reason.
        source: std::io::Error,
    },
}

/// Checks that a file is a config that launches into the reservations; the error says why not.
pub type Judge<'a> = &'a dyn Fn(&Path) -> Result<(), String>;

/// Checks whether the file could contain reservations in these domains by making the edit and discarding it.
pub fn check_write(path: &Path, reservations: &[Reserved]) -> Result<(), WriteError> {
    let bytes = files::read_limited(path, yaml::MAX_BYTES).map_err(WriteError::Read)?;
    let bytes = zeroize::Zeroizing::new(bytes);
    let source = yaml::text_of(&bytes).map_err(|finding| WriteError::Read(finding.message))?;
    with_reservations(source, reservations).map(|_| ()).map_err(WriteError::Edit)
}

/// Writes the reservations into the file if `judge` accepts the result. Returns the path of the copy of the previous file.
pub fn write_reservations(
    path: &Path,
    reservations: &[Reserved],
    judge: Judge<'_>,
) -> Result<PathBuf, WriteError> {
    let edit = |source: &str| with_reservations(source, reservations).map(zeroize::Zeroizing::new);
    replace_text(path, &|source| edit(source).map_err(WriteError::Edit), judge)
}

/// Writes the edited text of a file if `judge` accepts it. Returns the path of the copy of the previous file.
pub fn replace_text(
    path: &Path,
    edit: &dyn Fn(&str) -> Result<zeroize::Zeroizing<String>, WriteError>,
    judge: Judge<'_>,
) -> Result<PathBuf, WriteError> {
    let fail = |path: &Path| {
        let path = path.display().to_string();
        move |source| WriteError::Write { path, source }
    };
    // A link stays a link: the file that it refers to is replaced.
    let path = &path.canonicalize().map_err(|error| WriteError::Read(error.to_string()))?;
    let bytes = files::read_limited(path, yaml::MAX_BYTES).map_err(WriteError::Read)?;
    let bytes = zeroize::Zeroizing::new(bytes);
    let source = yaml::text_of(&bytes).map_err(|finding| WriteError::Read(finding.message))?;
    let edited = edit(source)?;
    let backup = backup_path(path);
    // Written beside the file, so that `judge` also finds files with relative paths.
    let new = beside(path, "new");
    let result = prepare(path, &new, edited.as_bytes())
        .map_err(fail(path))
        .and_then(|()| judge(&new).map_err(WriteError::Refused))
        .and_then(|()| std::fs::copy(path, &backup).map_err(fail(&backup)))
        // Readers see either the old text or the new one.
        .and_then(|_| std::fs::rename(&new, path).map_err(fail(path)));
    if result.is_err() {
        // Nothing was replaced, and the temporary file is useless.
        let _ = std::fs::remove_file(&new);
    }
    result.map(|()| backup)
}

/// Writes the new text beside the file.
fn prepare(path: &Path, new: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // Copied first, so that the new file has the old permissions from the start.
    std::fs::copy(path, new)?;
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(new)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The first unused name, so that an older copy is never overwritten.
fn backup_path(path: &Path) -> PathBuf {
    let first = beside(path, "bak");
    if !first.exists() {
        return first;
    }
    (2..=u32::MAX)
        .map(|number| beside(path, &format!("bak{number}")))
        .find(|candidate| !candidate.exists())
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYTHING: Judge<'_> = &|_| Ok(());

    fn reserved() -> Vec<Reserved> {
        vec![Reserved {
            availability_domain: "Uocm:PHX-AD-1".to_owned(),
            ocid: "ocid1.capacityreservation.oc1.phx.r".to_owned(),
        }]
    }

    #[test]
    fn the_old_file_stays_beside_the_new_one_and_older_copies_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let source = "instance_settings:\n  availability_domain: AD-1\n";
        std::fs::write(&path, source).unwrap();
        let first = write_reservations(&path, &reserved(), ANYTHING).unwrap();
        assert_eq!(std::fs::read_to_string(&first).unwrap(), source);
        assert!(std::fs::read_to_string(&path).unwrap().contains("capacity_reservation_id: ocid1"));
        let second = write_reservations(&path, &reserved(), ANYTHING).unwrap();
        assert_ne!(first, second);
        assert_eq!(std::fs::read_to_string(&first).unwrap(), source);
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 3, "nothing else is left lying about");
    }

    #[cfg(unix)]
    #[test]
    fn a_private_file_stays_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "instance_settings:\n  availability_domain: AD-1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let backup = write_reservations(&path, &reserved(), ANYTHING).unwrap();
        for file in [&path, &backup] {
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_cannot_be_edited_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "instance_settings: {count: 1}\n").unwrap();
        let edit = write_reservations(&path, &reserved(), ANYTHING);
        assert!(matches!(edit, Err(WriteError::Edit(EditError::Form(_)))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let none = write_reservations(&folder.path().join("none"), &reserved(), ANYTHING);
        assert!(matches!(none, Err(WriteError::Read(_))));
    }

    #[test]
    fn a_result_that_is_no_config_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        let source = "instance_settings:\n  availability_domain: AD-1\n";
        std::fs::write(&path, source).unwrap();
        let refused = write_reservations(&path, &reserved(), &|new| {
            let text = std::fs::read_to_string(new).unwrap();
            assert!(text.contains("capacity_reservation_id: ocid1"), "the new text is judged: {text}");
            Err("1 mistake".to_owned())
        });
        assert!(matches!(refused, Err(WriteError::Refused(why)) if why == "1 mistake"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), source);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
