//! `instances start`, `stop`, `reboot` and `terminate`.

use super::slip::Slip;
use super::{Reach, STOPPING, at_work, confirm, select};
use crate::args::{ActInstances, Carry, Global, OutputFormat, Select, SoftInstances, TerminateInstances};
use crate::commands::{costs, session, verbosity};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::instances::action;
use crate::output::instances::reporter::ActionReporter;
use crate::output::{console, simulated};
use crate::runtime;
use fleet::action::{ActionSummary, Options, Verb};
use fleet::select::Selection;
use ledger::Outcome;

/// `start`.
pub async fn start(reach: Reach<'_>, args: &ActInstances) -> Result<Exit, CommandError> {
    act(reach, &args.select, &args.carry, carry(&args.carry, Options::new(Verb::Start))).await
}

/// `stop`.
pub async fn stop(reach: Reach<'_>, args: &SoftInstances) -> Result<Exit, CommandError> {
    act(reach, &args.select, &args.carry, soft(args, Verb::Stop)).await
}

/// `reboot`.
pub async fn reboot(reach: Reach<'_>, args: &SoftInstances) -> Result<Exit, CommandError> {
    act(reach, &args.select, &args.carry, soft(args, Verb::Reboot)).await
}

/// `terminate`.
pub async fn terminate(reach: Reach<'_>, args: &TerminateInstances) -> Result<Exit, CommandError> {
    let options = Options {
        keep_boot_volumes: args.keep_boot_volumes,
        keep_data_volumes: args.keep_data_volumes,
        protect: args.protect.clone(),
        ..Options::new(Verb::Terminate)
    };
    act(reach, &args.select, &args.carry, carry(&args.carry, options)).await
}

fn soft(args: &SoftInstances, verb: Verb) -> Options {
    let usual = Options::new(verb);
    let grace = args.grace.or(usual.grace).filter(|_| !args.force);
    carry(&args.carry, Options { grace, ..usual })
}

fn carry(args: &Carry, options: Options) -> Options {
    Options {
        wait: !args.no_wait,
        wait_timeout: args.wait_timeout,
        rate: args.rate,
        max_concurrency: args.max_concurrency,
        ..options
    }
}

