//! Earlier runs of the same fleet: the unfinished one that a launch must not pass over, and the names that runs hold.
//!
//! Two launches of one config make two fleets. Where an earlier one was cut short, that is rarely what is meant.

use super::{lost, past, session, verbosity};
use crate::args::{Global, LaunchArgs};
use crate::config::Settings;
use crate::environment;
use crate::error::CommandError;
use crate::output::console::{self, Verbosity};
use crate::output::runs::age;
use crate::output::text::count;
use fleet::{FleetSpec, Origin, Plan};
use jiff::Timestamp;
use ledger::sqlite::{self, Locked};
use ledger::{Event, Lease, LedgerError, Record, Records, RunHead, RunId, RunKind, RunState, Store};
use oci_client::{Clock as _, SystemClock};
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is to be done.
#[derive(Debug)]
pub enum Choice {
    /// Go on with the unfinished run.
    Resume(RunId),
    /// Start a run. The turn keeps others from starting one of the same fleet until this one can be found.
    Launch(Option<Lease>),
}

/// A run that is not done.
struct Unfinished {
    state: RunState,
    /// Who is at work on it.
    holder: Option<String>,
    /// The number of older ones.
    older: usize,
    /// Whether its plan can be read. Otherwise nobody knows which fleet it is of.
    readable: bool,
}

/// Whether this machine remembers any run, or has forgotten one.
pub fn has_any(global: &Global) -> Result<bool, CommandError> {
    let folder = environment::state_dir(global.state_dir.clone(), false)?;
    Ok(session::has_ledger(&folder) || sqlite::has_locks(&folder))
}

