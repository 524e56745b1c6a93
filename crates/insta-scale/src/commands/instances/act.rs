//! `instances start`, `stop`, `reboot` and `terminate`.

use super::slip::Slip;
use super::{STOPPING, at_work, confirm, select};
use crate::args::{ActInstances, Carry, OutputFormat, Select, SoftInstances, TerminateInstances};
use crate::commands::{costs, network};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::notify::{Notifier, Watch};
use crate::output::instances::action;
use crate::output::instances::reporter::ActionReporter;
use crate::output::{console, simulated};
use crate::session::Session;
use fleet::Environment;
use fleet::action::{ActionSummary, Options, Verb};
use fleet::plan::{ENGINE_TAG, is_of_pool};
use fleet::select::{Machine, Selection};
use ledger::{Outcome, Store};

/// Starts instances.
pub async fn start_instances(connection: &Connection<'_>, args: &ActInstances) -> Result<Exit, CommandError> {
    let options = Options { retry_for: args.retry_for, ..Options::new(Verb::Start) };
    let notifies = args.retry_for.is_some() && !args.no_notify;
    let options = carry(&args.carry, options);
    Box::pin(act_notifying(connection, &args.select, &args.carry, options, notifies)).await
}

/// Stops instances.
pub async fn stop_instances(connection: &Connection<'_>, args: &SoftInstances) -> Result<Exit, CommandError> {
    act(connection, &args.select, &args.carry, soft(args, Verb::Stop)).await
}

/// Reboots instances.
pub async fn reboot_instances(
    connection: &Connection<'_>,
    args: &SoftInstances,
) -> Result<Exit, CommandError> {
    act(connection, &args.select, &args.carry, soft(args, Verb::Reboot)).await
}

/// Terminates instances.
pub async fn terminate_instances(
    connection: &Connection<'_>,
    args: &TerminateInstances,
) -> Result<Exit, CommandError> {
    act(connection, &args.select, &args.carry, carry(&args.carry, args.keep.options())).await
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
    connection: &Connection<'_>,
    select: &Select,
    carry: &Carry,
    options: Options,
) -> Result<Exit, CommandError> {
    act_notifying(connection, select, carry, options, false).await
}

/// Runs an action; `notifies` says whether the config's receivers are notified of the result.
async fn act_notifying(
    connection: &Connection<'_>,
    select: &Select,
    carry: &Carry,
    options: Options,
    notifies: bool,
) -> Result<Exit, CommandError> {
    let notifier = Notifier::open(connection.session, &connection.settings, notifies)?;
    let mut filter = select::build_filter(connection, select).await?;
    if filter.is_everything() && !carry.all {
        return Err(CommandError::usage(
            format!("no instances are selected to be {}", past(options.verb)),
            "name instances, or use --prefix, --fleet, --run, --tag, --state, --ad, --shape or --file; --all selects the whole \
                 compartment",
        ));
    }
    // A named instance always gets a result.
    filter.named_though_gone = true;
    let mut found = select::find_instances(connection, &filter).await?;
    let working = at_work::find_launches(connection, &filter, &found.machines).await?;
    if !working.is_empty() && !carry.stop_run {
        return Err(at_work::refuse_while_at_work(&working, options.verb));
    }
    let mut stopped = Vec::new();
    // If nobody can confirm the action, the runs continue undisturbed.
    if !working.is_empty() && (carry.yes || console::can_ask()) {
        stopped = at_work::stop_launches(connection, &working, options.verb).await?;
        found = select::find_instances(connection, &filter).await?;
    }
    let slip = select::report_choice(connection, &filter, &found).await?;
    // The action covers exactly the instances shown now, even if others appear later.
    let selection = Selection::freeze(found.machines).and_missing(found.missing);
    let ends_runs = carry.stop_run && options.verb == Verb::Terminate;
    if ends_runs {
        at_work::take_unfinished(connection, &filter, selection.machines(), &mut stopped).await?;
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
            confirm::confirm_end(connection, carry).await?;
            at_work::end_for_good(connection, &stopped).await?;
        }
        return nothing(connection.session, options.verb, carry.allow_empty || ends);
    }
    let pools = confirm::confirm_action(connection, carry, &options, selection.machines()).await?;
    // Another process may have resumed a run while the question was open.
    let mut working = at_work::find_launches(connection, &filter, selection.machines()).await?;
    working.retain(|one| !stopped.iter().any(|ours| ours.run() == one.run));
    if !working.is_empty() {
        return Err(at_work::refuse_while_at_work(&working, options.verb));
    }
    if ends_runs {
        at_work::end_for_good(connection, &stopped).await?;
    }
    connection.session.say_when_stopped(STOPPING);
    // Later readers of the run must see that it is simulated.
    let options = Options { simulated: simulated::label().map(str::to_owned), ..options };
    let environment = connection.environment(connection.session.ledger()?);
    let run = environment.new_run_id();
    let machines = selection.machines().iter().map(|machine| machine.label().to_owned());
    let missing = selection.missing().iter().map(|named| named.text().to_owned());
    let names: Vec<String> = machines.chain(missing).collect();
    let (sink, reporter) = ActionReporter::start(connection.session, run, "instance", &names)?;
    let sink = notifier.watching(Watch::of_action(run, &connection.settings), sink);
    let stop = connection.session.stop.clone();
    let result = fleet::action::run(&environment, run, &selection, &options, sink, stop).await;
    reporter.finish();
    // Other processes may resume the stopped runs only now.
    drop(stopped);
    let mut summary = result?;
    if options.verb == Verb::Terminate {
        find_costs(connection, &*environment.store, &selection, &mut summary).await;
    }
    let mut exit = conclude_action(connection.session, &summary)?;
    if let Some(pools) = pools.filter(|_| exit == Exit::Done) {
        exit = pools.delete_emptied(connection, &environment, selection.machines()).await?;
    }
    tell_left(connection, &environment, selection.machines(), &options).await;
    costs::show_costs(summary.still_costs.as_deref(), &connection.settings.prices);
    notifier.finish().await;
    Ok(exit)
}

