//! Processes that die maintain a fleet at its size while other people terminate its members.

use crate::{fuse::Fuse, scaling::Scaling, setup::pick};
use fleet::fleets::{FleetKey, KeepEnd, KeepOptions, Keeper, Told};
use fleet::{LaunchOptions, Plan};
use rand::RngExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the region's records are checked meanwhile.
const WATCH: Duration = Duration::from_secs(5);
/// A single pass ends within this time, whatever has vanished.
const LONGEST_PASS: Duration = Duration::from_hours(6);

fn options(once: bool) -> KeepOptions {
    let every = Duration::from_secs(30);
    KeepOptions { every, once, restart_stopped: false, launch: LaunchOptions::default() }
}

/// Maintains the fleet for a while, and then once more to the end.
pub async fn keep(scaling: &mut Scaling) -> Result<(), String> {
    for _ in 0..scaling.chance.random_range(1..4) {
        let minutes = *pick(&mut scaling.chance, &[1, 7, 40]);
        let point = if scaling.chance.random_bool(0.5) { scaling.chance.random_range(1..=200) } else { 0 };
        let fuse = Arc::new(Fuse::at(point));
        scaling.outage(&[]);
        process(scaling, &fuse, false, Duration::from_mins(minutes)).await?;
        if scaling.chance.random_bool(0.6) {
            scaling.deed();
        }
    }
    scaling.still();
    // By then the requests of a dead process have arrived, and lists are up to date.
    tokio::time::sleep(Duration::from_mins(2)).await;
    process(scaling, &Arc::default(), true, LONGEST_PASS).await?;
    scaling.settled().map_err(|reason| format!("after keeping: {reason}"))
}

async fn process(scaling: &mut Scaling, fuse: &Arc<Fuse>, once: bool, time: Duration) -> Result<(), String> {
    scaling.processes += 1;
    scaling.told.keepers += 1;
    let env = scaling.environment(fuse);
    let key = FleetKey::new(&scaling.fleet, None);
    // Nobody has changed the config since the last `scale`.
    let mut plan = Plan::offline(scaling.fleet.clone()).map_err(|_| "the plan has findings".to_owned())?;
    plan.fleet.count = scaling.wanted;
    let options = options(once);
    let told = Mutex::new(Vec::new());
    let tell = |one: Told| told.lock().unwrap().push(one);
    let stop = CancellationToken::new();
    let keeping = async {
        let mut keeper = Keeper::new(&env, &plan, key, &options, &tell, stop.clone()).await?;
        keeper.keep().await
    };
    // Protected members beyond the size must not be terminated.
    let most = scaling.members().len().max(scaling.wanted as usize);
    let watching = async {
        loop {
            tokio::time::sleep(WATCH).await;
            let living = scaling.members().len();
            if living > most {
                return format!("{living} members live while a fleet of {} is kept", scaling.wanted);
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = fuse.blown() => None,
        broken = watching => return Err(broken),
        ended = keeping => Some(ended),
        () = tokio::time::sleep(time) => None,
    };
    if scaling.setup.loud {
        let living = scaling.members().len();
        println!("kept at {}: {ended:?}, {living} live: {:?}", scaling.wanted, told.lock().unwrap());
    }
    match ended {
        Some(Ok(KeepEnd::Kept)) => {}
        // Protected members beyond the size must not be terminated, which is reported.
        Some(Ok(KeepEnd::Short)) if once && scaling.members().len() > scaling.wanted as usize => {}
        Some(Ok(end)) if once => return Err(format!("a single pass has ended as {end:?}")),
        Some(Err(error)) => return Err(error.to_string()),
        None if once => return Err(format!("a single pass is still busy after {time:?}")),
        _ => scaling.store.crash(scaling.chance.random_range(0..4)),
    }
    scaling.broken.lock().unwrap().take().map_or(Ok(()), Err)
}
