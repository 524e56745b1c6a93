//! `scale` to a smaller size: terminates the instances that were shown.

use super::Ground;
use super::shared::{note_count, show_planned, terminate_options};
use crate::args::ScaleArgs;
use crate::commands::ending_pools::EndingPools;
use crate::commands::network::EndingNetwork;
use crate::commands::proposals;
use crate::commands::{costs, instances};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::output::console;
use crate::output::fleets::scale::Done;
use crate::output::instances::reporter::ActionReporter;
use crate::output::proposal::Proposal;
use crate::output::text::{clean, count};
use fleet::action::Verb;
use fleet::fleets::{Census, Means, Picked, ScalePlan, Unevenness, carry_out, uneven_after};
use fleet::plan::Spread;
use fleet::select::Selection;
use std::collections::BTreeSet;

/// Shrinks the fleet.
pub async fn run(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    census: &Census,
    (scale, picked, network, pools): (ScalePlan, Picked, Option<EndingNetwork>, Option<EndingPools>),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let connection = &ground.connection;
    check_named(ground, args, &scale, &picked)?;
    let uneven = uneven_after(ground.fleet(), &census.members, &picked);
    if let Some(uneven) = &uneven {
        check_spread(ground, args, uneven)?;
    }
    if picked.leaving.is_empty() {
        console::line(&protected(&picked));
        let done = Done::new(&scale, scale.before).of_dry_run(args.dry_run);
        console::data(&done.text(connection.session.output))?;
        return Ok(Exit::NoneLaunched);
    }
    let mut options = terminate_options(&args.keep, &args.pace);
    check_pools(pools.as_ref(), &options)?;
    let mut proposal = propose(ground, census, &scale, &picked, &options);
    proposal.what.extend(pools.as_ref().map(EndingPools::row));
    proposal.what.extend(network.iter().flat_map(EndingNetwork::rows));
    proposal.options.extend(uneven.map(|uneven| format!("spread: {}", clean(&uneven.to_string()))));
    if args.dry_run {
        show_planned(ground, &scale, &proposal)?;
        return Ok(if picked.short > 0 { Exit::SomeFailed } else { Exit::Done });
    }
    instances::tell_fate(connection.session, args.yes, &options)?;
    ground.agree(args.yes, &proposal).await?;
    options.simulated.clone_from(&scale.simulated);
    connection.session.say_when_stopped(instances::STOPPING);
    let short = picked.short;
    let note = (short > 0).then(|| protected(&picked));
    let machines = picked.leaving.into_iter().map(|leaving| leaving.member.machine);
    let selection = Selection::freeze(machines.collect());
    let environment = connection.environment(ground.asking.store.clone());
    let run = environment.new_run_id();
    if let Some(pools) = pools.as_ref().filter(|pools| pools.is_busy()) {
        let exit = pools.delete_pools(connection, &environment).await?;
        if exit != Exit::Done {
            return Ok(exit);
        }
    }
    let names = names_of(&selection);
    let (sink, reporter) = ActionReporter::start(connection.session, run, "instance", &names)?;
    let priced = (ground.fleet(), &connection.settings.prices);
    let sink = metrics.watching(&environment, priced, &[], sink);
    let means = Means::Shrink { selection: &selection, options: &options };
    let result = carry_out(&environment, &scale, run, means, sink, connection.session.stop.clone()).await;
    reporter.finish();
    metrics.finish().await;
    let converged = result?;
    let Some(mut summary) = converged.terminated else { return Ok(Exit::NoneLaunched) };
    if !connection.session.stop.is_cancelled() {
        summary.still_costs = still_costs(ground, &environment, run, &selection).await;
    }
    let gone = summary.done + summary.accepted;
    let mut done = Done::new(&scale, scale.before.saturating_sub(gone)).by(converged.scale);
    let mut exit = Exit::of_actions(&summary);
    if exit == Exit::Done && short == 0 {
        if let Some(pools) = &pools {
            exit = pools.delete(connection, &environment).await?;
        }
        if let Some(network) = network.as_ref().filter(|_| exit == Exit::Done) {
            let ended = network.delete(connection, &environment).await?;
            exit = ended.exit();
            done = done.with_network(ended);
        }
    } else {
        tell_kept(pools.is_some(), network.as_ref());
    }
    console::data(&done.terminated(&summary, connection.session.output))?;
    instances::advise(&summary);
    costs::show_costs(summary.still_costs.as_deref(), &connection.settings.prices);
    if let Some(note) = note {
        console::line(&note);
    }
    done.advise(connection.session);
    note_count(ground, args, &scale);
    Ok(if exit == Exit::Done && short > 0 { Exit::SomeFailed } else { exit })
}

/// What the terminated instances leave behind that costs money.
async fn still_costs(
    ground: &Ground<'_>,
    environment: &fleet::Environment,
    run: ledger::RunId,
    selection: &Selection,
) -> Option<Vec<fleet::price::StillCosts>> {
    let connection = &ground.connection;
    let (client, store) = (connection.questions.clone(), &*environment.store);
    let (compartment, prices) = (&connection.compartment, &connection.settings.prices);
    let found =
        fleet::costs::after_termination(&client, store, run, compartment, selection.machines(), prices);
    costs::complete_costs(connection.session, found.await)
}

