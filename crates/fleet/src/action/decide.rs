//! What to do about an instance by its state: one table for before the action, one for after it.
//!
//! Pure data. The states are those that Oracle documents for `Instance.lifecycleState`; for an unknown state the service
//! decides.

use super::{Options, Verb};
use crate::query::select::{Machine, Tag};
use oci_api::models::InstanceLifecycleState as State;
use std::time::Duration;

/// What to do about an instance before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is in the wanted state: nothing is sent.
    Skip,
    /// It will reach the wanted state by itself: nothing is sent, but the run waits for it.
    Await,
    /// The action is sent.
    Send,
    /// Another operation is in progress: the action is sent when it ends.
    Later,
    /// The instance cannot reach the wanted state.
    Impossible(&'static str),
}

/// What the state of an instance means after the action was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is in the wanted state.
    Done,
    /// It has not reached the wanted state yet.
    Wait,
    /// The service seems to have lost the action, which is sent again.
    Lost,
    /// It will not reach the wanted state.
    Never(&'static str),
}

const GOING: &str = "it is being terminated";
const GONE: &str = "it is terminated";
const PREEMPTIBLE: &str = "it is preemptible; preemptible instances cannot be started, stopped or rebooted";

/// If an instance has not changed state for this long after its action was accepted, the action is sent again. Oracle's own
/// launcher does so with deletions (oracle/karpenter-provider-oci).
pub const LOST_AFTER: Duration = Duration::from_mins(2);
/// Lists may lag: an instance that is still STOPPED this long after its start was accepted did not start.
pub const SETTLED_AFTER: Duration = Duration::from_mins(1);
/// After this time a reboot counts as done, even if it was too fast to be observed.
pub const REBOOTED_AFTER: Duration = Duration::from_secs(30);

/// The decision about a listed instance, which may be preemptible.
pub fn decide_machine(verb: Verb, machine: &Machine) -> Decision {
    match decide(verb, &machine.state) {
        Decision::Send | Decision::Later if machine.preemptible && verb != Verb::Terminate => {
            Decision::Impossible(PREEMPTIBLE)
        }
        decision => decision,
    }
}

/// The tag that protects an instance from termination, if it has one and is not already terminating.
pub fn protection<'a>(options: &'a Options, machine: &Machine) -> Option<&'a Tag> {
    let terminates =
        options.verb == Verb::Terminate && decide(options.verb, &machine.state) == Decision::Send;
    options.protect.iter().find(|tag| terminates && tag.is_on(machine))
}

/// The table: action × state.
#[expect(clippy::match_same_arms, reason = "terminations have rows of their own: they are judged apart")]
pub fn decide(verb: Verb, state: &State) -> Decision {
    use Decision::{Await, Impossible, Later, Send, Skip};
    match (verb, state) {
        (Verb::Terminate, State::Terminated) => Skip,
        (Verb::Terminate, State::Terminating) => Await,
        (Verb::Terminate, _) => Send,
        (_, State::Terminated) => Impossible(GONE),
        (_, State::Terminating) => Impossible(GOING),

        (Verb::Start, State::Running) | (Verb::Stop, State::Stopped) => Skip,
        (Verb::Start, State::Starting | State::Provisioning) | (Verb::Stop, State::Stopping) => Await,
        (Verb::Start, State::Stopped) | (Verb::Stop | Verb::Reboot, State::Running) => Send,
        (Verb::Reboot, State::Stopped) => Impossible("it is stopped: start it instead"),
        (Verb::Reboot, State::Stopping) => Impossible("it is being stopped: start it afterwards"),
        (Verb::Start, State::Stopping)
        | (Verb::Stop | Verb::Reboot, State::Starting | State::Provisioning)
        | (_, State::Moving | State::CreatingImage) => Later,
        (_, State::Unrecognized(_)) => Send,
    }
}

/// The target state of the action, for people.
pub fn wanted(verb: Verb) -> &'static str {
    match verb {
        Verb::Start | Verb::Reboot => "RUNNING",
        Verb::Stop => "STOPPED",
        Verb::Terminate => "TERMINATED",
    }
}

/// The state of an instance while the action is in progress, if there is only one such state.
pub fn transitional(verb: Verb) -> Option<State> {
    match verb {
        Verb::Start => Some(State::Starting),
        Verb::Stop => Some(State::Stopping),
        Verb::Terminate => Some(State::Terminating),
        Verb::Reboot => None,
    }
}

