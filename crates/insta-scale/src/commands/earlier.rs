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
use tokio_util::sync::CancellationToken;

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
    let answer = runtime::block_on(async {
        let stop = CancellationToken::new();
        runtime::cancel_on_signals(&stop)?;
        console::ask_text(question, &stop).await
    })??;
    found.choice(&answer).ok_or(CommandError::Declined)
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
    /// What an answer means; `None` for anything that is no clear answer. A run that a process has is not to be resumed.
    fn choice(&self, answer: &str) -> Option<Choice> {
        match answer.trim().to_ascii_lowercase().as_str() {
            "r" | "resume" if self.holder.is_none() => Some(Choice::Resume(self.state.run)),
            "n" | "new" => Some(Choice::Launch),
            _ => None,
        }
    }

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
            1 => " (and an older one besides)".to_owned(),
            older => format!(" (and {older} older ones besides)"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Event, Record};

    fn unfinished(holder: Option<&str>, older: usize) -> Unfinished {
        let at = Timestamp::UNIX_EPOCH;
        let run = RunId(uuid::Uuid::nil());
        let events = [
            Event::RunStarted { kind: RunKind::Launch, requested: 5, plan: serde_json::Value::Null },
            Event::LaunchIntended {
                slot: 1,
                attempt: 1,
                token: "t".to_owned(),
                placement: ledger::Placement::default(),
            },
        ];
        let records = (1..).zip(events).map(|(seq, event)| Record { seq, at, event });
        let records: Vec<Record> = records.collect();
        let state = RunState::fold(run, &records);
        Unfinished { state, holder: holder.map(str::to_owned), older }
    }

    #[test]
    fn an_unfinished_run_is_told_with_its_counts_and_its_age() {
        let now = Timestamp::from_second(7 * 60).unwrap();
        let held = unfinished(Some("process 7 on host"), 2);
        let left = unfinished(None, 0);
        let said =
            [&left, &held].map(|run| format!("{}\n{}", run.describe("config.yaml", now), run.remedy()));
        insta::assert_snapshot!(said.join("\n"), @r"
            a run of config.yaml is unfinished: 00000000-0000-0000-0000-000000000000, begun 7 min ago, 5 instances: 0 launched, 0 running, 1 of unknown outcome
            go on with it: oci-insta-scale resume 00000000-0000-0000-0000-000000000000; a second fleet beside it: launch --new
            a run of config.yaml is at work: process 7 on host has it (and 2 older ones besides): 00000000-0000-0000-0000-000000000000, begun 7 min ago, 5 instances: 0 launched, 0 running, 1 of unknown outcome
            wait until it is done; a second fleet beside it: launch --new
            ");
    }

    #[test]
    fn only_a_clear_answer_does_anything() {
        let (left, held) = (unfinished(None, 0), unfinished(Some("process 7"), 0));
        for answer in ["r", " Resume\n"] {
            assert_eq!(left.choice(answer), Some(Choice::Resume(left.state.run)), "{answer:?}");
            assert_eq!(held.choice(answer), None, "{answer:?}");
        }
        for answer in ["n\n", "NEW"] {
            assert_eq!(left.choice(answer), Some(Choice::Launch), "{answer:?}");
            assert_eq!(held.choice(answer), Some(Choice::Launch), "{answer:?}");
        }
        for answer in ["", "\n", "c", "y", "yes", "rn"] {
            assert_eq!(left.choice(answer), None, "{answer:?}");
        }
    }

    #[test]
    fn runs_of_another_config_or_another_endpoint_are_other_fleets() {
        let origin = |config: &str, endpoint: Option<&str>| Origin {
            config: config.to_owned(),
            profile: None,
            endpoint: endpoint.map(str::to_owned),
        };
        let own = origin("/a/config.yaml", None);
        assert!(same_origin(Some(&own), Some(&own)));
        assert!(same_origin(None, Some(&own)), "older runs do not tell, and are not passed over");
        assert!(!same_origin(Some(&origin("/b/config.yaml", None)), Some(&own)));
        assert!(!same_origin(Some(&origin("/a/config.yaml", Some("http://127.0.0.1:1"))), Some(&own)));
    }
}