/// Looks for an unfinished run of the config. On a terminal it is offered; off one, and with `--yes`, a launch is refused:
/// a script that is started again must not make a second fleet, nor must two that are started at once.
pub async fn settle(
    global: &Global,
    args: &LaunchArgs,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<Choice, CommandError> {
    // Two fleets of the same names are wanted, and whether they begin at once makes no difference.
    if args.new && !args.extend {
        return Ok(Choice::Launch(None));
    }
    let now = SystemClock.now();
    let origin = session::origin(global, settings);
    let folder = environment::state_dir(global.state_dir.clone(), false)?;
    let store = session::open_ledger(global, false)?;
    // First the turn, then the look: a run that begins in between would be missed otherwise.
    let turn = sqlite::lock(&folder, &key(&settings.fleet, origin.as_ref()), now)?;
    // An extension alongside an unfinished run continues after its names.
    let found = if args.new { None } else { look(&store, settings, origin.as_ref()).await? };
    let turn = match (found, turn) {
        (Some(found), turn) => return found.settle(global, args, settings, turn, stop).await,
        (None, Locked::Ours(turn)) => turn,
        (None, Locked::Theirs(holder)) => {
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            return Err(CommandError::usage(
                format!("{holder} is about to launch the fleet of {}", settings.file),
                if args.new {
                    "wait until it has started, then extend the fleet"
                } else {
                    "wait until it is done; to launch a second fleet: launch --new"
                },
            ));
        }
    };
    if let Some((said, remedy)) = lost::in_the_way(&store, &folder, &session::flags(global)).await? {
        return Err(CommandError::usage(said, remedy));
    }
    Ok(Choice::Launch(Some(turn)))
}

/// What stands in the way of a launch, for one that only shows what it would do.
pub async fn in_the_way(
    global: &Global,
    args: &LaunchArgs,
    settings: &Settings,
) -> Result<Option<String>, CommandError> {
    if args.new || !has_any(global)? {
        return Ok(None);
    }
    let store = session::open_ledger(global, false)?;
    let found = look(&store, settings, session::origin(global, settings).as_ref()).await?;
    if let Some(found) = found {
        let said = found.describe(&settings.file, SystemClock.now());
        return Ok(Some(format!("{said} ({})", found.remedy(&session::flags(global)))));
    }
    let folder = environment::state_dir(global.state_dir.clone(), false)?;
    let lost = lost::in_the_way(&store, &folder, &session::flags(global)).await?;
    Ok(lost.map(|(said, remedy)| format!("{said} ({remedy})")))
}

async fn look(
    store: &Arc<dyn Store>,
    settings: &Settings,
    origin: Option<&Origin>,
) -> Result<Option<Unfinished>, CommandError> {
    let heads = store.runs().await?;
    unfinished(store, &heads, &settings.fleet, origin).await
}

/// Whether a run may be a launch that is not done. Of one whose first record cannot be read nobody knows what it is.
pub fn at_stake(head: &RunHead) -> bool {
    head.kind.is_none_or(|kind| kind == RunKind::Launch) && head.unfinished()
}

/// The newest unfinished run of the fleet. A run that ended with failed slots is finished; one that has made nothing, and
/// of which nothing is in doubt, can be started anew without harm, unless a process is at work on it. A run whose plan
/// cannot be read may be of any fleet: it is not passed over.
async fn unfinished(
    store: &Arc<dyn Store>,
    heads: &[RunHead],
    fleet: &FleetSpec,
    origin: Option<&Origin>,
) -> Result<Option<Unfinished>, CommandError> {
    let mut newest: Option<Unfinished> = None;
    for head in heads.iter().filter(|head| at_stake(head)) {
        let records = store.records(head.run).await?;
        let (state, readable) = match past::of_records(head.run, &records) {
            Ok((state, plan)) => {
                let same = is_of(&plan, fleet) && same_origin(plan.origin.as_ref(), origin);
                if !same || !(head.held || has_made(&state)) {
                    continue;
                }
                (state, true)
            }
            Err(_) if may_be_launch(&records) => (RunState::fold(head.run, &records.records), false),
            Err(_) => continue,
        };
        if let Some(newest) = &mut newest {
            newest.older += 1;
        } else {
            let holder = if head.held { Some(holder(store, head.run).await) } else { None };
            newest = Some(Unfinished { state, holder, older: 0, readable });
        }
    }
    Ok(newest)
}

/// Whether nothing that can be read of a run is of an action on instances.
fn may_be_launch(records: &Records) -> bool {
    let is_action = |record: &Record| {
        matches!(
            record.event,
            Event::ActionIntended { .. } | Event::ActionAccepted { .. } | Event::ActionDone { .. }
        )
    };
    !records.records.iter().any(is_action)
}

/// Whether a plan is for the same names in the same place.
pub fn is_of(plan: &Plan, fleet: &FleetSpec) -> bool {
    let of = &plan.fleet;
    (&of.region, &of.compartment, &of.name_prefix) == (&fleet.region, &fleet.compartment, &fleet.name_prefix)
}

/// Whether both were started from the same config, at the same endpoint. Runs of older versions do not tell.
fn same_origin(of: Option<&Origin>, own: Option<&Origin>) -> bool {
    let (Some(of), Some(own)) = (of, own) else { return true };
    same_place(Some(of), Some(own)) && file(of) == file(own)
}

/// Whether requests of both go to the same place, as far as is known.
pub fn same_place(of: Option<&Origin>, own: Option<&Origin>) -> bool {
    match (of.and_then(reached), own.and_then(reached)) {
        (Some(of), Some(own)) => of == own,
        _ => true,
    }
}

/// The config, however its path was written.
pub fn file(origin: &Origin) -> PathBuf {
    let path = PathBuf::from(&origin.config);
    std::fs::canonicalize(&path).unwrap_or(path)
}

fn reached(origin: &Origin) -> Option<String> {
    let reached = origin.reached.as_ref().or(origin.endpoint.as_ref())?;
    Some(reached.trim_end_matches('/').to_ascii_lowercase())
}

/// What stands for a fleet among the processes of this machine.
pub(super) fn key(fleet: &FleetSpec, origin: Option<&Origin>) -> String {
    let file = origin.map(|origin| file(origin).display().to_string()).unwrap_or_default();
    let reached = origin.and_then(reached).unwrap_or_default();
    [&file, &reached, &fleet.region, &fleet.compartment, &fleet.name_prefix].map(String::as_str).join("\n")
}

pub fn has_made(state: &RunState) -> bool {
    let counts = &state.counts;
    counts.launched + counts.unsettled > 0 || !(state.reservations.is_empty() && state.reserving.is_empty())
}

/// Who is at work on a run: the ledger tells when asked for the lease.
pub(super) async fn holder(store: &Arc<dyn Store>, run: RunId) -> String {
    match store.lease(run, SystemClock.now()).await {
        Err(LedgerError::Held { holder: Some(holder), .. }) => holder.to_string(),
        _ => "another process".to_owned(),
    }
}

/// What a person answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Resume,
    New,
}

