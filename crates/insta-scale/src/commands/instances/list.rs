//! `instances list`: name, OCID, state, place, shape, addresses, age and price, with totals.

use super::select;
use crate::args::{ListInstances, OutputFormat, Sort};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::{list as show, stream};
use fleet::addresses;
use fleet::price::Prices;
use fleet::select::{Machine, SortBy, hour_now, sort};
use std::cmp::Reverse;

/// Lists them.
pub async fn list_instances(connection: &Connection<'_>, args: &ListInstances) -> Result<Exit, CommandError> {
    let mut found = select::choose_instances(connection, &args.select).await?;
    let machines = &mut found.machines;
    if !args.no_ips && !machines.is_empty() {
        let warning = connection.ask(addresses::fill(&connection.client, machines)).await?;
        if let Some(warning) = warning {
            console::line(&format!("warning: {}", crate::output::text::clean(&warning)));
        }
    }
    let prices = &connection.settings.prices;
    arrange(machines, args.sort, prices);
    if args.reverse {
        machines.reverse();
    }
    let table = show::Table {
        machines: &found.machines,
        prices,
        now: connection.session.now(),
        addresses: !args.no_ips,
        wide: args.wide,
        asking: false,
    };
    match connection.session.output {
        OutputFormat::Table => console::data(&table.text(console::width()))?,
        OutputFormat::Wide => console::data(&show::Table { wide: true, ..table }.text(None))?,
        OutputFormat::Json => stream::stream_data(|out| table.write_json(&found.missing, out))?,
        OutputFormat::Jsonl => stream::stream_data(|out| table.write_json_lines(out))?,
        OutputFormat::Csv => stream::stream_data(|out| table.write_csv(out))?,
    }
    Ok(select::exit_of(&found))
}

/// By name where the column says the same.
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
        // The youngest first: the smallest age.
        Sort::Age => machines.sort_by_key(|machine| Reverse(machine.created)),
        // What has no known price comes last.
        Sort::Price => machines.sort_by(|a, b| {
            let hour = |machine: &Machine| hour_now(machine, prices).unwrap_or(f64::INFINITY);
            hour(a).total_cmp(&hour(b))
        }),
        _ => {}
    }
}
