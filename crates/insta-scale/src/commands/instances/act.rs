//! `instances start`, `stop`, `reboot` and `terminate`.

use super::{Reach, STOPPING, confirm, select};
use crate::args::{ActInstances, Carry, Global, OutputFormat, Select, SoftInstances, TerminateInstances};
use crate::commands::chattiness;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::action;
use crate::output::instances::reporter::Reporter;
use crate::runtime;
use fleet::lifecycle::{self, ActionSummary, Options, Verb};
use fleet::select::Selection;

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
            format!("which instances are to be {}?", past(options.verb)),
            "name them, or use --prefix, --run, --tag, --state, --ad, --shape or --file; --all means the whole compartment",
        ));
    }
    // Whoever names an instance is told what became of it.
    filter.named_though_gone = true;
    let found = select::search(&reach, &filter).await?;
    // What is shown now is what is acted on, whatever appears later.
    let selection = Selection::freeze(found.machines).and_missing(found.missing);
    if selection.is_empty() {
        return nothing(reach.global, options.verb);
    }
    confirm::confirm(&reach, carry, &options, selection.machines()).await?;
    runtime::say_when_stopped(&reach.stop, STOPPING);
    let environment = reach.environment(reach.ledger()?);
    let run = environment.new_run_id();
    let machines = selection.machines().iter().map(|machine| machine.label().to_owned());
    let missing = selection.missing().iter().map(|named| named.text().to_owned());
    let names: Vec<String> = machines.chain(missing).collect();
    let (sink, reporter) =
        Reporter::start(reach.global.output, chattiness(reach.global), run, "instance", &names)?;
    let result = lifecycle::run(&environment, run, &selection, &options, sink, reach.stop.clone()).await;
    reporter.finish();
    conclude(reach.global, &result?)
}

/// A program gets its document even if there was nothing to do; a person was told.
fn nothing(global: &Global, verb: Verb) -> Result<Exit, CommandError> {
    if matches!(global.output, OutputFormat::Json | OutputFormat::Jsonl) {
        show(global, &ActionSummary::of_nothing(verb))?;
    }
    Ok(Exit::Done)
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
    let advice = action::advice(summary);
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
    Ok(())
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Start => "started",
        Verb::Stop => "stopped",
        Verb::Reboot => "rebooted",
        Verb::Terminate => "terminated",
    }
}