/// Says which parts of an engine a termination leaves behind.
async fn tell_left(
    connection: &Connection<'_>,
    environment: &Environment,
    machines: &[Machine],
    options: &Options,
) {
    if options.verb != Verb::Terminate || connection.session.is_quiet() {
        return;
    }
    let of_pool = |machine: &Machine| machine.tags.get(ENGINE_TAG).is_some_and(is_of_pool);
    if !options.wait && machines.iter().any(of_pool) {
        console::line(
            "note: an instance pool that has no member left stays; `scale 0` or `cleanup` deletes it",
        );
    }
    network::tell_left_clusters(connection, environment, machines).await;
}

/// Finds what continues to cost money after a termination, unless the user does not wait.
async fn find_costs(
    connection: &Connection<'_>,
    store: &dyn Store,
    selection: &Selection,
    summary: &mut ActionSummary,
) {
    let session = connection.session;
    let Some(run) = summary.run_id else { return };
    if session.stop.is_cancelled() || summary.outcome == Some(Outcome::NotAuthenticated) {
        return;
    }
    let client = &connection.questions;
    let (compartment, prices) = (&connection.compartment, &connection.settings.prices);
    let machines = selection.machines();
    let found = fleet::costs::after_termination(client, store, run, compartment, machines, prices).await;
    summary.still_costs = costs::complete_costs(session, found);
}

/// A program gets its document even if there was nothing to do; a person was told. A selector that matches nothing is usually a
/// mistake.
fn nothing(session: &Session, verb: Verb, allowed: bool) -> Result<Exit, CommandError> {
    let outcome = if allowed { Outcome::Complete } else { Outcome::Nothing };
    if matches!(session.output, OutputFormat::Json | OutputFormat::Jsonl) {
        show_action(session, &ActionSummary::of_nothing(verb, outcome))?;
    }
    Ok(found_nothing(allowed))
}

/// The exit code of a command that should change instances but found none.
pub(super) fn found_nothing(allowed: bool) -> Exit {
    if allowed {
        return Exit::Done;
    }
    console::line("nothing was done; use --allow-empty if this is not a failure");
    Exit::NoneLaunched
}

/// Shows the result of an action run and returns its exit code.
pub fn conclude_action(session: &Session, summary: &ActionSummary) -> Result<Exit, CommandError> {
    show_action(session, summary)?;
    Ok(Exit::of_actions(summary))
}

/// Shows the result of an action run: data on stdout, advice on stderr.
pub fn show_action(session: &Session, summary: &ActionSummary) -> Result<(), CommandError> {
    match session.output {
        OutputFormat::Json => console::data(&action::action_json(summary))?,
        OutputFormat::Jsonl => console::data(&action::action_json_line(summary))?,
        _ => console::data(&action::action_table(summary))?,
    }
    advise(summary);
    Ok(())
}

/// Says what failed and what to do about it.
pub fn advise(summary: &ActionSummary) {
    let advice = action::action_advice(summary);
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