fn names_of(selection: &Selection) -> Vec<String> {
    selection.machines().iter().map(|machine| machine.label().to_owned()).collect()
}

/// Refuses to keep volumes that OCI deletes with a pool.
fn check_pools(pools: Option<&EndingPools>, options: &fleet::action::Options) -> Result<(), CommandError> {
    if options.keep_boot_volumes && pools.is_some_and(EndingPools::is_busy) {
        return Err(CommandError::usage(
            "a pool of the fleet is not at rest, so it can only be deleted with its members and their volumes",
            "wait until `status` shows it as RUNNING, or omit --keep-boot-volumes",
        ));
    }
    Ok(())
}

/// Says what stays because instances of the fleet may need it.
fn tell_kept(pools: bool, network: Option<&EndingNetwork>) {
    if pools {
        console::line("note: the pools are kept, because instances of the fleet may still be in them");
    }
    if let Some(network) = network {
        let what = network.what();
        console::line(&format!(
            "note: the {what} is kept, because instances of the fleet may still be in it"
        ));
    }
}

/// Refuses to terminate fewer or more instances than those named.
fn check_named(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    scale: &ScalePlan,
    picked: &Picked,
) -> Result<(), CommandError> {
    if args.named.is_empty() {
        return Ok(());
    }
    let list = |names: &[String]| names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(", ");
    let fleet = clean(&ground.key.name);
    if !picked.unknown.is_empty() {
        return Err(CommandError::usage(
            format!("not in fleet {fleet}: {}", list(&picked.unknown)),
            "`oci-insta-scale status` lists its instances",
        ));
    }
    if !picked.refused.is_empty() {
        return Err(CommandError::usage(
            format!("protected by a tag: {}", list(&picked.refused)),
            "remove the tag first, or name others",
        ));
    }
    let (named, leave) = (picked.leaving.len() as u64, u64::from(scale.before - scale.wanted));
    if named == leave {
        return Ok(());
    }
    Err(CommandError::usage(
        format!(
            "--named lists {}, but scaling from {} to {} instances removes {leave}",
            count(named, "instance"),
            scale.before,
            scale.wanted
        ),
        format!("list exactly {leave}, or scale to {}", u64::from(scale.before).saturating_sub(named)),
    ))
}

/// Refuses a requested order that would break the spread. Without a requested order, the fullest domains shrink first, and an
/// uneven result is only reported.
fn check_spread(ground: &Ground<'_>, args: &ScaleArgs, uneven: &Unevenness) -> Result<(), CommandError> {
    let refuses = ground.fleet().spread.is_some_and(Spread::refuses);
    let flag = match (args.named.is_empty(), args.oldest, args.newest) {
        (false, ..) => "--named",
        (_, true, _) => "--oldest",
        (_, _, true) => "--newest",
        _ => return Ok(()),
    };
    if !refuses {
        return Ok(());
    }
    Err(CommandError::usage(
        format!("{flag} would break the spread of the fleet: {}", clean(&uneven.to_string())),
        format!("omit {flag}: the fullest domains then shrink first; or set `when_impossible: best_effort`"),
    ))
}

fn protected(picked: &Picked) -> String {
    format!(
        "{} more would have to be removed: {} protected (tag {}, or --protect)",
        picked.short,
        count(picked.protected, "instance") + if picked.protected == 1 { " is" } else { " are" },
        fleet::fleets::PROTECT_TAG
    )
}

/// The instances to terminate, why each was chosen, and the price of the fleet before and after.
fn propose(
    ground: &Ground<'_>,
    census: &Census,
    scale: &ScalePlan,
    picked: &Picked,
    options: &fleet::action::Options,
) -> Proposal {
    let (settings, fleet) = (&ground.connection.settings, ground.fleet());
    let leaving: Vec<_> = picked.leaving.iter().map(|leaving| leaving.member.machine.clone()).collect();
    let mut proposal =
        instances::propose_action(options, &leaving, &settings.prices, ground.connection.session.now());
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for why in picked.leaving.iter().map(|leaving| leaving.why.as_str()) {
        match reasons.iter_mut().find(|(known, _)| *known == why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((why, 1)),
        }
    }
    let reasons: Vec<String> = reasons.iter().map(|(why, count)| format!("{count} {why}")).collect();
    let name = clean(&ground.key.name);
    proposal.what = vec![
        ("fleet", format!("{name}: {} → {} instances", scale.before, scale.wanted)),
        ("why these", reasons.join(", ")),
    ];
    let goes: BTreeSet<&str> = leaving.iter().map(|machine| machine.ocid.as_str()).collect();
    let machines = census.members.iter().map(|member| &member.machine);
    let stays = machines.filter(|machine| !goes.contains(machine.ocid.as_str()));
    let saved = if options.keep_boot_volumes {
        proposals::without_volumes(&leaving, &settings.prices)
    } else {
        proposals::members(&leaving, fleet, settings)
    };
    proposal.money = vec![("saves", saved), ("fleet then", proposals::members(stays, fleet, settings))];
    if picked.short > 0 {
        proposal.options.push(protected(picked));
    }
    debug_assert_eq!(options.verb, Verb::Terminate);
    proposal
}