async fn act(
    reach: Reach<'_>,
    select: &Select,
    carry: &Carry,
    options: Options,
) -> Result<Exit, CommandError> {
    let mut filter = select::filter(&reach, select).await?;
    if filter.is_everything() && !carry.all {
        return Err(CommandError::usage(
            format!("no instances are selected to be {}", past(options.verb)),
            "name instances, or use --prefix, --run, --tag, --state, --ad, --shape or --file; --all selects the whole \
                 compartment",
        ));
    }
    // A named instance gets a result in any case.
    filter.named_though_gone = true;
    let mut found = select::look(&reach, &filter).await?;
    let working = at_work::find(&reach, &filter, &found.machines).await?;
    if !working.is_empty() && !carry.stop_run {
        return Err(at_work::refusal(&working, options.verb));
    }
    let mut stopped = Vec::new();
    // Where nobody can agree to what comes next, the runs are left at work.
    if !working.is_empty() && (carry.yes || console::can_ask()) {
        stopped = at_work::stop(&reach, &working, options.verb).await?;
        found = select::look(&reach, &filter).await?;
    }
    let slip = select::tell(&reach, &filter, &found).await?;
    // What is shown now is what is acted on, whatever appears later.
    let selection = Selection::freeze(found.machines).and_missing(found.missing);
    let ends_runs = carry.stop_run && options.verb == Verb::Terminate;
    if ends_runs {
        at_work::take_unfinished(&reach, &filter, selection.machines(), &mut stopped).await?;
    }
    match slip {
        Some(Slip { text, certain: true }) if selection.is_empty() => {
            return Err(CommandError::usage(
                text,
                "nothing was done; write the selector exactly as in the names",
            ));
        }
        Some(slip) => console::line(&format!("hint: {}", slip.text)),
        None => {}
    }
    if selection.is_empty() {
        let ends = ends_runs && !stopped.is_empty();
        if ends {
            confirm::confirm_end(&reach, carry).await?;
            at_work::end(&reach, &stopped).await?;
        }
        return nothing(reach.global, options.verb, carry.allow_empty || ends);
    }
    confirm::confirm(&reach, carry, &options, selection.machines()).await?;
    // Somebody may have taken a run up while the question stood there.
    let mut working = at_work::find(&reach, &filter, selection.machines()).await?;
    working.retain(|one| !stopped.iter().any(|ours| ours.run() == one.run()));
    if !working.is_empty() {
        return Err(at_work::refusal(&working, options.verb));
    }
    if ends_runs {
        at_work::end(&reach, &stopped).await?;
    }
    runtime::say_when_stopped(&reach.stop, STOPPING);
    // Whoever reads of the run later must know that it is not real.
    let options = Options { simulated: simulated::label().map(str::to_owned), ..options };
    let environment = reach.environment(reach.ledger()?);
    let run = environment.new_run_id();
    let machines = selection.machines().iter().map(|machine| machine.label().to_owned());
    let missing = selection.missing().iter().map(|named| named.text().to_owned());
    let names: Vec<String> = machines.chain(missing).collect();
    let (sink, reporter) =
        ActionReporter::start(reach.global.output, verbosity(reach.global), run, "instance", &names)?;
    let result = fleet::action::run(&environment, run, &selection, &options, sink, reach.stop.clone()).await;
    reporter.finish();
    // Only now may others go on with the runs that were stopped.
    drop(stopped);
    let mut summary = result?;
    let told_to_stop = reach.stop.is_cancelled();
    if options.verb == Verb::Terminate && !told_to_stop && summary.outcome != Some(Outcome::NotAuthenticated)
    {
        let (client, store) = (session::asking(&reach.client), &*environment.store);
        let (compartment, prices) = (&reach.compartment, &reach.settings.prices);
        let machines = selection.machines();
        let found = fleet::costs::after_termination(&client, store, run, compartment, machines, prices).await;
        summary.still_costs = costs::found(reach.global, found);
    }
    let exit = conclude(reach.global, &summary)?;
    costs::tell(summary.still_costs.as_deref(), &reach.settings.prices);
    Ok(exit)
}

/// A program gets its document even if there was nothing to do; a person was told. A selector that finds nothing is more
/// often a mistake than not.
fn nothing(global: &Global, verb: Verb, allowed: bool) -> Result<Exit, CommandError> {
    let outcome = if allowed { Outcome::Complete } else { Outcome::Nothing };
    if matches!(global.output, OutputFormat::Json | OutputFormat::Jsonl) {
        show(global, &ActionSummary::of_nothing(verb, outcome))?;
    }
    Ok(found_nothing(allowed))
}

/// The end of a command that should change instances but found none.
pub(super) fn found_nothing(allowed: bool) -> Exit {
    if allowed {
        return Exit::Done;
    }
    console::line("nothing was done; use --allow-empty if this is not a failure");
    Exit::NoneLaunched
}

/// Shows what a run of actions came to, and says how it ended.
pub fn conclude(global: &Global, summary: &ActionSummary) -> Result<Exit, CommandError> {
    show(global, summary)?;
    Ok(Exit::of_actions(summary))
}

/// Shows what a run of actions came to: data on stdout, advice on stderr.
pub fn show(global: &Global, summary: &ActionSummary) -> Result<(), CommandError> {
    match global.output {
        OutputFormat::Json => console::data(&action::json(summary))?,
        OutputFormat::Jsonl => console::data(&action::json_line(summary))?,
        _ => console::data(&action::table(summary))?,
    }
    advise(summary);
    Ok(())
}

/// Says what went wrong and what to do.
pub fn advise(summary: &ActionSummary) {
    let advice = action::advice(summary);
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "started",
        Verb::Stop => "stopped",
        Verb::Reboot => "rebooted",
        Verb::Terminate => "terminated",
    }
}
