//! Earlier runs of the same fleet: the unfinished one that a launch must not pass over, and the names that runs hold.
//!
//! Two launches of one config make two fleets. Where an earlier one was cut short, that is rarely what is meant.

use super::{chattiness, resume, runs, session};
use crate::args::{Global, LaunchArgs};
use crate::config::Settings;
use crate::environment;
use crate::error::CommandError;
use crate::output::console::{self, Chattiness};
use crate::output::runs::age;
use crate::output::text::count;
use crate::runtime;
use fleet::{FleetSpec, Origin, Plan};
use jiff::{SignedDuration, Timestamp};
use ledger::{LedgerError, RunHead, RunId, RunKind, RunState, Store};
use oci_client::{Clock as _, SystemClock};
use std::sync::Arc;

/// For so long what a run has made may be missing in lists (90 s are known), with room to spare.
const RECENT: SignedDuration = SignedDuration::from_mins(10);

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Go on with the unfinished run.
    Resume(RunId),
    /// Start a run.
    Launch,
}

/// A run that is not done.
struct Unfinished {
    state: RunState,
    /// Who is at work on it.
    holder: Option<String>,
    /// How many older ones there are besides.
    older: usize,
}

/// Whether this machine remembers any run.
pub fn has_any(global: &Global) -> Result<bool, CommandError> {
    Ok(session::has_ledger(&environment::state_dir(global.state_dir.clone(), false)?))
}

/// Looks for an unfinished run of the config. On a terminal it is offered; off one, and with `--yes`, a launch is refused:
/// a script that is started again must not make a second fleet.
pub fn settle(global: &Global, args: &LaunchArgs, settings: &Settings) -> Result<Choice, CommandError> {
    let heads = runs::heads(global, false)?;
    if args.new || !heads.iter().any(at_stake) {
        return Ok(Choice::Launch);
    }
    let store = session::open_ledger(global, false)?;
    let origin = session::origin(global);
    let found = runtime::block_on(unfinished(&store, &heads, &settings.fleet, origin.as_ref()))??;
    let Some(found) = found else { return Ok(Choice::Launch) };
    let said = found.describe(&settings.file, SystemClock.now());
    let asks = !args.yes && console::can_ask() && chattiness(global) > Chattiness::Quiet;
    if !asks {
        return Err(CommandError::usage(said, found.remedy()));
    }
    console::line(&said);
    let question = match &found.holder {
        Some(_) => "start a [n]ew run beside it, or [c]ancel? [n/C]",
        None => "[r]esume it, start a [n]ew run beside it, or [c]ancel? [r/n/C]",
    };
    match console::ask_text(question).as_deref().map(|answer| answer.trim().to_ascii_lowercase()).as_deref() {
        Some("r" | "resume") if found.holder.is_none() => Ok(Choice::Resume(found.state.run)),
        Some("n" | "new") => Ok(Choice::Launch),
        _ => Err(CommandError::Declined),
    }
}

fn at_stake(head: &RunHead) -> bool {
    head.kind == Some(RunKind::Launch) && head.unfinished()
}

/// The newest unfinished run of the fleet. A run that ended with failed slots is finished; one that has made nothing, and
/// of which nothing is in doubt, can be started anew without harm, unless a process is at work on it.
async fn unfinished(
    store: &Arc<dyn Store>,
    heads: &[RunHead],
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<Option<Unfinished>, CommandError> {
    let mut newest: Option<Unfinished> = None;
    for head in heads.iter().filter(|head| at_stake(head)) {
        // A plan that cannot be read cannot be compared; `resume` says what is wrong with it.
        let Ok((state, plan)) = resume::past(store, head.run).await else { continue };
        let same = is_of(&plan, fleet) && same_origin(plan.origin.as_ref(), origin);
        if !same || !(head.held || has_made(&state)) {
            continue;
        }
        if let Some(newest) = &mut newest {
            newest.older += 1;
        } else {
            let holder = if head.held { Some(holder(store, head.run).await) } else { None };
            newest = Some(Unfinished { state, holder, older: 0 });
        }
    }
    Ok(newest)
}

/// Whether a plan is for the same names in the same place.
fn is_of(plan: &Plan, fleet: &FleetSpec) -> bool {
    let of = &plan.fleet;
    (&of.region, &of.compartment, &of.name_prefix) == (&fleet.region, &fleet.compartment, &fleet.name_prefix)
}

/// Whether both were started from the same config, at the same endpoint. Runs of older versions do not tell.
fn same_origin(of: Option<&Origin>, own: Option<&Origin>) -> bool {
    match (of, own) {
        (Some(of), Some(own)) => (&of.config, &of.endpoint) == (&own.config, &own.endpoint),
        _ => true,
    }
}

fn has_made(state: &RunState) -> bool {
    let counts = &state.counts;
    counts.launched + counts.unsettled > 0 || !(state.reservations.is_empty() && state.reserving.is_empty())
}

/// Who is at work on a run: the ledger tells when asked for the lease.
async fn holder(store: &Arc<dyn Store>, run: RunId) -> String {
    match store.lease(run, SystemClock.now()).await {
        Err(LedgerError::Held { holder: Some(holder), .. }) => holder.to_string(),
        _ => "another process".to_owned(),
    }
}

impl Unfinished {
    fn describe(&self, file: &str, now: Timestamp) -> String {
        let RunState { run, requested, counts, started_at, .. } = &self.state;
        let ago = match started_at.map(|at| age(at, now)).as_deref() {
            None | Some("now") => "just now".to_owned(),
            Some(age) => format!("{age} ago"),
        };
        let doubt = match counts.unsettled {
            0 => String::new(),
            some => format!(", {some} of unknown outcome"),
        };
        let held = match &self.holder {
            Some(holder) => format!("at work: {holder} has it"),
            None => "unfinished".to_owned(),
        };
        let older = match self.older {
            0 => String::new(),
            older => format!(" (and {} before it)", count(u64::try_from(older).unwrap_or(u64::MAX), "more")),
        };
        format!(
            "a run of {file} is {held}{older}: {run}, begun {ago}, {}: {} launched, {} running{doubt}",
            count(*requested, "instance"),
            counts.launched,
            counts.running,
        )
    }

    fn remedy(&self) -> String {
        let new = "a second fleet beside it: launch --new";
        match self.holder {
            Some(_) => format!("wait until it is done; {new}"),
            None => format!("go on with it: oci-insta-scale resume {}; {new}", self.state.run),
        }
    }
}

/// The highest number that names of the fleet hold by the ledger: what runs have just made may not be listed yet, and an
/// unfinished one will go on with its names.
pub async fn highest_known(store: &Arc<dyn Store>, fleet: &FleetSpec) -> Result<u32, CommandError> {
    let now = SystemClock.now();
    let mut highest = 0;
    for head in store.runs().await? {
        let recent = now.duration_since(head.last_at) < RECENT;
        if head.kind != Some(RunKind::Launch) || !(recent || head.held || head.unfinished()) {
            continue;
        }
        let Ok((state, plan)) = resume::past(store, head.run).await else { continue };
        if is_of(&plan, fleet) {
            let goes_on = head.held || (head.unfinished() && has_made(&state));
            highest = highest.max(fleet::highest_of_run(&state, &plan, goes_on));
        }
    }
    Ok(highest)
}
