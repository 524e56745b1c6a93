//! Shows the affected instances and asks for confirmation. Terminations require the word DELETE, because `y` is typed too
//! easily.

use crate::args::Carry;
use crate::commands::consent;
use crate::commands::ending_pools::EndingPools;
use crate::commands::proposals;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::instances::list::{Table, totals};
use crate::output::proposal::{Money, Proposal, Typed};
use crate::output::text::{clean, count, ranges, wrap};
use crate::session::Session;
use crate::tuning::ROWS_ASKED;
use fleet::action::{Decision, Options, Verb, decide_machine, protection};
use fleet::price::Prices;
use fleet::select::Machine;
use jiff::Timestamp;
use oci_api::models::InstanceLifecycleState as State;
use std::collections::BTreeMap;

/// Asks for confirmation, unless there is nothing to do or `--yes` was given. Returns the instance pools that a termination
/// leaves without members, which were shown, and end with them.
pub async fn confirm_action(
    connection: &Connection<'_>,
    carry: &Carry,
    options: &Options,
    machines: &[Machine],
) -> Result<Option<EndingPools>, CommandError> {
    let (hit, spared) = sort_out(options, machines);
    let terminates = options.verb == Verb::Terminate;
    if hit.is_empty() {
        return Ok(None);
    }
    // Without waiting, nobody sees when a pool has no member left.
    let pools =
        if terminates && options.wait { EndingPools::emptied_by(connection, &hit).await? } else { None };
    if terminates {
        tell_fate(connection.session, carry.yes, options)?;
    }
    let mut proposal =
        proposal(options, &hit, &spared, &connection.settings.prices, connection.session.now());
    proposal.what.extend(pools.as_ref().map(EndingPools::row));
    consent::agree(connection, &connection.compartment, carry.yes, &proposal).await?;
    Ok(pools)
}

/// Says what happens to the volumes, if no question says it.
pub fn tell_fate(session: &Session, yes: bool, options: &Options) -> Result<(), CommandError> {
    if !consent::has_to_ask(yes)? && !session.is_quiet() {
        console::line(&fate(options));
    }
    Ok(())
}

/// The proposal to act on these instances.
pub fn propose_action(options: &Options, machines: &[Machine], prices: &Prices, now: Timestamp) -> Proposal {
    let (hit, spared) = sort_out(options, machines);
    proposal(options, &hit, &spared, prices, now)
}

fn proposal(
    options: &Options,
    hit: &[Machine],
    spared: &Spared,
    prices: &Prices,
    now: Timestamp,
) -> Proposal {
    let instances = count(hit.len() as u64, "instance");
    Proposal {
        table: outline(options, hit, spared, prices, now, console::width_for_people()),
        money: money(options.verb, hit, prices),
        question: format!("{} {instances}?", capitalised(options.verb.as_str())),
        number: hit.len() as u64,
        answer: if options.verb == Verb::Terminate { Typed::Word("DELETE") } else { Typed::Yes },
        ..Proposal::default()
    }
}

/// Asks for confirmation to end runs without instances for good, unless `--yes` was given.
pub async fn confirm_end(connection: &Connection<'_>, carry: &Carry) -> Result<(), CommandError> {
    let what = vec![("end", "launches without an instance, which can no longer be resumed".to_owned())];
    let question = "End them?".to_owned();
    let proposal = Proposal { what, question, ..Proposal::default() };
    consent::agree(connection, &connection.compartment, carry.yes, &proposal).await
}

/// The current price of the instances and, if it changes, the future price, without volumes.
fn money(verb: Verb, hit: &[Machine], prices: &Prices) -> Vec<(&'static str, Money)> {
    let of = |machines: &[Machine]| proposals::without_volumes(machines, prices);
    let now = of(hit);
    let then = |state: State| {
        let changed = |machine: &Machine| Machine { state: state.clone(), ..machine.clone() };
        of(&hit.iter().map(changed).collect::<Vec<_>>())
    };
    match verb {
        Verb::Start => vec![("price now", now), ("started", then(State::Running))],
        Verb::Stop => vec![("price now", now), ("stopped", then(State::Stopped))],
        Verb::Reboot => vec![("price", now)],
        Verb::Terminate => vec![("price now", now)],
    }
}

/// The reason why an instance is skipped → the names of the instances.
type Spared = BTreeMap<String, Vec<String>>;

