//! `instances list`: name, OCID, state, placement, shape, addresses, age and price, with totals.

use super::select;
use crate::args::{ListInstances, OutputFormat, Sort};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::{list as show, stream};
use fleet::addresses;
use fleet::price::Prices;
use fleet::select::{Found, Machine, SortBy, hour_now, sort};
use std::cmp::Reverse;

/// Lists instances.
pub async fn list_instances(connection: &Connection<'_>, args: &ListInstances) -> Result<Exit, CommandError> {
    let output = connection.session.output;
    if args.watch && output == OutputFormat::Csv {
        return Err(CommandError::usage(
            "--watch repeats a table or JSON, and CSV has one header line",
            "use --output jsonl, or omit --watch",
        ));
    }
    // Built once, because standard input cannot be read again.
    let filter = select::build_filter(connection, &args.select).await?;
    let mut found = select::find_and_report(connection, &filter).await?;
    let screen = args.watch && output == OutputFormat::Table && console::is_terminal_out();
    let mut shown = 0;
    loop {
        complete(connection, args, &mut found).await?;
        let text = show_list(connection, args, &found)?;
        if screen {
            shown = console::redraw(&text, shown, false)?;
        } else {
            console::data(&text)?;
        }
        if !args.watch {
            return Ok(select::exit_of(&found));
        }
        tokio::select! {
            () = tokio::time::sleep(args.every) => {}
            () = connection.session.stop.cancelled() => return Ok(Exit::Interrupted),
        }
        found = select::find_instances(connection, &filter).await?;
    }
}

/// Adds addresses and sorts the rows.
async fn complete(
    connection: &Connection<'_>,
    args: &ListInstances,
    found: &mut Found,
) -> Result<(), CommandError> {
    let machines = &mut found.machines;
    if !args.no_ips && !machines.is_empty() {
        let warning = connection.ask(addresses::fill(&connection.client, machines)).await?;
        if let Some(warning) = warning {
            console::line(&format!("warning: {}", crate::output::text::clean(&warning)));
        }
    }
    arrange(machines, args.sort, &connection.settings.prices);
    if args.reverse {
        machines.reverse();
    }
    Ok(())
}

/// The text of a table. A listing that may be too large to hold twice in memory is written directly, and no text is returned.
fn show_list(
    connection: &Connection<'_>,
    args: &ListInstances,
    found: &Found,
) -> Result<String, CommandError> {
    let table = show::Table {
        machines: &found.machines,
        prices: &connection.settings.prices,
        now: connection.session.now(),
        addresses: !args.no_ips,
        wide: args.wide,
        asking: false,
    };
    match connection.session.output {
        OutputFormat::Table => return Ok(table.text(console::width())),
        OutputFormat::Wide => return Ok(show::Table { wide: true, ..table }.text(None)),
        OutputFormat::Json => stream::stream_data(|out| table.write_json(&found.missing, out))?,
        OutputFormat::Jsonl => stream::stream_data(|out| table.write_json_lines(out))?,
        OutputFormat::Csv => stream::stream_data(|out| table.write_csv(out))?,
    }
    Ok(String::new())
}

/// Sorts by the column, and then by name.
fn arrange(machines: &mut [Machine], column: Sort, prices: &Prices) {
    let by = match column {
        Sort::Name | Sort::Age | Sort::Price => SortBy::Name,
        Sort::Created => SortBy::Created,
        Sort::State => SortBy::State,
        Sort::Ad => SortBy::AvailabilityDomain,
        Sort::Shape => SortBy::Shape,
        Sort::Ip => SortBy::Address,
    };
    sort(machines, by);
    match column {
        // The youngest first, that is, by increasing age.
        Sort::Age => machines.sort_by_key(|machine| Reverse(machine.created)),
        // Instances without a known price come last.
        Sort::Price => machines.sort_by(|a, b| {
            let hour = |machine: &Machine| hour_now(machine, prices).unwrap_or(f64::INFINITY);
            hour(a).total_cmp(&hour(b))
        }),
        _ => {}
    }
}
