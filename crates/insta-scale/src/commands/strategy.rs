//! Chooses what a launch does if it cannot obtain all instances, and finds flags that contradict that.

use crate::args::LaunchArgs;
use crate::config::Settings;
use crate::error::CommandError;
use crate::output::want;
use fleet::Strategy;

/// The strategy of a launch: from the flag, otherwise from the config.
///
/// # Errors
/// When other flags contradict it.
pub fn choose(args: &LaunchArgs, settings: &Settings) -> Result<Strategy, CommandError> {
    let (strategy, from) = match (args.strategy, settings.strategy) {
        (Some(asked), _) => (asked.into(), "--strategy"),
        (None, Some(own)) => (own, "the strategy of the config,"),
        (None, None) => return Ok(Strategy::default()),
    };
    let count = settings.fleet.count;
    let refuse = |other: &str, why: &str, remedy: &str| {
        Err(CommandError::usage(
            format!("{from} {} and {other} contradict each other: {why}", name(strategy)),
            remedy,
        ))
    };
    let omit = "omit one of the two, or choose another strategy with --strategy";
    match strategy {
        Strategy::AllOrNothing if args.keep_partial => {
            refuse("--keep-partial", "it rolls back whatever is not complete", omit)
        }
        Strategy::AllOrNothing
            if args.min.is_some_and(|min| min != count || settings.fleet.want.is_some()) =>
        {
            let why = match &settings.fleet.want {
                Some(want) => format!("it needs {}", want::asked(want)),
                None => format!("it needs all {count} instances"),
            };
            refuse(
                &format!("--min {}", args.min.unwrap_or_default()),
                &why,
                "omit --min, or use `--strategy greedy`",
            )
        }
        Strategy::BestEffort if args.reserving.reserve => {
            refuse("--reserve", "it launches what is there now and reserves nothing", omit)
        }
        Strategy::BestEffort if args.reserving.ratchet => {
            refuse("--ratchet", "it waits for no capacity and reserves nothing", omit)
        }
        Strategy::BestEffort if args.pace.retry_for.is_some() => {
            refuse("--retry-for", "it waits for no capacity", omit)
        }
        Strategy::BestEffort if args.is_hunt() => {
            refuse("a hunt", "it waits for no capacity, and a hunt waits for weeks", omit)
        }
        strategy => Ok(strategy),
    }
}

/// The name of a strategy in the config and on the command line.
pub fn name(strategy: Strategy) -> &'static str {
    match strategy {
        Strategy::Greedy => "greedy",
        Strategy::BestEffort => "best_effort",
        Strategy::AllOrNothing => "all_or_nothing",
    }
}
