//! `cleanup`: shows what runs of this tool left behind and what it costs, and deletes it after confirmation.

use super::consent;
use super::instances::{STOPPING, conclude_action};
use crate::args::{CleanupArgs, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::again::with_flags;
use crate::output::console;
use crate::output::instances::action::{ActionDocument, ActionError};
use crate::output::instances::cleanup::{self as show, CleanupDocument, Leftover, NotDeleted};
use crate::output::instances::list::short_domain;
use crate::output::instances::reporter::ActionReporter;
use crate::output::listing::{Listing, per_hour};
use crate::output::proposal::{Money, Proposal, Typed};
use crate::output::published::summary_of;
use crate::output::summary::describe;
use crate::output::text::{clean, count, thousands, wrap};
use crate::run_choice::find_run_anywhere;
use crate::session::Session;
use fleet::Sink;
use fleet::cleanup::{self, CleanupSummary, Deleted, Leftovers, Scope};
use fleet::price::Prices;
use fleet::select::hour_now;
use ledger::Outcome;

/// Shows what is left over and deletes it.
pub async fn clean_up(session: &Session, args: &CleanupArgs) -> Result<Exit, CommandError> {
    let connection = &Connection::open_in(session, args.compartment.as_deref()).await?;
    let store = connection.session.ledger()?;
    let run = match &args.run {
        None => None,
        Some(text) => Some(choose_run(connection, text).await?),
    };
    let scope = Scope {
        compartment: connection.compartment.clone(),
        run,
        expired_only: args.expired,
        kept_volumes: args.kept_volumes,
        made_reservations: args.unused_reservations,
        networks: args.networks,
        now: session.now(),
    };
    let evidence = cleanup::gather(&*store).await?;
    let prices = &connection.settings.prices;
    let domains = volume_domains(connection, args.expired).await?;
    let left = connection.ask(cleanup::find(&connection.client, &evidence, &scope, &domains, prices)).await;
    let left = left.map_err(CommandError::of_compartment)?;
    for note in &left.notes {
        console::line(&format!(
            "note: {}",
            with_flags(&clean(note), "oci-insta-scale ", &session.flags_text())
        ));
    }
    if left.is_empty() && !args.dry_run && session.output != OutputFormat::Table {
        // The same document as of a cleanup that had something to delete.
        return report(session, &Deleted::default());
    }
    if left.is_empty() || args.dry_run {
        show(session, &left, prices)?;
        return Ok(Exit::Done);
    }
    confirm(connection, args, &left).await?;
    connection.session.say_when_stopped(STOPPING);
    let environment = connection.environment(store);
    let mut reporter = None;
    let watch = |run, names: &[String]| start_showing(session, run, names, &mut reporter);
    let deleted = cleanup::delete(&environment, &left, watch, connection.session.stop.clone()).await;
    finish_showing(&mut reporter);
    report(session, &deleted?)
}

async fn choose_run(connection: &Connection<'_>, text: &str) -> Result<ledger::RunId, CommandError> {
    find_run_anywhere(&connection.session.ledger()?.runs().await?, text)
}

/// Shows one run of the cleanup in place of the previous one.
fn start_showing(
    session: &Session,
    run: ledger::RunId,
    names: &[String],
    reporter: &mut Option<ActionReporter>,
) -> Sink {
    finish_showing(reporter);
    match ActionReporter::start(session, run, "leftover", names) {
        Ok((sink, started)) => {
            *reporter = Some(started);
            sink
        }
        Err(error) => {
            // The deletion was confirmed, whether or not its progress can be shown.
            console::line(&format!("warning: {error}"));
            fleet::no_sink()
        }
    }
}

fn finish_showing(reporter: &mut Option<ActionReporter>) {
    if let Some(reporter) = reporter.take() {
        reporter.finish();
    }
}

/// Shows a past cleanup: data on stdout, advice on stderr.
pub fn show_past_cleanup(session: &Session, summary: &CleanupSummary) -> Result<(), CommandError> {
    match session.output {
        OutputFormat::Json => console::data(&show::cleanup_json(summary))?,
        _ => console::data(&show::cleanup_table(summary))?,
    }
    let advice = show::cleanup_advice(summary);
    if !advice.is_empty() {
        console::line(advice.trim_end());
    }
    Ok(())
}

/// The availability domains, because volumes are listed per domain.
async fn volume_domains(
    connection: &Connection<'_>,
    expired_only: bool,
) -> Result<Vec<String>, CommandError> {
    if expired_only {
        return Ok(Vec::new());
    }
    let rows = connection.ask(connection.client.list_availability_domains(connection.root())).await?;
    Ok(rows.into_iter().filter_map(|row| row.name).collect())
}

fn listing(left: &Leftovers, prices: &Prices) -> Listing<Leftover> {
    let mut listing = Listing::new(&show::COLUMNS);
    let mut push = |kind: &str, name: &str, place: String, hour: Option<f64>, why: &str, ocid: &str| {
        let cells =
            vec![kind.to_owned(), name.to_owned(), place, per_hour(hour), why.to_owned(), ocid.to_owned()];
        let row = Leftover {
            kind: kind.to_owned(),
            name: name.to_owned(),
            ocid: ocid.to_owned(),
            price_per_hour: hour,
            why: why.to_owned(),
        };
        listing.push(cells, &row);
    };
    for left in &left.instances {
        let machine = &left.machine;
        let place = short_domain(&machine.availability_domain).to_owned();
        push("instance", machine.label(), place, hour_now(machine, prices), &left.why, &machine.ocid);
    }
    for volume in &left.volumes {
        let kind = if volume.boot { "boot volume" } else { "volume" };
        push(kind, &volume.name, format!("{} GB", volume.gb), volume.hour(prices), &volume.why, &volume.ocid);
    }
    for left in &left.reservations {
        let place = count(left.reserved, "instance");
        let why = match left.run.as_str() {
            "" => "created by `reservation create`, and unused".to_owned(),
            run => format!("created by run {run}, and unused"),
        };
        push("reservation", &left.name, place, left.hour, &why, &left.ocid);
    }
    for left in &left.parts {
        push(left.part.what(), &left.name, "-".to_owned(), Some(0.0), &left.why, &left.ocid);
    }
    for left in &left.networks {
        let place = count(left.parts.len() as u64, "part");
        push(left.what(), &left.fleet, place, Some(0.0), &left.why, left.ocid());
    }
    listing
}

fn show(session: &Session, left: &Leftovers, prices: &Prices) -> Result<(), CommandError> {
    let listing = listing(left, prices);
    let text = match session.output {
        OutputFormat::Table | OutputFormat::Wide if left.is_empty() => "nothing is left over\n".to_owned(),
        OutputFormat::Table | OutputFormat::Wide => {
            let width = console::width();
            format!("{}\n{}\n", show::found_table(&listing, width), wrap(&cost(left, prices), width))
        }
        format => listing.to_text(format),
    };
    console::data(&text)
}

fn cost(left: &Leftovers, prices: &Prices) -> String {
    let (hour, unknown) = left.hour(prices);
    let rest = if unknown == 0 { String::new() } else { format!(" plus {unknown} with an unknown price") };
    let leftovers = count(left.len() as u64, "leftover");
    // Which volumes an instance takes with it is known only when it is terminated.
    let bare = match left.instances.len() {
        0 => String::new(),
        bare => format!(", without the volumes of {}", count(bare as u64, "instance")),
    };
    format!("{leftovers}: {} {} per hour{rest}{bare}", thousands(hour, 4), prices.currency())
}

async fn confirm(
    connection: &Connection<'_>,
    args: &CleanupArgs,
    left: &Leftovers,
) -> Result<(), CommandError> {
    let (session, prices) = (connection.session, &connection.settings.prices);
    let asks = match consent::has_to_ask(args.yes) {
        Ok(asks) => asks,
        Err(refused) => {
            show(session, left, prices)?;
            return Err(refused);
        }
    };
    let width = console::width_for_people();
    if !session.is_quiet() || asks {
        console::line(&show::found_table(&listing(left, prices), width));
        console::line(&wrap(&cost(left, prices), width));
    }
    let (hour, unknown) = left.hour(prices);
    let proposal = Proposal {
        money: vec![(
            "price now",
            Money { hour: (unknown < left.len()).then_some(hour), unknown, bare: left.instances.len() },
        )],
        question: format!("Delete {}?", count(left.len() as u64, "leftover")),
        number: left.len() as u64,
        answer: Typed::Word("DELETE"),
        ..Proposal::default()
    };
    consent::agree(connection, &connection.compartment, args.yes, &proposal).await
}

fn report(session: &Session, deleted: &Deleted) -> Result<Exit, CommandError> {
    match session.output {
        OutputFormat::Json | OutputFormat::Jsonl => {
            let failed = deleted.failed.iter();
            let document = CleanupDocument {
                run_id: deleted.run_id,
                instances: deleted.instances.as_ref().map(ActionDocument::of),
                deleted: &deleted.deleted,
                failed: failed
                    .map(|(ocid, error)| NotDeleted { ocid, error: ActionError::of(error) })
                    .collect(),
                left: &deleted.left,
                warnings: &deleted.warnings,
            };
            // With `--output jsonl`, the records came before it.
            console::data(&summary_of(&document, session.output))?;
        }
        _ => {
            if let Some(summary) = &deleted.instances {
                conclude_action(session, summary)?;
            }
            let others = deleted.deleted.len() + deleted.failed.len() + deleted.left.len();
            if others > 0 {
                console::data(&format!(
                    "volumes, reservations, pools and parts of networks: {} of {others} deleted\n",
                    deleted.deleted.len()
                ))?;
            }
        }
    }
    for warning in &deleted.warnings {
        console::line(&format!("warning: {}", clean(warning)));
    }
    for (ocid, error) in &deleted.failed {
        console::line(&format!("failed: {}: {}", clean(ocid), describe(error)));
    }
    if !deleted.left.is_empty() {
        console::line(&format!("left: {}", deleted.left.join(", ")));
    }
    Ok(match deleted.outcome() {
        Outcome::Complete => Exit::Done,
        Outcome::Interrupted => Exit::Interrupted,
        Outcome::NotAuthenticated => Exit::NotAuthenticated,
        Outcome::Nothing => Exit::NoneLaunched,
        _ => Exit::SomeFailed,
    })
}
