//! `maintain`: keeps the fleet of the config at its size until it is stopped.

use super::Ground;
use crate::args::{Global, MaintainArgs};
use crate::commands::{consent, proposals, reservation, session};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::fleets::maintain::Teller;
use crate::output::simulated;
use crate::runtime;
use fleet::fleets::{KeepEnd, KeepOptions, Keeper};
use fleet::select::total_now;
use ledger::Lease;
use ledger::sqlite::{self, Locked};
use oci_client::{Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

/// What is said when it is told to stop.
const STOPPING: &str = "stopping: nothing new is launched; the fleet stays as it is";

/// Runs it.
pub async fn run(
    global: &Global,
    args: &MaintainArgs,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    if args.print_unit {
        console::data(&super::unit::text(global, args)?)?;
        return Ok(Exit::Done);
    }
    consent::has_to_ask(args.yes)?;
    let ground = Ground::connect(global, true, stop).await?;
    let planned = ground.reach.ask(async {
        let planned = fleet::plan(&ground.asking.client, ground.fleet().clone()).await;
        planned.map_err(|error| CommandError::of_plan(&ground.reach.settings.written, error))
    });
    let mut plan = planned.await?;
    plan.origin.clone_from(&ground.origin);
    reservation::look(&ground.asking.client, &plan, stop).await?;
    let (census, wanted) = (ground.census().await?, ground.wanted().await?);
    let machines = census.members.iter().map(|member| &member.machine);
    let existing = total_now(machines, &ground.reach.settings.prices);
    let proposal =
        proposals::maintain(&plan, &ground.key, &census, wanted.count, existing, &ground.reach.settings);
    ground.reach.agree(args.yes, &proposal).await?;
    if let Some(origin) = &mut plan.origin {
        origin.simulated = simulated::label().map(str::to_owned);
    }
    runtime::say_when_stopped(stop, STOPPING);
    let environment = ground.reach.environment(ground.asking.store.clone());
    let folder = environment::state_dir(global.state_dir.clone(), false)?;
    let key = crate::commands::earlier::key(ground.fleet(), ground.origin.as_ref());
    let turn = || -> Option<Lease> {
        match sqlite::lock(&folder, &key, SystemClock.now()) {
            Ok(Locked::Ours(turn)) => Some(turn),
            _ => None,
        }
    };
    let teller = Teller::new(global);
    let tell = |told| teller.tell(&told);
    let options = KeepOptions {
        every: args.every,
        once: args.once,
        restart_stopped: args.restart_stopped,
        launch: session::launch_options(&args.pace),
    };
    let mut keeper =
        Keeper::new(&environment, &plan, ground.key.clone(), &options, &turn, &tell, stop.clone()).await?;
    Ok(match keeper.keep().await? {
        KeepEnd::Kept => Exit::Done,
        KeepEnd::Short => Exit::SomeFailed,
        KeepEnd::Stopped => Exit::Interrupted,
        KeepEnd::NotAuthenticated => Exit::NotAuthenticated,
    })
}
