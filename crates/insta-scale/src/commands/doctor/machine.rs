//! What `doctor` checks on this machine.

use super::checks::Checks;
use super::failed;
use crate::error::CommandError;
use crate::output::doctor::{Check, State};
use crate::output::text::count;
use crate::session::Session;
use crate::tuning::DOCTOR_FREE_SPACE;
use fleet::history::read_records;
use ledger::Store;
use std::io::Write as _;
use std::path::Path;

/// Checks whether runs can be recorded, and returns whether there may be records of earlier ones.
pub fn state_folder(session: &Session, checks: &mut Checks) -> bool {
    match session.shared_ledger() {
        Ok(None) => {}
        // What else is kept on this machine is not needed for a launch.
        Ok(Some(address)) => {
            let opened = session.ledger();
            checks.push(match &opened {
                Ok(_) => Check::new("records", State::Ok, format!("{address} answers")),
                Err(error) => failed("records", error),
            });
            return opened.is_ok();
        }
        Err(error) => {
            checks.push(failed("records", &error));
            return false;
        }
    }
    let folder = match session.state_folder() {
        Ok(folder) => folder,
        Err(error) => {
            checks.push(failed("records", &error));
            return false;
        }
    };
    let shown = folder.display();
    let written = can_write(&folder);
    checks.push(match &written {
        Ok(true) => Check::new("records", State::Ok, format!("{shown} can be written")),
        Ok(false) => Check::new("records", State::Ok, format!("the first launch creates {shown}")),
        Err(error) => {
            let found = format!("{shown} cannot be written: {error}");
            let remedy = "nothing is launched without a record of it: free space, correct the permissions, or use --state-dir";
            Check::new("records", State::Failed, found).remedy(Some(remedy))
        }
    });
    if folder.is_dir() {
        checks.extend(permissions(&folder));
    }
    // The disk on which the folder is, or will be.
    checks.extend(space(existing(&folder)));
    matches!(written, Ok(true))
}

/// The records of earlier runs, if there are any.
pub async fn past_runs(session: &Session) -> Option<Check> {
    match session.ledger_of_the_past() {
        Ok(store) => Some(runs(&*store?).await),
        Err(error) => Some(failed("runs", &error)),
    }
}

/// The folder itself, or the nearest one above it that exists.
fn existing(folder: &Path) -> &Path {
    // A relative path ends in an empty one, which means the current folder.
    let is_there = |folder: &&Path| folder.as_os_str().is_empty() || folder.exists();
    let found = folder.ancestors().find(is_there).unwrap_or(folder);
    if found.as_os_str().is_empty() { Path::new(".") } else { found }
}

/// Whether a file can be written in the folder; false if the folder does not exist yet but could be created.
fn can_write(folder: &Path) -> std::io::Result<bool> {
    let existing = existing(folder);
    let probe = existing.join(format!(".doctor-{}", std::process::id()));
    // Never over a file or through a link that somebody else has put there.
    let mut file = std::fs::File::create_new(&probe)?;
    let written = file.write_all(b"can this be written?\n");
    // Removed also after a failure, since a full disk may have taken a part of it.
    let removed = std::fs::remove_file(&probe);
    written.and(removed).map(|()| existing == folder)
}

/// Others may not read what was launched by whom.
#[cfg(unix)]
fn permissions(folder: &Path) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(folder).ok()?.permissions().mode() & 0o777;
    (mode & 0o022 != 0).then(|| {
        let found = format!("{} can be written by other users (mode {mode:o})", folder.display());
        let remedy = format!("chmod go-w {}", crate::output::text::shell_word(&folder.to_string_lossy()));
        Check::new("permissions", State::Warning, found).remedy(Some(remedy))
    })
}

#[cfg(not(unix))]
fn permissions(_: &Path) -> Option<Check> {
    None
}

/// Little free space, which ends a run when its ledger cannot be written any more.
#[cfg(unix)]
fn space(folder: &Path) -> Option<Check> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    (free < DOCTOR_FREE_SPACE).then(|| {
        let found = format!("{} MB are free on the disk of {}", free / (1024 * 1024), folder.display());
        Check::new("space", State::Warning, found)
            .remedy(Some("free some space: a run stops launching when its records cannot be written"))
    })
}

#[cfg(not(unix))]
fn space(_: &Path) -> Option<Check> {
    None
}

/// The runs of the past: damaged records, and what was left unfinished.
async fn runs(store: &dyn Store) -> Check {
    let heads = match store.runs().await {
        Ok(heads) => heads,
        Err(error) => return failed("runs", &CommandError::from(error)),
    };
    let (mut damaged, mut settled) = (Vec::new(), 0_u64);
    for head in &heads {
        let records = store.records(head.run).await;
        let is_whole = records.as_ref().is_ok_and(|records| records.unreadable.is_empty());
        let has_plan = records.is_ok_and(|records| read_records(head.run, &records).is_ok());
        match (is_whole && head.kind.is_some(), head.unfinished()) {
            (true, _) => {}
            (false, true) => damaged.push((head.run, has_plan)),
            // What it lost changes nothing any more.
            (false, false) => settled += 1,
        }
    }
    let unfinished = heads.iter().filter(|head| head.unfinished() && !head.held).count();
    let all = count(heads.len() as u64, "run");
    if let [(first, has_plan), ..] = damaged.as_slice() {
        let of = count(damaged.len() as u64, "run");
        let remedy = if *has_plan {
            format!("`oci-insta-scale resume {first}` looks up its instances by their tags and finishes it")
        } else {
            format!(
                "`oci-insta-scale resume --from-cloud {first}` rebuilds a run from the tags of its instances"
            )
        };
        return Check::new("runs", State::Warning, format!("records of {of} of {all} are damaged ({first})"))
            .remedy(Some(remedy));
    }
    if unfinished > 0 {
        let left = count(unfinished as u64, "run");
        return Check::new("runs", State::Warning, format!("{left} of {all} not finished"))
            .remedy(Some("`oci-insta-scale runs` lists them, `resume RUN` continues one"));
    }
    let settled = match settled {
        0 => String::new(),
        some => format!(", {} with damaged records, which ended all the same", count(some, "run")),
    };
    Check::new("runs", State::Ok, format!("{all} recorded{settled}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_is_tried_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert!(can_write(folder.path()).unwrap());
        assert!(!can_write(&folder.path().join("not/yet")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        can_write(&file).unwrap_err();
        let foreign = folder.path().join(format!(".doctor-{}", std::process::id()));
        std::fs::write(&foreign, "mine").unwrap();
        can_write(folder.path()).unwrap_err();
        assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "mine");
    }
}
