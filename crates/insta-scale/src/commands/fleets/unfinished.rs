//! Interrupted launches of a fleet, whose results must be determined before members are counted.

use super::Ground;
use crate::args::ScaleArgs;
use crate::error::CommandError;
use crate::output::console;
use crate::output::proposal::Proposal;
use crate::output::text::{clean, count};
use crate::waiting::telling;
use fleet::RunError;
use fleet::fleets::{Census, settle_unfinished};

/// Determines the results of interrupted launches and ends them. If no launch is in doubt, this changes nothing in the cloud;
/// otherwise it asks for confirmation first.
pub async fn settle(ground: &Ground<'_>, args: &ScaleArgs, census: &Census) -> Result<(), CommandError> {
    let runs: Vec<String> = census.unfinished.iter().map(ToString::to_string).collect();
    let said = format!("unfinished: {}", runs.join(", "));
    if args.dry_run {
        console::line(&format!(
            "note: {said}; `scale` ends these runs first (launches with an unknown outcome: {})",
            census.in_doubt
        ));
        return Ok(());
    }
    if census.in_doubt > 0 {
        let number = u64::from(census.in_doubt);
        let proposal = Proposal {
            what: vec![
                ("fleet", clean(&ground.key.name)),
                ("unfinished", runs.join(", ")),
                ("in doubt", format!("{} with an unknown outcome", count(number, "launch"))),
            ],
            options: vec![
                "each is sent again with its own retry token, so that it creates at most one instance, which then counts"
                    .to_owned(),
            ],
            question: "Find out what these launches have created?".to_owned(),
            number,
            ..Proposal::default()
        };
        ground.agree(args.yes, &proposal).await?;
    }
    let environment = ground.connection.environment(ground.asking.store.clone());
    let session = ground.connection.session;
    let work = Box::pin(settle_unfinished(&environment, &census.unfinished, &session.stop));
    let what = format!("finding out what {} has made before it ended", runs.join(", "));
    let settled = telling(session, &what, work).await;
    let settled = settled.map_err(|error| match error {
        RunError::NotResumable { run, reason } => CommandError::usage(
            format!("run {run} of this fleet is unfinished: {reason}"),
            format!("oci-insta-scale resume {run}"),
        ),
        other => other.into(),
    })?;
    for summary in settled {
        console::line(&format!(
            "run {} has ended with {} launched; its other instances will not be launched",
            summary.run_id, summary.launched
        ));
    }
    if ground.connection.session.stop.is_cancelled() { Err(CommandError::Interrupted) } else { Ok(()) }
}

/// Refuses to continue while a launch is in doubt, because the number of members is then unknown.
pub fn refuse_doubt(census: &Census) -> Result<(), CommandError> {
    let Some(run) = census.unfinished.first().filter(|_| census.in_doubt > 0) else { return Ok(()) };
    Err(CommandError::usage(
        format!("the outcome of {} launches of run {run} is unknown: nothing was changed", census.in_doubt),
        "repeat the command in a few minutes, when OCI responds again",
    ))
}
