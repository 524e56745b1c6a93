//! Which run a bare `resume` means: one of this folder's config, and no other.

use super::{earlier, past};
use crate::error::CommandError;
use crate::output::text::{clean, count};
use fleet::Plan;
use ledger::{RunHead, RunId, RunKind, RunState, Store};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// How many runs of other configs are named.
const SHOWN: usize = 5;

/// The newest unfinished launch of a config; else its newest launch.
///
/// # Errors
/// When there is none: then those of other configs are listed, with how to name one.
pub async fn of_config(
    store: &Arc<dyn Store>,
    heads: &[RunHead],
    config: &Path,
) -> Result<RunId, CommandError> {
    let mut last = None;
    let mut others = Vec::new();
    for head in heads.iter().filter(|head| head.kind.is_none_or(|kind| kind == RunKind::Launch)) {
        let at_stake = earlier::at_stake(head);
        let (state, plan) = match past::of_run(store, head.run).await {
            Ok(found) => found,
            // It may be of this config: it is not passed over, and whoever goes on with it is told why that does not work.
            Err(_) if at_stake && !head.held && last.is_none() => return Ok(head.run),
            Err(_) => continue,
        };
        let ours = is_of(&plan, config);
        if ours && at_stake && !head.held {
            return Ok(head.run);
        }
        if ours && last.is_none() {
            last = Some(head.run);
        }
        if !ours && at_stake {
            others.push(line(head, &state, &plan));
        }
    }
    last.ok_or_else(|| nothing(config, &others))
}

/// Whether a run was started with this config. Runs of older versions do not tell: they have to be named.
fn is_of(plan: &Plan, config: &Path) -> bool {
    let own = std::fs::canonicalize(config).ok().or_else(|| std::path::absolute(config).ok());
    plan.origin.as_ref().is_some_and(|origin| Some(earlier::file(origin)) == own)
}

fn line(head: &RunHead, state: &RunState, plan: &Plan) -> String {
    let fleet = &plan.fleet;
    let config = plan.origin.as_ref().map_or("an unknown config", |origin| origin.config.as_str());
    let held = if head.held { ", active" } else { "" };
    format!(
        "{}: {}-*, {} of {} launched{held}, {}, {}",
        head.run,
        clean(&fleet.name_prefix),
        state.counts.launched,
        state.requested,
        clean(&fleet.region),
        clean(config)
    )
}

fn nothing(config: &Path, others: &[String]) -> CommandError {
    let mut message = format!("there is no run of {} to continue", config.display());
    if others.is_empty() {
        return CommandError::usage(
            message,
            "`oci-insta-scale launch` starts one; `oci-insta-scale runs` lists all runs",
        );
    }
    let unfinished = count(others.len() as u64, "unfinished run");
    let are = if others.len() == 1 { "is" } else { "are" };
    // Writing to a String cannot fail, so the results are ignored.
    let _ = write!(message, "; there {are} {unfinished} of other configs:");
    for other in others.iter().take(SHOWN) {
        let _ = write!(message, "\n  {other}");
    }
    if others.len() > SHOWN {
        let _ = write!(message, "\n  … and {} more", others.len() - SHOWN);
    }
    CommandError::usage(message, "name the run to continue: oci-insta-scale resume RUN")
}
