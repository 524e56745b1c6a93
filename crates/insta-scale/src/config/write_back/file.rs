//! Replaces the file in one step, with a copy of the old one beside it.

use super::{EditError, Reserved, with_reservations};
use crate::config::{files, yaml};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Why a file was left as it is.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The text cannot be edited.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The file cannot be read.
    #[error("{0}")]
    Read(String),
    /// The file, or the copy, cannot be written.
    #[error("{path} cannot be written: {source}")]
    Write {
        /// Which one.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Puts the reservations into the file. Answers the path of the copy of what was there before.
pub fn write(path: &Path, reservations: &[Reserved]) -> Result<PathBuf, WriteError> {
    let fail = |path: &Path| {
        let path = path.display().to_string();
        move |source| WriteError::Write { path, source }
    };
    // A link stays a link: the file behind it is replaced.
    let path = &path.canonicalize().map_err(|error| WriteError::Read(error.to_string()))?;
    let bytes = files::read_limited(path, yaml::MAX_BYTES).map_err(WriteError::Read)?;
    let bytes = zeroize::Zeroizing::new(bytes);
    let source = yaml::text_of(&bytes).map_err(|finding| WriteError::Read(finding.message))?;
    let edited = zeroize::Zeroizing::new(with_reservations(source, reservations)?);
    let backup = backup_path(path);
    std::fs::copy(path, &backup).map_err(fail(&backup))?;
    let new = beside(path, "new");
    let result = replace(path, &new, edited.as_bytes());
    if result.is_err() {
        // Nothing was replaced; what is left of the attempt is of no use to anybody.
        let _ = std::fs::remove_file(&new);
    }
    result.map_err(fail(path))?;
    Ok(backup)
}

/// Writes beside the file, then takes its name: whoever reads sees the old text or the new one.
fn replace(path: &Path, new: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A copy first, so that the new file has the permissions of the old one from its beginning on.
    std::fs::copy(path, new)?;
    let mut file = std::fs::OpenOptions::new().write(true).truncate(true).open(new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(new, path)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// The first name that is free: an older copy is never overwritten.
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
        let source = "instance_settings:\n  count: 1\n";
        std::fs::write(&path, source).unwrap();
        let first = write(&path, &reserved()).unwrap();
        assert_eq!(std::fs::read_to_string(&first).unwrap(), source);
        assert!(std::fs::read_to_string(&path).unwrap().contains("capacity_reservation_id: ocid1"));
        let second = write(&path, &reserved()).unwrap();
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
        std::fs::write(&path, "instance_settings:\n  count: 1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let backup = write(&path, &reserved()).unwrap();
        for file in [&path, &backup] {
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_that_cannot_be_edited_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, "instance_settings: {count: 1}\n").unwrap();
        assert!(matches!(write(&path, &reserved()), Err(WriteError::Edit(EditError::Form(_)))));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(write(&folder.path().join("none"), &reserved()), Err(WriteError::Read(_))));
    }
}
