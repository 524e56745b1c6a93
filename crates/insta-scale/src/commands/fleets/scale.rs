//! `scale`: brings the fleet of the config to a size.

use super::shared::note_count;
use super::{Ground, grow, shrink, unfinished};
use crate::args::{MetricsFlags, ScaleArgs};
use crate::commands::consent;
use crate::commands::ending_pools::EndingPools;
use crate::commands::network::EndingNetwork;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::output::console;
use crate::output::fleets::scale::Done;
use crate::output::proposal::{Proposal, Typed};
use crate::output::simulated;
use crate::output::text::{clean, count};
use crate::session::Session;
use fleet::Engine;
use fleet::fleets::{Census, LeavingOrder, Means, ScalePlan, SizeChange, Wanted, carry_out, change};
use fleet::history::{holder_of, launch_lock_key};
use fleet::network::had_cluster;
use fleet::no_sink;
use fleet::plan::Spread;
use fleet::plan::network::NetworkPlan;
use ledger::{Lease, Locked};
use oci_api::models::InstanceLifecycleState as State;
use std::collections::{BTreeMap, BTreeSet};

/// Scales the fleet.
pub async fn scale_fleet(session: &Session, args: &ScaleArgs) -> Result<Exit, CommandError> {
    if !args.dry_run {
        // Checked before anything is looked up, so that a missing terminal is reported at once.
        consent::has_to_ask(args.yes)?;
    }
    let wanted_metrics = if args.dry_run { MetricsFlags::default() } else { args.metrics.clone() };
    let metrics = Metrics::open(session, &wanted_metrics).await?;
    let mut ground = Ground::open_to_change(session, !args.dry_run).await?;
    if let Some(ttl) = args.ttl {
        crate::commands::launch::set_expiry(&mut ground.connection.settings, ttl, session.now())?;
    }
    let _turn = if args.dry_run { None } else { Some(take_turn(&ground).await?) };
    let mut census = ground.census().await?;
    refuse_at_work(&ground, &census).await?;
    if !census.unfinished.is_empty() {
        unfinished::settle(&ground, args, &census).await?;
        if !args.dry_run {
            census = ground.census().await?;
            unfinished::refuse_doubt(&census)?;
        }
    }
    let wanted = ground.wanted().await?;
    let size = args.size.map_or(Ok(wanted.count), |size| size.of(wanted.count));
    let size =
        size.map_err(|why| CommandError::usage(why, "`oci-insta-scale status` shows the wanted size"))?;
    Box::pin(bring_to(&ground, args, census, (&wanted, size), metrics)).await
}

/// Changes the fleet as confirmed.
async fn bring_to(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    census: Census,
    (wanted, size): (&Wanted, u32),
    metrics: Metrics,
) -> Result<Exit, CommandError> {
    let scale = ScalePlan {
        fleet: ground.key.clone(),
        wanted: size,
        configured: ground.fleet().count,
        before: census.count(),
        simulated: simulated::label().map(str::to_owned),
    };
    if !args.named.is_empty() && size >= scale.before {
        return Err(CommandError::usage(
            format!(
                "--named says who is terminated, but a size of {size} terminates nobody: fleet {} has {}",
                clean(&ground.key.name),
                count(scale.before, "instance")
            ),
            "choose a smaller size, or omit --named",
        ));
    }
    let environment = ground.connection.environment(ground.asking.store.clone());
    let members: BTreeSet<&str> = census.members.iter().map(|member| member.machine.ocid.as_str()).collect();
    let cluster = match cluster_to_end(ground, size).await? {
        Some(plan) => EndingNetwork::find_cluster(&ground.connection, &environment, &plan, &members).await?,
        None => None,
    };
    let network = if args.network {
        if size > 0 {
            return Err(CommandError::usage(
                format!("--network deletes the network of the fleet, but {size} instances are wanted"),
                "scale to 0, or omit --network",
            ));
        }
        let plan = ground.network_plan();
        EndingNetwork::find(&ground.connection, &environment, plan.as_ref(), &members).await?
    } else {
        None
    };
    let network = EndingNetwork::both(cluster, network);
    let pools = match size {
        0 => EndingPools::find(&ground.connection, ground.fleet()).await?,
        _ => None,
    };
    let change =
        change(ground.fleet(), &census, size, &order(args, ground.fleet().spread), &args.keep.protect);
    if !ground.connection.session.is_quiet() {
        for note in flags_without_effect(args, &change) {
            console::line(&note);
        }
    }
    match change {
        SizeChange::Nothing => {
            note_states(ground, &census);
            nothing(ground, args, wanted, (scale, network, pools)).await
        }
        SizeChange::Grow(fleet) => grow::run(ground, args, &census, (scale, *fleet), metrics).await,
        SizeChange::Shrink(picked) => {
            shrink::run(ground, args, &census, (scale, picked, network, pools), metrics).await
        }
    }
}

/// The plan of the compute cluster that ends with the fleet, which may be of an earlier engine of the config.
async fn cluster_to_end(ground: &Ground<'_>, size: u32) -> Result<Option<NetworkPlan>, CommandError> {
    let (fleet, origin) = (ground.fleet(), ground.origin.as_ref());
    if size > 0 || fleet.engine == Engine::ComputeCluster || fleet.name.is_empty() {
        return Ok(fleet.cluster_plan(origin).filter(|_| size == 0));
    }
    let earlier = fleet.earlier_cluster_plan(origin);
    Ok(had_cluster(&*ground.asking.store, &earlier).await?.then_some(earlier))
}

