//! The unfinished run of the same fleet that a launch must not ignore: how it is reported, and the choices.

use super::{agreed_terms, lost};
use crate::args::LaunchArgs;
use crate::config::Settings;
use crate::error::CommandError;
use crate::output::console;
use crate::output::runs::age;
use crate::output::text::count;
use crate::session::Session;
use crate::tuning::STANDBY_POLL;
use fleet::Origin;
use fleet::history::{UnfinishedRun, find_unfinished, find_unfinished_hunt, launch_lock_key};
use jiff::Timestamp;
use ledger::{Lease, Locked, RunId, RunState, Store};

/// What the launch does.
#[derive(Debug)]
pub enum Choice {
    /// Resumes the unfinished run.
    Resume(RunId),
    /// Starts a new run. The launch lock keeps other processes from starting a run of the same fleet until this one can be
    /// found.
    Launch(Option<Lease>),
}

/// Looks for an unfinished run of the config. On a terminal, the user chooses. Otherwise, and with `--yes`, the launch is
/// refused, so that neither a restarted script nor two concurrent ones create a second fleet.
pub async fn resolve_unfinished_run(
    session: &Session,
    args: &LaunchArgs,
    settings: &Settings,
) -> Result<Choice, CommandError> {
    // Two fleets with the same names are wanted, even if they start at the same time.
    if args.new && !args.extend {
        return Ok(Choice::Launch(None));
    }
    let now = session.now();
    let origin = session.origin(settings);
    let store = session.ledger()?;
    if args.is_hunt() && !args.new {
        stand_by(session, &*store, settings, origin.as_ref()).await?;
    }
    // The lock comes before the check, which would otherwise miss a run that begins in between.
    let lock = store.lock(&launch_lock_key(&settings.fleet, origin.as_ref()), now).await?;
    if args.is_hunt()
        && !args.new
        && let Some(hunt) = find_unfinished_hunt(&*store, &settings.fleet, origin.as_ref(), now).await?
        && hunt.can_resume()
    {
        if !session.is_quiet()
            && let Some(warning) = agreed_terms::ignored(&hunt.state, args, settings)
        {
            console::line(&warning);
        }
        return Ok(Choice::Resume(hunt.state.run));
    }
    // An extension beside an unfinished run continues after its names.
    let found =
        if args.new { None } else { find_unfinished(&*store, &settings.fleet, origin.as_ref(), now).await? };
    let lock = match (found, lock) {
        (Some(found), lock) => return ask_what_to_do(session, args, settings, &found, lock).await,
        (None, Locked::Ours(lock)) => lock,
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
    if let Some((said, remedy)) =
        lost::find_lost_run(&store, &session.state_folder()?, &session.flags_text()).await?
    {
        return Err(CommandError::usage(said, remedy));
    }
    Ok(Choice::Launch(Some(lock)))
}

/// Waits while a hunter on another machine works on the hunt of this fleet: two hunters are one hunter and one that takes over.
async fn stand_by(
    session: &Session,
    store: &dyn Store,
    settings: &Settings,
    origin: Option<&Origin>,
) -> Result<(), CommandError> {
    let mut is_told = false;
    while store.is_shared() {
        let hunt = find_unfinished_hunt(store, &settings.fleet, origin, session.now()).await?;
        let Some(holder) = hunt.as_ref().and_then(|hunt| hunt.holder.as_ref()) else { break };
        if !is_told && !session.is_quiet() {
            console::line(&format!(
                "standing by: {holder} hunts for this fleet; this process takes over if that one ends"
            ));
        }
        is_told = true;
        tokio::select! {
            () = tokio::time::sleep(STANDBY_POLL) => {}
            () = session.stop.cancelled() => return Err(CommandError::Interrupted),
        }
    }
    Ok(())
}

/// The unfinished run that would stop a launch, for a command that only shows the launch.
pub async fn foresee_unfinished_run(
    session: &Session,
    args: &LaunchArgs,
    settings: &Settings,
) -> Result<Option<String>, CommandError> {
    if args.new {
        return Ok(None);
    }
    let blocking = find_blocking_run(session, settings).await?;
    Ok(blocking.map(|(said, remedy)| format!("{said} ({remedy})")))
}

/// The run that would stop a launch of these settings, in words, and what to do about it.
pub async fn find_blocking_run(
    session: &Session,
    settings: &Settings,
) -> Result<Option<(String, String)>, CommandError> {
    let Some(store) = session.ledger_of_the_past()? else { return Ok(None) };
    let (origin, now) = (session.origin(settings), session.now());
    let found = find_unfinished(&*store, &settings.fleet, origin.as_ref(), now).await?;
    if let Some(found) = found {
        let said = describe(&found, &settings.file, now);
        return Ok(Some((said, remedy(&found, &session.flags_text()))));
    }
    lost::find_lost_run(&store, &session.state_folder()?, &session.flags_text()).await
}

/// A person's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Resume,
    New,
}

