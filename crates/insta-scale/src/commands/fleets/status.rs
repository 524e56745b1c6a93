//! `status`: compares the existing members of the config's fleet with the wanted size.

use super::Ground;
use crate::args::{OutputFormat, StatusArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::fleets::status as show;
use crate::output::simulated::by_region;
use crate::output::text::clean;
use crate::session::Session;
use fleet::FleetSpec;
use fleet::fleets::{
    Belongings, Census, ClusterRow, FleetMember, PoolStanding, Standing, belongings, pool_standings,
    spread_now,
};
use fleet::network::{ClusterStanding, find_cluster};
use fleet::plan::{ENGINE_TAG, is_of_pool};
use std::collections::BTreeSet;

/// Shows the fleet.
pub async fn show_fleet(session: &Session, args: &StatusArgs) -> Result<Exit, CommandError> {
    let ground = Ground::open(session, false).await?;
    let screen = args.watch && session.output == OutputFormat::Table && console::is_terminal_out();
    let (mut shown, mut extras) = (0, None);
    loop {
        let standing = look(&ground, &mut extras).await?;
        let text = match session.output {
            format @ (OutputFormat::Json | OutputFormat::Jsonl) => show::document_text(&standing, format),
            _ => show::text(
                &standing,
                &ground.connection.settings.file,
                ground.connection.session.now(),
                console::width(),
            ),
        };
        if screen {
            shown = console::redraw(&text, shown, !args.watch)?;
        } else {
            console::data(&text)?;
        }
        if !args.watch {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = session.stop.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}

/// Data that is refreshed less often than the members, because it needs more requests and changes only with them.
#[derive(Default)]
struct Extras {
    members: BTreeSet<String>,
    belongings: Option<Belongings>,
    /// The fleet with the domains of the region.
    planned: Option<FleetSpec>,
}

async fn look(ground: &Ground<'_>, extras: &mut Option<Extras>) -> Result<Standing, CommandError> {
    let wanted = ground.wanted().await?;
    let census = ground.census().await?;
    let (fleet, prices) = (ground.fleet(), &ground.connection.settings.prices);
    let members: BTreeSet<String> = census.members.iter().map(|member| member.machine.ocid.clone()).collect();
    if extras.as_ref().is_none_or(|known| known.members != members) {
        let planned = extras.take().and_then(|known| known.planned);
        let planned = match planned {
            None if fleet.spread.is_some() || fleet.has_open_images() => plan(ground).await?,
            known => known,
        };
        *extras = Some(Extras { members, belongings: belong(ground, &census).await?, planned });
    }
    let planned = extras.as_ref().and_then(|known| known.planned.as_ref());
    let spread = planned.and_then(|planned| spread_now(planned, &census.members));
    // Only the plan knows the newest images.
    let fleet = planned.filter(|_| fleet.has_open_images()).unwrap_or(fleet);
    let belongings = extras.as_ref().and_then(|known| known.belongings.clone());
    // What members have cost is counted from their creation, by the clock of the region.
    let now = by_region(ground.connection.session.now());
    let is_member = |member: &FleetMember| member.machine.tags.get(ENGINE_TAG).is_some_and(is_of_pool);
    let pooled = fleet.engine.is_pooled() || census.members.iter().any(is_member);
    let standing = Standing::of(ground.key.clone(), fleet, census, wanted, belongings, prices, now);
    let pools = if pooled { pools(ground).await? } else { Vec::new() };
    let compute_cluster = cluster(ground).await?;
    Ok(Standing { spread, compute_cluster, pools, unlisted: ground.unlisted.clone(), ..standing })
}

/// The fleet with its domains. A config that cannot be launched can still be shown.
async fn plan(ground: &Ground<'_>) -> Result<Option<FleetSpec>, CommandError> {
    match ground.plan(ground.fleet().clone()).await {
        Ok(plan) => Ok(Some(plan.fleet)),
        Err(CommandError::Interrupted) => Err(CommandError::Interrupted),
        Err(error) => {
            let what =
                if ground.fleet().spread.is_some() { "the spread is" } else { "the newest images are" };
            console::line(&format!("note: {what} unknown: {}", clean(&error.to_string())));
            Ok(None)
        }
    }
}

async fn belong(ground: &Ground<'_>, census: &Census) -> Result<Option<Belongings>, CommandError> {
    let (client, prices) = (&ground.connection.questions, &ground.connection.settings.prices);
    let looked = ground.connection.ask(async {
        let found = belongings(client, ground.fleet(), &census.members, prices).await;
        found.map_err(CommandError::from)
    });
    match looked.await {
        Ok(found) => Ok(Some(found)),
        Err(CommandError::Compartment(failure) | CommandError::Failure(failure)) => {
            console::line(&format!(
                "note: reservations and volumes cannot be listed: {}",
                clean(&failure.to_string())
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The compute cluster of the fleet. A fleet whose cluster cannot be read can still be shown.
async fn cluster(ground: &Ground<'_>) -> Result<Option<ClusterRow>, CommandError> {
    let Some(plan) = ground.fleet().cluster_plan(ground.origin.as_ref()) else { return Ok(None) };
    let (client, store) = (&ground.connection.questions, &*ground.asking.store);
    match ground.connection.ask(find_cluster(client, store, &plan)).await {
        Ok(ClusterStanding::Complete(found)) => Ok(Some(found.into())),
        Ok(ClusterStanding::Absent | ClusterStanding::Unfinished(_)) => Ok(None),
        Err(CommandError::Interrupted) => Err(CommandError::Interrupted),
        Err(error) => {
            console::line(&format!(
                "note: the compute cluster cannot be read: {}",
                clean(&error.to_string())
            ));
            Ok(None)
        }
    }
}

/// The pools of the fleet. A fleet whose pools cannot be listed can still be shown.
async fn pools(ground: &Ground<'_>) -> Result<Vec<PoolStanding>, CommandError> {
    let client = ground.connection.questions.at(None);
    match ground.connection.ask(pool_standings(&client, ground.fleet())).await {
        Ok(pools) => Ok(pools),
        Err(CommandError::Failure(failure)) => {
            console::line(&format!(
                "note: the instance pools cannot be listed: {}",
                clean(&failure.to_string())
            ));
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}
