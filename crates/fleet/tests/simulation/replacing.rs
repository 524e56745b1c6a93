//! The config of a fleet changes, and processes that die replace its members while other people terminate some of them.

use crate::{fuse::Fuse, scaling::Scaling, setup::pick};
use fleet::action::{Options, Verb};
use fleet::fleets::{
    FleetKey, PROTECT_TAG, ReplaceOptions, Replacement, drift, replace, settle_unfinished, size_meanwhile,
    take_census,
};
use fleet::{Environment, LaunchOptions, Plan};
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the region's records are checked meanwhile.
const WATCH: Duration = Duration::from_secs(5);
/// No replacement takes longer.
const LONGEST: Duration = Duration::from_hours(24);
/// The maximum number of processes once none dies any more.
const LAST_PROCESSES: u32 = 5;

/// Changes the config and replaces all differing members, to the end.
pub async fn replace_all(scaling: &mut Scaling) -> Result<(), String> {
    let step = scaling.processes.to_string();
    scaling.fleet.template.freeform_tags.get_or_insert_default().insert("step".to_owned(), step);
    let most = *pick(&mut scaling.chance, &[0, 0, 1, 3]);
    for _ in 0..scaling.chance.random_range(0..4) {
        let fuse = Arc::new(Fuse::at(scaling.chance.random_range(1..=200)));
        process(scaling, &fuse, most).await?;
        let pause = *pick(&mut scaling.chance, &[0, 1, 20, 300]);
        tokio::time::sleep(Duration::from_secs(pause)).await;
        if scaling.chance.random_bool(0.3) {
            scaling.deed();
        }
    }
    for _ in 0..LAST_PROCESSES {
        // By then the requests of a dead process have arrived, and lists are up to date.
        tokio::time::sleep(Duration::from_mins(2)).await;
        process(scaling, &Arc::default(), most).await?;
        if differing(scaling) == 0 {
            break;
        }
    }
    match differing(scaling) {
        // A member that was protected after it had got its successor stays beside it until the next `scale`.
        0 => scaling.calm().await.map_err(|reason| format!("after replacing: {reason}")),
        left => Err(format!("{left} members still differ after {LAST_PROCESSES} calm replacements")),
    }
}

/// The number of replaceable members that do not match the config, according to the region's own records.
fn differing(scaling: &Scaling) -> usize {
    let step = scaling.fleet.template.freeform_tags.as_ref().and_then(|tags| tags.get("step"));
    let members = scaling.members();
    let ours = scaling.live().into_iter().filter(|entry| members.contains_key(&entry.id));
    ours.filter(|entry| entry.tags.get("step") != step && !entry.tags.contains_key(PROTECT_TAG)).count()
}

/// One `replace --drifted`, which may die.
async fn process(scaling: &mut Scaling, fuse: &Arc<Fuse>, most: u32) -> Result<(), String> {
    scaling.processes += 1;
    scaling.told.replacements += 1;
    let env = scaling.environment(fuse);
    let plan = Plan::offline(scaling.fleet.clone()).map_err(|_| "the plan has findings".to_owned())?;
    // One too many where nothing may be missing, and never more than already exist.
    let allowed = scaling.members().len().max(scaling.wanted as usize + usize::from(most == 0));
    let watching = async {
        loop {
            tokio::time::sleep(WATCH).await;
            let living = scaling.members().len();
            if living > allowed {
                return format!("{living} members live while {} are replaced", scaling.wanted);
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = fuse.blown() => None,
        broken = watching => return Err(broken),
        ended = replacement(&env, &plan, scaling.wanted, most) => Some(ended),
        () = tokio::time::sleep(LONGEST) => return Err(format!("a replacement is busy after {LONGEST:?}")),
    };
    if scaling.setup.loud {
        let living = scaling.members();
        println!("replaced in {} ({most} missing): {ended:?}, live: {living:?}", scaling.wanted);
    }
    if ended.is_none() {
        scaling.store.crash(scaling.chance.random_range(0..4));
    }
    scaling.broken.lock().unwrap().take().map_or(Ok(()), Err)?;
    scaling.check_regions()
}

/// The effect of `replace --drifted` with every confirmation given. A `scale` resolves unfinished launches.
async fn replacement(
    env: &Environment,
    plan: &Plan,
    wanted: u32,
    most: u32,
) -> Result<Option<Replacement>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let (stop, key) = (CancellationToken::new(), FleetKey::new(&plan.fleet, None));
    let mut census = take_census(env, &plan.fleet, &key).await.map_err(|error| said(&error))?;
    if !census.unfinished.is_empty() {
        settle_unfinished(env, &census.unfinished, &stop).await.map_err(|error| said(&error))?;
        census = take_census(env, &plan.fleet, &key).await.map_err(|error| said(&error))?;
        if census.in_doubt > 0 {
            return Ok(None);
        }
    }
    if census.members.iter().all(|member| drift(&member.machine, &plan.fleet).is_empty())
        && census.count() == wanted
    {
        return Ok(None);
    }
    let options = ReplaceOptions {
        max_unavailable: most,
        size: size_meanwhile(&census, wanted),
        launch: LaunchOptions::default(),
        terminate: Options::new(Verb::Terminate),
        protect: Vec::new(),
    };
    replace(env, plan, &key, &options, &|_| (), &stop).await.map(Some).map_err(|error| error.to_string())
}