/// Asks what to do, if there is a terminal.
async fn ask_what_to_do(
    session: &Session,
    args: &LaunchArgs,
    settings: &Settings,
    found: &UnfinishedRun,
    lock: Locked,
) -> Result<Choice, CommandError> {
    let said = describe(found, &settings.file, session.now());
    let asks = !args.yes && console::can_ask() && !session.is_quiet();
    if !asks {
        return Err(CommandError::usage(said, remedy(found, &session.flags_text())));
    }
    console::line(&said);
    let question = if found.can_resume() {
        "[r]esume it, start a [n]ew run, or [c]ancel? [r/n/C]"
    } else {
        "start a [n]ew run, or [c]ancel? [n/C]"
    };
    let answer = console::ask_text(question, &session.stop).await?;
    match parse_answer(found, &answer) {
        Some(Answer::Resume) => Ok(Choice::Resume(found.state.run)),
        Some(Answer::New) => Ok(Choice::Launch(match lock {
            Locked::Ours(lock) => Some(lock),
            Locked::Theirs(_) => None,
        })),
        None => Err(CommandError::Declined),
    }
}

/// Parses a reply; `None` if it is unclear. A run held by a process cannot be resumed.
fn parse_answer(found: &UnfinishedRun, answer: &str) -> Option<Answer> {
    match answer.trim().to_ascii_lowercase().as_str() {
        "r" | "resume" if found.can_resume() => Some(Answer::Resume),
        "n" | "new" => Some(Answer::New),
        _ => None,
    }
}

fn describe(found: &UnfinishedRun, file: &str, now: Timestamp) -> String {
    let RunState { run, requested, counts, started_at, .. } = &found.state;
    let ago = match started_at.or(run.made_at()).map(|at| age(at, now)).as_deref() {
        None | Some("now") => "just now".to_owned(),
        Some(age) => format!("{age} ago"),
    };
    let doubt = match counts.unsettled {
        0 => String::new(),
        some => format!(", {some} with an unknown outcome"),
    };
    let held = match &found.holder {
        Some(holder) => format!("active: {holder} is working on it"),
        None => "unfinished".to_owned(),
    };
    let older = match found.older {
        0 => String::new(),
        1 => " (and another older one)".to_owned(),
        older => format!(" (and {older} older ones)"),
    };
    if !found.readable {
        return format!(
            "a run is {held}{older}, and its plan cannot be read, so it may belong to {file}: {run}, started {ago}: \
             {} launched{doubt}",
            counts.launched
        );
    }
    let ahead = match found.state.giving_back {
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

fn remedy(found: &UnfinishedRun, flags: &str) -> String {
    let new = "to launch a second fleet: launch --new";
    match found.holder {
        Some(_) => format!("wait until it is done; {new}"),
        None if !found.readable => {
            let run = found.state.run;
            format!("rebuild it from its instances: oci-insta-scale resume --from-cloud {run}{flags}; {new}")
        }
        None => format!("continue it: oci-insta-scale resume {}{flags}; {new}", found.state.run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Event, Record, RunKind};

    fn unfinished(holder: Option<&str>, older: usize) -> UnfinishedRun {
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
        UnfinishedRun { state, holder: holder.map(str::to_owned), older, readable: true }
    }

    #[test]
    fn an_unfinished_run_is_told_with_its_counts_and_its_age() {
        let now = Timestamp::from_second(7 * 60).unwrap();
        let held = unfinished(Some("process 7 on host"), 2);
        let left = unfinished(None, 0);
        let said =
            [&left, &held].map(|run| format!("{}\n{}", describe(run, "config.yaml", now), remedy(run, "")));
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
            assert_eq!(parse_answer(&left, answer), Some(Answer::Resume), "{answer:?}");
            assert_eq!(parse_answer(&held, answer), None, "{answer:?}");
        }
        for answer in ["n\n", "NEW"] {
            assert_eq!(parse_answer(&left, answer), Some(Answer::New), "{answer:?}");
            assert_eq!(parse_answer(&held, answer), Some(Answer::New), "{answer:?}");
        }
        for answer in ["", "\n", "c", "y", "yes", "rn"] {
            assert_eq!(parse_answer(&left, answer), None, "{answer:?}");
        }
    }
}
