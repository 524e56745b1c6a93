//! `maintain`: keeps the fleet of the config at its size until it is stopped.

use super::Ground;
use crate::args::MaintainArgs;
use crate::commands::{consent, proposals, reservation};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::notify::{Keeping, Notifier};
use crate::output::console;
use crate::output::fleets::maintain::Teller;
use crate::output::simulated;
use crate::session::{Session, launch_options};
use fleet::fleets::{KeepEnd, KeepOptions, Keeper};
use fleet::no_sink;

/// The message when it is told to stop.
const STOPPING: &str = "stopping: nothing new is launched; the fleet stays as it is";

/// Maintains the fleet.
pub async fn maintain_fleet(session: &Session, args: &MaintainArgs) -> Result<Exit, CommandError> {
    if args.print_unit {
        console::data(&super::unit::maintain(session, args)?)?;
        return Ok(Exit::Done);
    }
    consent::has_to_ask(args.yes)?;
    let metrics = Metrics::open(session, &args.metrics).await?;
    let ground = Ground::open_to_change(session, true).await?;
    ground.needs_its_network()?;
    let mut plan = ground.plan(ground.fleet().clone()).await?;
    reservation::check_reservations(&ground.connection, &plan).await?;
    let (census, wanted) = (ground.census().await?, ground.wanted().await?);
    let settings = &ground.connection.settings;
    let machines = census.members.iter().map(|member| &member.machine);
    let existing = proposals::members(machines, &plan.fleet, settings);
    let mut proposal =
        proposals::maintain(&plan, &ground.key, &census, wanted.count, existing, &ground.connection.settings);
    if args.once {
        proposal.until = Some("this check is done; the instances stay".to_owned());
    }
    ground.agree(args.yes, &proposal).await?;
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    let notifier = Notifier::open(session, &ground.connection.settings, !args.pace.no_notify)?;
    session.say_when_stopped(STOPPING);
    let environment = ground.connection.environment(ground.asking.store.clone());
    let keeping = Keeping::new(&notifier, &plan.fleet, wanted.count, session.now());
    let teller = Teller::new(session, &keeping);
    let tell = |told| {
        metrics.tell(&told);
        teller.tell(&told);
    };
    let priced = (&plan.fleet, &ground.connection.settings.prices);
    let sink = metrics.watching(&environment, priced, &[], no_sink());
    let options = KeepOptions {
        every: args.every,
        once: args.once,
        restart_stopped: args.restart_stopped,
        launch: launch_options(&args.pace),
    };
    let mut keeper =
        Keeper::new(&environment, &plan, ground.key.clone(), &options, &tell, session.stop.clone())
            .await?
            .watched_by(sink);
    let ended = keeper.keep().await;
    drop(keeper);
    metrics.finish().await;
    if let Ok(end) = &ended {
        keeping.end(*end, session.now());
    }
    notifier.finish().await;
    Ok(match ended? {
        KeepEnd::Kept => Exit::Done,
        KeepEnd::Short => Exit::SomeFailed,
        KeepEnd::Stopped => Exit::Interrupted,
        KeepEnd::NotAuthenticated => Exit::NotAuthenticated,
    })
}
