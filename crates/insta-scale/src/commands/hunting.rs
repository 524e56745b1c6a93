//! The parts of `launch` and `resume` that concern a hunt: its terms, its heartbeat, and how it ends.

use crate::args::{HuntFlags, LaunchArgs};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::heartbeat::{self, Heartbeat};
use crate::output::text::seconds;
use crate::session::Session;
use crate::tuning::HUNT_GAP;
use fleet::launch::{Begin, Hunting, carry_on};
use fleet::plan::{HuntTerms, USUAL_HUNT_FLOOR};
use fleet::{Environment, LaunchOptions, Plan, RunError, RunSummary, Sink};
use jiff::{SignedDuration, Timestamp};
use ledger::{Outcome, RunId, RunState};
use oci_client::credentials::SignerFacts;
use std::time::Duration;

/// The terms that make the launch a hunt. In its own simulated region, the floor runs at the region's speed.
pub fn terms_of(
    args: &LaunchArgs,
    settings: &Settings,
    speed: Option<f64>,
    now: Timestamp,
) -> Result<Option<HuntTerms>, CommandError> {
    let Some(lasts) = args.hunt_time() else { return Ok(None) };
    let too_long = || CommandError::usage("--until is too long", "the longest time is a year");
    let lasts = SignedDuration::try_from(lasts).map_err(|_| too_long())?;
    let until = now.checked_add(lasts).map_err(|_| too_long())?;
    let floor = args.hunting.floor.or(settings.hunt_floor).unwrap_or(USUAL_HUNT_FLOOR);
    let floor = floor.div_f64(speed.unwrap_or(1.0).max(1.0));
    Ok(Some(HuntTerms::new(until, floor)))
}

/// Warns before the start if the login uses a session token, which expires long before a hunt ends.
pub fn warn_of_short_login(session: &Session, signer: &SignerFacts) {
    if let Some(warning) = short_login(signer).filter(|_| !session.is_quiet()) {
        console::line(&warning);
    }
}

fn short_login(signer: &SignerFacts) -> Option<String> {
    let log_in = signer.log_in.as_ref()?;
    Some(format!(
        "warning: this login is a session token, which can be renewed for 24 hours in all; then the hunt waits until you \
         log in again (`{log_in}`). For a longer hunt, use an API key or an instance principal"
    ))
}

/// Carries out a launch or a hunt, whether new or resumed.
pub async fn run_launch(
    session: &Session,
    environment: &Environment,
    run: RunId,
    (plan, past): (&Plan, Option<&RunState>),
    (options, flags): (LaunchOptions, &HuntFlags),
    sink: Sink,
) -> Result<RunSummary, RunError> {
    let stop = session.stop.clone();
    let Some(terms) = plan.hunt else {
        return match past {
            None => fleet::launch(environment, run, plan, &options, sink, stop).await,
            Some(_) => fleet::resume(environment, run, &options, sink, stop).await,
        };
    };
    let file = match (&flags.heartbeat, session.state_folder()) {
        (Some(file), _) => Some(file.clone()),
        (None, Ok(folder)) if !session.simulated => Some(heartbeat::usual_file(&folder, &plan.fleet)),
        (None, _) => None,
    };
    let now = session.now();
    let told = match (past, &file) {
        (Some(state), Some(file)) if !flags.once => gap(state, heartbeat::last_beat(file, run), terms, now),
        _ => None,
    };
    let hunting = Hunting::new(flags.once, told.into_iter().collect());
    let options = LaunchOptions { hunting: hunting.clone(), ..options };
    let heart = Heartbeat::start(file, run, plan, past, session.clock.clone());
    let begin = if past.is_some() { Begin::TakenUp } else { Begin::New(plan) };
    let ended = carry_on(environment, run, begin, &options, heart.watching(sink), stop).await;
    heart.stop();
    if let Some((until, has_probed)) = hunting.held().filter(|_| !session.is_quiet() && ended.is_ok()) {
        console::line(&not_yet(until, has_probed, session.now()));
    }
    ended
}

/// Why a hunt that probes once has ended, and when to run it again.
fn not_yet(until: Timestamp, has_probed: bool, now: Timestamp) -> String {
    let why = if has_probed {
        "not yet"
    } else {
        "nothing was requested, because the last probe of this tenancy is more recent than the floor"
    };
    let wait = until.duration_since(now).as_secs_f64().max(0.0).ceil();
    format!("{why}: the next probe is allowed at {until:.0} (in {}); run it again then", seconds(wait))
}

/// Describes the time without a heartbeat after a run was resumed.
fn gap(state: &RunState, beat: Option<Timestamp>, terms: HuntTerms, now: Timestamp) -> Option<String> {
    let last = beat.max(state.last_at)?;
    let away = Duration::try_from(now.duration_since(last)).ok()?;
    (away >= HUNT_GAP.max(terms.floor() * 3)).then(|| {
        format!("no process worked on the hunt from {last:.0} to {now:.0} ({})", seconds(away.as_secs_f64()))
    })
}

/// The exit code of a hunt that probes once: "not yet" is neither a success nor a failure.
pub fn exit_of(summary: &RunSummary, flags: &HuntFlags) -> Exit {
    match summary.outcome {
        Some(Outcome::CutShort | Outcome::InDoubt) if flags.once => Exit::NotYet,
        _ => Exit::of(summary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    #[test]
    fn a_hunt_with_a_session_token_is_warned_of() {
        let log_in = "oci session authenticate --profile-name A --region us-phoenix-1".to_owned();
        let session = SignerFacts { log_in: Some(log_in.clone()), ..SignerFacts::default() };
        let said = short_login(&session).unwrap();
        assert!(said.contains("24 hours") && said.contains(&log_in), "{said}");
        assert_eq!(short_login(&SignerFacts::default()), None);
    }

    #[test]
    fn a_gap_without_a_process_is_told() {
        let mut state = RunState::new(RunId(uuid::Uuid::nil()));
        state.last_at = Some(at(0));
        let terms = HuntTerms::new(at(10_000), Duration::from_mins(1));
        let told = |beat: Option<i64>, now: i64| gap(&state, beat.map(at), terms, at(now));
        assert_eq!(told(None, 2), None);
        assert_eq!(told(Some(179), 181), None, "the heartbeat is younger than the last record");
        let said = told(Some(1), 181).unwrap();
        assert!(said.contains("no process worked on the hunt from 2027-01-15T08:01:00Z to"), "{said}");
        let slow = HuntTerms::new(at(10_000), Duration::from_hours(1));
        assert_eq!(gap(&state, None, slow, at(100)), None, "within three floors");
    }
}
