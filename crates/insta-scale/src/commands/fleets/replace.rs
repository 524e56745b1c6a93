//! `replace --drifted`: replaces members that differ from the config with new instances.

use super::Ground;
use super::shared::terminate_options;
use crate::args::ReplaceArgs;
use crate::commands::{consent, engines, instances, proposals, reservation};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::fleets::replace as show;
use crate::output::simulated;
use crate::output::text::{clean, count};
use crate::runtime::STOPPING;
use crate::session::{Session, launch_options};
use fleet::fleets::{Census, ReplaceError, ReplaceOptions, drifted, replace, size_meanwhile};
use ledger::Outcome;

/// Replaces members.
pub async fn replace_members(session: &Session, args: &ReplaceArgs) -> Result<Exit, CommandError> {
    if !args.dry_run {
        consent::has_to_ask(args.yes)?;
    }
    let ground = Ground::open_to_change(session, !args.dry_run).await?;
    check_replaceable(&ground, args)?;
    let _turn = if args.dry_run { None } else { Some(super::scale::take_turn(&ground).await?) };
    ground.needs_its_network()?;
    let mut plan = ground.plan(ground.fleet().clone()).await?;
    reservation::check_reservations(&ground.connection, &plan).await?;
    let census = ground.census().await?;
    super::scale::refuse_at_work(&ground, &census).await?;
    refuse_unfinished(&census)?;
    let size = size_meanwhile(&census, ground.wanted().await?.count);
    let missing = size.saturating_sub(census.count());
    let old: Vec<_> = drifted(&census, &plan.fleet, &args.keep.protect, session.now())
        .into_iter()
        .map(|member| member.machine.clone())
        .collect();
    let name = clean(&ground.key.name);
    if old.is_empty() {
        console::line(&format!("fleet {name}: no instance that may be replaced differs from the config"));
        if missing > 0 {
            let again = session.command_line();
            console::line(&format!(
                "hint: {missing} of {} missing; `{again} scale` launches them",
                count(size, "wanted instance")
            ));
        }
        console::data(&show::nothing(session.output, args.dry_run))?;
        return Ok(Exit::Done);
    }
    let terminate = terminate_options(&args.keep, &args.pace);
    let prices = &ground.connection.settings.prices;
    let mut proposal = instances::propose_action(&terminate, &old, prices, session.now());
    let replacing = proposals::Replacing { old: &old, missing, max_unavailable: args.max_unavailable };
    proposals::replace(&mut proposal, &plan, &name, &replacing, &ground.connection.settings);
    if args.dry_run {
        console::data(&show::planned(&proposal, prices, &old, &plan.fleet, session.output))?;
        return Ok(Exit::Done);
    }
    instances::tell_fate(session, args.yes, &terminate)?;
    ground.agree(args.yes, &proposal).await?;
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    session.say_when_stopped(STOPPING);
    let environment = ground.connection.environment(ground.asking.store.clone());
    let options = ReplaceOptions {
        max_unavailable: args.max_unavailable,
        size,
        launch: launch_options(&args.pace),
        terminate,
        protect: args.keep.protect.clone(),
    };
    let output = session.output;
    let tell = |step| show::step(&step, output);
    let replaced = replace(&environment, &plan, &ground.key, &options, &tell, &session.stop).await?;
    console::data(&show::done(&replaced, output))?;
    if replaced.left > 0 {
        let again = session.command_line();
        console::line(&format!(
            "hint: {} still to be replaced; `{again} replace --drifted` continues",
            count(replaced.left, "instance")
        ));
    }
    Ok(match replaced.stopped {
        None if replaced.left == 0 => Exit::Done,
        Some(Outcome::Interrupted) => Exit::Interrupted,
        Some(Outcome::NotAuthenticated) => Exit::NotAuthenticated,
        Some(_) if replaced.ended == 0 => Exit::NoneLaunched,
        None | Some(_) => Exit::SomeFailed,
    })
}

/// Refuses fleets whose members cannot be replaced, or not in the way that was asked for.
fn check_replaceable(ground: &Ground<'_>, args: &ReplaceArgs) -> Result<(), CommandError> {
    if ground.fleet().hostname.is_some() && args.max_unavailable == 0 {
        return Err(CommandError::usage(
            "the config gives host names, and a new instance cannot have the host name of one that still exists",
            "add --max-unavailable 1: the old instance is terminated first",
        ));
    }
    engines::needs_single_launches(
        &ground.connection.settings,
        "replace",
        "an instance configuration cannot be changed; `scale 0` and `scale N` make the fleet anew",
    )
}

/// Refuses to work beside an interrupted launch, which may have created members that are not counted.
fn refuse_unfinished(census: &Census) -> Result<(), CommandError> {
    let Some(run) = census.unfinished.first() else { return Ok(()) };
    Err(CommandError::usage(
        format!("run {run} of this fleet is unfinished"),
        "`oci-insta-scale scale` finds out what it has made; replace after that",
    ))
}

impl From<ReplaceError> for CommandError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::Census(error) => error.into(),
            ReplaceError::Run(error) => error.into(),
        }
    }
}