/// Flags for a launch when nothing is launched, and flags for a termination when nothing is terminated.
fn flags_without_effect(args: &ScaleArgs, change: &SizeChange) -> Vec<String> {
    let (grows, shrinks) = (matches!(change, SizeChange::Grow(_)), matches!(change, SizeChange::Shrink(_)));
    let flags = [
        (args.ttl.is_some() && !grows, "--ttl", "launched"),
        (args.newest && !shrinks, "--newest", "terminated"),
        (args.oldest && !shrinks, "--oldest", "terminated"),
        (args.balance && !shrinks, "--balance", "terminated"),
    ];
    let note = |(_, flag, what)| format!("note: {flag} has no effect, because no instance is {what}");
    flags.into_iter().filter(|(vain, ..)| *vain).map(note).collect()
}

/// Notes that the fleet has its size, but not all of its instances are running.
fn note_states(ground: &Ground<'_>, census: &Census) {
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for member in census.members.iter().filter(|member| member.machine.state != State::Running) {
        *states.entry(member.machine.state.as_str()).or_default() += 1;
    }
    if states.is_empty() || ground.connection.session.is_quiet() {
        return;
    }
    let states: Vec<String> = states.iter().map(|(state, number)| format!("{number} {state}")).collect();
    console::line(&format!("note: not all instances are RUNNING: {}", clean(&states.join(", "))));
}

/// Handles a fleet that already has the size. The requested size is still recorded if it is new.
async fn nothing(
    ground: &Ground<'_>,
    args: &ScaleArgs,
    wanted: &Wanted,
    (scale, network, pools): (ScalePlan, Option<EndingNetwork>, Option<EndingPools>),
) -> Result<Exit, CommandError> {
    let rows = network.iter().flat_map(EndingNetwork::rows);
    let what: Vec<_> = pools.iter().map(EndingPools::row).chain(rows).collect();
    if !what.is_empty() {
        let parts = match (&pools, &network) {
            (Some(_), Some(network)) => format!("pools and the {}", network.what()),
            (None, Some(network)) => network.what(),
            (_, None) => "pools".to_owned(),
        };
        let question = format!("Delete the {parts} of fleet {}?", clean(&ground.key.name));
        let proposal = Proposal { what, question, answer: Typed::Word("DELETE"), ..Proposal::default() };
        if args.dry_run {
            super::shared::show_planned(ground, &scale, &proposal)?;
            return Ok(Exit::Done);
        }
        ground.agree(args.yes, &proposal).await?;
    }
    let mut done = Done::new(&scale, scale.wanted).of_dry_run(args.dry_run);
    let known = wanted.count == scale.wanted
        && (wanted.scaled_by.is_some() || args.size.is_none())
        && wanted.superseded.is_none();
    if !known && !args.dry_run {
        let environment = ground.connection.environment(ground.asking.store.clone());
        let run = environment.new_run_id();
        let stop = ground.connection.session.stop.clone();
        carry_out(&environment, &scale, run, Means::Keep, no_sink(), stop).await?;
    }
    let mut exit = Exit::Done;
    if let Some(pools) = &pools {
        let environment = ground.connection.environment(ground.asking.store.clone());
        ground.connection.session.say_when_stopped(crate::commands::instances::STOPPING);
        exit = pools.delete(&ground.connection, &environment).await?;
    }
    if let Some(network) = network.as_ref().filter(|_| exit == Exit::Done) {
        let environment = ground.connection.environment(ground.asking.store.clone());
        ground.connection.session.say_when_stopped(crate::commands::instances::STOPPING);
        let ended = network.delete(&ground.connection, &environment).await?;
        exit = ended.exit();
        done = done.with_network(ended);
    }
    console::data(&done.text(ground.connection.session.output))?;
    note_count(ground, args, &scale);
    Ok(exit)
}

/// Takes the lock that prevents another `scale` or `launch` with the same ledger from changing the fleet meanwhile.
pub(super) async fn take_turn(ground: &Ground<'_>) -> Result<Lease, CommandError> {
    let key = launch_lock_key(ground.fleet(), ground.origin.as_ref());
    match ground.asking.store.lock(&key, ground.connection.session.now()).await? {
        Locked::Ours(turn) => Ok(turn),
        Locked::Theirs(holder) => {
            let holder = holder.map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Err(CommandError::usage(
                format!("{holder} is changing fleet {}", clean(&ground.key.name)),
                "wait until it has finished; `oci-insta-scale status` shows how far it is",
            ))
        }
    }
}

/// Refuses to work beside an active launch of the fleet.
pub(super) async fn refuse_at_work(ground: &Ground<'_>, census: &Census) -> Result<(), CommandError> {
    let Some(run) = census.at_work.first() else { return Ok(()) };
    let holder = holder_of(&*ground.asking.store, *run, ground.connection.session.now()).await;
    Err(CommandError::usage(
        format!("run {run} of fleet {} is active: {holder} is working on it", clean(&ground.key.name)),
        "wait until it has finished, or press Ctrl-C in its terminal",
    ))
}

/// The requested order of terminations. By default, a fleet with a spread stays spread.
fn order(args: &ScaleArgs, spread: Option<Spread>) -> LeavingOrder {
    if !args.named.is_empty() {
        LeavingOrder::Named(args.named.iter().map(|name| name.trim().to_owned()).collect())
    } else if args.oldest {
        LeavingOrder::Oldest
    } else if args.newest {
        LeavingOrder::Newest
    } else if args.balance {
        spread.map_or(LeavingOrder::Balance, |spread| LeavingOrder::Spread(spread.across))
    } else {
        usual_order(spread)
    }
}

/// The default order of terminations.
pub(in crate::commands) fn usual_order(spread: Option<Spread>) -> LeavingOrder {
    spread.map_or(LeavingOrder::Newest, |spread| LeavingOrder::Spread(spread.across))
}
