//! Which run a person means: its id, the beginning of it, or `last`.

use crate::error::CommandError;
use ledger::{RunHead, RunId, RunKind};

/// The word for the newest launch, which completion offers too.
pub const LAST: &str = "last";

/// Finds a run of this ledger by its complete id, by its beginning, or by the word `last`.
pub fn find_run(heads: &[RunHead], text: &str) -> Result<RunId, CommandError> {
    let wanted = text.trim().to_ascii_lowercase();
    if wanted.is_empty() {
        // Every id begins with an empty text.
        return Err(CommandError::usage("the id of the run is blank", "`oci-insta-scale runs` lists them"));
    }
    if wanted == LAST {
        return last_launch(heads).map(|head| head.run);
    }
    let found: Vec<RunId> =
        heads.iter().map(|head| head.run).filter(|run| run.to_string().starts_with(&wanted)).collect();
    match found.as_slice() {
        [run] => Ok(*run),
        [] => {
            Err(CommandError::usage(format!("there is no run {text:?}"), "`oci-insta-scale runs` lists them"))
        }
        many => Err(CommandError::usage(
            format!("{} runs start with {text:?}", many.len()),
            "use more of the id; `oci-insta-scale runs` lists them",
        )),
    }
}

/// Like `find_run`; a complete id may also belong to a run of another machine, which this ledger does not know.
pub fn find_run_anywhere(heads: &[RunHead], text: &str) -> Result<RunId, CommandError> {
    match text.trim().parse() {
        Ok(run) => Ok(run),
        Err(_) => find_run(heads, text),
    }
}

/// The newest launch. `scale` and `maintain` record more than their launches, and those records have no instances.
pub fn last_launch(heads: &[RunHead]) -> Result<&RunHead, CommandError> {
    heads.iter().find(|head| head.kind == Some(RunKind::Launch)).ok_or_else(|| {
        CommandError::usage(
            "the ledger knows no launch",
            "`oci-insta-scale runs` lists what it knows; a run of another machine needs its full id",
        )
    })
}
