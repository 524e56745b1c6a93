//! `instances list`: name, OCID, state, place, shape, addresses, age and price, with totals.

use super::{Reach, select};
use crate::args::{ListInstances, OutputFormat, Sort};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::{list as show, stream};
use fleet::addresses;
use fleet::select::{SortBy, sort};
use oci_client::{Clock as _, SystemClock};

/// Runs it.
pub async fn run(reach: Reach<'_>, args: &ListInstances) -> Result<Exit, CommandError> {
    let mut machines = select::machines(&reach, &args.select).await?.machines;
    if !args.no_ips && !machines.is_empty() {
        let warning = reach.ask(addresses::fill(&reach.client, &mut machines)).await?;
        if let Some(warning) = warning {
            console::line(&format!("warning: {}", crate::output::text::clean(&warning)));
        }
    }
    sort(&mut machines, by(args.sort));
    let table = show::Table {
        machines: &machines,
        prices: &reach.settings.prices,
        now: SystemClock.now(),
        addresses: !args.no_ips,
        wide: args.wide,
    };
    match reach.global.output {
        OutputFormat::Table => console::data(&table.text(console::width()))?,
        OutputFormat::Wide => console::data(&show::Table { wide: true, ..table }.text(None))?,
        OutputFormat::Json => stream::data(|out| table.write_json(out))?,
        OutputFormat::Jsonl => stream::data(|out| table.write_json_lines(out))?,
        OutputFormat::Csv => stream::data(|out| table.write_csv(out))?,
    }
    Ok(Exit::Done)
}

fn by(sort: Sort) -> SortBy {
    match sort {
        Sort::Name => SortBy::Name,
        Sort::Created => SortBy::Created,
        Sort::State => SortBy::State,
        Sort::Ad => SortBy::AvailabilityDomain,
        Sort::Shape => SortBy::Shape,
    }
}