impl Unfinished {
    /// Asks what to do, if there is a terminal.
    async fn settle(
        &self,
        global: &Global,
        args: &LaunchArgs,
        settings: &Settings,
        turn: Locked,
        stop: &CancellationToken,
    ) -> Result<Choice, CommandError> {
        let said = self.describe(&settings.file, SystemClock.now());
        let asks = !args.yes && console::can_ask() && verbosity(global) > Verbosity::Quiet;
        if !asks {
            return Err(CommandError::usage(said, self.remedy(&session::flags(global))));
        }
        console::line(&said);
        let question = if self.can_resume() {
            "[r]esume it, start a [n]ew run, or [c]ancel? [r/n/C]"
        } else {
            "start a [n]ew run, or [c]ancel? [n/C]"
        };
        let answer = console::ask_text(question, stop).await?;
        match self.answer(&answer) {
            Some(Answer::Resume) => Ok(Choice::Resume(self.state.run)),
            Some(Answer::New) => Ok(Choice::Launch(match turn {
                Locked::Ours(turn) => Some(turn),
                Locked::Theirs(_) => None,
            })),
            None => Err(CommandError::Declined),
        }
    }

    fn can_resume(&self) -> bool {
        self.holder.is_none() && self.readable
    }

    /// What an answer means; `None` for anything that is no clear answer. A run that a process has is not to be resumed.
    fn answer(&self, answer: &str) -> Option<Answer> {
        match answer.trim().to_ascii_lowercase().as_str() {
            "r" | "resume" if self.can_resume() => Some(Answer::Resume),
            "n" | "new" => Some(Answer::New),
            _ => None,
        }
    }

    fn describe(&self, file: &str, now: Timestamp) -> String {
        let RunState { run, requested, counts, started_at, .. } = &self.state;
        let ago = match started_at.or(run.made_at()).map(|at| age(at, now)).as_deref() {
            None | Some("now") => "just now".to_owned(),
            Some(age) => format!("{age} ago"),
        };
        let doubt = match counts.unsettled {
            0 => String::new(),
            some => format!(", {some} with an unknown outcome"),
        };
        let held = match &self.holder {
            Some(holder) => format!("active: {holder} is working on it"),
            None => "unfinished".to_owned(),
        };
        let older = match self.older {
            0 => String::new(),
            1 => " (and another older one)".to_owned(),
            older => format!(" (and {older} older ones)"),
        };
        if !self.readable {
            return format!(
                "a run is {held}{older}, and its plan cannot be read, so it may belong to {file}: {run}, started \
                     {ago}: {} launched{doubt}",
                counts.launched
            );
        }
        let ahead = match self.state.giving_back {
            Some((reached, min)) => format!(
                "; it is being rolled back, because {reached} running is below the minimum of {min}: `resume` deletes \
                     the rest"
            ),
            None => String::new(),
        };
        format!(
            "a run of {file} is {held}{older}: {run}, started {ago}, {}: {} launched, {} running{doubt}{ahead}",
            count(*requested, "instance"),
            counts.launched,
            counts.running,
        )
    }