/// The table: action × state after the action was accepted. `moved` says whether the instance was seen changing state, and
/// `since` how long ago the action was accepted.
pub fn progress(verb: Verb, state: &State, moved: bool, since: Duration) -> Progress {
    use Progress::{Done, Lost, Never, Wait};
    let lost = || if since >= LOST_AFTER { Lost } else { Wait };
    match (verb, state) {
        (Verb::Terminate, State::Terminated)
        | (Verb::Start, State::Running)
        | (Verb::Stop, State::Stopped) => Done,
        (Verb::Terminate, State::Terminating)
        | (Verb::Start, State::Starting | State::Provisioning)
        | (Verb::Stop, State::Stopping)
        | (Verb::Reboot, State::Stopping | State::Starting) => Wait,
        (Verb::Terminate, _) => lost(),
        (_, State::Terminated) => Never(GONE),
        (_, State::Terminating) => Never(GOING),

        (Verb::Start, State::Stopped) if moved || since >= SETTLED_AFTER => Never("it did not start"),
        (Verb::Stop, State::Starting | State::Running) if moved => {
            Never("it was started again in the meantime")
        }
        (Verb::Stop, State::Running) => lost(),
        (Verb::Reboot, State::Running) if moved || since >= REBOOTED_AFTER => Done,
        (Verb::Reboot, State::Stopped) if since >= LOST_AFTER => Never("it stopped and did not start again"),
        (Verb::Start | Verb::Stop | Verb::Reboot, _) => Wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::select::STATES;
    use std::fmt::Write as _;

    const VERBS: [Verb; 4] = [Verb::Start, Verb::Stop, Verb::Reboot, Verb::Terminate];

    #[test]
    fn the_table_of_decisions() {
        let mut table = String::new();
        for state in STATES.iter().chain(&["HIBERNATING"]) {
            let _ = write!(table, "{state:<15}");
            for verb in VERBS {
                let cell = match decide(verb, &State::from(*state)) {
                    Decision::Impossible(_) => "impossible".to_owned(),
                    other => format!("{other:?}").to_lowercase(),
                };
                let _ = write!(table, "{cell:<12}");
            }
            table = table.trim_end().to_owned() + "\n";
        }
        insta::assert_snapshot!(format!("state          start       stop        reboot      terminate\n{table}"), @r"
        state          start       stop        reboot      terminate
        MOVING         later       later       later       send
        PROVISIONING   await       later       later       send
        RUNNING        skip        send        send        send
        STARTING       await       later       later       send
        STOPPING       later       await       impossible  send
        STOPPED        send        skip        impossible  send
        CREATING_IMAGE later       later       later       send
        TERMINATING    impossible  impossible  impossible  await
        TERMINATED     impossible  impossible  impossible  skip
        HIBERNATING    send        send        send        send
        ");
    }

    #[test]
    fn the_table_of_progress() {
        let mut table = String::new();
        for state in STATES {
            for (moved, since) in [(false, 5), (true, 5), (false, 180)] {
                let _ = write!(table, "{state:<15}{:<6}{since:>4} s  ", if moved { "moved" } else { "" });
                for verb in VERBS {
                    let cell = match progress(verb, &State::from(state), moved, Duration::from_secs(since)) {
                        Progress::Never(_) => "never".to_owned(),
                        other => format!("{other:?}").to_lowercase(),
                    };
                    let _ = write!(table, "{cell:<8}");
                }
                table = table.trim_end().to_owned() + "\n";
            }
        }
        insta::assert_snapshot!(format!("state                        start   stop    reboot  terminate\n{table}"), @r"
        state                        start   stop    reboot  terminate
        MOVING                  5 s  wait    wait    wait    wait
        MOVING         moved    5 s  wait    wait    wait    wait
        MOVING                180 s  wait    wait    wait    lost
        PROVISIONING            5 s  wait    wait    wait    wait
        PROVISIONING   moved    5 s  wait    wait    wait    wait
        PROVISIONING          180 s  wait    wait    wait    lost
        RUNNING                 5 s  done    wait    wait    wait
        RUNNING        moved    5 s  done    never   done    wait
        RUNNING               180 s  done    lost    done    lost
        STARTING                5 s  wait    wait    wait    wait
        STARTING       moved    5 s  wait    never   wait    wait
        STARTING              180 s  wait    wait    wait    lost
        STOPPING                5 s  wait    wait    wait    wait
        STOPPING       moved    5 s  wait    wait    wait    wait
        STOPPING              180 s  wait    wait    wait    lost
        STOPPED                 5 s  wait    done    wait    wait
        STOPPED        moved    5 s  never   done    wait    wait
        STOPPED               180 s  never   done    never   lost
        CREATING_IMAGE          5 s  wait    wait    wait    wait
        CREATING_IMAGE moved    5 s  wait    wait    wait    wait
        CREATING_IMAGE        180 s  wait    wait    wait    lost
        TERMINATING             5 s  never   never   never   wait
        TERMINATING    moved    5 s  never   never   never   wait
        TERMINATING           180 s  never   never   never   wait
        TERMINATED              5 s  never   never   never   done
        TERMINATED     moved    5 s  never   never   never   done
        TERMINATED            180 s  never   never   never   done
        ");
    }

    #[test]
    fn a_preemptible_instance_can_only_be_terminated() {
        let machine = Machine { state: State::Running, preemptible: true, ..Machine::default() };
        assert_eq!(decide_machine(Verb::Stop, &machine), Decision::Impossible(PREEMPTIBLE));
        assert_eq!(decide_machine(Verb::Start, &machine), Decision::Skip);
        assert_eq!(decide_machine(Verb::Terminate, &machine), Decision::Send);
    }

    #[test]
    fn nothing_that_is_terminated_is_ever_waited_for_to_run() {
        for verb in [Verb::Start, Verb::Stop, Verb::Reboot] {
            for state in [State::Terminating, State::Terminated] {
                assert!(matches!(decide(verb, &state), Decision::Impossible(_)));
                assert!(matches!(progress(verb, &state, false, Duration::ZERO), Progress::Never(_)));
            }
        }
    }
}
