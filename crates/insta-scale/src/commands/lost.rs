//! Runs that began here but whose records are lost, so that only their lock files remain. Their fleet and their instances are
//! unknown, so a launch must not ignore them.

use crate::error::CommandError;
use ledger::{LedgerError, Store, Stray, sqlite};
use std::path::Path;
use std::sync::Arc;

/// The lost run that blocks a launch, and what to do about it.
pub async fn find_lost_run(
    store: &Arc<dyn Store>,
    folder: &Path,
    flags: &str,
) -> Result<Option<(String, String)>, CommandError> {
    let strays = store.strays().await?;
    Ok(strays.first().map(|newest| {
        let others = match strays.len() - 1 {
            0 => String::new(),
            1 => " (and of another older run)".to_owned(),
            others => format!(" (and of {others} older runs)"),
        };
        let lock = sqlite::lock_path(folder, newest.run);
        let said = format!(
            "the records of run {}{others} are lost: {} shows that it started, but the ledger does not know it. Its \
                 instances may exist, so a launch could create a second fleet",
            newest.run,
            lock.display()
        );
        (said, remedy(newest, &lock, flags))
    }))
}

fn remedy(stray: &Stray, lock: &Path, flags: &str) -> String {
    let new = "to launch a second fleet: launch --new";
    if stray.held {
        let holder = stray.holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string);
        return format!("wait until it is done: {holder} is working on it; {new}");
    }
    format!(
        "rebuild it from its instances: oci-insta-scale resume --from-cloud {}{flags}; if none of them is left, delete {}; \
         {new}",
        stray.run,
        lock.display()
    )
}

/// Notes for a list of runs about those that it cannot show.
pub async fn notes_on_lost_runs(store: &Arc<dyn Store>, flags: &str) -> Result<Vec<String>, LedgerError> {
    let strays = store.strays().await?;
    Ok(strays
        .iter()
        .map(|stray| {
            format!(
                "warning: run {} started, but its records are lost; rebuild it from its instances: oci-insta-scale \
                     resume --from-cloud {}{flags}",
                stray.run, stray.run
            )
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::RunId;

    #[test]
    fn a_lost_run_is_rebuilt_by_the_command_that_is_shown() {
        let run = RunId(uuid::Uuid::nil());
        let mut stray = Stray { run, held: false, holder: None };
        let lock = Path::new("state/runs/0.lock");
        let shown = remedy(&stray, lock, " --config sim/config.yaml");
        assert!(shown.contains(&format!("resume --from-cloud {run} --config sim/config.yaml;")), "{shown}");
        assert!(shown.contains("delete state/runs/0.lock"), "{shown}");
        stray.held = true;
        assert!(remedy(&stray, lock, "").starts_with("wait until it is done"));
    }
}