    fn remedy(&self, flags: &str) -> String {
        let new = "to launch a second fleet: launch --new";
        match self.holder {
            Some(_) => format!("wait until it is done; {new}"),
            None if !self.readable => {
                let run = self.state.run;
                format!(
                    "rebuild it from its instances: oci-insta-scale resume --from-cloud {run}{flags}; {new}"
                )
            }
            None => format!("continue it: oci-insta-scale resume {}{flags}; {new}", self.state.run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Event;

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
        Unfinished { state, holder: holder.map(str::to_owned), older, readable: true }
    }

    #[test]
    fn an_unfinished_run_is_told_with_its_counts_and_its_age() {
        let now = Timestamp::from_second(7 * 60).unwrap();
        let held = unfinished(Some("process 7 on host"), 2);
        let left = unfinished(None, 0);
        let said =
            [&left, &held].map(|run| format!("{}\n{}", run.describe("config.yaml", now), run.remedy("")));
        insta::assert_snapshot!(said.join("\n"), @r"
            a run of config.yaml is unfinished: 00000000-0000-0000-0000-000000000000, started 7 min ago, 5 instances: 0 launched, 0 running, 1 with an unknown outcome
            continue it: oci-insta-scale resume 00000000-0000-0000-0000-000000000000; to launch a second fleet: launch --new
            a run of config.yaml is active: process 7 on host is working on it (and 2 older ones): 00000000-0000-0000-0000-000000000000, started 7 min ago, 5 instances: 0 launched, 0 running, 1 with an unknown outcome
            wait until it is done; to launch a second fleet: launch --new
            ");
    }

    #[test]
    fn only_a_clear_answer_does_anything() {
        let (left, held) = (unfinished(None, 0), unfinished(Some("process 7"), 0));
        for answer in ["r", " Resume\n"] {
            assert_eq!(left.answer(answer), Some(Answer::Resume), "{answer:?}");
            assert_eq!(held.answer(answer), None, "{answer:?}");
        }
        for answer in ["n\n", "NEW"] {
            assert_eq!(left.answer(answer), Some(Answer::New), "{answer:?}");
            assert_eq!(held.answer(answer), Some(Answer::New), "{answer:?}");
        }
        for answer in ["", "\n", "c", "y", "yes", "rn"] {
            assert_eq!(left.answer(answer), None, "{answer:?}");
        }
    }

    #[test]
    fn runs_of_another_config_or_another_endpoint_are_other_fleets() {
        let origin = |config: &str, reached: &str| Origin {
            config: config.to_owned(),
            reached: Some(reached.to_owned()),
            ..Origin::default()
        };
        let own = origin("/a/config.yaml", "http://127.0.0.1:2");
        assert!(same_origin(Some(&own), Some(&own)));
        assert!(same_origin(None, Some(&own)), "older runs do not tell, and are not passed over");
        assert!(!same_origin(Some(&origin("/b/config.yaml", "http://127.0.0.1:2")), Some(&own)));
        assert!(!same_origin(Some(&origin("/a/config.yaml", "http://127.0.0.1:1")), Some(&own)));
    }

    #[test]
    fn one_place_is_the_same_however_it_is_written() {
        let folder = std::env::temp_dir().display().to_string();
        let origin = |config: String, reached: Option<&str>, endpoint: Option<&str>| Origin {
            config,
            profile: None,
            endpoint: endpoint.map(str::to_owned),
            reached: reached.map(str::to_owned),
            simulated: None,
        };
        let own = origin(folder.clone(), Some("http://127.0.0.1:1"), None);
        let other_path = origin(format!("{folder}/../{folder}"), Some("HTTP://127.0.0.1:1/"), None);
        let given = origin(folder.clone(), Some("http://127.0.0.1:1"), Some("http://127.0.0.1:1"));
        let older = origin(folder, None, None);
        for of in [other_path, given, older] {
            assert!(same_origin(Some(&of), Some(&own)), "{of:?}");
        }
    }
}