/// The instances that receive a request, and the skipped ones. The run decides by the same rules.
fn sort_out(options: &Options, machines: &[Machine]) -> (Vec<Machine>, Spared) {
    let mut hit = Vec::new();
    let mut spared = Spared::new();
    for machine in machines {
        let state = clean(machine.state.as_str());
        let why = match (protection(options, machine), decide_machine(options.verb, machine)) {
            (Some(tag), _) => format!("protected by the tag `{}`", clean(&tag.to_string())),
            (None, Decision::Send | Decision::Later) => {
                hit.push(machine.clone());
                continue;
            }
            (None, Decision::Skip | Decision::Await) => format!("{state} already"),
            (None, Decision::Impossible(why)) => why.to_owned(),
        };
        spared.entry(why).or_default().push(clean(machine.label()));
    }
    (hit, spared)
}

/// The table, number and price of the affected instances, and the skipped ones.
fn outline(
    options: &Options,
    hit: &[Machine],
    spared: &Spared,
    prices: &Prices,
    now: Timestamp,
    width: Option<usize>,
) -> String {
    let (shown, rest) = hit.split_at(hit.len().min(ROWS_ASKED));
    let table = Table { machines: shown, prices, now, addresses: false, wide: false, asking: true };
    let mut after: Vec<String> = Vec::new();
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().map(|machine| clean(machine.label())).collect();
        after.push(format!("… and {} more: {}", rest.len(), ranges(&names)));
    }
    after.push(totals(hit, prices));
    for (why, names) in spared {
        let instances = count(names.len() as u64, "instance");
        after.push(format!("nothing is sent to {instances} ({why}): {}", ranges(names)));
    }
    if options.verb == Verb::Terminate {
        after.push(fate(options));
    }
    table.rows(width) + &wrap(&after.join("\n"), width)
}

/// Describes what happens to the volumes.
fn fate(options: &Options) -> String {
    let fate = |keep: bool| {
        if keep { "are kept and continue to cost money" } else { "are deleted with all their data" }
    };
    let (boot, data) = (fate(options.keep_boot_volumes), fate(options.keep_data_volumes));
    format!("boot volumes {boot}; data volumes created with the instances {data}")
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(number: u32, state: &str) -> Machine {
        Machine {
            name: format!("web-{number}"),
            ocid: format!("ocid1.instance.oc1.phx.unique{number:08}"),
            state: state.into(),
            availability_domain: "Uocm:PHX-AD-1".into(),
            shape: "VM.Standard.E4.Flex".into(),
            ocpus: Some(1.0),
            memory_gb: Some(6.0),
            ..Machine::default()
        }
    }

    fn shown(options: &Options, machines: &[Machine]) -> String {
        let (hit, spared) = sort_out(options, machines);
        outline(options, &hit, &spared, &Prices::default(), Timestamp::UNIX_EPOCH, Some(80))
    }

    #[test]
    fn only_affected_instances_are_counted() {
        let mut machines: Vec<Machine> = (1..=4).map(|number| machine(number, "RUNNING")).collect();
        machines[1].tags = [("keep".to_owned(), "yes".to_owned())].into();
        machines[2].state = "TERMINATING".into();
        let options = Options { protect: vec!["keep".parse().unwrap()], ..Options::new(Verb::Terminate) };
        insta::assert_snapshot!(shown(&options, &machines), @r"
        NAME   STATE    AD        SHAPE                OCPUS  GB  PRICE/H  OCID
        web-1  RUNNING  PHX-AD-1  VM.Standard.E4.Flex  1      6   0.0340   …00000001
        web-4  RUNNING  PHX-AD-1  VM.Standard.E4.Flex  1      6   0.0340   …00000004
        2 instances: 2 RUNNING; 2 OCPUs, 12 GB; 0.0680 USD per hour without volumes
        nothing is sent to 1 instance (TERMINATING already): web-3
        nothing is sent to 1 instance (protected by the tag `keep`): web-2
        boot volumes are deleted with all their data; data volumes created with the
        instances are deleted with all their data
        ");
        let (hit, _) = sort_out(&options, &machines);
        assert_eq!(hit.len(), 2);
    }

    #[test]
    fn however_many_there_are_each_is_named() {
        let machines: Vec<Machine> =
            (1..=200).filter(|number| *number != 99).map(|number| machine(number, "RUNNING")).collect();
        let text = shown(&Options::new(Verb::Stop), &machines);
        assert!(text.contains("… and 149 more: web-51 … web-98, web-100 … web-200"), "{text}");
    }
}
